package backend

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim"
	"drover/sim/check"
	"drover/sim/defect"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
	"drover/sim/wire"
)

// browsing is two phases of 300 devices in 25 tenants that visit malicious sites.
const browsing = `apiVersion: drover/v1
kind: Scenario
metadata: {name: browsing}
spec:
  seed: 5
  clock: {start: "2026-05-04T00:00:00Z", speed: 8640}
  target: {url: embedded, client: {maxOpen: 64, batch: {maxEvents: 1}}}
  web: {malicious: {wrongLabel: 10%, unknown: 10%}}
  fleets:
    - name: contoso
      tenants: {count: 25, sizes: {zipf: 1}}
      devices: 300
      cohorts: [{name: all, weight: 100, profile: enterprise-iphone, behavior: surfer}]
  behaviors:
    surfer: {day: {shape: always-on}, events: {webVisit: {perDay: 20, maliciousShare: 30%}}}
  load: {phases: [{name: morning, for: 4s}, {name: evening, for: 6s}]}
`

// inProcess takes attempts to a backend without a connection, in the time of a bubble. Each answer takes a millisecond more than the
// backend does, and another tenth of one for each that came before it.
type inProcess struct {
	h *handler
	n chan int
}

func (p *inProcess) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	n := <-p.n
	p.n <- n + 1
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/events", bytes.NewReader(req.Body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	time.Sleep(time.Millisecond + time.Duration(n%100)*100*time.Microsecond)
	*ans = target.Answer{Class: measure.OK, Status: w.Code, Body: append(ans.Body[:0], w.Body.Bytes()...)}
	if w.Code != http.StatusOK {
		ans.Class, ans.Err = measure.Status400, fmt.Errorf("%d: %s", w.Code, w.Body)
	}
}

func (p *inProcess) Close() error { return nil }

// A backend that says benign when it has no time left shows as one: its verdicts are bad in the slowest tenth and right in the others. An
// honest one that is as slow does not, although its recall is no better than the reference's.
func TestCleanWhenSlowShows(t *testing.T) {
	sc, err := scenario.Parse("browsing.yaml", []byte(browsing), scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		t.Fatal(err)
	}
	for _, honest := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			set := &defect.Set{Seed: 3}
			set.Rules[defect.Stall] = defect.Rule{Share: 0.15, For: 2 * time.Second}
			if !honest {
				set.Rules[defect.CleanWhenSlow] = defect.Rule{Share: 1, For: time.Second}
			}
			h, err := newHandler(Options{Classifier: sim.Reference(m), Defects: set})
			if err != nil {
				t.Fatal(err)
			}
			p := &inProcess{h: h, n: make(chan int, 1)}
			p.n <- 0
			res, err := sim.Run(t.Context(), sim.Config{Model: m, Workers: 3, Target: p, Adapter: &wire.Drover})
			if err != nil {
				t.Fatal(err)
			}
			looksSlow(t, res, h, honest)
		})
	}
}

func looksSlow(t *testing.T, res *sim.Result, h *handler, honest bool) {
	t.Helper()
	total := res.Verdicts.Matrix.Total()
	stalled, clean := h.mischief.planted[defect.Stall], h.mischief.planted[defect.CleanWhenSlow]
	if total < 400 || stalled < total/10 || (clean == 0) != honest || clean > stalled {
		t.Fatalf("%d detections, %d stalled, %d said to be benign", total, stalled, clean)
	}
	// Each split has all detections, and the tenants are those with the most devices.
	var phases, tenants, bands check.Votes
	for i := range res.Splits.Phases {
		if res.Splits.Phases[i].Total() < 100 {
			t.Errorf("phase %d has %d detections", i, res.Splits.Phases[i].Total())
		}
		phases.Merge(&res.Splits.Phases[i])
	}
	for i := range res.Splits.Tenants {
		tenants.Merge(&res.Splits.Tenants[i])
	}
	tenths := res.Splits.Tenths()
	for i := range tenths {
		bands.Merge(&tenths[i].Votes)
	}
	truth, ref := res.Verdicts.Matrix.AgainstTruth(), res.Verdicts.Matrix.AgainstReference()
	for name, v := range map[string]*check.Votes{"phases": &phases, "tenants": &tenants, "tenths": &bands} {
		if v.Total() != total || v.AgainstTruth() != truth || v.AgainstReference() != ref {
			t.Errorf("the %s add up to %d, %+v, %+v; want %d, %+v, %+v", name, v.Total(), v.AgainstTruth(), v.AgainstReference(), total, truth, ref)
		}
	}
	if len(res.Splits.Own) != 20 || res.Splits.Tenants[20].Total() == 0 || res.Splits.Tenants[0].Total() < res.Splits.Tenants[19].Total() {
		t.Errorf("tenants apart %v, the others with %d detections", res.Splits.Own, res.Splits.Tenants[20].Total())
	}

	slow, ok := check.SlowestOf(tenths)
	if !ok || len(tenths) < 9 {
		t.Fatalf("%d tenths", len(tenths))
	}
	// What was stalled took two seconds, and nothing else did.
	var benign int64
	for b, v := range res.Splits.Bands {
		if from, _ := b.Range(); from > time.Second {
			benign += v.AgainstReference().FN
		}
	}
	if benign != clean {
		t.Errorf("%d were said to be benign by an answer that took more than a second, %d planted", benign, clean)
	}
	if slow.Falls() == honest {
		t.Errorf("of an honest backend: %v; verdicts fall: %v, by chance %v: %+v against %+v", honest, slow.Falls(), slow.Chance, slow.AgainstReference(), slow.Rest.AgainstReference())
	}
	if recall := slow.AgainstTruth().Recall(); !honest && (recall.N != 0 || recall.Of < 20) {
		t.Errorf("of the slowest, %d of %d malicious ones are found; want none", recall.N, recall.Of)
	}
}
