package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"drover/report"
	"drover/sim"
	"drover/sim/check"
	"drover/sim/fleet"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
)

// What lies in a run's directory beside the report.
const (
	ledgerDir    = "ledger"
	scenarioFile = "scenario.yaml"
	readbackFile = "readback.ndjson.zst"
)

// clearEarlier removes what an earlier run left in the same place and this one may not write: beside its report it would pass for its own.
func clearEarlier(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, ledgerDir, "worker-*.ledger"))
	if err != nil {
		return err
	}
	for _, path := range append(old, filepath.Join(dir, readbackFile), filepath.Join(dir, vegetaFile)) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// settle reads back what the backend holds and gives each event its fate. When there is nothing to settle, why says so.
func (d *drive) settle(ctx context.Context, res *sim.Result, dir string) (s *check.Settlement, why string) {
	how := d.model.Scenario.Target.Readback
	switch {
	case how.Adapter == "":
		return nil, "there is no read-back: give the scenario a target.readback"
	case d.flags.noLedger:
		return nil, "no ledger was kept: leave out --no-ledger"
	case res.LedgerErr != nil:
		return nil, fmt.Sprintf("the ledger is not whole: %v", res.LedgerErr)
	}
	c := caseOf{model: d.model, dir: dir}
	index, err := c.index()
	if err != nil {
		return nil, err.Error()
	}
	src, err := d.side.reader(c.model, d.id)
	if err == nil {
		defer src.Close()
		var withdrawn []int
		if !res.Interrupted { // else it is not known how far the timeline came
			withdrawn = c.model.Withdrawn()
		}
		err = c.readBack(ctx, src, index, res.Started, withdrawn)
	}
	if err != nil {
		return nil, fmt.Sprintf("the backend could not be read back: %v", err)
	}
	if s, err = c.settle(index); err != nil {
		return nil, fmt.Sprintf("the run could not be settled: %v", err)
	}
	return s, ""
}

// sampler looks for events while the run goes on; nil where the scenario does not ask for it. end lets go of what it reads by.
func (d *drive) sampler(ctx context.Context) (s *sim.Sampler, end func(), err error) {
	how := d.model.Scenario.Target.Readback
	if how.Sample == 0 {
		return nil, func() {}, nil
	}
	src, err := d.side.reader(d.model, d.id)
	if err != nil {
		return nil, nil, fail(exitUsage, err)
	}
	ctx, stop := context.WithCancel(ctx)
	s = sim.NewSampler(ctx, sim.Sampling{Source: src, How: how, Run: d.id})
	return s, func() { stop(); s.Result(); src.Close() }, nil
}

// caseOf is a run that is over, as its directory has it.
type caseOf struct {
	model *sim.Model
	dir   string
}

func (c *caseOf) index() (*ledger.Index, error) {
	index, err := ledger.ReadIndex(filepath.Join(c.dir, ledgerDir), c.model.Fleet.Partition)
	return index, noLedger(err)
}

// noLedger says of an error of reading a ledger, if it is that there is none, why that may be.
func noLedger(err error) error {
	if errors.Is(err, ledger.ErrNone) {
		return fail(exitUsage, fmt.Errorf("%w; was the run made with --no-ledger?", err))
	}
	return err
}

// wanted is how many events were acknowledged.
func (c *caseOf) wanted() (n int64, err error) {
	_, err = ledger.Read(filepath.Join(c.dir, ledgerDir), func(u *ledger.Upload) error {
		if u.Outcome != measure.Accepted {
			return nil
		}
		n += int64(u.Events)
		for _, note := range u.Notes {
			if note.Said == ledger.NotTaken || note.Said == ledger.Unheard {
				n--
			}
		}
		return nil
	})
	return n, err
}

// readBack writes what the backend shows into the run's directory: all of it, for what a backend that fails halfway did not show would
// be taken for lost.
func (c *caseOf) readBack(ctx context.Context, src sim.Source, index *ledger.Index, started time.Time, withdrawn []int) error {
	wanted, err := c.wanted()
	if err != nil {
		return err
	}
	sc := c.model.Scenario
	r := sim.ReadBack{
		Source: src, How: sc.Target.Readback, Run: index.Ledger.Files[0].Run, Wanted: wanted,
		Since: func() time.Duration { return time.Since(started) }, Withdrawn: withdrawn, Fleet: c.model.Fleet,
		Seed: sc.Seeds.Faults,
	}
	for _, t := range c.model.Fleet.Tenants() {
		r.Tenants = append(r.Tenants, t.ID.String())
	}
	return report.WriteWhole(filepath.Join(c.dir, readbackFile), func(w io.Writer) error {
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			return err
		}
		r.Out = z
		// An interrupted run is settled, too; a second interrupt ends drover at once.
		return errors.Join(r.Do(context.WithoutCancel(ctx)), z.Close())
	})
}

// settle holds the ledger against what was read back.
func (c *caseOf) settle(index *ledger.Index) (*check.Settlement, error) {
	s := c.settlement(index)
	return s.Settle()
}

func (c *caseOf) settlement(index *ledger.Index) *sim.Settlement {
	return &sim.Settlement{
		Model: c.model, Format: formatOf(c.model), Adapter: adapterOf(c.model, index.Ledger.Files[0].Run), Index: index, Readback: c.open,
	}
}

// open opens what was read back.
func (c *caseOf) open() (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(c.dir, readbackFile))
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &unpacked{z, f}, nil
}

type unpacked struct {
	*zstd.Decoder
	file *os.File
}

func (u *unpacked) Close() error {
	u.Decoder.Close()
	return u.file.Close()
}

// openCase loads the run in a directory by the scenario that was resolved for it.
func openCase(dir string) (*caseOf, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		dir = filepath.Dir(dir) // run.json, as drover report takes it
	}
	m, err := new(source).model(filepath.Join(dir, scenarioFile))
	if err != nil {
		return nil, err
	}
	return &caseOf{model: m, dir: dir}, nil
}

// dial makes a handle on the target of a run that is over: its own, or another one; by its credential, or by another. The embedded backend ended with its run.
func (c *caseOf) dial(at, run string, as *target.Auth) (*target.HTTP, error) {
	sc := c.model.Scenario
	if at == "" {
		at = sc.Target.URL
	}
	if at == embedded {
		return nil, errors.New("the run's backend was embedded and ended with it; name another one with --target")
	}
	secret := ""
	if as == nil {
		var err error
		if secret, err = sc.Target.Auth.Secret(); err != nil {
			return nil, err
		}
	}
	by, err := c.way()
	if err != nil {
		return nil, err
	}
	by.as = as
	return handle(c.model, at, run, secret, by)
}

// way is how a run that is over reached its target.
func (c *caseOf) way() (by way, err error) {
	t := c.model.Scenario.Target
	by.trust = t.TLS
	if id := t.Identity; id != nil && t.URL != embedded {
		by.issuer, err = target.ReadAuthority(id.CAFrom, id.KeyFrom)
	}
	return by, err
}

// reach makes a handle by which uploads can be sent again.
func (c *caseOf) reach(at, run string) (target.Handle, error) {
	t := c.model.Scenario.Target
	if t.Protocol.HTTP {
		return c.dial(at, run, nil)
	}
	if at == "" {
		at = t.URL
	}
	if p, ok := target.ProtocolOf(at); !ok || p != t.Protocol {
		what := "messages"
		if t.Protocol.Calls {
			what = "calls"
		}
		return nil, fmt.Errorf("the run's uploads are %s of %s, and %s is not spoken so", what, t.Protocol.Name, at)
	}
	if t.Protocol.Calls {
		return c.dial(at, run, nil)
	}
	if t.Protocol.Name == "stdout" {
		return nil, errors.New("the run's target was standard output: use --print")
	}
	secret, err := t.Auth.Secret()
	if err != nil {
		return nil, err
	}
	by, err := c.way()
	if err != nil {
		return nil, err
	}
	return messages(c.model, at, run, secret, by, nil)
}

// reader is what a run's backend is read back by.
type reader interface {
	sim.Source
	Close() error
}

// readerOf makes what a run's backend is read back by. other is where the backend is when that is not where the scenario says.
func readerOf(m *sim.Model, other string, to func(url string) (*target.HTTP, error)) (reader, error) {
	base := m.Scenario.Target.Readback.Base
	if path, ok := strings.CutPrefix(base, "file:"); ok {
		return fileReader(path), nil
	}
	if base == "" {
		return to(other)
	}
	if base == "/" {
		u, err := url.Parse(other)
		if err != nil {
			return nil, err
		}
		base = u.Scheme + "://" + u.Host
	}
	return to(base)
}

// fileReader shows a file, whoever asks for what.
type fileReader string

func (f fileReader) Open(context.Context, string, []byte, int) (io.ReadCloser, error) {
	return os.Open(string(f))
}

func (f fileReader) Get(context.Context, string, int) ([]byte, error) { return os.ReadFile(string(f)) }

func (f fileReader) Close() error { return nil }

// replayCommand makes the command that sends a device's uploads again.
func replayCommand(dir, url string, embedded bool) func(device int) string {
	return func(device int) string {
		s := fmt.Sprintf("drover replay %s --device %d", report.ShellWord(dir), device)
		if embedded {
			return s + " --print"
		}
		return s + " --target " + report.ShellWord(url)
	}
}

// settledOnly are the checks that a settlement can judge.
func settledOnly(m *sim.Model) (list []check.Check) {
	for _, c := range m.Scenario.Checks {
		if c.Reconcile != nil || c.Privacy != nil && c.Privacy.Stored {
			list = append(list, c)
		}
	}
	return list
}

var _ sim.Source = (*target.HTTP)(nil)

// tenantOf is the tenant id of a device.
func tenantOf(f *fleet.Fleet, device int) fleet.GUID { return f.Tenants()[f.TenantOf(device)].ID }

// settledDocument is a settlement as reports show it.
func settledDocument(s *check.Settlement, dir string, m *sim.Model, url string) *report.Reconcile {
	return report.FromSettlement(s, replayCommand(dir, url, m.Scenario.Target.URL == embedded && url == embedded))
}
