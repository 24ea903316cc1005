package behavior

import (
	"math"
	"time"

	"drover/sim/event"
)

// Of a day.
var (
	cpuSeconds  = newBand(85, 240)
	receivedKiB = newBand(900, 3200)
)

// diagnostics makes what the app used since the last such report: of the screen, the processor and the network.
//
// Visits to the app come with what the user did in it, and what was sent with the events that were reported. What the extension
// does for the pages that are visited belongs to the device and not to how much its user browses: benign browsing must not show
// (privacy catalogue: P06).
//
// The medians of a day are assumptions: 90 s of CPU and 900 KiB received, an app that is opened 0.3 times without anything being
// done, and 8 % CPU while it is.
func diagnostics(self uint64, draw *draws, plan *Plan, it *Item) event.Diagnostic {
	own := newDraws(self, drawLevel, 5, 0)
	busy, chatty := own.normal(), own.normal() // the device's own: most of how it differs from others
	days := plan.Rates[event.Diagnostics].days()

	actions := float64(it.until)
	sessions := math.Floor(draw.exp() * 0.6 * days)
	if actions > 0 {
		sessions += math.Ceil(actions / (1 + 3*draw.unit())) // one to four things done in a visit
	}
	front := math.Floor(min(sessions*draw.logNormal(40, 240), days*12*3600))
	cpu := days*cpuSeconds.at(0.8*busy+0.6*draw.normal()) + 0.08*front
	sent := float64(it.since) * draw.logNormal(1, 1.5)
	received := days * receivedKiB.at(0.8*chatty+0.6*draw.normal())
	return event.Diagnostic{
		SessionsPerDay: uint16(min(math.Round(sessions/days), math.MaxUint16)),
		ForegroundSec:  count(front),
		CPUMillis:      count(cpu * 1000),
		SentKiB:        count(sent),
		ReceivedKiB:    count(received),
	}
}

// days is the mean time between two occurrences, at most the century that devices live.
func (r Rate) days() float64 {
	if r.Every > 0 {
		return float64(r.Every) / float64(24*time.Hour)
	}
	return min(1/r.PerDay, 36_500)
}

// count stops at the most that fits: a rate may be next to nothing.
func count(x float64) uint32 { return uint32(min(x, math.MaxUint32)) }
