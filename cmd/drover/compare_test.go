package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/report"
)

// TestCompare: two runs of the same work, one against the other, and what is refused.
func TestCompare(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	want(t, exitPass, "run", file, "--set", "day=200ms", "--out", "both/a", "-q")
	want(t, exitPass, "run", file, "--set", "day=200ms", "--out", "both/b", "-q")
	want(t, exitPass, "run", file, "--set", "day=300ms", "--out", "other", "-q")

	// A fifth of a second says nothing, and says so.
	if out := want(t, exitInconclusive, "compare", "both/a", "both/b"); !strings.Contains(out, "? nothing can be said: too few samples") {
		t.Errorf("compare prints %q", out)
	}
	want(t, exitInconclusive, "compare", "both/a", "both/b/run.json", "both", "--format", "json", "-o", "c.json")
	src, err := os.ReadFile("c.json")
	var doc struct {
		Heads []struct{ Runs []string }
	}
	if err == nil {
		err = json.Unmarshal(src, &doc)
	}
	if err != nil || len(doc.Heads) != 2 || len(doc.Heads[0].Runs) != 1 || len(doc.Heads[1].Runs) != 2 {
		t.Errorf("c.json: %v, %s", err, src)
	}

	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"both/a"}, "want a base and at least one head"},
		{[]string{"both/a", "other"}, "another scenario"},
		{[]string{"both/a", "nowhere"}, "nowhere"},
		{[]string{"both/a", "empty"}, "neither a run.json nor directories"},
		{[]string{"both/a,both/a", "both/b"}, "are the same run"},
		{[]string{"both/a", "both/b", "--within", "5"}, "e.g. 5%"},
		{[]string{"both/a", "both/b", "--within", "-1%"}, "e.g. 5%"},
		{[]string{"both/a", "both/b", "--gate", "p99"}, "response p99"},
	} {
		code, stdout, stderr := drover(t, testEnv(), append([]string{"compare"}, tt.args...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("compare %q: %d, %q, %q; want %d and %q", tt.args, code, stdout, stderr, exitUsage, tt.want)
		}
	}
}

// TestCompareRegression: repeats of which one side is slower end with the code of a failed check.
func TestCompareRegression(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(side, name string, p99 int64) {
		run := &report.Run{ID: side + name, Scenario: report.Scenario{Name: "x", Work: "w"}}
		run.Latency.Response.Quantiles = report.Quantiles{Count: 100_000, P50NS: 1000, P90NS: 2000, P99NS: p99, P999NS: 2 * p99}
		run.Totals = report.Counts{Due: 100_000, Sent: 100_000, Accepted: 100_000}
		if _, err := report.WriteDir(filepath.Join(side, name), run, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"1", "2", "3", "4"} {
		write("main", name, 10_000+int64(i))
		write("branch", name, 11_000+int64(i))
	}
	out := want(t, exitFail, "compare", "main", "branch")
	if !strings.Contains(out, "✗ regression beyond the 5% that are allowed: response p99 is worse by at least 10.0%") {
		t.Errorf("compare prints %q", out)
	}
	want(t, exitPass, "compare", "main", "branch", "--within", "20%")
	want(t, exitPass, "compare", "main", "branch", "--gate", "response p50,not accepted")
	want(t, exitPass, "compare", "branch", "main")
}
