package sim

import (
	"fmt"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/measure"
)

// snapshot is what the run did so far: a Result of which Audit, LedgerErr and the grid of Pacing are only known at its end. It is safe for
// concurrent use and holds up each worker only while it reads it. Uploads are under way, so the counts of a phase need not add up
// yet.
func (r *run) snapshot() *Result { return r.sum(r.now()) }

// result is what the run did, when all its goroutines have ended.
func (r *run) result(elapsed time.Duration) (*Result, error) {
	res := r.sum(elapsed)
	for _, w := range r.workers {
		res.Pacing.Grid = max(res.Pacing.Grid, w.rhythm.widest)
	}
	if r.audit != nil {
		res.Audit = r.audit.finish(&res.Devices)
	}
	for _, ph := range r.names.Phases {
		if err := res.Totals.Select(measure.Selector{Phase: ph.Name}).Counts.Check(); err != nil {
			return nil, fmt.Errorf("phase %s: the harness miscounted: %w", ph.Name, err)
		}
		for _, op := range measure.LookUps() {
			if err := res.Totals.Select(measure.Selector{Phase: ph.Name, Op: op.String()}).Counts.Check(); err != nil {
				return nil, fmt.Errorf("phase %s, %v: the harness miscounted: %w", ph.Name, op, err)
			}
		}
	}
	return res, nil
}

// Due is when an instant of the schedule came, as an offset from the run's start: the same, unless somebody held up the clock or changed
// its pace before.
func (res *Result) Due(sched time.Duration) time.Duration { return res.way().due(sched) }

// At is the instant of the schedule to which the run had come at an offset from its start.
func (res *Result) At(offset time.Duration) time.Duration { return res.way().at(offset) }

// Running is how long the run took from an instant of the schedule to another one, without the time in which its clock was held.
func (res *Result) Running(from, to time.Duration) time.Duration { return res.way().running(from, to) }

// way is the course of the run. That of a Result that nobody ran is undisturbed.
func (res *Result) way() course {
	if len(res.course) == 0 {
		return undisturbed
	}
	return res.course
}

// sum adds up what the workers know.
func (r *run) sum(elapsed time.Duration) *Result {
	res := &Result{Started: r.start, Elapsed: elapsed, Workers: len(r.workers), Interrupted: r.stopped(), Splits: check.NewSplits(len(r.names.Phases), r.apart)}
	if !r.sc.Load.Closed {
		res.Pacing.Timer = r.timer.Name
	}
	var recs []*measure.Recorder
	for _, w := range r.workers {
		recs = append(recs, w.rec)
		if r.cfg.Model.Behavior.Enroll {
			res.Kinds[event.Enrolment].Made += int64(w.sched.Devices())
		}
		res.add(&w.tally)
		w.judged.Lock()
		res.Splits.Merge(w.splits)
		w.judged.Unlock()
		w.dealing.Lock() // after the tally, so that nothing has a fate before it was made
		res.Late.Merge(&w.late)
		res.Devices.Add(w.sched.Stats())
		res.DeviceTime = max(res.DeviceTime, w.sched.DeviceTime())
		w.dealing.Unlock()
	}
	for k := range res.Kinds {
		kind := &res.Kinds[k]
		kind.Made, kind.Lost, kind.Withdrawn = kind.Made+res.Devices.Made[k], res.Devices.Lost[k], res.Devices.Withdrawn[k]
		kind.Pending = kind.Made - kind.Lost - kind.Withdrawn - kind.Sent - kind.Dropped
	}
	res.course = r.course.Load().ended(elapsed)
	res.Stretches = r.course.Load().stretches(elapsed)
	res.Totals = measure.Merge(r.names, recs...)
	res.Phases = r.spans(elapsed, res.course)
	r.errMu.Lock()
	for c, text := range r.errors {
		if text != "" {
			res.FirstErrors = append(res.FirstErrors, ClassError{measure.Class(c), text})
		}
	}
	r.errMu.Unlock()
	if after, err := measure.Self(); err == nil {
		b := r.before
		res.Usage = measure.Usage{User: after.User - b.User, System: after.System - b.System, MaxRSS: after.MaxRSS, GC: after.GC - b.GC, Busy: after.Busy - b.Busy}
	}
	return res
}

func (res *Result) add(t *tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.kinds {
		res.Kinds[k].add(t.kinds[k])
	}
	res.Verdicts.Merge(&t.verdicts)
	res.Disputes.Merge(&t.disputes)
	res.Gathered.add(t.gathered)
}

func (k *Kinds) add(o Kinds) {
	k.Sent += o.Sent
	k.Accepted += o.Accepted
	k.Refused += o.Refused
	k.Failed += o.Failed
	k.Dropped += o.Dropped
}

// spans says when each phase was. In the closed model the workers say, each for itself: a phase is from when the first one
// began it until the last one ended it.
func (r *run) spans(elapsed time.Duration, c course) []PhaseSpan {
	spans := make([]PhaseSpan, len(r.sc.Load.Phases))
	var from time.Duration
	for i, ph := range r.sc.Load.Phases {
		if r.sc.Load.Closed {
			for _, w := range r.workers {
				switch s := w.feed.span(i, elapsed); {
				case s.To == 0: // this worker never came so far
				case spans[i].To == 0:
					spans[i] = s
				default:
					spans[i].From, spans[i].To = min(spans[i].From, s.From), max(spans[i].To, s.To)
				}
			}
			continue
		}
		if begins := c.due(from); begins < elapsed {
			spans[i] = PhaseSpan{begins, min(c.due(from+ph.For), elapsed)}
		}
		from += ph.For
	}
	return spans
}
