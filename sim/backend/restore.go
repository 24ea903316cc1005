package backend

import (
	"fmt"

	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

// restoring is a store on its way back from a journal.
type restoring struct {
	*store
	tenants []*tenant         // by number, from 1 on
	devices [][]wire.DeviceID // of each tenant, by sender
	events  uint32            // highest number
}

// restore fills an empty store with what a journal holds, and lets it write there what comes.
func (s *store) restore(j Journal, sc *scribe) error {
	r := restoring{store: s, tenants: []*tenant{nil}, devices: [][]wire.DeviceID{nil}}
	if err := j.Load(r.take); err != nil {
		return err
	}
	if held := s.held.Load(); held > s.max {
		return fmt.Errorf("the database holds %d events, more than the %d that the backend keeps; want a higher limit or another file", held, s.max)
	}
	sc.events.Store(r.events)
	sc.tenants.Store(uint32(len(r.tenants) - 1))
	s.scribe = sc
	return nil
}

func (r *restoring) take(b *Batch) error {
	for _, row := range b.Tenants {
		if int(row.No) != len(r.tenants) {
			return fmt.Errorf("the database has no tenant %d but one %d: something else has written to it", len(r.tenants), row.No)
		}
		if r.runs[row.Run] == nil {
			r.runs[row.Run] = &run{tenants: make(map[fleet.GUID]*tenant)}
		}
		of := r.runs[row.Run]
		t := newTenant(row.ID, len(of.order))
		t.no = row.No
		of.tenants[row.ID] = t
		of.order = append(of.order, t)
		r.tenants = append(r.tenants, t)
		r.devices = append(r.devices, nil)
	}
	for _, row := range b.Senders {
		t := r.tenant(row.Tenant)
		if t == nil || int(row.No) != len(t.envelopes) {
			return fmt.Errorf("the database has a sender %d of tenant %d that does not belong there: something else has written to it", row.No, row.Tenant)
		}
		t.known[row.Text] = row.No
		t.envelopes = append(t.envelopes, row.Text)
		r.devices[row.Tenant] = append(r.devices[row.Tenant], row.Device)
	}
	for i := range b.Events {
		if err := r.event(&b.Events[i]); err != nil {
			return err
		}
	}
	for _, row := range b.Tallies {
		if t := r.tenant(row.Tenant); t != nil {
			t.duplicates, t.refused = row.Duplicates, row.Refused
			r.duplicates.Add(row.Duplicates)
			r.refused.Add(row.Refused)
		}
	}
	if len(b.Planted) > 0 && r.mischief == nil {
		// The honest backend, too, must know what a defect changed earlier: its bytes tell nothing when the event comes again.
		r.mischief = newMischiefs(new(defect.Set))
	}
	for _, row := range b.Planted {
		r.mischief.hit[row.Kind][row.ID] = struct{}{}
		r.mischief.planted[row.Kind]++
	}
	return nil
}

// tenant returns nil for a number that is nobody's.
func (r *restoring) tenant(no uint32) *tenant {
	if int(no) >= len(r.tenants) {
		return nil
	}
	return r.tenants[no]
}

// event does again what put, copy and smuggle did.
func (r *restoring) event(row *EventRow) error {
	t := r.tenant(row.Tenant)
	if t == nil || int(row.Sender) >= len(t.envelopes) {
		return fmt.Errorf("the database has an event %d of nobody: something else has written to it", row.No)
	}
	r.events = max(r.events, row.No)
	if row.Erased || !row.Until.IsZero() || row.How == Leaked {
		t.hide(uint32(t.n), hidden{gone: row.Erased, until: row.Until, leak: row.How == Leaked})
	}
	raw := row.Body
	if row.Erased { // what the counts need
		raw = fmt.Appendf(nil, `{"id":"%s","kind":"%s"}`, fleet.GUID(row.ID), row.Kind)
	}
	if row.How == Sent {
		e := wire.Event{Event: event.Event{ID: row.ID, Kind: row.Kind}}
		t.add(r.devices[row.Tenant][row.Sender], &e)
	} else if row.How != Leaked {
		t.kinds[row.Kind]++
	}
	if row.How != Leaked {
		r.kinds[row.Kind].Add(1)
		r.held.Add(1)
	}
	t.append(raw, row.Sender, row.No)
	return nil
}
