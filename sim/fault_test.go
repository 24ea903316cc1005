package sim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/target"
)

// Which of the timeline's faults a device has depends on the device and the time alone.
func TestFaultsOf(t *testing.T) {
	m, err := NewModel(parse(t, "{phases: [{name: day, for: 60s}]}"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := m.Fleet.Select(fleet.Pick{Share: 1})
	if err != nil {
		t.Fatal(err)
	}
	half, err := m.Fleet.Select(fleet.Pick{Share: 0.5, Key: "half"})
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := &target.Faults{Seed: 1}, &target.Faults{Seed: 2}, &target.Faults{Seed: 3}
	m.faults = []faultSpan{
		{10 * time.Second, 40 * time.Second, all, a},
		{20 * time.Second, 30 * time.Second, half, b},
		{5 * time.Second, 25 * time.Second, all, c}, // began earlier, though it is written later
	}
	seen := 0
	for d := range m.Fleet.Devices() {
		in := b
		if !half.Has(d) {
			in = a
		} else {
			seen++
		}
		for at, want := range map[time.Duration]*target.Faults{0: nil, 5: c, 10: a, 19: a, 20: in, 29: in, 30: a, 39: a, 40: nil} {
			if got := m.faultsOf(d, at*time.Second); got != want {
				t.Fatalf("device %d at %d s: %+v, want %+v", d, at, got, want)
			}
		}
	}
	if seen == 0 || seen == m.Fleet.Devices() {
		t.Errorf("half of the devices are %d of %d", seen, m.Fleet.Devices())
	}
}

// A fault of the timeline strikes uploads and changes none: each is due when it would be without it, with the same bytes, and
// those in its time reach the target with it.
func TestFaultsLeaveTheStreamAlone(t *testing.T) {
	const fault = `
  timeline:
    - {name: bad-network, at: day + 10s, for: 10s, select: {percent: 50}, fault: {latency: 10ms, reset: 10%, malformed: 5%, dropResponse: 5%}}`
	var plain []string
	for _, more := range []string{"", fault} {
		synctest.Test(t, func(t *testing.T) {
			var all []string
			struck := 0
			begin := time.Now()
			var mu sync.Mutex
			f := &fake{serve: func(_ int, req *target.Request) (measure.Class, time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				at := time.Since(begin)
				all = append(all, fmt.Sprint(at, req.Device, req.Seq, string(req.Key), string(req.Body)))
				if req.Faults != nil {
					if struck++; at < 12*time.Second || at >= 22*time.Second {
						t.Errorf("a fault at %v", at)
					}
				}
				return measure.OK, time.Millisecond
			}}
			drive(t, t.Context(), model(t, parse(t, strings.TrimRight(speedLoad, "\n")+more+"\n", "MAXOPEN", "2000")), f, 2)
			slices.Sort(all)
			if more == "" {
				plain = all
			}
			if len(all) < 500 || !slices.Equal(all, plain) {
				t.Errorf("%d uploads with the fault, %d without, or others", len(all), len(plain))
			}
			if (struck > 0) != (more != "") || struck > len(all)/2 {
				t.Errorf("%d of %d uploads were struck", struck, len(all))
			}
		})
	}
}
