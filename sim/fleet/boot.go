package fleet

import (
	"encoding/binary"
	"time"
)

// bootPeriod is the mean time between two starts of a device, in seconds: ten days, an assumption. No source counts restarts;
// people restart for an update of iOS, and when something does not work.
const bootPeriod = 10 * 24 * 3600

// Booted returns when the device last started before at, or at it, to the second. It follows from the directory id and the
// time alone, so that all that is told of a device, its memory as well as its crash reports, agrees on when it started.
func (d *Device) Booted(at time.Time) time.Time {
	return time.Unix(d.BootedUnix(at.Unix()), 0).In(at.Location())
}

// BootedUnix is Booted in seconds since 1970.
func (d *Device) BootedUnix(at int64) int64 {
	self := mix(binary.LittleEndian.Uint64(d.EntraID[:]) + mix(binary.LittleEndian.Uint64(d.EntraID[8:])))
	phase := int64(self % bootPeriod)
	now := at - phase
	period := now / bootPeriod
	if now < 0 {
		period-- // rounds towards zero
	}
	// One start falls in each period, at any time of it. Where this period's is still to come, the last one's counts.
	for ; ; period-- {
		boot := period*bootPeriod + int64(mix(self+uint64(period))%bootPeriod)
		if boot <= now {
			return phase + boot
		}
	}
}
