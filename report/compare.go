package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"drover/sim/check"
)

// Side is the runs that stand for one state of a backend: one run, or repeats of it.
type Side struct {
	Name string
	Runs []*Run // at least one
}

// CompareOptions says how strict a comparison is. The zero value allows no regression that is found at all.
type CompareOptions struct {
	AnyMachine bool     // compare runs of machines of different classes all the same
	Within     float64  // how much worse, as a share, a gated metric may become; 0.05 is 5 %
	Gate       []string // names of CompareMetrics that may not become worse; nil: DefaultGate
}

// Confidence is that of every interval of a comparison, each by itself: of twenty metrics that did not change, one shows a
// difference by chance.
const Confidence = 0.95

// Method says how a difference was found.
type Method string

const (
	// ByRanks takes each run as one sample: the Hodges-Lehmann estimate of the ratio (or difference), the median over all
	// pairs of a run of the base and one of the head, with the exact interval that belongs to the Mann-Whitney test. It
	// assumes nothing about how runs are distributed.
	// Source: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd edition, 2014, sections 4.2 and 4.3.
	ByRanks Method = "ranks"
	// ByBlocks takes time blocks inside the runs as samples: circular blocks of consecutive intervals are drawn again and
	// again, the same ones from both sides since both follow one schedule, and the middle 95 % of the results is the
	// interval. It sees noise within a run, but not what differs from run to run.
	// Source: Politis and Romano, A circular block-resampling procedure for stationary data, 1992.
	ByBlocks Method = "blocks"
)

// Finding is what a comparison says of one metric.
type Finding string

const (
	Worse   Finding = "worse"
	Better  Finding = "better"
	NoDiff  Finding = "no difference found"
	TooFew  Finding = "too few samples" // to say anything
	changed Finding = "changed"         // for a metric that is neither good nor bad
)

// Difference is one metric of two sides. A change is a share of the base, or of two shares the difference.
type Difference struct {
	Metric         string
	Base, Head     float64 // medians over the runs; in the metric's unit
	Change         float64 // 0.1 is 10 % more than the base
	Low, High      float64 // the interval of Change
	Finding        Finding
	Gated, TooMuch bool // it may not become worse; it did, by more than Within for certain
	unit           metricUnit
	difference     bool // Change is in percentage points
}

// Versus is one head against the base.
type Versus struct {
	Head        Side
	Method      Method
	Differences []Difference
	Notes       []string // a sentence each
}

// Comparison is a base and the heads that were held against it.
type Comparison struct {
	Scenario string
	Base     Side
	Versus   []Versus
	Within   float64
}

// Result is that of the whole comparison as a check: fail when a gated metric of any head became worse beyond what is allowed,
// and inconclusive when of some head no gated metric has enough samples.
func (c *Comparison) Result() check.Result {
	result := check.Pass
	for i := range c.Versus {
		switch _, r := c.outcome(&c.Versus[i]); {
		case r == check.Fail:
			return r
		case r != check.Pass:
			result = r
		}
	}
	return result
}

// UnlikeError says why runs cannot be compared.
type UnlikeError struct{ Reasons []string }

func (e *UnlikeError) Error() string {
	return "these runs cannot be compared: " + strings.Join(e.Reasons, "; ")
}

// Compare holds each head against the base. Runs of other work, of another shard or of another class of machine are an
// *UnlikeError that names every difference; so is a run that was cut short.
func Compare(base Side, heads []Side, opt CompareOptions) (*Comparison, error) {
	if len(base.Runs) == 0 || len(heads) == 0 {
		return nil, errors.New("a comparison needs a base and a head")
	}
	gate := opt.Gate
	if gate == nil {
		gate = DefaultGate
	}
	for _, name := range gate {
		if !slices.Contains(CompareMetrics(), name) {
			return nil, fmt.Errorf("there is no metric %q; want one of %s", name, strings.Join(CompareMetrics(), ", "))
		}
	}
	var unlike UnlikeError
	for _, s := range append([]Side{base}, heads...) {
		for _, r := range s.Runs {
			unlike.compare(s.Name, base.Runs[0], r, opt)
		}
	}
	if len(unlike.Reasons) > 0 {
		slices.Sort(unlike.Reasons)
		unlike.Reasons = slices.Compact(unlike.Reasons)
		return nil, &unlike
	}
	c := &Comparison{Scenario: base.Runs[0].Scenario.Name, Base: base, Within: opt.Within}
	for _, head := range heads {
		v := versus(base, head)
		v.untold(base, gate)
		for i := range v.Differences {
			d := &v.Differences[i]
			d.Gated = slices.Contains(gate, d.Metric)
			d.TooMuch = d.Gated && d.Finding == Worse && d.atLeastWorse() > opt.Within
		}
		c.Versus = append(c.Versus, v)
	}
	return c, nil
}

// versus picks the method by the number of runs.
func versus(base, head Side) Versus {
	v := Versus{Head: head, Method: ByRanks, Notes: notes(base, head)}
	if enoughRuns(len(base.Runs), len(head.Runs)) {
		v.Differences = byRanks(base.Runs, head.Runs)
		return v
	}
	v.Method = ByBlocks
	v.Differences = byBlocks(base.Runs, head.Runs, resamples)
	if !slices.ContainsFunc(v.Differences, func(d Difference) bool { return d.Finding != TooFew }) {
		v.Notes = append(v.Notes, fmt.Sprintf("The measured time is too short to cut into blocks: it takes %d intervals of the timeline. "+
			"Compare four runs or more on each side.", fewestBlocks*blockLength(0)))
		return v
	}
	v.Notes = append(v.Notes, "Blocks lie inside the runs: what differs from run to run is not seen. Four runs on each side show that.")
	return v
}

// untold adds the metrics of gate that the method cannot tell: a gate that nobody looked at must not pass for one that held.
func (v *Versus) untold(base Side, gate []string) {
	for _, m := range comparedMetrics() {
		told := slices.ContainsFunc(v.Differences, func(d Difference) bool { return d.Metric == m.name })
		if told || !slices.Contains(gate, m.name) {
			continue
		}
		b, _ := valuesOf(&m, base.Runs)
		h, _ := valuesOf(&m, v.Head.Runs)
		v.Differences = append(v.Differences, Difference{
			Metric: m.name, unit: m.unit, Base: median(b), Head: median(h), Change: math.NaN(), Low: math.NaN(), High: math.NaN(), Finding: TooFew,
		})
		v.Notes = append(v.Notes, fmt.Sprintf("Time blocks do not tell %s. Four runs on each side do.", m.name))
	}
}

// compare notes what keeps r from being compared with base.
func (e *UnlikeError) compare(name string, base, r *Run, opt CompareOptions) {
	add := func(format string, args ...any) { e.Reasons = append(e.Reasons, fmt.Sprintf(format, args...)) }
	workOf := func(r *Run) string {
		if r.Scenario.Work != "" {
			return r.Scenario.Work
		}
		return r.Scenario.Digest
	}
	switch a, b := base.Scenario, r.Scenario; {
	case a.Seeds.Fleet != b.Seeds.Fleet:
		add("%s has another fleet seed, %d instead of %d, and so other devices", name, b.Seeds.Fleet, a.Seeds.Fleet)
	case workOf(base) != workOf(r):
		add("%s ran another scenario (%s, work %.12s) than the base (%s, work %.12s)", name, b.Name, workOf(r), a.Name, workOf(base))
	}
	if base.Load.Shard != r.Load.Shard {
		add("%s drove shard %s of the fleet, the base %s", name, r.Load.Shard, base.Load.Shard)
	}
	if r.Interrupted {
		add("%s was interrupted before its time", name)
	}
	if len(r.Speeds) > 0 {
		add("%s went at another speed than its scenario has, by hand", name)
	}
	if a, b := machine(base), machine(r); a != b && !opt.AnyMachine {
		add("%s ran on another class of machine, %s instead of %s (--any-machine compares all the same)", name, b, a)
	}
}

// machine is the class of machine that a run was made on.
func machine(r *Run) string {
	return fmt.Sprintf("%s/%s with %s", r.Drover.OS, r.Drover.Arch, plural(int64(r.Drover.CPUs), "core", "cores"))
}

// notes is what is worth knowing about the runs.
func notes(base, head Side) (list []string) {
	for _, s := range []Side{base, head} {
		behind := 0
		for _, r := range s.Runs {
			if r.Generator.Behind != "" {
				behind++
			}
		}
		if behind > 0 {
			list = append(list, fmt.Sprintf("In %d of %s of %s the harness could not keep up: its times are not the backend's alone.", behind,
				plural(int64(len(s.Runs)), "run", "runs"), s.Name))
		}
	}
	if a, b := base.Runs[0].Drover.Version, head.Runs[0].Drover.Version; a != b {
		list = append(list, fmt.Sprintf("%s was made by drover %s, %s by %s.", base.Name, a, head.Name, b))
	}
	return list
}

// find says what an interval of changes means for a metric.
func (m *compared) find(low, high float64) Finding {
	switch {
	case math.IsNaN(low) || math.IsNaN(high):
		return TooFew
	case low > 0 && m.better < 0 || high < 0 && m.better > 0:
		return Worse
	case low > 0 && m.better > 0 || high < 0 && m.better < 0:
		return Better
	case low > 0 || high < 0:
		return changed
	}
	return NoDiff
}

// atLeastWorse is by how much the metric became worse at the least.
func (d *Difference) atLeastWorse() float64 {
	if d.Low > 0 {
		return d.Low
	}
	return -d.High
}
