package report

import (
	"fmt"
	"slices"
	"strings"

	"drover/sim/check"
)

// mostNext is how many commands the summary proposes at most.
const mostNext = 3

// next says what to run next about what failed or could not be decided, and what each command shows.
func (t *text) next() {
	r := t.r
	if r.Result != check.Fail && r.Result != check.Inconclusive || t.dir == "" {
		return
	}
	dir := ShellWord(t.dir)
	type step struct{ command, shows string }
	var steps []step
	add := func(shows, format string, args ...any) {
		steps = append(steps, step{fmt.Sprintf(format, args...), shows})
	}
	if r.Reconcile != nil {
		seen := map[string]bool{}
		for _, e := range r.Reconcile.Examples {
			if e.Replay != "" && !seen[e.Fate] && len(seen) < 2 {
				seen[e.Fate] = true
				add(fmt.Sprintf("%s, of device %d", e.Fate, e.Device), "%s", e.Replay)
			}
		}
	}
	if r.hasLedger() {
		for _, o := range [...]struct {
			name string
			n    int64
		}{{"refused", r.AllPhases.Refused}, {"failed", r.AllPhases.Failed}, {"dropped", r.AllPhases.Dropped}} {
			if o.n > 0 {
				add(plural(o.n, "upload", "uploads")+" "+o.name, "drover ledger %s --outcome %s", dir, o.name)
			}
		}
	}
	if v := r.Verdicts; v != nil && len(v.Disputes) > 0 && slices.ContainsFunc(r.Checks, ofVerdicts) {
		d := &v.Disputes[0]
		add(fmt.Sprintf("the backend says %s, truth %s", d.Backend, d.Truth), "drover classify %s", ShellWord(d.URL))
	}
	if r.Generator.Limit {
		add("what this machine can send", "drover calibrate %s", ShellWord(r.Scenario.File))
	}
	if len(steps) == 0 {
		add("second by second", "drover report %s --format csv", dir)
	}
	for i, s := range steps[:min(mostNext, len(steps))] {
		l := t.label("Next")
		if i > 0 {
			l = t.label("")
		}
		l.add(bold, s.command)
		if t.width >= 60 { // a narrow terminal has no room to spare
			l.add(faint, "  "+s.shows)
		}
		t.add(l)
	}
	t.add(nil)
}

// ofVerdicts reports whether a check is one of verdicts that failed.
func ofVerdicts(c Check) bool {
	return c.Result == check.Fail && slices.ContainsFunc([]string{"agreement ", "missed ", "false alarms ", "precision "}, func(word string) bool {
		return strings.Contains(c.Want, word)
	})
}

// hasLedger reports whether the run's uploads can be looked up.
func (r *Run) hasLedger() bool {
	for _, f := range r.Files {
		if strings.HasPrefix(f.Name, "ledger") {
			return true
		}
	}
	return false
}

// ShellWord quotes s for a POSIX shell when it must be.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@%", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
