package sim

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// Retracer makes the uploads of a run that is over once more, byte for byte, out of its scenario. The ledger keeps no bodies:
// they are a function of the scenario, the device and the sequence number. It is owned by one goroutine.
type Retracer struct {
	maker
	f   wire.Format
	buf []byte

	hashed *wire.Adapter // of the run, where the hash of each event's bytes is asked for; else nil
	then   *fleet.Device // of the event under way, as it was when it happened
	sent   []byte        // of the event under way

	withdrawn []int          // devices whose optional data was to be erased, sorted
	made      behavior.Stats // by the devices, in the walk that was the last
}

// NewRetracer returns a retracer of a model's runs, whose uploads are written in f.
func NewRetracer(m *Model, f wire.Format) *Retracer {
	return &Retracer{maker: newMaker(m), f: f}
}

// ErrOtherRun says that a ledger is not of the scenario.
var ErrOtherRun = errors.New("the ledger has uploads that the scenario does not make")

// Walk calls each for every upload that the run's devices made, in the order of the schedule, with its fate. Of a ledger that
// was cut short it also calls each, with a nil fate, for those that may have been made after its last block. What each is
// given is valid until it returns, and its error ends the walk. ErrOtherRun is an error, too.
func (r *Retracer) Walk(x *ledger.Index, each func(a *Arrival, fate *ledger.Fate) error) error {
	var parts []int
	for _, f := range x.Ledger.Files {
		if f.Digest != r.m.Scenario.Digest {
			return fmt.Errorf("%s is of the scenario with digest %.12s, not %.12s: %w", f.Name, f.Digest, r.m.Scenario.Digest, ErrOtherRun)
		}
		parts = append(parts, f.Partitions...)
	}
	slices.Sort(parts)
	whole, found := x.Ledger.Whole(), 0
	r.made = behavior.Stats{}
	visit := func(a *Arrival) error {
		if fate, ok := x.Find(a.Upload.Device, a.Upload.FirstSeq); ok {
			found++
			return each(a, &fate)
		}
		if whole {
			return nil // it never fell due: the run was interrupted before
		}
		return each(a, nil)
	}
	var err error
	if r.m.Scenario.Load.Closed {
		err = r.closed(x, parts, visit)
	} else {
		err = r.open(parts, func() bool { return whole && found == x.Len() }, visit)
	}
	if err == nil && found != x.Len() {
		err = fmt.Errorf("%d of %d uploads: %w", x.Len()-found, x.Len(), ErrOtherRun)
	}
	return err
}

// open goes through the whole schedule, or until all is found.
func (r *Retracer) open(parts []int, over func() bool, visit func(*Arrival) error) error {
	s := NewSchedule(r.m, parts)
	var a Arrival
	for !over() && s.Next(&a) {
		if err := visit(&a); err != nil {
			return err
		}
	}
	r.made.Add(s.Stats())
	return s.Err()
}

// closed asks each partition for as many uploads as it was asked for: how many that is in a phase was up to the backend, and
// only the ledger knows.
func (r *Retracer) closed(x *ledger.Index, parts []int, visit func(*Arrival) error) error {
	for _, p := range parts {
		s := NewSchedule(r.m, []int{p})
		var a Arrival
		for s.Begin() {
			for range x.Known(p, s.Phase()) {
				if !s.inPhase(&a) {
					return errors.Join(ErrOtherRun, s.Err())
				}
				if err := visit(&a); err != nil {
					return err
				}
			}
			s.Skip()
		}
		r.made.Add(s.Stats())
	}
	return nil
}

// Request makes the request of an upload as an adapter has it: all but the target's own part. Its slices are req's.
func (r *Retracer) Request(u *behavior.Upload, x *wire.Exchange, req *target.Request) {
	r.request(u, x, req)
}

// hash is the print of the hash of what an adapter writes of the event under way.
func (r *Retracer) hash(x *wire.Exchange) uint64 {
	r.sent = x.Event(r.sent[:0], 0, r.then, &r.ev)
	return ledger.HashPrint(sha256.Sum256(bytes.Trim(r.sent, ", \t\r\n")))
}

// Documents calls each for every event of an upload, as a native document of its own, which says the same as what was sent: so a
// backend shows what it stored. The arguments are valid until it returns.
func (r *Retracer) Documents(u *behavior.Upload, each func(e *event.Event, doc []byte) error) error {
	r.dev = r.filler.Begin(u)
	r.buf = wire.Native.Begin(r.buf[:0], r.dev, r.m.Behavior.Sends.All)
	head := len(r.buf)
	for i := range u.Items {
		r.then = r.filler.Fill(&r.ev, i)
		if r.f.Then {
			r.buf = wire.Native.Begin(r.buf[:0], r.then, r.m.Behavior.Sends.All)
			head = len(r.buf)
		}
		r.buf = wire.Native.End(wire.Native.Event(r.buf[:head], 0, r.then, &r.ev), 0)
		if err := each(&r.ev, r.buf); err != nil {
			return err
		}
	}
	return nil
}

// Expect tells a settler of every event of a run.
func (r *Retracer) Expect(index *ledger.Index, s *ledger.Settler) error {
	var shift time.Duration // of the last upload whose fate is known: somebody may have held up the clock
	return r.Walk(index, func(a *Arrival, fate *ledger.Fate) error {
		if fate != nil {
			shift = fate.Intended - a.At
		}
		return r.Documents(&a.Upload, func(e *event.Event, doc []byte) error {
			x := ledger.Expected{
				Print: s.Printer.Document(doc), State: stateOf(fate, e.Seq, a.At+shift > index.Ledger.Last), Kind: e.Kind, Op: a.Op, Device: a.Upload.Device, Seq: e.Seq,
			}
			if r.hashed != nil {
				x.Print.Hash = r.hash(&r.hashed.Ops[a.Op])
			}
			if fate != nil {
				x.Done = fate.Done
			}
			if e.Kind == event.Diagnostics && (x.State == ledger.Acknowledged || x.State == ledger.Unanswered) {
				if _, ok := slices.BinarySearch(r.withdrawn, a.Upload.Device); ok {
					x.State = ledger.Erased
				}
			}
			return s.Expect(&x)
		})
	})
}

// stateOf is what the client knows of one event. after says that it fell due after all that the ledger knows.
func stateOf(f *ledger.Fate, seq uint32, after bool) ledger.State {
	switch {
	case f == nil && after:
		return ledger.NotDue
	case f == nil:
		return ledger.Unrecorded
	case f.Outcome == measure.Dropped:
		return ledger.NeverSent
	case f.Outcome == measure.Accepted && !f.Refused(seq) && !f.Unheard(seq):
		return ledger.Acknowledged
	case f.Outcome == measure.Failed, f.Unsure, f.Unheard(seq):
		return ledger.Unanswered
	}
	return ledger.Rejected
}

// Altered makes the altered events of a settlement once more and calls each with what was sent of them.
func (r *Retracer) Altered(x *ledger.Index, s *ledger.Settler, each func(id event.ID, doc []byte)) error {
	return r.Walk(x, func(a *Arrival, _ *ledger.Fate) error {
		return r.Documents(&a.Upload, func(e *event.Event, doc []byte) error {
			if s.Altered(e.ID) {
				each(e.ID, doc)
			}
			return nil
		})
	})
}
