package sim

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/measure"
	"drover/sim/target"
)

// Every timer waits as long as it is told unless it is rung, and hears a ring whenever it comes.
func TestAlarms(t *testing.T) {
	for _, timer := range []Timer{GoTimer(), BestTimer()} {
		a, err := timer.New()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []time.Duration{-time.Second, 0, 1, 50 * time.Microsecond, 3 * time.Millisecond} {
			begin := time.Now()
			for time.Since(begin) < d {
				a.Wait(d - time.Since(begin))
			}
			a.Wait(d)
		}
		a.Ring()
		a.Wait(time.Hour) // the bell was rung before
		var rings sync.WaitGroup
		for range 1000 {
			rings.Go(a.Ring)
			a.Wait(time.Hour) // or while it waits
		}
		rings.Wait()
		if err := a.Close(); err != nil {
			t.Errorf("%s: %v", timer.Name, err)
		}
		a.Ring() // after the end: nothing happens
	}
}

// On a grid uploads start at its instants only, each at the first one after it falls due.
func TestGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const width = 7 * time.Millisecond
		begin := time.Now()
		var mu sync.Mutex
		var sent []time.Duration
		f := &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) {
			mu.Lock()
			sent = append(sent, time.Since(begin))
			mu.Unlock()
			return measure.OK, time.Microsecond
		}}
		var rates []float64
		m := model(t, parse(t, rateLoad("even", "1000/s", "2s"), "BATCH", "{maxEvents: 1}"))
		res, err := Run(t.Context(), Config{Model: m, Workers: 2, Target: f, Adapter: drover, Timer: Timer{
			Name: "bubble", New: GoTimer().New, Grid: func(perSec float64) time.Duration {
				mu.Lock()
				rates = append(rates, perSec)
				mu.Unlock()
				return width
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for n, at := range sent[300:] { // each worker measures its first rate over 128 uploads
			if due := time.Duration(n+301) * time.Millisecond; at%width != 0 || at < due || at >= due+width {
				t.Fatalf("upload %d, due at %v, was sent at %v; want the next multiple of %v", n+301, due, at, width)
			}
		}
		for _, r := range rates {
			if r < 900 || r > 1100 {
				t.Errorf("the grid was chosen for %.0f/s, want the whole run's 1000/s", r)
			}
		}
		if want := (Pacing{Timer: "bubble", Grid: width}); res.Pacing != want || len(sent) != 2000 {
			t.Errorf("Pacing = %+v, %d sent; want %+v, 2000", res.Pacing, len(sent), want)
		}
		all := res.Totals.Select(measure.Selector{})
		if max := all.SendLag.Max(); max < width-time.Millisecond || max >= width {
			t.Errorf("send lag up to %v on a grid of %v: the grid must show in it", max, width)
		}
	})
}

// A run by the machine's best timer, in real time: every upload is sent or accounted for, also when it is interrupted.
func TestRunByTheBestTimer(t *testing.T) {
	m := model(t, parse(t, rateLoad("poisson", "4000/s", "300ms")))
	res, err := Run(t.Context(), Config{Model: m, Workers: 2, Target: discard{}, Adapter: drover, Timer: BestTimer()})
	if err != nil {
		t.Fatal(err)
	}
	s := res.Totals.Select(measure.Selector{})
	if s.Due < 900 || s.Accepted != s.Due || res.Pacing.Timer != BestTimer().Name {
		t.Errorf("%d due, %d accepted, %v", s.Due, s.Accepted, res.Pacing)
	}
}

// Waiting costs no allocation: it happens thousands of times a second.
func TestWaitAllocatesNothing(t *testing.T) {
	for _, timer := range []Timer{GoTimer(), BestTimer()} {
		a, err := timer.New()
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { a.Wait(time.Microsecond) }); n > 0 {
			t.Errorf("%s: %v allocations for a wait, want 0", timer.Name, n)
		}
		a.Close()
	}
}
