package sim

import (
	"sync"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/ledger"
	"drover/sim/measure"
)

// tally counts the events of a worker by what became of them. Its keeper and all its senders add to it, one at a time by mu: one for each of
// thousands of senders would take more memory than all else that they have.
type tally struct {
	mu       sync.Mutex
	kinds    [event.NumKinds]Kinds
	verdicts check.Oracle
	disputes check.Disputes
	gathered Gathered
}

func (t *tally) count(j *job, o measure.Outcome) {
	if o == measure.Refused && j.unsure {
		o = measure.Failed // an earlier attempt may have arrived
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, it := range j.up.Items {
		k := &t.kinds[it.Kind]
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
	if o != measure.Accepted {
		return
	}
	for _, n := range j.notes { // but for these
		k := &t.kinds[j.up.Items[n.Seq-j.up.FirstSeq].Kind]
		switch n.Said {
		case ledger.NotTaken:
			k.Refused++
			k.Accepted--
		case ledger.Unheard:
			k.Failed++
			k.Accepted--
		}
	}
}

// carried counts a request with so many uploads.
func (t *tally) carried(uploads int) {
	t.mu.Lock()
	t.gathered.add(Gathered{1, int64(uploads)})
	t.mu.Unlock()
}
