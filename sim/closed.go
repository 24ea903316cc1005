package sim

import (
	"sync"
	"time"

	"drover/sim/scenario"
)

// closed runs the closed model: each sender takes the next upload when its last one has its fate, phase by phase. It
// returns when all have ended.
func (w *worker) closed() {
	timer := time.AfterFunc(w.run.end(), w.run.abandon)
	defer timer.Stop()
	f := &feed{w: w, spans: make([]PhaseSpan, len(w.run.sc.Load.Phases))}
	var senders sync.WaitGroup
	for range w.senders {
		senders.Go(func() {
			s := newSender(w)
			for j := f.next(); j != nil; j = f.next() {
				s.sendToEnd(j)
			}
		})
	}
	senders.Wait()
	f.end()
	w.spans = f.spans
}

// feed deals out the uploads of the closed model. A phase begins when the one before it is over: a driving one after its
// time, the others when every device has had its turn.
type feed struct {
	w     *worker
	mu    sync.Mutex
	spans []PhaseSpan // of the phases so far; To is set at their end
	over  bool
}

// next returns the next job, due now; nil when the run is over.
func (f *feed) next() *job {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.w
	var a Arrival
	for !f.over && !w.run.stopped() && w.run.sending.Err() == nil {
		before := w.sched.Phase()
		if !w.sched.Begin() {
			f.over = true
			break
		}
		phase, now := w.sched.Phase(), w.run.now()
		if phase != before {
			f.spans[phase].From = now
		}
		ph := w.run.sc.Load.Phases[phase]
		timeUp := ph.Do == scenario.Drive && now >= f.spans[phase].From+ph.For
		if timeUp || !w.sched.inPhase(&a) {
			w.sched.Skip()
			f.spans[phase].To = now
			continue
		}
		a.At = now
		w.mu.Lock()
		j := w.take()
		j.fill(w, &a)
		w.open++
		w.mu.Unlock()
		w.rec.Due(j.key, j.at)
		return j
	}
	return nil
}

// end closes the span of a phase that was cut short.
func (f *feed) end() {
	if p := f.w.sched.Phase(); p >= 0 && f.spans[p].To == 0 {
		f.spans[p].To = f.w.run.now()
	}
}

// sendToEnd sends a job until it has its fate, waiting in place between attempts.
func (s *sender) sendToEnd(j *job) {
	retry := s.w.run.sc.Target.Client.Retry
	for s.attempt(j) {
		delay, ok := retry.Delay(j.attempts, s.ans.RetryAfter, s.draw.Float64())
		if !ok || !s.pause(delay) {
			s.w.finish(j, j.outcome())
			return
		}
	}
}

// pause waits; false when the run is ending.
func (s *sender) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.w.run.stopping:
	case <-s.w.run.sending.Done():
	}
	return false
}
