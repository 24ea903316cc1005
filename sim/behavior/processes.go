package behavior

import (
	"math"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Two processes of Defender run on a device: the app and its network extension. When they start follows from the device and
// the time, as far as the device itself or the user starts them, and from the crashes before: those the stream remembers.

// lives is what a stream remembers of the processes of a device.
type lives struct {
	extension uint32 // second of the run in which the extension last died; 0: it has not
	app       uint32 // the same of the app
	actions   uint16 // app actions since the last diagnostics
	sent      uint16 // KiB that were sent since then, about
}

// Units of an item's notes.
const (
	untilUnit = 2 * time.Second  // 36 hours fit: longer than any leak lasts
	appUnit   = 10 * time.Minute // 42 hours fit: longer than the app lives
)

// What goes over the network for an event, in KiB: itself, its part of the envelope, and what HTTP and TLS add; a crash report
// by itself is some twenty times as much.
const (
	eventKiB = 1
	crashKiB = 22
)

// happen makes the item that a clock brings, and remembers what it changes. The notes of an item are
//
//	app.memory   since: seconds since the extension last died, or since the run's start; until: units until it is killed, or
//	             the most that fits; app: units since the app last died, or the most that fits
//	app.info     until: 1 for the first of a device that enrolled in this run
//	app.crash    since: seconds since the process last died, or since the run's start; until: 0 for a kill, 1 otherwise
//	diagnostics  since: KiB that were sent since the last diagnostics; until: app actions since then
//
// Detections change nothing: how much a user browses must not show in anything else (privacy catalogue: P06).
func (s *Stream) happen(st *state, self uint64, clock int, at time.Duration) Item {
	it := Item{At: at, Kind: kindOf(clock)}
	now := uint32(at / time.Second)
	cost := uint16(eventKiB)
	switch it.Kind {
	case event.WebThreat:
		return it
	case event.Memory:
		it.since = now - st.extension
		it.until = uint16(min((st.at(jetsam)-at)/untilUnit, math.MaxUint16))
		it.app = math.MaxUint8
		if st.app > 0 {
			it.app = uint8(min(at/appUnit-time.Duration(st.app)*time.Second/appUnit, math.MaxUint8))
		}
	case event.Crash:
		died := &st.extension
		if clock != jetsam {
			it.until = 1
			if _, extension := s.plans[st.plan].Crashes.death(self, at); !extension {
				died = &st.app
			}
		}
		it.since = now - *died
		*died = now
		cost = crashKiB
	case event.AppInfo:
		if st.is(fresh) {
			it.until = 1
			st.set(fresh, false)
		}
	case event.AppAction:
		st.actions = add(st.actions, 1)
	case event.Diagnostics:
		it.since, it.until = uint32(st.sent), st.actions
		st.sent, st.actions = 0, 0
	}
	st.sent = add(st.sent, cost)
	return it
}

// restart ends both processes at a time, and they start anew: an update of the app ends them, and one of iOS ends everything.
func (l *lives) restart(at time.Duration) {
	now := uint32(at / time.Second)
	l.extension, l.app = now, now
}

// add stops at the most that fits.
func add(a, b uint16) uint16 { return uint16(min(uint32(a)+uint32(b), math.MaxUint16)) }

// kill is the reason of a crash that the clock jetsam brings.
const kill = "jetsam"

// kills is the share of kills among crashes, 0..1.
func (c *Crashes) kills() float64 {
	var kills, all float64
	for _, m := range c.Mix {
		if all += m.Weight; m.Value == kill {
			kills += m.Weight
		}
	}
	if kills == 0 {
		return 0
	}
	return kills / all
}

// death draws why a process crashed that was not killed, and which one. The watchdog waits for the app's scenes only; a third of the
// others are the extension's (an assumption).
func (c *Crashes) death(self uint64, at time.Duration) (reason string, extension bool) {
	d := newDraws(self, drawLife, 0, uint64(at))
	var others float64
	for _, m := range c.Mix {
		if m.Value != kill {
			others += m.Weight
		}
	}
	reason = "sigabrt"
	u := d.unit() * others
	for _, m := range c.Mix {
		if m.Value != kill && m.Weight > 0 {
			reason = m.Value
			if u -= m.Weight; u < 0 {
				break
			}
		}
	}
	return reason, reason != "watchdog" && d.unit() < 1./3
}

// life is one run of the app, with times as offsets from the run's start.
type life struct {
	from  time.Duration
	front bool // the user has opened it in this life
}

// appPeriod is how often the app starts anew while the device runs: the system ends what is in the background when it needs
// the memory, and what ended starts again with the next push, background task or touch. The period is an assumption.
const appPeriod = 12 * time.Hour

// appLife is the life of the app at a time, given when it began at the earliest.
func (f *Filler) appLife(self uint64, z *zone, plan *Plan, at, earliest time.Duration) life {
	starts := Rate{Every: appPeriod, Jitter: 1}
	first := phase(self, appStarts, starts)
	period := int64((at - first) / appPeriod)
	from := inPeriod(self, appStarts, starts, first, period)
	for from > at {
		period--
		from = inPeriod(self, appStarts, starts, first, period)
	}
	l := life{from: max(from, earliest)}
	draw := newDraws(self, drawLife, 1, uint64(l.from))
	l.front = draw.unit() < 0.25+0.5*plan.Day.busy(z, max(l.from, 0)) // else a push or a background task started it (shares: assumptions)
	return l
}

// appStarts stands for a clock in draws. It is none: nothing is reported when the app starts.
const appStarts = numClocks

// booted is when the processes came up after the device last started. They wait until it is unlocked; the time until then is an
// assumption.
func (f *Filler) booted(d *fleet.Device, at time.Duration) time.Duration {
	start, part := f.cfg.Start.Unix(), time.Duration(f.cfg.Start.Nanosecond())
	boot := d.BootedUnix(start + int64((part+at)/time.Second))
	draw := newDraws(uint64(boot), drawLife, 2, uint64(d.Index))
	up := time.Duration(boot-start)*time.Second - part
	return min(at, up+20*time.Second+time.Duration(draw.unit()*float64(time.Minute)))
}

// died is when a process last died, to the second. Where it did not in this run, it is long ago, or before enrolment.
func (f *Filler) died(at time.Duration, since uint32) time.Duration {
	died := at.Truncate(time.Second) - time.Duration(since)*time.Second
	if died > 0 || f.cfg.Enroll {
		return max(died, 0)
	}
	return math.MinInt64
}
