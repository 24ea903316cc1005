package sim

import (
	"slices"
	"testing"
	"time"
)

const second = time.Second

// A course that stood from 10 s to 17 s, and then went twice as fast until the schedule had come to 30 s, which was at 27 s.
func turned() course {
	return course{{tempo: 1}}.turn(10*second, 0, 0).turn(17*second, 2, 30*second)
}

func TestCourse(t *testing.T) {
	c := turned()
	if want := (course{{0, 0, 1}, {10 * second, 10 * second, 0}, {17 * second, 10 * second, 2}, {27 * second, 30 * second, 1}}); !slices.Equal(c, want) {
		t.Fatalf("the course is %v, want %v", c, want)
	}
	for _, tt := range []struct{ sched, wall time.Duration }{
		{0, 0}, {5, 5}, {10, 10}, // was due before the clock stood
		{12, 18}, {20, 22}, {30, 27}, {31, 28}, {100, 97},
	} {
		if got := c.due(tt.sched * second); got != tt.wall*second {
			t.Errorf("due(%d s) = %v, want %d s", tt.sched, got, tt.wall)
		}
		if got := c.at(tt.wall * second); got != tt.sched*second {
			t.Errorf("at(%d s) = %v, want %d s", tt.wall, got, tt.sched)
		}
	}
	if got := c.at(14 * second); got != 10*second {
		t.Errorf("at(14 s) = %v, want 10 s: the clock stood", got)
	}
	if got := c.running(5*second, 40*second); got != 25*second { // 5 s, ten of twenty, and 10 s
		t.Errorf("running(5 s, 40 s) = %v, want 25 s", got)
	}
	if got, want := c.stretches(20*second), []Stretch{{10 * second, 7 * second, 0}, {17 * second, 3 * second, 2}}; !slices.Equal(got, want) {
		t.Errorf("stretches(20 s) = %v, want %v", got, want)
	}
	if c.due(forever) != forever {
		t.Error("forever falls due")
	}
}

// While the clock stands nothing falls due; a run that ends so has all of it due after its end.
func TestCourseThatStands(t *testing.T) {
	c := course{{tempo: 1}}.turn(10*second, 0, 0)
	if got := c.due(10*second + 1); got != forever {
		t.Errorf("due(10 s and a nanosecond) = %v while the clock stands", got)
	}
	if got := c.ended(15 * second).due(11 * second); got != 16*second {
		t.Errorf("after a run that ended at 15 s, 11 s is due at %v, want 16 s", got)
	}
	// Another turn in the same instant replaces the one before, and one before its end takes back what was to follow.
	c = turned().turn(22*second, 0.5, 30*second)
	if got := c.due(30 * second); got != 42*second { // at 22 s the schedule was at 20 s
		t.Errorf("due(30 s) = %v, want 42 s", got)
	}
	if got := c.turn(22*second, 1, 0).due(30 * second); got != 32*second {
		t.Errorf("due(30 s) = %v, want 32 s", got)
	}
}
