package report

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// enoughRuns reports whether ranks of so many runs can reach the confidence at all: if even the case in which all runs of
// one side exceed all of the other has more than the allowed probability, they cannot.
func enoughRuns(n1, n2 int) bool { return n1 > 1 && n2 > 1 && outermost(n1, n2) > 0 }

// outermost is how many of the n1*n2 sorted pairwise differences lie outside of the interval on each side, plus one: the
// interval is from the outermost-th to the outermost-th from the end. It is 0 when there is no such interval.
func outermost(n1, n2 int) int {
	u := stats.UDist{N1: n1, N2: n2}
	c := 0
	for c < n1*n2/2 && u.CDF(float64(c)) <= (1-Confidence)/2 {
		c++
	}
	return c
}

// byRanks compares every metric with each run as a sample.
func byRanks(base, head []*Run) (list []Difference) {
	metrics := comparedMetrics()
	for i := range metrics {
		m := &metrics[i]
		b, okB := valuesOf(m, base)
		h, okH := valuesOf(m, head)
		d := Difference{Metric: m.name, unit: m.unit, difference: m.unit == unitShare, Base: median(b), Head: median(h)}
		if !okB || !okH {
			d.Change, d.Low, d.High = math.NaN(), math.NaN(), math.NaN()
		} else {
			d.Change, d.Low, d.High = hodgesLehmann(b, h, d.difference)
		}
		d.Finding = m.find(d.Low, d.High)
		list = append(list, d)
	}
	return list
}

// valuesOf returns a metric's value in each run; false when a run has too few samples for it.
func valuesOf(m *compared, runs []*Run) (values []float64, ok bool) {
	ok = true
	for _, r := range runs {
		v, n := m.of(r)
		values = append(values, v)
		ok = ok && n >= m.needs && (v > 0 || m.unit == unitShare)
	}
	return values, ok
}

// hodgesLehmann returns the median and the interval of the pairwise changes from base to head: ratios less 1 or, of
// shares, differences. Ratios are taken as differences of logarithms, so that the change back is the inverse.
func hodgesLehmann(base, head []float64, difference bool) (change, low, high float64) {
	pairs := make([]float64, 0, len(base)*len(head))
	for _, b := range base {
		for _, h := range head {
			if difference {
				pairs = append(pairs, h-b)
			} else {
				pairs = append(pairs, math.Log(h/b))
			}
		}
	}
	slices.Sort(pairs)
	c := outermost(len(base), len(head))
	change, low, high = median(pairs), pairs[c-1], pairs[len(pairs)-c]
	if difference {
		return change, low, high
	}
	return math.Expm1(change), math.Expm1(low), math.Expm1(high)
}

// median of values, which it sorts.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
