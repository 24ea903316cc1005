package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/event"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

const closedRun = `
    model: closed
    concurrency: 8
    phases:
      - {name: enroll, do: enroll, for: 100ms, measure: false}
      - {name: day, for: 2s}
      - {name: drain, do: drain, for: 300ms, measure: false}
`

// keep runs a model with a ledger in dir.
func keep(t *testing.T, ctx context.Context, m *Model, f *fake, workers int, dir string) *Result {
	t.Helper()
	res, err := Run(ctx, Config{Model: m, Workers: workers, Target: f, Adapter: drover, Ledger: &Keep{Dir: dir, Run: "r"}})
	if err != nil {
		t.Fatal(err)
	}
	if res.LedgerErr != nil {
		t.Fatal(res.LedgerErr)
	}
	return res
}

// The bytes that are made anew from scenario and ledger are the bytes that were sent, in the open and the closed model, with
// any number of workers, whatever became of the uploads, and for a run that was interrupted.
func TestRetraceIsWhatWasSent(t *testing.T) {
	all := map[string]string{"closed": closedRun}
	for name, load := range loads {
		all[name] = load
	}
	for name, load := range all {
		for _, workers := range []int{1, 3} {
			for _, interrupted := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					dir := filepath.Join(t.TempDir(), "ledger")
					var with []string
					if name == "closed" {
						with = []string{", speed: 600", ""}
					}
					m := model(t, parse(t, load, with...))
					f := &fake{serve: func(n int, _ *target.Request) (measure.Class, time.Duration) {
						return []measure.Class{measure.OK, measure.OK, measure.Reset, measure.Status400}[n%4], 3 * time.Millisecond
					}}
					ctx, stop := context.WithCancel(t.Context())
					defer stop()
					if interrupted {
						time.AfterFunc(1500*time.Millisecond, stop)
					}
					res := keep(t, ctx, m, f, workers, dir)
					x, err := ledger.ReadIndex(dir, m.Fleet.Partition)
					if err != nil {
						t.Fatal(err)
					}
					c := counts(res)
					if !x.Ledger.Whole() || int64(x.Len()) != c.Due {
						t.Errorf("%s: the ledger has %d uploads (whole: %t), the run had %d", name, x.Len(), x.Ledger.Whole(), c.Due)
					}
					var got []string
					fates := map[measure.Outcome]int64{}
					r := NewRetracer(m, native)
					if err := r.Walk(x, func(a *Arrival, fate *ledger.Fate) error {
						fates[fate.Outcome]++
						if fate.Attempts > 0 {
							var req target.Request
							r.Request(&a.Upload, &drover.Ops[a.Op], &req)
							got = append(got, string(req.Body))
						}
						return nil
					}); err != nil {
						t.Fatal(err)
					}
					slices.Sort(got)
					slices.Sort(f.bodies)
					if len(got) == 0 || !slices.Equal(got, f.bodies) {
						t.Errorf("%s, %d workers, interrupted %t: %d uploads were sent, %d made anew, or they differ", name, workers, interrupted, len(f.bodies), len(got))
					}
					if fates[measure.Accepted] != c.Accepted || fates[measure.Refused] != c.Refused || fates[measure.Failed] != c.Failed || fates[measure.Dropped] != c.Dropped {
						t.Errorf("%s: fates %v, the run says %+v", name, fates, c)
					}
				})
			}
		}
	}
}

// The bytes of an event that a hash is of stand in the body that was sent, whatever the adapter and the format.
func TestHashedBytesAreWhatWasSent(t *testing.T) {
	for _, how := range []string{
		"adapter: jsonlines", "adapter: loki", "adapter: splunk-hec", "adapter: elasticsearch-bulk", "adapter: mde-streaming",
		"adapter: drover", "adapter: drover\n    format: ocsf", "adapter: drover\n    format: ecs",
		"adapter: drover\n    format: mde", "adapter: drover\n    format: cloudevents-batch", "adapter: drover\n    format: otlp-json",
	} {
		m := model(t, parse(t, loads["even"], "    url: embedded\n", "    url: http://127.0.0.1:9\n    "+how+"\n"))
		adapter := m.Scenario.Target.Adapter.Adapter(wire.Constants{Run: "some-run", Send: m.Behavior.Sends.All})
		r, s := NewRetracer(m, adapter.Ops[measure.Upload].Format), NewSchedule(m, partitions(m))
		r.hashed = adapter
		var a Arrival
		events := 0
		for s.Next(&a) && events < 300 {
			x := &adapter.Ops[a.Op]
			var req target.Request
			r.Request(&a.Upload, x, &req)
			i, from := 0, req.Head
			if err := r.Documents(&a.Upload, func(e *event.Event, _ []byte) error {
				part := bytes.Trim(req.Body[from:req.Ends[i]], ", \t\r\n")
				if sum := sha256.Sum256(part); r.hash(x) != ledger.HashPrint(sum) || len(part) < 50 {
					t.Fatalf("%s: event %d of %d: sent %q, hashed %q", how, i, len(req.Ends), part, r.sent)
				}
				i, from = i+1, req.Ends[i]
				events++
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if events < 300 {
			t.Errorf("%s: %d events", how, events)
		}
	}
}

// A ledger of another scenario is not taken for this one's.
func TestRetraceOfAnotherRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "ledger")
		m := model(t, parse(t, loads["even"]))
		keep(t, t.Context(), m, new(fake), 1, dir)
		other := model(t, parse(t, loads["even"], "seed: 7", "seed: 8"))
		x, err := ledger.ReadIndex(dir, m.Fleet.Partition)
		if err != nil {
			t.Fatal(err)
		}
		if err := NewRetracer(other, native).Walk(x, func(*Arrival, *ledger.Fate) error { return nil }); !errors.Is(err, ErrOtherRun) {
			t.Errorf("Walk = %v, want ErrOtherRun", err)
		}
		if _, err := Run(t.Context(), Config{Model: m, Target: new(fake), Adapter: drover, Ledger: &Keep{Dir: dir}}); err == nil {
			t.Error("a second run wrote over the ledger of the first")
		}
	})
}
