package sim

import (
	"runtime"
	"sync"

	"drover/sim/target"
)

// turns returns when no sender has another turn. They are fibers of loops where the target has some, else goroutines.
func (w *worker) turns() {
	to, loops := w.loops()
	benches := make([]*bench, len(loops))
	for i := range benches {
		benches[i] = w.bench()
	}
	var all sync.WaitGroup
	for i, s := range w.crew {
		if len(loops) == 0 {
			all.Go(s.turns)
			continue
		}
		i %= len(loops)
		s.join(to, loops[i], benches[i])
		loops[i].Go(s.turns)
	}
	for _, l := range loops {
		all.Go(func() {
			l.Run()
			l.Close()
		})
	}
	all.Wait()
}

// loops are those of the worker's senders, so many that all workers together keep every processor busy, and the target that made them. None
// where it has none.
func (w *worker) loops() (to target.Looper, loops []*target.Loop) {
	r := w.run
	to, ok := r.cfg.Target.(target.Looper)
	if !ok {
		return nil, nil
	}
	for range max(1, runtime.GOMAXPROCS(0)/len(r.workers)) {
		l := to.NewLoop(r.senders())
		if l == nil {
			break
		}
		loops = append(loops, l)
	}
	return to, loops
}

// crewed is a sender of a loop. It is a fiber only where something takes a wait: by the time of an answer the stack of a fiber has gone cold. Else it
// starts an upload and returns, and the loop calls answered, which takes what came and starts the next one.
type crewed struct {
	direct target.Looper // nil: the sender is a goroutine
	answer func()        // answered, made once
	stays  int           // uploads that the sender's fiber sees to their end although they might go on without it
}

// stay is how many those are after something took a wait. A backend whose answers come in pieces would else have a fiber made for each.
const stay = 100

// join makes a sender one of a loop, whose fibers share a bench.
func (s *sender) join(t target.Looper, l *target.Loop, b *bench) {
	s.direct, s.req.Loop, s.bench, s.answer = t, l, b, s.answered
}

// start starts an attempt that goes on without a fiber; false when it cannot.
func (s *sender) start() bool {
	return s.direct != nil && s.direct.Start(s.w.run.sending, &s.req, s.answer)
}

// answered goes on with what start began. It is no fiber's, and must not wait.
func (s *sender) answered() {
	j := &s.job
	switch {
	case !s.direct.Finish(s.w.run.sending, &s.req, &s.ans):
		s.fiber(func() bool {
			s.direct.Finish(s.w.run.sending, &s.req, &s.ans)
			return s.fated(j)
		})
	case s.conclude(j) != nil:
		s.fiber(func() bool { return !s.another(j) })
	case s.w.run.cfg.Clock.holds():
		s.fiber(func() bool { return true })
	case s.take(false): // the clock may be held up by now; one more upload does not matter, but a wait would
		if s.prepare(j); !s.start() {
			s.fiber(func() bool { return s.sent(j) })
		}
	}
}

// fiber goes on with what takes a wait: it reports whether the job has its fate. If not it is sent to its end; and then come the sender's turns.
func (s *sender) fiber(fated func() bool) {
	s.stays = stay
	s.req.Loop.Go(func() {
		if fated() || s.sendToEnd(&s.job) {
			s.turns()
		}
	})
}
