package report

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	fewestBlocks = 6    // of a measured window; with fewer, resampling says nothing
	resamples    = 2000 // of the bootstrap, so that its 2.5 % tails are 50 of them
)

// blockSum is what a set of intervals adds up to.
type blockSum struct {
	cells         []int64 // response times by cell, over the bounds of the whole comparison
	bounds        []int64 // upper bound of each cell, ns
	responses     int64
	accepted, bad int64
	seconds       float64
}

// quantile of the response times, as Histogram.Quantile ranks it.
func (s *blockSum) quantile(q float64) float64 {
	left := int64(math.Ceil(q*float64(s.responses) - 1e-9))
	for i, n := range s.cells {
		if left -= n; left <= 0 {
			return float64(s.bounds[i])
		}
	}
	return math.NaN()
}

// series is the measured intervals of one side, as running sums so that a block is one subtraction.
type series struct {
	n      int
	cells  [][]int64 // before each interval, and after the last
	counts [][3]int64
	width  float64 // seconds
}

// byBlocks compares the metrics that a run's timeline tells, with time blocks as samples and so many resamples.
func byBlocks(base, head []*Run, resamples int) (list []Difference) {
	all := append(slices.Clone(base), head...)
	width := widest(all)
	at, bounds := commonIntervals(all, width), cellBounds(all)
	b, h := newSeries(base, width, at, bounds), newSeries(head, width, at, bounds)
	length := blockLength(len(at))
	metrics := comparedMetrics()
	whole := func(s *series) *blockSum {
		sum := &blockSum{cells: make([]int64, len(bounds)), bounds: bounds}
		s.addTo(sum, 0, s.n)
		return sum
	}
	wholeB, wholeH := whole(b), whole(h)
	changes := make([][]float64, len(metrics))
	if len(at) >= fewestBlocks*length {
		changes = resample(b, h, bounds, length, resamples, metrics)
	}
	for i := range metrics {
		m := &metrics[i]
		if m.blocks == nil {
			continue
		}
		d := Difference{Metric: m.name, unit: m.unit, difference: m.unit == unitShare}
		var nb, nh int64
		d.Base, nb = m.blocks(wholeB)
		d.Head, nh = m.blocks(wholeH)
		d.Change, d.Low, d.High = math.NaN(), math.NaN(), math.NaN()
		if sorted := changes[i]; len(sorted) == resamples && nb >= m.needs && nh >= m.needs {
			slices.Sort(sorted)
			tail := (1 - Confidence) / 2
			d.Change = m.change(d.Base, d.Head)
			d.Low, d.High = sorted[int(tail*float64(resamples))], sorted[resamples-1-int(tail*float64(resamples))]
		}
		d.Finding = m.find(d.Low, d.High)
		list = append(list, d)
	}
	return list
}

// resample returns each metric's changes over all resamples. Its chance is fixed: a comparison says the same every time.
func resample(b, h *series, bounds []int64, length, resamples int, metrics []compared) [][]float64 {
	draw := rand.New(rand.NewPCG(0x636f6d70617265, uint64(b.n)))
	changes := make([][]float64, len(metrics))
	sumB := &blockSum{cells: make([]int64, len(bounds)), bounds: bounds}
	sumH := &blockSum{cells: make([]int64, len(bounds)), bounds: bounds}
	for range resamples {
		sumB.reset()
		sumH.reset()
		for taken := 0; taken < b.n; taken += length {
			from := draw.IntN(b.n)
			b.addTo(sumB, from, length)
			h.addTo(sumH, from, length)
		}
		for i := range metrics {
			m := &metrics[i]
			if m.blocks == nil {
				continue
			}
			vb, _ := m.blocks(sumB)
			vh, _ := m.blocks(sumH)
			if c := m.change(vb, vh); !math.IsNaN(c) {
				changes[i] = append(changes[i], c)
			}
		}
	}
	return changes
}

// change from base to head: a share of the base or, of shares, the difference.
func (m *compared) change(base, head float64) float64 {
	if m.unit == unitShare {
		return head - base
	}
	if !(base > 0) {
		return math.NaN()
	}
	return head/base - 1
}

// blockLength grows with the cube root of the number of intervals, and is at least five: what is slow for a while stays
// within a block.
func blockLength(intervals int) int { return max(5, int(math.Ceil(math.Cbrt(float64(intervals))))) }

// commonIntervals returns the starts of the intervals of a width that lie in a measured phase of all runs.
func commonIntervals(runs []*Run, width int64) []int64 {
	seen := map[int64]int{}
	for _, r := range runs {
		for _, ph := range r.Phases {
			if !ph.Measure || width == 0 {
				continue
			}
			for from := (ph.FromNS + width - 1) / width * width; from+width <= ph.ToNS; from += width {
				seen[from]++
			}
		}
	}
	var at []int64
	for from, n := range seen {
		if n == len(runs) {
			at = append(at, from)
		}
	}
	slices.Sort(at)
	return at
}

// widest is the width of the longest interval of the runs' timelines.
func widest(runs []*Run) (width int64) {
	for _, r := range runs {
		for _, p := range r.Timeline {
			width = max(width, p.WidthNS)
		}
	}
	return width
}

// cellBounds is the bounds of all cells of all runs.
func cellBounds(runs []*Run) []int64 {
	seen := map[int64]bool{}
	for _, r := range runs {
		for _, p := range r.Timeline {
			for _, c := range p.Heat {
				seen[c.UpToNS] = true
			}
		}
	}
	bounds := make([]int64, 0, len(seen))
	for to := range seen {
		bounds = append(bounds, to)
	}
	slices.Sort(bounds)
	return bounds
}

// newSeries adds up the runs of one side over the intervals that start at at. Finer intervals belong to the one they are in.
func newSeries(runs []*Run, width int64, at, bounds []int64) *series {
	s := &series{n: len(at), width: float64(width) / 1e9 * float64(len(runs)), cells: make([][]int64, len(at)+1), counts: make([][3]int64, len(at)+1)}
	backing := make([]int64, (len(at)+1)*len(bounds))
	for i := range s.cells {
		s.cells[i] = backing[i*len(bounds) : (i+1)*len(bounds)]
	}
	for _, r := range runs {
		for _, p := range r.Timeline {
			i, ok := slices.BinarySearch(at, p.FromNS/width*width)
			if !ok {
				continue
			}
			for _, c := range p.Heat {
				cell, _ := slices.BinarySearch(bounds, c.UpToNS)
				s.cells[i+1][cell] += c.N
			}
			s.counts[i+1][0] += p.Accepted
			s.counts[i+1][1] += p.Refused + p.Failed + p.Dropped
			s.counts[i+1][2] += p.Response.Count
		}
	}
	for i := range at {
		for c := range bounds {
			s.cells[i+1][c] += s.cells[i][c]
		}
		for c := range s.counts[i] {
			s.counts[i+1][c] += s.counts[i][c]
		}
	}
	return s
}

// addTo adds length intervals from from on; after the last comes the first.
func (s *series) addTo(sum *blockSum, from, length int) {
	for length > 0 {
		to := min(s.n, from+length)
		cells, before, after := sum.cells, s.cells[from], s.cells[to] // not looked up for each cell: a comparison takes its time here
		for c := range cells {
			cells[c] += after[c] - before[c]
		}
		sum.accepted += s.counts[to][0] - s.counts[from][0]
		sum.bad += s.counts[to][1] - s.counts[from][1]
		sum.responses += s.counts[to][2] - s.counts[from][2]
		sum.seconds += float64(to-from) * s.width
		length -= to - from
		from = 0
		if s.n == 0 {
			return
		}
	}
}

func (s *blockSum) reset() {
	clear(s.cells)
	*s = blockSum{cells: s.cells, bounds: s.bounds}
}
