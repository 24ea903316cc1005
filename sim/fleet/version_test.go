package fleet

import (
	"strings"
	"testing"
)

// The builds that Microsoft's what's-new page names all obey the rule.
func TestParseApp(t *testing.T) {
	last := AppBuild(0)
	for _, v := range []string{
		"1.1.15010101", "1.1.15140101", "1.1.17240101", "1.1.20020101", "1.1.20240103", "1.1.23010101", "1.1.23250104", "1.1.24210103",
		"1.1.28250101", "1.1.64030101", "1.1.67040101", "1.1.68140102", "1.1.68200103", "1.1.69250104", "1.1.70230101", "1.1.70290103",
	} {
		n, err := ParseApp(v)
		if err != nil || n <= last {
			t.Errorf("ParseApp(%s) = %v, %v after %v", v, n, err, last)
		}
		last = n
		want := 15
		if v > "1.1.64030101" {
			want = 16
		}
		if got := n.Needs(); got != want {
			t.Errorf("%s needs iOS %d, want %d", v, got, want)
		}
	}
	for v, mend := range map[string]string{
		"":              "want 1.1.MMDDBBPP",
		"1.1.7029010":   "want 1.1.MMDDBBPP",
		"1.1.702901033": "want 1.1.MMDDBBPP",
		"1.2.70290103":  "want 1.1.MMDDBBPP",
		"1.1.7029010a":  "want 1.1.MMDDBBPP",
		"1.1.00290103":  "month is 00",
		"1.1.70320103":  "October 2025 has no such day",
		"1.1.70000103":  "October 2025 has no such day",
		"1.1.71310101":  "November 2025 has no such day",
		"1.1.74290101":  "February 2026 has no such day",
		"1.1.70290003":  "count from 01",
		"1.1.70290100":  "count from 01",
	} {
		if n, err := ParseApp(v); err == nil || !strings.Contains(err.Error(), mend) {
			t.Errorf("ParseApp(%q) = %v, %v, want %q", v, n, err, mend)
		}
	}
	if _, err := ParseApp("1.1.50290101"); err != nil { // 2024 is a leap year
		t.Error(err)
	}
}

func TestNewer(t *testing.T) {
	order := []string{"15.8", "15.8.8", "16.0", "16.0.1", "18.7.8", "26.0", "26.4.2", "26.5", "26.5.1", "26.10", "27.0.1"}
	for i, a := range order {
		for j, b := range order {
			if got := (&Release{Version: a}).Newer(&Release{Version: b}); got != (i > j) {
				t.Errorf("%s newer than %s: %v", a, b, got)
			}
		}
	}
	if (&Release{Version: "26.5"}).Newer(&Release{Version: "26.5.0"}) {
		t.Error("26.5 is newer than 26.5.0")
	}
}
