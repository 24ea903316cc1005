package sim

import (
	"testing"
	"time"
)

// The grid of the machine's own timer: none while uploads are far apart, then wider with the rate, up to a millisecond.
func TestLinuxGrid(t *testing.T) {
	for _, tt := range []struct {
		perSec   float64
		from, to time.Duration
	}{
		{0, 0, 0}, {1000, 0, 0},
		{5000, 200 * time.Microsecond, 400 * time.Microsecond}, // half of it is the median lag: at most 0.2 ms
		{10_000, 300 * time.Microsecond, 500 * time.Microsecond},
		{1e6, time.Millisecond, time.Millisecond},
	} {
		if g := grid(tt.perSec); g < tt.from || g > tt.to {
			t.Errorf("grid(%v/s) = %v, want %v to %v", tt.perSec, g, tt.from, tt.to)
		}
	}
}
