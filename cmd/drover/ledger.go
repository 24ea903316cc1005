package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/event"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/wire"
)

// ledgerFilter is what of a ledger is printed.
type ledgerFilter struct {
	device  int
	tenant  string
	kind    string
	outcome string
	limit   int
}

func newLedger() *cobra.Command {
	var f ledgerFilter
	cmd := &cobra.Command{
		Use:   "ledger RUN_DIR",
		Short: "Print what became of each upload of a run",
		Long: `ledger prints the uploads of a run as NDJSON, in the order in which their fate became known, worker by worker. Times are
nanoseconds from the run's start; a dropped upload was never sent and has no sent times. "notes" is what the backend's answer
said of single events: a verdict, "unjudged" or "refused".

Events are not in the ledger: they are made anew from the scenario. --kind looks into the uploads in this way, and "drover
replay --print" shows their bodies.`,
		Example: `  drover ledger runs/smoke-20260504T080000Z --outcome failed
  drover ledger runs/smoke-20260504T080000Z --device 17 --kind web.threat`,
		Args: oneRun,
	}
	cmd.Flags().IntVar(&f.device, "device", -1, "only of this `device`")
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "only of devices of the tenant with this `id`")
	cmd.Flags().StringVar(&f.kind, "kind", "", "only those with an event of this `kind`")
	cmd.Flags().StringVar(&f.outcome, "outcome", "", "only with this `outcome`: accepted, refused, failed or dropped")
	cmd.Flags().IntVarP(&f.limit, "limit", "n", 0, "print at most `n`; 0 prints all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }
	return cmd
}

// errEnough ends the reading of a ledger: what was asked for is printed.
var errEnough = errors.New("enough")

func (f *ledgerFilter) run(cmd *cobra.Command, dir string) error {
	if f.limit < 0 {
		return usage(cmd, "--limit %d: want 0 or more", f.limit)
	}
	if _, ok := event.ParseKind(f.kind); f.kind != "" && !ok {
		return usage(cmd, "--kind %s: want %s", f.kind, orList(kindNames()))
	}
	if f.outcome != "" && !validOutcome(f.outcome) {
		return usage(cmd, "--outcome %s: want accepted, refused, failed or dropped", f.outcome)
	}
	if f.device < -1 {
		return usage(cmd, "--device %d: want 0 or more", f.device)
	}
	if _, ok := wire.ParseGUID(f.tenant); f.tenant != "" && !ok {
		return usage(cmd, "--tenant %s: want an id in lower case, as drover devices shows it", f.tenant)
	}
	c, err := openCase(dir)
	if err != nil {
		return fail(exitUsage, err)
	}
	n := c.model.Fleet.Devices()
	if f.device >= n {
		return usage(cmd, "--device %d: the fleet has %d devices", f.device, n)
	}
	has, err := c.withKind(f.kind)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	printed := 0
	l, err := ledger.Read(filepath.Join(c.dir, ledgerDir), func(u *ledger.Upload) error {
		if u.Device >= n || u.Phase >= len(c.model.Scenario.Load.Phases) {
			return sim.ErrOtherRun
		}
		tenant := tenantOf(c.model.Fleet, u.Device).String()
		if f.device >= 0 && u.Device != f.device || f.tenant != "" && tenant != f.tenant || f.outcome != "" && u.Outcome.String() != f.outcome ||
			has != nil && !has[uploadKey{u.Device, u.FirstSeq}] {
			return nil
		}
		printed++
		if err := enc.Encode(c.line(u, tenant)); err != nil || printed == f.limit {
			return errors.Join(err, errEnough)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return noLedger(err)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if l != nil && !l.Whole() {
		fmt.Fprintln(cmd.ErrOrStderr(), "drover: the ledger was cut short; what came after its last block is not known")
	}
	return nil
}

func validOutcome(name string) bool {
	for o := range measure.NumOutcomes {
		if o.String() == name {
			return true
		}
	}
	return false
}

// uploadKey tells an upload from all others of a run.
type uploadKey struct {
	device   int
	firstSeq uint32
}

// withKind finds the uploads that have an event of a kind; nil stands for all.
func (c *caseOf) withKind(name string) (map[uploadKey]bool, error) {
	if name == "" {
		return nil, nil
	}
	kind, _ := event.ParseKind(name)
	index, err := c.index()
	if err != nil {
		return nil, err
	}
	has := map[uploadKey]bool{}
	return has, sim.NewRetracer(c.model, formatOf(c.model)).Walk(index, func(a *sim.Arrival, _ *ledger.Fate) error {
		for _, it := range a.Upload.Items {
			if it.Kind == kind {
				has[uploadKey{a.Upload.Device, a.Upload.FirstSeq}] = true
			}
		}
		return nil
	})
}

// ledgerLine is one upload as it is printed.
type ledgerLine struct {
	Op       string       `json:"op"`
	Phase    string       `json:"phase"`
	Device   int          `json:"device"`
	Tenant   string       `json:"tenant_id"`
	FirstSeq uint32       `json:"first_seq"`
	Events   int          `json:"events"`
	Outcome  string       `json:"outcome"`
	Class    string       `json:"class"`
	Unsure   bool         `json:"unsure"` // an attempt had no answer: the backend may have it whatever the outcome
	Attempts int          `json:"attempts"`
	Intended int64        `json:"intended_ns"`
	First    *int64       `json:"first_sent_ns"`
	Sent     *int64       `json:"sent_ns"`
	Done     int64        `json:"done_ns"`
	Notes    []ledgerNote `json:"notes"`
}

type ledgerNote struct {
	Seq  uint32 `json:"seq"`
	Said string `json:"said"`
}

func (c *caseOf) line(u *ledger.Upload, tenant string) *ledgerLine {
	l := &ledgerLine{
		Op: u.Op.String(), Phase: c.model.Scenario.Load.Phases[u.Phase].Name, Device: u.Device, Tenant: tenant, FirstSeq: u.FirstSeq,
		Events: u.Events, Outcome: u.Outcome.String(), Class: u.Class.String(), Unsure: u.Unsure, Attempts: u.Attempts,
		Intended: int64(u.Intended), Done: int64(u.Done), Notes: []ledgerNote{},
	}
	if u.Attempts > 0 {
		first, sent := int64(u.First), int64(u.Sent)
		l.First, l.Sent = &first, &sent
	}
	for _, n := range u.Notes {
		l.Notes = append(l.Notes, ledgerNote{n.Seq, n.Said.String()})
	}
	return l
}
