package measure

import (
	"runtime"
	"testing"
)

func TestSelfCountsOurCPU(t *testing.T) {
	before, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	var after Usage
	for after.User <= before.User { // spins until the system has counted some
		draw(5)
		if after, err = Self(); err != nil {
			t.Fatal(err)
		}
	}
	user, system, err := ProcessTimes()
	if err != nil || user < after.User || system < after.System {
		t.Errorf("ProcessTimes() = %v, %v, %v after Self said %v, %v", user, system, err, after.User, after.System)
	}
	if after.MaxRSS != 0 && after.MaxRSS < 1<<20 {
		t.Errorf("MaxRSS = %d bytes, want at least the size of a Go program", after.MaxRSS)
	}
}

// The collector's share is of the runtime's own time, whatever the system says that the process had.
func TestGCShare(t *testing.T) {
	for u, want := range map[Usage]float64{
		{}:                               0,
		{User: 10, GC: 5}:                0,
		{User: 10, GC: 36, Busy: 1000}:   0.036,
		{User: 10, GC: 1001, Busy: 1000}: 1,
	} {
		if got := u.GCShare(); got != want {
			t.Errorf("%+v: %v, want %v", u, got, want)
		}
	}
	u, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	if v, _ := Self(); v.GC <= u.GC || v.Busy <= 0 {
		t.Errorf("before a collection %+v, after it %+v", u, v)
	}
}
