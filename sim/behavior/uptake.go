package behavior

import (
	"fmt"
	"time"

	"drover/sim/fleet"
)

// Uptake is how a release spreads: the share of the devices, 0..1, that have it so long after it. Between two points the share
// grows evenly, before the first one from 0 at the release; what is missing to 1 after the last never takes it. Both times
// and shares grow from point to point.
type Uptake []UptakePoint

// UptakePoint is one point of the curve, in device time.
type UptakePoint struct {
	After time.Duration
	Share float64
}

// AtOnce is the curve of a release that every device takes at the moment it is out.
var AtOnce = Uptake{{0, 1}}

// Check reports a curve that is none.
func (u Uptake) Check() error {
	var last UptakePoint
	if len(u) == 0 {
		return fmt.Errorf("it has no point")
	}
	for i, p := range u {
		switch {
		case p.After < last.After || i > 0 && p.After == last.After:
			return fmt.Errorf("%v does not come after %v", p.After, last.After)
		case !(p.Share >= last.Share && p.Share <= 1):
			return fmt.Errorf("a share of %v at %v is out of range; want %v to 1", p.Share, p.After, last.Share)
		}
		last = p
	}
	return nil
}

// when is how long after the release the device has it that comes at a place, 0..1, in the row of all devices; never for
// those that do not take it.
func (u Uptake) when(place float64) time.Duration {
	var last UptakePoint
	for _, p := range u {
		if place < p.Share {
			return last.After + time.Duration(float64(p.After-last.After)*(place-last.Share)/(p.Share-last.Share))
		}
		last = p
	}
	return never
}

// Release is a version of the app or of iOS that comes out while a run goes on. Each device has its place in the row of those
// that take it, by the version. It takes it only if it can run it and has nothing newer; from then on it has it for good.
type Release struct {
	OS     *fleet.Release // or nil
	App    string         // version of the app, or ""; as fleet.ParseApp reads it
	Uptake Uptake
}

// version is what is released, for the draw of a device's place.
func (r *Release) version() string {
	if r.OS != nil {
		return "iOS " + r.OS.Version
	}
	return r.App
}
