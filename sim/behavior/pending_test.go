package behavior

import (
	"slices"
	"testing"
	"time"

	"drover/sim/event"
)

// An upload has the oldest events that wait and no more than a batch, whether it is due with its first one or with a later one; as an update
// of iOS and of the app makes two at once.
func TestPush(t *testing.T) {
	const a, b = event.Heartbeat, event.AppInfo
	urgent := func(k event.Kind) (of [event.NumKinds]bool) {
		of[k] = true
		return of
	}
	for name, tt := range map[string]struct {
		batch    Batch
		waits    []event.Kind // before
		flags    uint32
		due      [2]bool // after a, and after b
		upload   []event.Kind
		left     int
		dueAgain bool // the rest, at once
	}{
		"one by one":           {batch: Batch{MaxEvents: 1, MaxAge: time.Hour}, due: [2]bool{true, true}, upload: []event.Kind{a}, left: 1, dueAgain: true},
		"at once":              {batch: Batch{MaxEvents: 5}, due: [2]bool{true, true}, upload: []event.Kind{a, b}},
		"the first is urgent":  {batch: Batch{MaxEvents: 2, MaxAge: time.Hour, Urgent: urgent(a)}, due: [2]bool{true, false}, upload: []event.Kind{a, b}},
		"the second is urgent": {batch: Batch{MaxEvents: 5, MaxAge: time.Hour, Urgent: urgent(b)}, due: [2]bool{false, true}, upload: []event.Kind{a, b}},
		"behind another": {
			batch: Batch{MaxEvents: 2, MaxAge: time.Hour, Urgent: urgent(a)}, waits: []event.Kind{event.Memory}, due: [2]bool{true, true},
			upload: []event.Kind{event.Memory, a}, left: 1, dueAgain: true,
		},
		"offline": {batch: Batch{MaxEvents: 2}, flags: offline, upload: []event.Kind{a, b}},
	} {
		s := &Stream{cfg: &Config{Batch: tt.batch, Spool: Spool{MaxEvents: 9}}, nodes: newArena()}
		st := &state{pending: pending{held: tt.flags}}
		for _, k := range tt.waits {
			st.last = s.nodes.add(st.last, Item{Kind: k})
			st.held += oneEvent
		}
		for i, k := range []event.Kind{a, b} {
			if due := s.push(st, Item{Kind: k}); due != tt.due[i] {
				t.Errorf("%s: after %v an upload is due: %v, want %v", name, k, due, tt.due[i])
			}
		}
		var u Upload
		s.take(st, 0, &u)
		var got []event.Kind
		for _, it := range u.Items {
			got = append(got, it.Kind)
		}
		if !slices.Equal(got, tt.upload) || st.events() != tt.left || st.is(ready) != tt.dueAgain || st.seq != uint32(len(got)) {
			t.Errorf("%s: the upload has %v, %d are left and due: %v, the next is number %d; want %v, %d and %v",
				name, got, st.events(), st.is(ready), st.seq, tt.upload, tt.left, tt.dueAgain)
		}
	}
}
