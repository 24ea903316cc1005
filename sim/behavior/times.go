package behavior

import (
	"slices"
	"time"

	"drover/sim/event"
)

// times are those of a device: when each clock rings next, and
//
//	network  when the network goes away or comes back
//	release  when the device may take its next release
//
// A record has those that come in the run, see Config.comes; all others are never. What is rare on a device may be apart from its record, see
// apart.
type times struct {
	s      *store
	record []byte // up to where the word of its last time ends
}

const (
	network = numClocks + iota
	release
	numTimes
)

// The times in the order in which a record has them. The rare ones may be apart, and then all three are, in their order.
var (
	usualTimes = [...]int{
		int(event.Heartbeat) - 1, int(event.AppInfo) - 1, int(event.AppAction) - 1, int(event.Memory) - 1, int(event.WebThreat) - 1,
		int(event.Diagnostics) - 1, network, release,
	}
	rareClocks = [...]int{int(event.Crash) - 1, int(event.Feedback) - 1, jetsam}
)

// comes reports whether one of the times ever comes on any device, as far as the plans and the timeline say.
func (cfg *Config) comes(i int) bool {
	ever := func(p *Plan) bool {
		return i < numClocks && p.Rates[kindOf(i)] != Rate{} || i == network && p.Offline.PerDay > 0
	}
	changed := func(c *Change) bool {
		return i < numClocks && c.Rates[kindOf(i)] != nil || i == network && c.OfflinePerDay != nil
	}
	for p := range cfg.Plans {
		if ever(&cfg.Plans[p]) {
			return true
		}
	}
	return slices.ContainsFunc(cfg.Timeline, func(e Entry) bool {
		return i == release && e.Release != nil || e.Change != nil && changed(e.Change)
	})
}

// lay says where in a record the times are.
func (s *store) lay(cfg *Config) {
	order := s.order[:0]
	s.size = s.atTimes
	add := func(times []int) {
		for _, i := range times {
			if cfg.comes(i) {
				order = append(order, uint8(i))
				s.places[i] = uint8(s.size)
				s.size += s.width
			}
		}
	}
	add(usualTimes[:])
	if s.apart == nil {
		add(rareClocks[:])
		return
	}
	for _, i := range rareClocks {
		order = append(order, uint8(i))
	}
}

// rare are the times that the device has apart, up to where the word of the last one ends; nil: none of them ever comes.
func (t *times) rare() []byte {
	if t.s.apart == nil {
		return nil
	}
	n := le.Uint32(t.record[atApart:])
	if n == 0 {
		return nil
	}
	return t.s.apart.of(n)
}

// at is one of the times.
func (t *times) at(i int) time.Duration {
	if p := t.s.places[i]; p > 0 {
		return t.s.long(le.Uint64(t.record[p:]) & t.s.never)
	}
	return t.rareAt(i)
}

// rareAt is at for what is not in the record.
func (t *times) rareAt(i int) time.Duration {
	b, p := t.rare(), slices.Index(rareClocks[:], i)
	if b == nil || p < 0 {
		return never
	}
	return t.s.long(le.Uint64(b[p*t.s.width:]) & t.s.never)
}

// put sets one of the times and leaves the others alone. What does not come can be set to never only.
func (t *times) put(i int, at time.Duration) {
	b, p := t.record, int(t.s.places[i])
	if p == 0 {
		b, p = t.rare(), slices.Index(rareClocks[:], i)*t.s.width
		if (b == nil || p < 0) && uint64(at) >= t.s.never {
			return
		}
		if b == nil {
			var n uint32
			n, b = t.s.apart.add()
			le.PutUint32(t.record[atApart:], n)
		}
	}
	b = b[p:]
	le.PutUint64(b, le.Uint64(b)&^t.s.never|min(uint64(at), t.s.never))
}

// next is which of the times is the first, when that is, and when the first of the others is. Of several at once the network comes before
// the release, and that before the clocks, of which the lowest is the first.
func (t *times) next() (first int, at, then time.Duration) {
	width, never := t.s.width, t.s.never
	low, second := never, never
	place, p := 0, 0
	rare := t.rare()
	for b, from := t.record, t.s.atTimes; ; b, from, rare = rare, 0, nil {
		for ; from+8 <= len(b); from += width {
			if at := le.Uint64(b[from:from+8]) & never; at < low {
				low, second, place = at, low, p
			} else {
				second = min(second, at)
			}
			p++
		}
		if rare == nil {
			break
		}
	}
	at, then = t.s.long(low), t.s.long(second)
	if low == second {
		return t.firstAt(at), at, then
	}
	return int(t.s.order[place]), at, then
}

// firstAt is the first of those times that are at at.
func (t *times) firstAt(at time.Duration) int {
	for _, i := range [...]int{network, release} {
		if t.at(i) == at {
			return i
		}
	}
	clock := 0
	for t.at(clock) != at {
		clock++
	}
	return clock
}

// first is the first of the times.
func (t *times) first() time.Duration {
	_, at, _ := t.next()
	return at
}

func (s *store) long(at uint64) time.Duration {
	if at == s.never {
		return never
	}
	return time.Duration(at)
}
