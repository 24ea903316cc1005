package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"drover/sim/check"
	"drover/sim/measure"
)

// TopTenants is how many tenants have a row of their own.
const TopTenants = 50

// FromTotals fills the measured part of a document. phases are all phases in the order of the names that t was made
// with, everything but their Counts set.
func FromTotals(t *measure.Totals, phases []Phase) Measurements {
	whole := t.Select(measure.Selector{})
	m := Measurements{
		Phases:  slices.Clone(phases),
		Totals:  counts(whole.Counts),
		Classes: classes(whole.Counts),
		Latency: Latency{
			Response: distribution(&whole.Response), Service: distribution(&whole.Service), SendLag: distribution(&whole.SendLag),
		},
		Timeline: timeline(t),
	}
	for i := range m.Phases {
		s := t.Select(measure.Selector{Phase: m.Phases[i].Name})
		m.Phases[i].Counts = counts(s.Counts)
		m.AllPhases.add(m.Phases[i].Counts)
	}
	for op := range measure.NumOps {
		if s := t.Select(measure.Selector{Op: op.String()}); s.Due > 0 {
			m.Operations = append(m.Operations, row(op.String(), &s))
		}
	}
	for _, name := range t.Names().Cohorts {
		s := t.Select(measure.Selector{Cohort: name})
		m.Cohorts = append(m.Cohorts, row(name, &s))
	}
	m.Tenants = tenants(t)
	return m
}

// tenants returns the busiest tenants, by uploads due, and one row for all the others.
func tenants(t *measure.Totals) []Row {
	type tenant struct {
		name string
		due  int64
	}
	names := t.Names().Tenants[:len(t.Names().Tenants)-t.Folded()]
	busiest := make([]tenant, 0, len(names))
	series := make(map[string]measure.Series, len(names))
	for _, name := range names {
		s := t.Select(measure.Selector{Tenant: name})
		series[name] = s
		busiest = append(busiest, tenant{name, s.Due})
	}
	slices.SortStableFunc(busiest, func(a, b tenant) int { return cmp.Compare(b.due, a.due) })

	var rows []Row
	var rest measure.Series
	for i, tn := range busiest {
		s := series[tn.name]
		if i < TopTenants {
			rows = append(rows, row(tn.name, &s))
			continue
		}
		rest.Add(&s)
	}
	others := max(0, len(busiest)-TopTenants) + t.Folded()
	if t.Folded() > 0 {
		s := t.Select(measure.Selector{Tenant: measure.OtherTenant})
		rest.Add(&s)
	}
	if others > 0 {
		rows = append(rows, row(fmt.Sprintf("%s other tenants", check.FormatCount(int64(others))), &rest))
	}
	return rows
}

func row(name string, s *measure.Series) Row {
	return Row{Name: name, Counts: counts(s.Counts), Response: QuantilesOf(&s.Response), Service: QuantilesOf(&s.Service)}
}

func counts(c measure.Counts) Counts {
	return Counts{
		Due: c.Due, Sent: c.Sent, Accepted: c.Accepted, Refused: c.Refused, Failed: c.Failed, Dropped: c.Dropped,
		Attempts: c.Attempts, Retries: c.Retries, Events: c.Events, Bytes: c.Bytes,
	}
}

func (c *Counts) add(o Counts) {
	c.Due += o.Due
	c.Sent += o.Sent
	c.Accepted += o.Accepted
	c.Refused += o.Refused
	c.Failed += o.Failed
	c.Dropped += o.Dropped
	c.Attempts += o.Attempts
	c.Retries += o.Retries
	c.Events += o.Events
	c.Bytes += o.Bytes
}

func classes(c measure.Counts) (list []Class) {
	for class := range measure.NumClasses {
		if c.ByClass[class] > 0 || c.AttemptClass[class] > 0 {
			list = append(list, Class{Class: class.String(), Final: c.ByClass[class], Attempts: c.AttemptClass[class]})
		}
	}
	return list
}

// QuantilesOf sums up a histogram.
func QuantilesOf(h *measure.Histogram) Quantiles {
	q := func(q float64) int64 { return int64(h.Quantile(q)) }
	return Quantiles{
		Count: h.Count(), MeanNS: int64(h.Mean()), P50NS: q(0.5), P75NS: q(0.75), P90NS: q(0.9), P95NS: q(0.95), P99NS: q(0.99),
		P999NS: q(0.999), MaxNS: int64(h.Max()),
	}
}

func distribution(h *measure.Histogram) Distribution {
	return Distribution{Quantiles: QuantilesOf(h), Curve: curve(h)}
}

// curve samples the quantiles evenly up to the median and then ever closer to 1, like the HDR percentile plots. It ends
// where a single sample is left, and with the longest duration.
func curve(h *measure.Histogram) (points []CurvePoint) {
	n := h.Count()
	if n == 0 {
		return nil
	}
	add := func(q float64) { points = append(points, CurvePoint{Q: q, NS: int64(h.Quantile(q))}) }
	for q := range 10 {
		add(float64(q) / 20) // 0 to 0.45
	}
	// From 0.5 on: eight points per factor of ten of 1/(1-q), as far as the samples reach, at most to one in a million.
	for step := range 50 {
		above := 0.5 * math.Pow(10, -float64(step)/8)
		if above*float64(n) < 1 || above < 1e-6 {
			break
		}
		add(1 - above)
	}
	return append(points, CurvePoint{Q: 1, NS: int64(h.Max())})
}

func timeline(t *measure.Totals) []Point {
	points, names := t.Timeline(), t.Names()
	out := make([]Point, len(points))
	for i, p := range points {
		out[i] = Point{
			FromNS: int64(p.From), WidthNS: int64(p.Width), Due: p.Due, Sent: p.Sent, Done: p.Done, Accepted: p.Accepted,
			Refused: p.Refused, Failed: p.Failed, Dropped: p.Dropped, Events: p.Events,
			Response: short(p.Response), Service: short(p.Service), SendLag: short(p.SendLag),
			Heat:  cellsOf(p.Heat),
			Kinds: byKind(names, &p.Kinds),
		}
		for c, n := range p.Classes {
			if class := measure.Class(c); n > 0 && class != measure.OK {
				put(&out[i].Classes, class.String(), n)
			}
		}
	}
	return out
}

// byKind names counters of events; nil when all are 0.
func byKind(names *measure.Names, kinds *[measure.MaxKinds]int64) (by map[string]int64) {
	for k, name := range names.Kinds {
		if kinds[k] > 0 {
			put(&by, name, kinds[k])
		}
	}
	return by
}

func put(m *map[string]int64, name string, n int64) {
	if *m == nil {
		*m = make(map[string]int64)
	}
	(*m)[name] = n
}

// Versions sums up the versions of iOS that had devices or uploads; devices are those that ran each at the start, in the order of
// t.Names().Versions.
func Versions(t *measure.Totals, devices []int64) (rows []Version) {
	names, series := t.Names(), t.Versions()
	for i, name := range names.Versions {
		row := Version{Name: name, Devices: devices[i], Kinds: map[string]int64{}}
		if len(series) > 0 && series[0].Name == name {
			s := series[0]
			series = series[1:]
			row.Counts, row.Response = counts(s.Counts), QuantilesOf(&s.Response)
			for k, n := range byKind(names, &s.Kinds) {
				row.Kinds[k] = n
			}
		}
		if row.Devices > 0 || row.Due > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

func short(q measure.Quantiles) Short {
	return Short{Count: q.Count, P50NS: int64(q.P50), P90NS: int64(q.P90), P99NS: int64(q.P99), MaxNS: int64(q.Max)}
}
