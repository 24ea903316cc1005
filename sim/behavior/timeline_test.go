package behavior

import (
	"math"
	"slices"
	"testing"
	"time"
)

// The place of a device in the row gives the time at which the curve reaches that share, and none past its end.
func TestUptake(t *testing.T) {
	u := Uptake{{2 * day, 0.4}, {4 * day, 0.4}, {6 * day, 0.8}}
	for place, want := range map[float64]time.Duration{
		0: 0, 0.1: 12 * time.Hour, 0.2: day, 0.4: 4 * day, 0.5: 4*day + 12*time.Hour, 0.6: 5 * day, 0.8: never, 0.99: never,
	} {
		if got := u.when(place); got != want && math.Abs(float64(got-want)) > 1e3 {
			t.Errorf("when(%v) = %v, want %v", place, got, want)
		}
	}
	if got := AtOnce.when(0.999); got != 0 {
		t.Errorf("at once, a device takes it after %v", got)
	}
	for _, good := range []Uptake{u, AtOnce, {{day, 0}, {2 * day, 1}}} {
		if err := good.Check(); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
	for _, bad := range []Uptake{nil, {{-1, 0.5}}, {{day, 0.5}, {day, 0.6}}, {{2 * day, 0.5}, {day, 0.6}}, {{day, 0.5}, {2 * day, 0.4}}, {{day, 1.1}}, {{day, math.NaN()}}} {
		if bad.Check() == nil {
			t.Errorf("%v is a curve", bad)
		}
	}
}

const day = 24 * time.Hour

// A past that somebody holds does not change when the stream goes on.
func TestPastIsImmutable(t *testing.T) {
	var none *Past
	cfg := &Config{Timeline: make([]Entry, 3)}
	a := none.begin(cfg, 0, 10)
	b := a.begin(cfg, 2, 20)
	c := a.begin(cfg, 1, 30) // what append would write over
	d := b.end(0, 40)
	for _, x := range []struct {
		h    *Past
		want []Span
	}{
		{none, nil},
		{a, []Span{{0, 10, Forever}}},
		{b, []Span{{0, 10, Forever}, {2, 20, Forever}}},
		{c, []Span{{0, 10, Forever}, {1, 30, Forever}}},
		{d, []Span{{0, 10, 40}, {2, 20, Forever}}},
	} {
		if got := x.h.Spans(); !slices.Equal(got, x.want) {
			t.Errorf("spans are %v, want %v", got, x.want)
		}
	}
}
