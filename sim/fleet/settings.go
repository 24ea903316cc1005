package fleet

import (
	"cmp"
	"fmt"
)

// Keys of the settings' chances. They are part of who a device is, so they never change.
const (
	chanceExcludeURL = iota + 1
	chanceOptionalDiag
	chanceFeedbackForm
	chanceUnsafeSiteInfo
	chanceSupervised
	chanceNetworkPrivacy
	chanceTVMPrivacy
	numChances
)

// SettingsChange are shares that replace those of a device's fleet while a run goes on; nil leaves a share as it is. Each
// device keeps its own draw, so that lowering a share from 32 to 20 % switches a setting off on 12 % of the devices and touches
// no other. Who is supervised does not change: that takes a device to be wiped.
type SettingsChange struct {
	ExcludeURLInReport  *float64
	UnsafeSiteInfo      *float64
	OptionalDiagnostics *float64
	FeedbackData        *float64
}

// Merge replaces what o gives.
func (n *SettingsChange) Merge(o SettingsChange) {
	n.ExcludeURLInReport = cmp.Or(o.ExcludeURLInReport, n.ExcludeURLInReport)
	n.UnsafeSiteInfo = cmp.Or(o.UnsafeSiteInfo, n.UnsafeSiteInfo)
	n.OptionalDiagnostics = cmp.Or(o.OptionalDiagnostics, n.OptionalDiagnostics)
	n.FeedbackData = cmp.Or(o.FeedbackData, n.FeedbackData)
}

// Resettle gives d, which Device filled, the settings that it has with the new shares.
func (f *Fleet) Resettle(d *Device, n *SettingsChange) {
	b, place := f.placeOf(d.Index)
	changed := b.switches.with(n)
	d.settle(b, place, &changed)
}

// switches are the shares of Settings as thresholds.
type switches struct {
	excludeURL, unsafeSiteInfo, supervised, optionalDiag, feedbackForm, networkPrivacy, tvmPrivacy uint64
}

// switches turns the shares into thresholds; the error names one that is none.
func (s *Settings) switches() (t switches, err error) {
	for _, sh := range []struct {
		what  string
		share float64
		into  *uint64
	}{
		{"ExcludeURLInReport", s.ExcludeURLInReport, &t.excludeURL},
		{"UnsafeSiteInfo", s.UnsafeSiteInfo, &t.unsafeSiteInfo},
		{"Supervised", s.Supervised, &t.supervised},
		{"OptionalDiagnostics", s.OptionalDiagnostics, &t.optionalDiag},
		{"FeedbackData", s.FeedbackData, &t.feedbackForm},
		{"NetworkPrivacy", s.NetworkPrivacy, &t.networkPrivacy},
		{"TVMPrivacy", s.TVMPrivacy, &t.tvmPrivacy},
	} {
		if !isShare(sh.share) {
			return t, fmt.Errorf("%s: a share of %v is out of range; want 0 to 1", sh.what, sh.share)
		}
		*sh.into = threshold(sh.share)
	}
	return t, nil
}

func isShare(x float64) bool { return x >= 0 && x <= 1 }

// with are the thresholds after a change.
func (t switches) with(n *SettingsChange) switches {
	t.excludeURL = shareOr(n.ExcludeURLInReport, t.excludeURL)
	t.unsafeSiteInfo = shareOr(n.UnsafeSiteInfo, t.unsafeSiteInfo)
	t.optionalDiag = shareOr(n.OptionalDiagnostics, t.optionalDiag)
	t.feedbackForm = shareOr(n.FeedbackData, t.feedbackForm)
	return t
}

func shareOr(share *float64, fleets uint64) uint64 {
	if share == nil {
		return fleets
	}
	return threshold(*share)
}

// settle draws the settings of a device.
func (d *Device) settle(b *build, place uint64, t *switches) {
	place = mix(place)
	d.AdminExcludeURL = b.chance(place, chanceExcludeURL, t.excludeURL)
	d.Supervised = b.chance(place, chanceSupervised, t.supervised)
	d.UnsafeSiteInfo = d.AdminExcludeURL && !d.Supervised && b.chance(place, chanceUnsafeSiteInfo, t.unsafeSiteInfo)
	d.ExcludeURL = EffectivePrivacy(d.AdminExcludeURL, d.UnsafeSiteInfo, d.Supervised)
	d.OptionalDiag = b.chance(place, chanceOptionalDiag, t.optionalDiag)
	d.FeedbackForm = b.chance(place, chanceFeedbackForm, t.feedbackForm)
	d.NetworkPrivacy = b.chance(place, chanceNetworkPrivacy, t.networkPrivacy)
	d.TVMPrivacy = b.chance(place, chanceTVMPrivacy, t.tvmPrivacy)
}

// Consents tells what device i allows with the new shares, without making all of the device.
func (f *Fleet) Consents(i int, n *SettingsChange) (optionalDiag, feedbackForm bool) {
	b, place := f.placeOf(i)
	t := b.switches.with(n)
	place = mix(place)
	return b.chance(place, chanceOptionalDiag, t.optionalDiag), b.chance(place, chanceFeedbackForm, t.feedbackForm)
}

// placeOf is where device i belongs.
func (f *Fleet) placeOf(i int) (*build, uint64) {
	c := f.CohortOf(i)
	return &f.builds[c], uint64(i - f.cohorts[c].First)
}

// begin sets the key from which all draws of a cohort's devices come.
func (b *build) begin(key uint64) {
	b.key = key
	for setting := range b.chances {
		b.chances[setting] = mix(key ^ uint64(setting)*0x9e3779b97f4a7c15)
	}
}

// chance reports whether the device whose place mixes to mixed has a setting that a share of devices has. It is a hash of device and
// setting, so each setting is independent of everything else.
func (b *build) chance(mixed uint64, setting int, share uint64) bool {
	return mix(b.chances[setting]+mixed)>>11 < share
}

// unit is a device's own number of 53 bits for one purpose.
func (b *build) unit(place, purpose uint64) uint64 { return mix(mix(b.key^purpose)+mix(place)) >> 11 }
