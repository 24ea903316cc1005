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

// Sine swings around Mean: rate(t) = Mean + Amplitude * sin(2 pi t / Period). Amplitude is at most Mean, which is positive.
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
		return after(r.Over, (n-whole)/r.To)
	}
	slope := (r.To - r.From) / r.Over.Seconds()
	return seconds(2 * n / (r.From + math.Sqrt(max(0, r.From*r.From+2*slope*n))))
}

func (s Sine) Rate(at time.Duration) float64 {
	return s.Mean + s.Amplitude*math.Sin(2*math.Pi*at.Seconds()/s.Period.Seconds())
}

func (s Sine) Expected(at time.Duration) float64 { return s.expected(at.Seconds()) }

// expected is the integral of Rate: Mean x + Amplitude / w (1 - cos w x), with w = 2 pi / Period and x in seconds.
func (s Sine) expected(x float64) float64 {
	w := 2 * math.Pi / s.Period.Seconds()
	return s.Mean*x + s.Amplitude/w*(1-math.Cos(w*x))
}

// Pacer solves the integral. vegeta.SinePacer has no arrivals at all when the amplitude is the mean, and just below it
// waits for minutes in the trough, since it extrapolates with the rate of the last hit.
func (s Sine) Pacer() vegeta.Pacer { return exact{s.Rate, s.start} }

// start is the inverse of Expected, by Newton's method kept inside a bracket. Since 0 <= 1-cos <= 2, the n-th arrival is
// due between (n - 2 Amplitude/w) / Mean and n / Mean.
func (s Sine) start(n float64) time.Duration {
	w := 2 * math.Pi / s.Period.Seconds()
	lo, hi := max(0, (n-2*s.Amplitude/w)/s.Mean), n/s.Mean
	x := (lo + hi) / 2
	for range 100 {
		d := s.expected(x) - n
		if d > 0 {
			hi = x
		} else {
			lo = x
		}
		next := x - d/(s.Mean+s.Amplitude*math.Sin(w*x))
		if !(lo <= next && next <= hi) { // also when the rate is 0
			next = (lo + hi) / 2
		}
		if math.Abs(next-x) < 1e-10 { // seconds
			break
		}
		x = next
	}
	return seconds(x)
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
		return after(step.From, (n-before)/step.PerSec)
	}
	return never
}

// exact is a vegeta.Pacer for a shape whose n-th arrival has a closed form.
type exact struct {
	rate  func(time.Duration) float64
	start func(n float64) time.Duration
}

func (e exact) Rate(at time.Duration) float64 { return e.rate(at) }

func (e exact) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	at := e.start(float64(hits + 1))
	if at == never {
		return 0, true
	}
	return max(0, at-elapsed), false
}

// never is when an arrival is due that does not come.
const never = time.Duration(math.MaxInt64)

// seconds is never for what is too far away, infinity and NaN.
func seconds(s float64) time.Duration { return after(0, s) }

// after is s seconds later than at. A rate of 0 makes s infinite: added as it is, that would wrap around to the past.
func after(at time.Duration, s float64) time.Duration {
	if ns := s * 1e9; ns < float64(never-at)/2 {
		return at + time.Duration(math.Round(ns))
	}
	return never
}
