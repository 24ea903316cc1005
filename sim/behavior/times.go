package behavior

import (
	"time"

	"drover/sim/event"
)

// times are those of a device: when each clock rings next, and
//
//	network  when the network goes away or comes back
//	release  when the device may take its next release; only where the timeline has one
//
// What is rare on a device may be apart from its record, see apart.
type times struct {
	s      *store
	record []byte
	usual  []byte // up to where the word of the last one ends
	rare   []byte // the same; nil: none of them ever comes
}

const (
	network = numClocks + iota
	release
	numTimes
)

// places is where each time is: among the usual ones, or complemented, among the rare ones.
var places = [numTimes]int8{
	event.Heartbeat - 1:   0,
	event.AppInfo - 1:     1,
	event.AppAction - 1:   2,
	event.Memory - 1:      3,
	event.WebThreat - 1:   4,
	event.Diagnostics - 1: 5,
	network:               6,
	release:               7,

	event.Crash - 1:    ^0,
	event.Feedback - 1: ^1,
	jetsam:             ^2,
}

// The clocks in the order of their places.
var (
	usualClocks = [...]int{int(event.Heartbeat) - 1, int(event.AppInfo) - 1, int(event.AppAction) - 1, int(event.Memory) - 1, int(event.WebThreat) - 1, int(event.Diagnostics) - 1}
	rareClocks  = [...]int{int(event.Crash) - 1, int(event.Feedback) - 1, jetsam}
)

// times returns those of the device that has the record.
func (s *store) times(record []byte) times {
	t := times{s: s, record: record, usual: record[s.atTimes : s.atRare+8-s.width]}
	if s.apart == nil {
		t.rare = record[s.atRare:]
	} else if n := le.Uint32(record[atApart:]); n != 0 {
		t.rare = s.apart.of(n)
	}
	return t
}

// at is one of the times.
func (t *times) at(i int) time.Duration {
	b, p := t.usual, int(places[i])
	if p < 0 {
		b, p = t.rare, ^p
	}
	if p *= t.s.width; p+8 <= len(b) {
		return t.s.long(le.Uint64(b[p:]) & t.s.never)
	}
	return never // none of the rare ones comes, or it is the release, and there is none
}

// put sets one of the times and leaves the others alone.
func (t *times) put(i int, at time.Duration) {
	b, p := t.usual, int(places[i])
	if p < 0 {
		if t.rare == nil {
			if uint64(at) >= t.s.never {
				return
			}
			var n uint32
			n, t.rare = t.s.apart.add()
			le.PutUint32(t.record[atApart:], n)
		}
		b, p = t.rare, ^p
	}
	b = b[p*t.s.width:]
	le.PutUint64(b, le.Uint64(b)&^t.s.never|min(uint64(at), t.s.never))
}

// first is the first of the times.
func (t *times) first() time.Duration {
	width, never := t.s.width, t.s.never
	at := never
	for b := t.usual; len(b) >= 8; b = b[width:] {
		at = min(at, le.Uint64(b)&never)
	}
	for b := t.rare; len(b) >= 8; b = b[width:] {
		at = min(at, le.Uint64(b)&never)
	}
	return t.s.long(at)
}

// clock is the clock that rings first; of several the one with the lowest number.
func (t *times) clock() (clock int) {
	width, never := t.s.width, t.s.never
	b := t.usual
	at := le.Uint64(b) & never
	for _, c := range usualClocks[1:] {
		b = b[width:]
		if next := le.Uint64(b) & never; next < at {
			clock, at = c, next
		}
	}
	if t.rare == nil {
		return clock
	}
	for p, c := range rareClocks {
		if next := le.Uint64(t.rare[p*width:]) & never; next < at || next == at && c < clock {
			clock, at = c, next
		}
	}
	return clock
}

func (s *store) long(at uint64) time.Duration {
	if at == s.never {
		return never
	}
	return time.Duration(at)
}
