package behavior

import (
	"math"
	"strings"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Footprints in MiB. The limit is what iOS 15 and later enforce on a packet tunnel ("ActiveHard 50 MB (fatal)", Tun2SocksKit
// issue 33, 2025-03, and others up to iOS 26.6); for content filters no figure is documented (Apple developer forum, thread 680453),
// so theirs is assumed to be the same. What a process needs when it has just started was measured on another vendor's tunnel
// (bojieli/queqiao PR 82, 2026-08: 17.5 after 0.1 minutes, 19.6 at most, 5.8 after 1.8). The other figures are assumptions for an
// extension that checks names and an app that shows a few screens: between what other tunnels show (that one, and
// getlantern/lantern PR 8974, 2026-08).
const (
	extensionLimit = 50.

	startPeak   = 19.6      // when it starts,
	started     = 5.8       // soon afterwards,
	startFor    = 36.       // the first falls to the second within this many seconds
	warmFor     = 25. * 60. // and that rises to what it needs within this many
	steadyMost  = 44.       // what it needs without a leak stays below
	leakPerHour = 1.5       // of the slowest leak

	padTimes = 1.25 // iPads have more pixels to keep (assumption)
)

// Footprints in MiB, over devices and times.
var (
	idleMiB  = newBand(14, 22)  // the extension at night
	busyMiB  = newBand(20, 34)  // and while the user is active
	frontMiB = newBand(85, 160) // the app while the user looks at it
	awayMiB  = newBand(35, 55)  // and in the background; the second is ours
)

// memory makes the footprints of a device at a time. What a process needs is a level of the device's own that drifts, and a
// little noise, so that a report is like the one an hour before. The extension is busy when the day's shape says that the user is: not when
// pages are visited, since benign browsing must not show (privacy catalogue: P06). When the extension is going to be killed, a leak
// comes on top, and its footprint reaches the limit at the kill.
func (f *Filler) memory(self uint64, d *fleet.Device, plan *Plan, it *Item, noise *draws) event.MemoryUse {
	z := f.zone(d.Timezone)
	active := plan.Day.busy(z, it.At)
	booted := f.booted(d, it.At)
	m := event.MemoryUse{ExtensionLimitKiB: extensionLimit * 1024}
	m.ExtensionKiB = kib(extension(self, max(booted, f.died(it.At, it.since)), it, active, noise.normal()))

	since := uint32(it.At / time.Second) // the app has not died in this run
	if it.app < math.MaxUint8 {
		died := (it.At/appUnit - time.Duration(it.app)) * appUnit
		since -= uint32(died / time.Second)
	}
	l := f.appLife(self, z, plan, it.At, max(booted, f.died(it.At, since)))
	now, peak := app(self, d, l, it.At, active, noise)
	m.AppKiB, m.AppPeakKiB = kib(now), kib(peak)
	return m
}

// kib turns MiB into whole pages of 16 KiB, in KiB: a footprint has no parts of pages.
func kib(mib float64) uint32 { return uint32(mib*64) * 16 }

// extension is the footprint of the network extension, which has run from from on.
func extension(self uint64, from time.Duration, it *Item, active, noise float64) float64 {
	own := newDraws(self, drawLevel, 0, 0)
	z := 0.85 * own.normal()
	at := it.At
	footprint := steady(active, z+0.45*drift(self, 1, at, 8*time.Hour)+0.28*noise)

	up := (at - from).Seconds()
	footprint = started + (footprint-started)*(1-math.Exp(-up/warmFor)) + (startPeak-started)*math.Exp(-up/startFor)

	// The leak begins so long before the kill, or with the process. How fast it is belongs to the life: most take hours, few
	// one hour, none more than the slowest.
	if it.until == math.MaxUint16 {
		return footprint
	}
	died := uint64(at/time.Second) - uint64(it.since)
	leak := newDraws(self, drawLife, 3, died)
	room := extensionLimit - steady(1, z+1) // at its highest, so that no leak is slower than that
	lasts := room / (leakPerHour * math.Exp(1.2*math.Abs(leak.normal()))) * 3600
	left := (time.Duration(it.until) * untilUnit).Seconds()
	lasts = min(lasts, up+left)
	if left >= lasts {
		return footprint
	}
	part := 1 - left/lasts
	return footprint*(1-part) + extensionLimit*part
}

// steady is what the extension needs without a leak, between idle and busy as the user is active, 0..1; z is standard normal over devices
// and times.
func steady(active, z float64) float64 {
	x := busyMiB.at(z)
	if active < 1 {
		x = math.Pow(idleMiB.at(z), 1-active) * math.Pow(x, active)
	}
	// Bent below steadyMost; what is small stays as it is.
	r := x / steadyMost
	r *= r
	r *= r
	return x / math.Sqrt(math.Sqrt(math.Sqrt(1+r*r)))
}

// app is the footprint of the app now, and the most that it had in this life.
func app(self uint64, d *fleet.Device, l life, at time.Duration, active float64, noise *draws) (now, peak float64) {
	own := newDraws(self, drawLevel, 2, 0)
	z := 0.75 * own.normal()
	life := newDraws(self, drawLife, 4, uint64(l.from))
	size := life.normal()
	times := 1.
	if strings.HasPrefix(d.Model.ID, "iPad") {
		times = padTimes
	}
	// The peak belongs to the life, so it never falls while the app runs.
	now = times * awayMiB.at(z+0.5*drift(self, 3, at, 4*time.Hour)+0.4*noise.normal())
	if !l.front {
		peak = times * awayMiB.at(z+0.9) * (1 + 0.2*life.unit())
		return min(now, peak), peak
	}
	peak = times * frontMiB.at(z+0.45*size+0.45) * (1 + 0.2*life.unit())
	if noise.unit() < frontShare*active {
		now = times * frontMiB.at(z+0.45*size+0.45*drift(self, 4, at, 2*time.Hour))
	}
	return min(now, peak), peak
}

// frontShare is the share of reports that are made while the user looks at the app, at busy hours (assumption: a security app is opened
// about twice a week).
const frontShare = 0.06

// drift moves smoothly between standard normal draws, one every period, and is standard normal itself.
func drift(self uint64, which int, at, period time.Duration) float64 {
	n := uint64(at / period)
	a := newDraws(self, drawLevel, which, n+1)
	b := newDraws(self, drawLevel, which, n+2)
	w := float64(at%period) / float64(period)
	w = w * w * (3 - 2*w)
	// Two draws are less spread out between them than at them; the divisor makes up for it.
	return (a.normal()*(1-w) + b.normal()*w) / math.Sqrt((1-w)*(1-w)+w*w)
}

// busy is how active the user of a device is at a time, 0..1, by the shape of the day; whole hours flow into each other.
func (d *Day) busy(z *zone, at time.Duration) float64 {
	const half = 30 * time.Minute
	local := (z.local(at) + week - half) % week
	hour := int(local / time.Hour)
	w := float64(local%time.Hour) / float64(time.Hour)
	return min(1, d.at(hour)*(1-w)+d.at((hour+1)%hoursPerWeek)*w)
}
