package scenario

import (
	"fmt"
	"slices"
	"time"

	"drover/sim/pace"
)

const (
	maxPhases    = 200
	maxPerSecond = 1_000_000
)

// load checks the phases and builds them.
func (b *builder) load(sc *Scenario) {
	l := &b.spec.Load
	sc.Load.Closed = l.Model == "closed"
	if b.good(&l.Model) {
		b.model(l)
	}
	if l.Concurrency != nil {
		sc.Load.Concurrency = *l.Concurrency
	}
	switch {
	case l.Arrivals == "even":
		sc.Load.Arrivals = pace.Even
	case l.Arrivals == "" && !sc.Load.Closed:
		l.Arrivals = "poisson"
	}
	if !b.written(&l.Phases) || !b.good(&l.Phases) {
		return
	}
	if len(l.Phases) > maxPhases {
		b.errorf(b.at(&l.Phases), "", "load.phases: %d are more than %d", len(l.Phases), maxPhases)
		return
	}
	drives, rates := 0, 0
	for i := range l.Phases {
		p := &l.Phases[i]
		path := fmt.Sprintf("load.phases[%s]", p.Name)
		if slices.Contains(b.dim.phases, string(p.Name)) && b.good(&p.Name) {
			b.errorf(b.at(&p.Name), "give each phase a name of its own", "%s: the name is taken", path)
		}
		b.dim.phases = append(b.dim.phases, string(p.Name))
		phase := b.phase(sc, p, path)
		switch {
		case phase.Do == Enroll && i > 0:
			b.errorf(b.at(&p.Do, p), "make it the first phase", "%s: devices enroll before everything else", path)
		case phase.Do == Drain && i < len(l.Phases)-1:
			b.errorf(b.at(&p.Do, p), "make it the last phase", "%s: nothing can follow a drain", path)
		case phase.Do == Drive:
			drives++
		}
		if phase.Shape != nil {
			rates++
		}
		sc.Load.Phases = append(sc.Load.Phases, phase)
	}
	if drives == 0 && len(b.errs) == 0 {
		b.errorf(b.at(&l.Phases), "add one, e.g. {name: day, for: 10m}", "load.phases: none of them drives the fleet")
	}
	if l.Arrivals == "even" && rates == 0 && b.good(&l.Arrivals) && !sc.Load.Closed {
		b.errorf(b.at(&l.Arrivals), "give a phase a rate, or leave arrivals out",
			"load.arrivals: even has no meaning without a rate: with clock.speed the devices decide when they upload")
	}
}

// model checks what the open and the closed model need, and what they cannot use.
func (b *builder) model(l *rawLoad) {
	if l.Model == "open" {
		if l.Concurrency != nil {
			b.errorf(b.key(&l.Concurrency), "remove it, or use model: closed; client.maxOpen bounds connections", "load.concurrency: the open model does not wait for answers")
		}
		return
	}
	if l.Concurrency == nil && !b.written(&l.Concurrency) {
		b.errorf(b.at(&l.Model, l), "add concurrency, e.g. concurrency: 50", "load: the closed model needs to know how many uploads are under way at once")
	}
	if l.Arrivals != "" {
		b.errorf(b.key(&l.Arrivals), "remove it, or use model: open", "load.arrivals: in the closed model answers decide when the next upload starts")
	}
	if speed := &b.spec.Clock.Speed; b.written(speed) && *speed != 1 {
		b.errorf(b.key(speed), "remove it, or use model: open", "clock.speed: in the closed model answers decide how fast device time passes")
	}
}

// phase builds one phase. Whether it is measured is written back, so that the resolved file says it.
func (b *builder) phase(sc *Scenario, p *rawPhase, path string) Phase {
	phase := Phase{Name: string(p.Name), Do: Do(max(0, slices.Index(doNames[:], p.Do))), For: time.Duration(p.For)}
	if p.Measure == nil {
		measured := phase.Do == Drive
		p.Measure = &measured
	}
	phase.Measure = *p.Measure
	if p.Rate == nil {
		phase.Speed = b.spec.Clock.Speed
		return phase
	}
	switch {
	case phase.Do != Drive:
		b.errorf(b.key(&p.Rate), "remove it", "%s: only a phase that drives has a rate", path)
	case sc.Load.Closed:
		b.errorf(b.key(&p.Rate), "use model: open, or leave the rate out", "%s: a rate in the closed model: not supported yet", path)
	}
	phase.Shape = b.shape(p.Rate, p, path)
	return phase
}

// shape builds the arrival rate of a phase.
func (b *builder) shape(r *rawRate, p *rawPhase, path string) pace.Shape {
	switch {
	case r.PerSec != nil:
		return pace.Constant{PerSec: float64(*r.PerSec)}
	case r.Ramp != nil:
		if r.Ramp.From == 0 && r.Ramp.To == 0 && b.good(r.Ramp) {
			b.errorf(b.at(&p.Rate, r.Ramp), "let one end be above 0/s", "%s.rate: the ramp never leaves 0/s", path)
		}
		return pace.Ramp{From: float64(r.Ramp.From), To: float64(r.Ramp.To), Over: time.Duration(p.For)}
	case r.Sine != nil:
		if r.Sine.Amplitude > r.Sine.Mean && b.good(&r.Sine.Amplitude, &r.Sine.Mean) && b.written(&r.Sine.Mean) {
			b.errorf(b.at(&r.Sine.Amplitude), "let it be at most the mean", "%s.rate: amplitude %s makes the rate negative", path, r.Sine.Amplitude)
		}
		return pace.Sine{Mean: float64(r.Sine.Mean), Amplitude: float64(r.Sine.Amplitude), Period: time.Duration(r.Sine.Period)}
	case r.Steps != nil:
		return b.steps(r.Steps, p, path)
	}
	return nil // misread, and told
}

func (b *builder) steps(r *rawSteps, p *rawPhase, path string) pace.Shape {
	var s pace.Steps
	highest := rate(0)
	for i := range r.Steps {
		step := &r.Steps[i]
		switch {
		case !b.good(&step.At) || !b.written(&step.At):
		case i == 0 && step.At != 0:
			b.errorf(b.at(&step.At), "start with at: 0s", "%s.rate.steps: the first is at %s, so the rate before it is unknown", path, step.At)
		case i > 0 && step.At <= r.Steps[i-1].At && b.good(&r.Steps[i-1].At):
			b.errorf(b.at(&step.At), "put them in order", "%s.rate.steps: %s is not after %s", path, step.At, r.Steps[i-1].At)
		case i > 0 && step.At >= p.For && b.good(&p.For) && p.For > 0:
			b.errorf(b.at(&step.At), fmt.Sprintf("the phase ends at %s", p.For), "%s.rate.steps: %s is never reached", path, step.At)
		}
		highest = max(highest, step.Rate)
		s.At = append(s.At, pace.Step{From: time.Duration(step.At), PerSec: float64(step.Rate)})
	}
	if highest == 0 && b.good(r) {
		b.errorf(b.at(&p.Rate, r), "let one be above 0/s", "%s.rate.steps: no step has a rate", path)
	}
	return s
}
