package measure

import (
	"math"
	"slices"
)

// cell is a counter of one cell of a histogram.
type cell struct {
	index uint16
	n     uint32
}

// cells is a list of counters, ascending by index, without zeroes.
type cells []cell

// add counts n more in cell i. It reports false, and changes nothing, when the counter cannot hold the sum.
func (c *cells) add(i int, n int64) bool {
	at, found := c.find(uint16(i))
	switch {
	case n > math.MaxUint32:
		return false
	case !found:
		*c = slices.Insert(*c, at, cell{index: uint16(i), n: uint32(n)})
		return true
	}
	p := &(*c)[at]
	if int64(p.n)+n > math.MaxUint32 {
		return false
	}
	p.n += uint32(n)
	return true
}

// find returns where index i is or belongs. It is slices.BinarySearch without the comparison function: it is on the
// path of every sample.
func (c cells) find(i uint16) (at int, found bool) {
	lo, hi := 0, len(c)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if c[mid].index < i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(c) && c[lo].index == i
}
