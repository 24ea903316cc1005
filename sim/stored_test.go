package sim

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/check"
)

// What was read back is held to the contract, canaries included: an honest backend's passes, and one event that has the name of a benign
// site in it is found and breaks the check.
func TestStoredAudit(t *testing.T) {
	for name, how := range adapters {
		synctest.Test(t, func(t *testing.T) {
			c, s := shelved(t, how, "  fleets:\n", "  privacy: {canaries: {benignHosts: 20}}\n  checks: [{name: stored, privacy: {of: stored}}]\n  fleets:\n")
			got, _ := s.settle(t, c, time.Now())
			judge := func(got *check.Settlement) check.Outcome {
				return check.Evaluate(c.Model.Scenario.Checks, check.Facts{Settlement: got})[0]
			}
			o := judge(got)
			if name == "ids alone" || name == "alone" || name == "hashes" {
				if o.Result != check.NotChecked || got.Stored != nil {
					t.Errorf("%s: %+v, want it not checked", name, o)
				}
				return
			}
			if o.Result != check.Pass || got.Stored.Uploads != got.Shown || got.Stored.Canaries == nil || got.Stored.Canaries.Visited == 0 {
				t.Errorf("%s: %+v, %+v", name, o, got.Stored)
			}
			canary := c.Model.Behavior.Canaries.List()[0]
			i := slices.IndexFunc(s.docs, func(d string) bool { return strings.Contains(d, `"kind":"heartbeat"`) })
			s.docs[i] = strings.Replace(s.docs[i], `"kind":"heartbeat"`, `"kind":"heartbeat","note":"`+string(canary.Append(nil))+`"`, 1)
			got, _ = s.settle(t, c, time.Now())
			if o := judge(got); o.Result != check.Fail || got.Stored.Offending != 1 || got.Stored.Canaries.Found != 1 {
				t.Errorf("%s: %+v, %+v, want a canary found", name, o, got.Stored)
			}
		})
	}
}

// Who withdrew is who allowed it at some time and does not at the end.
func TestWithdrawn(t *testing.T) {
	none := "{true: 0, false: 100}"
	all := "{true: 100, false: 0}"
	const day = "day"
	for timeline, want := range map[string]int{
		"": 0,
		"{name: a, at: day, change: {heartbeat.every: 2h}}":                                                                                         0,
		"{name: a, at: day + 1s, change: {optionalDiagnostics: " + none + "}}":                                                                      100,
		"{name: a, at: day + 1s, for: 2s, change: {optionalDiagnostics: " + none + "}}":                                                             0,
		"{name: a, at: day + 1s, change: {optionalDiagnostics: " + none + "}}, {name: b, at: day + 2s, change: {optionalDiagnostics: " + all + "}}": 0,
		"{name: a, at: day + 1s, for: 2s, change: {optionalDiagnostics: " + all + "}}":                                                              100,
		"{name: a, at: day + 1s, select: {percent: 0.0001}, change: {optionalDiagnostics: " + none + "}}":                                           0,
	} {
		load := "\n    phases: [{name: " + day + ", for: 10s}]\n  timeline: [" + timeline + "]\n"
		with := []string{"devices: 200", "devices: 200\n      settings: {optionalDiagnostics: {true: 50, false: 50}}"}
		m := model(t, parse(t, load, with...))
		got := m.Withdrawn()
		if len(got) < want-35 || len(got) > want+35 || want == 0 && len(got) > 0 || !slices.IsSorted(got) {
			t.Errorf("%q: %d devices withdrew, want about %d", timeline, len(got), want)
		}
	}
}
