package behavior

import (
	"math"
	"time"

	"drover/sim/event"
)

// never is the time of what does not happen.
const never = time.Duration(math.MaxInt64)

// later is gap nanoseconds after at, and never where that is beyond all runs: rare things are drawn centuries away, and
// time would wrap around.
func later(at time.Duration, gap float64) time.Duration {
	if gap < float64(never-at)/2 {
		return at + time.Duration(gap)
	}
	return never
}

// numClocks is how many clocks a device has: one for each kind but enrolment, and jetsam.
const numClocks = int(event.NumKinds)

// jetsam is the clock of kills for want of memory. They are crashes, but the memory of the extension climbs for hours before
// one, so their next must be known when another kind of crash comes first.
const jetsam = numClocks - 1

// clockOf is the number of a kind's clock; of crashes it is that of all others than kills.
func clockOf(k event.Kind) int { return int(k) - 1 }

// kindOf is the kind of event that a clock brings.
func kindOf(clock int) event.Kind {
	if clock == jetsam {
		return event.Crash
	}
	return event.Kind(clock + 1)
}

// clocks are the rates of a device's clocks. The mix splits crashes into kills and others.
func (p *Plan) clocks() (rates [numClocks]Rate) {
	for c := range jetsam {
		rates[c] = p.Rates[kindOf(c)]
	}
	crash := &rates[clockOf(event.Crash)]
	kills := p.Crashes.kills()
	rates[jetsam] = crash.of(kills)
	*crash = crash.of(1 - kills)
	return rates
}

// of is the rate of a share of what happens, 0..1. With a period, the share has one of its own.
func (r Rate) of(share float64) Rate {
	r.PerDay *= share
	if r.Every > 0 {
		every := float64(r.Every) / share
		if !(every < float64(never/8)) { // a share of nearly nothing, beyond all runs
			return Rate{}
		}
		r.Every = time.Duration(every)
	}
	return r
}

// periodic returns the occurrence of a periodic clock in period n of a device: the period begins at phase + n*Every, and the
// occurrence is late by up to Jitter of Every.
func periodic(self uint64, clock int, r Rate, n int64) time.Duration {
	return inPeriod(self, clock, r, phase(self, clock, r), n)
}

// inPeriod is periodic where the phase is known.
func inPeriod(self uint64, clock int, r Rate, phase time.Duration, n int64) time.Duration {
	at := phase + time.Duration(n)*r.Every
	if r.Jitter > 0 {
		d := newDraws(self, drawJitter, clock+1, uint64(n))
		at += time.Duration(d.unit() * r.Jitter * float64(r.Every))
	}
	return at
}

func phase(self uint64, clock int, r Rate) time.Duration {
	d := newDraws(self, drawPhase, clock+1, 0)
	return time.Duration(d.unit() * float64(r.Every))
}

// random returns when a random clock rings next after at: the activity until then is exponential. why is drawGap where it
// rang at at, and drawChange where its rate changed then.
func (s *Stream) random(st *state, self uint64, why purpose, clock int, at time.Duration) time.Duration {
	plan := s.plans[st.plan]
	perHour := plan.perHour[clock]
	if perHour <= 0 {
		return never
	}
	d := newDraws(self, why, clock+1, uint64(at))
	gap := plan.shape.after(s.zones[plan.zone].local(at), d.exp()/perHour)
	if gap >= never-at {
		return never
	}
	return at + max(gap, 1) // later, always: the next draw is keyed by the time
}

// after returns when a clock rings next, given that it rings at at.
func (s *Stream) after(st *state, self uint64, clock int, at time.Duration) time.Duration {
	rate := s.plans[st.plan].rates[clock]
	if rate.Every > 0 {
		first := phase(self, clock, rate)
		since := at - first + rate.Every // of period -1: not negative
		return inPeriod(self, clock, rate, first, int64(since/rate.Every))
	}
	return s.random(st, self, drawGap, clock, at)
}

// nextOffline returns when the device next loses its network, given that it has one from at on.
func (s *Stream) nextOffline(st *state, self uint64, at time.Duration) time.Duration {
	o := s.plans[st.plan].Offline
	if o.PerDay <= 0 {
		return never
	}
	d := newDraws(self, drawOffline, 0, uint64(at))
	return later(at, 1+d.exp()/o.PerDay*float64(24*time.Hour))
}

// nextOnline returns when the device has its network back, given that it goes at at.
func (s *Stream) nextOnline(st *state, self uint64, at time.Duration) time.Duration {
	o := s.plans[st.plan].Offline
	d := newDraws(self, drawOffline, 1, uint64(at))
	return later(at, 1+d.logNormal(float64(o.Median), float64(o.P95)))
}
