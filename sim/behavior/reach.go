package behavior

import (
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// EventsPerDay is how many events a device of the cohort reports in a day of device time, on average over a week: at least
// and at most, since settings and the iOS version matter. Visits count by their malicious share: others are not reported.
func (p *Plan) EventsPerDay() (least, most float64) {
	for k := range event.NumKinds {
		n := p.perDay(k)
		lo, hi := n, n
		switch {
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

// Reports tells whether a device of the cohort ever has an event to report.
func (p *Plan) Reports(d *fleet.Device) bool {
	for k := range event.NumKinds {
		if p.perDay(k) == 0 || withheld(k, d) {
			continue
		}
		more := p.crashMore(d)
		if k != event.Crash || p.Rates[k].Every > 0 || more == 0 || p.Crashes.More[more-1].Times > 0 {
			return true
		}
	}
	return false
}

// perDay is the mean number of events of a kind, of a device without peculiarities.
func (p *Plan) perDay(k event.Kind) float64 {
	n := p.Rates[k].PerDay * newWeekShape(p.Day).total / hoursPerWeek
	if every := p.Rates[k].Every; every > 0 {
		n = float64(24*time.Hour) / float64(every)
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

// withheld tells whether a device never makes events of a kind, because of its settings.
func withheld(k event.Kind, d *fleet.Device) bool {
	return k == event.Diagnostics && !d.OptionalDiag || k == event.Feedback && !d.FeedbackForm
}
