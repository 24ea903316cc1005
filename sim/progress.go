package sim

import (
	"time"

	"drover/sim/check"
	"drover/sim/measure"
)

// Progress is the state of a run at one moment.
type Progress struct {
	Elapsed time.Duration
	Sched   time.Duration  // how far the schedule has come; Elapsed, unless somebody held up the clock or changed its tempo
	Total   time.Duration  // of all phases, as it looks now
	Phase   int            // index of the phase under way; the last one while answers are awaited. Closed model: of the slowest worker
	Left    time.Duration  // of the phase, at most
	Over    time.Duration  // how long the window is
	Window  measure.Window // what happened since the last Progress; valid until the callback returns
	Sum     measure.Counts // what happened since the start
	Open    int            // uploads without a fate: under way, queued or waiting for their next attempt
	Rate    float64        // arrivals per second asked for now; 0 when behaviour decides

	// Snapshot adds up what the run did so far, as its Result will have it: all counts and times, but neither the Audit nor whether the
	// ledger is whole. It is safe for concurrent use, also after the callback has returned and until Run has. It costs some
	// milliseconds, during which workers wait for it, so ask for it only when somebody looks.
	Snapshot func() *Result

	// Verdicts adds up the verdicts so far. It is safe for concurrent use at the same time as Snapshot is, and holds up nobody for longer
	// than it takes to read one sender's.
	Verdicts func() check.Oracle
}

// report calls the Progress callback once a second until done, and once more at the end so that the sum is whole.
func (r *run) report(done chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	p := Progress{Snapshot: r.snapshot, Verdicts: r.verdicts}
	last := time.Duration(0)
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-done:
			over = true
		}
		now := r.now()
		p.Elapsed, p.Over, last = now, now-last, now
		course := *r.course.Load()
		p.Sched = course.at(now)
		p.Phase, p.Left, p.Rate = r.phase(now)
		course = course.ended(now) // as if it went on now
		if !r.sc.Load.Closed {
			p.Left = course.due(p.Sched+p.Left) - now
		}
		p.Total = 0
		for _, ph := range r.sc.Load.Phases {
			p.Total += ph.For
		}
		p.Total = course.due(p.Total)
		p.Window.Reset()
		p.Open = 0
		for _, w := range r.workers {
			w.rec.Window(&p.Window)
			p.Open += int(w.open.Load())
		}
		p.Sum.Add(&p.Window.Counts)
		r.cfg.Progress(&p)
	}
}

// verdicts adds up what the answers said so far of detections.
func (r *run) verdicts() (sum check.Oracle) {
	for _, w := range r.workers {
		w.tally.mu.Lock()
		sum.Merge(&w.tally.verdicts)
		w.tally.mu.Unlock()
	}
	return sum
}

// phase says which phase is under way, how long it may still last in the schedule's time and which rate it asks for.
func (r *run) phase(now time.Duration) (index int, left time.Duration, rate float64) {
	phases, course := r.sc.Load.Phases, *r.course.Load()
	sched := course.at(now)
	var from time.Duration
	if r.sc.Load.Closed {
		index = len(phases)
		for _, w := range r.workers {
			if i, at := w.feed.phase(); i < index {
				index, from = i, course.at(at)
			}
		}
	} else {
		for index < len(phases)-1 && from+phases[index].For <= sched {
			from += phases[index].For
			index++
		}
	}
	ph := phases[index]
	left = max(0, from+ph.For-sched)
	if ph.Shape != nil && left > 0 && course[len(course)-1].tempo > 0 {
		rate = ph.Shape.Rate(sched - from)
	}
	return index, left, rate
}
