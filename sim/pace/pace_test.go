package pace

import (
	"fmt"
	"math"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

var shapes = []Shape{
	Constant{PerSec: 1000},
	Constant{PerSec: 0.5},
	Constant{PerSec: 3000.125},
	Constant{PerSec: 90_001}, // vegeta.ConstantPacer would drift
	Ramp{From: 100, To: 3000, Over: 20 * time.Second},
	Ramp{From: 0, To: 100, Over: 10 * time.Second},  // starts from nothing
	Ramp{From: 500, To: 10, Over: 10 * time.Second}, // downwards
	Ramp{From: 1, To: 200, Over: 5 * time.Second},   // and flat after
	Ramp{From: 500, To: 0, Over: 10 * time.Second},  // down to nothing, and nothing after
	Ramp{From: 500, To: 0, Over: 20 * time.Second},  // nothing exactly at the end
	Sine{Mean: 200, Amplitude: 150, Period: 10 * time.Second},
	Sine{Mean: 200, Amplitude: 200, Period: 10 * time.Second}, // nothing in the trough
	Sine{Mean: 1.0015, Amplitude: 0.0004, Period: time.Second},
	foreign{Constant{PerSec: 100}},
	Steps{At: []Step{{0, 100}, {5 * time.Second, 500}, {10 * time.Second, 0}, {15 * time.Second, 50}}},
}

// foreign is a shape with a pacer that is not ours.
type foreign struct{ Constant }

func (f foreign) Pacer() vegeta.Pacer {
	return vegeta.ConstantPacer{Freq: int(f.PerSec), Per: time.Second}
}

func collect(s *Starts) (all []time.Duration) {
	for {
		at, n, ok := s.Next()
		if !ok {
			return all
		}
		if n != uint64(len(all)) {
			panic(fmt.Sprintf("arrival %d has number %d", len(all), n))
		}
		if n > 5_000_000 {
			panic("the starts do not end")
		}
		all = append(all, at)
	}
}

// The k-th even start is where the shape expects k arrivals, to one hit: nothing is bunched or left out.
func TestEvenStartsFollowTheShape(t *testing.T) {
	const until = 20 * time.Second
	for _, shape := range shapes {
		all := collect(NewStarts(shape, Even, 1, until))
		if want := shape.Expected(until); math.Abs(float64(len(all))-want) > 1 {
			t.Errorf("%#v: %d starts in %v, want %.1f", shape, len(all), until, want)
		}
		for k, at := range all {
			if want := shape.Expected(at); math.Abs(want-float64(k+1)) > 1 {
				t.Errorf("%#v: start %d at %v, where %.2f are expected", shape, k+1, at, want)
				break
			}
		}
	}
}

// A constant rate gives exactly rate times duration starts, exactly evenly.
func TestConstantIsExact(t *testing.T) {
	all := collect(NewStarts(Constant{PerSec: 1000}, Even, 0, 10*time.Second))
	if len(all) != 10_000 {
		t.Fatalf("%d starts, want 10000", len(all))
	}
	for k, at := range all {
		if want := time.Duration(k+1) * time.Millisecond; at != want {
			t.Fatalf("start %d at %v, want %v", k, at, want)
		}
	}
}

// Counts of a Poisson process have mean and variance equal; gaps are exponential: their squared mean is twice the square of the mean.
func TestPoissonStarts(t *testing.T) {
	const until = 20 * time.Second
	for _, shape := range shapes {
		want := shape.Expected(until)
		runs := math.Trunc(min(200, max(4, 1e6/want))) // enough for the bound, not for the patience
		var sum float64
		for seed := range uint64(runs) {
			all := collect(NewStarts(shape, Poisson, seed, until))
			for i, at := range all {
				if at < 0 || at > until || i > 0 && at < all[i-1] {
					t.Fatalf("%#v: start %d at %v is out of order or out of the phase", shape, i, at)
				}
			}
			sum += float64(len(all))
		}
		if sd := 5 * math.Sqrt(want/runs); math.Abs(sum/runs-want) > sd {
			t.Errorf("%#v: %.1f starts on average, want %.1f within %.1f", shape, sum/runs, want, sd)
		}
	}
	all := collect(NewStarts(Constant{PerSec: 1000}, Poisson, 7, 100*time.Second))
	var m, m2 float64
	for i := 1; i < len(all); i++ {
		gap := (all[i] - all[i-1]).Seconds()
		m += gap
		m2 += gap * gap
	}
	n := float64(len(all) - 1)
	if ratio := m2 / n / (m / n * m / n); math.Abs(ratio-2) > 0.1 {
		t.Errorf("mean squared gap is %.3f of the squared mean gap, want 2", ratio)
	}
}

// While the rate is 0 nothing arrives, and a rate so low that the even schedule has hardly a hit has its share all the same.
func TestPoissonOfLowRates(t *testing.T) {
	shape := Steps{At: []Step{{0, 0.1}, {4 * time.Second, 0}, {9 * time.Second, 0.3}, {12 * time.Second, 0}}}
	const runs = 20_000
	var before, after float64
	for seed := range uint64(runs) {
		for _, at := range collect(NewStarts(shape, Poisson, seed, 20*time.Second)) {
			switch {
			case at <= 4*time.Second:
				before++
			case at >= 9*time.Second && at <= 12*time.Second:
				after++
			default:
				t.Fatalf("seed %d: an arrival at %v, while the rate is 0", seed, at)
			}
		}
	}
	for _, c := range []struct{ got, mean float64 }{{before, 0.4}, {after, 0.9}} {
		if want := c.mean * runs; math.Abs(c.got-want) > 5*math.Sqrt(want) {
			t.Errorf("%v arrivals, want %v within %.0f", c.got, want, 5*math.Sqrt(want))
		}
	}
}

func TestPoissonDependsOnSeedOnly(t *testing.T) {
	a := collect(NewStarts(shapes[3], Poisson, 1, 5*time.Second))
	b := collect(NewStarts(shapes[3], Poisson, 1, 5*time.Second))
	c := collect(NewStarts(shapes[3], Poisson, 2, 5*time.Second))
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("same seed, other starts")
	}
	if fmt.Sprint(a) == fmt.Sprint(c) {
		t.Error("other seed, same starts")
	}
}

// Ours against vegeta's linear pacer where that one is good: away from zero.
func TestRampAgreesWithVegeta(t *testing.T) {
	ours := collect(NewStarts(Ramp{From: 1000, To: 2000, Over: 10 * time.Second}, Even, 0, 10*time.Second))
	theirs := collect(&Starts{pacer: vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 1000, Per: time.Second}, Slope: 100}, until: 10 * time.Second})
	if d := len(ours) - len(theirs); d < -2 || d > 2 {
		t.Fatalf("%d starts, vegeta has %d", len(ours), len(theirs))
	}
	for i := range min(len(ours), len(theirs)) {
		if d := ours[i] - theirs[i]; d < -2*time.Millisecond || d > 2*time.Millisecond {
			t.Fatalf("start %d at %v, vegeta's at %v", i, ours[i], theirs[i])
		}
	}
}

func TestAllotmentIsProportional(t *testing.T) {
	weights := []float64{5, 0, 1, 3, 0.5, 0.5}
	a := Allot(weights)
	counts := make([]float64, len(weights))
	for n := range uint64(100_000) {
		counts[a.Of(n)]++
		for i, w := range weights {
			if want := w / 10 * float64(n+1); math.Abs(counts[i]-want) > 12 {
				t.Fatalf("after %d arrivals partition %d has %v, want %.1f", n+1, i, counts[i], want)
			}
		}
	}
}

func BenchmarkStarts(b *testing.B) {
	for _, a := range []Arrivals{Even, Poisson} {
		b.Run(a.String(), func(b *testing.B) {
			b.ReportAllocs()
			s := NewStarts(Constant{PerSec: 1e6}, a, 1, 1<<62)
			for b.Loop() {
				s.Next()
			}
		})
	}
}
