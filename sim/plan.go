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

// Plan is what a run is expected to do. It comes from the same streams as the run, of all devices or of a sample.
type Plan struct {
	Devices  int
	Sample   int  // devices that were simulated
	Cut      bool // the sample was not followed to the end of each phase: the rest was extrapolated
	Cohorts  []fleet.Cohort
	Tenants  []fleet.Tenant
	Phases   []PhasePlan
	Timeline []EntryPlan   // in file order
	Elapsed  time.Duration // wall time of all phases
	MaxBytes int           // largest upload of the sample, encoded
}

// Exact reports whether the plan is a count and not an estimate.
func (p *Plan) Exact() bool { return p.Sample == p.Devices && !p.Cut }

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

// MakePlan simulates up to a thousand devices, spread evenly over the fleet, through all phases, and scales up. It sends nothing.
func MakePlan(m *Model, a *wire.Adapter) *Plan { return makePlan(m, a, planSteps) }

func makePlan(m *Model, a *wire.Adapter, most float64) *Plan {
	n := m.Fleet.Devices()
	p := &Plan{Devices: n, Sample: min(n, planSample), Cohorts: m.Fleet.Cohorts(), Tenants: m.Fleet.Tenants()}
	devices := make([]int, p.Sample)
	for i := range devices {
		devices[i] = int(int64(i) * int64(n) / int64(p.Sample))
	}
	pilot := &pilot{
		maker:  newMaker(m),
		plan:   p,
		scale:  float64(n) / float64(p.Sample),
		stream: behavior.NewStream(&m.Behavior, len(devices), func(j int) int { return devices[j] }),
		ops:    &a.Ops,
		asks:   newAsker(m, a),
		most:   most,
	}
	pilot.prompt = prompter{stream: pilot.stream, left: m.cues}
	for _, ph := range m.Scenario.Load.Phases {
		p.Phases = append(p.Phases, pilot.phase(ph, devices))
		p.Elapsed += ph.For
		pilot.begins += ph.For
	}
	for i, e := range m.Scenario.Timeline {
		out := EntryPlan{Entry: e, Devices: m.Behavior.Timeline[i].Select.Count()}
		for _, sp := range pilot.stream.Past().Spans() {
			if sp.Entry == i {
				out.Begun, out.From, out.Until = true, sp.From, sp.Until
			}
		}
		p.Timeline = append(p.Timeline, out)
	}
	return p
}

// pilot is a small run without a clock.
type pilot struct {
	maker
	plan   *Plan
	scale  float64 // devices of the fleet per device of the sample
	stream *behavior.Stream
	prompt prompter
	ops    *[measure.NumOps]wire.Exchange
	asks   *asker        // nil: the adapter has no look-ups
	most   float64       // uploads that it makes in one phase
	begins time.Duration // offset of the phase's start
	clock  time.Duration
	buf    []byte
}

func (p *pilot) phase(ph scenario.Phase, devices []int) PhasePlan {
	out := PhasePlan{Name: ph.Name, Do: ph.Do, For: ph.For, Measure: ph.Measure}
	before := p.stream.Stats()
	p.clock = max(p.clock, p.stream.Now())
	p.prompt.before(p.begins, p.clock)
	from := p.clock
	var bins [planBins]float64
	add := func(u *behavior.Upload, share float64) {
		out.Uploads++
		up := Arrival{Op: opOf(p.m.Scenario, ph.Do, u), Upload: *u}
		p.ask(&out, &up)
		out.Bytes += float64(p.encode(&up))
		for _, it := range u.Items {
			out.Kinds[it.Kind]++
		}
		bins[min(planBins-1, int(share*planBins))]++
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
		want := max(1, int(whole/p.scale))
		steps := min(want, int(p.most))
		for i := range steps {
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
		p.plan.Cut = p.plan.Cut || steps < want
		p.clock = max(p.clock, p.stream.Now())
		out.DeviceTime = time.Duration(min(float64(p.clock-from)/done, float64(lifetime)))
		if ph.Shape != nil {
			for i := range bins {
				from, to := ph.For*time.Duration(i)/planBins, ph.For*time.Duration(i+1)/planBins
				bins[i] = (ph.Shape.Expected(to) - ph.Shape.Expected(from)) / p.scale
			}
		}
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
		p.plan.Cut = true
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
	for _, n := range bins {
		out.Peak = max(out.Peak, n*p.scale*planBins/ph.For.Seconds())
	}
	return out
}

// ask counts the look-ups that go with an upload.
func (p *pilot) ask(out *PhasePlan, up *Arrival) {
	if p.asks == nil {
		return
	}
	p.asks.begin(up)
	var a Arrival
	for p.asks.next(&a) {
		out.LookUps[a.Op]++
	}
}

// encode returns the size of an upload.
func (p *pilot) encode(up *Arrival) int {
	p.buf = p.body(p.buf[:0], &p.ops[up.Op].Format, &up.Upload)
	p.plan.MaxBytes = max(p.plan.MaxBytes, len(p.buf))
	return len(p.buf)
}
