package behavior

import (
	"time"

	"drover/sim/classify"
	"drover/sim/event"
	"drover/sim/fleet"
)

// Item is one event that a device has to report: what and when. Its fields are made by Filler when they are needed. Where they
// depend on what happened to the device before, the stream notes that; see Stream.happen.
type Item struct {
	At   time.Duration // device time, offset from the run's start
	Kind event.Kind

	app   uint8
	until uint16
	since uint32
}

// Upload is what a device sends at once. Items belongs to the stream and is valid until its next call.
type Upload struct {
	Device   int           // over the whole fleet
	Due      time.Duration // device time at which it falls due
	FirstSeq uint32        // sequence number of Items[0]; the others follow without gaps
	Items    []Item
	Past     *Past // of the device when the upload falls due; nil without a timeline
}

// Config is what a stream needs to know. The same Config may serve many streams.
type Config struct {
	Fleet *fleet.Fleet
	Plans []Plan // one per cohort
	Seed  uint64
	Start time.Time // device time 0
	Batch Batch
	Spool Spool
	Hosts *Hosts

	Classifier classify.Classifier // of canaries; what it says of planted sites Hosts knows
	Enroll     bool                // devices have an enrolment event before all others
	Until      time.Duration       // device time that the streams do not go beyond; 0: not known. In a short run a device takes less memory
	Sends      event.Sends
	Canaries   *Canaries // nil: none
	Timeline   []Entry
	Skew       Skew // of the devices' clocks, where the timeline has no fault that says otherwise
}

// Stats counts what a stream has made so far.
type Stats struct {
	Visits    int64                                         // pages opened, benign and malicious
	Verdicts  [event.Unknown + 1][event.NumCategories]int64 // visits by truth, Unknown included, and reference verdict
	Made      [event.NumKinds]int64                         // events that devices had to report
	Lost      [event.NumKinds]int64                         // of these, dropped by a full spool
	Withdrawn [event.NumKinds]int64                         // of these, removed before they were sent, since the user took consent back

	CanaryVisits int64 // of the visits, those to a canary
	Canaries     int64 // canaries that were visited
}

// Add adds what another stream has made.
func (s *Stats) Add(o Stats) {
	s.Visits += o.Visits
	s.CanaryVisits += o.CanaryVisits
	s.Canaries += o.Canaries
	for k := range s.Made {
		s.Made[k] += o.Made[k]
		s.Lost[k] += o.Lost[k]
		s.Withdrawn[k] += o.Withdrawn[k]
	}
	for t := range s.Verdicts {
		for v := range s.Verdicts[t] {
			s.Verdicts[t][v] += o.Verdicts[t][v]
		}
	}
}

// Stream is the uploads of some devices, in the order in which they fall due. It is owned by one goroutine.
//
// The state of a device is when each kind of event happens next, and the events it has not sent yet: a hundred bytes at most,
// see store. Which device is next comes from a heap.
type Stream struct {
	// What each step needs comes first, in few cache lines: streams take turns, so that each finds its own cold.
	cfg   *Config
	plans []*compiled
	zones []zone
	ahead time.Duration // how far visits may be made before their time
	past  *Past
	marks []mark // of the timeline, still to come
	items []Item // of the upload under way
	heap  heap
	st    state // of the device whose turn it is
	dev   store
	nodes arena

	known    map[origin]uint32  // plans by what they are made of; see compile
	shapes   map[int]*weekShape // by cohort
	visits   visitor
	canaries map[uint32]struct{} // that were visited
	stats    Stats
	flushed  int          // devices that Flush is done with
	was, is  fleet.Device // scratch of update
}

// compiled is a plan in the form that the stream runs on: that of a cohort, in a time zone, under some changes of the
// timeline.
type compiled struct {
	Plan
	plain
	entries  []int // changes in force, in the order in which they began
	settings fleet.SettingsChange
	shape    *weekShape
	rates    [numClocks]Rate
	perHour  [numClocks]float64 // random clocks: mean count in an hour of mean activity
}

// plain is what tells plans apart that no change has touched.
type plain struct {
	cohort int
	zone   uint16 // in Stream.zones
	more   uint16 // 1 + index in Crashes.More of what holds for the iOS version; 0: none does

	supervised bool // the filter sees whole URLs
}

// origin is what a plan is made of: what tells it apart without changes, and the numbers of its entries.
type origin struct {
	plain
	entries string
}

// NewStream returns the stream of n devices. Number j of them, from 0, is device(j) of the fleet.
func NewStream(cfg *Config, n int, device func(j int) int) *Stream {
	s := &Stream{
		cfg: cfg, dev: newStore(cfg, n, device), visits: visitor{cfg: cfg}, known: map[origin]uint32{}, shapes: map[int]*weekShape{},
		nodes: newArena(),
	}
	zones := map[*time.Location]uint16{}
	var d fleet.Device
	for j := range uint32(n) {
		st := s.load(j)
		cfg.Fleet.Device(int(st.index), &d)
		z, ok := zones[d.Timezone]
		if !ok {
			z = uint16(len(s.zones))
			zones[d.Timezone] = z
			s.zones = append(s.zones, newZone(cfg.Start, d.Timezone))
		}
		st.plan = s.compile(plain{d.Cohort, z, cfg.Plans[d.Cohort].crashMore(&d), d.Supervised}, nil)
		st.set(fresh, cfg.Enroll)
		s.begin(st, &d)
		s.dev.put(j, st)
	}
	s.heap.due = s.due
	s.heap.init(n)
	return s
}

// load fills the scratch of the device whose turn it is.
func (s *Stream) load(j uint32) *state {
	s.dev.get(j, &s.st)
	return &s.st
}

// begin sets every clock of a device to its first time.
func (s *Stream) begin(st *state, d *fleet.Device) {
	plan := s.plans[st.plan]
	if s.cfg.Enroll {
		st.seq = 1
	}
	self := s.self(st)
	for c := range numClocks {
		rate := plan.rates[c]
		switch {
		case withheld(kindOf(c), d.OptionalDiag, d.FeedbackForm):
			st.times.put(c, never)
		case rate.Every > 0:
			// Period -1 began before the run, but its occurrence may be late enough to be in it.
			at := periodic(self, c, rate, -1)
			if at < 0 {
				at = periodic(self, c, rate, 0)
			}
			st.times.put(c, at)
		case rate.PerDay > 0:
			st.times.put(c, s.random(st, self, drawGap, c, 0))
		default:
			st.times.put(c, never)
		}
	}
	st.times.put(network, s.nextOffline(st, self, 0))
}

// self is the key from which all draws of a device come.
func (s *Stream) self(st *state) uint64 { return key(s.cfg.Seed, uint64(st.index)) }

// due returns when a device next has something to do.
func (s *Stream) due(j uint32) time.Duration {
	b := s.dev.of(j)
	t := times{&s.dev, b}
	return min(t.first(), s.deadline(pendingOf(b)))
}

// deadline is when the pending events must go: when the oldest is MaxAge old, unless there is no network.
func (s *Stream) deadline(p pending) time.Duration {
	switch {
	case p.none() || p.is(offline):
		return never
	case p.is(ready):
		return 0
	}
	return s.nodes.oldest(p.last) + s.cfg.Batch.MaxAge
}

// Next fills u with the next upload that falls due at or before limit, and reports whether there is one. All that the timeline
// changes up to limit must have been told.
func (s *Stream) Next(limit time.Duration, u *Upload) bool {
	s.ahead = 24 * time.Hour // a device that does nothing but browse would otherwise browse up to the limit, which may be a century
	return s.run(limit, u)
}

// Ask is Next where the timeline may change things at any time, because it is told of them by how many uploads were asked for.
func (s *Stream) Ask(limit time.Duration, u *Upload) bool {
	s.ahead = 0
	return s.run(limit, u)
}

func (s *Stream) run(limit time.Duration, u *Upload) bool {
	s.items = s.items[:0]
	for {
		st, at, first, then, deadline := &s.st, never, 0, never, never
		j, ok := s.heap.top()
		if ok {
			s.load(j)
			first, at, then = st.next()
			deadline = s.deadline(st.pending)
			at = min(at, deadline)
		}
		if m := s.nextMark(); m < at && m <= limit {
			s.pass()
			continue
		}
		if at > limit || at == never {
			return false
		}
		s.heap.now = max(s.heap.now, at)
		full := deadline <= at
		switch {
		case full:
		case first == release:
			full = s.update(st, at)
			then = st.first() // any may have changed
		default:
			full = s.step(st, first, at, limit)
		}
		if full {
			s.take(st, s.heap.now, u)
		}
		s.dev.put(j, st)
		s.heap.fixTop(min(then, st.at(first), s.deadline(st.pending)))
		if full {
			return true
		}
	}
}

// step lets a device do what is due at at, which is the network's or a clock's time, and reports whether an upload is due.
func (s *Stream) step(st *state, clock int, at, limit time.Duration) bool {
	self := s.self(st)
	if clock == network {
		return s.toggle(st, self, at)
	}
	if kindOf(clock) == event.WebThreat {
		if !s.browse(st, self, limit) {
			return false
		}
	} else {
		st.times.put(clock, s.after(st, self, clock, at))
	}
	return s.push(st, s.happen(st, self, clock, at))
}

// toggle takes the network away or gives it back; with it back, what is pending is due.
func (s *Stream) toggle(st *state, self uint64, at time.Duration) bool {
	st.held ^= offline
	if st.is(offline) {
		st.times.put(network, s.nextOnline(st, self, at))
		return false
	}
	st.times.put(network, s.nextOffline(st, self, at))
	return !st.none()
}

// browse makes the visit that is due and then the benign ones that follow before anything else is due on this device: they
// leave no trace, so nothing can tell that they were made early. It stops before a visit that will be detected, before the
// timeline changes anything, and where the stream is told to. It reports whether the one that was due is detected.
func (s *Stream) browse(st *state, self uint64, limit time.Duration) bool {
	clock := clockOf(event.WebThreat)
	at := st.at(clock)
	due := at
	plan := s.plans[st.plan]
	others := min(st.at(network), s.deadline(st.pending), limit, at+s.ahead, s.nextMark())
	for c := range numClocks {
		if c != clock {
			others = min(others, st.at(c))
		}
	}
	for {
		v := s.visits.visit(self, plan.cohort, plan.supervised, at, plan.Web.MaliciousShare)
		if v.detected() && at > due {
			return false
		}
		st.times.put(clock, s.after(st, self, clock, at))
		s.stats.Visits++
		s.stats.Verdicts[v.truth][v.verdict.category]++
		if v.canary > 0 {
			s.sawCanary(v.canary)
		}
		if v.detected() {
			return true
		}
		if at = st.at(clock); at > others {
			return false
		}
	}
}

// sawCanary counts a visit to a canary. Each belongs to one device, and so to one stream.
func (s *Stream) sawCanary(n uint32) {
	if s.canaries == nil {
		s.canaries = map[uint32]struct{}{}
	}
	s.canaries[n] = struct{}{}
	s.stats.CanaryVisits++
	s.stats.Canaries = int64(len(s.canaries))
}

// Now is the device time that the stream has reached.
func (s *Stream) Now() time.Duration { return s.heap.now }

// Past is what of the timeline the devices have seen so far.
func (s *Stream) Past() *Past { return s.past }

// Stats returns what has been counted so far.
func (s *Stream) Stats() Stats { return s.stats }
