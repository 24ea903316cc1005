package behavior

import (
	"testing"
	"time"
)

// Events have their time as Truncate has it, wherever in a millisecond the run starts, and also before its start where a clock is behind.
func TestMillis(t *testing.T) {
	for _, start := range []time.Time{
		time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 5, 4, 23, 59, 59, 999_999_999, time.FixedZone("", 3600)),
		time.Date(1969, 12, 31, 23, 59, 59, 1_500_001, time.UTC),
	} {
		c := Config{Start: start}
		for _, at := range []time.Duration{0, 1, 999_999, time.Millisecond, 3*time.Hour + 499_999, -1, -500_001, -time.Millisecond, -72*time.Hour - 7} {
			if got, want := c.millis(at), start.Add(at).Truncate(time.Millisecond); got != want {
				t.Errorf("%v after %v is %v, want %v", at, start, got, want)
			}
		}
	}
}
