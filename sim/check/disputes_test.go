package check

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drover/sim/event"
)

func TestDisputes(t *testing.T) {
	// Every combination twenty times, in an order of its own each time, in one part or three.
	var all []Dispute
	for n := range uint32(20) {
		for truth := range event.Unknown + 1 {
			for ref := range event.NumCategories {
				for backend := range event.Unknown + 1 {
					x := Dispute{Detection: Detection{Truth: truth, Reference: ref}, Backend: backend, Seq: uint32(len(all))}
					x.ID[0], x.ID[1] = byte(n*7), byte(len(all))
					all = append(all, x)
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	collect := func(parts int) []Dispute {
		list := slices.Clone(all)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		d := make([]Disputes, parts)
		for i, x := range list {
			d[i%parts].Add(x)
		}
		for i := range d[1:] {
			d[0].Merge(&d[i+1])
		}
		return d[0].All()
	}
	first := collect(1)
	kinds := map[[3]int]int{}
	for _, x := range first {
		k := [3]int{side(x.Truth), side(x.Reference), side(x.Backend)}
		if kinds[k]++; x.Backend == event.Unknown || k[1] == k[2] && (k[0] == k[2] || k[0] == 2) {
			t.Errorf("%v, %v, %v is no dispute", x.Truth, x.Reference, x.Backend)
		}
	}
	if len(kinds) != 8 || len(first) != 8*MaxDisputes {
		t.Errorf("%d disputes of %d kinds, want %d of each of 8: %v", len(first), len(kinds), MaxDisputes, kinds)
	}
	for i, x := range first[1:] {
		if y := first[i]; side(x.Truth) == side(y.Truth) && side(x.Reference) == side(y.Reference) && side(x.Backend) == side(y.Backend) && slices.Compare(y.ID[:], x.ID[:]) > 0 {
			t.Errorf("%x before %x", y.ID, x.ID)
		}
	}
	for _, parts := range []int{1, 3} {
		if d := cmp.Diff(first, collect(parts)); d != "" {
			t.Errorf("in another order and %d parts (-want +got):\n%s", parts, d)
		}
	}
	if none := new(Disputes).All(); len(none) != 0 {
		t.Errorf("from nothing come %v", none)
	}
}
