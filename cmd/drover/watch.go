package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"drover/report"
	"drover/sim"
	"drover/sim/measure"
)

// watch shows a run while it goes on: to people on standard error and on request in their browsers, to Prometheus on request. Its progress method is called
// by one goroutine.
type watch struct {
	d       *drive
	stderr  io.Writer
	phases  []string
	plan    []report.LivePhase  // the same
	live    *report.LivePrinter // nil: quiet
	view    *terminal           // nil: plain lines, if live
	unlog   func()              // of view
	metrics *metrics            // nil: not asked for
	ui      *ui                 // the same
	clock   *sim.Clock          // for the keys; nil: nobody has a hand on it
	ctx     context.Context
	cpu     time.Duration // that this process used until the last progress
}

func (d *drive) watch(ctx context.Context, m *sim.Model) (*watch, error) {
	w := &watch{d: d, ui: d.ui, ctx: ctx, stderr: d.stderr}
	for _, ph := range m.Scenario.Load.Phases {
		w.phases = append(w.phases, ph.Name)
		w.plan = append(w.plan, report.LivePhase{Name: ph.Name, For: ph.For})
	}
	if d.flags.metrics != "" || d.flags.gateway != nil || d.flags.receiver != nil {
		w.metrics = newMetrics(w.phases)
	}
	if d.flags.metrics != "" {
		if err := w.metrics.serve(d.flags.metrics); err != nil {
			return nil, fail(exitUsage, fmt.Errorf("--metrics %s: %w", d.flags.metrics, err))
		}
		fmt.Fprintf(d.stderr, "metrics at %s\n", w.metrics.url)
	}
	if d.flags.quiet {
		return w, nil
	}
	w.live = &report.LivePrinter{W: d.stderr}
	if s := d.display(d.stdout, d.stderr); s != nil {
		w.open(s)
	}
	return w, nil
}

// open shows the view, with nothing known yet.
func (w *watch) open(s *display) {
	noClock := ""
	if shard := w.d.flags.shard; shard.Of > 1 {
		noClock = fmt.Sprintf("this is shard %s: the others would not wait for it, and nobody would tell them; without --shard the clock can be held", shard.String())
	} else {
		w.clock = new(sim.Clock)
	}
	w.view = openTerminal(s, &report.LiveView{}, w.d.color(w.stderr), w.d.interrupt, w.clock, noClock)
	above := w.view.above(w.stderr)
	w.d.stderr, w.unlog = above, logAbove(above)
	if u, err := measure.Self(); err == nil {
		w.cpu = u.User + u.System
	}
	first := w.state(&sim.Progress{Left: w.plan[0].For})
	for _, ph := range w.plan {
		first.Left += ph.For
	}
	w.view.show(first)
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
	if w.view != nil && w.view.closed() { // by itself
		w.closeView()
	}
	state := w.state(p)
	if w.view != nil {
		w.view.show(state)
		return
	}
	w.live.Show(state)
}

// state is how far the run is, in the words of the report.
func (w *watch) state(p *sim.Progress) *report.Progress {
	s := &report.Progress{
		Scenario: w.d.model.Scenario.Name, Phase: w.phases[p.Phase], K: p.Phase + 1, N: len(w.phases),
		Elapsed: p.Elapsed, Left: max(0, p.Total-p.Elapsed), Phases: w.plan, PhaseLeft: p.Left,
		P50: p.Window.Response.Quantile(0.5), P90: p.Window.Response.Quantile(0.9), P99: p.Window.Response.Quantile(0.99), Max: p.Window.Response.Max(),
		Samples: p.Window.Response.Count(), SendLagP99: p.Window.SendLag.Quantile(0.99), Open: p.Open,
		Totals: report.Counts{
			Due: p.Sum.Due, Sent: p.Sum.Sent, Accepted: p.Sum.Accepted, Refused: p.Sum.Refused, Failed: p.Sum.Failed,
			Dropped: p.Sum.Dropped, Attempts: p.Sum.Attempts, Retries: p.Sum.Retries, Events: p.Sum.Events, Bytes: p.Sum.Bytes,
		},
		Connections: w.d.side.target.Connections().Open, CPUShare: -1, CPUs: runtime.GOMAXPROCS(0), Interrupted: w.ctx.Err() != nil,
	}
	if p.Over > 0 {
		s.Intended, s.Achieved = float64(p.Window.Due)/p.Over.Seconds(), float64(p.Window.Accepted)/p.Over.Seconds()
		if u, err := measure.Self(); err == nil {
			used := u.User + u.System
			s.CPUShare = float64(used-w.cpu) / (float64(p.Over) * float64(s.CPUs))
			w.cpu = used
		}
	}
	if p.Verdicts != nil {
		o := p.Verdicts()
		agreement := o.Matrix.AgainstReference().Agreement()
		s.Detections, s.Judged, s.Agreeing = o.Matrix.Total(), agreement.Of, agreement.N
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
	return s
}

// closeView goes back to plain lines, if there is a view.
func (w *watch) closeView() {
	if w.view == nil {
		return
	}
	w.view.close()
	w.unlog()
	w.d.stderr = w.stderr
	if err := w.view.err; err != nil {
		fmt.Fprintf(w.stderr, "the live view ended, and plain lines follow: %v\n", err)
	}
	w.view = nil
}

// close ends what watch shows.
func (w *watch) close() {
	w.closeView()
	if w.metrics != nil {
		w.metrics.close()
	}
	if w.ui != nil {
		w.ui.ended()
	}
}
