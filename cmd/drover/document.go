package main

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"

	"drover/report"
	"drover/sim"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
)

// document is the run as run.json tells it.
func (d *drive) document(res *sim.Result, outcomes []check.Outcome, backend *check.BackendCounts) *report.Run {
	sc := d.model.Scenario
	overall, gen := check.Overall(outcomes), d.generator(res)
	if inconclusive(&gen, sc) && overall != check.Fail {
		overall = check.Inconclusive
	}
	code := codeOf(overall, res.Interrupted)
	doc := &report.Run{
		ID:     d.id,
		Drover: report.Build{Version: versionOf(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0)},
		Scenario: report.Scenario{
			Name: sc.Name, Description: sc.Description, File: sc.File, Digest: sc.Digest, Work: sc.Work, Seeds: report.Seeds(sc.Seeds),
			Variant: d.flags.variant, Params: d.flags.set.given, Command: d.command(),
		},
		Target:      report.Target{URL: d.side.url, Embedded: d.side.server != nil, Adapter: sc.Target.Adapter.Name},
		Load:        d.load(res),
		Started:     res.Started.UTC(),
		Ended:       res.Started.Add(res.Elapsed).UTC(),
		DurationNS:  int64(res.Elapsed),
		Interrupted: res.Interrupted,
		Result:      overall,
		Exit:        report.Exit{Code: code, Reason: reason(code)},
		Checks:      report.FromOutcomes(outcomes),
		Verdicts:    report.FromVerdicts(&res.Verdicts, &res.Devices.Verdicts, modelRecall),
		Generator:   gen,
	}
	if doc.Verdicts != nil {
		doc.Verdicts.Split(res.Splits, res.Totals.Names())
		for _, c := range sc.Checks {
			if c.Verdicts != nil {
				doc.Verdicts.AtLeast = max(doc.Verdicts.AtLeast, int64(c.Verdicts.AtLeast))
			}
		}
		doc.Verdicts.Disputes = disputes(d.model, res.Disputes.All())
	}
	var phases []report.Phase
	for i, ph := range sc.Load.Phases {
		span := res.Phases[i]
		phases = append(phases, report.Phase{Name: ph.Name, Do: ph.Do.String(), Measure: ph.Measure, FromNS: int64(span.From), ToNS: int64(span.To)})
	}
	doc.Measurements = report.FromTotals(res.Totals, phases)
	doc.Versions = report.Versions(res.Totals, d.versions(res.Totals.Names().Versions))
	for _, k := range event.Kinds() {
		ours := res.Kinds[k]
		row := report.Kind{
			Kind: k.String(), Made: ours.Made, Accepted: ours.Accepted, Refused: ours.Refused, Failed: ours.Failed,
			Dropped: ours.Dropped, Withdrawn: ours.Withdrawn, Unanswered: ours.Failed,
		}
		if backend != nil {
			row.Stored = &backend.Kinds[k].Stored
		}
		doc.Kinds = append(doc.Kinds, row)
	}
	doc.Changes = d.changes(res)
	for _, s := range res.Stretches {
		if s.Tempo == 0 {
			doc.Pauses = append(doc.Pauses, report.Pause{AtNS: int64(s.At), ForNS: int64(s.For)})
		} else {
			doc.Speeds = append(doc.Speeds, report.Speed{AtNS: int64(s.At), ForNS: int64(s.For), Times: s.Tempo})
		}
	}
	c := d.side.target.Connections()
	doc.Connections = &report.Connections{
		Opened: c.Opened, Idled: c.Idled, Evicted: c.Evicted, Resumed: c.Resumed,
		Connect: report.QuantilesOf(&c.Connect), Handshake: report.QuantilesOf(&c.Handshake),
	}
	if c.Tokens.Count()+c.TokensFailed > 0 {
		q := report.QuantilesOf(&c.Tokens)
		doc.Connections.Tokens, doc.Connections.TokensFailed = &q, c.TokensFailed
	}
	doc.Faults = struck(d.side.target.Struck())
	doc.Warnings = append(report.HandWarnings(doc), warnings(res)...)
	if text := report.FaultWarning(doc.Faults); text != "" {
		doc.Warnings = append(doc.Warnings, text)
	}
	return doc
}

// versions counts the devices of the shard that run each version of iOS at the run's start. That takes a third of a second for each
// million of them, so it is done once.
func (d *drive) versions(names []string) []int64 {
	d.counting.Do(func() {
		at := make(map[string]int, len(names))
		for i, name := range names {
			at[name] = i
		}
		d.counted = make([]int64, len(names))
		var dev fleet.Device
		for _, p := range d.parts {
			for i := range d.model.Fleet.PartitionDevices(p) {
				d.model.Fleet.Device(i, &dev)
				d.counted[at[dev.OS.Version]]++
			}
		}
	})
	return d.counted
}

// struck lists those of drover's own that struck.
func struck(s target.Struck) (list []report.Fault) {
	if s.Late > 0 {
		list = append(list, report.Fault{Fault: "made slower", Attempts: s.Late})
	}
	for f, n := range s.Faults {
		name := target.Fault(f).String()
		if target.Fault(f) == target.NoFault {
			name = "made too late"
		}
		if n > 0 {
			list = append(list, report.Fault{Fault: name, Attempts: n})
		}
	}
	return list
}

// changes is what the timeline did, in order of time.
func (d *drive) changes(res *sim.Result) (list []report.Change) {
	for i, e := range d.model.Scenario.Timeline {
		c := report.Change{
			Name: e.Name, Kind: "change", What: e.What, Who: e.Who, Devices: d.model.Behavior.Timeline[i].Select.Count(), FromNS: int64(res.Due(e.At)),
		}
		if e.Release != nil {
			c.Kind = "release"
		}
		if e.Fault != nil {
			c.Kind = "fault"
		}
		if e.Until > 0 {
			to := int64(res.Due(e.Until))
			c.ToNS = &to
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b report.Change) int { return cmp.Compare(a.FromNS, b.FromNS) })
	return list
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
	if g := res.Gathered; g.Requests > 0 {
		l.Gathered = &report.Gathered{Requests: g.Requests, Uploads: g.Uploads}
	}
	return l
}

// command runs the same scenario again.
func (d *drive) command() string {
	s := "drover run " + report.ShellWord(d.name) + d.flags.again()
	if d.flags.shard.Of > 1 {
		s += " --shard " + d.flags.shard.String()
	}
	return s
}

// lateness is the send lag, p99 over all phases, past which the harness is said to be behind: a tenth of a second moves
// the figures of most backends.
const lateness = 100 * time.Millisecond

// busy is the share of all cores past which a closed run is said to have been limited by the harness.
const busy = 0.9

// generator is what the harness says about itself.
func (d *drive) generator(res *sim.Result) report.Generator {
	var lag measure.Histogram
	var full int64
	for _, ph := range res.Totals.Names().Phases {
		s := res.Totals.Select(measure.Selector{Phase: ph.Name})
		lag.Merge(&s.SendLag)
		full += s.ByClass[measure.Overflow]
	}
	cpu := res.Usage.User + res.Usage.System
	g := report.Generator{
		UserNS: int64(res.Usage.User), SystemNS: int64(res.Usage.System), MaxRSS: res.Usage.MaxRSS,
		SendLag: report.QuantilesOf(&lag), Late: report.QuantilesOf(&res.Late), Timer: res.Pacing.String(),
		GCShare: res.Usage.GCShare(),
	}
	if res.Elapsed > 0 {
		g.CPUShare = float64(cpu) / (float64(res.Elapsed) * float64(runtime.GOMAXPROCS(0)))
	}
	late := res.Late.Quantile(0.99)
	switch p99 := lag.Quantile(0.99); {
	case late > lateness:
		g.Limit = true
		g.Behind = fmt.Sprintf("uploads were let go late, p99 %v after their time and before any of them asked for a connection: this machine could not keep up", late.Round(time.Millisecond))
	case full > 0:
		g.Behind = fmt.Sprintf("%s dropped because the queue was full; a backend that stalls does that, and so do too few connections (client.maxOpen)", plural(full, "upload was", "uploads were"))
	case p99 > lateness:
		g.Behind = fmt.Sprintf("uploads were sent late, p99 %v after their time, while every connection was in use: the backend or too few of them (client.maxOpen) could not keep up", p99.Round(time.Millisecond))
	case d.model.Scenario.Load.Closed && g.CPUShare > busy:
		g.Limit = d.side.server == nil // else the CPU is also the backend's, and its answers are no speed of anybody else's
		g.Behind = fmt.Sprintf("%.0f%% of the CPU was in use: in the closed model drover sends as fast as it can, and here that was as fast as it could", 100*g.CPUShare)
	}
	return g
}

// inconclusive reports whether a run tells nothing because the harness was its limit. Where the scenario has a check of the
// generator, that one decides about the schedule.
func inconclusive(g *report.Generator, sc *scenario.Scenario) bool {
	own := slices.ContainsFunc(sc.Checks, func(c check.Check) bool { return c.Generator != nil })
	return g.Limit && (sc.Load.Closed || !own)
}

// warnings is what is worth knowing and not fatal.
func warnings(res *sim.Result) (list []string) {
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	var lost, withdrawn, pending int64
	for _, k := range res.Kinds {
		lost += k.Lost
		withdrawn += k.Withdrawn
		pending += k.Pending
	}
	if lost > 0 {
		add("%s lost on the devices, because their spool was full", plural(lost, "event was", "events were"))
	}
	if withdrawn > 0 {
		add("%s on the devices before being sent, because their users took consent back", plural(withdrawn, "event was removed", "events were removed"))
	}
	if pending > 0 {
		add("%s still on the devices when the run ended", plural(pending, "event was", "events were"))
	}
	if n := int64(res.Totals.Folded()); n > 0 {
		add("%s counted together as %q", plural(n, "tenant is", "tenants are"), measure.OtherTenant)
	}
	if res.LedgerErr != nil {
		add("the ledger is not whole: %v", res.LedgerErr)
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
