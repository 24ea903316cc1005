package sim

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/pace"
	"drover/sim/scenario"
)

// Arrival is one upload and when it is to start.
type Arrival struct {
	At     time.Duration // intended start, offset from the run's start
	Phase  int           // index into the scenario's phases
	Op     measure.Op
	Upload behavior.Upload // its Items are valid until the schedule's next call
}

// Schedule is the arrivals of some partitions of the fleet, over the whole run and in order of their intended start. It is
// a pure function of the scenario: no clock runs in it, and which partitions share a schedule changes neither their
// uploads nor when they are due. It is owned by one goroutine.
//
// With a speed, an upload is due when its device's clock says so: phase start + (device time - device time at the phase's
// start) / speed. With a rate, the load shape says when the next upload of the fleet starts and Allotment which partition it
// belongs to; that partition then sends what is next in its devices' time, so that the asked rate is offered exactly
// whatever the fleet's own rhythm is, and any division into shards agrees without talking.
type Schedule struct {
	sc    *scenario.Scenario
	model *Model
	parts []*part
	owner []*part // by partition number; nil: another schedule's
	allot pace.Allotment
	err   error

	phase  int
	begins time.Duration // offset of the phase's start
	step   func(*Arrival) bool
	turn   int // closed model: whose turn it is
}

// part is one partition within a schedule.
type part struct {
	stream  *behavior.Stream
	devices int
	asked   bool          // has devices that report, so that it can be asked for uploads
	clock   time.Duration // device time that the partition has reached at the phase's start
	up      behavior.Upload
	due     time.Duration // intended start of up, offset from the phase's start
	has     bool
	left    int // drain: uploads still to flush
	whole   int
}

// NewSchedule returns the schedule of the given partitions.
func NewSchedule(m *Model, partitions []int) *Schedule {
	s := &Schedule{sc: m.Scenario, model: m, owner: make([]*part, m.Fleet.Partitions()), phase: -1}
	if m.reporters != nil {
		s.allot = pace.Allot(m.reporters)
	}
	for _, p := range partitions {
		devices := slices.Collect(m.Fleet.PartitionDevices(p))
		part := &part{devices: len(devices), stream: behavior.NewStream(&m.Behavior, devices)}
		part.asked = m.reporters != nil && m.reporters[p] > 0
		s.parts = append(s.parts, part)
		s.owner[p] = part
	}
	return s
}

// Next fills a with the next arrival and reports whether there is one; when there is none, Err says whether that is a
// mistake. In the closed model nothing falls due by itself:
// Next then yields the uploads of each phase in the order in which they would be asked for, with At at the phase's start,
// and a driving phase never ends.
func (s *Schedule) Next(a *Arrival) bool {
	for s.Begin() {
		if s.inPhase(a) {
			return true
		}
		if s.err != nil {
			return false
		}
		s.Skip()
	}
	return false
}

// Err is why the schedule ended before its time: a phase asked for more than devices do in a lifetime, which NewModel can
// only estimate. It is nil otherwise.
func (s *Schedule) Err() error { return s.err }

// outlived notes that the devices of a schedule have nothing left to send.
func (s *Schedule) outlived() {
	s.err = fmt.Errorf("phase %q asks for more uploads than devices make in 100 years; lower the rate, or give the fleet more devices or events",
		s.sc.Load.Phases[s.phase].Name)
}

// Begin enters the next phase unless one is under way; false when the run is over.
func (s *Schedule) Begin() bool { return s.step != nil || s.enter(s.phase+1) }

// Phase is the index of the phase that was last entered, -1 before the first.
func (s *Schedule) Phase() int { return s.phase }

// inPhase fills a with the next arrival of the phase under way.
func (s *Schedule) inPhase(a *Arrival) bool {
	*a = Arrival{Phase: s.phase, Op: measure.Upload}
	if !s.step(a) {
		return false
	}
	a.At += s.begins
	return true
}

// Skip ends the phase under way: with a speed, all devices reach the same time.
func (s *Schedule) Skip() {
	ph := s.sc.Load.Phases[s.phase]
	if ph.Do == scenario.Drive && ph.Shape == nil && !s.sc.Load.Closed {
		for _, p := range s.parts {
			p.clock += time.Duration(float64(ph.For) * ph.Speed)
		}
	}
	s.step = nil
}

// Stats adds up what the devices have made so far.
func (s *Schedule) Stats() behavior.Stats {
	var sum behavior.Stats
	for _, p := range s.parts {
		sum.Add(p.stream.Stats())
	}
	return sum
}

// Devices is how many devices the schedule has.
func (s *Schedule) Devices() (n int) {
	for _, p := range s.parts {
		n += p.devices
	}
	return n
}

// DeviceTime is the latest device time that was reached.
func (s *Schedule) DeviceTime() (at time.Duration) {
	for _, p := range s.parts {
		at = max(at, p.clock, p.stream.Now())
	}
	return at
}

// enter prepares a phase; false when the run is over.
func (s *Schedule) enter(phase int) bool {
	if phase >= len(s.sc.Load.Phases) {
		return false
	}
	if phase > 0 {
		s.begins += s.sc.Load.Phases[phase-1].For
	}
	s.phase = phase
	ph := s.sc.Load.Phases[phase]
	for _, p := range s.parts {
		p.has = false
		p.clock = max(p.clock, p.stream.Now())
	}
	switch {
	case ph.Do == scenario.Enroll:
		s.step = s.enroll(ph)
	case ph.Do == scenario.Drain:
		s.step = s.drain(ph)
	case s.sc.Load.Closed:
		s.step = s.ask
	case ph.Shape != nil:
		s.step = s.atRate(ph)
	default:
		s.step = s.atSpeed(ph)
	}
	return true
}

// atSpeed merges the uploads that fall due by the devices' own clocks.
func (s *Schedule) atSpeed(ph scenario.Phase) func(*Arrival) bool {
	span := time.Duration(float64(ph.For) * ph.Speed)
	pull := func(p *part) {
		if p.has = p.stream.Next(p.clock+span, &p.up); p.has {
			p.due = time.Duration(float64(max(0, p.up.Due-p.clock)) / ph.Speed)
		}
	}
	for _, p := range s.parts {
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
			if !p.stream.Next(lifetime, &p.up) {
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
			a.Op = measure.Enroll
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
