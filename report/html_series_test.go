package report

import (
	"fmt"
	"strings"
	"testing"

	"drover/sim/measure"
)

// What went wrong is drawn by class and when it did, and adds up to the run's own counts; so do events by kind.
func TestSeriesAddUp(t *testing.T) {
	r := stalled(t)
	for name, tt := range map[string]struct {
		of    func(*Point) map[string]int64
		order []string
		want  []string
	}{
		"classes": {byClass, classOrder(), []string{"4xx 17", "5xx 18", "queue full 12"}},
		"kinds":   {byKindOf, kindOrder(r), nil},
	} {
		d := seriesData(r, tt.of, tt.order)
		var got []string
		var all float64
		for _, s := range d.List {
			if len(s.PerSec) != len(d.At) {
				t.Errorf("%s: %d values of %s for %d intervals", name, len(s.PerSec), s.Name, len(d.At))
			}
			var sum float64
			for i, v := range s.PerSec {
				if v == nil {
					continue
				}
				sum += *v // an interval is a second
				if s.Name == "queue full" && (d.At[i] < 20 || d.At[i] > 20) {
					t.Errorf("%s: dropped at %v s; the backend froze at 20 s", name, d.At[i])
				}
			}
			got, all = append(got, fmt.Sprintf("%s %.0f", s.Name, sum)), all+sum
		}
		if want := float64(r.AllPhases.Events); name == "kinds" && (all < want*0.99 || all > want*1.01 || len(got) < 5) { // three figures each
			t.Errorf("%s: %v in all, of %v; want %v", name, all, got, want)
		} else if tt.want != nil && fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		words := summed(r, tt.of, tt.order)
		if tt.want != nil && words != strings.Join(tt.want, ", ") {
			t.Errorf("%s in words: %s", name, words)
		}
	}
	for _, table := range seriesTables(r) {
		if len(table.Rows) == 0 || len(table.Rows) > rowsMost || len(table.Rows[0].N) != len(table.Names) {
			t.Errorf("%s: %d rows", table.Title, len(table.Rows))
		}
	}
}

// A long run's intervals are added up, so that nothing gets lost between those that are drawn.
func TestSeriesOfLongRuns(t *testing.T) {
	r := hour(t)
	r.Timeline[1799].Classes = map[string]int64{"connect failed": 60}
	d := seriesData(r, byClass, classOrder())
	if len(d.At) != seriesMost {
		t.Errorf("%d intervals are drawn, want %d", len(d.At), seriesMost)
	}
	var got float64
	for _, s := range d.List {
		for i, v := range s.PerSec {
			if s.Name == "connect failed" && v != nil {
				got += *v
				if d.At[i] != 1794 {
					t.Errorf("failures at %v s, want from 1794 s on, six seconds wide", d.At[i])
				}
			}
		}
	}
	if got != 10 {
		t.Errorf("%v failures a second, want 60 in six", got)
	}
}

// The page of an older document does not say that nothing happened.
func TestSeriesOfOldRuns(t *testing.T) {
	r := stalled(t)
	now := render(t, r)
	for i := range r.Timeline {
		r.Timeline[i].Classes, r.Timeline[i].Kinds = nil, nil
	}
	old := render(t, r)
	for _, id := range []string{"c-classes", "c-kinds"} {
		if chart := `<div class="chart" id="` + id; !strings.Contains(now, chart) || strings.Contains(old, chart) {
			t.Errorf("%s is in the page of this drover: %v; of an older one: %v", id, strings.Contains(now, chart), strings.Contains(old, chart))
		}
	}
}

// Versions have a row each with what their devices crashed, in the document and on the page.
func TestVersionRows(t *testing.T) {
	r := stalled(t)
	var due int64
	for _, v := range r.Versions {
		due += v.Due
	}
	if want := r.Totals.Sent; due != want || len(r.Versions) != 4 {
		t.Errorf("%d uploads of %d versions, want the %d that were sent, of 4", due, len(r.Versions), want)
	}
	r.Versions[2].Kinds["app.crash"], r.Versions[2].Events = 21, 7000
	page := render(t, r)
	if !strings.Contains(page, "iOS versions") || !strings.Contains(page, `<td class="n">7,000</td><td class="n">21</td><td class="n">3.0</td>`) {
		t.Errorf("the page does not have what 26.4.1 crashed")
	}
	names := &measure.Names{Versions: []string{"17.0", "18.0", "26.0"}}
	if rows := Versions(measure.Merge(names), []int64{0, 7, 0}); len(rows) != 1 || rows[0].Name != "18.0" || rows[0].Devices != 7 || rows[0].Kinds == nil {
		t.Errorf("versions of a run without uploads: %+v, want the one that devices have", rows)
	}
}
