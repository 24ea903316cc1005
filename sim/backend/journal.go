package backend

import (
	"time"

	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

// Journal keeps what a backend stores beyond its process. The backend alone calls it, one call at a time.
type Journal interface {
	// Load gives f what is held: batches that say together what was written, in that order. A batch and all that it points to
	// are f's until it returns.
	Load(f func(*Batch) error) error

	// Write stores all of a batch or, with an error, nothing of it. When it returns nil what it stored will be there after the
	// process, and the machine, have died. After an error it may be called with the same batch again.
	Write(*Batch) error

	Close() error
}

// Batch is what several uploads changed.
type Batch struct {
	Tenants  []TenantRow
	Senders  []SenderRow
	Events   []EventRow
	Tallies  []TallyRow
	Verdicts []VerdictRow
	Planted  []PlantedRow
	Erased   []ErasedRow
}

// TenantRow is a tenant of a run that is met for the first time. No counts from 1.
type TenantRow struct {
	No  uint32
	Run string
	ID  fleet.GUID
}

// SenderRow is what the documents of a tenant say beside their events. No counts from 0 in each tenant.
type SenderRow struct {
	Tenant, No uint32
	Device     wire.DeviceID
	Text       string // "device":{...},"account":{...},"app":{...}
}

// How says why a stored event is there, where that is not simply because it was sent.
type How uint8

const (
	Sent    How = iota
	Copied      // it came again, and a defect stored it again
	Swapped     // a defect gave it to this tenant
	Leaked      // another tenant's, which a defect shows to this tenant's readers
)

// EventRow is an event in store. No counts from 1 over all tenants.
type EventRow struct {
	No, Tenant, Sender uint32
	How                How
	Kind               event.Kind
	Seq                uint32
	ID                 event.ID
	Time, Received     time.Time // by the device's clock, as sent; by the backend's
	Until              time.Time // nobody sees it before; zero: everybody may
	Erased             bool      // its Body is gone; only Load says so, see ErasedRow
	Body               []byte    // the object as stored, which a defect may have changed
}

// TallyRow is what a tenant's uploads came to so far beside events in store.
type TallyRow struct {
	Tenant              uint32
	Duplicates, Refused int64
}

// VerdictRow is a verdict that was answered. The backend does not need it back: it judges anew when an event comes again.
type VerdictRow struct {
	Tenant uint32
	ID     event.ID
	At     time.Time
	wire.Verdict
}

// PlantedRow is one time that a defect struck.
type PlantedRow struct {
	Kind defect.Kind
	ID   event.ID // of the event, or of the first one of the request
}

// ErasedRow is an event whose body is to go.
type ErasedRow struct {
	No uint32
	At time.Time
}

func (b *Batch) empty() bool {
	return len(b.Tenants)+len(b.Senders)+len(b.Events)+len(b.Tallies)+len(b.Verdicts)+len(b.Planted)+len(b.Erased) == 0
}

// reset empties b for what comes next. It lets go of what the rows pointed to.
func (b *Batch) reset() {
	clear(b.Tenants)
	clear(b.Senders)
	clear(b.Events)
	*b = Batch{b.Tenants[:0], b.Senders[:0], b.Events[:0], b.Tallies[:0], b.Verdicts[:0], b.Planted[:0], b.Erased[:0]}
}
