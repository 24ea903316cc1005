package sim

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/measure"
	"drover/sim/target"
)

// handled is a run whose clock somebody has a hand on, in a bubble, and when each body was sent, from the run's start.
type handled struct {
	*Result
	sent   map[string]time.Duration
	faulty map[string]bool
}

// handle drives a load at a backend that answers after what serve says, 1 ms for nil, while hand does something with the clock.
func handle(t *testing.T, m *Model, workers int, hand func(*Clock), serve func() (measure.Class, time.Duration)) handled {
	t.Helper()
	h := handled{sent: map[string]time.Duration{}, faulty: map[string]bool{}}
	begin := time.Now()
	f := &fake{}
	f.serve = func(_ int, req *target.Request) (measure.Class, time.Duration) {
		f.mu.Lock()
		defer f.mu.Unlock()
		body := string(req.Body)
		if _, again := h.sent[body]; !again {
			h.sent[body] = time.Since(begin)
		}
		h.faulty[body] = h.faulty[body] || req.Faults != nil
		if serve == nil {
			return measure.OK, time.Millisecond
		}
		return serve()
	}
	clock := new(Clock)
	done := make(chan struct{})
	if hand != nil {
		go func() {
			defer close(done)
			hand(clock)
		}()
	} else {
		close(done)
	}
	res, err := Run(t.Context(), Config{Model: m, Workers: workers, Target: f, Adapter: drover, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if err := clock.Pause(); err == nil {
		t.Error("the clock of a run that is over can be held")
	}
	h.Result = res
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// moved checks that two runs sent the same bytes, and the second each of them when move says, exactly and without send lag.
func moved(t *testing.T, what string, plain, other handled, move func(time.Duration) time.Duration) {
	t.Helper()
	if len(plain.sent) == 0 || !slices.Equal(slices.Sorted(maps.Keys(plain.sent)), slices.Sorted(maps.Keys(other.sent))) {
		t.Fatalf("%s: other bytes: %d uploads, %d without a hand on the clock", what, len(other.sent), len(plain.sent))
	}
	wrong := 0
	for body, at := range plain.sent {
		// A float64 divides the times where the tempo changed.
		if got, want := other.sent[body], move(at); (got - want).Abs() > time.Microsecond {
			if wrong++; wrong <= 3 {
				t.Errorf("%s: what was due at %v was sent at %v, want %v", what, at, got, want)
			}
		}
	}
	s := other.Totals.Select(measure.Selector{})
	if lag := s.SendLag.Max(); lag != 0 {
		t.Errorf("%s: send lag of %v", what, lag)
	}
	if got := s.Response.Max(); got != time.Millisecond {
		t.Errorf("%s: response times up to %v, want 1 ms", what, got)
	}
	if late := other.Late.Max(); late != 0 {
		t.Errorf("%s: let go %v late", what, late)
	}
}

// A pause moves all that is due after it, by its own length and by no more: no burst, no lag, the same bytes. So do two of them, in every
// kind of phase and with any number of workers.
func TestPause(t *testing.T) {
	for name, load := range loads {
		synctest.Test(t, func(t *testing.T) {
			m := model(t, parse(t, load))
			plain := handle(t, m, 1, nil, nil)
			paused := handle(t, m, 3, func(c *Clock) {
				time.Sleep(1500 * time.Millisecond)
				must(t, c.Pause())
				time.Sleep(7 * time.Second)
				must(t, c.Resume())
				time.Sleep(time.Second) // at 2.5 s of the schedule
				must(t, c.Pause())
				must(t, c.Pause()) // it is
				time.Sleep(time.Hour)
				must(t, c.Resume())
			}, nil)
			moved(t, name, plain, paused, func(at time.Duration) time.Duration {
				if at > 1500*time.Millisecond {
					at += 7 * time.Second
				}
				if at > 9500*time.Millisecond {
					at += time.Hour
				}
				return at
			})
			if got, want := paused.Stretches, []Stretch{{1500 * time.Millisecond, 7 * time.Second, 0}, {9500 * time.Millisecond, time.Hour, 0}}; !slices.Equal(got, want) {
				t.Errorf("%s: the run says %v, want %v", name, got, want)
			}
			if got, want := paused.Elapsed-plain.Elapsed, time.Hour+7*time.Second; got != want {
				t.Errorf("%s: the run took %v longer, want %v", name, got, want)
			}
			for i, ph := range plain.Phases {
				got := paused.Phases[i]
				if paused.At(got.From) != ph.From || paused.At(got.To) != ph.To || got.To-got.From < ph.To-ph.From {
					t.Errorf("%s: phase %d was %v, and %v without a hand on the clock", name, i, got, ph)
				}
				if took := paused.Running(ph.From, ph.To); took != ph.To-ph.From {
					t.Errorf("%s: phase %d ran for %v, want %v", name, i, took, ph.To-ph.From)
				}
			}
		})
	}
}

// Where the devices' own time drives a run it can go faster and slower: the phase sends the same in less time or in more, and what follows
// has its own tempo again.
func TestTempo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(t, parse(t, speedLoad)) // enrol until 2 s, the day until 38 s
		plain := handle(t, m, 3, nil, nil)
		faster := handle(t, m, 3, func(c *Clock) {
			time.Sleep(10 * time.Second)
			must(t, c.Faster())
			time.Sleep(4 * time.Second) // 18 s of the schedule
			must(t, c.Pause())
			must(t, c.Slower())
			must(t, c.Slower()) // half of what the scenario has
			time.Sleep(6 * time.Second)
			must(t, c.Resume())
			if tempo, held := c.State(); tempo != 0.5 || held {
				t.Errorf("the clock goes at %v, held %v, want 0.5", tempo, held)
			}
			time.Sleep(20 * time.Second) // 28 s
			must(t, c.Faster())
			must(t, c.Faster()) // 10 s in 5 s
		}, nil)
		moved(t, "tempo", plain, faster, func(at time.Duration) time.Duration {
			switch {
			case at <= 10*time.Second:
				return at
			case at <= 18*time.Second:
				return 10*time.Second + (at-10*time.Second)/2
			case at <= 28*time.Second:
				return 20*time.Second + (at-18*time.Second)*2
			case at <= 38*time.Second:
				return 40*time.Second + (at-28*time.Second)/2
			}
			return at + 7*time.Second
		})
		want := []Stretch{{10 * time.Second, 4 * time.Second, 2}, {14 * time.Second, 6 * time.Second, 0}, {20 * time.Second, 20 * time.Second, 0.5}, {40 * time.Second, 5 * time.Second, 2}}
		if !slices.Equal(faster.Stretches, want) {
			t.Errorf("the run says %v, want %v", faster.Stretches, want)
		}
		if got, want := faster.Phases[1], (PhaseSpan{2 * time.Second, 45 * time.Second}); got != want {
			t.Errorf("the day was %v, want %v", got, want)
		}
	})
}

// What would make another run of it is refused, with the reason.
func TestClockRefuses(t *testing.T) {
	const three = `
    phases:
      - {name: enroll, do: enroll, for: 2s, measure: false}
      - {name: steady, for: 2s, rate: 100/s}
      - {name: day, for: 2s}
      - {name: drain, do: drain, for: 2s, measure: false}
`
	refused := func(t *testing.T, err error, reason string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v, want a refusal with %q", err, reason)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		refused(t, new(Clock).Pause(), "not begun")
		h := handle(t, model(t, parse(t, three)), 1, func(c *Clock) {
			time.Sleep(time.Second)
			refused(t, c.Faster(), "phase enroll is to take 2s")
			time.Sleep(2 * time.Second)
			refused(t, c.Slower(), "phase steady promises a rate")
			time.Sleep(2 * time.Second)
			for range 4 {
				must(t, c.Slower())
			}
			refused(t, c.Slower(), "0.0625 times")
			for range 8 {
				must(t, c.Faster())
			}
			refused(t, c.Faster(), "16 times")
			time.Sleep(500 * time.Millisecond) // the day is over at once
			refused(t, c.Faster(), "phase drain is to take 2s")
			if tempo, _ := c.State(); tempo != 1 {
				t.Errorf("after its phase the tempo is still %v", tempo)
			}
		}, nil)
		if len(h.Stretches) != 1 || h.Stretches[0].Tempo != 16 { // no time passed at the others
			t.Errorf("the run says %v", h.Stretches)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		handle(t, model(t, parse(t, closedLoad, ", speed: 600", "")), 1, func(c *Clock) {
			time.Sleep(time.Second)
			refused(t, c.Faster(), "closed model")
		}, slow)
	})
}

const closedLoad = `
    model: closed
    concurrency: 4
    phases:
      - {name: warmup, for: 2s, measure: false}
      - {name: day, for: 8s}
`

func slow() (measure.Class, time.Duration) { return measure.OK, 10 * time.Millisecond }

// In the closed model nobody takes a next upload while the clock is held, and the phase is as much longer.
func TestPauseClosed(t *testing.T) {
	for _, workers := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			m := model(t, parse(t, closedLoad, ", speed: 600", ""))
			plain := handle(t, m, workers, nil, slow)
			paused := handle(t, m, workers, func(c *Clock) {
				time.Sleep(4995 * time.Millisecond) // amid an answer
				must(t, c.Pause())
				time.Sleep(time.Minute)
				must(t, c.Resume())
			}, slow)
			for body, at := range paused.sent {
				if at > 4995*time.Millisecond && at < 4995*time.Millisecond+time.Minute {
					t.Fatalf("%s was sent at %v, while the clock was held", body, at)
				}
			}
			if got := paused.Elapsed - plain.Elapsed; (got - time.Minute).Abs() > 10*time.Millisecond {
				t.Errorf("the run took %v longer, want a minute", got)
			}
			a, b := counts(plain.Result).Accepted, counts(paused.Result).Accepted
			if a == 0 || a-b > 8 || b-a > 8 { // each sender may have one more or less
				t.Errorf("%d uploads, %d without a hand on the clock", b, a)
			}
			s := paused.Totals.Select(measure.Selector{})
			if got := s.Response.Max(); got != 10*time.Millisecond {
				t.Errorf("response times up to %v, want 10 ms", got)
			}
		})
	}
}

// What is under way goes on while the clock is held, attempts after the first, too, and is timed in the wall's time.
func TestPauseHoldsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(t, parse(t, rateLoad("even", "10/s", "2s"), "RETRY", "{maxAttempts: 3, base: 1s, cap: 1s}"))
		n := 0
		h := handle(t, m, 1, func(c *Clock) {
			time.Sleep(50 * time.Millisecond) // the first is due at 100 ms
			must(t, c.Pause())
			time.Sleep(time.Minute)
			must(t, c.Resume())
			time.Sleep(60 * time.Millisecond)
			must(t, c.Pause())
			time.Sleep(time.Minute)
			must(t, c.Resume())
		}, func() (measure.Class, time.Duration) {
			if n++; n == 1 {
				return measure.Status5xx, 3 * time.Second
			}
			return measure.OK, time.Millisecond
		})
		s := h.Totals.Select(measure.Selector{})
		if s.Accepted != 20 || s.Retries != 1 {
			t.Errorf("%d accepted, %d retries, want 20 and 1", s.Accepted, s.Retries)
		}
		if got := s.Response.Max(); got < 3*time.Second || got > 4002*time.Millisecond {
			t.Errorf("the longest response time is %v, want 3 s and a delay of up to 1 s", got)
		}
	})
}

// The timeline goes with the schedule: a pause within a fault prolongs it, and strikes the same uploads; a check's windows are the same.
func TestPauseMovesTheTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(t, parse(t, speedLoad+`
  timeline:
    - {name: bad-network, at: day + 10s, for: 10s, select: {percent: 50}, fault: {latency: 10ms, reset: 10%}}
  checks:
    - {name: outside, metric: failed, where: {phase: day, outside: [bad-network]}, expect: count == 0}
`))
		plain := handle(t, m, 3, nil, nil)
		paused := handle(t, m, 3, func(c *Clock) {
			time.Sleep(17 * time.Second)
			must(t, c.Pause())
			time.Sleep(time.Minute)
			must(t, c.Resume())
		}, nil)
		if !maps.Equal(plain.faulty, paused.faulty) {
			t.Error("other uploads were struck")
		}
		out := measure.Selector{Phase: "day", Outside: []string{"bad-network"}}
		a, b := plain.Totals.Select(out), paused.Totals.Select(out)
		if a.Due == 0 || a.Due != b.Due || a.Due == plain.Totals.Select(measure.Selector{Phase: "day"}).Due {
			t.Errorf("outside of the fault %d uploads were due, %d without a hand on the clock", b.Due, a.Due)
		}
		if got, want := paused.Totals.Names().Overlap(&out, 2*time.Second, 38*time.Second, paused.Running), 26*time.Second; got != want {
			t.Errorf("outside of the fault the day ran for %v, want %v", got, want)
		}
		if from, to := paused.Due(12*time.Second), paused.Due(22*time.Second); from != 12*time.Second || to != 82*time.Second {
			t.Errorf("the fault was from %v to %v, want 12 s to 82 s", from, to)
		}
	})
}

// A run that is interrupted while its clock is held ends all the same, in either model.
func TestInterruptWhilePaused(t *testing.T) {
	for name, load := range map[string]string{"open": speedLoad, "closed": closedLoad} {
		var speed []string
		if name == "closed" {
			speed = []string{", speed: 600", ""}
		}
		synctest.Test(t, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			clock := new(Clock)
			go func() {
				time.Sleep(3 * time.Second)
				must(t, clock.Pause())
				time.Sleep(time.Minute)
				interrupt()
			}()
			res, err := Run(ctx, Config{Model: model(t, parse(t, load, speed...)), Target: new(fake), Adapter: drover, Clock: clock})
			if err != nil || !res.Interrupted || res.Elapsed < time.Minute || res.Elapsed > 66*time.Second {
				t.Errorf("%s: %v, interrupted %v after %v", name, err, res.Interrupted, res.Elapsed)
			}
			if want := (Stretch{3 * time.Second, res.Elapsed - 3*time.Second, 0}); len(res.Stretches) != 1 || res.Stretches[0] != want {
				t.Errorf("%s: the run says %v, want %v", name, res.Stretches, want)
			}
		})
	}
}
