package sim

import (
	"time"

	"drover/sim/behavior"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
)

// job is one upload on its way, with those that were gathered with it. It belongs to whoever took it from the queue, or in the closed model to
// its sender.
type job struct {
	key       measure.Key
	at        time.Duration // intended start
	held      time.Duration // as measure.Sample has it
	up        behavior.Upload
	attempts  int
	firstSent time.Duration
	sent      time.Duration // last attempt
	done      time.Duration
	class     measure.Class // of the last attempt
	answered  bool          // the last attempt had an answer that says no
	unsure    bool          // an attempt had no such answer: the backend may have the upload
	told      bool          // the recorder knows of the last attempt
	bytes     int
	version   int           // of the device's iOS, as measure.Sample has it
	ready     time.Duration // when the next attempt may start
	notes     []ledger.Note // what the answer said of single events
	taken     target.Taken  // messages that attempts so far got taken, where an upload is several

	settled target.Taken // events that answers said yes or no of while they asked for others again
	got     int          // of those: that are taken
	no      []uint32     // sequence numbers of events that were refused, in order

	rest []*job // uploads that go out in one request with it, behind it; they made as many attempts
}

// each calls do for every upload that goes out in one request with j, and for j last: whoever ends it gives it back.
func (j *job) each(do func(*job)) {
	for _, o := range j.rest {
		do(o)
	}
	do(j)
}

// fill makes j the job of an arrival that is due at an offset from the run's start. The items are copied: the schedule needs its own again.
func (j *job) fill(w *worker, a *Arrival, at time.Duration) {
	fleet := w.run.cfg.Model.Fleet
	items := append(j.up.Items[:0], a.Upload.Items...)
	j.taken.Reset()
	j.settled.Reset()
	*j = job{at: at, up: a.Upload, notes: j.notes[:0], taken: j.taken, settled: j.settled, no: j.no[:0], rest: j.rest[:0]}
	j.up.Items = items
	j.key = measure.Key{
		Op:     a.Op,
		Phase:  uint8(a.Phase),
		Slice:  w.run.names.SliceAt(a.At),
		Cohort: uint16(fleet.CohortOf(a.Upload.Device)),
		Tenant: uint32(fleet.TenantOf(a.Upload.Device)),
	}
}

// outcome is the fate of a job whose last attempt was not accepted.
func (j *job) outcome() measure.Outcome {
	if j.answered {
		return measure.Refused
	}
	return measure.Failed
}

// sumUp is the fate of a job, o, where answers may have settled a part of it: then it is accepted, but for the rest, as notes say of single
// events.
func (j *job) sumUp(o measure.Outcome) measure.Outcome {
	if o != measure.Accepted && j.got > 0 {
		rest := ledger.NotTaken
		if !j.answered || j.unsure {
			rest = ledger.Unheard
		}
		for i := range j.up.Items {
			if !j.settled.Has(i) {
				j.notes = append(j.notes, ledger.Note{Seq: j.up.FirstSeq + uint32(i), Said: rest})
			}
		}
		o = measure.Accepted
	}
	if o == measure.Accepted {
		for _, seq := range j.no {
			j.notes = append(j.notes, ledger.Note{Seq: seq, Said: ledger.NotTaken})
		}
	}
	return o
}

// retries is a heap of jobs by when they are ready.
type retries []*job

func (r retries) Len() int           { return len(r) }
func (r retries) Less(i, k int) bool { return r[i].ready < r[k].ready }
func (r retries) Swap(i, k int)      { r[i], r[k] = r[k], r[i] }
func (r *retries) Push(x any)        { *r = append(*r, x.(*job)) }
func (r *retries) Pop() any {
	old := *r
	j := old[len(old)-1]
	*r = old[:len(old)-1]
	return j
}
