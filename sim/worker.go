package sim

import (
	"cmp"
	"container/heap"
	"sync"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
)

// worker keeps the schedule of some partitions and has senders of its own; workers share nothing but the target. Its
// keeper goroutine waits for intended starts and for retries and puts both in the queue that the senders read.
//
// Overload is explicit: beside those that are under way, at most Client.Queue uploads wait for a sender or for their next
// attempt; one that falls due beyond them is dropped and counted. So a backend that stalls costs neither memory nor
// connections.
type worker struct {
	run     *run
	id      int
	sched   *Schedule
	rec     *measure.Recorder
	senders int
	limit   int // most uploads open at once: senders and queue
	queue   chan *job
	wake    chan struct{} // tells the keeper that retry or open changed

	mu       sync.Mutex
	open     int     // jobs without a final fate
	retry    retries // jobs that wait for their next attempt
	free     []*job
	kinds    [event.NumKinds]Kinds
	verdicts check.VerdictMatrix

	feed *feed // of the closed model; nil in the open one
}

func newWorker(r *run, id int, partitions []int, n int) *worker {
	w := &worker{
		run:   r,
		id:    id,
		sched: NewSchedule(r.cfg.Model, partitions),
		rec:   measure.NewRecorder(r.names, measure.Options{}),
		wake:  make(chan struct{}, 1),
	}
	w.senders = (r.senders() + n - 1 - id) / n // the first ones get the remainder
	w.limit = w.senders + max(1, r.sc.Target.Client.Queue/n)
	if r.sc.Load.Closed {
		w.feed = newFeed(w)
	} else {
		w.queue = make(chan *job, w.limit)
	}
	return w
}

// work returns when every upload of the worker has its fate and all its goroutines have ended. Its error is the
// schedule's, and then the run is halted.
func (w *worker) work() error {
	if w.feed != nil {
		return w.closed()
	}
	var senders sync.WaitGroup
	for range w.senders {
		senders.Go(func() {
			s := newSender(w)
			for j := range w.queue {
				s.send(j)
			}
		})
	}
	w.keep()
	close(w.queue)
	senders.Wait()
	return w.sched.Err()
}

// keep is the keeper: it returns when the schedule is over, or interrupted, and no upload is left open.
func (w *worker) keep() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var a Arrival
	more := w.next(&a)
	driven, end := w.run.ends()
	stopping := w.run.stopping
	for {
		now := w.run.now()
		for more && a.At <= now && !w.run.stopped() { // far behind, this may take long
			w.offer(&a)
			more = w.next(&a)
		}
		next := w.promote(now)
		switch idle := w.idle(); {
		case more:
			next = min(next, a.At)
		case idle && now >= driven:
			return
		case idle:
			next = driven // a quiet end of a phase is a part of it, too
		default:
			next = min(next, end)
		}
		if now >= end && !more {
			w.run.abandon() // the answers had their time
			w.giveUp()
			end = forever
			continue
		}
		timer.Reset(next - w.run.now())
		select {
		case <-timer.C:
		case <-w.wake:
		case <-stopping:
			stopping, more, driven, end = nil, false, 0, forever
			w.giveUp()
		}
	}
}

const forever = time.Duration(1<<63 - 1)

// next takes the next arrival off the schedule, and halts the run if it is broken.
func (w *worker) next(a *Arrival) bool {
	if w.sched.Next(a) {
		return true
	}
	if w.sched.Err() != nil {
		w.run.halt()
	}
	return false
}

// ends says when the last phase that drives is over, before which no run ends, and when a run stops waiting for answers:
// at the end of a last phase that drains, else one time-out after the last phase.
func (r *run) ends() (driven, end time.Duration) {
	for _, ph := range r.sc.Load.Phases {
		end += ph.For
		if ph.Do != scenario.Drain {
			driven = end
		}
	}
	if driven == end {
		end += cmp.Or(r.sc.Target.Client.Timeout, target.DefaultTimeout)
	}
	return driven, end
}

// offer puts an arrival in the queue, or drops it when the queue is full.
func (w *worker) offer(a *Arrival) {
	w.mu.Lock()
	j := w.take()
	j.fill(w, a)
	full := w.open >= w.limit
	w.open++
	w.mu.Unlock()
	w.rec.Due(j.key, j.at)
	if full {
		w.drop(j, measure.Overflow)
		return
	}
	w.queue <- j // has room for as many as may be open
}

// take returns an unused job. w.mu is held.
func (w *worker) take() *job {
	if n := len(w.free); n > 0 {
		j := w.free[n-1]
		w.free = w.free[:n-1]
		return j
	}
	return new(job)
}

// promote moves retries that are ready into the queue and returns when the next one will be.
func (w *worker) promote(now time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.retry) > 0 && w.retry[0].ready <= now {
		w.queue <- heap.Pop(&w.retry).(*job) // has room, as in offer
	}
	if len(w.retry) > 0 {
		return w.retry[0].ready
	}
	return forever
}

// again makes a job wait for its next attempt; false when the run is ending.
func (w *worker) again(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run.stopped() || w.run.sending.Err() != nil {
		return false
	}
	heap.Push(&w.retry, j)
	w.notify()
	return true
}

// notify wakes the keeper.
func (w *worker) notify() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// giveUp ends everything that waits.
func (w *worker) giveUp() {
	w.mu.Lock()
	left := w.retry
	w.retry = nil
	w.mu.Unlock()
	for {
		select {
		case j := <-w.queue:
			left = append(left, j)
			continue
		default:
		}
		break
	}
	for _, j := range left {
		w.cut(j)
	}
}

// cut ends a job that the run leaves no time for: it was never sent, or its last attempt is its fate.
func (w *worker) cut(j *job) {
	if j.attempts == 0 {
		w.drop(j, measure.NotStarted)
		return
	}
	w.finish(j, j.outcome())
}

func (w *worker) drop(j *job, why measure.Class) {
	j.class, j.done = why, w.run.now()
	w.finish(j, measure.Dropped)
}

// finish records the fate of a job and lets go of it.
func (w *worker) finish(j *job, o measure.Outcome) {
	w.rec.Record(&measure.Sample{
		Key:       j.key,
		Outcome:   o,
		Class:     j.class,
		Intended:  j.at,
		FirstSent: j.firstSent,
		Sent:      j.sent,
		Done:      j.done,
		Attempts:  j.attempts,
		Events:    len(j.up.Items),
		Bytes:     j.bytes,
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if o == measure.Refused && j.unsure {
		o = measure.Failed // an earlier attempt may have arrived
	}
	for _, it := range j.up.Items {
		k := &w.kinds[it.Kind]
		switch o {
		case measure.Accepted:
			k.Accepted++
		case measure.Refused:
			k.Refused++
		case measure.Failed:
			k.Failed++
		case measure.Dropped:
			k.Dropped++
			continue
		}
		k.Sent++
	}
	w.free = append(w.free, j)
	if w.open--; w.open == 0 {
		w.notify()
	}
}

// idle reports whether every upload has its fate.
func (w *worker) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open == 0
}
