package scenario

import (
	"time"

	"drover/sim/behavior"
	"drover/sim/target"
)

// faults checks that an attempt has one fault at most, and builds them. path is the field's.
func (b *builder) faults(f *rawFaults, seed uint64, path string) *target.Faults {
	if f == nil || !b.good(f) {
		return nil
	}
	shares := []share{f.Reset, f.Blackhole, f.DropResponse, f.Malformed, f.Oversized}
	sum := share(0)
	for _, s := range shares {
		sum += s
	}
	if sum > 1+1e-9 {
		b.errorf(b.at(f), "let them add up to 100% at most", "%s: an attempt has one fault at most, but their shares add up to %s", path, sum)
	}
	return &target.Faults{
		Seed: seed, Latency: time.Duration(f.Latency), Jitter: time.Duration(f.Jitter), BytesPerSec: f.BytesPerSec,
		Reset: float64(f.Reset), Blackhole: float64(f.Blackhole), DropResponse: float64(f.DropResponse),
		Malformed: float64(f.Malformed), Oversized: float64(f.Oversized),
	}
}

// skewOf is how wrong clocks are under some faults.
func skewOf(f *rawFaults, seed uint64) behavior.Skew {
	if f == nil || f.ClockSkew == nil {
		return behavior.Skew{}
	}
	return behavior.Skew{Seed: seed, Share: float64(f.ClockSkew.Devices), UpTo: time.Duration(f.ClockSkew.UpTo)}
}
