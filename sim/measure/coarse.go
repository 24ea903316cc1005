package measure

import "time"

// coarse is a histogram of two significant figures for one interval of a timeline. A run has thousands of them, and late
// answers add to old ones, so all stay in the form of a short list.
type coarse struct {
	list cells
	n    int64
	max  uint64
}

// coarseBits makes cells of at most 1/128 of their value.
const coarseBits = 8

func (c *coarse) record(d time.Duration) {
	v := uint64(min(max(d, 0), Ceiling))
	c.n++
	c.max = max(c.max, v)
	c.add(cellOf(v, coarseBits), 1)
}

func (c *coarse) add(i int, n int64) {
	// A counter holds 4.2 billion. Past that, which takes a day of 50,000 samples a second within one cell of one
	// interval, the neighbour above takes the rest: the count stays right and the value moves by 0.8 %.
	for !c.list.add(i, n) {
		i++
	}
}

func (c *coarse) merge(o *coarse) {
	c.n += o.n
	c.max = max(c.max, o.max)
	for _, e := range o.list {
		c.add(int(e.index), int64(e.n))
	}
}

func (c *coarse) quantiles() Quantiles {
	return Quantiles{Count: c.n, P50: c.quantile(0.5), P90: c.quantile(0.9), P99: c.quantile(0.99), Max: time.Duration(c.max)}
}

// quantile follows Histogram.Quantile.
func (c *coarse) quantile(q float64) time.Duration {
	left := rank(q, c.n)
	for _, e := range c.list {
		if left -= int64(e.n); left <= 0 {
			low, width := cellRange(int(e.index), coarseBits)
			return time.Duration(min(low+width-1, c.max))
		}
	}
	return 0
}

func (c *coarse) heat() []Heat {
	heat := make([]Heat, len(c.list))
	for i, e := range c.list {
		low, width := cellRange(int(e.index), coarseBits)
		heat[i] = Heat{From: time.Duration(low), To: time.Duration(low + width), N: int64(e.n)}
	}
	return heat
}
