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

// numClocks is how many kinds of event have a clock of their own: all but enrolment.
const numClocks = int(event.NumKinds) - 1

// clockOf is the index in state.next of a kind's clock.
func clockOf(k event.Kind) int { return int(k) - 1 }

// kindOf is its inverse.
func kindOf(clock int) event.Kind { return event.Kind(clock + 1) }

// periodic returns the occurrence of a periodic kind in period n of a device: the period begins at phase + n*Every, and the
// occurrence is late by up to Jitter of Every.
func periodic(self uint64, kind event.Kind, r Rate, n int64) time.Duration {
	at := phase(self, kind, r) + time.Duration(n)*r.Every
	if r.Jitter > 0 {
		d := newDraws(self, drawJitter, int(kind), uint64(n))
		at += time.Duration(d.unit() * r.Jitter * float64(r.Every))
	}
	return at
}

func phase(self uint64, kind event.Kind, r Rate) time.Duration {
	d := newDraws(self, drawPhase, int(kind), 0)
	return time.Duration(d.unit() * float64(r.Every))
}

// random returns when a random kind happens next after at: the activity until then is exponential.
func (s *Stream) random(st *state, self uint64, kind event.Kind, at time.Duration) time.Duration {
	plan := s.plans[st.cohort]
	perHour := plan.perHour[kind]
	if kind == event.Crash && st.crashes > 0 {
		perHour *= plan.Crashes.More[st.crashes-1].Times
	}
	if perHour <= 0 {
		return never
	}
	d := newDraws(self, drawGap, int(kind), uint64(at))
	gap := plan.shape.after(s.zones[st.zone].local(at), d.exp()/perHour)
	if gap >= never-at {
		return never
	}
	return at + max(gap, 1) // later, always: the next draw is keyed by the time
}

// after returns when a kind happens next, given that it happened at at.
func (s *Stream) after(st *state, self uint64, kind event.Kind, at time.Duration) time.Duration {
	rate := s.plans[st.cohort].Rates[kind]
	if rate.Every > 0 {
		since := at - phase(self, kind, rate) + rate.Every // of period -1: not negative
		return periodic(self, kind, rate, int64(since/rate.Every))
	}
	return s.random(st, self, kind, at)
}

// nextOffline returns when the device next loses its network, given that it has one from at on.
func (s *Stream) nextOffline(st *state, self uint64, at time.Duration) time.Duration {
	o := s.plans[st.cohort].Offline
	if o.PerDay <= 0 {
		return never
	}
	d := newDraws(self, drawOffline, 0, uint64(at))
	return later(at, 1+d.exp()/o.PerDay*float64(24*time.Hour))
}

// nextOnline returns when the device has its network back, given that it goes at at.
func (s *Stream) nextOnline(st *state, self uint64, at time.Duration) time.Duration {
	o := s.plans[st.cohort].Offline
	d := newDraws(self, drawOffline, 1, uint64(at))
	return later(at, 1+d.logNormal(float64(o.Median), float64(o.P95)))
}
