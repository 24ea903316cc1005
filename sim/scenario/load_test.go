package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoad: by name, by path, and neither.
func TestLoad(t *testing.T) {
	sc, err := Load("smoke", Options{})
	if err != nil || sc.File != "smoke" {
		t.Fatalf("Load(smoke) = %v, %v, want the shipped one", sc, err)
	}
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, []byte(minimal), 0o666); err != nil {
		t.Fatal(err)
	}
	if sc, err := Load(path, Options{}); err != nil || sc.Name != "minimal" || sc.File != path {
		t.Errorf("Load(%s) = %v, %v, want the file", path, sc, err)
	}
	if _, err := Load("smoky", Options{}); err == nil || !strings.Contains(err.Error(), `did you mean "smoke"?`) {
		t.Errorf("Load(smoky) = %v, want a suggestion", err)
	}
	if _, err := Load(path+".not", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a missing file = %v, want fs.ErrNotExist", err)
	}
}

// TestLimits: sizes that no file in testdata has.
func TestLimits(t *testing.T) {
	repeat := func(n int, format string) string {
		var s strings.Builder
		for i := range n {
			fmt.Fprintf(&s, format, i)
		}
		return s.String()
	}
	for _, c := range []struct{ old, new, want string }{
		{"[{name: day, for: 10s}]", "[" + repeat(201, "{name: p%d, for: 1s}, ") + "]", "201 are more than 200"},
		{"{b: {", "{" + repeat(1000, "x%d: {}, ") + "b: {", "1001 are more than 1000"},
		{"[{name: c,", "[" + repeat(1000, "{name: x%d, weight: 0, profile: shared-ipad, behavior: b}, ") + "{name: c,", "more than 1000 cohorts in all"},
		{"{b: {", "{x0: {extends: b}, x1: {extends: x0}, x2: {extends: x1}, x3: {extends: x2}, x4: {extends: x3}, x5: {extends: x4}, " +
			"x6: {extends: x5}, x7: {extends: x6}, b: {", "x7: more than 8 behaviours extend each other"},
		{"  load:", "  variants: {" + repeat(51, "v%d: {}, ") + "}\n  load:", "51 are more than 50"},
		{"  target: {url: embedded", "  params: {a: {type: string, default: " + strings.Repeat("a", 1000) + "}}\n" +
			"  target: {url: \"" + strings.Repeat("${a}", 1100) + "\"", "params make the file longer than 1 MiB here"},
	} {
		src := strings.Replace(minimal, c.old, c.new, 1)
		if _, err := Parse("test.yaml", []byte(src), Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse with %.60q = %.200v, want %q", c.new, err, c.want)
		}
	}
}

// TestOrderOfReport: a report that is cut after a hundred mistakes is the same each time.
func TestOrderOfReport(t *testing.T) {
	var behaviors strings.Builder
	for i := range 300 {
		fmt.Fprintf(&behaviors, "x%d: {}, ", i)
	}
	src := []byte(strings.Replace(minimal, "{b: {", "{"+behaviors.String()+"b: {", 1))
	_, first := Parse("test.yaml", src, Options{})
	for range 5 {
		if _, err := Parse("test.yaml", src, Options{}); first == nil || err.Error() != first.Error() {
			t.Fatalf("Parse = %.300v, want %.300v as before", err, first)
		}
	}
}
