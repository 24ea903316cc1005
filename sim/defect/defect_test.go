package defect

import (
	"math"
	"testing"

	"drover/sim/event"
)

func id(n int) (id event.ID) {
	for i := range id {
		id[i] = byte(mix(uint64(n)) >> (i % 8 * 8))
	}
	return id
}

// The share that is hit is the one asked for, within five standard deviations, and is another set of events for another kind
// or seed.
func TestHits(t *testing.T) {
	const n = 100_000
	for _, share := range []float64{0, 0.001, 0.2, 1} {
		s := &Set{Seed: 3}
		s.Rules[Lose].Share, s.Rules[Change].Share = share, share
		other := &Set{Seed: 4, Rules: s.Rules}
		hit, both, again := 0, 0, 0
		for i := range n {
			if !s.Hits(Lose, id(i)) {
				continue
			}
			hit++
			if s.Hits(Change, id(i)) {
				both++
			}
			if other.Hits(Lose, id(i)) {
				again++
			}
		}
		for what, got := range map[string]struct{ n, p float64 }{
			"hit": {float64(hit), share}, "hit by both kinds": {float64(both), share * share}, "hit with both seeds": {float64(again), share * share},
		} {
			if want := n * got.p; math.Abs(got.n-want) > 5*math.Sqrt(want*(1-got.p)) {
				t.Errorf("share %v: %v of %d are %s, want about %v", share, got.n, n, what, want)
			}
		}
	}
}

func TestAny(t *testing.T) {
	var none *Set
	if none.Any() || (&Set{Seed: 1}).Any() {
		t.Error("an honest backend is said to misbehave")
	}
	for k := range NumKinds {
		s := new(Set)
		s.Rules[k].Share = 0.1
		if !s.Any() || k.String() == "" || k.String() == "unknown" {
			t.Errorf("kind %d (%s) is nothing wrong", k, k)
		}
	}
	if s := (&Set{Capacity: 1}); !s.Any() {
		t.Error("a capacity is nothing wrong")
	}
}
