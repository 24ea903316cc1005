package ledger

import (
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
)

// reader is a look at what one tenant's own credential is shown.
type reader struct {
	tenant fleet.GUID
	asked  string // whom it asks for by name, with words before it; "" where it asks for all
}

// toReader is the look of what a reader was shown without the tenant: in the place of its device is which reader.
const toReader = 255

// ReadAs begins a look at all that the backend shows to one tenant's own credential.
func (s *Settler) ReadAs(tenant fleet.GUID) {
	s.read(reader{tenant: tenant})
	s.out.Readers++
}

// AskAs begins a look at what the backend shows to one tenant's own credential when it asks for another tenant's data.
func (s *Settler) AskAs(tenant, of fleet.GUID) {
	s.read(reader{tenant, ", which asked for " + of.String()})
	s.out.Asks++
}

func (s *Settler) read(r reader) {
	s.readers = append(s.readers, r)
	s.reader = &r
}

// Refuse tells that the answer to the ask under way was no.
func (s *Settler) Refuse() { s.out.AsksRefused++ }

// FailToAsk tells that there was no answer to the ask under way.
func (s *Settler) FailToAsk(why string) {
	if s.out.AsksFailed++; s.out.AskError == "" {
		s.out.AskError = why
	}
}

// shownTo tells of an event that a reader was shown. Whose it is the backend says; where it does not, its id does, when all are known.
func (s *Settler) shownTo(p Print) error {
	switch {
	case p.Has&HasTenant != 0:
		if p.Tenant == s.reader.tenant || p.Has&HasID != 0 && !s.leak(s.reader, p.ID) {
			return nil
		}
		if s.leaked(s.reader, p.ID, p.Tenant) {
			s.leaks[p.ID] = append(s.leaks[p.ID], len(s.out.Examples)-1)
		}
	case p.Has&HasID != 0:
		s.row = (&stored{Print{ID: p.ID, Has: HasID, Device: uint64(len(s.readers) - 1)}, toReader}).append(s.row[:0])
		return s.shown.put(p.ID, s.row)
	default:
		s.out.Ownerless++
	}
	return nil
}

// shownOf takes up what shownTo put away: a reader was shown this event.
func (s *Settler) shownOf(e *Expected, v *stored) {
	r := &s.readers[v.print.Device]
	if r.tenant != e.Print.Tenant && s.leak(r, e.Print.ID) && s.leaked(r, e.Print.ID, e.Print.Tenant) {
		x := &s.out.Examples[len(s.out.Examples)-1]
		x.Device, x.Seq, x.Kind = e.Device, e.Seq, e.Kind.String()
	}
}

// leaked counts an event of another tenant that a reader was shown, and reports whether it is the last of the examples now.
func (s *Settler) leaked(r *reader, id event.ID, of fleet.GUID) bool {
	s.out.Leaked++
	n := len(s.out.Examples)
	s.example(&check.SettledExample{
		Fate: "leaked", Event: fleet.GUID(id).String(), Tenant: of.String(), Device: -1, Detail: "shown to tenant " + r.tenant.String() + r.asked,
	})
	return len(s.out.Examples) > n
}

// maxLeaks is how many sights of leaked events are known apart.
const maxLeaks = 1 << 20

// leak reports whether a reader is shown an event for the first time. Beyond maxLeaks each
// sight counts.
func (s *Settler) leak(r *reader, id event.ID) bool {
	key := [2]fleet.GUID{r.tenant, fleet.GUID(id)}
	if _, ok := s.seenLeaks[key]; ok {
		return false
	}
	if s.seenLeaks == nil {
		s.seenLeaks = map[[2]fleet.GUID]struct{}{}
	}
	if len(s.seenLeaks) < maxLeaks {
		s.seenLeaks[key] = struct{}{}
	}
	return true
}
