package fleet

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A device starts about every ten days, never in the future, and whoever asks hears the same.
func TestBooted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var days float64
	const n = 20_000
	for range n {
		d := Device{EntraID: newGUID(r.Uint64(), r.Uint64())}
		at := time.Unix(r.Int64N(4_000_000_000)-1_000_000_000, r.Int64N(1e9))
		boot := d.Booted(at)
		up := at.Sub(boot)
		if up < 0 || up > 2*bootPeriod*time.Second {
			t.Fatalf("Booted(%v) = %v", at, boot)
		}
		days += up.Hours() / 24
		within := boot.Add(time.Duration(r.Int64N(int64(up) + 1)))
		if again := d.Booted(within); !again.Equal(boot) {
			t.Fatalf("Booted(%v) = %v, but Booted(%v) = %v", at, boot, within, again)
		}
		if before := d.Booted(boot.Add(-time.Nanosecond)); !before.Before(boot) {
			t.Fatalf("Booted before the start at %v = %v", boot, before)
		}
	}
	// One start at a uniform place of each period: the mean age is 7/12 of a period.
	if mean, want := days/n, 10*7./12; mean < want*0.98 || mean > want*1.02 {
		t.Errorf("devices are up for %v days on average, want %v", mean, want)
	}
}
