package behavior

import (
	"math"
	"testing"
)

// A site has one port, and most have 443.
func TestPort(t *testing.T) {
	f := NewFiller(&Config{Seed: 7})
	const n = 20_000
	got := map[uint16]float64{}
	for i := range uint32(n) {
		s := site{from: i}
		p := f.port(&s)
		if p != f.port(&s) {
			t.Fatalf("site %d has another port each time", i)
		}
		got[p]++
	}
	for p, share := range map[uint16]float64{443: 0.86, 80: 0.11, 8443: 0.02, 8080: 0.01} {
		if bound := 5 * math.Sqrt(n*share*(1-share)); math.Abs(got[p]-n*share) > bound {
			t.Errorf("port %d of %v sites in %d, want %v +- %.0f", p, got[p], n, n*share, bound)
		}
	}
	if len(got) != 4 || f.port(nil) != 443 {
		t.Errorf("ports %v", got)
	}
}
