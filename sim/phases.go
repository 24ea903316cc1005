package sim

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/pace"
	"drover/sim/scenario"
)

// atSpeed merges the uploads that fall due by the devices' own clocks.
func (s *Schedule) atSpeed(ph scenario.Phase) func(*Arrival) bool {
	span := time.Duration(float64(ph.For) * ph.Speed)
	pull := func(p *part) {
		if p.has = p.stream.Next(p.clock+span, &p.up); p.has {
			p.due = time.Duration(float64(max(0, p.up.Due-p.clock)) / ph.Speed)
		}
	}
	for _, p := range s.parts {
		p.prompt.during(ph, s.begins, p.clock)
		pull(p)
	}
	var last *part // whose upload was handed out, and may be replaced now
	return func(a *Arrival) bool {
		if last != nil {
			pull(last)
		}
		last = s.earliest()
		if last == nil {
			return false
		}
		a.At, a.Upload = last.due, last.up
		return true
	}
}

// earliest is the partition whose upload is due first; the lower number goes first among equals.
func (s *Schedule) earliest() *part {
	var first *part
	for _, p := range s.parts {
		if p.has && (first == nil || p.due < first.due) {
			first = p
		}
	}
	return first
}

// atRate takes the fleet's intended starts and keeps those of its own partitions.
func (s *Schedule) atRate(ph scenario.Phase) func(*Arrival) bool {
	starts := pace.NewStarts(ph.Shape, s.sc.Load.Arrivals, s.seed(ph), ph.For)
	return func(a *Arrival) bool {
		for {
			at, n, ok := starts.Next()
			if !ok {
				return false
			}
			p := s.owner[s.allot.Of(n)]
			if p == nil {
				continue
			}
			p.prompt.before(s.begins+at+1, max(p.clock, p.stream.Now()))
			if !p.prompt.next(lifetime, &p.up) {
				s.outlived()
				return false
			}
			a.At, a.Upload = at, p.up
			return true
		}
	}
}

// seed is where the chance of a phase's arrivals comes from: its name, so that a phase more or less changes no other.
func (s *Schedule) seed(ph scenario.Phase) uint64 {
	h := fnv.New64a()
	h.Write([]byte(ph.Name))
	return s.sc.Seeds.Arrivals ^ h.Sum64()
}

// enroll yields each device once, in order. Poisson arrivals of a known number are sorted uniform draws, made one by one:
// of k that are left, the first is at 1 - V^(1/k) of the time that is left.
func (s *Schedule) enroll(ph scenario.Phase) func(*Arrival) bool {
	n := s.model.Fleet.Devices()
	draw := rand.New(rand.NewPCG(s.seed(ph), 0x6a09e667f3bcc909))
	i, left := 0, 1.0
	items := make([]behavior.Item, 1)
	return func(a *Arrival) bool {
		for ; i < n; i++ {
			if s.sc.Load.Arrivals == pace.Poisson {
				left *= math.Pow(1-draw.Float64(), 1/float64(n-i))
			} else {
				left = 1 - (float64(i)+0.5)/float64(n)
			}
			p := s.owner[s.model.Fleet.Partition(i)]
			if p == nil {
				continue
			}
			if !s.sc.Load.Closed {
				a.At = time.Duration((1 - left) * float64(ph.For))
			}
			items[0] = behavior.Item{At: p.clock, Kind: event.Enrolment}
			a.Upload = behavior.Upload{Device: i, Due: p.clock, Items: items}
			i++
			return true
		}
		return false
	}
}

// drain yields what devices still hold, spread over the first half of the phase; the rest of it is for the answers.
func (s *Schedule) drain(ph scenario.Phase) func(*Arrival) bool {
	for _, p := range s.parts {
		p.stream.Close(p.clock)
		_, p.whole = p.stream.Pending()
		p.left = p.whole
	}
	return func(a *Arrival) bool {
		var first *part
		for _, p := range s.parts {
			if p.left == 0 {
				continue
			}
			p.due = time.Duration((float64(p.whole-p.left) + 0.5) / float64(p.whole) * float64(ph.For) / 2)
			if first == nil || p.due < first.due {
				first = p
			}
		}
		if first == nil || !first.stream.Flush(&first.up) {
			return false
		}
		first.left--
		if !s.sc.Load.Closed {
			a.At = first.due
		}
		a.Upload = first.up
		return true
	}
}

// ask yields the next upload of each partition in turn, whenever it is asked.
func (s *Schedule) ask(a *Arrival) bool {
	for range s.parts {
		p := s.parts[s.turn%len(s.parts)]
		s.turn++
		if p.asked && p.stream.Next(lifetime, &p.up) {
			a.Upload = p.up
			return true
		}
	}
	if slices.ContainsFunc(s.parts, func(p *part) bool { return p.asked }) {
		s.outlived()
	}
	return false
}
