package measure

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// coarse is a histogram of two significant figures for one interval of a timeline. A run has thousands of them, of up to a
// thousand cells each, so one that is over is packed: a quarter of the size. A late answer still adds to it.
type coarse struct {
	list   cells
	packed []byte // instead of list: steps from index to index and counters, as uvarints
	n      int64
	max    uint64
}

// pack puts the list into its short form, and returns what was the list's memory, for another one. scratch is used on the way.
func (c *coarse) pack(scratch []byte) (room cells, _ []byte) {
	if len(c.list) == 0 {
		return nil, scratch
	}
	scratch = scratch[:0]
	last := 0
	for _, e := range c.list {
		scratch = binary.AppendUvarint(scratch, uint64(int(e.index)-last))
		scratch = binary.AppendUvarint(scratch, uint64(e.n))
		last = int(e.index)
	}
	c.packed = append(make([]byte, 0, len(scratch)), scratch...)
	room, c.list = c.list[:0], nil
	return room, scratch
}

// unpack makes it a list again, which can be added to.
func (c *coarse) unpack() {
	c.list = slices.Grow(c.list, len(c.packed)/2) // two bytes each at least
	for e := range c.cells {
		c.list = append(c.list, e)
	}
	c.packed = nil
}

// cells yields the cells in use, ascending.
func (c *coarse) cells(yield func(cell) bool) {
	for _, e := range c.list {
		if !yield(e) {
			return
		}
	}
	index := uint64(0)
	for p := c.packed; len(p) > 0; {
		step, n := binary.Uvarint(p)
		count, m := binary.Uvarint(p[n:])
		p = p[n+m:]
		if index += step; !yield(cell{uint16(index), uint32(count)}) {
			return
		}
	}
}

// coarseBits makes cells of at most 1/128 of their value.
const coarseBits = 8

func (c *coarse) record(d time.Duration) {
	v := uint64(min(max(d, 0), Ceiling))
	c.n++
	c.max = max(c.max, v)
	c.add(cellOf(v, coarseBits), 1)
}

// table is the cells of a coarse, all of them: recording is one store.
type table struct {
	cells  [coarseCells]uint32
	lo, hi int // cells in use lie in lo <= i < hi; both 0 when there is none
}

// coarseCells is the cells up to Ceiling, which is less than 2^42 ns; see cellOf.
const coarseCells = (42 - coarseBits + 2) << (coarseBits - 1)

// record counts d in c, whose cells are t's and its list.
func (t *table) record(c *coarse, d time.Duration) {
	v := uint64(min(max(d, 0), Ceiling))
	c.n++
	c.max = max(c.max, v)
	i := cellOf(v, coarseBits)
	if t.cells[i] == math.MaxUint32 {
		t.move(c)
	}
	if t.hi == 0 {
		t.lo, t.hi = i, i+1
	} else if i < t.lo {
		t.lo = i
	} else if i >= t.hi {
		t.hi = i + 1
	}
	t.cells[i]++
}

// move empties t into the list of c.
func (t *table) move(c *coarse) {
	used := 0
	for _, n := range t.cells[t.lo:t.hi] {
		if n > 0 {
			used++
		}
	}
	c.list = slices.Grow(c.list, used)
	for i, n := range t.cells[t.lo:t.hi] {
		if n > 0 {
			c.add(t.lo+i, int64(n))
		}
	}
	clear(t.cells[t.lo:t.hi])
	t.lo, t.hi = 0, 0
}

func (c *coarse) add(i int, n int64) {
	if c.packed != nil {
		c.unpack()
	}
	// A counter holds 4.2 billion. Past that, which takes a day of 50,000 samples a second within one cell of one
	// interval, the neighbour above takes the rest: the count stays right and the value moves by 0.8 %.
	for !c.list.add(i, n) {
		i++
	}
}

func (c *coarse) merge(o *coarse) {
	c.n += o.n
	c.max = max(c.max, o.max)
	for e := range o.cells {
		c.add(int(e.index), int64(e.n))
	}
}

func (c *coarse) quantiles() Quantiles {
	return Quantiles{Count: c.n, P50: c.quantile(0.5), P90: c.quantile(0.9), P99: c.quantile(0.99), Max: time.Duration(c.max)}
}

// quantile follows Histogram.Quantile.
func (c *coarse) quantile(q float64) time.Duration {
	left := rank(q, c.n)
	for e := range c.cells {
		if left -= int64(e.n); left <= 0 {
			low, width := cellRange(int(e.index), coarseBits)
			return time.Duration(min(low+width-1, c.max))
		}
	}
	return 0
}

func (c *coarse) heat() []Heat {
	heat := make([]Heat, 0, len(c.list))
	for e := range c.cells {
		low, width := cellRange(int(e.index), coarseBits)
		heat = append(heat, Heat{From: time.Duration(low), To: time.Duration(low + width), N: int64(e.n)})
	}
	return heat
}
