package behavior

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"drover/sim/event"
)

// Rings in the arena give back what was added to each, in order and in full, whatever happens to the others.
func TestArena(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var a arena
	var last [50]uint32
	var want [50][]Item
	for step := range 20_000 {
		i := r.IntN(len(last))
		if len(want[i]) == 0 || r.IntN(1000) < 520 {
			it := Item{At: time.Duration(r.Int64N(int64(never))), Kind: event.Kind(r.IntN(int(event.NumKinds))), app: uint8(r.Uint32()), until: uint16(r.Uint32()), since: r.Uint32()}
			last[i] = a.add(last[i], it)
			want[i] = append(want[i], it)
		} else {
			var got Item
			if got, last[i] = a.pop(last[i]); got != want[i][0] {
				t.Fatalf("step %d: ring %d gives %+v, want %+v", step, i, got, want[i][0])
			}
			want[i] = want[i][1:]
		}
		if (last[i] == 0) != (len(want[i]) == 0) {
			t.Fatalf("step %d: ring %d has %d events and is at %d", step, i, len(want[i]), last[i])
		}
		if last[i] != 0 && a.oldest(last[i]) != want[i][0].At {
			t.Fatalf("step %d: the oldest event of ring %d is of %v, want %v", step, i, a.oldest(last[i]), want[i][0].At)
		}
	}
	if held := len(slices.Concat(want[:]...)); len(a.blocks) < 2 || len(a.blocks) > held>>blockBits+2 {
		t.Errorf("%d blocks for %d events, want two or more and none too many", len(a.blocks), held)
	}
}

// An arena that grows leaves nothing behind: what was allocated is what it holds.
func TestArenaGrowsInPlace(t *testing.T) {
	const events = 100_000
	var before, after runtime.MemStats
	var a arena
	runtime.ReadMemStats(&before)
	for range events {
		a.add(0, Item{})
	}
	runtime.ReadMemStats(&after)
	if each := float64(after.TotalAlloc-before.TotalAlloc) / events; each > 21 {
		t.Errorf("a pending event took %.1f bytes, want 21 at most", each)
	}
}
