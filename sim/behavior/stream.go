package behavior

import (
	"time"

	"drover/sim/classify"
	"drover/sim/event"
	"drover/sim/fleet"
)

// Item is one event that a device has to report: what and when. Its fields are made by Filler when they are needed.
type Item struct {
	At   time.Duration // device time, offset from the run's start
	Kind event.Kind
}

// Upload is what a device sends at once. Items belongs to the stream and is valid until its next call.
type Upload struct {
	Device   int           // over the whole fleet
	Due      time.Duration // device time at which it falls due
	FirstSeq uint32        // sequence number of Items[0]; the others follow without gaps
	Items    []Item
}

// Config is what a stream needs to know. The same Config may serve many streams.
type Config struct {
	Fleet      *fleet.Fleet
	Plans      []Plan // one per cohort
	Seed       uint64
	Start      time.Time // device time 0
	Batch      Batch
	Spool      Spool
	Classifier classify.Classifier
	Hosts      []*Hosts // one per cohort
	Enroll     bool     // devices have an enrolment event before all others
}

// Stats counts what a stream has made so far.
type Stats struct {
	Visits   int64                                           // pages opened, benign and malicious
	Verdicts [event.NumCategories][event.NumCategories]int64 // visits by planted truth and reference verdict
	Made     [event.NumKinds]int64                           // events that devices had to report
	Lost     [event.NumKinds]int64                           // of these, dropped by a full spool
}

// Add adds what another stream has made.
func (s *Stats) Add(o Stats) {
	s.Visits += o.Visits
	for k := range s.Made {
		s.Made[k] += o.Made[k]
		s.Lost[k] += o.Lost[k]
	}
	for t := range s.Verdicts {
		for v := range s.Verdicts[t] {
			s.Verdicts[t][v] += o.Verdicts[t][v]
		}
	}
}

// Stream is the uploads of some devices, in the order in which they fall due. It is owned by one goroutine.
//
// The state of a device is when each kind of event happens next, and the events it has not sent yet: about a hundred
// bytes. Which device is next comes from a heap.
type Stream struct {
	cfg    *Config
	plans  []*compiled
	zones  []zone
	dev    []state
	heap   heap
	nodes  arena
	items  []Item
	visits visitor
	stats  Stats

	flushed int // devices that Flush is done with
}

// state is all that a device carries from event to event.
type state struct {
	next    [numClocks]time.Duration // when each kind happens next
	network time.Duration            // when the network goes away or comes back
	first   uint32                   // oldest pending event in the arena, 0 for none
	last    uint32
	index   uint32 // of the device in the fleet
	seq     uint32 // of the next event to be sent
	pending uint32
	cohort  uint16
	zone    uint16
	crashes uint16 // 1 + index in Crashes.More; 0: none applies
	offline bool
	ready   bool // an upload is due at once: more than one batch is pending
}

// compiled is a plan in the form that the stream runs on.
type compiled struct {
	Plan
	shape   *weekShape
	perHour [event.NumKinds]float64 // random kinds: mean count in an hour of mean activity
}

// NewStream returns the stream of the given devices, which are indices into the fleet.
func NewStream(cfg *Config, devices []int) *Stream {
	s := &Stream{cfg: cfg, dev: make([]state, len(devices)), visits: visitor{cfg: cfg}}
	for i := range cfg.Plans {
		c := &compiled{Plan: cfg.Plans[i], shape: newWeekShape(cfg.Plans[i].Day)}
		for k := range c.Rates {
			c.perHour[k] = c.Rates[k].PerDay / 24
		}
		s.plans = append(s.plans, c)
	}
	zones := map[*time.Location]uint16{}
	var d fleet.Device
	for j, i := range devices {
		cfg.Fleet.Device(i, &d)
		z, ok := zones[d.Timezone]
		if !ok {
			z = uint16(len(s.zones))
			zones[d.Timezone] = z
			s.zones = append(s.zones, newZone(cfg.Start, d.Timezone))
		}
		s.dev[j] = state{index: uint32(i), cohort: uint16(d.Cohort), zone: z}
		s.begin(&s.dev[j], &d)
	}
	s.heap.init(len(devices), func(j uint32) time.Duration { return s.due(&s.dev[j]) })
	return s
}

// begin sets every clock of a device to its first time.
func (s *Stream) begin(st *state, d *fleet.Device) {
	plan := s.plans[st.cohort]
	st.crashes = plan.crashMore(d)
	if s.cfg.Enroll {
		st.seq = 1
	}
	self := s.self(st)
	for c := range numClocks {
		kind := kindOf(c)
		rate := plan.Rates[kind]
		switch {
		case withheld(kind, d):
			st.next[c] = never
		case rate.Every > 0:
			// Period -1 began before the run, but its occurrence may be late enough to be in it.
			if st.next[c] = periodic(self, kind, rate, -1); st.next[c] < 0 {
				st.next[c] = periodic(self, kind, rate, 0)
			}
		case rate.PerDay > 0:
			st.next[c] = s.random(st, self, kind, 0)
		default:
			st.next[c] = never
		}
	}
	st.network = s.nextOffline(st, self, 0)
}

// self is the key from which all draws of a device come.
func (s *Stream) self(st *state) uint64 { return key(s.cfg.Seed, uint64(st.index)) }

// due returns when a device next has something to do.
func (s *Stream) due(st *state) time.Duration {
	at := min(st.network, s.deadline(st))
	for _, t := range st.next {
		at = min(at, t)
	}
	return at
}

// deadline is when the pending events must go: when the oldest is MaxAge old, unless there is no network.
func (s *Stream) deadline(st *state) time.Duration {
	switch {
	case st.pending == 0 || st.offline:
		return never
	case st.ready:
		return 0
	}
	return s.nodes.list[st.first].At + s.cfg.Batch.MaxAge
}

// Next fills u with the next upload that falls due at or before limit, and reports whether there is one.
func (s *Stream) Next(limit time.Duration, u *Upload) bool {
	for {
		j, at := s.heap.top()
		if at > limit || at == never {
			return false
		}
		st := &s.dev[j]
		s.heap.now = max(s.heap.now, at)
		full := s.step(st, at, limit)
		if full {
			s.take(st, s.heap.now, u)
		}
		s.heap.fixTop(s.due(st))
		if full {
			return true
		}
	}
}

// step lets a device do what is due at at and reports whether an upload is due.
func (s *Stream) step(st *state, at, limit time.Duration) bool {
	if !st.offline && s.deadline(st) <= at {
		return true
	}
	self := s.self(st)
	if st.network <= at {
		return s.toggle(st, self, at)
	}
	clock := 0
	for c, t := range st.next {
		if t < st.next[clock] {
			clock = c
		}
	}
	kind := kindOf(clock)
	if kind == event.WebThreat {
		if !s.browse(st, self, limit) {
			return false
		}
	} else {
		st.next[clock] = s.after(st, self, kind, at)
	}
	return s.push(st, Item{at, kind})
}

// toggle takes the network away or gives it back; with it back, what is pending is due.
func (s *Stream) toggle(st *state, self uint64, at time.Duration) bool {
	st.offline = !st.offline
	if st.offline {
		st.network = s.nextOnline(st, self, at)
		return false
	}
	st.network = s.nextOffline(st, self, at)
	return st.pending > 0
}

// browse makes the visit that is due and then the benign ones that follow before anything else is due on this device: they
// leave no trace, so nothing can tell that they were made early. It stops before a visit that will be detected, and after a
// day: a device that does nothing but browse would otherwise browse up to the limit, which may be a century. It reports
// whether the one that was due is detected.
func (s *Stream) browse(st *state, self uint64, limit time.Duration) bool {
	clock := clockOf(event.WebThreat)
	at := st.next[clock]
	due := at
	others := min(st.network, s.deadline(st), limit, at+24*time.Hour)
	for c, t := range st.next {
		if c != clock {
			others = min(others, t)
		}
	}
	for {
		v := s.visits.visit(self, st.cohort, at)
		if v.verdict.Malicious() && at > due {
			return false
		}
		st.next[clock] = s.random(st, self, event.WebThreat, at)
		s.stats.Visits++
		s.stats.Verdicts[v.truth][v.verdict.Category]++
		if v.verdict.Malicious() {
			return true
		}
		if at = st.next[clock]; at > others {
			return false
		}
	}
}

// push adds an event to what is pending and reports whether an upload is due now.
func (s *Stream) push(st *state, it Item) bool {
	s.stats.Made[it.Kind]++
	if st.offline && int(st.pending) >= s.cfg.Spool.MaxEvents {
		if !s.cfg.Spool.DropOldest {
			s.stats.Lost[it.Kind]++
			return false
		}
		s.stats.Lost[s.pop(st).Kind]++
	}
	n := s.nodes.add(it)
	if st.pending == 0 {
		st.first = n
	} else {
		s.nodes.list[st.last].next = n
	}
	st.last = n
	st.pending++
	b := &s.cfg.Batch
	return !st.offline && (int(st.pending) >= b.MaxEvents || b.MaxAge <= 0 || b.Urgent[it.Kind])
}

// pop removes the oldest pending event.
func (s *Stream) pop(st *state) Item {
	n := &s.nodes.list[st.first]
	it := n.Item
	next := n.next
	s.nodes.free(st.first)
	st.first = next
	if st.pending--; st.pending == 0 {
		st.first, st.last, st.ready = 0, 0, false
	}
	return it
}

// take makes an upload of the oldest pending events, at most a batch of them. What remains is due at once.
func (s *Stream) take(st *state, at time.Duration, u *Upload) {
	u.Device, u.Due, u.FirstSeq = int(st.index), at, st.seq
	s.items = s.items[:0]
	for st.pending > 0 && len(s.items) < s.cfg.Batch.MaxEvents {
		s.items = append(s.items, s.pop(st))
	}
	u.Items = s.items
	st.seq += uint32(len(s.items))
	st.ready = st.pending > 0
}

// Flush fills u with an upload of what a device still has pending, whether it is due or has a network or not, and reports
// whether there was anything. It goes through the devices in order and ends the stream: Next must not be called after it.
func (s *Stream) Flush(u *Upload) bool {
	for ; s.flushed < len(s.dev); s.flushed++ {
		if st := &s.dev[s.flushed]; st.pending > 0 {
			s.take(st, s.heap.now, u)
			return true
		}
	}
	return false
}

// Pending is how many events devices have not sent, and how many uploads Flush will make of them.
func (s *Stream) Pending() (events, uploads int) {
	for j := range s.dev {
		n := int(s.dev[j].pending)
		events += n
		uploads += (n + s.cfg.Batch.MaxEvents - 1) / s.cfg.Batch.MaxEvents
	}
	return events, uploads
}

// Now is the device time that the stream has reached.
func (s *Stream) Now() time.Duration { return s.heap.now }

// Stats returns what has been counted so far.
func (s *Stream) Stats() Stats { return s.stats }
