package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/check"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
	"drover/sim/wire"
)

func newCalibrate(e env) *cobra.Command {
	var span time.Duration
	cmd := &cobra.Command{
		Use:   "calibrate [NAME|FILE]",
		Short: "Find out how much load this machine can make",
		Long: `calibrate sends the scenario's uploads as fast as it can, first to nowhere within this process and then over HTTP to a
process that discards them, which is "drover serve --discard" on a loopback port. It prints how many uploads a second this
machine makes and what each costs, and how far each phase of the scenario is from that ceiling. Without a name it takes burst.

The ceiling is of the whole machine: the process that discards has its part of the CPU, as a backend on the same machine would.
Compression, batches and the number of connections are the scenario's; TLS, credentials, faults and one connection for
each device are left out, and what they cost comes on top.`,
		Example: `  drover calibrate
  drover calibrate my.yaml --for 10s`,
	}
	src := addSource(cmd)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage(cmd, "want one scenario at most; got %d", len(args))
		}
		return nil
	}
	format := addChoice(cmd, "format", "f", "how to print", "text", "json")
	cmd.Flags().DurationVar(&span, "for", 3*time.Second, "length of each of the two measurements, at least 100ms")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if span < 100*time.Millisecond || span > time.Hour {
			return usage(cmd, "--for %v: want 100ms to 1h", span)
		}
		name := "burst"
		if len(args) > 0 {
			name = args[0]
		}
		m, err := src.model(name)
		if err != nil {
			return err
		}
		ctx, stop := e.interruptible(cmd.Context())
		defer stop()
		doc, err := calibrate(ctx, m, span)
		if err != nil {
			return err
		}
		if format.value == "json" {
			return printJSON(cmd.OutOrStdout(), doc)
		}
		return doc.text(cmd.OutOrStdout())
	}
	return cmd
}

// calibration is what calibrate found.
type calibration struct {
	Scenario string     `json:"scenario"`
	Cores    int        `json:"cores"`
	Alone    ceiling    `json:"alone"`    // schedule, identity, events, bytes and records, without a connection
	Loopback ceiling    `json:"loopback"` // with one, to a process that discards
	Phases   []distance `json:"phases"`
	Timer    string     `json:"timer"` // that a run waits with
	Lacking  []string   `json:"left_out"`
}

// ceiling is the most that was reached.
type ceiling struct {
	PerSec   float64 `json:"uploads_per_sec"`
	CPUNS    int64   `json:"cpu_ns_per_upload"` // of this process, user and system
	Uploads  int64   `json:"uploads"`
	Bytes    int64   `json:"bytes"` // of their bodies
	GCShare  float64 `json:"gc_share"`
	CPUShare float64 `json:"cpu_share"` // of all cores
}

// distance is how far a phase is from the ceiling over loopback.
type distance struct {
	Phase  string  `json:"phase"`
	PerSec float64 `json:"uploads_per_sec"` // in its busiest part; 0: as fast as the backend answers
	Share  float64 `json:"share_of_ceiling"`
	Cores  float64 `json:"cores"` // that drover will keep busy then
}

// calibrate measures both ceilings.
func calibrate(ctx context.Context, m *sim.Model, span time.Duration) (*calibration, error) {
	doc := &calibration{Scenario: m.Scenario.Name, Cores: runtime.GOMAXPROCS(0), Timer: sim.BestTimer().Name, Lacking: leftOut(m.Scenario)}
	full, err := flatOut(m.Scenario, span)
	if err != nil {
		return nil, err
	}
	if doc.Alone, err = reach(ctx, full, nowhere{}); err != nil {
		return nil, err
	}
	url, stop, err := startDiscard(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	opt := target.HTTPOptions{URL: url, Client: full.Scenario.Target.Client}
	requests(&opt, &wire.Drover)
	to, err := target.NewHTTP(opt)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	if doc.Loopback, err = reach(ctx, full, to); err != nil {
		return nil, err
	}
	plan := sim.MakePlan(m, adapterOf(m, "run"))
	for _, ph := range plan.Phases {
		d := distance{Phase: ph.Name}
		if !m.Scenario.Load.Closed {
			d.PerSec = max(ph.Peak, ph.PerSec())
			d.Share = d.PerSec / doc.Loopback.PerSec
			d.Cores = d.PerSec * float64(doc.Loopback.CPUNS) / 1e9
		}
		doc.Phases = append(doc.Phases, d)
	}
	return doc, nil
}

// flatOut is the model of a scenario whose devices send what they have as fast as it is taken.
func flatOut(sc *scenario.Scenario, span time.Duration) (*sim.Model, error) {
	full := *sc
	full.Load = scenario.Workload{Closed: true, Concurrency: max(1, min(sc.Target.Client.MaxOpen, 64)),
		Phases: []scenario.Phase{{Name: "ceiling", Do: scenario.Drive, For: span, Measure: true}}}
	full.Timeline, full.Checks = nil, nil
	full.Target.Faults = nil
	full.Target.Client.PerDevice = false
	full.Target.Client.MaxOpen = full.Load.Concurrency
	full.Target.Client.Sources = nil
	return sim.NewModel(&full)
}

// reach runs a model flat out.
func reach(ctx context.Context, m *sim.Model, to target.Target) (c ceiling, err error) {
	res, err := sim.Run(ctx, sim.Config{Model: m, Target: to, Adapter: &wire.Drover})
	if err != nil {
		return c, err
	}
	s := res.Totals.Select(measure.Selector{})
	switch {
	case res.Interrupted:
		return c, fail(exitInterrupted, errors.New("interrupted"))
	case s.Accepted == 0:
		return c, fmt.Errorf("none of %d uploads was accepted: %v", s.Due, res.FirstErrors)
	}
	cpu := res.Usage.User + res.Usage.System
	return ceiling{
		PerSec: float64(s.Accepted) / res.Elapsed.Seconds(), CPUNS: int64(cpu) / s.Accepted, Uploads: s.Accepted, Bytes: s.Bytes,
		GCShare: res.Usage.GCShare(), CPUShare: float64(cpu) / (float64(res.Elapsed) * float64(runtime.GOMAXPROCS(0))),
	}, nil
}

// nowhere is a target that takes everything at once.
type nowhere struct{}

func (nowhere) Send(_ context.Context, _ *target.Request, ans *target.Answer) {
	*ans = target.Answer{Class: measure.OK, Status: 200, Body: append(ans.Body[:0], `{"accepted":1}`...)}
}

func (nowhere) Close() error { return nil }

// startDiscard starts drover as another process, so that its CPU is not ours, and returns where it listens.
func startDiscard(ctx context.Context) (url string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", "--discard", "--addr", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start the process that discards: %w", err)
	}
	stop = func() { cmd.Process.Kill(); cmd.Wait() }
	said, err := bufio.NewReader(out).ReadString('\n')
	for _, word := range strings.Fields(said) {
		if strings.HasPrefix(word, "http://") {
			return word, stop, nil
		}
	}
	stop()
	return "", nil, errors.Join(fmt.Errorf("the process that discards did not say where it listens, but %q", said), err)
}

// leftOut is what of a scenario's delivery a calibration does not do.
func leftOut(sc *scenario.Scenario) (list []string) {
	for _, f := range []struct {
		on   bool
		what string
	}{
		{!sc.Target.Protocol.HTTP, sc.Target.Protocol.Name + ", for which HTTP stands"}, {strings.HasPrefix(sc.Target.URL, "https://") || sc.Target.Secure, "TLS"}, {sc.Target.Auth.Type != "" && sc.Target.Auth.Type != "none", "credentials"},
		{sc.Target.Client.PerDevice, "one connection for each device"}, {sc.Target.Adapter.Gather.Uploads > 0, "several uploads in a request"}, {sc.Target.Faults != nil, "faults"}, {len(sc.Timeline) > 0, "the timeline"},
	} {
		if f.on {
			list = append(list, f.what)
		}
	}
	return list
}

// near is the share of the ceiling past which a phase is said to be too near to it: what else runs on the machine, and a
// backend that answers slowly, take theirs.
const near = 0.5

// idle is the share of the CPU that drover has at least, alone on a machine with nothing else to do.
const idle = 0.8

func (c *calibration) text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "%s\tuploads/s\tCPU an upload\tbytes an upload\tCPU\tGC\t\n", c.Scenario)
	for _, row := range []struct {
		name string
		c    ceiling
	}{{"alone", c.Alone}, {"over loopback", c.Loopback}} {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%.0f%%\t%.0f%%\t\n", row.name, check.FormatCount(int64(row.c.PerSec)), check.FormatDuration(time.Duration(row.c.CPUNS)),
			check.FormatCount(row.c.Bytes/row.c.Uploads), 100*row.c.CPUShare, 100*row.c.GCShare)
	}
	tw.Flush()
	fmt.Fprintf(w, "\n%s, waiting by %s. The ceiling is the second line: this process and the one that discards share the machine.\n", plural(int64(c.Cores), "core", "cores"), c.Timer)
	if c.Alone.CPUShare < idle {
		fmt.Fprintf(w, "Alone, drover had %.0f%% of the CPU; if other work on this machine took the rest, the ceiling is higher without it.\n", 100*c.Alone.CPUShare)
	}
	if len(c.Lacking) > 0 {
		fmt.Fprintf(w, "Left out, and on top of it: %s.\n", strings.Join(c.Lacking, ", "))
	}
	fmt.Fprintln(w)
	tw = tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, d := range c.Phases {
		switch {
		case d.PerSec == 0:
			fmt.Fprintf(tw, "%s\tas fast as the backend answers: drover is the limit past the ceiling\n", d.Phase)
			continue
		case d.Share > near:
			fmt.Fprintf(tw, "%s\t%s/s at its busiest\t%.3g%% of the ceiling, %.2g cores: too near for this machine alone; divide it by --shard\n",
				d.Phase, check.FormatCount(int64(d.PerSec+0.5)), 100*d.Share, d.Cores)
		default:
			fmt.Fprintf(tw, "%s\t%s/s at its busiest\t%.3g%% of the ceiling, %.2g cores\n", d.Phase, check.FormatCount(int64(d.PerSec+0.5)), 100*d.Share, d.Cores)
		}
	}
	return tw.Flush()
}
