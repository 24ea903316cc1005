package sim

import (
	"fmt"
	"time"

	"drover/sim/behavior"
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
// belongs to, in proportion to its devices that ever report anything; that partition then sends what is next in its
// devices' time, so that the asked rate is offered exactly whatever the fleet's own rhythm is, and any division into shards
// agrees without talking. What the timeline changes reaches each partition on its own, see prompter.
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
	prompt  prompter // tells the stream of the timeline
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
		n := m.Fleet.PartitionSize(p)
		part := &part{devices: n, stream: behavior.NewStream(&m.Behavior, n, func(j int) int { return m.Fleet.PartitionDevice(p, j) })}
		part.prompt = prompter{stream: part.stream, left: m.cues}
		part.asked = m.reporters != nil && m.reporters[p] > 0
		s.parts = append(s.parts, part)
		s.owner[p] = part
	}
	return s
}

// Next fills a with the next arrival and reports whether there is one; when there is none, Err says whether that is a
// mistake. In the closed model nothing falls due by itself: Next then yields the uploads of each phase in the order in which
// they would be asked for, with At at the phase's start, and a driving phase ends with the devices' lifetime only.
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
	*a = Arrival{Phase: s.phase}
	if !s.step(a) {
		return false
	}
	a.Op = opOf(s.sc, s.sc.Load.Phases[s.phase].Do, &a.Upload)
	a.At += s.begins
	return true
}

// partitions are all of a fleet.
func partitions(m *Model) (all []int) {
	for p := range m.Fleet.Partitions() {
		all = append(all, p)
	}
	return all
}

// opOf is the operation that an upload of a phase is: what it does and the adapter decide.
func opOf(sc *scenario.Scenario, do scenario.Do, u *behavior.Upload) measure.Op {
	switch how := sc.Target.Adapter; {
	case do == scenario.Enroll:
		return measure.Enroll
	case how != nil && how.Single != nil && len(u.Items) == 1:
		return measure.Single
	}
	return measure.Upload
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
		p.prompt.before(s.begins, p.clock)
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
