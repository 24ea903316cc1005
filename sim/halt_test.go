package sim

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/target"
)

// The estimate allows more than the devices really have: the schedule says so, and the run ends with its error. A
// week of heartbeats leaves in one upload, so a century has 5,200 uploads a device.
func TestOutlived(t *testing.T) {
	for name, load := range map[string]string{
		"open":   "{phases: [{name: work, for: 10s, rate: 5000/s}]}",
		"closed": "{model: closed, concurrency: 4, phases: [{name: work, for: 1h}]}",
	} {
		synctest.Test(t, func(t *testing.T) {
			src := tiny("2", `{events: {heartbeat: {every: 24h}}}`, "batch: {maxEvents: 1000, maxAge: 7d}", load)
			if name == "closed" {
				src = strings.Replace(src, ", speed: 100000", "", 1)
			}
			res, err := Run(t.Context(), Config{Model: model(t, parseText(t, src)), Workers: 2, Target: new(fake), Adapter: drover})
			const want = `phase "work" asks for more uploads than devices make in 100 years; lower the rate, or give the fleet more devices or events`
			if res != nil || err == nil || err.Error() != want {
				t.Errorf("%s: Run = %v, %v; want %s", name, res, err, want)
			}
		})
	}
}

// At whatever moment a run is interrupted, it ends within the grace, every upload that fell due has one fate, and every event
// that was made is accounted for.
func TestInterruptAnywhere(t *testing.T) {
	loads := map[string]string{"open": speedLoad, "closed": `
    model: closed
    concurrency: 8
    phases:
      - {name: enroll, do: enroll, for: 2s, measure: false}
      - {name: day, for: 36s}
      - {name: drain, do: drain, for: 4s, measure: false}
`}
	for name, load := range loads {
		with := []string{"RETRY", "{maxAttempts: 6, base: 1s, cap: 5s}"}
		if name == "closed" {
			with = append(with, ", speed: 600", "")
		}
		m := model(t, parse(t, load, with...))
		for _, at := range []time.Duration{0, time.Nanosecond, time.Second, 2 * time.Second, 20 * time.Second, 38 * time.Second, 39 * time.Second, time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if at == 0 {
					cancel()
				}
				time.AfterFunc(at, cancel)
				f := &fake{serve: func(n int, _ *target.Request) (measure.Class, time.Duration) {
					return []measure.Class{measure.OK, measure.Status5xx, measure.Reset, measure.OK}[n%4], time.Duration(n%7) * 700 * time.Millisecond
				}}
				begin := time.Now()
				res := drive(t, ctx, m, f, 2)
				took := time.Since(begin)
				if took > at+graceOnInterrupt || res.Interrupted != (took >= at) {
					t.Errorf("%s, interrupted at %v: took %v, Interrupted = %v", name, at, took, res.Interrupted)
				}
				if err := counts(res).Check(); err != nil {
					t.Errorf("%s, interrupted at %v: %v", name, at, err)
				}
				for k, c := range res.Kinds {
					if c.Pending < 0 || c.Made != c.Lost+c.Pending+c.Sent+c.Dropped || c.Sent != c.Accepted+c.Refused+c.Failed {
						t.Errorf("%s, interrupted at %v: %v: %+v", name, at, event.Kind(k), c)
					}
				}
				if c := res.Kinds[event.Enrolment]; c.Made != 200 {
					t.Errorf("%s, interrupted at %v: %+v enrolments, want 200", name, at, c)
				}
			})
		}
	}
}

// The last Progress has the sums of the whole run, and each says which phase is under way. A Snapshot never goes back, has nothing
// sent before it was made, and at the end is what Run returns.
func TestProgress(t *testing.T) {
	loads := map[string]string{"open": rateLoad("even", "100/s", "3s"), "closed": `
    model: closed
    concurrency: 8
    phases:
      - {name: enroll, do: enroll, for: 10s}
      - {name: work, for: 3s}
`}
	for name, load := range loads {
		synctest.Test(t, func(t *testing.T) {
			var with []string
			if name == "closed" {
				with = []string{", speed: 600", ""}
			}
			f := &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) { return measure.OK, 20 * time.Millisecond }}
			var last Progress
			var phases []int
			var soFar, snap *Result
			res, err := Run(t.Context(), Config{Model: model(t, parse(t, load, with...)), Workers: 2, Target: f, Adapter: drover, Progress: func(p *Progress) {
				last = *p
				phases = append(phases, p.Phase)
				soFar, snap = snap, p.Snapshot()
				for k, n := range snap.Kinds {
					if n.Pending < 0 || n.Accepted > n.Sent || soFar != nil && n.Sent < soFar.Kinds[k].Sent {
						t.Errorf("%s: after %v: %+v of kind %d", name, p.Elapsed, n, k)
					}
				}
				if soFar != nil && counts(snap).Sent < counts(soFar).Sent || counts(snap).Due < p.Sum.Due {
					t.Errorf("%s: after %v: %+v in the snapshot, %d due before it", name, p.Elapsed, counts(snap), p.Sum.Due)
				}
				if from, to := snap.Phases[p.Phase].From, snap.Phases[p.Phase].To; from > p.Elapsed || to > p.Elapsed || p.Left > 0 && to < p.Elapsed {
					t.Errorf("%s: after %v: the phase under way is from %v to %v", name, p.Elapsed, from, to)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if counts(snap) != counts(res) || snap.Kinds != res.Kinds || snap.Devices != res.Devices || !slices.Equal(snap.Phases, res.Phases) {
				t.Errorf("%s: the last snapshot has %+v, %+v, %v; the result %+v, %+v, %v", name, counts(snap), snap.Kinds, snap.Phases, counts(res), res.Kinds, res.Phases)
			}
			if want := counts(res); last.Sum != want || last.Open != 0 || last.Rate != 0 {
				t.Errorf("%s: the last progress is %+v, want %+v", name, last, want)
			}
			// 200 devices enrol in 0.5 s, whatever time they were given.
			if want := map[string]int{"open": 0, "closed": 1}[name]; phases[0] != want || len(phases) < 4 {
				t.Errorf("%s: the phases were %v, want phase %d after a second", name, phases, want)
			}
		})
	}
}

// A phase lasts as long as it is scheduled to, although its last upload is long before its end; a drain only as long as it
// takes. A shard without devices lasts as long as the others.
func TestQuietEnd(t *testing.T) {
	for _, parts := range [][]int{nil, {0, 1, 2, 3}, {3}} {
		synctest.Test(t, func(t *testing.T) {
			src := tiny("3", `{events: {heartbeat: {every: 365d}}}`, "", "{phases: [{name: year, for: 365s}, {name: drain, do: drain, for: 100s}]}")
			res, err := Run(t.Context(), Config{Model: model(t, parseText(t, src)), Partitions: parts, Workers: 4, Target: new(fake), Adapter: drover})
			if err != nil {
				t.Fatal(err)
			}
			if got := res.Phases[0]; got.To-got.From != 365*time.Second {
				t.Errorf("partitions %v: the phase was %v, want 365s", parts, got)
			}
			if res.Elapsed > 366*time.Second {
				t.Errorf("partitions %v: the run took %v, want no longer than its work", parts, res.Elapsed)
			}
			if res.Interrupted {
				t.Errorf("partitions %v: the run says it was interrupted", parts)
			}
		})
	}
}

// The closed model has all its concurrency at work, however few partitions have devices that report.
func TestClosedModelOfFewDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := tiny("1", `{events: {heartbeat: {every: 1s}}}`, "", "{model: closed, concurrency: 8, phases: [{name: work, for: 2s}, {name: drain, do: drain, for: 1s}]}")
		m := model(t, parseText(t, strings.Replace(src, ", speed: 100000", "", 1)))
		f := &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) { return measure.OK, 100 * time.Millisecond }}
		res := drive(t, t.Context(), m, f, 4)
		if n := counts(res).Accepted; f.most != 8 || n < 160 || n > 168 {
			t.Errorf("%d uploads, %d at once; want 160, 8 at once", n, f.most)
		}
	})
}

// The phases of the closed model end in time, and what they have no time for stays on the devices.
func TestClosedModelKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(t, parse(t, `
    model: closed
    concurrency: 4
    phases:
      - {name: enroll, do: enroll, for: 5s, measure: false}
      - {name: work, for: 5s}
`, ", speed: 600", ""))
		f := &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) { return measure.OK, time.Second }}
		res := drive(t, t.Context(), m, f, 2)
		if c := res.Kinds[event.Enrolment]; c.Accepted != 20 || c.Pending != 180 {
			t.Errorf("enrolments are %+v, want 20 accepted and 180 pending", c)
		}
		if span := res.Phases[1]; span.From != 5*time.Second || span.To != 10*time.Second {
			t.Errorf("the driving phase was %v, want 5s to 10s", span)
		}
	})
}

// Events behind an attempt without a clear answer may have been stored, whatever a later attempt was told.
func TestUnsure(t *testing.T) {
	for _, test := range []struct {
		name            string
		first           measure.Class
		refused, failed int64 // uploads
		unsure          bool
	}{
		{"refused twice", measure.Status429, 10, 0, false},
		{"reset, then refused", measure.Reset, 10, 0, true},
		{"an answer that says nothing", measure.BadAnswer, 0, 10, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			seen := map[string]bool{}
			f := &fake{serve: func(_ int, req *target.Request) (measure.Class, time.Duration) {
				if !seen[string(req.Key)] {
					seen[string(req.Key)] = true
					return test.first, 0
				}
				return measure.Status429, 0
			}}
			res := drive(t, t.Context(), model(t, parse(t, rateLoad("even", "10/s", "1s"), "RETRY", "{maxAttempts: 2, base: 1ms}")), f, 1)
			if c := counts(res); c.Refused != test.refused || c.Failed != test.failed {
				t.Errorf("%s: counts are %+v", test.name, c)
			}
			for k, c := range res.Kinds {
				if c.Failed > 0 && c.Refused > 0 || c.Sent > 0 && test.unsure != (c.Failed > 0) {
					t.Errorf("%s: %v: %+v", test.name, event.Kind(k), c)
				}
			}
		})
	}
}
