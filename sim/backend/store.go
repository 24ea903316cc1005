package backend

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

// store keeps what was accepted, by run and tenant. It is safe for concurrent use; each tenant has its own lock.
// Everything is only ever added, so that a position in it stays what it is.
type store struct {
	mischief *mischief
	scribe   *scribe // nil: what is stored ends with the process

	max  int64
	held atomic.Int64 // events stored or about to be, over all runs

	kinds               [event.NumKinds]atomic.Int64 // events stored, over all runs
	duplicates, refused atomic.Int64

	mu   sync.RWMutex
	runs map[string]*run
}

// moved is an event that a defect gives to another tenant.
type moved struct {
	to    *tenant
	event *wire.Event
	leak  bool
}

type run struct {
	mu      sync.RWMutex
	tenants map[fleet.GUID]*tenant
	order   []*tenant // by first appearance; cursors are indices into it
}

func newStore(maxEvents int) *store {
	if maxEvents == 0 {
		maxEvents = DefaultMaxEvents
	}
	return &store{max: int64(maxEvents), runs: make(map[string]*run)}
}

var errFull = &refusal{http.StatusInsufficientStorage, "the backend stores no more events; start it anew or raise its limit"}

var idTaken = []byte("the id belongs to another event")

// put stores the events of u that it does not hold yet and fills in everything of ans but the verdicts. It takes all or,
// with errFull, nothing. The caller has asked the scribe to begin.
func (s *store) put(runName string, u *wire.Upload, ans *wire.Answer) error {
	*ans = wire.Answer{Verdicts: ans.Verdicts[:0], Refused: ans.Refused[:0]}
	t := s.tenant(runName, u.Account.TenantID)
	if t == nil {
		return errFull
	}
	var away []moved
	defer func() { // after t is unlocked: two tenants are never locked at once
		for _, m := range away {
			m.to.smuggle(s, t.id, u, m.event, m.leak)
		}
	}()
	t.mu.Lock()
	defer t.mu.Unlock()
	// An id may occur twice in one upload, so this counts too many rather than too few; what was not used is given back.
	fresh := int64(0)
	for i := range u.Events {
		if _, held := t.ids[u.Events[i].ID]; !held {
			fresh++
		}
	}
	if s.held.Add(fresh) > s.max {
		s.held.Add(-fresh)
		return errFull
	}
	var envelope uint32
	enveloped := false
	kept := int64(0) // events stored beyond those accepted: copies, less what is not kept
	for i := range u.Events {
		e := &u.Events[i]
		at, held := t.ids[e.ID]
		switch {
		case !held:
			raw, hide := e.Raw, hidden{}
			if s.mischief != nil {
				var gone, again bool
				other := s.run(runName).elsewhere(t, e.ID)
				if raw, hide, gone, again = s.mischief.misplace(e, other, &away); gone {
					if again {
						ans.Duplicates++
					} else {
						ans.Accepted++
						kept--
					}
					continue
				}
			}
			if !enveloped { // one for all, and none where nothing is new
				envelope, enveloped = s.envelope(t, u), true
			}
			if hide != (hidden{}) {
				t.hide(uint32(t.n), hide)
			}
			t.add(u.Device.ID, e)
			s.write(t, e, raw, envelope, Sent)
			s.kinds[e.Kind].Add(1)
			ans.Accepted++
		case string(t.raw(t.record(at))) == string(e.Raw) || s.mischief.altered(e.ID) || t.hidden[at].gone:
			ans.Duplicates++
			if s.mischief.again(e.ID) {
				t.kinds[e.Kind]++
				s.write(t, e, e.Raw, s.envelope(t, u), Copied)
				s.kinds[e.Kind].Add(1)
				kept++
			}
		default:
			ans.Refused = append(ans.Refused, wire.Refusal{Seq: e.Seq, Reason: idTaken})
		}
	}
	t.duplicates += int64(ans.Duplicates)
	t.refused += int64(len(ans.Refused))
	s.duplicates.Add(int64(ans.Duplicates))
	s.refused.Add(int64(len(ans.Refused)))
	if ans.Duplicates+len(ans.Refused) > 0 {
		s.scribe.tally(t)
	}
	s.held.Add(int64(ans.Accepted) + kept - fresh)
	return nil
}

// tenant finds or makes a tenant of a run; nil when it would have to be made and nothing could be stored in it.
func (s *store) tenant(runName string, id fleet.GUID) *tenant {
	r := s.run(runName)
	if r != nil {
		if t := r.tenant(id); t != nil {
			return t
		}
	}
	if s.held.Load() >= s.max {
		return nil
	}
	if r == nil {
		s.mu.Lock()
		if r = s.runs[runName]; r == nil {
			r = &run{tenants: make(map[fleet.GUID]*tenant)}
			s.runs[runName] = r
		}
		s.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tenants[id]
	if t == nil {
		t = newTenant(id, len(r.order))
		t.no = s.scribe.tenant(runName, t)
		r.tenants[id] = t
		r.order = append(r.order, t)
	}
	return t
}

// run returns nil for a run of which nothing is held.
func (s *store) run(name string) *run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.runs[name]
}

func (r *run) tenant(id fleet.GUID) *tenant {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.tenants[id]
}

// list returns the tenants so far, in order of first appearance. The caller must not change it.
func (r *run) list() []*tenant {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clip(r.order)
}

// tenant is what one tenant of one run has stored.
type tenant struct {
	id    fleet.GUID
	place int    // in run.order
	no    uint32 // in the journal

	mu        sync.RWMutex
	ids       map[event.ID]uint32 // -> index of the record
	records   [][]record          // in chunks of chunkLen, so that growing copies nothing
	n         int                 // records
	blocks    [][]byte            // encoded events, one after another
	envelopes []string            // "device":{...},"account":{...},"app":{...}
	known     map[string]uint32   // envelope -> its index
	devices   map[wire.DeviceID]bool

	hidden map[uint32]hidden // events that a defect keeps from some readers, by index

	kinds                           [event.NumKinds]int64
	duplicates, refused, unenrolled int64
	enrolled                        int64
	scratch                         []byte
}

const chunkLen = 512

// record has no pointers, so that the garbage collector need not look at millions of them.
type record struct {
	block, off, len uint32
	envelope        uint32
	no              uint32 // in the journal; 0 without one
}

const (
	firstBlock = 4 << 10   // many tenants are small
	maxBlock   = 256 << 10 // an event that is larger has a block of its own
)

func newTenant(id fleet.GUID, place int) *tenant {
	return &tenant{
		id: id, place: place,
		ids:     make(map[event.ID]uint32),
		known:   make(map[string]uint32),
		devices: make(map[wire.DeviceID]bool),
	}
}

func (t *tenant) record(i uint32) record { return t.records[i/chunkLen][i%chunkLen] }

func (t *tenant) raw(r record) []byte { return t.blocks[r.block][r.off : r.off+r.len] }

// add counts an event that is about to be stored, because it was sent.
func (t *tenant) add(device wire.DeviceID, e *wire.Event) {
	enrolled, known := t.devices[device]
	if e.Kind == event.Enrolment && !enrolled {
		enrolled, known = true, false
		t.enrolled++
	}
	if !known {
		t.devices[device] = enrolled
	}
	if !enrolled {
		t.unenrolled++
	}
	t.kinds[e.Kind]++
	t.ids[e.ID] = uint32(t.n)
}

// write stores the bytes of an event, here and in the journal.
func (s *store) write(t *tenant, e *wire.Event, raw []byte, envelope uint32, how How) {
	no := s.scribe.number()
	i := uint32(t.n)
	t.append(raw, envelope, no)
	s.scribe.event(t, e, i, how)
}

// append stores the bytes of an event, and nothing of what they mean.
func (t *tenant) append(raw []byte, envelope, no uint32) {
	if t.n%chunkLen == 0 {
		t.records = append(t.records, make([]record, 0, chunkLen))
	}
	last := &t.records[len(t.records)-1]
	rec := t.copy(raw)
	rec.envelope, rec.no = envelope, no
	*last = append(*last, rec)
	t.n++
}

// copy copies raw behind what is stored. It stays where it is.
func (t *tenant) copy(raw []byte) record {
	b := len(t.blocks) - 1
	if b < 0 || cap(t.blocks[b])-len(t.blocks[b]) < len(raw) {
		size := firstBlock
		if b >= 0 {
			size = min(2*cap(t.blocks[b]), maxBlock)
		}
		t.blocks = append(t.blocks, make([]byte, 0, max(size, len(raw))))
		b++
	}
	off := len(t.blocks[b])
	t.blocks[b] = append(t.blocks[b], raw...)
	return record{block: uint32(b), off: uint32(off), len: uint32(len(raw))}
}

// envelope finds or stores who sent u. A device that is updated gets another one.
func (s *store) envelope(t *tenant, u *wire.Upload) uint32 {
	b := append(t.scratch[:0], `"device":`...)
	b = append(b, u.Device.Raw...)
	b = append(b, `,"account":`...)
	b = append(b, u.Account.Raw...)
	b = append(b, `,"app":`...)
	b = append(b, u.App.Raw...)
	t.scratch = b
	if i, ok := t.known[string(b)]; ok {
		return i
	}
	return s.sender(t, u.Device.ID, string(b))
}

// sender stores an envelope that is new.
func (s *store) sender(t *tenant, device wire.DeviceID, text string) uint32 {
	i := uint32(len(t.envelopes))
	t.envelopes = append(t.envelopes, text)
	t.known[text] = i
	s.scribe.sender(t, i, device)
	return i
}
