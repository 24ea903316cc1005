package main

import (
	"fmt"
	"runtime"
	"time"

	"drover/report"
	"drover/sim"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/measure"
)

// document is the run as run.json tells it.
func (d *drive) document(res *sim.Result, outcomes []check.Outcome, backend *check.BackendCounts) *report.Run {
	sc := d.model.Scenario
	overall := check.Overall(outcomes)
	code := codeOf(overall, res.Interrupted)
	doc := &report.Run{
		ID:     d.id,
		Drover: report.Build{Version: versionOf(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0)},
		Scenario: report.Scenario{
			Name: sc.Name, Description: sc.Description, File: sc.File, Digest: sc.Digest, Seeds: report.Seeds(sc.Seeds),
			Variant: d.flags.variant, Params: d.flags.set.given, Command: d.command(),
		},
		Target:      report.Target{URL: d.side.url, Embedded: d.side.server != nil, Adapter: sc.Target.Adapter},
		Load:        d.load(res),
		Started:     res.Started.UTC(),
		Ended:       res.Started.Add(res.Elapsed).UTC(),
		DurationNS:  int64(res.Elapsed),
		Interrupted: res.Interrupted,
		Result:      overall,
		Exit:        report.Exit{Code: code, Reason: reason(code)},
		Checks:      report.FromOutcomes(outcomes),
		Verdicts:    report.FromVerdicts(res.Verdicts),
		Generator:   generator(res),
	}
	var phases []report.Phase
	for i, ph := range sc.Load.Phases {
		span := res.Phases[i]
		phases = append(phases, report.Phase{Name: ph.Name, Do: ph.Do.String(), Measure: ph.Measure, FromNS: int64(span.From), ToNS: int64(span.To)})
	}
	doc.Measurements = report.FromTotals(res.Totals, phases)
	for _, k := range event.Kinds() {
		ours := res.Kinds[k]
		row := report.Kind{
			Kind: k.String(), Made: ours.Made, Accepted: ours.Accepted, Refused: ours.Refused, Failed: ours.Failed,
			Dropped: ours.Dropped, Unanswered: ours.Failed,
		}
		if backend != nil {
			row.Stored = &backend.Kinds[k].Stored
		}
		doc.Kinds = append(doc.Kinds, row)
	}
	doc.Warnings = warnings(res)
	return doc
}

func (d *drive) load(res *sim.Result) report.Load {
	sc := d.model.Scenario
	l := report.Load{
		Model: "open", Arrivals: sc.Load.Arrivals.String(), Concurrency: sc.Load.Concurrency, Speed: sc.Speed,
		Devices: d.model.Fleet.Devices(), Tenants: len(d.model.Fleet.Tenants()), Shard: d.flags.shard.String(), Workers: res.Workers,
	}
	if sc.Load.Closed {
		l.Model = "closed"
	}
	return l
}

// command runs the same scenario again.
func (d *drive) command() string {
	s := "drover run " + shellWord(d.name) + d.flags.again()
	if d.flags.shard.Of > 1 {
		s += " --shard " + d.flags.shard.String()
	}
	return s
}

// lateness is the send lag, p99 over all phases, past which the harness is said to be behind: a tenth of a second moves
// the figures of most backends.
const lateness = 100 * time.Millisecond

// generator is what the harness says about itself.
func generator(res *sim.Result) report.Generator {
	var lag measure.Histogram
	var full int64
	for _, ph := range res.Totals.Names().Phases {
		s := res.Totals.Select(measure.Selector{Phase: ph.Name})
		lag.Merge(&s.SendLag)
		full += s.ByClass[measure.Overflow]
	}
	g := report.Generator{
		UserNS: int64(res.Usage.User), SystemNS: int64(res.Usage.System), MaxRSS: res.Usage.MaxRSS,
		SendLag: report.QuantilesOf(&lag), Timer: "Go runtime timer",
	}
	if res.Elapsed > 0 {
		g.CPUShare = float64(res.Usage.User+res.Usage.System) / (float64(res.Elapsed) * float64(runtime.GOMAXPROCS(0)))
	}
	switch p99 := lag.Quantile(0.99); {
	case full > 0:
		g.Behind = fmt.Sprintf("%s dropped because the queue was full; a backend that stalls does that, and so do too few connections (client.maxOpen)", plural(full, "upload was", "uploads were"))
	case p99 > lateness:
		g.Behind = fmt.Sprintf("uploads were sent late, p99 %v after their time: this machine or its connections (client.maxOpen) could not keep up", p99.Round(time.Millisecond))
	}
	return g
}

// warnings is what is worth knowing and not fatal.
func warnings(res *sim.Result) (list []string) {
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	var lost, pending int64
	for _, k := range res.Kinds {
		lost += k.Lost
		pending += k.Pending
	}
	if lost > 0 {
		add("%s lost on the devices, because their spool was full", plural(lost, "event was", "events were"))
	}
	if pending > 0 {
		add("%s still on the devices when the run ended", plural(pending, "event was", "events were"))
	}
	if n := int64(res.Totals.Folded()); n > 0 {
		add("%s counted together as %q", plural(n, "tenant is", "tenants are"), measure.OtherTenant)
	}
	for _, e := range res.FirstErrors {
		add("%s, for example: %s", e.Class, e.Text)
	}
	return list
}

// plural is n and the words that fit it.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return check.FormatCount(n) + " " + many
}
