package sim

import (
	"sync"
	"sync/atomic"
	"time"
)

// closed runs the closed model: each sender takes the next upload when its last one has its fate, phase by phase. It
// returns when all have ended, and its error is the schedule's.
func (w *worker) closed() error {
	f := w.feed
	var over atomic.Bool
	var limit sync.WaitGroup
	limit.Go(func() {
		_, end := w.run.ends()
		for !over.Load() {
			left := w.run.course.Load().due(end) - w.run.now()
			if left <= 0 {
				w.run.abandon()
				return
			}
			w.alarm.Wait(left)
		}
	})
	w.turns()
	over.Store(true)
	w.alarm.Ring()
	limit.Wait()
	f.end()
	return w.sched.Err()
}

// turns takes uploads and sends them until the run is over, or one goes on without this fiber.
func (s *sender) turns() {
	for s.turn() {
	}
}

// feed deals out the uploads of the closed model. A phase begins when the one before it is over: after its time, or before
// when it enrols or drains and every device has had its turn. Devices whose turn did not come keep what they have.
type feed struct {
	w     *worker     // whose dealing is held by the methods
	spans []PhaseSpan // of the phases so far; To is set at their end
	over  bool
	a     Arrival
}

func newFeed(w *worker) *feed {
	return &feed{w: w, spans: make([]PhaseSpan, len(w.run.sc.Load.Phases))}
}

// phase is the phase under way, 0 before the first, and when it began.
func (f *feed) phase() (index int, from time.Duration) {
	f.w.dealing.Lock()
	defer f.w.dealing.Unlock()
	index = max(0, f.w.sched.Phase())
	return index, f.spans[index].From
}

// span is when a phase was, or is until now.
func (f *feed) span(phase int, now time.Duration) PhaseSpan {
	f.w.dealing.Lock()
	defer f.w.dealing.Unlock()
	s := f.spans[phase]
	if s.To == 0 && f.w.sched.Phase() == phase {
		s.To = now
	}
	return s
}

// next makes j the next job, due at now; false when the run is over.
func (f *feed) next(j *job, now time.Duration) bool {
	f.w.dealing.Lock()
	defer f.w.dealing.Unlock()
	w := f.w
	if w.asks != nil && !f.over && !w.run.ending.Load() && w.asks.next(&f.a) {
		f.a.At = max(now, f.spans[f.a.Phase].From)
		j.fill(w, &f.a, f.a.At)
		return true
	}
	for !f.over && !w.run.ending.Load() {
		before := w.sched.Phase()
		if !w.sched.Begin() {
			f.over = true
			break
		}
		phase := w.sched.Phase()
		if phase != before {
			f.spans[phase].From = now
		}
		ph := w.run.sc.Load.Phases[phase]
		course := *w.run.course.Load()
		if now >= course.due(course.at(f.spans[phase].From)+ph.For) || !w.sched.inPhase(&f.a) {
			if w.sched.Err() != nil {
				w.run.halt()
				f.over = true
				break
			}
			w.sched.Skip()
			f.spans[phase].To = now
			continue
		}
		f.a.At = max(now, f.spans[phase].From)
		j.fill(w, &f.a, f.a.At)
		if w.asks != nil {
			w.asks.begin(&f.a)
		}
		return true
	}
	return false
}

// end closes the span of a phase that was cut short.
func (f *feed) end() {
	f.w.dealing.Lock()
	defer f.w.dealing.Unlock()
	if p := f.w.sched.Phase(); p >= 0 && f.spans[p].To == 0 {
		f.spans[p].To = f.w.run.now()
	}
}

// turn takes the next upload and sends it; false when the run is over, or it goes on without this fiber.
func (s *sender) turn() bool { return s.take(s.held()) && s.sendToEnd(&s.job) }

// take takes the next upload; false when the run is over. It falls due at the instant at which the last one had its fate, or now where the sender has
// waited since.
func (s *sender) take(waited bool) bool {
	j := &s.job
	now := j.done
	if waited || j.attempts != 1 { // the first turn, or one with a wait at its end
		now = s.w.run.now()
	}
	if !s.w.feed.next(j, now) {
		return false
	}
	s.w.open.Add(1)
	s.w.rec.Due(j.key, j.at)
	return true
}

// held waits while somebody holds up the clock, and reports whether it did.
func (s *sender) held() (was bool) {
	clock := s.w.run.cfg.Clock
	if clock == nil {
		return false
	}
	for again := clock.wait(); again != nil; again = clock.wait() {
		if was = true; !wait(s, again) {
			break
		}
	}
	return was
}

// sendToEnd sends a job until it has its fate, waiting in place between attempts; false when it goes on without this fiber.
func (s *sender) sendToEnd(j *job) bool {
	for {
		s.prepare(j)
		if s.stays > 0 {
			s.stays--
		} else if s.start() {
			return false
		}
		if s.sent(j) {
			return true
		}
	}
}

// sent sends what is prepared, and waits for the answer: as fated has it.
func (s *sender) sent(j *job) bool {
	s.w.run.cfg.Target.Send(s.w.run.sending, &s.req, &s.ans)
	return s.fated(j)
}

// fated makes of an answer what becomes of its job: true: it has its fate; false: it was time for another attempt, and is now.
func (s *sender) fated(j *job) bool { return s.conclude(j) == nil || !s.another(j) }

// another waits for the next attempt of a job; false when there is none, and the job has its fate.
func (s *sender) another(j *job) bool {
	delay, ok := s.w.run.sc.Target.Client.Retry.Delay(j.attempts, s.ans.RetryAfter, s.draw.Float64())
	if ok {
		s.w.rec.Attempt(j.key, j.class, j.sent)
		j.told = true
	}
	if !ok || !s.pause(delay) {
		s.w.finish(j, j.outcome())
		return false
	}
	return true
}

// pause waits; false when the run is ending.
func (s *sender) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	return wait(s, timer.C)
}

// wait waits for a channel, while other fibers have their turns; false when the run is ending.
func wait[T any](s *sender, c <-chan T) (came bool) {
	s.req.Loop.Away(func() {
		select {
		case <-c:
			came = true
		case <-s.w.run.stopping:
		case <-s.w.run.sending.Done():
		}
	})
	return came
}
