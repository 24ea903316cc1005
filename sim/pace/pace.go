// Package pace knows when: it turns a load shape into intended starts on virtual time. It knows neither devices nor the
// wall clock, and everything in it is a pure function of its arguments.
package pace

import (
	"math"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Shape is an arrival rate over time, for the whole fleet and before sharding.
type Shape interface {
	// Rate is the arrival rate, per second, at an offset from the phase's start.
	Rate(at time.Duration) float64
	// Expected is the number of arrivals from the phase's start up to at.
	Expected(at time.Duration) float64
	// Pacer gives the shape to Starts. A vegeta.Pacer is asked on virtual time only.
	Pacer() vegeta.Pacer
}

// Constant is a rate that does not change.
type Constant struct{ PerSec float64 }

// Ramp changes evenly from one rate to another over a time, and then stays.
type Ramp struct {
	From, To float64 // arrivals per second
	Over     time.Duration
}

// Sine swings around Mean: rate(t) = Mean + Amplitude * sin(2 pi t / Period). Amplitude is smaller than Mean.
type Sine struct {
	Mean, Amplitude float64 // arrivals per second
	Period          time.Duration
}

// Steps holds one constant rate after another. The first step starts at 0; the steps are in order of From.
type Steps struct{ At []Step }

// Step is a rate from an offset on.
type Step struct {
	From   time.Duration
	PerSec float64
}

// rate writes a rate as vegeta does, whole hits per time. Rates of a run have up to three decimals.
func rate(perSec float64) vegeta.Rate {
	if perSec == math.Trunc(perSec) {
		return vegeta.Rate{Freq: int(perSec), Per: time.Second}
	}
	return vegeta.Rate{Freq: int(math.Round(perSec * 1000)), Per: 1000 * time.Second}
}

func (c Constant) Rate(time.Duration) float64        { return c.PerSec }
func (c Constant) Expected(at time.Duration) float64 { return c.PerSec * at.Seconds() }

// Pacer divides exactly. vegeta.ConstantPacer cuts its interval to whole nanoseconds: at 90,000/s it sends nine too many in
// ten seconds.
func (c Constant) Pacer() vegeta.Pacer {
	return exact{c.Rate, func(n float64) time.Duration { return seconds(n / c.PerSec) }}
}

func (r Ramp) Rate(at time.Duration) float64 {
	if at >= r.Over {
		return r.To
	}
	return r.From + (r.To-r.From)*at.Seconds()/r.Over.Seconds()
}

func (r Ramp) Expected(at time.Duration) float64 {
	flat := max(0, at-r.Over)
	x := min(at, r.Over).Seconds()
	return r.From*x + (r.To-r.From)*x*x/(2*r.Over.Seconds()) + r.To*flat.Seconds()
}

// Pacer solves the integral exactly. vegeta.LinearPacer extrapolates with the rate of the last hit: a ramp from 1/s
// waits two seconds and then fires twenty hits at once.
func (r Ramp) Pacer() vegeta.Pacer { return exact{r.Rate, r.start} }

// start is the inverse of Expected: when the n-th arrival is due.
// From n = F x + s x^2 / 2, with F = From and the slope s = (To-From)/Over: x = 2n / (F + sqrt(F^2 + 2 s n)).
func (r Ramp) start(n float64) time.Duration {
	if whole := r.Expected(r.Over); n > whole {
		return r.Over + seconds((n-whole)/r.To)
	}
	slope := (r.To - r.From) / r.Over.Seconds()
	return seconds(2 * n / (r.From + math.Sqrt(max(0, r.From*r.From+2*slope*n))))
}

func (s Sine) pacer() vegeta.SinePacer {
	return vegeta.SinePacer{Period: s.Period, Mean: rate(s.Mean), Amp: rate(s.Amplitude)}
}

// Pacer returns vegeta's sine pacer.
func (s Sine) Pacer() vegeta.Pacer { return s.pacer() }

func (s Sine) Rate(at time.Duration) float64 { return s.pacer().Rate(at) }

func (s Sine) Expected(at time.Duration) float64 {
	w := 2 * math.Pi / s.Period.Seconds()
	return s.Mean*at.Seconds() + s.Amplitude/w*(1-math.Cos(w*at.Seconds()))
}

func (s Steps) Rate(at time.Duration) float64 {
	var perSec float64
	for _, step := range s.At {
		if step.From <= at {
			perSec = step.PerSec
		}
	}
	return perSec
}

func (s Steps) Expected(at time.Duration) float64 {
	var sum float64
	for i, step := range s.At {
		end := at
		if i+1 < len(s.At) {
			end = min(at, s.At[i+1].From)
		}
		if end > step.From {
			sum += step.PerSec * (end - step.From).Seconds()
		}
	}
	return sum
}

// Pacer solves the integral exactly, across the borders of steps.
func (s Steps) Pacer() vegeta.Pacer { return exact{s.Rate, s.start} }

func (s Steps) start(n float64) time.Duration {
	var before float64
	for i, step := range s.At {
		last := i+1 == len(s.At)
		if !last {
			if count := step.PerSec * (s.At[i+1].From - step.From).Seconds(); n > before+count || step.PerSec == 0 {
				before += count
				continue
			}
		}
		if step.PerSec == 0 {
			return math.MaxInt64
		}
		return step.From + seconds((n-before)/step.PerSec)
	}
	return math.MaxInt64
}

// exact is a vegeta.Pacer for a shape whose n-th arrival has a closed form.
type exact struct {
	rate  func(time.Duration) float64
	start func(n float64) time.Duration
}

func (e exact) Rate(at time.Duration) float64 { return e.rate(at) }

func (e exact) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	at := e.start(float64(hits + 1))
	if at == math.MaxInt64 {
		return 0, true
	}
	return max(0, at-elapsed), false
}

func seconds(s float64) time.Duration {
	if ns := s * 1e9; ns < math.MaxInt64/2 {
		return time.Duration(math.Round(ns))
	}
	return math.MaxInt64
}
