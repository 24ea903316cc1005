package fleet

import (
	"math"
	"runtime"
	"testing"
)

func BenchmarkDevice(b *testing.B) {
	f := testFleet(b, 1, testSpecs(750_000))
	var d Device
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		f.Device(i, &d)
		if i++; i == f.Devices() {
			i = 0
		}
	}
}

// A fleet of a million devices costs tables only.
func BenchmarkNew(b *testing.B) {
	cat, specs := testCatalogue(), testSpecs(750_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(cat, 1, specs); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDeviceAllocatesNothing(t *testing.T) {
	f := testFleet(t, 1, testSpecs(1000))
	var d Device
	i := 0
	if got := testing.AllocsPerRun(1000, func() { f.Device(i, &d); i++ }); got > 0 {
		t.Errorf("Device allocates %v times, want 0", got)
	}
}

// What New allocates does not grow with the number of devices.
func TestNewStoresNothingPerDevice(t *testing.T) {
	cat := testCatalogue()
	bytesFor := func(n int) uint64 {
		specs := testSpecs(n)
		least := uint64(math.MaxUint64) // of three, since other goroutines allocate too
		for range 3 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := New(cat, 1, specs); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		return least
	}
	small, large := bytesFor(1000), bytesFor(3_000_000)
	if large > small+small/2 {
		t.Errorf("New allocates %d bytes for 4,000,000 devices and %d for 1,333", large, small)
	}
}
