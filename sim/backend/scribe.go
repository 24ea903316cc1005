package backend

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/wire"
)

// scribe writes what changes in the store into a journal: many uploads at once, since the disk makes each of them wait as long
// as all. Memory changes first and the answer waits for the disk, so nothing is acknowledged that would not survive. A nil
// scribe writes nothing and keeps nobody waiting.
type scribe struct {
	journal Journal
	log     *slog.Logger

	// gate is held for reading while an upload changes the store, so that all of its changes are written in one go.
	gate sync.RWMutex

	events, tenants atomic.Uint32 // numbers given out

	mu      sync.Mutex
	filling *Batch // the one that changes go to
	no      uint64 // of filling
	written uint64 // last batch that was
	failure error  // why the one after it is not, so far
	retry   bool   // somebody asks to try again
	closing bool
	work    sync.Cond // filling has something, or retry, or closing
	news    sync.Cond // written or failure

	done chan struct{} // closed when run has returned
}

func newScribe(j Journal, log *slog.Logger) *scribe {
	s := &scribe{journal: j, log: log, filling: new(Batch), no: 1, done: make(chan struct{})}
	s.work.L, s.news.L = &s.mu, &s.mu
	return s
}

// run writes batch after batch until close. What could not be written is kept and tried again when the next upload comes, which
// is refused until then: so memory and disk never differ by more than what was under way.
func (s *scribe) run() {
	defer close(s.done)
	spare := new(Batch)
	for {
		s.mu.Lock()
		for s.filling.empty() && !s.closing {
			s.work.Wait()
		}
		s.mu.Unlock()
		s.gate.Lock()
		s.mu.Lock()
		b := s.filling
		s.filling = spare
		s.no++
		s.mu.Unlock()
		s.gate.Unlock()
		if b.empty() || !s.write(b) {
			return
		}
		b.reset()
		spare = b
	}
}

// write writes a batch, however often it takes; false when the scribe is to close and it cannot be written.
func (s *scribe) write(b *Batch) bool {
	for {
		err := s.journal.Write(b)
		s.mu.Lock()
		news := (err == nil) != (s.failure == nil)
		s.failure, s.retry = err, false
		if err == nil {
			s.written++
		}
		s.news.Broadcast()
		for err != nil && !s.retry && !s.closing {
			s.work.Wait()
		}
		closing := s.closing && !s.retry
		s.mu.Unlock()
		switch {
		case err == nil && news:
			s.log.Info("the database takes uploads again")
		case err != nil && news:
			s.log.Error("the database takes nothing, and so does the backend", "error", err)
		}
		if err == nil || closing {
			return err == nil
		}
	}
}

// close writes what is left and closes the journal. Whoever is late is refused.
func (s *scribe) close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.closing, s.retry = true, s.failure != nil
	s.work.Signal()
	s.mu.Unlock()
	<-s.done
	s.mu.Lock()
	err := s.failure
	s.failure = errors.New("it is closed")
	s.news.Broadcast()
	s.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("what the backend could not acknowledge is not in its database: %w", err)
	}
	return errors.Join(err, s.journal.Close())
}

// unsaved is the answer to what could not be written.
func unsaved(err error) error {
	return &refusal{http.StatusServiceUnavailable, "nothing is acknowledged, since the database takes nothing: " + err.Error()}
}

// begin says that an upload is about to change the store, or why it cannot. After nil the caller calls end.
func (s *scribe) begin() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	err := s.failure
	if err != nil {
		s.retry = true
		s.work.Signal()
	}
	s.mu.Unlock()
	if err != nil {
		return unsaved(err)
	}
	s.gate.RLock()
	return nil
}

func (s *scribe) end() {
	if s == nil {
		return
	}
	s.gate.RUnlock()
	s.mu.Lock()
	s.work.Signal()
	s.mu.Unlock()
}

// wait waits until all that was added so far is written. Its error is the answer.
func (s *scribe) wait() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.no
	if s.filling.empty() {
		last--
	} else {
		s.work.Signal()
	}
	for s.written < last {
		if s.failure != nil {
			return unsaved(s.failure)
		}
		s.news.Wait()
	}
	return nil
}

// add changes the batch. Callers of different tenants may come at once; those of one tenant hold its lock.
func (s *scribe) add(f func(*Batch)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.filling)
}

// number is the next event's.
func (s *scribe) number() uint32 {
	if s == nil {
		return 0
	}
	return s.events.Add(1)
}

// tenant tells of a tenant that is new and returns its number.
func (s *scribe) tenant(run string, t *tenant) uint32 {
	if s == nil {
		return 0
	}
	no := s.tenants.Add(1)
	s.add(func(b *Batch) { b.Tenants = append(b.Tenants, TenantRow{no, run, t.id}) })
	return no
}

// planted tells of a defect that struck.
func (s *scribe) planted(k defect.Kind, id event.ID) {
	if s != nil {
		s.add(func(b *Batch) { b.Planted = append(b.Planted, PlantedRow{k, id}) })
	}
}

// sender tells of a tenant's envelope that is new.
func (s *scribe) sender(t *tenant, i uint32, device wire.DeviceID) {
	if s != nil {
		s.add(func(b *Batch) { b.Senders = append(b.Senders, SenderRow{t.no, i, device, t.envelopes[i]}) })
	}
}

// event tells of the tenant's event i, which has been stored.
func (s *scribe) event(t *tenant, e *wire.Event, i uint32, how How) {
	if s == nil {
		return
	}
	rec := t.record(i)
	row := EventRow{
		No: rec.no, Tenant: t.no, Sender: rec.envelope, How: how, Kind: e.Kind, Seq: e.Seq, ID: e.ID,
		Time: e.At, Received: time.Now(), Until: t.hidden[i].until, Body: t.raw(rec), // which stays as it is
	}
	s.add(func(b *Batch) { b.Events = append(b.Events, row) })
}

// tally tells of what else a tenant's uploads came to.
func (s *scribe) tally(t *tenant) {
	if s != nil {
		s.add(func(b *Batch) { b.Tallies = append(b.Tallies, TallyRow{t.no, t.duplicates, t.refused}) })
	}
}

// verdict tells of a verdict that is about to be answered.
func (s *scribe) verdict(t *tenant, id event.ID, v wire.Verdict) {
	s.add(func(b *Batch) { b.Verdicts = append(b.Verdicts, VerdictRow{t.no, id, time.Now(), v}) })
}

// erased tells of an event that was erased.
func (s *scribe) erased(rec record) {
	if s != nil {
		s.add(func(b *Batch) { b.Erased = append(b.Erased, ErasedRow{rec.no, time.Now()}) })
	}
}
