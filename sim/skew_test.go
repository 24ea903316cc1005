package sim

import (
	"regexp"
	"testing"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/target"
)

var timeOfEvent = regexp.MustCompile(`"time":"([^"]+)"`)

// A wrong clock shows in the times of events and nowhere else, of the devices and for the time that it is for.
func TestClockSkew(t *testing.T) {
	const from, until = 6 * time.Hour, 12 * time.Hour
	e := entry("on the road", from, until, 0.3)
	e.Fault, e.Skew = &target.Faults{}, &behavior.Skew{Seed: 5, Share: 1, UpTo: time.Hour}
	right := tell(with(t, longDay))
	m := with(t, longDay, e)
	m.Behavior.Skew = behavior.Skew{Seed: 4, Share: 0.5, UpTo: time.Minute}
	has := m.Behavior.Timeline[0].Select.Has
	wrong := tell(m)
	if len(right) != len(wrong) {
		t.Fatalf("%d events with wrong clocks, %d with right ones", len(wrong), len(right))
	}
	read := func(x dealt) time.Time {
		said := timeOfEvent.FindStringSubmatch(x.text)
		if said == nil {
			t.Fatalf("an event without a time: %s", x.text)
		}
		at, err := time.Parse(time.RFC3339, said[1])
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	type span struct {
		device int
		within bool
	}
	by := map[span]time.Duration{}
	skewed := 0
	for i, a := range right {
		b := wrong[i]
		if a.kind != event.Crash && timeOfEvent.ReplaceAllString(a.text, "") != timeOfEvent.ReplaceAllString(b.text, "") || a.envelope != b.envelope || a.at != b.at || a.due != b.due {
			t.Fatalf("more than a time differs:\n%+v\n%+v", a, b)
		}
		s := span{a.device, has(a.device) && a.at > from && a.at <= until}
		d := read(b).Sub(read(a))
		if d != 0 {
			skewed++
		}
		most := time.Minute
		if s.within {
			most = time.Hour
		}
		if was, known := by[s]; known && (was-d).Abs() > time.Millisecond || d.Abs() > most { // times are cut to milliseconds
			t.Fatalf("device %d, within %t: a clock that is %v ahead, and %v before", s.device, s.within, d, was)
		}
		by[s] = d
	}
	if skewed < len(right)/3 || skewed > len(right)*4/5 {
		t.Errorf("%d of %d times are wrong, want about 0.65", skewed, len(right))
	}
}
