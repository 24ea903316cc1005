package measure

import (
	"testing"
	"time"
)

// A duration lies in its band, bands lie next to each other, and none is as wide as 0.8 % of its value.
func TestBand(t *testing.T) {
	to, n := time.Duration(0), 0
	for d := time.Duration(0); d <= Ceiling; d = to {
		b := BandOf(d)
		from, next := b.Range()
		if from != d || BandOf(next-1) != b || BandOf(next) <= b && next <= Ceiling || next <= d {
			t.Fatalf("band %d of %v is %v to %v", b, d, from, next)
		}
		if d > 256 && float64(next-from) > 0.008*float64(from) {
			t.Fatalf("band %v to %v is too wide", from, next)
		}
		to = next
		n++
	}
	if n > 4700 {
		t.Errorf("%d bands, want less than 4,700", n)
	}
	if BandOf(-time.Second) != BandOf(0) || BandOf(2*Ceiling) != BandOf(Ceiling) {
		t.Error("what is out of range is not at its end")
	}
}
