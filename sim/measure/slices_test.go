package measure

import (
	"slices"
	"testing"
	"time"
)

var testWindows = []NamedWindow{{"wave", 10 * time.Second, 20 * time.Second}, {"late", 15 * time.Second, 1 << 62}, {"first", 0, time.Second}}

// Every instant lies in one slice, and that in the windows that hold the instant.
func TestCut(t *testing.T) {
	n := &Names{Slices: Cut(testWindows)}
	if len(n.Slices) > MaxSlices || n.Slices[0].From != 0 {
		t.Fatalf("slices are %v", n.Slices)
	}
	for at := time.Duration(0); at < 30*time.Second; at += 250 * time.Millisecond {
		var want []string
		for _, w := range testWindows {
			if at >= w.From && at < w.To {
				want = append(want, w.Name)
			}
		}
		if got := n.Slices[n.SliceAt(at)].In; !slices.Equal(got, want) {
			t.Errorf("at %v: in %v, want %v", at, got, want)
		}
	}
	if got := Cut(nil); len(got) != 1 || got[0].In != nil {
		t.Errorf("Cut(nil) = %v, want one slice in no window", got)
	}
	if at := (&Names{}).SliceAt(time.Hour); at != 0 {
		t.Errorf("without slices, an hour is in slice %d", at)
	}
}

// Outside is in none of the windows, During in one of them, and each upload is on one side.
func TestSelectByWindow(t *testing.T) {
	n := &Names{Phases: []PhaseName{{"day", true}}, Cohorts: []string{"f/c"}, Tenants: []string{"t"}, Slices: Cut(testWindows)}
	r := NewRecorder(n, Options{})
	const second = time.Second
	for i := range 30 { // one upload a second
		at := time.Duration(i) * second
		k := Key{Op: Upload, Slice: n.SliceAt(at)}
		r.Due(k, at)
		r.Record(&Sample{Key: k, Class: OK, Intended: at, FirstSent: at, Sent: at, Done: at + ms, Attempts: 1})
	}
	sum := Merge(n, r)
	for _, c := range []struct {
		s    Selector
		want int64
	}{
		{Selector{}, 30},
		{Selector{Outside: []string{"wave"}}, 20},
		{Selector{During: []string{"wave"}}, 10},
		{Selector{Outside: []string{"wave", "late"}}, 10},
		{Selector{During: []string{"wave", "first"}}, 11},
		{Selector{During: []string{"wave"}, Outside: []string{"late"}}, 5},
		{Selector{During: []string{"nobody"}}, 0},
		{Selector{Outside: []string{"nobody"}}, 30},
	} {
		got := sum.Select(c.s)
		if got.Due != c.want || got.Accepted != c.want || got.Check() != nil {
			t.Errorf("%+v picks %d due and %d accepted, want %d", c.s, got.Due, got.Accepted, c.want)
		}
		if over := n.Overlap(&c.s, 0, 30*second, nil); over != time.Duration(c.want)*second {
			t.Errorf("%+v leaves %v of 30 s, want %d s", c.s, over, c.want)
		}
	}
	if got := n.Overlap(&Selector{During: []string{"wave"}}, 18*second, 40*second, nil); got != 2*second {
		t.Errorf("18 s to 40 s has %v of the wave, want 2 s", got)
	}
	plain := &Names{}
	if got := plain.Overlap(&Selector{Outside: []string{"wave"}}, second, 3*second, nil); got != 2*second {
		t.Errorf("without slices, 1 s to 3 s is %v outside", got)
	}
}
