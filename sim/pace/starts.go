package pace

import (
	"math/rand/v2"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Arrivals says how intended starts are spread around their rate.
type Arrivals uint8

const (
	Poisson Arrivals = iota // independent arrivals: exponential gaps
	Even                    // equal gaps
)

// String returns "poisson" or "even".
func (a Arrivals) String() string { return [...]string{"poisson", "even"}[a] }

// Starts yields the intended starts of a phase, in order. It is owned by one goroutine.
//
// Even arrivals are the pacer's own hits. Poisson arrivals are the same schedule read at the points of a Poisson process
// of rate one: the n-th is due where the even schedule would be at the sum of n exponential draws. That is exact for the
// shapes of this package; of another pacer only the hits are known, and between two of them the rate is taken as constant.
type Starts struct {
	pacer vegeta.Pacer
	start func(n float64) time.Duration // Poisson arrivals of our own shapes; else nil
	until time.Duration
	hits  uint64
	at    time.Duration // of the even hit number hits
	prev  time.Duration // of the hit before it
	draw  *rand.Rand    // nil: even
	point float64
	n     uint64
	done  bool
}

// NewStarts yields the starts of shape in (0, until]. seed matters for Poisson arrivals only.
func NewStarts(shape Shape, arrivals Arrivals, seed uint64, until time.Duration) *Starts {
	s := &Starts{pacer: shape.Pacer(), until: until}
	if arrivals == Poisson {
		s.draw = rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
		if e, ok := s.pacer.(exact); ok {
			s.start = e.start
		}
	}
	return s
}

// Next returns the next intended start, as an offset from the phase's start, and its number from 0; false when the phase is over.
func (s *Starts) Next() (at time.Duration, n uint64, ok bool) {
	switch {
	case s.draw == nil:
		s.hit()
		at = s.at
	case s.start != nil:
		s.point += s.draw.ExpFloat64()
		at = s.start(s.point)
	default:
		s.point += s.draw.ExpFloat64()
		for !s.done && float64(s.hits) < s.point {
			s.hit()
		}
		at = s.prev + time.Duration((s.point-float64(s.hits-1))*float64(s.at-s.prev))
	}
	if s.done || at > s.until {
		s.done = true
		return 0, 0, false
	}
	n = s.n
	s.n++
	return at, n, true
}

// hit moves to the next hit of the even schedule.
func (s *Starts) hit() {
	wait, stop := s.pacer.Pace(s.at, s.hits)
	s.prev = s.at
	s.at += wait
	s.hits++
	// One hit past the end is needed: a Poisson point may lie before it.
	s.done = s.done || stop || s.prev > s.until || s.at < 0
}

// Allotment deals the numbered arrivals of a fleet to partitions in proportion to weights, so that every process that
// drives a part of the fleet knows without talking which arrivals are its own. The counts after n arrivals are within a few of
// n*weight: arrival n goes where the fractional part of n times the golden ratio falls (a Weyl sequence).
type Allotment struct{ upTo []uint64 }

// Allot returns the allotment for weights, at least one of which is positive.
func Allot(weights []float64) Allotment {
	var sum, total float64
	for _, w := range weights {
		total += w
	}
	a := Allotment{upTo: make([]uint64, len(weights))}
	for i, w := range weights {
		sum += w
		if share := sum / total; share < 1 {
			a.upTo[i] = uint64(share * (1 << 63) * 2)
		} else {
			a.upTo[i] = 1<<64 - 1
		}
	}
	return a
}

// Of returns the partition that arrival n belongs to.
func (a Allotment) Of(n uint64) int {
	const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	u := n*golden + 1<<62
	lo, hi := 0, len(a.upTo)-1
	for lo < hi {
		mid := (lo + hi) / 2
		if u < a.upTo[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
