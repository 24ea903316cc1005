package measure

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
)

var quantiles = []float64{0, 0.01, 0.07, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1}

// samples are the shapes that latencies have, each with its own way to be wrong in.
var samples = []struct {
	name string
	n    int
	draw func(r *rand.Rand) time.Duration
}{
	{"one", 1, func(*rand.Rand) time.Duration { return 1234567 }},
	{"few, as a list", 100, func(r *rand.Rand) time.Duration { return time.Duration(r.ExpFloat64() * 1e6) }},
	{"equal", 20000, func(*rand.Rand) time.Duration { return 5 * time.Millisecond }},
	{"below 2048 ns, where cells are exact", 5000, func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(2048)) }},
	{"uniform to 100 ms", 20000, func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(1e8)) }},
	{"log-uniform from 1 ns to 1 h", 50000, func(r *rand.Rand) time.Duration {
		return time.Duration(math.Exp(r.Float64() * math.Log(float64(Ceiling))))
	}},
	{"bimodal: 1 ms and a stall", 10000, func(r *rand.Rand) time.Duration {
		if r.IntN(100) == 0 {
			return time.Second + time.Duration(r.Int64N(1e6))
		}
		return time.Millisecond + time.Duration(r.Int64N(1e5))
	}},
	{"around powers of two", 20000, func(r *rand.Rand) time.Duration {
		return 1<<r.IntN(41) + time.Duration(r.IntN(3)-1)
	}},
}

func draw(i int) []time.Duration {
	r := rand.New(rand.NewPCG(7, uint64(i)))
	ds := make([]time.Duration, samples[i].n)
	for j := range ds {
		ds[j] = samples[i].draw(r)
	}
	return ds
}

func record(ds []time.Duration) *Histogram {
	h := new(Histogram)
	for _, d := range ds {
		h.Record(d)
	}
	return h
}

func TestHistogramAgainstSortedSlice(t *testing.T) {
	for i, s := range samples {
		ds := draw(i)
		h := record(ds)
		slices.Sort(ds)
		n := len(ds)
		if h.Count() != int64(n) || h.Min() != ds[0] || h.Max() != ds[n-1] || h.Clamped() != 0 {
			t.Errorf("%s: count, min, max, clamped = %d, %v, %v, %d, want %d, %v, %v, 0",
				s.name, h.Count(), h.Min(), h.Max(), h.Clamped(), n, ds[0], ds[n-1])
		}
		var sum float64
		for _, d := range ds {
			sum += float64(d)
		}
		if want := sum / float64(n); math.Abs(float64(h.Mean())-want) > 1 {
			t.Errorf("%s: Mean() = %v, want %v", s.name, h.Mean(), time.Duration(want))
		}
		for _, q := range quantiles {
			want := ds[max(1, int(math.Ceil(q*float64(n)-1e-9)))-1]
			got := h.Quantile(q)
			if got < want || float64(got) > float64(want)*1.001 {
				t.Errorf("%s: Quantile(%v) = %v, want %v to 0.1 %% more", s.name, q, got, want)
			}
			above := int64(n - indexAfter(ds, want))
			cell := int64(n - indexAfter(ds, want+want/1000))
			if got := h.CountAbove(want); got > above || got < cell {
				t.Errorf("%s: CountAbove(%v) = %d, want %d to %d", s.name, want, got, cell, above)
			}
		}
	}
}

func indexAfter(ds []time.Duration, d time.Duration) int {
	i, _ := slices.BinarySearch(ds, d+1)
	return i
}

// hdrhistogram-go has the same cells, so its counts at every cell must be ours exactly.
func TestHistogramAgainstHDR(t *testing.T) {
	for i, s := range samples {
		ds := draw(i)
		ours, hdr := record(ds), hdrhistogram.New(1, int64(Ceiling), 3)
		for _, d := range ds {
			if err := hdr.RecordValue(int64(d)); err != nil {
				t.Fatal(err)
			}
		}
		var got, want []Heat
		ours.Each(func(from, to time.Duration, n int64) { got = append(got, Heat{from, to, n}) })
		for _, b := range hdr.Distribution() {
			if b.Count > 0 {
				want = append(want, Heat{time.Duration(b.From), time.Duration(b.To) + 1, b.Count})
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: cells differ from hdrhistogram-go's (-theirs +ours):\n%s", s.name, d)
		}
	}
}

func TestHistogramMergeIsUnion(t *testing.T) {
	for i, s := range samples {
		for j, o := range samples {
			a, b := append(draw(i), -1), append(draw(j), Ceiling+1, Ceiling+2)
			got, other, want := record(a), record(b), record(append(slices.Clone(a), b...))
			before := state(other)
			got.Merge(other)
			if d := cmp.Diff(state(want), state(got)); d != "" {
				t.Errorf("%s + %s: merged differs from recorded at once (-want +got):\n%s", s.name, o.name, d)
			}
			if d := cmp.Diff(before, state(other)); d != "" {
				t.Errorf("%s + %s: Merge changed what it added:\n%s", s.name, o.name, d)
			}
		}
	}
}

// state is all that can be seen of a histogram.
func state(h *Histogram) string {
	b, err := json.Marshal(h)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestHistogramEdges(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Min() != 0 || h.Max() != 0 || h.CountAbove(0) != 0 || h.CountAbove(-1) != 0 {
		t.Errorf("an empty histogram is not all zero: %s", state(&h))
	}
	h.Record(-5)
	h.Record(Ceiling + 1)
	h.Record(math.MaxInt64)
	if h.Clamped() != 3 || h.Min() != 0 || h.Max() != Ceiling || h.Quantile(1) != Ceiling {
		t.Errorf("clamped, min, max, Quantile(1) = %d, %v, %v, %v, want 3, 0s, 1h, 1h", h.Clamped(), h.Min(), h.Max(), h.Quantile(1))
	}
	if got := h.CountAbove(-time.Second); got != 3 {
		t.Errorf("CountAbove(-1s) = %d, want 3", got)
	}
	if got := h.Quantile(math.NaN()); got != Ceiling {
		t.Errorf("Quantile(NaN) = %v, want the maximum", got)
	}
	h.Reset()
	if got, want := state(&h), state(new(Histogram)); got != want {
		t.Errorf("after Reset: %s, want %s", got, want)
	}
	h.Record(7)
	if h.Min() != 7 || h.Max() != 7 || h.Count() != 1 {
		t.Errorf("after Reset and Record(7): %s", state(&h))
	}
}

// The sum of a long run of slow answers does not fit 64 bits.
func TestHistogramMeanDoesNotOverflow(t *testing.T) {
	h := record([]time.Duration{Ceiling, Ceiling - 10})
	for range 40 { // 2^41 samples
		c := new(Histogram)
		c.Merge(h)
		h.Merge(c)
	}
	if got := h.Mean(); got != Ceiling-5 {
		t.Errorf("Mean() of %d samples = %v, want %v", h.Count(), got, Ceiling-5)
	}
}

func TestHistogramMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	h := new(Histogram)
	for range 20000 {
		h.Record(time.Duration(math.Exp(r.Float64() * math.Log(float64(Ceiling)))))
	}
	if n := testing.AllocsPerRun(10, func() {
		for range 100000 { // 1.1 million in all
			h.Record(time.Duration(math.Exp(r.Float64() * math.Log(float64(Ceiling)))))
		}
	}); n != 0 {
		t.Errorf("100,000 more samples cost %v allocations, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		h.Reset()
		h.Record(time.Millisecond)
	}); n != 0 {
		t.Errorf("Reset and Record cost %v allocations, want 0", n)
	}
}

func TestHistogramJSON(t *testing.T) {
	for i, s := range samples {
		want := record(draw(i))
		want.Record(-1)
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := record([]time.Duration{1, 2, 3})
		if err := json.Unmarshal(b, got); err != nil {
			t.Errorf("%s: Unmarshal: %v", s.name, err)
		}
		if d := cmp.Diff(string(b), state(got)); d != "" {
			t.Errorf("%s: there and back differs:\n%s", s.name, d)
		}
	}
	const want = `{"count":3,"min":5,"max":2048,"sum":2058,"cells":[5,2,2043,1]}`
	if got := state(record([]time.Duration{5, 2048, 5})); got != want {
		t.Errorf("JSON = %s, want %s", got, want)
	}
}

func TestHistogramJSONErrors(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{"count":1,"cells":[5]}`, "histogram: cells: want pairs of numbers"},
		{`{"count":1,"min":5,"max":5,"sum":5,"cells":[-5,1]}`, "histogram: cells[0]: -5 leads past the 33421 cells, or back"},
		{`{"count":1,"min":5,"max":5,"sum":5,"cells":[33421,1]}`, "histogram: cells[0]: 33421 leads past the 33421 cells, or back"},
		{`{"count":2,"min":5,"max":5,"sum":10,"cells":[5,1,0,1]}`, "histogram: cells[2]: 0 leads past the 33421 cells, or back"},
		{`{"count":1,"min":5,"max":5,"sum":5,"cells":[5,0]}`, "histogram: cells[1]: a count of 0 is out of range"},
		{`{"count":2,"min":5,"max":5,"sum":5,"cells":[5,1]}`, "histogram: count is 2, but the cells hold 1"},
		{`{"count":1,"min":5,"max":5,"sum":5,"clamped":2,"cells":[5,1]}`, "histogram: clamped is 2 of 1"},
		{`{"count":1,"min":4,"max":5,"sum":5,"cells":[5,1]}`, "histogram: min 4 and max 5 are not in the first and last cell"},
		{`{"count":1,"min":5,"max":5,"sum":6,"cells":[5,1]}`, "histogram: the sum is not between count x min and count x max"},
		{`{"sum":6}`, "histogram: min, max or sum of nothing"},
	} {
		h := record([]time.Duration{1})
		err := json.Unmarshal([]byte(tt.in), h)
		if err == nil || err.Error() != tt.want {
			t.Errorf("Unmarshal(%s) = %v, want %v", tt.in, err, tt.want)
		}
		if h.Count() != 1 || h.Max() != 1 {
			t.Errorf("Unmarshal(%s) failed, but changed the histogram", tt.in)
		}
	}
}

func FuzzHistogramJSON(f *testing.F) {
	f.Add([]byte(`{"count":3,"min":5,"max":2048,"sum":2058,"cells":[5,2,2043,1]}`))
	f.Add([]byte(`{"count":1,"cells":[9223372036854775807,9223372036854775807]}`))
	f.Add([]byte(state(record(draw(1)))))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h, again Histogram
		if json.Unmarshal(b, &h) != nil {
			return
		}
		if err := json.Unmarshal([]byte(state(&h)), &again); err != nil || state(&h) != state(&again) {
			t.Errorf("accepted %s, but then %v or not the same", b, err)
		}
		last := time.Duration(-1)
		for _, q := range quantiles {
			if got := h.Quantile(q); got < last && h.Count() > 0 || got > h.Max() {
				t.Errorf("Quantile(%v) = %v after %v, max %v", q, got, last, h.Max())
			} else {
				last = got
			}
		}
		if m := h.Mean(); m < h.Min() || m > h.Max() {
			t.Errorf("Mean() = %v outside %v..%v", m, h.Min(), h.Max())
		}
	})
}

func BenchmarkHistogramRecord(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	ds := make([]time.Duration, 4096)
	for i := range ds {
		ds[i] = time.Duration(1e6 * (0.5 + r.ExpFloat64()))
	}
	var h Histogram
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		h.Record(ds[i&4095])
		i++
	}
}
