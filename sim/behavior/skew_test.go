package behavior

import (
	"testing"
	"time"
)

func TestSkew(t *testing.T) {
	s := Skew{Seed: 3, Share: 0.25, UpTo: time.Minute}
	wrong, ahead := 0, 0
	var most time.Duration
	const n = 10_000
	for d := range n {
		by := s.of(d)
		if by != s.of(d) {
			t.Fatalf("device %d: two skews", d)
		}
		if by != 0 {
			wrong++
		}
		if by > 0 {
			ahead++
		}
		most = max(most, by.Abs())
	}
	// Of 10,000 devices 2500 are expected, give or take five times 43; half of them ahead, give or take five times 25.
	if wrong < 2285 || wrong > 2715 || ahead < wrong/2-125 || ahead > wrong/2+125 || most > time.Minute || most < 58*time.Second {
		t.Errorf("%d of %d clocks are wrong, %d of them ahead, by %v at most", wrong, n, ahead, most)
	}
	other := Skew{Seed: 4, Share: 0.25, UpTo: time.Minute}
	same := 0
	for d := range n {
		if s.of(d) != 0 && other.of(d) != 0 {
			same++
		}
	}
	if same < 515 || same > 735 { // 625, five times 25
		t.Errorf("another seed has %d devices in common, want about 625", same)
	}
	if off := (&Skew{UpTo: time.Hour}).of(1); off != 0 {
		t.Errorf("a share of 0: %v", off)
	}
}
