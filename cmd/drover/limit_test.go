package main

import (
	"testing"
	"time"

	"drover/sim"
	"drover/sim/backend"
	"drover/sim/check"
	"drover/sim/measure"
	"drover/sim/scenario"
)

// A run that the harness limited is inconclusive and says why; one that its backend or its connections held up is not.
func TestWhoWasTheLimit(t *testing.T) {
	names := &measure.Names{Phases: []measure.PhaseName{{Name: "day", Measure: true}}, Cohorts: []string{"a/b"}, Tenants: []string{"t"}}
	result := func(lag, late, cpu time.Duration) *sim.Result {
		rec := measure.NewRecorder(names, measure.Options{})
		key := measure.Key{Op: measure.Upload}
		rec.Due(key, 0)
		rec.Record(&measure.Sample{Key: key, FirstSent: lag, Sent: lag, Done: lag + time.Millisecond, Attempts: 1})
		res := &sim.Result{Totals: measure.Merge(names, rec), Elapsed: time.Nanosecond, Usage: measure.Usage{User: cpu}}
		res.Late.Record(late)
		return res
	}
	own := []check.Check{{Name: "generator", Generator: new(check.Generator)}}
	for _, tt := range []struct {
		what           string
		res            *sim.Result
		closed, embed  bool
		checks         []check.Check
		limit, verdict bool
	}{
		{"in time", result(0, 0, 0), false, false, nil, false, false},
		{"every connection in use", result(time.Second, time.Millisecond, 0), false, false, nil, false, false},
		{"let go late", result(time.Second, time.Second, 0), false, false, nil, true, true},
		{"let go late, and the scenario has its own word", result(time.Second, time.Second, 0), false, false, own, true, false},
		{"closed and busy", result(0, 0, time.Hour), true, false, nil, true, true},
		{"closed and busy, whatever its check of the schedule says", result(0, 0, time.Hour), true, false, own, true, true},
		{"closed and busy, with the backend in this process", result(0, 0, time.Hour), true, true, nil, false, false},
		{"open and busy, but in time", result(0, 0, time.Hour), false, false, nil, false, false},
	} {
		sc := &scenario.Scenario{Checks: tt.checks, Load: scenario.Workload{Closed: tt.closed}}
		d := &drive{model: &sim.Model{Scenario: sc}, side: new(side)}
		if tt.embed {
			d.side.server = new(backend.Server)
		}
		g := d.generator(tt.res)
		if got := inconclusive(&g, sc); g.Limit != tt.limit || got != tt.verdict || tt.limit && g.Behind == "" {
			t.Errorf("%s: limit %t, inconclusive %t, %q; want %t, %t", tt.what, g.Limit, got, g.Behind, tt.limit, tt.verdict)
		}
	}
}
