package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"drover/report"
	"drover/sim"
	"drover/sim/check"
	"drover/sim/scenario"
	"drover/sim/target"
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
	ui      string
	uiKeep  bool
	db      string

	noLedger bool
	vegeta   bool

	push    string
	gateway *url.URL // push, parsed

	otlp     string
	receiver *url.URL    // otlp, parsed
	header   http.Header // of requests to it
}

func newRun(e env) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run NAME|FILE",
		Short: "Run a scenario and judge what came back",
		Long: `run drives the scenario's fleet against its target, holds the checks against what was measured, prints a summary and
writes run.json, report.html, report.md, junit.xml and scenario.yaml into --out. See "drover help exit-codes" for how it ends.

What became of each upload is streamed to --out/ledger as the run goes on ("drover ledger" prints it). When the scenario has
a target.readback, what the backend holds is read back after the run into readback.ndjson.zst, one stored event to a line, and
each event is given its fate; "drover settle" does that again.

With --ui a browser shows the run while it goes on: what the report will have, of what happened so far, and the uploads of any
one device. Nothing is served anywhere else, the page asks nobody but drover, and it is made only when somebody looks. At the end
it becomes the final report, and the server ends with the run, once the open pages have that (three seconds at most); with
--ui-keep it stays until Ctrl-C.

On a terminal a live view shows how the run goes: q or Ctrl-C ends it in order, a second time at once; p holds the clock and lets it
go on; + and - change the speed of the devices' time where clock.speed drives a phase. The report has what was done so. Without a terminal, with
standard output in a pipe, with TERM=dumb or where CI is set there are plain lines; NO_COLOR is honoured.

In a workflow of GitHub, where $GITHUB_STEP_SUMMARY names a file, the run is appended to it as Markdown, unless --format markdown
prints it. A push to --push that fails is a warning of the report and changes no exit code; the group of the pushed metrics is
job="drover" with the scenario and the shard, and the next run of the same scenario replaces it.

With --otlp-metrics an OpenTelemetry collector gets the same metrics every ten seconds and at the end, by OTLP over HTTP in protobuf,
cumulative, the histograms as exponential ones; /v1/metrics is added to a URL without a path, $OTEL_EXPORTER_OTLP_HEADERS and
$OTEL_EXPORTER_OTLP_METRICS_HEADERS to the requests. The resource has service.name="drover", service.instance.id (the run),
drover.scenario and drover.shard. That the last of it could not be told is a warning, too.

With --db the embedded backend keeps what it stores in an SQLite database, too, before it acknowledges it; the file must not have
the events of another run. "drover help database" says what can be read there.

The first SIGINT or SIGTERM ends the run in order: nothing more is sent, what is under way may end, the report is
written, and the exit code is 130. A second one ends it at once.`,
		Example: `  drover run smoke
  drover run my.yaml --set target=http://127.0.0.1:9000 --out out
  drover run workday --shard 1/4       # on the first of four machines
  drover run workday --ui 127.0.0.1:8089
  drover run smoke --push http://pushgateway:9091
  drover run workday --otlp-metrics http://127.0.0.1:4318`,
	}
	f.source = addSource(cmd)
	f.format = addChoice(cmd, "format", "f", "the summary on standard output", "text", "json", "markdown")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "write the report into this `directory` (default runs/SCENARIO-UTCTIME)")
	cmd.Flags().Var(&f.shard, "shard", "drive only this part of the fleet; the others belong to other machines")
	cmd.Flags().IntVar(&f.workers, "workers", 0, "keep the schedules with `n` workers (0: one for each CPU); the result does not depend on it")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "no live progress, and no summary as text")
	cmd.Flags().StringVar(&f.metrics, "metrics", "", "serve Prometheus metrics at http://`host:port`/metrics while the run goes on")
	cmd.Flags().StringVar(&f.ui, "ui", "", "serve a live page of the run at http://`host:port`/ while it goes on")
	cmd.Flags().BoolVar(&f.uiKeep, "ui-keep", false, "serve that page with the final report until interrupted")
	cmd.Flags().StringVar(&f.push, "push", "", "push the metrics to the Pushgateway at this `URL` when the run is over")
	cmd.Flags().StringVar(&f.otlp, "otlp-metrics", "", "tell the metrics to the OpenTelemetry receiver at this `URL` (OTLP over HTTP) while the run goes on")
	cmd.Flags().StringVar(&f.db, "db", "", "keep what the embedded backend stores in this new SQLite database `file`")
	cmd.Flags().BoolVar(&f.noLedger, "no-ledger", false, "keep no ledger of the uploads; reconcile is then not checked")
	cmd.Flags().BoolVar(&f.vegeta, "vegeta", false, "write "+vegetaFile+" from the ledger, for vegeta report and vegeta plot")
	cmd.MarkFlagsMutuallyExclusive("vegeta", "no-ledger")
	_ = cmd.MarkFlagDirname("out")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.workers < 0 {
			return usage(cmd, "--workers %d: want 0 or more", f.workers)
		}
		if f.uiKeep && f.ui == "" {
			return usage(cmd, "--ui-keep: there is no page to keep without --ui")
		}
		if cmd.Flags().Changed("db") && f.db == "" {
			return usage(cmd, "--db: want the path of a file")
		}
		if f.push != "" {
			var err error
			if f.gateway, err = pushURL(f.push); err != nil {
				return usage(cmd, "--push: %w", err)
			}
		}
		if f.otlp != "" {
			var err error
			if f.receiver, err = otlpURL(f.otlp); err != nil {
				return usage(cmd, "--otlp-metrics: %w", err)
			}
			if f.header, err = otlpHeaders(e.getenv); err != nil {
				return usage(cmd, "--otlp-metrics: %w", err)
			}
		}
		ctx, stop := e.interruptible(cmd.Context())
		defer stop()
		d := drive{env: e, flags: &f, name: args[0], stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(), interrupt: stop}
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
	interrupt      func() // ends the run in order

	id    string
	model *sim.Model
	parts []int // of the fleet, that this process drives
	side  *side
	ui    *ui // nil: not asked for

	counting sync.Once
	counted  []int64 // see versions
}

func (d *drive) run(ctx context.Context) error {
	m, err := d.flags.model(d.name)
	if err != nil {
		return err
	}
	d.model = m
	if d.parts, err = d.flags.shard.partitions(m.Fleet); err != nil {
		return err
	}
	earlier, err := bases(m.Scenario)
	if err != nil {
		return err
	}
	now := d.now().UTC()
	if d.id, err = runID(m.Scenario.Name, now); err != nil {
		return err
	}
	if d.side, err = openSide(m, d.id, d.stdout, d.flags.db); err != nil {
		return err
	}
	if m.Scenario.Target.Protocol.Name == "stdout" {
		d.stdout = d.stderr // which the events leave alone
	}
	defer d.side.close()
	if d.flags.ui != "" {
		if d.ui, err = openUI(d, d.flags.ui); err != nil {
			return fail(exitUsage, fmt.Errorf("--ui %s: %w", d.flags.ui, err))
		}
		defer func() { d.ui.close(ctx, d.flags.uiKeep && d.ui.over, d.stderr) }()
		fmt.Fprintf(d.stderr, "live page at %s\n", d.ui.url)
	}
	if err := d.preflight(ctx); err != nil {
		return err
	}
	// The directory is made before the run: an hour of results with no place to go would be lost.
	dir, err := reportDir(d.flags.out, m.Scenario.Name, now)
	if err != nil {
		return err
	}
	if err := clearEarlier(dir); err != nil {
		return err
	}
	var keep *sim.Keep
	if !d.flags.noLedger {
		// What a run that is killed leaves can be settled: the scenario is there before it begins.
		if err := os.WriteFile(filepath.Join(dir, scenarioFile), m.Scenario.Resolved, 0o644); err != nil {
			return err
		}
		keep = &sim.Keep{Dir: filepath.Join(dir, ledgerDir), Run: d.id}
	}
	sampler, endSampler, err := d.sampler(ctx)
	if err != nil {
		return err
	}
	defer endSampler()
	watch, err := d.watch(ctx, m)
	if err != nil {
		return err
	}
	defer watch.closeView() // after a panic, too
	tell := d.tell(ctx, watch, now)
	defer tell.end()
	res, err := sim.Run(ctx, sim.Config{
		Model: m, Partitions: d.parts, Workers: d.flags.workers, Target: d.side.target, Adapter: d.side.adapter, Timer: sim.BestTimer(), Progress: watch.progress, Clock: watch.clock, Ledger: keep,
		Sampler: sampler,
	})
	watch.close()
	if err != nil {
		return err
	}

	backend, warning := d.side.counts(ctx, res)
	f := facts(m, res, backend)
	f.Settlement, f.Unsettled = d.settle(ctx, res, dir)
	f.Compare = comparer(earlier, func() *report.Run { return d.document(res, nil, backend) })
	outcomes := check.Evaluate(m.Scenario.Checks, f)
	doc := d.document(res, outcomes, backend)
	doc.Reconcile, doc.Sampled = settledDocument(f.Settlement, dir, m, d.url()), report.FromSampled(sampler.Result())
	d.files(doc, f.Settlement != nil)
	if warning != "" {
		doc.Warnings = append(doc.Warnings, warning)
	}
	if f := d.flags; f.gateway != nil {
		// The figures are in the report; a gateway that is down is no reason to call the run broken.
		if err := watch.metrics.push(ctx, f.gateway, m.Scenario.Name, doc.Load.Shard); err != nil {
			doc.Warnings = append(doc.Warnings, err.Error())
		}
	}
	if err := tell.finish(ctx); err != nil {
		doc.Warnings = append(doc.Warnings, err.Error())
	}
	vegetaErr := d.vegeta(doc, dir)
	// What one of the two cannot show, the other may: a full disk must not hide the summary.
	var own []report.Attachment
	if f := m.Scenario.ContractFile; f != nil {
		own = append(own, report.Attachment{Name: scenario.ResolvedContract, What: "the scenario's own privacy contract", Content: f})
	}
	if _, err = report.WriteDir(dir, doc, m.Scenario.Resolved, own...); err != nil {
		dir = "" // there is no report to point at
	}
	var uiErr error
	if d.ui != nil {
		uiErr = d.ui.final(doc)
	}
	if err := errors.Join(err, vegetaErr, uiErr, d.stepSummary(doc), d.summary(doc, dir)); err != nil {
		return err
	}
	if doc.Exit.Code != exitPass {
		return fail(doc.Exit.Code, nil)
	}
	return nil
}

// stepSummaryVar names the file whose Markdown GitHub shows with a workflow's step; each step appends to it.
// Source: GitHub, Workflow commands, "Adding a job summary", 2025.
const stepSummaryVar = "GITHUB_STEP_SUMMARY"

// stepSummary appends the run to GitHub's step summary, where there is one. With --format markdown the caller has the text already,
// and sends it where it should go.
func (d *drive) stepSummary(doc *report.Run) error {
	path := d.getenv(stepSummaryVar)
	if path == "" || d.flags.format.value == "markdown" {
		return nil
	}
	var b bytes.Buffer
	if err := report.Markdown(&b, doc); err != nil {
		return err
	}
	b.WriteByte('\n')
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("append to $%s: %w", stepSummaryVar, err)
	}
	_, err = f.Write(b.Bytes())
	return errors.Join(err, f.Close())
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
	return report.Text(d.stdout, doc, d.text(d.stdout, dir))
}

// preflight gives a target that cannot be driven its exit code.
func preflight(ctx context.Context, t target.Handle) error {
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
		Totals: res.Totals, Verdicts: res.Verdicts, Backend: backend, Audit: res.Audit, Interrupted: res.Interrupted, Phases: map[string]check.Span{}, Took: res.Running,
	}
	for i, ph := range m.Scenario.Load.Phases {
		f.Phases[ph.Name] = check.Span{From: res.At(res.Phases[i].From), To: res.At(res.Phases[i].To)}
	}
	return f
}

// url is the target as another command can be given it: the embedded backend is gone by then.
func (d *drive) url() string {
	if d.side.server != nil {
		return embedded
	}
	return d.side.url
}

// files names what lies beside the report.
func (d *drive) files(doc *report.Run, settled bool) {
	if !d.flags.noLedger {
		doc.Files = append(doc.Files, report.File{Name: ledgerDir + "/", What: "what became of each upload; drover ledger prints it"})
	}
	if settled {
		doc.Files = append(doc.Files, report.File{Name: readbackFile, What: "what the backend held after the run, an event a line; zstd"})
	}
}
