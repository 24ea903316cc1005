package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"drover/report"
	"drover/sim/check"
)

// TestCompareCheck: a scenario's check compares as drover compare does.
func TestCompareCheck(t *testing.T) {
	src, err := os.ReadFile(quick(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	src = append(src, "    - {name: as-before, compare: {base: earlier/main, within: 20%, gate: [accepted, not accepted]}}\n"...)
	if err := os.MkdirAll("mine/earlier", 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("mine/compared.yaml", src)
	judged := func(out string) report.Check {
		t.Helper()
		ran(t, "run", "mine/compared.yaml", "--out", out, "--set", "day=400ms", "-q")
		checks := readRun(t, out).Checks
		return checks[len(checks)-1]
	}
	// The first run has nothing before it; the second has the first, and is too short for anything to be said.
	if c := judged("mine/earlier/main"); c.Result != check.NotChecked || c.Evidence != "there is no run at earlier/main" {
		t.Errorf("without a base: %+v", c)
	}
	if c := judged("again"); c.Result != check.Inconclusive || !strings.Contains(c.Got, "too few samples") || c.Want == "" {
		t.Errorf("with a base: %+v", c)
	}

	// A run that did other work is not held against it.
	run := readRun(t, "again")
	side := report.Side{Name: "main", Runs: []*report.Run{run}}
	c := &check.Compare{Base: "b", Within: 0.2, Gate: []string{"not accepted"}, AnyMachine: true}
	bad := *run
	bad.Load.Shard = "2/2"
	o := comparer(map[string]report.Side{"b": side}, func() *report.Run { return &bad })(c)
	if o.Result != check.NotChecked || !strings.Contains(o.Evidence, "drove shard 2/2") {
		t.Errorf("a run of another shard: %+v", o)
	}

	// A base that cannot be read is a mistake, told before anything is sent.
	write("mine/earlier/main/run.json", []byte("{"))
	if code, _, stderr := drover(t, testEnv(), "run", "mine/compared.yaml", "--out", "none"); code != exitUsage || !strings.Contains(stderr, `check "as-before": base earlier/main: `) {
		t.Errorf("a base that is none: %d, %q", code, stderr)
	}
	wrong := bytes.Replace(src, []byte("not accepted]"), []byte("acepted]"), 1)
	write("mine/wrong.yaml", wrong)
	if code, _, stderr := drover(t, testEnv(), "validate", "mine/wrong.yaml"); code != exitUsage || !strings.Contains(stderr, `"acepted" is not compared; did you mean "accepted"?`) {
		t.Errorf("a gate that is none: %d, %q", code, stderr)
	}
}
