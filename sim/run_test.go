package sim

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/target"
)

// A run through all kinds of phase: what devices made is what the backend got.
func TestEveryEventArrives(t *testing.T) {
	for _, workers := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			m := model(t, parse(t, speedLoad))
			f := new(fake)
			res := drive(t, t.Context(), m, f, workers)
			all := counts(res)
			if all.Accepted == 0 || all.Accepted != all.Due || int64(f.n) != all.Attempts {
				t.Errorf("%d due, %d accepted, %d attempts, backend saw %d", all.Due, all.Accepted, all.Attempts, f.n)
			}
			if got := res.Kinds[event.Enrolment].Accepted; got != 200 {
				t.Errorf("%d devices enrolled, want 200", got)
			}
			for k, c := range res.Kinds {
				if c.Made != c.Accepted+c.Lost || c.Pending != 0 {
					t.Errorf("%v: %+v: not all of it arrived", event.Kind(k), c)
				}
			}
			if res.Kinds[event.Heartbeat].Made < 900 { // 200 devices, 6 hours, less what is before the first
				t.Errorf("%d heartbeats", res.Kinds[event.Heartbeat].Made)
			}
		})
	}
}

// The bytes of a run do not depend on how many workers drive it.
func TestWorkersDoNotChangeTheBytes(t *testing.T) {
	for name, load := range loads {
		var want []string
		for _, workers := range []int{1, 3, 64} {
			synctest.Test(t, func(t *testing.T) {
				f := new(fake)
				drive(t, t.Context(), model(t, parse(t, load)), f, workers)
				slices.Sort(f.bodies)
				if want == nil {
					want = f.bodies
				}
				if len(want) == 0 || !slices.Equal(f.bodies, want) {
					t.Errorf("%s: %d workers sent other bytes than one: %d uploads, %d", name, workers, len(f.bodies), len(want))
				}
			})
		}
	}
}

// due = sent + dropped and sent = accepted + refused + failed, whatever the backend does.
func TestConservation(t *testing.T) {
	tests := []struct {
		name    string
		with    []string
		serve   func(n int, req *target.Request) (measure.Class, time.Duration)
		outcome func(c measure.Counts) bool
	}{
		{"refuses every third", nil, func(n int, _ *target.Request) (measure.Class, time.Duration) {
			return []measure.Class{measure.OK, measure.OK, measure.Status400}[n%3], time.Millisecond
		}, func(c measure.Counts) bool { return c.Refused == c.Due/3 && c.Failed == 0 }},
		{"resets every fourth", nil, func(n int, _ *target.Request) (measure.Class, time.Duration) {
			return []measure.Class{measure.OK, measure.Reset}[n%4/3], time.Millisecond
		}, func(c measure.Counts) bool { return c.Failed == c.Due/4 && c.Refused == 0 }},
		{"resets every fourth, with retries", []string{"RETRY", "{maxAttempts: 6, base: 10ms, cap: 1s}"},
			func(n int, _ *target.Request) (measure.Class, time.Duration) {
				return []measure.Class{measure.OK, measure.Reset}[n%4/3], time.Millisecond
			}, func(c measure.Counts) bool { return c.Accepted > c.Due*99/100 && c.Retries > c.Due/5 }},
		{"stalls for good", nil, func(n int, _ *target.Request) (measure.Class, time.Duration) {
			return measure.OK, 1000 * time.Hour
		}, func(c measure.Counts) bool { return c.Failed == 64 && c.Dropped == c.Due-64 }},
		{"stalls and has a short queue", []string{"20000", "100"}, func(n int, _ *target.Request) (measure.Class, time.Duration) {
			return measure.OK, time.Second
		}, func(c measure.Counts) bool {
			return c.Dropped > 0 && c.ByClass[measure.Overflow] == c.Dropped && c.Accepted == c.Due-c.Dropped
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{serve: test.serve}
				res := drive(t, t.Context(), model(t, parse(t, rateLoad("even", "300/s", "4s"), test.with...)), f, 2)
				c := counts(res)
				if err := c.Check(); err != nil {
					t.Error(err)
				}
				if c.Due != 1200 || !test.outcome(c) {
					t.Errorf("counts are %+v", c)
				}
				if f.most > 64 {
					t.Errorf("%d uploads under way at once, want 64 at most", f.most)
				}
				var events int64
				for _, k := range res.Kinds {
					events += k.Accepted
					if k.Sent != k.Accepted+k.Refused+k.Failed {
						t.Errorf("events: %+v", k)
					}
				}
				if events != c.Events {
					t.Errorf("%d events accepted by kind, %d by upload", events, c.Events)
				}
			})
		})
	}
}

// A backend that asks for time gets it: Retry-After is the least that a retry waits.
func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		first := map[string]time.Duration{}
		m := model(t, parse(t, rateLoad("even", "10/s", "1s"), "RETRY", "{maxAttempts: 3, base: 1ms, cap: 10ms, honorRetryAfter: true}"))
		f := &fake{retryAfter: 2 * time.Second}
		f.serve = func(n int, req *target.Request) (measure.Class, time.Duration) {
			key := string(req.Key)
			if at, ok := first[key]; !ok {
				first[key] = time.Since(begin)
				return measure.Status429, 0
			} else if got := time.Since(begin) - at; got < 2*time.Second || got > 2*time.Second+100*time.Millisecond {
				t.Errorf("retried after %v, want 2s", got)
			}
			return measure.OK, time.Millisecond
		}
		if c := counts(drive(t, t.Context(), m, f, 1)); c.Accepted != 10 || c.Retries != 10 {
			t.Errorf("counts are %+v", c)
		}
	})
}

// What a backend refuses for good is not tried again, whatever the class is usually good for.
func TestFinalIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(t, parse(t, rateLoad("even", "10/s", "1s"), "RETRY", "{maxAttempts: 3, base: 1ms, cap: 10ms}"))
		f := &fake{final: true, serve: func(int, *target.Request) (measure.Class, time.Duration) { return measure.Status5xx, time.Millisecond }}
		if c := counts(drive(t, t.Context(), m, f, 1)); c.Refused != 10 || c.Attempts != 10 {
			t.Errorf("counts are %+v, want 10 attempts, all of them refused", c)
		}
	})
}

// An interrupt ends the run at once but for what is under way, and everything still has one fate.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		begin := time.Now()
		f := &fake{serve: func(n int, _ *target.Request) (measure.Class, time.Duration) {
			if n >= 200 {
				return measure.OK, time.Hour // stuck: ended by the grace
			}
			return measure.OK, time.Millisecond
		}}
		res := drive(t, ctx, model(t, parse(t, rateLoad("even", "100/s", "60s"))), f, 2)
		if got, want := time.Since(begin), 3*time.Second+graceOnInterrupt; got != want {
			t.Errorf("ended after %v, want %v", got, want)
		}
		c := counts(res)
		if err := c.Check(); err != nil || !res.Interrupted {
			t.Errorf("interrupted %v, counts: %v", res.Interrupted, err)
		}
		if c.Due < 299 || c.Due > 300 || c.Accepted != 200 || c.ByClass[measure.Cancelled] != 64 || c.ByClass[measure.NotStarted] != c.Due-264 {
			t.Errorf("counts are %+v", c)
		}
	})
}

// In the closed model each of n senders waits for its answer: 10 ms each, so 800 uploads a second by 8 senders.
func TestClosedModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(t, parse(t, `
    model: closed
    concurrency: 8
    phases:
      - {name: enroll, do: enroll, for: 10s, measure: false}
      - {name: work, for: 5s}
      - {name: drain, do: drain, for: 2s, measure: false}
`, ", speed: 600", ""))
		f := &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) { return measure.OK, 10 * time.Millisecond }}
		res := drive(t, t.Context(), m, f, 2)
		if got := res.Totals.Select(measure.Selector{Phase: "work"}).Accepted; got < 3990 || got > 4010 {
			t.Errorf("%d uploads in 5 s, want 4000", got)
		}
		if got := res.Totals.Select(measure.Selector{Phase: "enroll"}).Accepted; got != 200 {
			t.Errorf("%d devices enrolled, want 200", got)
		}
		if f.most != 8 {
			t.Errorf("%d uploads at once, want 8", f.most)
		}
		if span := res.Phases[1]; span.To-span.From < 5*time.Second || span.To-span.From > 5*time.Second+20*time.Millisecond {
			t.Errorf("the phase took %v, want 5s", span.To-span.From)
		}
	})
}

func counts(res *Result) (all measure.Counts) {
	for _, ph := range res.Totals.Names().Phases {
		s := res.Totals.Select(measure.Selector{Phase: ph.Name})
		all.Add(&s.Counts)
	}
	return all
}
