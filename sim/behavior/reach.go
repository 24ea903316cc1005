package behavior

import (
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// EventsPerDay is how many events a device of a cohort reports in a day of device time, on average over a week: at least
// and at most, since settings, the iOS version and the user matter. Visits count by the share that is detected: others are not
// reported. The most is the mean over users.
func (c *Config) EventsPerDay(cohort int) (least, most float64) {
	p := &c.Plans[cohort]
	for k := range event.NumKinds {
		n := p.perDay(k)
		lo, hi := n, n
		switch {
		case k == event.WebThreat:
			byHost, byURL := c.Hosts.Detected()
			lo, hi = n*min(byHost, byURL), n*max(byHost, byURL)
			if p.Web.Dispersion != nil {
				lo = 0
			}
		case k == event.Diagnostics || k == event.Feedback:
			lo = 0 // see withheld
		case k == event.Crash && p.Rates[k].Every == 0: // More changes a rate only
			for _, more := range p.Crashes.More {
				lo, hi = min(lo, n*more.Times), max(hi, n*more.Times)
			}
		}
		least, most = least+lo, most+hi
	}
	return least, most
}

// seldom is a rate per day that is as good as never: once in a life of 27 years.
const seldom = 1e-4

// Reports tells whether a device ever has an event to report.
func (c *Config) Reports(d *fleet.Device) bool {
	p := &c.Plans[d.Cohort]
	for k := range event.NumKinds {
		n := p.perDay(k)
		if n == 0 || withheld(k, d.OptionalDiag, d.FeedbackForm) {
			continue
		}
		if k == event.WebThreat {
			byHost, byURL := c.Hosts.Detected()
			if d.Supervised {
				byHost = byURL
			}
			own := p.Web.Dispersion.of(key(c.Seed, uint64(d.Index)), userMalicious, p.Web.MaliciousShare)
			if n/p.Web.MaliciousShare*own*byHost < seldom {
				continue
			}
		}
		if k == event.Crash && p.Rates[k].Every == 0 {
			if more := p.crashMore(d); more > 0 && p.Crashes.More[more-1].Times <= 0 {
				continue
			}
		}
		return true
	}
	return false
}

// perDay is the mean number of events of a kind, of a device without peculiarities.
func (p *Plan) perDay(k event.Kind) float64 {
	var n float64
	switch r := p.Rates[k]; {
	case r.Every > 0:
		n = float64(24*time.Hour) / float64(r.Every)
	case r.PerDay > 0:
		n = r.PerDay * newWeekShape(p.Day).total / hoursPerWeek
	}
	if k == event.WebThreat {
		n *= p.Web.MaliciousShare
	}
	return n
}

// crashMore is 1 + the index of the entry in Crashes.More that holds for a device; 0: none does.
func (p *Plan) crashMore(d *fleet.Device) (n uint16) {
	for i, more := range p.Crashes.More {
		if more.OS == d.OS.Version {
			n = uint16(i + 1)
		}
	}
	return n
}

// withheld tells whether a device makes no events of a kind, because of its settings.
func withheld(k event.Kind, optionalDiag, feedbackForm bool) bool {
	return k == event.Diagnostics && !optionalDiag || k == event.Feedback && !feedbackForm
}
