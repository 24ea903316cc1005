package behavior

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The heap yields devices by time, then by number: whether their keys tell them apart or not, beyond the last key, and while what
// keys count from moves on.
func TestHeap(t *testing.T) {
	const devices = 40
	for name, gap := range map[string]func(*rand.Rand) time.Duration{
		"apart":     func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(time.Hour))) },
		"one key":   func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(20)) },
		"far":       func(r *rand.Rand) time.Duration { return 300*24*time.Hour + time.Duration(r.Int64N(3)) },
		"all":       func(r *rand.Rand) time.Duration { return time.Duration(1) << r.IntN(54) },
		"and never": func(r *rand.Rand) time.Duration { return []time.Duration{0, 1, time.Minute, never / 2}[r.IntN(4)] },
	} {
		r := rand.New(rand.NewPCG(1, 2))
		var due [devices]time.Duration
		for i := range due {
			due[i] = gap(r)
		}
		h := heap{due: func(dev uint32) time.Duration { return due[dev] }}
		h.init(devices)
		for step := range 2000 {
			want := uint32(0)
			for i := range due {
				if due[i] < due[want] {
					want = uint32(i)
				}
			}
			dev, ok := h.top()
			at := due[dev]
			if dev != want || !ok {
				t.Fatalf("%s: step %d: device %d at %v, want %d at %v", name, step, dev, at, want, due[want])
			}
			if at == never {
				break
			}
			h.now = max(h.now, at)
			due[dev] = later(at, float64(gap(r)))
			if step%50 == 0 {
				due[dev] = 0 // at once, whatever the time
			}
			h.fixTop(due[dev])
			if step%300 == 0 {
				h.init(devices)
			}
		}
	}
	var none heap
	if dev, ok := none.top(); ok {
		t.Errorf("without devices the first is %d", dev)
	}
}
