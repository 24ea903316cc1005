package sim

import (
	"cmp"
	"container/heap"
	"sync"
	"sync/atomic"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
)

// worker keeps the schedule of some partitions and has senders of its own; workers share nothing but the target. Its
// keeper goroutine waits for intended starts and for retries and puts both in the queue that the senders read.
//
// Overload is explicit: beside those that are under way, at most Client.Queue uploads wait for a sender or for their next
// attempt; one that falls due beyond them is dropped and counted. So a backend that stalls costs neither memory nor
// connections. Where an adapter gathers uploads, those that wait for others are among them, and each sender has a request of several.
type worker struct {
	run        *run
	id         int
	partitions []int
	sched      *Schedule
	asks       *asker // nil: nothing is looked up
	rec        *measure.Recorder
	ledger     *ledger.Writer // nil: none is kept
	limit      int            // most uploads open at once: senders and queue
	queue      chan *job
	gather     *gatherer // nil: each upload is a request
	alarm      Alarm     // what the keeper waits by; rung when retry changed, after the last upload, and at the run's end
	rhythm     rhythm
	crew       []*sender
	open       atomic.Int64 // jobs without a final fate
	over       atomic.Bool  // the keeper waits for open to be 0
	spare      []*job       // unused; the keeper's own
	tally      tally

	dealing sync.Mutex        // guards sched, asks and late: who deals out uploads holds it
	late    measure.Histogram // by how much uploads were let go after their time

	mu    sync.Mutex
	retry retries // jobs that wait for their next attempt
	free  []*job  // unused, given back by senders

	benches chan *bench // unused: senders by the thousand share a few, which stay in the processor's caches

	feed *feed // of the closed model; nil in the open one

	judged sync.Mutex // guards splits
	splits *check.Splits
}

func newWorker(r *run, id int, partitions []int, n int) (*worker, error) {
	w := &worker{
		run:        r,
		partitions: partitions,
		id:         id,
		sched:      NewSchedule(r.cfg.Model, partitions),
		asks:       newAsker(r.cfg.Model, r.cfg.Adapter),
		rec:        measure.NewRecorder(r.names, measure.Options{}),
		rhythm:     rhythm{grid: r.timer.Grid, workers: float64(n)},
		splits:     check.NewSplits(len(r.names.Phases), r.apart),
	}
	for range (r.senders() + n - 1 - id) / n { // the first ones get the remainder
		w.crew = append(w.crew, newSender(w))
	}
	w.benches = make(chan *bench, len(w.crew))
	w.gather = newGatherer(r.cfg.Adapter.Gather)
	w.limit = len(w.crew)*max(1, r.cfg.Adapter.Gather.Uploads) + max(1, r.sc.Target.Client.Queue/n)
	timer := r.timer
	if r.sc.Load.Closed {
		w.feed = newFeed(w)
		timer = GoTimer() // only for the end
	} else {
		w.queue = make(chan *job, w.limit)
	}
	var err error
	w.alarm, err = timer.New()
	return w, err
}

// work returns when every upload of the worker has its fate and all its goroutines have ended. Its error is the
// schedule's, and then the run is halted.
func (w *worker) work() error {
	if w.feed != nil {
		return w.closed()
	}
	var senders sync.WaitGroup
	for _, s := range w.crew {
		senders.Go(func() {
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
	var a Arrival
	w.dealing.Lock()
	more := w.next(&a)
	w.dealing.Unlock()
	driven, end := w.run.ends()
	stopping := false
	for {
		now := w.run.now()
		course := *w.run.course.Load()
		for more && !w.run.stopped() { // far behind, this may take long
			at := course.due(a.At)
			if at > now {
				break
			}
			w.offer(&a, at)
			w.dealing.Lock()
			w.late.Record(now - at)
			more = w.next(&a)
			w.dealing.Unlock()
		}
		next := w.promote(now)
		if w.gather != nil {
			next = min(next, w.release(now, !more)) // with nothing more to come all go
		}
		w.over.Store(!more) // before the look at what is open
		switch idle := w.idle(); {
		case more:
			next = min(next, w.rhythm.tick(a.At, course.due(a.At)))
		case idle && now >= course.due(driven):
			return
		case idle:
			next = course.due(driven) // a quiet end of a phase is a part of it, too
		default:
			next = min(next, course.due(end))
		}
		if now >= course.due(end) && !more {
			w.run.abandon() // the answers had their time
			w.giveUp()
			end = forever
			continue
		}
		w.alarm.Wait(next - w.run.now())
		if !stopping && w.run.stopped() {
			stopping, more, driven, end = true, false, 0, forever
			w.giveUp()
		}
	}
}

const forever = time.Duration(1<<63 - 1)

// next takes the next arrival off the schedule, each with its look-ups behind it, and halts the run if it is broken. The caller holds dealing.
func (w *worker) next(a *Arrival) bool {
	if w.asks != nil && w.asks.next(a) {
		return true
	}
	if w.sched.Next(a) {
		w.rhythm.arrival(a.At)
		if w.asks != nil {
			w.asks.begin(a)
		}
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

// offer puts an arrival that was due at an offset from the run's start in the queue, or drops it when the queue is full.
func (w *worker) offer(a *Arrival, at time.Duration) {
	j := w.take()
	j.fill(w, a, at)
	full := w.open.Add(1) > int64(w.limit)
	w.rec.Due(j.key, j.at)
	if full {
		w.drop(j, measure.Overflow)
		return
	}
	if w.gather != nil && !j.key.Op.LookUp() {
		w.release(at-1, false) // a keeper that is late gathers what one in time does: else the wait would hide how late
		if j = w.gather.join(j); j == nil {
			return
		}
	}
	w.queue <- j // has room for as many as may be open
}

// release lets those uploads go that have waited for others as long as they may, or all, and returns when the next ones will have.
func (w *worker) release(now time.Duration, all bool) time.Duration {
	for {
		j, due := w.gather.over(now, all)
		if j == nil {
			return due
		}
		w.queue <- j // has room, as in offer
	}
}

// take returns an unused job. It is the keeper's.
func (w *worker) take() *job {
	if len(w.spare) == 0 {
		w.mu.Lock()
		w.spare, w.free = w.free, w.spare
		w.mu.Unlock()
	}
	if n := len(w.spare); n > 0 {
		j := w.spare[n-1]
		w.spare = w.spare[:n-1]
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
	if w.run.ending.Load() {
		return false
	}
	j.each(func(o *job) {
		w.rec.Attempt(o.key, o.class, o.sent)
		o.told = true
	})
	heap.Push(&w.retry, j)
	w.alarm.Ring()
	return true
}

// giveUp ends everything that waits for a sender or its next attempt. What waits for others to go with is let go as when the schedule is over,
// and ends with the sender that takes it.
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

// cut ends the uploads of a request that the run leaves no time for: they were never sent, or their last attempt is their fate.
func (w *worker) cut(j *job) {
	j.each(func(o *job) {
		if o.attempts == 0 {
			w.drop(o, measure.NotStarted)
			return
		}
		w.finish(o, o.outcome())
	})
}

func (w *worker) drop(j *job, why measure.Class) {
	j.class, j.done = why, w.run.now()
	w.finish(j, measure.Dropped)
}

// finish records the fate of a job and, in the open model, lets go of it.
func (w *worker) finish(j *job, o measure.Outcome) {
	if sum := j.sumUp(o); sum != o { // what the last attempt was is told, and the upload ended well
		if !j.told {
			w.rec.Attempt(j.key, j.class, j.sent)
		}
		o, j.class, j.told = sum, measure.OK, true
	}
	s := measure.Sample{
		Key:       j.key,
		Outcome:   o,
		Class:     j.class,
		Intended:  j.at,
		Held:      j.held,
		FirstSent: j.firstSent,
		Sent:      j.sent,
		Done:      j.done,
		Attempts:  j.attempts,
		Told:      j.told,
		Bytes:     j.bytes,
		Version:   j.version,
	}
	upload := !j.key.Op.LookUp() // else the items are those of another one
	if upload {
		s.Events = len(j.up.Items)
		for _, it := range j.up.Items {
			s.Kinds[it.Kind]++
		}
	}
	w.rec.Record(&s)
	if upload {
		w.note(j, o)
		w.tally.count(j, o)
	}
	if w.feed != nil {
		w.open.Add(-1)
		return // the sender uses it again
	}
	w.mu.Lock()
	w.free = append(w.free, j)
	w.mu.Unlock()
	if w.open.Add(-1) == 0 && w.over.Load() {
		w.alarm.Ring()
	}
}

// split counts a verdict of an answer by when and to whom it came.
func (w *worker) split(j *job, d *check.Detection, verdict event.Category) {
	w.judged.Lock()
	defer w.judged.Unlock()
	w.splits.Add(int(j.key.Phase), int(j.key.Tenant), j.done-j.at, d, verdict)
}

// idle reports whether every upload has its fate.
func (w *worker) idle() bool { return w.open.Load() == 0 }
