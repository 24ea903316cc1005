package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// replayFlags are the flags of drover replay.
type replayFlags struct {
	device int
	target string
	run    string
	speed  float64
	print  bool
}

func newReplay(e env) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay RUN_DIR --device ID",
		Short: "Send one device's uploads of a run again",
		Long: `replay makes the uploads that one device sent in a run once more, byte for byte, and sends them in the same order and with the
same gaps; --speed 10 makes the gaps a tenth, --speed 0 leaves them out. Each is sent once, however often the run tried. It
prints what came back, one line each. With --print it sends nothing and prints the bodies instead, each on a line of its own; those in
protobuf follow each other as they are. Where the run gathered the uploads of several devices into requests, each is a request of its
own here.

The requests carry the run's own id, so that a backend takes them for what they are: the same uploads again. --run gives
them another one.`,
		Example: `  drover replay runs/smoke-20260504T080000Z --device 17 --print
  drover replay runs/smoke-20260504T080000Z --device 17 --target http://127.0.0.1:8080 --speed 10`,
		Args: oneRun,
	}
	cmd.Flags().IntVar(&f.device, "device", -1, "the `device`, by its number as drover ledger and drover devices show it")
	cmd.Flags().StringVar(&f.target, "target", "", "send to this `url` instead of the run's")
	cmd.Flags().StringVar(&f.run, "run", "", "send with this run `id` instead of the run's")
	cmd.Flags().Float64Var(&f.speed, "speed", 1, "divide the gaps between uploads by this `factor`; 0 leaves them out")
	cmd.Flags().BoolVar(&f.print, "print", false, "print the bodies and send nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case f.device < 0:
			return usage(cmd, "--device %d: want the number of a device", f.device)
		case !(f.speed >= 0 && f.speed <= 1e6):
			return usage(cmd, "--speed %v: want 0 to 1000000", f.speed)
		case f.print && (f.target != "" || f.run != "" || cmd.Flags().Changed("speed")):
			return usage(cmd, "--print sends nothing: leave out --target, --run and --speed")
		}
		c, err := openCase(args[0])
		if err != nil {
			return fail(exitUsage, err)
		}
		if n := c.model.Fleet.Devices(); f.device >= n {
			return usage(cmd, "--device %d: the fleet has %d devices", f.device, n)
		}
		ctx, stop := e.interruptible(cmd.Context())
		defer stop()
		return f.do(ctx, c, cmd.OutOrStdout())
	}
	return cmd
}

// again is one upload to be sent again.
type again struct {
	req target.Request
	at  time.Duration
	n   int
}

func (f *replayFlags) do(ctx context.Context, c *caseOf, w io.Writer) error {
	index, err := c.index()
	if err != nil {
		return err
	}
	run := f.run
	if run == "" {
		run = index.Ledger.Files[0].Run
	}
	adapter := adapterOf(c.model, run)
	uploads, err := c.uploadsOf(index, f.device, adapter)
	if err != nil {
		return err
	}
	if len(uploads) == 0 {
		return fail(exitUsage, fmt.Errorf("device %d sent nothing in this run", f.device))
	}
	out := bufio.NewWriter(w)
	if f.print {
		for _, u := range uploads {
			out.Write(endLine(&adapter.Ops[u.req.Op].Format, u.req.Body))
		}
		return out.Flush()
	}
	t, err := c.reach(f.target, run)
	if err != nil {
		return fail(exitUsage, err)
	}
	defer t.Close()
	if c.model.Scenario.Target.Adapter.Own {
		if err := preflight(ctx, t); err != nil {
			return err
		}
	}
	return f.send(ctx, t, adapter, uploads, w)
}

// send sends uploads in order and prints what came back of each.
func (f *replayFlags) send(ctx context.Context, t target.Target, adapter *wire.Adapter, uploads []again, w io.Writer) error {
	start := time.Now()
	failed := 0
	for _, u := range uploads {
		if f.speed > 0 {
			due := time.Duration(float64(u.at-uploads[0].at) / f.speed)
			timer := time.NewTimer(due - time.Since(start))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
		}
		if ctx.Err() != nil {
			return fail(exitInterrupted, nil)
		}
		var ans target.Answer
		sent := time.Now()
		t.Send(ctx, &u.req, &ans)
		took := time.Since(sent)
		if ans.Status != 0 {
			var said wire.Answer
			ans.Class, _ = adapter.Ops[u.req.Op].Read(&wire.Reply{Class: ans.Class, Status: ans.Status, Body: ans.Body, FirstSeq: u.req.Seq, Events: u.n}, &said)
		}
		if ans.Class != measure.OK {
			failed++
		}
		if _, err := fmt.Fprintf(w, "%v  %s  seq %d..%d  %s  %v  %.200s\n", sent.Sub(start).Round(time.Millisecond), u.req.Op, u.req.Seq, u.req.Seq+uint32(u.n)-1,
			ans.Class, took.Round(10*time.Microsecond), ans.Body); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fail(exitFail, fmt.Errorf("%d of %d uploads were not accepted", failed, len(uploads)))
	}
	return nil
}

// uploadsOf makes the uploads that a device sent once more.
func (c *caseOf) uploadsOf(index *ledger.Index, device int, adapter *wire.Adapter) (list []again, err error) {
	r := sim.NewRetracer(c.model, formatOf(c.model))
	err = r.Walk(index, func(a *sim.Arrival, fate *ledger.Fate) error {
		if a.Upload.Device != device || fate == nil || fate.Attempts == 0 {
			return nil
		}
		u := again{at: fate.Intended, n: len(a.Upload.Items), req: target.Request{Op: a.Op, Tenant: c.model.Fleet.TenantOf(device)}}
		r.Request(&a.Upload, &adapter.Ops[a.Op], &u.req)
		list = append(list, u)
		return nil
	})
	return list, err
}
