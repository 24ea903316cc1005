package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim/behavior"
)

// What devices send does not depend on whether the stream is told where the run ends, which makes their times shorter: around the longest
// run that has short ones, and where short ones would not hold the end of a leak, or not the run itself. Nor where crashes and feedback are so
// rare that only those devices have times of them on which they come, at once or when the timeline changes that.
func TestUntilChangesNothing(t *testing.T) {
	for _, c := range []struct {
		span    time.Duration
		crashes string
	}{
		{30 * time.Hour, "0.2"}, {41*time.Hour + 46*time.Minute, "0.2"}, {41*time.Hour + 47*time.Minute, "0.2"}, {77 * time.Hour, "0.2"}, {90 * time.Hour, "0.2"},
		{30 * time.Hour, "0.02"},
	} {
		span := c.span
		text := strings.NewReplacer("devices: 250", "devices: 40", "for: 9s", fmt.Sprintf("for: %dms", span*1000/(24*time.Hour)), "jetsam: 60, sigabrt: 20, sigsegv: 12, watchdog: 8", "jetsam: 100",
			"every: 10m, jitter: 10%", "every: 2h, jitter: 10%", "perDay: 0.2, ", "perDay: "+c.crashes+", ").Replace(leaking) +
			`  timeline:
    - {name: update, at: days + 300ms, release: {os: "26.5", uptake: at-once}}
    - {name: withdrawal, at: days + 500ms, select: {percent: 50}, change: {optionalDiagnostics: {true: 0, false: 100}}}
    - {name: trouble, at: days + 700ms, change: {crash.perDay: 2, feedback.perDay: 1}}
`
		sends := func(until time.Duration) (list []Arrival) {
			m := model(t, parseText(t, text))
			if m.Behavior.Until < span-time.Minute*2 || m.Behavior.Until > span {
				t.Fatalf("%v: the model ends at %v", span, m.Behavior.Until)
			}
			if until == 0 {
				m.Behavior.Until = 0
			}
			s := NewSchedule(m, partitions(m))
			var a Arrival
			for s.Next(&a) {
				a.Upload.Items, a.Upload.Past = slices.Clone(a.Upload.Items), nil
				list = append(list, a)
			}
			return list
		}
		told, not := sends(span), sends(0)
		if len(told) < 500 {
			t.Fatalf("%v: only %d uploads", span, len(told))
		}
		if !slices.EqualFunc(told, not, func(a, b Arrival) bool {
			same := slices.EqualFunc(a.Upload.Items, b.Upload.Items, func(x, y behavior.Item) bool { return x == y })
			return same && a.At == b.At && a.Upload.Device == b.Upload.Device && a.Upload.FirstSeq == b.Upload.FirstSeq && a.Upload.Due == b.Upload.Due
		}) {
			t.Errorf("%v, %s crashes: %d uploads when the end is known, %d when it is not, or others", span, c.crashes, len(told), len(not))
		}
	}
}
