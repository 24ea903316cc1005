package fleet

import (
	"math"
	"slices"
	"testing"
)

func TestApportion(t *testing.T) {
	for _, tt := range []struct {
		n       int
		weights []float64
		want    []int
	}{
		{10, []float64{1}, []int{10}},
		{10, []float64{1, 1, 1}, []int{4, 3, 3}}, // equal remainders: the first
		{1000, []float64{70, 7, 23}, []int{700, 70, 230}},
		{7, []float64{70, 25, 5}, []int{5, 2, 0}},         // 4.9, 1.75, 0.35
		{1, []float64{0, 1}, []int{0, 1}},                 // no weight, no part
		{5, []float64{0.1, 0.1, 0, 0}, []int{3, 2, 0, 0}}, // nor of what is left
		{0, []float64{3, 4}, []int{0, 0}},
		{10_000_000, []float64{1, 2}, []int{3333333, 6666667}},
	} {
		got, err := apportion(tt.n, tt.weights)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("apportion(%d, %v) = %v, %v, want %v", tt.n, tt.weights, got, err, tt.want)
		}
	}
}

// A word means the first value whose parts are above it, however many values there are, and also at the ends of each one's parts.
func TestPick(t *testing.T) {
	for _, n := range []int{1, 2, 3, 64, 100, 70_000} {
		shares := make([]Share[int], n)
		for i := range shares {
			shares[i] = Share[int]{i, float64(1 + i*i%7)}
		}
		shares[0].Weight += float64(n) // of more than one guide's words
		table, err := newTable(shares)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < n; i += 1 + n/100 {
			first := uint64(0)
			if i > 0 {
				first = table.upTo[i-1]
			}
			for _, word := range []uint64{first << 11, (first+table.upTo[i])/2<<11 | 1, (table.upTo[i]-1)<<11 | 1<<11 - 1} {
				if got := *table.pick(word); got != i {
					t.Fatalf("of %d values %#x means number %d, want %d", n, word, got, i)
				}
			}
		}
	}
}

func FuzzApportion(f *testing.F) {
	f.Add(100, 1.0, 2.0, 3.0)
	f.Add(7, 1e-300, 1e30, 0.0)
	f.Fuzz(func(t *testing.T, n int, a, b, c float64) {
		n &= 0xffffff
		weights := []float64{a, b, c}
		parts, err := apportion(n, weights)
		if err != nil {
			return
		}
		sum, total := 0, a+b+c
		for i, p := range parts {
			sum += p
			if exact := float64(n) * (weights[i] / total); math.Abs(float64(p)-exact) > 1.001 || p < 0 || weights[i] == 0 && p > 0 {
				t.Errorf("apportion(%d, %v)[%d] = %d, want %v", n, weights, i, p, exact)
			}
		}
		if sum != n {
			t.Errorf("apportion(%d, %v) = %v, adds up to %d", n, weights, parts, sum)
		}
	})
}

func TestTenantSizes(t *testing.T) {
	for _, tt := range []struct {
		devices, tenants int
		zipf             float64
		want             []int
	}{
		{10, 3, 0, []int{4, 3, 3}},
		{10, 1, 2, []int{10}},
		{11, 3, 1, []int{6, 3, 2}},
		{6, 5, 3, []int{2, 1, 1, 1, 1}}, // 5, 1, 0, 0, 0 before each has one
		{5, 5, 8, []int{1, 1, 1, 1, 1}},
		{2, 4, 0, []int{1, 1, 0, 0}}, // there are not enough
		{0, 2, 1, []int{0, 0}},
	} {
		if got := tenantSizes(tt.devices, tt.tenants, tt.zipf); !slices.Equal(got, tt.want) {
			t.Errorf("tenantSizes(%d, %d, %v) = %v, want %v", tt.devices, tt.tenants, tt.zipf, got, tt.want)
		}
	}
	sizes := tenantSizes(3000, 1000, 1.2)
	if slices.Min(sizes) < 1 || !slices.IsSortedFunc(sizes, func(a, b int) int { return b - a }) {
		t.Errorf("tenantSizes(3000, 1000, 1.2) = %v, want at least 1 each, falling", sizes)
	}
}

func TestPermutation(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 4, 5, 63, 64, 65, 1000, 4095, 100_003} {
		p := newPermutation(n, 42)
		seen := make([]bool, n)
		for x := range n {
			y := p.at(x)
			if y >= n || seen[y] {
				t.Fatalf("permutation of %d: at(%d) = %d is too large or taken", n, x, y)
			}
			seen[y] = true
		}
	}
}

func TestTable(t *testing.T) {
	tab, err := newTable([]Share[string]{{"a", 1}, {"never", 0}, {"b", 3}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		word uint64
		want string
	}{{0, "a"}, {1<<62 - 1, "a"}, {1 << 62, "b"}, {math.MaxUint64, "b"}} {
		if got := *tab.pick(tt.word); got != tt.want {
			t.Errorf("pick(%#x) = %q, want %q", tt.word, got, tt.want)
		}
	}
}
