package measure

import (
	"math"
	"math/bits"
	"time"
)

// Ceiling is the longest duration that a Histogram tells apart; a longer one counts as Ceiling.
const Ceiling = time.Hour

// Histogram counts durations from 0 to Ceiling in cells whose width grows with the value, so that a quantile is never
// too small and at most 0.1 % too large (three significant figures). From 0 to 2,047 ns every nanosecond has a cell; above,
// each power of two is cut into 1,024 equal cells. This is the layout of HdrHistogram with 1 ns, 1 h and 3 figures.
//
// The zero value is empty and ready. It starts as a short sorted list of the cells in use, 8 bytes each, and changes to
// arrays of 8 KiB for each power of two in use (at most 264 KiB in all) when the list would be long or often searched.
// It is owned by one goroutine; a copy shares memory with the original, so only one of the two may be changed afterwards.
type Histogram struct {
	list    cells
	pages   []*page // nil while list is in use
	n       int64
	min     uint64 // ns; meaningless when n is 0
	max     uint64
	sum     uint128
	clamped int64
}

const (
	fineBits  = 11 // 2^fineBits values have a cell of their own, the first of every width
	pageBits  = fineBits - 1
	pageCells = 1 << pageBits
	ceiling   = uint64(Ceiling)

	listMax   = 512     // cells, past which pages are smaller than the list's worth
	listCount = 1 << 13 // samples, past which searching the list costs more than pages do
)

// numPages and numCells follow from the cell of Ceiling.
var (
	numCells = cellOf(ceiling, fineBits) + 1
	numPages = (numCells + pageCells - 1) / pageCells
)

type page [pageCells]int64

// cellOf returns the index of v's cell: with b = bits, values below 2^b are their own index, and above them each power
// of two 2^e..2^(e+1)-1 has 2^(b-1) cells of width 2^(e-b+1).
func cellOf(v uint64, b int) int {
	shift := max(0, bits.Len64(v)-b)
	return shift<<(b-1) + int(v>>shift)
}

// cellRange is the inverse of cellOf: the lowest value of cell i and how many values it holds.
func cellRange(i, b int) (low, width uint64) {
	shift := max(0, i>>(b-1)-1)
	return uint64(i-shift<<(b-1)) << shift, 1 << shift
}

// Record counts d once. A negative d counts as 0 and one above Ceiling as Ceiling; both are counted by Clamped.
func (h *Histogram) Record(d time.Duration) {
	v := uint64(d)
	if d < 0 {
		v = 0
		h.clamped++
	} else if d > Ceiling {
		v = ceiling
		h.clamped++
	}
	if h.n == 0 || v < h.min {
		h.min = v
	}
	if h.n == 0 || v > h.max {
		h.max = v
	}
	h.n++
	h.sum.add(uint128{lo: v})
	h.add(cellOf(v, fineBits), 1)
}

// add counts n more in cell i.
func (h *Histogram) add(i int, n int64) {
	if h.pages == nil {
		if len(h.list) < listMax && h.n < listCount && h.list.add(i, n) {
			return
		}
		h.unfold()
	}
	p := h.pages[i>>pageBits]
	if p == nil {
		p = new(page)
		h.pages[i>>pageBits] = p
	}
	p[i&(pageCells-1)] += n
}

// unfold moves the list into pages.
func (h *Histogram) unfold() {
	list := h.list
	h.list, h.pages = nil, make([]*page, numPages)
	for _, c := range list {
		h.add(int(c.index), int64(c.n))
	}
}

// each calls f for each cell in use in ascending order until f returns false.
func (h *Histogram) each(f func(i int, n int64) bool) {
	for _, c := range h.list {
		if !f(int(c.index), int64(c.n)) {
			return
		}
	}
	for pi, p := range h.pages {
		if p == nil {
			continue
		}
		for i, n := range p {
			if n != 0 && !f(pi<<pageBits+i, n) {
				return
			}
		}
	}
}

// Merge adds all that o counted. The result equals, bit for bit, one Histogram that had recorded everything itself. o is
// not changed and must not be h.
func (h *Histogram) Merge(o *Histogram) {
	if o.n == 0 {
		return
	}
	if h.n == 0 || o.min < h.min {
		h.min = o.min
	}
	if h.n == 0 || o.max > h.max {
		h.max = o.max
	}
	h.n += o.n
	h.sum.add(o.sum)
	h.clamped += o.clamped
	o.each(func(i int, n int64) bool {
		h.add(i, n)
		return true
	})
}

// Reset empties h and keeps its memory for what comes next.
func (h *Histogram) Reset() {
	for _, p := range h.pages {
		if p != nil {
			clear(p[:])
		}
	}
	*h = Histogram{list: h.list[:0], pages: h.pages}
}

// Count is how many durations were recorded.
func (h *Histogram) Count() int64 { return h.n }

// Clamped is how many of them were negative or longer than Ceiling.
func (h *Histogram) Clamped() int64 { return h.clamped }

// Min is the shortest duration, exactly; 0 when there is none.
func (h *Histogram) Min() time.Duration {
	if h.n == 0 {
		return 0
	}
	return time.Duration(h.min)
}

// Max is the longest duration, exactly, but at most Ceiling; 0 when there is none.
func (h *Histogram) Max() time.Duration {
	if h.n == 0 {
		return 0
	}
	return time.Duration(h.max)
}

// Mean is the arithmetic mean of the (clamped) durations, rounded to the nanosecond; 0 when there is none.
func (h *Histogram) Mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	sum := h.sum
	sum.add(uint128{lo: uint64(h.n) / 2})
	mean, _ := bits.Div64(sum.hi, sum.lo, uint64(h.n)) // hi < n, because every value is below 2^63
	return time.Duration(mean)
}

// Quantile returns the duration that a share q, 0..1, of all durations do not exceed: the one of rank ceil(q*Count) in
// ascending order, 1 at least. It is the upper end of that one's cell, cut to Max, so it is never below the true value
// and at most 0.1 % above it. It is 0 when nothing was recorded; a q below 0 counts as 0, one above 1 as 1, NaN as 1.
func (h *Histogram) Quantile(q float64) time.Duration {
	left := rank(q, h.n)
	if left == 0 {
		return 0
	}
	var v uint64
	h.each(func(i int, n int64) bool {
		left -= n
		low, width := cellRange(i, fineBits)
		v = low + width - 1
		return left > 0
	})
	return time.Duration(min(v, h.max))
}

// rank is ceil(q*n) within 1..n, or 0 when n is 0. A product that misses a whole number by rounding alone is that
// number: 0.07*100 is 7.000000000000001 in binary, and its rank is 7.
func rank(q float64, n int64) int64 {
	switch {
	case n == 0:
		return 0
	case !(q < 1):
		return n
	case q <= 0:
		return 1
	}
	x := q * float64(n)
	if r := math.Round(x); math.Abs(x-r) <= 1e-12*x {
		x = r
	}
	return min(n, max(1, int64(math.Ceil(x))))
}

// CountAbove is how many durations were longer than d. Those that share d's cell, within 0.1 % of d, count as not longer.
func (h *Histogram) CountAbove(d time.Duration) int64 {
	switch {
	case h.n == 0 || d >= time.Duration(h.max):
		return 0
	case d < time.Duration(h.min):
		return h.n
	}
	limit, upTo := cellOf(uint64(d), fineBits), int64(0)
	h.each(func(i int, n int64) bool {
		if i > limit {
			return false
		}
		upTo += n
		return true
	})
	return h.n - upTo
}

// Each calls f for each cell in use in ascending order: n durations d were from <= d < to.
func (h *Histogram) Each(f func(from, to time.Duration, n int64)) {
	h.each(func(i int, n int64) bool {
		low, width := cellRange(i, fineBits)
		f(time.Duration(low), time.Duration(low+width), n)
		return true
	})
}

// uint128 is a sum of nanoseconds: 64 bits hold only 2.6 million hours, which a long run of slow answers exceeds.
type uint128 struct{ hi, lo uint64 }

func (s *uint128) add(o uint128) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, o.lo, 0)
	s.hi += o.hi + carry
}

// less compares two sums.
func (s uint128) less(o uint128) bool { return s.hi < o.hi || s.hi == o.hi && s.lo < o.lo }
