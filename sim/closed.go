package sim

import (
	"sync"
	"time"
)

// closed runs the closed model: each sender takes the next upload when its last one has its fate, phase by phase. It
// returns when all have ended, and its error is the schedule's.
func (w *worker) closed() error {
	_, end := w.run.ends()
	timer := time.AfterFunc(end, w.run.abandon)
	defer timer.Stop()
	f := w.feed
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
	return w.sched.Err()
}

// feed deals out the uploads of the closed model. A phase begins when the one before it is over: after its time, or before
// when it enrols or drains and every device has had its turn. Devices whose turn did not come keep what they have.
type feed struct {
	w     *worker
	mu    sync.Mutex
	spans []PhaseSpan // of the phases so far; To is set at their end
	over  bool
}

func newFeed(w *worker) *feed {
	return &feed{w: w, spans: make([]PhaseSpan, len(w.run.sc.Load.Phases))}
}

// phase is the phase under way, 0 before the first, and when it began.
func (f *feed) phase() (index int, from time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	index = max(0, f.w.sched.Phase())
	return index, f.spans[index].From
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
		if now >= f.spans[phase].From+ph.For || !w.sched.inPhase(&a) {
			if w.sched.Err() != nil {
				w.run.halt()
				f.over = true
				break
			}
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
	f.mu.Lock()
	defer f.mu.Unlock()
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
