package main

import (
	"fmt"

	"drover/report"
	"drover/sim"
	"drover/sim/measure"
)

// watch shows a run while it goes on: to people on standard error and on request in their browsers, to Prometheus on request. Its progress method is called
// by one goroutine.
type watch struct {
	scenario string
	phases   []string
	live     *report.LivePrinter // nil: quiet
	width    func() int
	metrics  *metrics // nil: not asked for
	ui       *ui      // the same
}

func (d *drive) watch(m *sim.Model) (*watch, error) {
	w := &watch{scenario: m.Scenario.Name, ui: d.ui, width: func() int { return d.env.width(d.stderr) }}
	for _, ph := range m.Scenario.Load.Phases {
		w.phases = append(w.phases, ph.Name)
	}
	if d.flags.metrics != "" || d.flags.push != "" {
		w.metrics = newMetrics(w.phases)
	}
	if d.flags.metrics != "" {
		if err := w.metrics.serve(d.flags.metrics); err != nil {
			return nil, fail(exitUsage, fmt.Errorf("--metrics %s: %w", d.flags.metrics, err))
		}
		fmt.Fprintf(d.stderr, "metrics at %s\n", w.metrics.url)
	}
	if !d.flags.quiet {
		w.live = &report.LivePrinter{W: d.stderr, Terminal: w.width() > 0, Color: d.color(d.stderr)}
	}
	return w, nil
}

func (w *watch) progress(p *sim.Progress) {
	if w.metrics != nil {
		w.metrics.add(p)
	}
	if w.ui != nil {
		w.ui.add(p)
	}
	if w.live == nil || p.Over <= 0 {
		return
	}
	s := report.Progress{
		Scenario: w.scenario, Phase: w.phases[p.Phase], K: p.Phase + 1, N: len(w.phases),
		Elapsed: p.Elapsed, Left: max(0, p.Total-p.Elapsed),
		Intended: float64(p.Window.Due) / p.Over.Seconds(), Achieved: float64(p.Window.Accepted) / p.Over.Seconds(),
		P50: p.Window.Response.Quantile(0.5), P99: p.Window.Response.Quantile(0.99), Samples: p.Window.Response.Count(),
		SendLagP99: p.Window.SendLag.Quantile(0.99), Open: p.Open,
		Totals: report.Counts{
			Due: p.Sum.Due, Sent: p.Sum.Sent, Accepted: p.Sum.Accepted, Refused: p.Sum.Refused, Failed: p.Sum.Failed,
			Dropped: p.Sum.Dropped, Attempts: p.Sum.Attempts, Retries: p.Sum.Retries, Events: p.Sum.Events, Bytes: p.Sum.Bytes,
		},
	}
	// By attempts, so that a backend which only answers 5xx shows while its uploads still wait for the next try; what was
	// dropped had none.
	for c, n := range p.Sum.AttemptClass {
		c := measure.Class(c)
		if c == measure.Overflow || c == measure.NotStarted {
			n = p.Sum.ByClass[c]
		}
		if c != measure.OK && n > 0 {
			s.Errors = append(s.Errors, report.Errored{Class: c.String(), N: n})
		}
	}
	if s.SendLagP99 > lateness {
		s.Warning = "uploads are sent late: the connections or this machine do not keep up"
	}
	w.live.Width = w.width()
	w.live.Show(s)
}

// close ends what watch shows.
func (w *watch) close() {
	if w.live != nil {
		w.live.Clear()
	}
	if w.metrics != nil {
		w.metrics.close()
	}
	if w.ui != nil {
		w.ui.ended()
	}
}
