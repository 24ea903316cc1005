package check

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drover/sim/event"
	"drover/sim/measure"
)

// R. A. Fisher's lady, who tells 3 of the 4 cups with tea first: 16 + 1 of 70 ways to do as well, here seen from the cups that she
// calls so wrongly, 1 of 4 against 3 of 4.
func TestByChance(t *testing.T) {
	for _, tt := range []struct {
		p, rest Proportion
		want    float64
	}{
		{Proportion{1, 4}, Proportion{3, 4}, 17.0 / 70},
		{Proportion{0, 4}, Proportion{4, 4}, 1.0 / 70},
		{Proportion{0, 3}, Proportion{27, 27}, 1.0 / 4060}, // 30 over 3
		{Proportion{2, 3}, Proportion{27, 27}, 0.1},        // the one that fails is any of 30
		{Proportion{3, 3}, Proportion{20, 27}, 1},
		{Proportion{5, 10}, Proportion{50, 100}, 1},
		{Proportion{0, 0}, Proportion{50, 100}, 1}, {Proportion{1, 2}, Proportion{}, 1},
		{Proportion{0, 1e6}, Proportion{1e6, 1e6}, 0},
	} {
		if got := tt.p.ByChance(tt.rest); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%v.ByChance(%v) = %v, want %v", tt.p, tt.rest, got, tt.want)
		}
	}
}

// Of 4,000 samples of 300 verdicts, the intervals of 95 % hold the coefficient that they are drawn from: as many as that, by 5 sigma and
// one point that an approximation may be off.
func TestMCCInterval(t *testing.T) {
	for _, cells := range [][4]float64{{0.45, 0.05, 0.1, 0.4}, {0.7, 0.05, 0.1, 0.15}, {0.25, 0.25, 0.25, 0.25}} {
		truth, _ := Confusion{TP: int64(1000 * cells[0]), FP: int64(1000 * cells[1]), FN: int64(1000 * cells[2]), TN: int64(1000 * cells[3])}.MCC()
		r := rand.New(rand.NewPCG(1, 2))
		const samples, of = 4000, 300
		held := 0
		for range samples {
			var c Confusion
			for range of {
				switch u := r.Float64(); {
				case u < cells[0]:
					c.TP++
				case u < cells[0]+cells[1]:
					c.FP++
				case u < cells[0]+cells[1]+cells[2]:
					c.FN++
				default:
					c.TN++
				}
			}
			if low, high, ok := c.MCCInterval(); ok && low <= truth && truth <= high {
				held++
			}
		}
		if off := math.Abs(float64(held)/samples - 0.95); off > 0.01+5*math.Sqrt(0.95*0.05/samples) {
			t.Errorf("of %v: %d of %d intervals hold %v", cells, held, samples, truth)
		}
	}
	for _, c := range []Confusion{{}, {TP: 5}, {TP: 5, TN: 5}, {FP: 3, FN: 9}} {
		if low, high, ok := c.MCCInterval(); ok {
			t.Errorf("%+v has the interval %v to %v", c, low, high)
		}
	}
}

func TestOneAgainstRest(t *testing.T) {
	m := matrix()
	// Of 800 + 91 + 0 that are phishing 800 are called so; so are none of the others.
	if got, want := m.OneAgainstRest(event.Phishing), (Confusion{TP: 800, FN: 91, TN: 109}); got != want {
		t.Errorf("phishing: %+v, want %+v", got, want)
	}
	// 98 of 100 that are benign are called so, and 9 that are not.
	if got, want := m.OneAgainstRest(event.Benign), (Confusion{TP: 98, FN: 2, FP: 9, TN: 891}); got != want {
		t.Errorf("benign: %+v, want %+v", got, want)
	}
}

func TestVotes(t *testing.T) {
	var v Votes
	for _, d := range []struct {
		truth, ref, backend event.Category
		n                   int
	}{
		{event.Phishing, event.Malware, event.C2, 7}, {event.Phishing, event.Phishing, event.Benign, 3}, {event.Benign, event.Phishing, event.Phishing, 2},
		{event.Benign, event.Benign, event.Benign, 11}, {event.Unknown, event.Phishing, event.Malware, 5}, {event.Malware, event.Malware, event.Unknown, 13},
	} {
		for range d.n {
			v.add(&Detection{Truth: d.truth, Reference: d.ref}, d.backend)
		}
	}
	if v.Total() != 41 || v.Judged() != 28 {
		t.Errorf("Total = %d, Judged = %d; want 41, 28", v.Total(), v.Judged())
	}
	if got, want := v.AgainstTruth(), (Confusion{TP: 7, FN: 3, FP: 2, TN: 11}); got != want {
		t.Errorf("AgainstTruth = %+v, want %+v", got, want)
	}
	if got, want := v.AgainstReference(), (Confusion{TP: 14, FN: 3, TN: 11}); got != want {
		t.Errorf("AgainstReference = %+v, want %+v", got, want)
	}
}

// split counts n detections that the backend calls malicious, or benign, in answers that took so long.
func split(s *Splits, n int, response time.Duration, backend event.Category) {
	for range n {
		s.Add(0, 0, response, &Detection{Truth: event.Phishing, Reference: event.Phishing}, backend)
	}
}

func TestTenths(t *testing.T) {
	a, b := NewSplits(1, nil), NewSplits(1, nil)
	for i := range 100 { // far enough apart to lie in bands of their own
		split([]*Splits{a, b}[i%2], 1, time.Duration(i+1)*time.Second, event.Phishing)
	}
	a.Merge(b)
	var sizes []int64
	for i, x := range a.Tenths() {
		sizes = append(sizes, x.Total())
		if slowest := time.Duration(10*i+10) * time.Second; x.Number != i+1 || x.From > slowest || x.To <= slowest || x.To > slowest+time.Second {
			t.Errorf("tenth %d: %d, %v to %v", i, x.Number, x.From, x.To)
		}
	}
	if d := cmp.Diff([]int64{10, 10, 10, 10, 10, 10, 10, 10, 10, 10}, sizes); d != "" {
		t.Errorf("sizes (-want +got):\n%s", d)
	}

	// Most took as long as each other: they are one row, by its middle.
	c := NewSplits(1, nil)
	split(c, 90, time.Millisecond, event.Phishing)
	split(c, 10, time.Second, event.Benign)
	got := c.Tenths()
	if len(got) != 2 || got[0].Number != 5 || got[0].Total() != 90 || got[1].Number != 10 || got[1].Total() != 10 {
		t.Errorf("tenths %+v", got)
	}
	if len(NewSplits(1, nil).Tenths()) != 0 {
		t.Error("there are tenths of nothing")
	}
}

func TestSlowest(t *testing.T) {
	for _, tt := range []struct {
		name         string
		fast, slow   [2]int // malicious, benign
		falls, there bool
	}{
		{"all are right", [2]int{90, 0}, [2]int{10, 0}, false, true},
		{"the slow are wrong", [2]int{90, 0}, [2]int{0, 10}, true, true},
		{"of few nothing is said", [2]int{9, 0}, [2]int{0, 1}, false, true},
		{"wrong now and then", [2]int{900, 90}, [2]int{89, 11}, false, true},
		{"the fast are worse", [2]int{0, 90}, [2]int{10, 0}, false, true},
		{"all are as slow", [2]int{0, 0}, [2]int{10, 90}, false, false},
	} {
		s := NewSplits(1, nil)
		for i, n := range [...][2]int{tt.fast, tt.slow} {
			took := []time.Duration{time.Millisecond, time.Second}[i]
			split(s, n[0], took, event.Phishing)
			split(s, n[1], took, event.Benign)
		}
		got, ok := SlowestOf(s.Tenths())
		if ok != tt.there || ok && got.Falls() != tt.falls {
			t.Errorf("%s: falls %v, %v (chance %v)", tt.name, ok && got.Falls(), ok, got.Chance)
		}
	}

	// Sites that are harder came when the backend was slow: the reference finds them no better, so it is not the backend.
	s := NewSplits(1, nil)
	split(s, 900, time.Millisecond, event.Phishing)
	for range 100 {
		s.Add(0, 0, time.Second, &Detection{Truth: event.Phishing, Reference: event.Benign}, event.Benign)
	}
	if got, ok := SlowestOf(s.Tenths()); !ok || got.Falls() || got.AgainstTruth().Recall().N != 0 {
		t.Errorf("harder sites: %+v, %v", got, ok)
	}
}

func TestSplitsByPhaseAndTenant(t *testing.T) {
	s := NewSplits(2, []int{7, 3})
	d := &Detection{Truth: event.Phishing, Reference: event.Phishing}
	for i, at := range [][2]int{{0, 7}, {1, 7}, {1, 3}, {1, 4}, {1, 5}} {
		s.Add(at[0], at[1], time.Duration(i)*time.Millisecond, d, event.Phishing)
	}
	var got []int64
	for _, v := range append(s.Phases, s.Tenants...) {
		got = append(got, v.Total())
	}
	if d := cmp.Diff([]int64{1, 4, 2, 1, 2}, got); d != "" {
		t.Errorf("phases, tenants, others (-want +got):\n%s", d)
	}
	if n := len(s.Bands); n != 5 || s.Bands[measure.BandOf(time.Millisecond)].Total() != 1 {
		t.Errorf("%d bands", n)
	}
}
