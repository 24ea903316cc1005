package sim

import (
	"errors"

	"drover/sim/ledger"
	"drover/sim/measure"
)

// Keep says where the ledger of a run goes.
type Keep struct {
	Dir string // a folder; it must hold no ledger yet
	Run string // the run's id
}

// openLedgers begins the ledger of each worker.
func (r *run) openLedgers() error {
	k := r.cfg.Ledger
	if k == nil {
		return nil
	}
	for _, w := range r.workers {
		var err error
		w.ledger, err = ledger.Create(k.Dir, ledger.Header{
			Run: k.Run, Digest: r.sc.Digest, Started: r.start.UTC(), Worker: w.id, Partitions: w.partitions,
		})
		if err != nil {
			return errors.Join(err, r.closeLedgers())
		}
	}
	return nil
}

// closeLedgers ends them. An error says that not all is on disk.
func (r *run) closeLedgers() error {
	var errs []error
	for _, w := range r.workers {
		if w.ledger != nil {
			errs = append(errs, w.ledger.Close())
		}
	}
	return errors.Join(errs...)
}

// note writes the fate of a job into the ledger.
func (w *worker) note(j *job, o measure.Outcome) {
	if w.ledger == nil {
		return
	}
	w.ledger.Add(&ledger.Upload{
		Op:       j.key.Op,
		Phase:    int(j.key.Phase),
		Device:   j.up.Device,
		FirstSeq: j.up.FirstSeq,
		Events:   len(j.up.Items),
		Outcome:  o,
		Class:    j.class,
		Unsure:   j.unsure,
		Attempts: j.attempts,
		Intended: j.at,
		First:    j.firstSent,
		Sent:     j.sent,
		Done:     j.done,
		Notes:    j.notes,
	})
}
