// Package defect knows the ways in which the reference backend can be told to misbehave, and whom each of them hits. A checker
// that nobody has checked is worth little: a defect is planted in a known number, and what the harness finds is held against
// that number. What a defect does to a request or an event is the backend's business.
package defect

import (
	"encoding/binary"
	"math"
	"time"

	"drover/sim/event"
)

// Kind is one way to misbehave. The set is closed.
type Kind uint8

const (
	Lose          Kind = iota // an event is acknowledged and not stored
	SwapTenant                // an event is stored as another tenant's
	Change                    // an event's time is stored a millisecond off
	Truncate                  // the second half of an event is cut off
	Delay                     // an event is not shown before For has passed
	Leak                      // an event is shown to another tenant's reader, too
	StoreTwice                // an event that comes again is stored a second time
	Again                     // an event that comes again is stored again, each time: idempotency is ignored
	WrongVerdict              // a malicious site is called benign, and a benign one phishing
	CleanWhenSlow             // a site is called benign when the request has taken For already
	Throttle                  // a request is answered 429, with Retry-After where For is set
	Fail                      // a request is answered Status
	Stall                     // a request waits For before it is looked at
	Reset                     // the connection is reset before anything is stored
	DropAnswer                // everything is stored, then the connection is reset
	SlowBody                  // the answer takes For
	Lie                       // a request is answered 200, and inside every event is refused; nothing is stored
	KeepWithdrawn             // optional data of a user who withdrew consent stays in store
	AnswerForeign             // an event is shown to another tenant's credential that asks for its tenant by name
	NumKinds                  // how many kinds there are; not a kind
)

var names = [NumKinds]string{
	"lose", "swapTenant", "change", "truncate", "delay", "leak", "storeTwice", "ignoreIdempotency", "wrongVerdict", "cleanWhenSlow",
	"throttle", "fail", "stall", "reset", "dropAnswer", "slowBody", "lie", "keepWithdrawn", "answerForeign",
}

// String returns the name as in scenario files, e.g. "swapTenant".
func (k Kind) String() string {
	if k < NumKinds {
		return names[k]
	}
	return "unknown"
}

// Rule says how often a defect strikes. The zero value never does.
type Rule struct {
	Share  float64       // 0..1 of the events, or requests, that it can hit; which ones is decided by seed and event id
	Count  int64         // most that are hit; 0: no bound
	For    time.Duration // see the kinds
	Status int           // of Fail
}

// Set is everything that a backend does wrong. It is only read.
type Set struct {
	Seed  uint64
	Rules [NumKinds]Rule

	// Capacity is how many requests per second are taken; those beyond are answered 429 with Retry-After. 0: no bound.
	Capacity   float64
	RetryAfter time.Duration // of Capacity
}

// Any reports whether there is anything wrong at all. A nil Set is an honest backend's.
func (s *Set) Any() bool {
	if s == nil {
		return false
	}
	for _, r := range s.Rules {
		if r.Share > 0 {
			return true
		}
	}
	return s.Capacity > 0
}

// Hits reports whether a rule's share takes in the event, or the request that begins with it. It is a pure function of seed,
// kind and id: the same events are hit in whatever order they come. The bound Count is the caller's to keep.
func (s *Set) Hits(k Kind, id event.ID) bool {
	share := s.Rules[k].Share
	if share <= 0 {
		return false
	}
	h := mix(s.Seed ^ uint64(k+1)*0x9e3779b97f4a7c15)
	h = mix(h ^ binary.LittleEndian.Uint64(id[:8]))
	h = mix(h ^ binary.LittleEndian.Uint64(id[8:]))
	return float64(h>>11)*math.Ldexp(1, -53) < share
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
