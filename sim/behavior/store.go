package behavior

import (
	"encoding/binary"
	"math"
	"slices"
)

// store is the state of all devices of a stream, by their number in it. A fleet may have ten million devices, so each is a record
// without gaps, with times of six bytes where the run is short enough. A record is in one piece, not in columns, because most of what
// a step costs is to fetch the device from memory.
type store struct {
	records []byte          // little-endian
	size    int             // of a record
	device  func(j int) int // in the fleet
	n       int             // how many devices
	width   int             // bytes of a time
	never   uint64          // the most that they hold, which stands for never
	atTimes int             // where in a record they begin
	apart   *apart          // has the rare times; nil: they are in the records
	order   [numTimes]uint8 // of the times, in a record and behind it those that are apart
	places  [numTimes]uint8 // where in a record each is; 0: it is not
}

// state is a device whose turn it is: what it carries from event to event. Its times are in the record and change there at once; what
// else changes holds once the store has put it there.
type state struct {
	times
	pending
	lives        // of the processes
	seq   uint32 // of the next event to be sent
	plan  uint32 // in Stream.plans
	index uint32 // of the device in the fleet
}

// pending is the events that a device has not sent.
type pending struct {
	last uint32 // the newest one in the arena, after which the oldest comes again; 0 for none
	held uint32 // how many they are, and the flags of the device in its lowest bits
}

// Flags of a device.
const (
	offline  uint32 = 1 << iota
	ready           // an upload is due at once: more than one batch is pending
	fresh           // the app was installed in this run and has not reported on itself yet
	oneEvent        // of held; a spool's bound keeps the count below 2 to the 29th
)

func (p pending) is(flag uint32) bool { return p.held&flag != 0 }

func (p *pending) set(flag uint32, on bool) {
	if p.held &^= flag; on {
		p.held |= flag
	}
}

func (p pending) events() int { return int(p.held / oneEvent) }

func (p pending) none() bool { return p.held < oneEvent }

var le = binary.LittleEndian

// Where in a record its parts begin. Behind them are the times.
const (
	atPending = 0
	atLives   = atPending + 8
	atSeq     = atLives + 12
	atPlan    = atSeq + 4
	atEnd     = atPlan + 4
	atApart   = atEnd // the place of the rare times, where they are apart
)

// shortNever is never in a time of shortWidth bytes, which holds 78 hours.
const (
	shortWidth = 6
	shortNever = 1<<(8*shortWidth) - 1
)

// newStore returns the store of n devices, with all at zero but no release.
func newStore(cfg *Config, n int, device func(j int) int) store {
	s := store{device: device, n: n, width: 8, never: uint64(never), atTimes: atEnd}
	// What is beyond the run's end may as well be never, but not the end of a leak: memory grows towards that before.
	if cfg.Until > 0 && cfg.Until < shortNever-math.MaxUint16*untilUnit {
		s.width, s.never = shortWidth, shortNever
		if cfg.seldom(shortNever) && slices.ContainsFunc(rareClocks[:], cfg.comes) {
			s.apart = new(apart)
			s.atTimes = atApart + 4
		}
	}
	s.lay(cfg)
	s.records = make([]byte, n*s.size+8-s.width) // times are read and written in words of eight bytes
	for j := uint32(0); s.places[release] > 0 && int(j) < n; j++ {
		t := times{&s, s.of(j)}
		t.put(release, never)
	}
	return s
}

// of returns the record of device j, up to where the word of its last time ends.
func (s *store) of(j uint32) []byte { return s.records[int(j)*s.size:][:s.size+8-s.width] }

// get fills st with the state of device j.
func (s *store) get(j uint32, st *state) {
	st.index = uint32(s.device(int(j)))
	st.s, st.record = s, s.of(j)
	b := (*[atEnd]byte)(st.record)
	st.last, st.held = le.Uint32(b[atPending:]), le.Uint32(b[atPending+4:])
	st.extension, st.app = le.Uint32(b[atLives:]), le.Uint32(b[atLives+4:])
	st.actions, st.sent = le.Uint16(b[atLives+8:]), le.Uint16(b[atLives+10:])
	st.seq, st.plan = le.Uint32(b[atSeq:]), le.Uint32(b[atPlan:])
}

// put writes all of st but its times to the record of device j.
func (s *store) put(j uint32, st *state) {
	b := (*[atEnd]byte)(s.of(j))
	le.PutUint32(b[atPending:], st.last)
	le.PutUint32(b[atPending+4:], st.held)
	le.PutUint32(b[atLives:], st.extension)
	le.PutUint32(b[atLives+4:], st.app)
	le.PutUint16(b[atLives+8:], st.actions)
	le.PutUint16(b[atLives+10:], st.sent)
	le.PutUint32(b[atSeq:], st.seq)
	le.PutUint32(b[atPlan:], st.plan)
}

func pendingOf(record []byte) pending {
	return pending{le.Uint32(record[atPending:]), le.Uint32(record[atPending+4:])}
}
