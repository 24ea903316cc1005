package sim

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
	"drover/sim/wire"
)

// small is a scenario of 200 devices. %s is its load.
const small = `apiVersion: drover/v1
kind: Scenario
metadata: {name: small}
spec:
  seed: 7
  clock: {start: "2026-05-04T06:00:00Z", speed: 600}
  target:
    url: embedded
    client: {maxOpen: MAXOPEN, queue: 20000, timeout: 30s, batch: BATCH, retry: RETRY}
  fleets:
    - name: contoso
      tenants: {count: 3, sizes: {zipf: 1}}
      devices: 200
      identity: {upnDomain: contoso.example}
      cohorts:
        - {name: current, weight: 80, profile: enterprise-iphone, behavior: busy}
        - {name: pads, weight: 20, profile: shared-ipad, behavior: busy}
  behaviors:
    busy:
      day: {shape: always-on, timezones: {Europe/Berlin: 50, America/New_York: 50}}
      offline: {perDay: 2, lasting: {median: 20m, p95: 2h}}
      events:
        heartbeat: {every: 1h, jitter: 10%}
        appAction: {perDay: 30}
        webVisit: {perDay: 200, maliciousShare: 2%}
        crash: {perDay: 1, mix: {jetsam: 50, sigabrt: 50}}
  load: LOAD
`

// parse fills in the blanks of small and loads it.
func parse(t testing.TB, load string, with ...string) *scenario.Scenario {
	t.Helper()
	src := strings.NewReplacer(append(with, "LOAD", load, "MAXOPEN", "64",
		"BATCH", "{maxEvents: 25, maxAge: 15m, urgent: [web.threat]}", "RETRY", "{maxAttempts: 1}")...).Replace(small)
	return parseText(t, src)
}

func parseText(t testing.TB, src string) *scenario.Scenario {
	t.Helper()
	sc, err := scenario.Parse("small.yaml", []byte(src), scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func model(t testing.TB, sc *scenario.Scenario) *Model {
	t.Helper()
	m, err := NewModel(sc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// speedLoad lets the devices' clocks decide: enrolment, six hours of device time in 36 s, and a drain.
const speedLoad = `
    phases:
      - {name: enroll, do: enroll, for: 2s, measure: false}
      - {name: day, for: 36s}
      - {name: drain, do: drain, for: 4s, measure: false}
`

func rateLoad(arrivals, rate, lasts string) string {
	return fmt.Sprintf(`
    arrivals: %s
    phases:
      - {name: steady, for: %s, rate: %s}
`, arrivals, lasts, rate)
}

var (
	native = wire.Native
	drover = &wire.Drover
)

// writing is the adapter drover with another format.
func writing(f wire.Format) *wire.Adapter {
	a := wire.Drover
	for op := range a.Ops {
		a.Ops[op].Format = f
	}
	return &a
}

// fake is a backend inside the test. It answers after serve says so, and keeps what it was sent.
type fake struct {
	serve func(n int, req *target.Request) (measure.Class, time.Duration) // called in order of arrival, from 0

	mu         sync.Mutex
	n          int
	bodies     []string
	retryAfter time.Duration
	final      bool // what it refuses it refuses for good
	now        int
	most       int // most requests at once
}

func (f *fake) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	f.mu.Lock()
	n := f.n
	f.n++
	f.bodies = append(f.bodies, string(req.Body))
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	class, wait := measure.OK, time.Millisecond
	if f.serve != nil {
		class, wait = f.serve(n, req)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	*ans = target.Answer{Class: class, Body: ans.Body[:0]}
	select {
	case <-timer.C:
	case <-ctx.Done():
		ans.Class, ans.Err = measure.Cancelled, ctx.Err()
	}
	f.mu.Lock()
	f.now--
	f.mu.Unlock()
	switch ans.Class {
	case measure.OK:
		ans.Status = 200
		ans.Body = wire.AppendAnswer(ans.Body, &wire.Answer{Accepted: strings.Count(string(req.Body), `"seq":`)})
	case measure.Status400, measure.Status429, measure.Status5xx:
		ans.Status, ans.Err, ans.RetryAfter, ans.Final = 400, fmt.Errorf("%v", ans.Class), f.retryAfter, f.final
	case measure.BadAnswer:
		ans.Status, ans.Err = 200, fmt.Errorf("%v", ans.Class)
	case measure.Reset:
		ans.Err = fmt.Errorf("%v", ans.Class)
	}
}

func (f *fake) Close() error { return nil }

// drive runs a scenario against a fake.
func drive(t testing.TB, ctx context.Context, m *Model, f *fake, workers int) *Result {
	t.Helper()
	res, err := Run(ctx, Config{Model: m, Workers: workers, Target: f, Adapter: drover})
	if err != nil {
		t.Fatal(err)
	}
	return res
}
