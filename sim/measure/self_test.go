package measure

import "testing"

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
