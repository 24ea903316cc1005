package ledger

import (
	"drover/sim/event"
	"drover/sim/fleet"
)

// ReadAs begins a look at all that the backend shows to one tenant's own credential.
func (s *Settler) ReadAs(tenant fleet.GUID) {
	s.reader, s.asked = &tenant, ""
	s.out.Readers++
}

// AskAs begins a look at what the backend shows to one tenant's own credential when it asks for another tenant's data.
func (s *Settler) AskAs(tenant, of fleet.GUID) {
	s.reader, s.asked = &tenant, ", which asked for "+of.String()
	s.out.Asks++
}

// Refuse tells that the answer to the ask under way was no.
func (s *Settler) Refuse() { s.out.AsksRefused++ }

// FailToAsk tells that there was no answer to the ask under way.
func (s *Settler) FailToAsk(why string) {
	if s.out.AsksFailed++; s.out.AskError == "" {
		s.out.AskError = why
	}
}

// maxLeaks is how many sights of leaked events are known apart.
const maxLeaks = 1 << 20

// leak reports whether a reader is shown an event for the first time. Beyond maxLeaks each
// sight counts.
func (s *Settler) leak(id event.ID) bool {
	key := [2]fleet.GUID{*s.reader, fleet.GUID(id)}
	if _, ok := s.leaked[key]; ok {
		return false
	}
	if s.leaked == nil {
		s.leaked = map[[2]fleet.GUID]struct{}{}
	}
	if len(s.leaked) < maxLeaks {
		s.leaked[key] = struct{}{}
	}
	return true
}
