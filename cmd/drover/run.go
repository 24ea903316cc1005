package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"drover/report"
	"drover/sim"
	"drover/sim/check"
	"drover/sim/target"
	"drover/sim/wire"
)

// runFlags are the flags of drover run.
type runFlags struct {
	*source
	out     string
	shard   shardFlag
	workers int
	format  *choice
	quiet   bool
	metrics string
}

func newRun(e env) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run NAME|FILE",
		Short: "Run a scenario and judge what came back",
		Long: `run drives the scenario's fleet against its target, holds the checks against what was measured, prints a summary and
writes run.json, report.html, report.md, junit.xml and scenario.yaml into --out. See "drover help exit-codes" for how it ends.

The first SIGINT or SIGTERM ends the run in order: nothing more is sent, what is under way may end, the report is
written, and the exit code is 130. A second one ends it at once.`,
		Example: `  drover run smoke
  drover run my.yaml --set target=http://127.0.0.1:9000 --out out
  drover run workday --shard 1/4       # on the first of four machines
  NO_COLOR=1 drover run smoke --format markdown >> "$GITHUB_STEP_SUMMARY"`,
	}
	f.source = addSource(cmd)
	f.format = addChoice(cmd, "format", "f", "the summary on standard output", "text", "json", "markdown")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "write the report into this `directory` (default runs/SCENARIO-UTCTIME)")
	cmd.Flags().Var(&f.shard, "shard", "drive only this part of the fleet; the others belong to other machines")
	cmd.Flags().IntVar(&f.workers, "workers", 0, "keep the schedules with `n` workers (0: one for each CPU); the result does not depend on it")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "no live progress, and no summary as text")
	cmd.Flags().StringVar(&f.metrics, "metrics", "", "serve Prometheus metrics at http://`host:port`/metrics while the run goes on")
	_ = cmd.MarkFlagDirname("out")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.workers < 0 {
			return usage(cmd, "--workers %d: want 0 or more", f.workers)
		}
		ctx, stop := e.interruptible(cmd.Context())
		defer stop()
		d := drive{env: e, flags: &f, name: args[0], stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}
		return d.run(ctx)
	}
	return cmd
}

// drive is one run from the scenario to the report.
type drive struct {
	env
	flags          *runFlags
	name           string // of the scenario, as given
	stdout, stderr io.Writer

	id    string
	model *sim.Model
	side  *side
}

func (d *drive) run(ctx context.Context) error {
	m, err := d.flags.model(d.name)
	if err != nil {
		return err
	}
	d.model = m
	parts, err := d.flags.shard.partitions(m.Fleet)
	if err != nil {
		return err
	}
	now := d.now().UTC()
	if d.id, err = runID(m.Scenario.Name, now); err != nil {
		return err
	}
	if d.side, err = openSide(m, d.id); err != nil {
		return err
	}
	defer d.side.close()
	if err := preflight(ctx, d.side.target); err != nil {
		return err
	}
	// The directory is made before the run: an hour of results with no place to go would be lost.
	dir, err := reportDir(d.flags.out, m.Scenario.Name, now)
	if err != nil {
		return err
	}
	watch, err := d.watch(m)
	if err != nil {
		return err
	}
	res, err := sim.Run(ctx, sim.Config{
		Model: m, Partitions: parts, Workers: d.flags.workers, Target: d.side.target, Format: wire.Native, Progress: watch.progress,
	})
	watch.close()
	if err != nil {
		return err
	}

	backend, warning := d.side.counts(ctx, res)
	outcomes := check.Evaluate(m.Scenario.Checks, facts(m, res, backend))
	doc := d.document(res, outcomes, backend)
	if warning != "" {
		doc.Warnings = append(doc.Warnings, warning)
	}
	// What one of the two cannot show, the other may: a full disk must not hide the summary.
	if _, err = report.WriteDir(dir, doc, m.Scenario.Resolved); err != nil {
		dir = "" // there is no report to point at
	}
	if err := errors.Join(err, d.summary(doc, dir)); err != nil {
		return err
	}
	if doc.Exit.Code != exitPass {
		return fail(doc.Exit.Code, nil)
	}
	return nil
}

// summary prints the run on standard output.
func (d *drive) summary(doc *report.Run, dir string) error {
	switch d.flags.format.value {
	case "json":
		return report.JSON(d.stdout, doc)
	case "markdown":
		return report.Markdown(d.stdout, doc)
	}
	if d.flags.quiet {
		return nil
	}
	return report.Text(d.stdout, doc, report.TextOptions{Color: d.color(d.stdout), Width: d.width(d.stdout), Dir: dir})
}

// preflight gives a target that cannot be driven its exit code.
func preflight(ctx context.Context, t *target.HTTP) error {
	err := t.Preflight(ctx)
	var unreachable *target.UnreachableError
	var unauthorised *target.UnauthorisedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unreachable), errors.As(err, &unauthorised):
		return fail(exitTarget, err)
	case ctx.Err() != nil:
		return fail(exitInterrupted, errors.New("interrupted before the run began"))
	}
	return err
}

// runID tells this run from all others at a backend: readable, and unlike any other by 32 random bits.
func runID(scenario string, now time.Time) (string, error) {
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s-%s-%s", asciiName(scenario), now.Format(stampFormat), hex.EncodeToString(b[:])), nil
}

const stampFormat = "20060102T150405Z"

// asciiName is a scenario's name as it can stand in a header and a file name.
func asciiName(s string) string {
	b := []byte(s)
	for i, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			b[i] = '-'
		}
	}
	return string(b)
}

// reportDir makes the directory of the report: the one that was asked for, or a new one below runs.
func reportDir(out, scenario string, now time.Time) (string, error) {
	if out != "" {
		return out, os.MkdirAll(out, 0o755)
	}
	if err := os.MkdirAll("runs", 0o755); err != nil {
		return "", err
	}
	base := filepath.Join("runs", asciiName(scenario)+"-"+now.Format(stampFormat))
	dir := base
	for i := 2; ; i++ { // another run may have begun in the same second
		err := os.Mkdir(dir, 0o755)
		if !errors.Is(err, os.ErrExist) {
			return dir, err
		}
		dir = fmt.Sprintf("%s-%d", base, i)
	}
}

// facts is what the checks are held against.
func facts(m *sim.Model, res *sim.Result, backend *check.BackendCounts) check.Facts {
	f := check.Facts{
		Totals: res.Totals, Verdicts: res.Verdicts, Backend: backend, Audit: res.Audit, Interrupted: res.Interrupted, Elapsed: map[string]time.Duration{},
	}
	for i, ph := range m.Scenario.Load.Phases {
		f.Elapsed[ph.Name] = res.Phases[i].To - res.Phases[i].From
	}
	return f
}
