package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// table is a weighted choice: value i has upTo[i] - upTo[i-1] of 2^53 parts. The parts are integers made by additions and one
// division, so that every machine draws the same.
type table[T any] struct {
	values []T
	upTo   []uint64
	from   [1 << guideBits]uint16 // by the highest bits of a word: the first value that it may mean, or one before that
}

// guideBits of a word nearly always say which value it means. A search by halves in their stead is a branch that nobody foretells at each step.
const guideBits = 6

// newTable makes a table of shares, in their order.
func newTable[T any](shares []Share[T]) (table[T], error) {
	var t table[T]
	total := 0.0
	for _, s := range shares {
		if !(s.Weight >= 0 && s.Weight <= math.MaxFloat32) {
			return t, fmt.Errorf("a weight of %v is out of range", s.Weight)
		}
		total += s.Weight
	}
	if total <= 0 {
		return t, errors.New("there is nothing to choose from")
	}
	sum := 0.0
	for _, s := range shares {
		if s.Weight == 0 {
			continue
		}
		sum += s.Weight
		t.values = append(t.values, s.Value)
		t.upTo = append(t.upTo, threshold(sum/total))
	}
	t.upTo[len(t.upTo)-1] = 1 << 53 // whatever the rounding
	i := 0
	for high := range t.from {
		for uint64(high)<<(53-guideBits) >= t.upTo[i] {
			i++
		}
		t.from[high] = uint16(min(i, math.MaxUint16))
	}
	return t, nil
}

// pick returns the value at word, any 64 random bits.
func (t *table[T]) pick(word uint64) *T {
	i := int(t.from[word>>(64-guideBits)])
	for word>>11 >= t.upTo[i] {
		i++
	}
	return &t.values[i]
}

// share is the probability of value i.
func (t *table[T]) share(i int) float64 {
	n := t.upTo[i]
	if i > 0 {
		n -= t.upTo[i-1]
	}
	return float64(n) / (1 << 53)
}

// threshold turns a share of 0..1 into parts of 2^53: a random word w is below it when w>>11 < threshold.
func threshold(share float64) uint64 { return uint64(share * (1 << 53)) }

// apportion is divide for weights that somebody gave.
func apportion(n int, weights []float64) ([]int, error) {
	sum := 0.0
	for _, w := range weights {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return nil, fmt.Errorf("a weight of %v is out of range", w)
		}
		sum += w
	}
	if sum <= 0 {
		return nil, errors.New("they add up to nothing")
	}
	return divide(n, weights, sum), nil
}

// divide divides n into whole parts in the ratio of the weights, by largest remainder; of equal remainders the first wins. sum is
// what the weights add up to, more than 0.
func divide(n int, weights []float64, sum float64) []int {
	parts := make([]int, len(weights))
	rests := make([]int64, len(weights))
	order := make([]int, len(weights))
	left := n
	for i, w := range weights {
		// A billionth of a device is rounding: 1000 x 0.07 must be 70 and equal remainders must be equal.
		const steps = 1e9 // to a device
		quota := float64(n) * (w / sum)
		whole := math.Floor(quota + 1/steps)
		parts[i] = int(whole)
		rests[i] = int64(math.Round((quota - whole) * steps))
		left -= parts[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rests[b], rests[a]) })
	for _, i := range order[:left] {
		parts[i]++
	}
	return parts
}

// tenantSizes divides the devices of a fleet among its tenants: in the ratio of rank^-zipf, and at least one each as long
// as there are enough.
func tenantSizes(devices, tenants int, zipf float64) []int {
	weights, sum := make([]float64, tenants), 0.0
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -zipf) // the first is 1
		sum += weights[i]
	}
	sizes := divide(devices, weights, sum)
	// Sizes do not rise with the rank, so those without a device are at the end. Each takes one from the smallest that can
	// spare it, which leaves the shape at the top as it is.
	giver := len(sizes) - 1
	for i := len(sizes) - 1; i >= 0 && sizes[i] == 0; i-- {
		for giver = min(giver, i-1); giver >= 0 && sizes[giver] < 2; giver-- {
		}
		if giver < 0 {
			break
		}
		sizes[giver]--
		sizes[i]++
	}
	return sizes
}

// permutation is a bijection of 0..n-1 onto itself that looks random. It needs no memory: it permutes the numbers of so
// many bits as n needs, each step of which can be undone, and goes on until the result is below n, which takes at most two
// rounds on average ("cycle walking": Black and Rogaway, Ciphers with Arbitrary Finite Domains, 2002).
type permutation struct {
	n, mask, key uint64
	shift        uint
}

func newPermutation(n, key uint64) permutation {
	width := uint(bits.Len64(max(n, 2) - 1))
	return permutation{n: n, mask: 1<<width - 1, key: key, shift: (width + 1) / 2}
}

// at returns the image of x, which must be below n.
func (p *permutation) at(x uint64) uint64 {
	for {
		for _, odd := range [...]uint64{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb} {
			x = (x + p.key) * odd & p.mask
			x ^= x >> p.shift
		}
		if x < p.n {
			return x
		}
	}
}
