package behavior

import (
	"drover/sim/event"
	"drover/sim/fleet"
)

// features is what the admin of a device configured. The switches that the fleet knows are the device's own; the others are
// one choice for all devices of a tenant and cohort, as an admin makes it for a group. WebProtection is always on: a device
// without it would detect nothing. How often an admin leaves the default is an assumption.
func (f *Filler) features(d *fleet.Device) (v event.Features) {
	draw := newDraws(key(f.cfg.Seed, uint64(d.Tenant)), drawAdmin, 0, uint64(d.Cohort))
	set := func(feature event.Feature, percent uint64) {
		if draw.next()%100 < percent {
			v[feature] = 1
		}
	}
	v[event.WebProtection] = 1
	set(event.NetworkProtection, 85)
	v[event.OpenNetworkDetection] = 2 // the default: on
	if u := draw.next() % 100; u < 20 {
		v[event.OpenNetworkDetection] = uint8(u % 2)
	}
	set(event.EndUserTrustFlow, 10)
	set(event.NetworkAutoRemediation, 95)
	set(event.OptionalVPN, 15)
	set(event.DisableSignOut, 40)
	set(event.SuppressOSUpdateNotification, 10)
	for _, own := range [...]struct {
		feature event.Feature
		on      bool
	}{
		{event.ExcludeURLInReport, d.AdminExcludeURL}, {event.FeedbackData, d.FeedbackForm}, {event.Supervised, d.Supervised},
		{event.NetworkPrivacy, d.NetworkPrivacy}, {event.TVMPrivacy, d.TVMPrivacy},
	} {
		if own.on {
			v[own.feature] = 1
		}
	}
	return v
}

// browserShares are how many devices in a hundred have each of event.BrowserNames; Safari comes with iOS. Assumptions.
var browserShares = [len(event.BrowserNames)]uint64{100, 30, 25, 6, 4, 3}

// browsers are those on a device, for good.
func browsers(self uint64) (set event.Browsers) {
	draw := newDraws(self, drawBrowsers, 0, 0)
	for i, percent := range browserShares {
		if draw.next()%100 < percent {
			set |= 1 << i
		}
	}
	return set
}

// port is the remote port of a site, for good: 443 mostly (the shares are assumptions). A canary, which is no planted site,
// has 443.
func (f *Filler) port(s *site) uint16 {
	if s == nil {
		return 443
	}
	d := newDraws(key(f.cfg.Seed, uint64(s.from)), drawPort, 0, 0) // where its URL begins is a site's own
	switch u := d.next() % 100; {
	case u < 86:
		return 443
	case u < 97:
		return 80
	case u < 99:
		return 8443
	}
	return 8080
}
