package behavior

import (
	"math"
	"slices"
)

// Spread is how unequally something rare falls on users: each has a factor of its own, gamma distributed with mean 1, so
// that counts are gamma-Poisson (negative binomial). It is a table of the factor by quantile: what a user's factor is costs one
// hash and one look-up. It is never changed and safe for concurrent use. A nil Spread makes all users alike.
type Spread struct {
	shape  float64
	factor []float64 // ascending, with mean 1
	below  []float64 // sums of the factors before each
}

const spreadSize = 4096

// NewSpread makes the table for a shape k > 0: the lower, the fewer users have the most. Each entry is the mean of its quantile, so
// the mean of all is 1 exactly. With x = e^t the density k^k/G(k) x^(k-1) e^(-kx) becomes one that is smooth for all k, in
// proportion to e^(kt - k e^t), and the trapezoidal rule serves.
func NewSpread(k float64) *Spread {
	s := &Spread{shape: k, factor: make([]float64, spreadSize), below: make([]float64, spreadSize+1)}
	const steps = 1 << 15
	from, to := -12/math.Sqrt(k)-40/k, math.Log(1+12/math.Sqrt(k)+40/k)
	weight := make([]float64, steps)
	var total float64
	at := func(i int) float64 { return from + (to-from)*(float64(i)+0.5)/steps }
	for i := range weight {
		weight[i] = math.Exp(k*at(i) - k*math.Exp(at(i)) + k)
		total += weight[i]
	}
	share := total / spreadSize
	entry, room, sum := 0, share, 0.0
	for i, w := range weight {
		x := math.Exp(at(i))
		for w >= room && entry < spreadSize-1 {
			s.factor[entry] = (sum + room*x) / share
			w -= room
			entry, room, sum = entry+1, share, 0
		}
		sum += w * x
		room -= w
	}
	s.factor[entry] = sum / share
	mean := 0.0
	for _, f := range s.factor {
		mean += f / spreadSize
	}
	for i := range s.factor {
		s.factor[i] /= mean
	}
	slices.Sort(s.factor) // they are, but for rounding
	for i, f := range s.factor {
		s.below[i+1] = s.below[i] + f
	}
	return s
}

// Equal reports whether two are of one shape.
func (s *Spread) Equal(o *Spread) bool {
	return s == o || s != nil && o != nil && s.shape == o.shape
}

// of is the share that a user has when the mean over all users is share, 0..1. which tells apart what a user has a share of.
// Where the largest factor would make a share of more than 1, it is 1, and the others get what is too much.
func (s *Spread) of(self uint64, which int, share float64) float64 {
	if s == nil {
		return share
	}
	d := newDraws(self, drawUser, which, 0)
	f := s.factor[d.next()%spreadSize]
	if share*s.factor[spreadSize-1] <= 1 {
		return share * f
	}
	return min(1, s.scale(share)*f)
}

// scale is the c with which the mean of min(1, c factor) is share.
func (s *Spread) scale(share float64) float64 {
	if share >= 1 {
		return math.Inf(1)
	}
	// With the j lowest entries below 1, the mean is (c below[j] + n - j) / n: the smallest j whose c leaves entry j at 1.
	n := float64(spreadSize)
	c := func(j int) float64 { return (share*n - (n - float64(j))) / s.below[j] }
	lo, hi := 1, spreadSize
	for lo < hi {
		j := (lo + hi) / 2
		if v := c(j); v > 0 && v*s.factor[j] >= 1 {
			hi = j
		} else {
			lo = j + 1
		}
	}
	return c(lo)
}
