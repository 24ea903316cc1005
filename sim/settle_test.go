package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"drover/sim"
	"drover/sim/backend"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
	"drover/sim/wire"
)

// settled is a run of every kind of event against a backend behind bad weather.
const settled = `apiVersion: drover/v1
kind: Scenario
metadata: {name: settled}
spec:
  seed: 5
  target:
    url: embedded
    client: {maxOpen: 128, timeout: 3s, compression: gzip, batch: {maxEvents: 8}, retry: {maxAttempts: ATTEMPTS, base: 1ms, cap: 10ms}}
  fleets:
    - name: contoso
      tenants: {count: 3, sizes: {zipf: 1}}
      devices: 120
      settings: {optionalDiagnostics: {true: 50, false: 50}}
      cohorts: [{name: all, weight: 100, profile: enterprise-iphone, behavior: busy}]
  behaviors:
    busy:
      offline: {perDay: 2}
      events:
        heartbeat: {every: 1h}
        memory: {every: 1h}
        appInfo: {every: 4h}
        appAction: {perDay: 20}
        webVisit: {perDay: 100, maliciousShare: 5%}
        crash: {perDay: 5}
        feedback: {perDay: 5}
        diagnostics: {every: 2h}
  load:
    phases:
      - {name: enroll, do: enroll, for: 1s}
      - {name: work, for: WORK, rate: 150/s}
      - {name: drain, do: drain, for: DRAIN} # half of it is for the answers
`

// weather stands between the run and its backend. What becomes of an attempt depends on its upload and on its number, so
// that no upload fares worse than twice.
type weather struct {
	backend string
	stop    func() // called at request number stopAt
	stopAt  int
	fair    bool // all answers can be understood: those that cannot are not asked for again

	mu       sync.Mutex
	requests int
	attempts map[string]int // by idempotency key
}

func (w *weather) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	w.mu.Lock()
	w.requests++
	if w.requests == w.stopAt {
		w.stop()
	}
	w.attempts[key]++
	attempt := w.attempts[key]
	w.mu.Unlock()
	h := fnv.New32a()
	io.WriteString(h, key)
	luck := h.Sum32() % 20

	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return
	case attempt == 1 && luck < 2: // lost on the way there
		reset(rw)
	case attempt == 1 && luck < 6, attempt == 2 && luck == 2: // lost on the way back
		w.forward(r, body)
		reset(rw)
	case attempt == 1 && luck == 6: // nobody answers
		<-r.Context().Done()
	case attempt == 1 && luck == 7: // the backend has it, and nobody answers
		w.forward(r, body)
		<-r.Context().Done()
	case attempt == 1 && luck == 8, attempt == 2 && luck < 5: // no
		rw.WriteHeader(http.StatusServiceUnavailable)
	case attempt == 1 && luck == 9 && !w.fair: // a whole answer that is none
		w.forward(r, body)
		io.WriteString(rw, "<html>It works!</html>")
	default:
		status, answer := w.forward(r, body)
		rw.WriteHeader(status)
		rw.Write(answer)
	}
}

// forward gives the backend a request, even when its client is gone.
func (w *weather) forward(r *http.Request, body []byte) (int, []byte) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, w.backend+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return http.StatusBadGateway, nil
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return http.StatusBadGateway, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return http.StatusBadGateway, nil
	}
	return resp.StatusCode, answer
}

// reset ends a connection as a crash does.
func reset(rw http.ResponseWriter) {
	conn, _, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// Whatever happens between the two, both sides count the same: due = sent + dropped, sent = accepted + refused + failed, and
// the backend holds each event that it accepted once, and beyond those only events of which we know that it may.
func TestBothSidesCountTheSame(t *testing.T) {
	tests := []struct {
		name     string
		attempts string
		work     string // its length; a run that is to be interrupted has time until it is, however slow the machine
		drain    string
		stopAt   int
		exact    bool // every upload is retried until it is accepted, for which the drain leaves time
	}{
		{"retried to acceptance", "100", "2s", "20s", 0, true},
		{"no retries", "1", "2s", "4s", 0, false},
		{"too few retries", "2", "2s", "4s", 0, false},
		{"interrupted", "3", "60s", "4s", 300, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // they wait, mostly
			settle(t, strings.NewReplacer("ATTEMPTS", test.attempts, "WORK", test.work, "DRAIN", test.drain).Replace(settled), test.stopAt, test.exact)
		})
	}
}

func settle(t *testing.T, src string, stopAt int, exact bool) {
	sc, err := scenario.Parse("settled.yaml", []byte(src), scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		t.Fatal(err)
	}
	server, err := backend.Start(t.Context(), backend.Options{Classifier: sim.Reference(m)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	between := &weather{backend: server.URL(), stop: cancel, stopAt: stopAt, fair: exact, attempts: map[string]int{}}
	proxy := httptest.NewServer(between)
	defer proxy.Close()
	tgt, err := target.NewHTTP(target.HTTPOptions{
		URL: proxy.URL, Client: sc.Target.Client, Run: "settled", ContentType: wire.Native.ContentType,
		Paths: [measure.NumOps]string{measure.Enroll: "/v1/enroll", measure.Upload: "/v1/events"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tgt.Close()

	res, err := sim.Run(ctx, sim.Config{Model: m, Workers: 2, Target: tgt, Adapter: &wire.Drover})
	if err != nil {
		t.Fatal(err)
	}
	proxy.Close() // nothing is on its way to the backend any more
	if res.Interrupted != (stopAt > 0) {
		t.Errorf("Interrupted = %v", res.Interrupted)
	}

	var all measure.Counts
	for _, ph := range res.Totals.Names().Phases {
		s := res.Totals.Select(measure.Selector{Phase: ph.Name})
		all.Add(&s.Counts)
	}
	if err := all.Check(); err != nil {
		t.Error(err)
	}
	if all.AttemptClass[measure.Reset] == 0 || all.AttemptClass[measure.Timeout] == 0 && stopAt == 0 || all.AttemptClass[measure.Status5xx] == 0 {
		t.Errorf("the weather was too good: %+v", all)
	}
	if exact && (all.Accepted != all.Due || all.Retries == 0) {
		t.Errorf("want all uploads accepted in the end: %+v", all)
	}

	held := audit(t, server.URL())
	var accepted, failed int64
	for k, c := range res.Kinds {
		kind, stored := event.Kind(k), held.Total.Kinds[event.Kind(k).String()]
		if c.Made != c.Lost+c.Pending+c.Dropped+c.Sent || c.Sent != c.Accepted+c.Refused+c.Failed || c.Pending < 0 {
			t.Errorf("%v: %+v does not add up", kind, c)
		}
		if exact && (c.Sent == 0 || c.Pending != 0) {
			t.Errorf("%v: %+v, want all of it sent", kind, c)
		}
		if stored < c.Accepted || stored > c.Accepted+c.Failed {
			t.Errorf("%v: the backend holds %d, but %d were accepted and %d are in doubt", kind, stored, c.Accepted, c.Failed)
		}
		accepted += c.Accepted
		failed += c.Failed
	}
	if accepted != all.Events {
		t.Errorf("%d events accepted by kind, %d by upload", accepted, all.Events)
	}
	switch {
	case exact:
		exactly(t, res, held, failed)
	case held.Total.Events == accepted || held.Total.Events == accepted+failed:
		t.Errorf("the backend holds %d events, want more than the %d that were accepted and fewer than with the %d in doubt", held.Total.Events, accepted, failed)
	}
}

// exactly compares tenant by tenant.
func exactly(t *testing.T, res *sim.Result, held wire.Counts, failed int64) {
	t.Helper()
	if failed != 0 || held.Total.Duplicates == 0 || held.Total.Enrolled != 120 {
		t.Errorf("%d events failed, and the backend got %d twice and enrolled %d devices; want 0, some and 120", failed, held.Total.Duplicates, held.Total.Enrolled)
	}
	if len(held.Tenants) != 3 {
		t.Errorf("the backend knows %d tenants, want 3", len(held.Tenants))
	}
	for _, tenant := range held.Tenants {
		var events int64
		for _, ph := range res.Totals.Names().Phases {
			events += res.Totals.Select(measure.Selector{Phase: ph.Name, Tenant: tenant.Tenant}).Events
		}
		if events != tenant.Events {
			t.Errorf("tenant %s: %d events accepted, the backend holds %d", tenant.Tenant, events, tenant.Events)
		}
	}
}

func audit(t *testing.T, url string) (held wire.Counts) {
	t.Helper()
	resp, err := http.Get(url + "/v1/audit/counts?run=settled")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&held); err != nil {
		t.Fatal(err)
	}
	return held
}
