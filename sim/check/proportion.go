package check

import "math"

// Proportion is N of Of.
type Proportion struct{ N, Of int64 }

// Share is N/Of, or 0 when there is nothing to divide by.
func (p Proportion) Share() float64 {
	if p.Of == 0 {
		return 0
	}
	return float64(p.N) / float64(p.Of)
}

// Wilson is the 95 % score interval of the proportion: with n = Of, p = N/Of and z = 1.959964, it is
// (p + z^2/2n ± z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). Without samples it is 0 to 1.
// Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212.
func (p Proportion) Wilson() (low, high float64) {
	if p.Of == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	n, share := float64(p.Of), p.Share()
	centre := share + z*z/(2*n)
	half := z * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	low, high = (centre-half)/scale, (centre+half)/scale
	// At the ends the interval touches 0 or 1 exactly; only rounding says otherwise.
	if p.N == 0 {
		low = 0
	}
	if p.N == p.Of {
		high = 1
	}
	return low, high
}
