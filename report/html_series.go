package report

import (
	"maps"
	"math"
	"slices"

	"drover/sim/measure"
)

// seriesColumns are rates of things that have names, one list for each name that occurred, over intervals of the same width.
type seriesColumns struct {
	At   []float64    `json:"at"`
	List []namedRates `json:"list"`
}

type namedRates struct {
	Name   string     `json:"name"`
	PerSec []*float64 `json:"per_sec"` // null where nothing was counted
}

const (
	seriesMost = 600 // intervals of a chart: two pixels each on most screens
	rowsMost   = 120 // intervals of a table
)

// byClass are attempts that did not end well, and uploads that were dropped.
func byClass(p *Point) map[string]int64 { return p.Classes }

// byKindOf are events of accepted uploads.
func byKindOf(p *Point) map[string]int64 { return p.Kinds }

// namesOf are the names that occur in a run's timeline, those of order first and in that order.
func namesOf(r *Run, of func(*Point) map[string]int64, order []string) (names []string) {
	found := map[string]bool{}
	for i := range r.Timeline {
		for name := range of(&r.Timeline[i]) {
			found[name] = true
		}
	}
	for _, name := range order {
		if found[name] {
			names = append(names, name)
			delete(found, name)
		}
	}
	return append(names, slices.Sorted(maps.Keys(found))...)
}

func classOrder() (names []string) {
	for c := range measure.NumClasses {
		names = append(names, c.String())
	}
	return names
}

func kindOrder(r *Run) (names []string) {
	for _, k := range r.Kinds {
		names = append(names, k.Kind)
	}
	return names
}

// sums adds up intervals to at most most of them: by name, in the order of names. widthNS ends with the run.
func sums(r *Run, names []string, of func(*Point) map[string]int64, most int, yield func(fromNS, widthNS int64, n []int64)) {
	group := max(1, (len(r.Timeline)+most-1)/most)
	n := make([]int64, len(names))
	for points := range slices.Chunk(r.Timeline, group) {
		from, last := points[0].FromNS, points[len(points)-1]
		to := last.FromNS + last.WidthNS
		if r.DurationNS > last.FromNS {
			to = min(to, r.DurationNS)
		}
		clear(n)
		for i := range points {
			for k, name := range names {
				n[k] += of(&points[i])[name]
			}
		}
		yield(from, to-from, n)
	}
}

func seriesData(r *Run, of func(*Point) map[string]int64, order []string) seriesColumns {
	names := namesOf(r, of, order)
	d := seriesColumns{At: []float64{}, List: make([]namedRates, len(names))}
	for i, name := range names {
		d.List[i] = namedRates{name, []*float64{}}
	}
	if len(names) == 0 {
		return d
	}
	sums(r, names, of, seriesMost, func(fromNS, widthNS int64, n []int64) {
		d.At = append(d.At, float64(fromNS)/1e9)
		for i := range d.List {
			var v *float64
			if n[i] > 0 && widthNS > 0 {
				v = rounded(float64(n[i]) / (float64(widthNS) / 1e9))
			}
			d.List[i].PerSec = append(d.List[i].PerSec, v)
		}
	})
	return d
}

// rounded has three figures: more are not seen, and make the page heavy.
func rounded(v float64) *float64 {
	if v > 0 {
		scale := math.Pow(10, 2-math.Floor(math.Log10(v)))
		v = math.Round(v*scale) / scale
	}
	return &v
}

// seriesTable is the same as a table, in counts, without the intervals in which there was nothing.
type seriesTable struct {
	Title, Caption string
	Names          []string
	Rows           []seriesRow
}

type seriesRow struct {
	FromNS int64
	N      []int64
}

func seriesTables(r *Run) (list []seriesTable) {
	for _, t := range []struct {
		title, caption string
		of             func(*Point) map[string]int64
		order          []string
	}{
		{"Data: errors by class", "Attempts that did not end well, by when they were sent, and uploads that were dropped, by when they were due", byClass, classOrder()},
		{"Data: events by kind", "Events in accepted uploads, by when they were accepted", byKindOf, kindOrder(r)},
	} {
		names := namesOf(r, t.of, t.order)
		if len(names) == 0 {
			continue
		}
		table := seriesTable{Title: t.title, Caption: t.caption, Names: names}
		sums(r, names, t.of, rowsMost, func(fromNS, widthNS int64, n []int64) {
			if slices.Max(n) > 0 {
				table.Rows = append(table.Rows, seriesRow{fromNS, slices.Clone(n)})
			}
		})
		if len(r.Timeline) > rowsMost {
			table.Caption += "; a row is " + dur(int64((len(r.Timeline)+rowsMost-1)/rowsMost)*r.Timeline[0].WidthNS)
		}
		list = append(list, table)
	}
	return list
}
