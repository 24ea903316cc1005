package sim

import (
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/wire"
)

// Plan is what a run is expected to do. Of a small fleet it is a count of the run's own schedule, else an estimate from the same streams.
type Plan struct {
	Devices  int
	Sample   int  // devices that were simulated
	Exact    bool // it is what falls due, and no estimate
	Cohorts  []fleet.Cohort
	Tenants  []fleet.Tenant
	Phases   []PhasePlan
	Timeline []EntryPlan   // in file order
	Elapsed  time.Duration // wall time of all phases
	MaxBytes int           // largest upload of the sample, encoded
}

// PhasePlan is what is expected of one phase, over the whole fleet.
type PhasePlan struct {
	Name       string
	Do         scenario.Do
	For        time.Duration
	Measure    bool
	Uploads    float64
	Bytes      float64 // encoded, before compression
	Peak       float64 // uploads per second in the busiest twenty-fourth of the phase
	DeviceTime time.Duration
	Kinds      [event.NumKinds]float64 // events uploaded
	Visits     float64                 // pages opened, which leave no trace unless they are detected
	LookUps    [measure.NumOps]float64 // requests by operation, of those that the adapter has
}

// EntryPlan is what is expected of one entry of the timeline.
type EntryPlan struct {
	scenario.Entry
	Devices     int           // that it selects, of the whole fleet
	Begun       bool          // whether the sample came so far
	From, Until time.Duration // device time, about the same in all partitions; Until is behavior.Forever for what stays
}

// PerSec is the mean number of uploads per second.
func (p *PhasePlan) PerSec() float64 { return p.Uploads / p.For.Seconds() }

const (
	planSample = 1000    // devices
	planSteps  = 200_000 // uploads of the sample that are made in one phase at most
	planBins   = 24
)

// MakePlan goes through the schedule of a fleet of up to a thousand devices. Of a larger one, of a phase with very many uploads, and in the closed
// model, where the backend decides, it simulates up to a thousand devices, spread evenly over the fleet, and scales up. It sends nothing.
func MakePlan(m *Model, a *wire.Adapter) *Plan { return makePlan(m, a, planSteps) }

func makePlan(m *Model, a *wire.Adapter, most float64) *Plan {
	if m.Fleet.Devices() <= planSample && !m.Scenario.Load.Closed {
		if p := countPlan(m, a, most); p != nil {
			return p
		}
	}
	n := m.Fleet.Devices()
	pilot := &pilot{planner: newPlanner(m, a), most: most}
	p := pilot.plan
	devices := make([]int, p.Sample)
	for i := range devices {
		devices[i] = int(int64(i) * int64(n) / int64(p.Sample))
	}
	pilot.scale = float64(n) / float64(p.Sample)
	pilot.stream = behavior.NewStream(&m.Behavior, len(devices), func(j int) int { return devices[j] })
	pilot.prompt = prompter{stream: pilot.stream, left: m.cues}
	for _, ph := range m.Scenario.Load.Phases {
		p.Phases = append(p.Phases, pilot.phase(ph, devices))
		pilot.begins += ph.For
	}
	pilot.timeline(pilot.stream)
	return p
}

// planner makes a plan of the uploads that it is shown.
type planner struct {
	maker
	plan *Plan
	ops  *[measure.NumOps]wire.Exchange
	asks *asker // nil: the adapter has no look-ups
	bins [planBins]float64
	buf  []byte
}

func newPlanner(m *Model, a *wire.Adapter) planner {
	n := m.Fleet.Devices()
	p := &Plan{Devices: n, Sample: min(n, planSample), Cohorts: m.Fleet.Cohorts(), Tenants: m.Fleet.Tenants()}
	for _, ph := range m.Scenario.Load.Phases {
		p.Elapsed += ph.For
	}
	return planner{maker: newMaker(m), plan: p, ops: &a.Ops, asks: newAsker(m, a)}
}

// begin is the plan of a phase of which nothing is known yet.
func (p *planner) begin(ph scenario.Phase) PhasePlan {
	p.bins = [planBins]float64{}
	return PhasePlan{Name: ph.Name, Do: ph.Do, For: ph.For, Measure: ph.Measure}
}

// add counts an upload that is due when this share of the phase is over.
func (p *planner) add(out *PhasePlan, up *Arrival, share float64) {
	out.Uploads++
	p.ask(out, up)
	p.buf = p.body(p.buf[:0], &p.ops[up.Op].Format, &up.Upload)
	out.Bytes += float64(len(p.buf))
	p.plan.MaxBytes = max(p.plan.MaxBytes, len(p.buf))
	for _, it := range up.Upload.Items {
		out.Kinds[it.Kind]++
	}
	p.bins[min(planBins-1, int(share*planBins))]++
}

// ask counts the look-ups that go with an upload.
func (p *planner) ask(out *PhasePlan, up *Arrival) {
	if p.asks == nil {
		return
	}
	p.asks.begin(up)
	var a Arrival
	for p.asks.next(&a) {
		out.LookUps[a.Op]++
	}
}

// peak is the rate in the busiest part of the phase, whose uploads stand for so many each; where there is a shape, the highest that it asks for.
func (p *planner) peak(ph scenario.Phase, each float64) (most float64) {
	for i, n := range p.bins {
		if n *= each; ph.Shape != nil {
			from, to := ph.For*time.Duration(i)/planBins, ph.For*time.Duration(i+1)/planBins
			n = ph.Shape.Expected(to) - ph.Shape.Expected(from)
		}
		most = max(most, n*planBins/ph.For.Seconds())
	}
	return most
}

// timeline says how far these streams came in it.
func (p *planner) timeline(streams ...*behavior.Stream) {
	for i, e := range p.m.Scenario.Timeline {
		out := EntryPlan{Entry: e, Devices: p.m.Behavior.Timeline[i].Select.Count()}
		for _, s := range streams {
			for _, sp := range s.Past().Spans() {
				switch {
				case sp.Entry != i:
				case !out.Begun:
					out.Begun, out.From, out.Until = true, sp.From, sp.Until
				default:
					out.From, out.Until = min(out.From, sp.From), max(out.Until, sp.Until)
				}
			}
		}
		p.plan.Timeline = append(p.plan.Timeline, out)
	}
}

// countPlan is the plan by the run's own schedule, of all its devices; nil where a phase has more than so many uploads, or the schedule breaks off.
func countPlan(m *Model, a *wire.Adapter, most float64) *Plan {
	for _, ph := range m.Scenario.Load.Phases {
		if ph.Shape != nil && ph.Shape.Expected(ph.For) > most {
			return nil
		}
	}
	p := newPlanner(m, a)
	s := NewSchedule(m, partitions(m))
	var visits float64 // before the phase, as reached is: where one begins its first uploads are made
	var reached time.Duration
	for s.Begin() {
		ph := m.Scenario.Load.Phases[s.Phase()]
		out := p.begin(ph)
		var up Arrival
		for s.inPhase(&up) {
			if out.Uploads == most {
				return nil
			}
			p.add(&out, &up, float64(up.At-s.begins)/float64(ph.For))
		}
		if s.Err() != nil {
			return nil
		}
		s.Skip()
		out.Visits, out.Peak = float64(s.Stats().Visits)-visits, p.peak(ph, 1)
		visits += out.Visits
		if now := s.DeviceTime(); ph.Do == scenario.Drive {
			out.DeviceTime, reached = now-reached, now
		}
		p.plan.Phases = append(p.plan.Phases, out)
	}
	var streams []*behavior.Stream
	for _, part := range s.parts {
		streams = append(streams, part.stream)
	}
	p.timeline(streams...)
	p.plan.Exact = true
	return p.plan
}

// pilot is a small run without a clock.
type pilot struct {
	planner
	scale  float64 // devices of the fleet per device of the sample
	stream *behavior.Stream
	prompt prompter
	most   float64       // uploads that it makes in one phase
	begins time.Duration // offset of the phase's start
	clock  time.Duration
}

func (p *pilot) phase(ph scenario.Phase, devices []int) PhasePlan {
	out := p.begin(ph)
	before := p.stream.Stats()
	p.clock = max(p.clock, p.stream.Now())
	p.prompt.before(p.begins, p.clock)
	from := p.clock
	add := func(u *behavior.Upload, share float64) {
		p.add(&out, &Arrival{Op: opOf(p.m.Scenario, ph.Do, u), Upload: *u}, share)
	}

	var u behavior.Upload
	done := 1.0 // how much of the phase the pilot went through
	switch {
	case ph.Do == scenario.Enroll:
		for i, d := range devices {
			u = behavior.Upload{Device: d, Items: []behavior.Item{{At: p.clock, Kind: event.Enrolment}}}
			add(&u, float64(i)/float64(len(devices)))
		}
	case ph.Do == scenario.Drain:
		p.stream.Close(p.clock)
		_, n := p.stream.Pending()
		for i := 0; p.stream.Flush(&u); i++ {
			add(&u, float64(i)/float64(n)/2) // the run spreads them over the first half of the phase
		}
	case ph.Shape != nil || p.m.Scenario.Load.Closed:
		// With a rate the number is known; the closed model's is up to the backend, so its plan is of one upload per device.
		whole := float64(p.plan.Devices)
		if ph.Shape != nil {
			whole = ph.Shape.Expected(ph.For)
		}
		for i := range min(max(1, int(whole/p.scale)), int(p.most)) {
			if ph.Shape != nil {
				p.prompt.asked(ph, p.begins, float64(i)*p.scale, max(p.clock, p.stream.Now()))
			}
			if !p.prompt.next(lifetime, &u) {
				break
			}
			add(&u, 0)
		}
		if out.Uploads > 0 {
			done = out.Uploads * p.scale / whole
		}
		p.clock = max(p.clock, p.stream.Now())
		out.DeviceTime = time.Duration(min(float64(p.clock-from)/done, float64(lifetime)))
	default:
		span := time.Duration(float64(ph.For) * ph.Speed)
		p.prompt.during(ph, p.begins, p.clock)
		for out.Uploads < p.most && p.stream.Next(p.clock+span, &u) {
			add(&u, float64(u.Due-p.clock)/float64(span))
		}
		out.DeviceTime = span
		if out.Uploads < p.most {
			p.clock += span
			break
		}
		// The next phase goes on where the pilot is: what is left out of this one must not be counted as its.
		done = max(1e-9, float64(p.stream.Now()-p.clock)/float64(span))
		p.stream.Hasten()
	}
	after := p.stream.Stats()
	scale := p.scale / done
	out.Visits = float64(after.Visits-before.Visits) * scale
	out.Uploads *= scale
	out.Bytes *= scale
	for k := range out.Kinds {
		out.Kinds[k] *= scale
	}
	fetched := out.LookUps[measure.Config]
	for i := range out.LookUps {
		out.LookUps[i] *= scale
	}
	if p.asks != nil && done < 1 {
		// A device that has fetched its configuration does so again after a time, however many uploads were left out. It then waits for
		// half of what is between two of its uploads.
		wait := min(float64(p.plan.Devices)*float64(out.DeviceTime)/max(1, out.Uploads)/2, float64(lifetime))
		out.LookUps[measure.Config] = (fetched + p.asks.remaining(devices, from+out.DeviceTime, time.Duration(wait))) * p.scale
	}
	out.Peak = p.peak(ph, p.scale)
	return out
}
