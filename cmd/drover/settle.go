package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"drover/report"
	"drover/sim/check"
	"drover/sim/ledger"
	"drover/sim/target"
)

func newSettle(e env) *cobra.Command {
	var target string
	var fresh bool
	cmd := &cobra.Command{
		Use:   "settle RUN_DIR",
		Short: "Say again what became of each event of a run",
		Long: `settle holds the ledger of a run against what the backend held: each event is stored once, lost, doubled, altered, in the wrong
tenant, unexpected, leaked or late. It takes what was read back at the end of the run; where nothing was, or with --again, it
reads the backend now, as the scenario's target.readback says.

From the acknowledgement to visible is how long events took, of all that were acknowledged and are stored. Only a look at the backend
tells, and looks are made after the run, until nothing is missing or the time is up. So each quantile lies between two bounds: until the last
look that did not show the event, and until the first that did. Of what the first look shows only the upper one is known.
With readback.sample a run looks for some events while it goes on; that is in its report.

A run that was killed is settled as far as its ledger goes: what is lost or doubled by then is told, but the result is never a
pass, because what came after the last block of the ledger is not known. Where the embedded backend died with it and had a
database (--db FILE), "drover serve --db FILE" shows what it holds, and --target says where. The exit code is that of the scenario's checks
reconcile, and privacy of what is stored; see "drover help exit-codes".`,
		Example: `  drover settle runs/lost-acks-20260504T080000Z
  drover settle runs/night-20260504T080000Z --again --target http://127.0.0.1:8080`,
		Args: oneRun,
	}
	format := addChoice(cmd, "format", "f", "how to print", "text", "json")
	cmd.Flags().StringVar(&target, "target", "", "read the backend at this `url` instead of the run's; implies --again")
	cmd.Flags().BoolVar(&fresh, "again", false, "read the backend now, and keep that instead of what was read back before")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := openCase(args[0])
		if err != nil {
			return fail(exitUsage, err)
		}
		index, err := c.index()
		if err != nil {
			return err
		}
		ctx, stop := e.interruptible(cmd.Context())
		defer stop()
		why, err := c.have(ctx, index, target, fresh || target != "")
		if err != nil {
			return err
		}
		f := check.Facts{Unsettled: why}
		if why == "" {
			if f.Settlement, err = c.settle(index); err != nil {
				return err
			}
		}
		url := target
		if url == "" {
			url = c.model.Scenario.Target.URL
		}
		outcomes := check.Evaluate(settledOnly(c.model), f)
		doc := settledRun{
			Run: index.Ledger.Files[0].Run, Whole: index.Ledger.Whole(), Uploads: index.Ledger.Uploads, Why: why,
			Result: check.Overall(outcomes), Checks: report.FromOutcomes(outcomes), Reconcile: settledDocument(f.Settlement, c.dir, c.model, url),
		}
		// Without a check the settlement is judged all the same: what is not known is no pass.
		if len(outcomes) == 0 {
			doc.Result = check.NotChecked
		}
		if f.Settlement != nil && f.Settlement.Blind != "" && doc.Result == check.Pass {
			doc.Result = check.Inconclusive
		}
		if err := doc.print(cmd, format.value); err != nil {
			return err
		}
		if code := codeOf(doc.Result, false); code != exitPass {
			return fail(code, nil)
		}
		return nil
	}
	return cmd
}

// have sees to it that there is a read-back; why says that there is none to be had.
func (c *caseOf) have(ctx context.Context, index *ledger.Index, url string, fresh bool) (why string, err error) {
	if _, err := os.Stat(filepath.Join(c.dir, readbackFile)); err == nil && !fresh {
		return "", nil
	}
	if c.model.Scenario.Target.Readback.Adapter == "" {
		return "the scenario has no target.readback", nil
	}
	at := url
	if at == "" {
		at = c.model.Scenario.Target.URL
	}
	t, err := readerOf(c.model, at, func(at string) (*target.HTTP, error) {
		return c.dial(at, index.Ledger.Files[0].Run, c.model.Scenario.Target.Readback.Auth)
	})
	if err != nil {
		if url == "" {
			return err.Error(), nil
		}
		return "", fail(exitUsage, err)
	}
	defer t.Close()
	var withdrawn []int // whom the backend was told of before
	if _, err := os.Stat(filepath.Join(c.dir, readbackFile)); err == nil {
		if withdrawn, err = c.settlement(index).Withdrawn(); err != nil {
			return "", err
		}
	}
	if err := c.readBack(ctx, t, index, index.Ledger.Files[0].Started, withdrawn); err != nil {
		return "", fail(exitTarget, fmt.Errorf("read the backend back: %w", err))
	}
	return "", nil
}

// settledRun is what settle prints.
type settledRun struct {
	Run       string            `json:"run_id"`
	Whole     bool              `json:"ledger_whole"`
	Uploads   int64             `json:"uploads"` // in the ledger
	Why       string            `json:"not_settled"`
	Result    check.Result      `json:"result"`
	Checks    []report.Check    `json:"checks"`
	Reconcile *report.Reconcile `json:"reconcile"` // null: nothing was read back
}

func (s *settledRun) print(cmd *cobra.Command, format string) error {
	w := cmd.OutOrStdout()
	if format == "json" {
		return printJSON(w, s)
	}
	fmt.Fprintf(w, "run %s: %s uploads in the ledger", s.Run, check.FormatCount(s.Uploads))
	if !s.Whole {
		fmt.Fprint(w, ", which was cut short")
	}
	fmt.Fprintln(w)
	if s.Reconcile != nil {
		fmt.Fprintln(w, report.TextReconcile(s.Reconcile))
	} else {
		fmt.Fprintf(w, "not settled: %s\n\n", s.Why)
	}
	for _, c := range s.Checks {
		fmt.Fprintf(w, "%s: %s", c.Name, c.Result)
		if c.Evidence != "" {
			fmt.Fprintf(w, " (%s)", c.Evidence)
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "result: %s\n", s.Result)
	return err
}

// oneRun is the argument of a command about one run.
func oneRun(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage(cmd, "want one run, its directory or its run.json; got %d", len(args))
	}
	return nil
}
