package report

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim/check"
	"drover/sim/measure"
)

// smallRun is a run of seconds intervals of perSec uploads each. Response times are log-normal; each interval has a level of
// its own, and so does each run (drift), as machines have.
func smallRun(draw *rand.Rand, seconds, perSec int, slower, drift float64) *Run {
	names := &measure.Names{Phases: []measure.PhaseName{{Name: "day", Measure: true}}, Cohorts: []string{"a/b"}, Tenants: []string{"t"}}
	rec := measure.NewRecorder(names, measure.Options{})
	level := slower * math.Exp(drift*draw.NormFloat64())
	for s := range seconds {
		second := level * math.Exp(0.1*draw.NormFloat64())
		for i := range perSec {
			at := time.Duration(s)*time.Second + time.Duration(i)*time.Second/time.Duration(perSec)
			took := time.Duration(1e6 * second * math.Exp(0.5*draw.NormFloat64()))
			key := measure.Key{Op: measure.Upload}
			rec.Due(key, at)
			rec.Record(&measure.Sample{Key: key, Intended: at, FirstSent: at, Sent: at, Done: at + took, Attempts: 1, Events: 1, Bytes: 100})
		}
	}
	end := int64(seconds) * 1e9
	r := &Run{Scenario: Scenario{Name: "x", Work: "w"}, Load: Load{Shard: "1/1"}, Drover: Build{OS: "linux", Arch: "amd64", CPUs: 2}, DurationNS: end}
	r.Measurements = FromTotals(measure.Merge(names, rec), []Phase{{Name: "day", Measure: true, ToNS: end}})
	return r
}

func repeats(draw *rand.Rand, n int, slower float64) (runs []*Run) {
	for range n {
		runs = append(runs, smallRun(draw, 20, 250, slower, 0.02))
	}
	return runs
}

// bare is a run of which only the figures are there that ranks look at.
func bare(draw *rand.Rand) *Run {
	r := &Run{Scenario: Scenario{Work: "w"}}
	r.Latency.Response.Quantiles = Quantiles{Count: 1e6, P99NS: int64(1e6 * math.Exp(0.05*draw.NormFloat64()))}
	return r
}

func compareTwo(t testing.TB, base, head []*Run, opt CompareOptions) *Versus {
	t.Helper()
	c, err := Compare(Side{"base", base}, []Side{{"head", head}}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return &c.Versus[0]
}

func (v *Versus) metric(t testing.TB, name string) *Difference {
	t.Helper()
	for i := range v.Differences {
		if v.Differences[i].Metric == name {
			return &v.Differences[i]
		}
	}
	t.Fatalf("no metric %q", name)
	return nil
}

// TestCompareFalseAlarms: of two samples of one distribution, as many are found different as the confidence says. The rank
// interval of five against five keeps 96.8 %, so 3.2 % are expected of it; blocks are exact only for many of them.
func TestCompareFalseAlarms(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		method      Method
		pairs       int
		least, most float64 // share of alarms
		compare     func() []Difference
	}{
		// 5 standard deviations of the binomial with 3,000 trials at 3.2 % are 1.6 points.
		{ByRanks, 3000, 0.016, 0.048, func() []Difference {
			var base, head []*Run
			for range 5 {
				base, head = append(base, bare(draw)), append(head, bare(draw))
			}
			return byRanks(base, head)
		}},
		// With 100 trials at 5 % they are 10.9 points. Fewer resamples than usual: the rate is the same, only rougher.
		{ByBlocks, 100, 0.0001, 0.159, func() []Difference {
			return byBlocks([]*Run{smallRun(draw, 60, 20, 1, 0)}, []*Run{smallRun(draw, 60, 20, 1, 0)}, 400)
		}},
	} {
		t.Run(string(tt.method), func(t *testing.T) {
			alarms := 0
			for range tt.pairs {
				v := Versus{Differences: tt.compare()}
				switch f := v.metric(t, "response p99").Finding; f {
				case Worse, Better:
					alarms++
				case NoDiff:
				default:
					t.Fatalf("Finding = %q", f)
				}
			}
			if got := float64(alarms) / float64(tt.pairs); got < tt.least || got > tt.most {
				t.Errorf("%d false alarms in %d comparisons, %.1f %%; want %.1f to %.1f %%", alarms, tt.pairs, 100*got, 100*tt.least, 100*tt.most)
			}
			t.Logf("%d false alarms in %d comparisons", alarms, tt.pairs)
		})
	}
}

// TestCompareFindsShift: a p99 that is 10 % longer is found in five repeats, and its interval holds the truth.
func TestCompareFindsShift(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	v := compareTwo(t, repeats(draw, 5, 1), repeats(draw, 5, 1.1), CompareOptions{Within: 0.02})
	d := v.metric(t, "response p99")
	if d.Finding != Worse || !d.TooMuch || d.Low > 0.1 || d.High < 0.1 {
		t.Errorf("%+v, want worse by 10 %%", d)
	}
	back := compareTwo(t, repeats(draw, 5, 1.1), repeats(draw, 5, 1), CompareOptions{}).metric(t, "response p99")
	if back.Finding != Better || back.TooMuch {
		t.Errorf("%+v, want better", back)
	}
	blocks := compareTwo(t, []*Run{smallRun(draw, 120, 50, 1, 0)}, []*Run{smallRun(draw, 120, 50, 1.3, 0)}, CompareOptions{}).metric(t, "response p50")
	if blocks.Finding != Worse || blocks.Low > 0.3 || blocks.High < 0.3 {
		t.Errorf("by blocks: %+v, want worse by 30 %%", blocks)
	}
}

// TestCompareWithin: a regression that is found, but that may be within what is allowed, does not count.
func TestCompareWithin(t *testing.T) {
	draw := rand.New(rand.NewPCG(5, 6))
	base, head := repeats(draw, 5, 1), repeats(draw, 5, 1.1)
	for _, tt := range []struct {
		within float64
		gate   []string
		want   check.Result
	}{{0, nil, check.Fail}, {0.02, nil, check.Fail}, {0.1, nil, check.Pass}, {0, []string{"accepted"}, check.Pass}} {
		c, err := Compare(Side{"base", base}, []Side{{"head", head}}, CompareOptions{Within: tt.within, Gate: tt.gate})
		if err != nil || c.Result() != tt.want {
			t.Errorf("within %v, gate %q: %v, %v; want %v", tt.within, tt.gate, c.Result(), err, tt.want)
		}
	}
}

// TestCompareRanks: the exact intervals of the Mann-Whitney distribution, by hand. Of 5 and 5 runs P(U <= 2) is 4/252 = 0.0159
// and P(U <= 3) is 7/252 = 0.0278, so the third pair from each end bounds 95 %; of 4 and 4 P(U = 0) is 1/70 = 0.0143 and
// P(U <= 1) 2/70 = 0.0286; of 3 and 3 P(U = 0) is 1/20.
func TestCompareRanks(t *testing.T) {
	for _, tt := range []struct{ n1, n2, want int }{{5, 5, 3}, {4, 4, 1}, {3, 3, 0}, {4, 3, 0}, {5, 3, 1}, {1, 40, 0}} {
		got := 0
		if enoughRuns(tt.n1, tt.n2) {
			got = outermost(tt.n1, tt.n2)
		}
		if got != tt.want {
			t.Errorf("outermost(%d, %d) = %d, want %d", tt.n1, tt.n2, got, tt.want)
		}
	}
	change, low, high := hodgesLehmann([]float64{1, 2, 3, 4}, []float64{11, 12, 13, 14}, true)
	if change != 10 || low != 7 || high != 13 {
		t.Errorf("hodgesLehmann = %v, %v to %v; want 10, 7 to 13", change, low, high)
	}
}

func TestCompareUnlike(t *testing.T) {
	draw := rand.New(rand.NewPCG(7, 8))
	base := smallRun(draw, 10, 50, 1, 0)
	for _, tt := range []struct {
		change func(*Run)
		want   string // "": it can be compared
	}{
		{func(*Run) {}, ""},
		{func(r *Run) { r.Scenario.Digest, r.Target.URL = "other", "http://127.0.0.1:1" }, ""}, // the same work at another backend
		{func(r *Run) { r.Scenario.Work = "v" }, "another scenario"},
		{func(r *Run) { r.Scenario.Seeds.Fleet = 9 }, "fleet seed"},
		{func(r *Run) { r.Load.Shard = "1/2" }, "shard 1/2"},
		{func(r *Run) { r.Interrupted = true }, "interrupted"},
		{func(r *Run) { r.Speeds = []Speed{{1, 2, 4}} }, "another speed"},
		{func(r *Run) { r.Pauses = []Pause{{1, 2}} }, ""},
		{func(r *Run) { r.Drover.CPUs = 64 }, "--any-machine"},
	} {
		head := *base
		tt.change(&head)
		_, err := Compare(Side{"base", []*Run{base}}, []Side{{"head", []*Run{&head}}}, CompareOptions{})
		var unlike *UnlikeError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%v, want a comparison", err)
		case tt.want != "" && (!errors.As(err, &unlike) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%v, want an error with %q", err, tt.want)
		}
	}
	other := *base
	other.Drover.CPUs = 64
	if _, err := Compare(Side{"base", []*Run{base}}, []Side{{"head", []*Run{&other}}}, CompareOptions{AnyMachine: true}); err != nil {
		t.Errorf("%v, want a comparison of any machine", err)
	}
	if _, err := Compare(Side{"base", []*Run{base}}, []Side{{"head", []*Run{base}}}, CompareOptions{Gate: []string{"p99"}}); err == nil {
		t.Error("a gate that is no metric is accepted")
	}
}

// TestCompareTooFew: a short run says that it says nothing, and that is no regression.
func TestCompareTooFew(t *testing.T) {
	draw := rand.New(rand.NewPCG(9, 10))
	for name, runs := range map[string][]*Run{"few intervals": {smallRun(draw, 5, 50, 1, 0)}, "empty": {{Scenario: Scenario{Work: "w"}, Load: Load{Shard: "1/1"}, Drover: Build{OS: "linux", Arch: "amd64", CPUs: 2}}}} {
		base := []*Run{smallRun(draw, 5, 50, 1, 0)}
		v := compareTwo(t, base, runs, CompareOptions{})
		if c, err := Compare(Side{"base", base}, []Side{{"head", runs}}, CompareOptions{}); err != nil || c.Result() != check.Inconclusive {
			t.Errorf("%s: %v, %v; want inconclusive", name, c.Result(), err)
		}
		for _, d := range v.Differences {
			if d.Finding != TooFew || d.TooMuch {
				t.Errorf("%s: %+v, want too few samples", name, d)
			}
		}
	}
}

// TestCompareUntold: a gated metric that time blocks do not tell is said to be undecided, beside one that is decided and alone.
func TestCompareUntold(t *testing.T) {
	draw := rand.New(rand.NewPCG(15, 16))
	base, head := Side{"base", []*Run{smallRun(draw, 120, 50, 1, 0)}}, Side{"head", []*Run{smallRun(draw, 120, 50, 1, 0)}}
	for _, tt := range []struct {
		gate   []string
		result check.Result
		says   string
	}{
		{[]string{"response p50", "service p99"}, check.Pass, "too few samples of: service p99"},
		{[]string{"service p99"}, check.Inconclusive, "nothing can be said"},
		{[]string{"response p50"}, check.Pass, "no regression found"},
	} {
		c, err := Compare(base, []Side{head}, CompareOptions{Within: 0.5, Gate: tt.gate})
		if err != nil {
			t.Fatal(err)
		}
		sentence, result := c.Outcome()
		if result != tt.result || !strings.Contains(sentence, tt.says) {
			t.Errorf("gate %q: %s, %q; want %s and %q", tt.gate, result, sentence, tt.result, tt.says)
		}
	}
}

// TestComparePrints: the three forms say the same, and a program can read the JSON.
func TestComparePrints(t *testing.T) {
	draw := rand.New(rand.NewPCG(11, 12))
	c, err := Compare(Side{"main", repeats(draw, 5, 1)}, []Side{{"branch", repeats(draw, 5, 1.2)}, {"one", repeats(draw, 1, 1)}}, CompareOptions{Within: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	var text, markdown, doc bytes.Buffer
	for _, err := range []error{CompareText(&text, c, TextOptions{}), CompareMarkdown(&markdown, c), CompareJSON(&doc, c)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "compare.txt", text.Bytes())
	golden(t, "compare.md", markdown.Bytes())
	golden(t, "compare.json", doc.Bytes())
	if c.Result() != check.Fail || strings.Contains(doc.String(), "NaN") {
		t.Error("want a regression, and no NaN")
	}
}

func BenchmarkCompareBlocks(b *testing.B) {
	draw := rand.New(rand.NewPCG(13, 14))
	base, head := []*Run{smallRun(draw, 1800, 50, 1, 0)}, []*Run{smallRun(draw, 1800, 50, 1, 0)}
	b.ReportAllocs()
	for b.Loop() {
		compareTwo(b, base, head, CompareOptions{})
	}
}

func FuzzCells(f *testing.F) {
	f.Add(`"1043:5 1051:17"`)
	f.Add(`"5:1 4:1"`)
	f.Fuzz(func(t *testing.T, src string) {
		var c, again Cells
		if c.UnmarshalJSON([]byte(src)) != nil {
			return
		}
		b, err := c.MarshalJSON()
		if err == nil {
			err = again.UnmarshalJSON(b)
		}
		if err != nil || fmt.Sprint(c) != fmt.Sprint(again) {
			t.Errorf("%q: %v became %v, %v", src, c, again, err)
		}
	})
}

// TestComparedMetrics: a scenario's check may name what is compared, and nothing else.
func TestComparedMetrics(t *testing.T) {
	if got := CompareMetrics(); !slices.Equal(got, check.ComparedMetrics[:]) {
		t.Errorf("compared are %q, but a check can name %q", got, check.ComparedMetrics)
	}
}
