package report

import (
	"math"

	"drover/sim/check"
)

// metricUnit says how a figure is written.
type metricUnit uint8

const (
	unitNS metricUnit = iota
	unitPerSec
	unitShare
)

// compared is one metric of a comparison.
type compared struct {
	name   string
	unit   metricUnit
	better int                                    // -1: less is better, 1: more is
	of     func(r *Run) (v float64, n int64)      // its value in a run, of so many samples
	needs  int64                                  // samples without which the value means nothing
	blocks func(s *blockSum) (v float64, n int64) // its value over time blocks; nil: a run's intervals do not tell it
}

// DefaultGate is the metrics that may not become worse, unless other ones are named.
var DefaultGate = []string{"response p50", "response p99", "not accepted"}

// CompareMetrics returns the names of the metrics that are compared, in order.
func CompareMetrics() (names []string) {
	for _, m := range comparedMetrics() {
		names = append(names, m.name)
	}
	return names
}

func comparedMetrics() []compared {
	response := func(name string, q float64, needs int64, of func(*Quantiles) int64) compared {
		return compared{
			name: "response " + name, better: -1, needs: needs,
			of: func(r *Run) (float64, int64) {
				return float64(of(&r.Latency.Response.Quantiles)), r.Latency.Response.Count
			},
			blocks: func(s *blockSum) (float64, int64) { return s.quantile(q), s.responses },
		}
	}
	service := func(name string, needs int64, of func(*Quantiles) int64) compared {
		return compared{name: "service " + name, better: -1, needs: needs, of: func(r *Run) (float64, int64) {
			return float64(of(&r.Latency.Service.Quantiles)), r.Latency.Service.Count
		}}
	}
	// A quantile q needs ten samples above it.
	return []compared{
		response("p50", 0.5, 20, func(q *Quantiles) int64 { return q.P50NS }),
		response("p90", 0.9, 100, func(q *Quantiles) int64 { return q.P90NS }),
		response("p99", 0.99, 1000, func(q *Quantiles) int64 { return q.P99NS }),
		response("p99.9", 0.999, 10000, func(q *Quantiles) int64 { return q.P999NS }),
		service("p50", 20, func(q *Quantiles) int64 { return q.P50NS }),
		service("p99", 1000, func(q *Quantiles) int64 { return q.P99NS }),
		{
			name: "accepted", unit: unitPerSec, better: 1, needs: 20,
			of: func(r *Run) (float64, int64) {
				return float64(r.Totals.Accepted) / max(1e-9, float64(measuredNS(r))/1e9), r.Totals.Accepted
			},
			blocks: func(s *blockSum) (float64, int64) { return float64(s.accepted) / max(1e-9, s.seconds), s.accepted },
		},
		{
			name: "not accepted", unit: unitShare, better: -1, needs: 20,
			of: func(r *Run) (float64, int64) {
				return share(r.Totals.Refused+r.Totals.Failed+r.Totals.Dropped, r.Totals.Due), r.Totals.Due
			},
			blocks: func(s *blockSum) (float64, int64) {
				return share(s.bad, s.bad+s.accepted), s.bad + s.accepted
			},
		},
	}
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// show writes a figure for people; a dash where there is none.
func (u metricUnit) show(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case u == unitPerSec:
		return rate(v) + "/s"
	case u == unitShare:
		return check.FormatShare(v)
	}
	return dur(int64(v))
}
