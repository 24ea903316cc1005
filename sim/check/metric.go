package check

import (
	"fmt"
	"time"

	"drover/sim/measure"
)

// Metric promises a limit for one statistic of the uploads that Where picks. Without Where.Phase these are the uploads of
// all measured phases.
//
// A percentile is a measure.Histogram's: never below the truth and at most 0.1 % above it. Mean, min and max are exact, and
// shares are compared as exact decimals: 7 of 1,000 meet "<= 0.7%".
type Metric struct {
	Metric string // one of Metrics
	Where  measure.Selector
	Expect Expectation // made by ParseExpectation for the same Metric
}

func (m *Metric) evaluate(f Facts) Outcome {
	s := f.Totals.Select(m.Where)
	o := judge(m.Metric, m.Expect, &s, f, m.elapsed(f))
	// How fast a backend says no tells nothing of how fast it works, unless that is what was asked.
	if backends := m.Metric == "response_time" || m.Metric == "service_time"; backends && o.Result == Pass && s.Accepted == 0 && m.Where.Class == "" {
		o.Result = Inconclusive
		o.Evidence += "; not one upload was accepted, so the check proves nothing"
	}
	return o
}

// elapsed is how long what Where picks of the phases took together.
func (m *Metric) elapsed(f Facts) (sum time.Duration) {
	names := f.Totals.Names()
	for _, p := range names.Phases {
		if m.Where.Phase == p.Name || m.Where.Phase == "" && p.Measure {
			sum += names.Overlap(&m.Where, f.Phases[p.Name].From, f.Phases[p.Name].To, f.Took)
		}
	}
	return sum
}

// judge holds one statistic of a series against its limit.
func judge(metric string, e Expectation, s *measure.Series, f Facts, elapsed time.Duration) Outcome {
	want := metric + " " + e.String()
	h, n, of := pick(metric, s)
	if h != nil {
		if h.Count() == 0 {
			return empty(want, "samples", f)
		}
		return judgeTime(want, e, h)
	}
	if of == 0 {
		return empty(want, "uploads", f)
	}
	o := Outcome{Want: want, Samples: of}
	base := "due"
	if metric == "retries" {
		base = "sent"
	}
	o.Evidence = fmt.Sprintf("%s %s of %s uploads %s", FormatCount(n), counted(metric), FormatCount(of), base)
	switch e.Stat {
	case "rate":
		v := float64(n) / float64(of)
		o.Result = passIf(e.Limit.holds(v))
		o.Got = "rate " + share(v, e.Limit, o.Result)
	case "count":
		o.Result = passIf(e.Limit.holds(float64(n)))
		o.Got = "count " + FormatCount(n)
	default:
		if elapsed <= 0 {
			return Outcome{Result: NotChecked, Want: want, Evidence: "how long the phase took is not known", Samples: of}
		}
		v := float64(n) / elapsed.Seconds()
		o.Result = passIf(e.Limit.holds(v))
		o.Got = fmt.Sprintf("per_second %.4g", v)
		if v >= 1000 {
			o.Got = fmt.Sprintf("per_second %.1f", v)
		}
		o.Evidence += " in " + FormatDuration(elapsed)
	}
	return o
}

// pick returns the histogram of a metric of time, or else how many uploads count and of how many.
func pick(metric string, s *measure.Series) (h *measure.Histogram, n, of int64) {
	switch metric {
	case "response_time":
		return &s.Response, 0, 0
	case "service_time":
		return &s.Service, 0, 0
	case "send_lag":
		return &s.SendLag, 0, 0
	case "failed":
		return nil, s.Failed + s.Refused + s.Dropped, s.Due
	case "refused":
		return nil, s.Refused, s.Due
	case "dropped":
		return nil, s.Dropped, s.Due
	case "retries":
		return nil, s.Retries, s.Sent
	}
	return nil, s.Accepted, s.Due // accepted, throughput
}

// counted names what a metric counts in a sentence.
func counted(metric string) string {
	switch metric {
	case "failed":
		return "failed, refused or dropped"
	case "throughput":
		return "accepted"
	case "retries":
		return "retries"
	}
	return metric
}

func judgeTime(want string, e Expectation, h *measure.Histogram) Outcome {
	var d time.Duration
	switch e.Stat {
	case "mean":
		d = h.Mean()
	case "min":
		d = h.Min()
	case "max":
		d = h.Max()
	default:
		d = h.Quantile(e.Quantile)
	}
	o := Outcome{Want: want, Result: passIf(e.Limit.holdsTime(d)), Samples: h.Count()}
	o.Got = e.Stat + " " + precise(d, e.Limit, o.Result)
	o.Evidence = fmt.Sprintf("%s samples, median %s, max %s", FormatCount(h.Count()), FormatDuration(h.Quantile(0.5)), FormatDuration(h.Max()))
	if over := h.CountAbove(e.Limit.Time); over > 0 && (e.Limit.Op == "<=" || e.Limit.Op == "<") {
		o.Evidence += fmt.Sprintf("; %s above %s", FormatCount(over), e.Limit.limit())
	}
	if e.Quantile > 0 && float64(h.Count())*(1-e.Quantile) < 1 {
		o.Evidence += fmt.Sprintf("; with so few samples %s is the slowest one", e.Stat)
	}
	return o
}

// precise writes d in short, but in full when the short form would hide why the limit was missed.
func precise(d time.Duration, b Bound, r Result) string {
	if s := FormatDuration(d); r == Pass || s != FormatDuration(b.Time) {
		return s
	}
	return d.String()
}

// share writes v in short, but in full when the short form would hide why the limit was missed.
func share(v float64, b Bound, r Result) string {
	if s := FormatShare(v); r == Pass || b.Unit != Share || s != FormatShare(b.Value) {
		return s
	}
	return percentDigits(v) + "%"
}
