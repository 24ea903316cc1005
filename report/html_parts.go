package report

import (
	"fmt"
	"slices"
	"strings"

	"drover/sim/check"
	"drover/sim/event"
)

// tile is one figure that is shown large.
type tile struct {
	Name, Value, Sub string
	Bad              bool
}

func tiles(r *Run) []tile {
	c, l := r.Totals, r.Latency
	measured := measuredNS(r)
	bad := c.bad()
	list := []tile{
		{Name: "Accepted", Value: perSecond(c.Accepted, measured), Sub: fmt.Sprintf("%s of %s due", count(c.Accepted), plural(c.Due, "upload", "uploads"))},
		{Name: "Response p99", Value: timeOr(l.Response.P99NS, l.Response.Count), Sub: "median " + timeOr(l.Response.P50NS, l.Response.Count) + ", max " + timeOr(l.Response.MaxNS, l.Response.Count)},
		{Name: "Service p99", Value: timeOr(l.Service.P99NS, l.Service.Count), Sub: "median " + timeOr(l.Service.P50NS, l.Service.Count) + ", max " + timeOr(l.Service.MaxNS, l.Service.Count)},
		{Name: "Not accepted", Value: ratio(bad, c.Due), Sub: fmt.Sprintf("%s refused, %s failed, %s dropped", count(c.Refused), count(c.Failed), count(c.Dropped)), Bad: bad > 0},
		{Name: "Events", Value: count(c.Events), Sub: size(c.Bytes) + " in accepted uploads"},
		{Name: "Send lag p99", Value: timeOr(l.SendLag.P99NS, l.SendLag.Count), Sub: "the harness's own lateness"},
	}
	return list
}

func timeOr(ns, samples int64) string {
	if samples == 0 {
		return "–"
	}
	return dur(ns)
}

func verdictTiles(v *Verdicts) []tile {
	if v == nil {
		return nil
	}
	share := func(name string, s Share, against string) tile {
		if s.Of == 0 {
			return tile{Name: name, Value: "–", Sub: "nothing to count among"}
		}
		return tile{Name: name, Value: ratio(s.N, s.Of), Sub: fmt.Sprintf("%s; %s of %s; 95%% interval %s to %s", against, count(s.N), count(s.Of),
			check.FormatShare(s.Low), check.FormatShare(s.High))}
	}
	return []tile{
		{Name: "Judged", Value: count(v.Judged), Sub: "of " + plural(v.Total, "detection", "detections")},
		share("Agreement", v.Agreement, "with the reference"), share("Recall", v.Truth.Recall, "against the truth"),
		share("Precision", v.Truth.Precision, "against the truth"),
	}
}

// verdictGrids are all tables of verdicts.
func verdictGrids(v *Verdicts) []grid {
	if v == nil {
		return nil
	}
	return append(append([]grid{verdictSummary(v)}, verdictMatrices(v)...), verdictDetails(v)...)
}

// verdictNote is the sentence below them.
func verdictNote(v *Verdicts) string {
	if v == nil {
		return ""
	}
	return devicesSentence(v)
}

// verdictFall is the sentence above them, of verdicts that get worse when answers get slow.
func verdictFall(v *Verdicts) string {
	if v == nil {
		return ""
	}
	return v.Slowest.sentence()
}

// table is a list of phases, operations, cohorts or tenants.
type table struct {
	ID, Title, Caption, First, Sixth string
	Times                            bool
	Rows                             []tableRow
}

type tableRow struct {
	Row
	Note, Sixth string
	Bad         int64 // refused, failed or dropped
}

func tables(r *Run) []table {
	list := []table{
		{ID: "h-phases", Title: "Phases", First: "Phase", Sixth: "Accepted per second", Caption: "Each phase of the load, in order; those not measured count in no other table"},
		{ID: "h-operations", Title: "Operations", First: "Operation", Sixth: "Events", Times: true, Caption: "By what was asked of the backend, measured phases; times are response times"},
		{ID: "h-cohorts", Title: "Cohorts", First: "Cohort", Sixth: "Events", Times: true, Caption: "By cohort of devices, measured phases; times are response times"},
		{ID: "h-tenants", Title: "Tenants", First: "Tenant", Sixth: "Events", Times: true, Caption: fmt.Sprintf("The %d tenants with most uploads, measured phases; times are response times", TopTenants)},
	}
	for _, p := range r.Phases {
		note := p.Do + ", " + dur(p.ToNS-p.FromNS)
		if !p.Measure {
			note += ", not measured"
		}
		list[0].Rows = append(list[0].Rows, tableRow{Row: Row{Name: p.Name, Counts: p.Counts}, Note: note, Sixth: perSecond(p.Accepted, p.ToNS-p.FromNS), Bad: p.bad()})
	}
	for i, rows := range [...][]Row{r.Operations, r.Cohorts, r.Tenants} {
		for _, row := range rows {
			list[i+1].Rows = append(list[i+1].Rows, tableRow{Row: row, Sixth: count(row.Events), Bad: row.bad()})
		}
	}
	return list
}

func (c Counts) bad() int64 { return c.Refused + c.Failed + c.Dropped }

// figure is one chart; Label tells a screen reader what the eye would see first.
type figure struct{ ID, Size, Title, Sub, Label string }

func figures(r *Run) []figure {
	l := r.Latency
	var worst Point
	for _, p := range r.Timeline {
		if p.Response.MaxNS > worst.Response.MaxNS {
			worst = p
		}
	}
	list := []figure{
		{"c-response", "wide", "Response time", "by intended start, so that a wait shows where it began; shaded phases are not measured",
			fmt.Sprintf("Response time over the run: median %s, p99 %s; the longest, %s, was intended %s after the start.",
				dur(l.Response.P50NS), dur(l.Response.P99NS), dur(worst.Response.MaxNS), dur(worst.FromNS))},
		{"c-heat", "wide", "Where the response times lie", "the darker a cell, the more uploads; a second band is a second kind of answer",
			fmt.Sprintf("Heat map of response time over the run, with the lines of median and p99 over it: half of the uploads took %s or less, one in a hundred more than %s.",
				dur(l.Response.P50NS), dur(l.Response.P99NS))},
		{"c-curve", "", "Percentiles", "what a device waited, beside what the backend took",
			fmt.Sprintf("Percentile curve: response p50 %s, p99 %s, max %s; service p50 %s, p99 %s, max %s.", dur(l.Response.P50NS),
				dur(l.Response.P99NS), dur(l.Response.MaxNS), dur(l.Service.P50NS), dur(l.Service.P99NS), dur(l.Service.MaxNS))},
		{"c-rate", "", "Throughput", "uploads per second: due against accepted",
			fmt.Sprintf("Throughput: %s uploads fell due and %s were accepted in the measured phases.", count(r.Totals.Due), count(r.Totals.Accepted))},
		{"c-errors", "", "Not accepted", "uploads per second, by outcome",
			fmt.Sprintf("Not accepted over all phases: %s refused, %s failed, %s dropped.", count(r.AllPhases.Refused), count(r.AllPhases.Failed), count(r.AllPhases.Dropped))},
		{"c-classes", "", "Errors by class", "attempts per second that did not end well, also those tried again",
			"Errors by class over the run: " + summed(r, byClass, classOrder()) + "."},
		{"c-kinds", "", "Events by kind", "events per second in accepted uploads",
			"Events by kind over the run: " + summed(r, byKindOf, kindOrder(r)) + "."},
		{"c-lag", "", "Send lag", "how late the harness itself was, by intended start",
			fmt.Sprintf("Send lag: median %s, p99 %s, max %s.", dur(l.SendLag.P50NS), dur(l.SendLag.P99NS), dur(l.SendLag.MaxNS))},
	}
	// The document of an older drover does not have these; an empty chart would say that nothing happened.
	old := map[string]bool{
		"c-classes": r.AllPhases.bad()+r.AllPhases.Retries > 0 && len(namesOf(r, byClass, nil)) == 0,
		"c-kinds":   r.AllPhases.Events > 0 && len(namesOf(r, byKindOf, nil)) == 0,
	}
	return slices.DeleteFunc(list, func(f figure) bool { return old[f.ID] })
}

// summed says in words what a chart of series adds up to.
func summed(r *Run, of func(*Point) map[string]int64, order []string) string {
	names := namesOf(r, of, order)
	if len(names) == 0 {
		return "none"
	}
	words := make([]string, len(names))
	for i, name := range names {
		var n int64
		for p := range r.Timeline {
			n += of(&r.Timeline[p])[name]
		}
		words[i] = name + " " + count(n)
	}
	return strings.Join(words, ", ")
}

// Bad, Crashes and CrashRate are columns of the table of versions.
func (v Version) Bad() int64 { return v.bad() }

// Crashes are events of that kind.
func (v Version) Crashes() int64 { return v.Kinds[event.Crash.String()] }

// CrashRate is Crashes of 1,000 events, "–" without any.
func (v Version) CrashRate() string {
	if v.Events == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", 1000*float64(v.Crashes())/float64(v.Events))
}

// curveRow is one row of the percentile curve's data table.
type curveRow struct{ Name, Response, Service string }

func curveRows(r *Run) (rows []curveRow) {
	service := make(map[float64]int64, len(r.Latency.Service.Curve))
	for _, p := range r.Latency.Service.Curve {
		service[p.Q] = p.NS
	}
	for _, p := range r.Latency.Response.Curve {
		row := curveRow{Name: percentName(p.Q), Response: dur(p.NS), Service: "–"}
		if ns, ok := service[p.Q]; ok {
			row.Service = dur(ns)
		}
		rows = append(rows, row)
	}
	return rows
}

// percentName writes a share of 1 as a percentile with five decimals at most.
func percentName(q float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.5f", 100*q), "0"), ".") + "%"
}
