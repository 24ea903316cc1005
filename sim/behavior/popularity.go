package behavior

import (
	"math"
	"slices"
)

// popularity draws ranks by their weights. It is Walker's alias method in
// integers: one table look-up a draw, and the same ranks on every machine, which a logarithm per draw would not promise.
type popularity []alias

// alias is one column of the table: a rank whose share of the column is keep/2^32, and the rank that has the rest.
type alias struct{ keep, other uint32 }

// zipf are the weights of ranks 0..n-1: 1/(rank+1)^s, s >= 0; s = 0 is uniform.
func zipf(n int, s float64) []float64 {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -s)
	}
	return weights
}

func newPopularity(of []float64) popularity {
	n := len(of)
	weights := slices.Clone(of)
	var sum float64
	for _, w := range weights {
		sum += w
	}
	// Vose's order: columns that are short take what is missing from columns that are full (M. D. Vose, IEEE Transactions
	// on Software Engineering 17(9), 1991).
	p := make(popularity, n)
	var short, long []int
	for i := range weights {
		weights[i] *= float64(n) / sum
		if weights[i] < 1 {
			short = append(short, i)
		} else {
			long = append(long, i)
		}
	}
	for len(short) > 0 && len(long) > 0 {
		a, b := short[len(short)-1], long[len(long)-1]
		short = short[:len(short)-1]
		p[a] = alias{uint32(weights[a] * (1 << 32)), uint32(b)}
		if weights[b] -= 1 - weights[a]; weights[b] < 1 {
			long = long[:len(long)-1]
			short = append(short, b)
		}
	}
	for _, i := range append(short, long...) { // exactly full, but for rounding
		p[i] = alias{math.MaxUint32, uint32(i)}
	}
	return p
}

// rank draws a rank with one word.
func (p popularity) rank(d *draws) uint64 {
	w := d.next()
	column := w >> 32 * uint64(len(p)) >> 32
	if a := p[column]; uint32(w) >= a.keep {
		return uint64(a.other)
	}
	return column
}
