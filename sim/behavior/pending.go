package behavior

// What waits on a device until an upload takes it.

import "time"

// push adds an event to what is pending and reports whether an upload is due now. One that is due before anything else is pending goes into
// that at once.
func (s *Stream) push(st *state, it Item) (due bool) {
	s.stats.Made[it.Kind]++
	if !st.is(offline) {
		b := &s.cfg.Batch
		if due = st.events()+1 >= b.MaxEvents || b.MaxAge <= 0 || b.Urgent[it.Kind]; due && st.none() && len(s.items) == 0 {
			s.items = append(s.items, it)
			return true
		}
	} else if st.events() >= s.cfg.Spool.MaxEvents {
		if !s.cfg.Spool.DropOldest {
			s.stats.Lost[it.Kind]++
			return false
		}
		s.stats.Lost[s.pop(st).Kind]++
	}
	st.last = s.nodes.add(st.last, it)
	st.held += oneEvent
	return due
}

// pop removes the oldest pending event.
func (s *Stream) pop(st *state) Item {
	it, last := s.nodes.pop(st.last)
	st.last = last
	if st.held -= oneEvent; st.none() {
		st.set(ready, false)
	}
	return it
}

// take makes an upload of what push put into it and of the oldest pending events, at most a batch of them. What remains is due at once.
func (s *Stream) take(st *state, at time.Duration, u *Upload) {
	u.Device, u.Due, u.FirstSeq, u.Past = int(st.index), at, st.seq, s.past
	for !st.none() && len(s.items) < s.cfg.Batch.MaxEvents {
		s.items = append(s.items, s.pop(st))
	}
	u.Items = s.items
	st.seq += uint32(len(s.items))
	st.set(ready, !st.none())
}

// Flush fills u with an upload of what a device still has pending, whether it is due or has a network or not, and reports
// whether there was anything. It goes through the devices in order. It belongs after Close.
func (s *Stream) Flush(u *Upload) bool {
	for ; s.flushed < s.dev.n; s.flushed++ {
		j := uint32(s.flushed)
		st := s.load(j)
		if st.none() {
			continue
		}
		s.items = s.items[:0]
		s.take(st, s.heap.now, u)
		s.dev.put(j, st)
		return true
	}
	return false
}

// Pending is how many events devices have not sent, and how many uploads Flush will make of them.
func (s *Stream) Pending() (events, uploads int) {
	for j := range uint32(s.dev.n) {
		n := pendingOf(s.dev.of(j)).events()
		events += n
		uploads += (n + s.cfg.Batch.MaxEvents - 1) / s.cfg.Batch.MaxEvents
	}
	return events, uploads
}
