package check

import "math"

// z95 is the quantile of the normal distribution for an interval of 95 %.
const z95 = 1.959963984540054

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
	const z = z95
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

// ByChance is how likely N or fewer of Of would be picked among N + other.N of Of + other.Of if it were drawn blindly: the lower tail of the
// hypergeometric distribution, which is Fisher's exact test, one-sided. It is 1 where nothing speaks for p being lower.
// Source: R. A. Fisher, The logic of inductive inference, Journal of the Royal Statistical Society 98 (1935), 39-82.
func (p Proportion) ByChance(other Proportion) float64 {
	if p.Of == 0 || other.Of == 0 || p.Share() >= other.Share() {
		return 1
	}
	choose := func(n, k int64) float64 { // its logarithm
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(k + 1))
		c, _ := math.Lgamma(float64(n - k + 1))
		return a - b - c
	}
	yes, no := p.N+other.N, p.Of-p.N+other.Of-other.N
	sum, term := 0.0, math.Exp(choose(yes, p.N)+choose(no, p.Of-p.N)-choose(yes+no, p.Of))
	// Below the share of all, each term is smaller than the one before it.
	for k := p.N; k >= 0 && p.Of-k <= no && term > sum*1e-16; k-- {
		sum += term
		term *= float64(k) * float64(no-p.Of+k) / (float64(yes-k+1) * float64(p.Of-k+1))
	}
	return min(1, sum)
}
