package behavior

import (
	"encoding/binary"
	"time"

	"drover/sim/event"
)

// mark is an entry of the timeline that begins or ends at a device time.
type mark struct {
	at    time.Duration
	entry int
	ends  bool
}

// Begin tells the stream that an entry of the timeline comes into force after device time at: what happens at at is still as
// before. It must not have begun before, and at must not be before the time of an earlier Begin or End, nor before Now. What
// the entry changes is drawn anew from at on, of the selected devices only: nothing else moves by a nanosecond.
func (s *Stream) Begin(entry int, at time.Duration) {
	s.marks = append(s.marks, mark{at, entry, false})
}

// End tells the stream that an entry is not in force any more after device time at. Else it is like Begin.
func (s *Stream) End(entry int, at time.Duration) { s.marks = append(s.marks, mark{at, entry, true}) }

// Hasten lets what was told for a later time happen now, for a caller that leaves that time out.
func (s *Stream) Hasten() {
	for i := range s.marks {
		s.marks[i].at = min(s.marks[i].at, s.heap.now)
	}
}

// Close ends the stream at device time at: whatever of the timeline it was told begins or ends, and what Flush yields falls due
// then. After it there is no Next or Ask.
func (s *Stream) Close(at time.Duration) {
	for len(s.marks) > 0 {
		s.pass()
	}
	s.heap.now = max(s.heap.now, at)
}

// nextMark is when the stream must apply an entry, after everything else that happens at that time.
func (s *Stream) nextMark() time.Duration {
	if len(s.marks) == 0 {
		return never
	}
	return s.marks[0].at
}

// pass applies the next mark.
func (s *Stream) pass() {
	m := s.marks[0]
	s.marks = s.marks[1:]
	s.heap.now = max(s.heap.now, m.at)
	if m.ends {
		s.past = s.past.end(m.entry, m.at)
	} else {
		s.past = s.past.begin(s.cfg, m.entry, m.at)
	}
	e := &s.cfg.Timeline[m.entry]
	turned := map[uint32]uint32{}
	for j := range uint32(s.dev.n) {
		if e.Release == nil && e.Change == nil { // it happens on the network, and the devices go on as before
			break
		}
		if !e.Select.Has(s.dev.device(int(j))) {
			continue
		}
		st := s.load(j)
		if e.Release != nil {
			st.times.put(release, min(st.at(release), s.past.next(int(st.index), m.at)))
		} else {
			to, known := turned[st.plan]
			if !known {
				to = s.turnedBy(st.plan, m)
				turned[st.plan] = to
			}
			s.turn(st, to, m.at)
		}
		s.dev.put(j, st)
	}
	s.heap.init(s.dev.n)
}

// turnedBy is the plan that follows from another one by a mark.
func (s *Stream) turnedBy(plan uint32, m mark) uint32 {
	was := s.plans[plan]
	entries := make([]int, 0, len(was.entries)+1)
	for _, e := range was.entries {
		if e != m.entry {
			entries = append(entries, e)
		}
	}
	if !m.ends {
		entries = append(entries, m.entry)
	}
	return s.compile(was.plain, entries)
}

// compile returns the number of a plan under some changes, in the order in which they began.
func (s *Stream) compile(p plain, entries []int) uint32 {
	var list []byte
	for _, e := range entries {
		list = binary.AppendUvarint(list, uint64(e))
	}
	from := origin{p, string(list)}
	if n, ok := s.known[from]; ok {
		return n
	}
	c := &compiled{Plan: s.cfg.Plans[p.cohort], plain: p, entries: entries}
	for _, e := range entries {
		change := s.cfg.Timeline[e].Change
		change.apply(&c.Plan)
		c.settings.Merge(change.Settings)
	}
	if c.shape = s.shapes[p.cohort]; c.shape == nil {
		c.shape = newWeekShape(c.Day)
		s.shapes[p.cohort] = c.shape
	}
	c.rates = c.clocks()
	for k := range c.rates {
		c.perHour[k] = c.rates[k].PerDay / 24
		if p.more > 0 && kindOf(k) == event.Crash {
			c.perHour[k] *= c.Crashes.More[p.more-1].Times
		}
	}
	n := uint32(len(s.plans))
	s.plans, s.known[from] = append(s.plans, c), n
	return n
}

// often is how often a clock rings. The zero value is never.
type often struct {
	every   time.Duration
	jitter  float64
	perHour float64
}

func (c *compiled) often(clock int, withheld bool) often {
	switch r := c.rates[clock]; {
	case withheld:
		return often{}
	case r.Every > 0:
		return often{every: r.Every, jitter: r.Jitter}
	}
	return often{perHour: c.perHour[clock]}
}

// turn gives a device another plan from a time on. A kind of event whose rate stays keeps its next time; the others are drawn
// anew, which is what a process without memory does. What the device may not report any more, it forgets.
func (s *Stream) turn(st *state, to uint32, at time.Duration) {
	was, is := s.plans[st.plan], s.plans[to]
	st.plan = to
	self := s.self(st)
	wasDiag, wasForm := s.cfg.Fleet.Consents(int(st.index), &was.settings)
	isDiag, isForm := s.cfg.Fleet.Consents(int(st.index), &is.settings)
	for c := range numClocks {
		kind := kindOf(c)
		before, after := withheld(kind, wasDiag, wasForm), withheld(kind, isDiag, isForm)
		if after && !before {
			s.withdraw(st, kind)
		}
		if o := is.often(c, after); o != was.often(c, before) {
			next := never
			if !after {
				next = s.first(st, self, c, at)
			}
			st.times.put(c, next)
		}
	}
	if was.Offline.PerDay != is.Offline.PerDay && !st.is(offline) {
		st.times.put(network, s.nextOffline(st, self, at))
	}
}

// first returns when a clock rings first after at, where at is not one of its times.
func (s *Stream) first(st *state, self uint64, clock int, at time.Duration) time.Duration {
	rate := s.plans[st.plan].rates[clock]
	if rate.Every > 0 {
		first := phase(self, clock, rate)
		n := int64((at-first+rate.Every)/rate.Every) - 1 // the period under way; -1 before the first
		if in := inPeriod(self, clock, rate, first, n); in > at {
			return in
		}
		return inPeriod(self, clock, rate, first, n+1)
	}
	return s.random(st, self, drawChange, clock, at)
}

// withdraw removes the pending events of a kind: a user who takes consent back takes it back for what was not sent, too.
func (s *Stream) withdraw(st *state, kind event.Kind) {
	for range st.events() { // each goes to the end again, or away
		var it Item
		if it, st.last = s.nodes.pop(st.last); it.Kind != kind {
			st.last = s.nodes.add(st.last, it)
			continue
		}
		st.held -= oneEvent
		s.stats.Withdrawn[kind]++
	}
	st.set(ready, st.is(ready) && !st.none())
}

// update lets a device take the releases whose turn it is, and report what that makes of it. It returns whether an upload is
// due.
func (s *Stream) update(st *state, at time.Duration) (full bool) {
	s.cfg.Fleet.Device(int(st.index), &s.was)
	s.is = s.was
	s.past.Device(&s.was, at-1)
	s.past.Device(&s.is, at)
	st.times.put(release, s.past.next(int(st.index), at))
	if s.is.OS != s.was.OS || s.is.App != s.was.App {
		st.restart(at)
	}
	if s.is.OS != s.was.OS {
		plan := s.plans[st.plan]
		if more := plan.crashMore(&s.is); more != plan.more {
			p := plan.plain
			p.more = more
			s.turn(st, s.compile(p, plan.entries), at)
		}
		full = s.push(st, s.happen(st, s.self(st), clockOf(event.Heartbeat), at))
	}
	if s.is.App != s.was.App {
		full = s.push(st, s.happen(st, s.self(st), clockOf(event.AppInfo), at)) || full
	}
	return full
}
