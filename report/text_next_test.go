package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"drover/sim/check"
)

// TestNext: below the checks stands what to run about what failed, the most telling first, and nothing when all is well.
func TestNext(t *testing.T) {
	ledger := []File{{Name: "ledger/"}}
	lost := &Reconcile{Examples: []SettledExample{
		{Fate: "lost", Device: 5, Replay: "drover replay runs/x --device 5"}, {Fate: "lost", Device: 6, Replay: "drover replay runs/x --device 6"},
		{Fate: "unexpected", Device: -1}, {Fate: "altered", Device: 7, Replay: "drover replay runs/x --device 7"},
	}}
	verdicts := &Verdicts{Judged: 10, Agreement: Share{N: 9, Of: 10}, Disputes: []Dispute{{URL: "http://a.sim.test/x?y z", Truth: "malware", Backend: "benign"}}}
	for _, tt := range []struct {
		name string
		run  Run
		dir  string
		want []string
	}{
		{"all well", Run{Result: check.Pass, Files: ledger, Measurements: Measurements{AllPhases: Counts{Failed: 3}}}, "runs/x", nil},
		{"no report", Run{Result: check.Fail, Files: ledger}, "", nil},
		{"slow", Run{Result: check.Fail, Files: ledger}, "runs/a b", []string{"drover report 'runs/a b' --format csv"}},
		{"refused", Run{Result: check.Fail, Files: ledger, Measurements: Measurements{AllPhases: Counts{Refused: 3, Dropped: 1}}}, "runs/x",
			[]string{"drover ledger runs/x --outcome refused", "drover ledger runs/x --outcome dropped"}},
		{"refused, and no ledger", Run{Result: check.Fail, Measurements: Measurements{AllPhases: Counts{Refused: 3}}}, "runs/x", []string{"drover report runs/x --format csv"}},
		{"lost", Run{Result: check.Fail, Files: ledger, Measurements: Measurements{AllPhases: Counts{Failed: 3, Refused: 1}}, Reconcile: lost}, "runs/x",
			[]string{"drover replay runs/x --device 5", "drover replay runs/x --device 7", "drover ledger runs/x --outcome refused"}},
		{"verdicts", Run{Result: check.Fail, Verdicts: verdicts}, "runs/x", []string{"drover classify 'http://a.sim.test/x?y z'"}},
		{"behind", Run{Result: check.Inconclusive, Generator: Generator{Behind: "late", Limit: true}, Scenario: Scenario{File: "my.yaml"}}, "runs/x",
			[]string{"drover calibrate my.yaml"}},
	} {
		tt.run.Checks = []Check{{Name: "first", Result: tt.run.Result, Want: "agreement >= 99%"}}
		var b bytes.Buffer
		if err := Text(&b, &tt.run, TextOptions{Dir: tt.dir}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range strings.Split(b.String(), "\n") {
			if len(l) > labelWidth && strings.HasPrefix(l[labelWidth:], "drover ") {
				command, _, _ := strings.Cut(l[labelWidth:], "  ")
				got = append(got, command)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: next is %q, want %q", tt.name, got, tt.want)
		}
		if at := strings.Index(b.String(), "Next "); (at >= 0) != (tt.want != nil) || at >= 0 && at < strings.Index(b.String(), "first") {
			t.Errorf("%s: the commands do not stand below the checks:\n%s", tt.name, b.String())
		}
	}
}
