package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"drover/sim/scenario"
)

// behindGateway is a bulk server that a gateway sends to. Of its requests every fifth is put off, and every seventh is taken and not answered.
// Of what it has acknowledged it loses so many events as it is to, and has others twice.
type behindGateway struct {
	bulk
	lose, double int
	calm         bool // it does none of that

	mu       sync.Mutex
	requests int
	mixed    int // with several tenants, or with none
	devices  int // most in a request
}

func (g *behindGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/_bulk" {
		g.bulk.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	devices, tenants, ids := map[string]bool{}, map[string]bool{}, []string{}
	for line := range bytes.Lines(body) {
		var doc struct {
			Tenant string `json:"tenant_id"`
			Device string `json:"device_id"`
			ID     string `json:"event_id"`
		}
		if json.Unmarshal(line, &doc) == nil && doc.Device != "" {
			devices[doc.Device], tenants[doc.Tenant], ids = true, true, append(ids, doc.ID)
		}
	}
	g.mu.Lock()
	g.requests++
	n := g.requests
	g.devices = max(g.devices, len(devices))
	if len(tenants) != 1 {
		g.mixed++
	}
	g.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case g.calm:
		g.bulk.ServeHTTP(w, r)
	case n > 1 && n%5 == 0: // the first one is before the run
		w.WriteHeader(http.StatusServiceUnavailable)
	case n > 1 && n%7 == 0:
		g.bulk.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		g.bulk.ServeHTTP(w, r)
		if n > 10 {
			g.spoil(ids[0])
		}
	}
}

// spoil loses an event or doubles it, if it is there and enough were not yet.
func (g *behindGateway) spoil(id string) {
	g.bulk.mu.Lock()
	defer g.bulk.mu.Unlock()
	switch doc := g.docs[id]; {
	case doc == nil:
	case g.lose > 0:
		g.lose--
		delete(g.docs, id)
	case g.double > 0:
		g.double--
		g.docs[id+"-copy"] = doc
	}
}

// gatheredScenario is the bulk scenario with the preset's own text, which gathers.
func gatheredScenario(t *testing.T, url string) string {
	t.Helper()
	src, err := scenario.AdapterFile("elasticsearch-bulk")
	if err != nil {
		t.Fatal(err)
	}
	file := bulkScenario(t, url, "1s") // what is lost is looked for so long
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("devices: 20\n"), []byte("devices: 80\n"), 1)
	for name, body := range map[string]string{
		"mine.yaml": strings.Replace(string(src), "\nspec:\n", "\nspec:\n  per: devices\n  gather: {uploads: 12, wait: 50ms}\n", 1),
		"bulk.yaml": strings.Replace(string(text), "adapter: elasticsearch-bulk\n", "adapter: ./mine.yaml\n    client: {retry: {maxAttempts: 20, base: 1ms, cap: 5ms}, batch: {maxEvents: 4, maxAge: 1h}}\n", 1),
	} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// A fleet behind a gateway, at a server that puts requests off, takes some without an answer, refuses events inside of a 200 and asks for others
// again: what it refused is refused, all else is stored once as sent, but for what it loses and doubles, which is counted to the event.
func TestGatheredRun(t *testing.T) {
	g := &behindGateway{bulk: bulk{docs: map[string]json.RawMessage{}, busy: map[string]bool{}}, lose: 3, double: 2}
	s := httptest.NewServer(g)
	defer s.Close()
	t.Setenv("BULK_PASSWORD", "secret")
	dir := t.TempDir()
	file := gatheredScenario(t, s.URL)
	var doc struct {
		Load struct {
			Gathered struct{ Requests, Uploads int64 }
		}
		Totals    struct{ Attempts int64 }
		Reconcile struct {
			Once                                              int64 `json:"stored_once"`
			Acknowledged, Rejected, Lost, Duplicated, Altered int64
		}
	}
	if err := json.Unmarshal([]byte(want(t, exitFail, "run", file, "--out", dir, "--format", "json")), &doc); err != nil {
		t.Fatal(err)
	}
	if load := doc.Load.Gathered; load.Requests != int64(g.requests-1) || load.Uploads < 2*load.Requests || load.Uploads < doc.Totals.Attempts || g.mixed > 0 || g.devices < 5 {
		t.Errorf("%+v; the server had %d requests of up to %d devices, %d of them with another number of tenants than one; attempts at uploads %d",
			load, g.requests, g.devices, g.mixed, doc.Totals.Attempts)
	}
	stored, refused := int64(-1-2), int64(0) // but for the one before the run, and the copies
	for id, doc := range g.docs {
		if doc != nil {
			stored++
		} else if _, later := g.docs[strings.TrimPrefix(id, "refused-")]; !later { // than an attempt without an answer
			refused++
		}
	}
	if r := doc.Reconcile; r.Lost != 3 || r.Duplicated != 2 || r.Altered != 0 || r.Acknowledged != stored+3 || r.Once != stored-2 || r.Rejected != refused || stored < 300 || refused == 0 || len(g.busy) < 10 {
		t.Errorf("%+v; the server has %d events, two of them twice, lost 3, refused %d and put %d off", r, stored, refused, len(g.busy))
	}

	// The uploads of one device go out again each alone, and their events are what they were.
	sent, events := g.docs, 0
	g.docs, g.busy, g.requests, g.calm = map[string]json.RawMessage{}, nil, 0, true
	for _, line := range lines(want(t, exitPass, "replay", dir, "--device", "3", "--print")) {
		var doc struct {
			ID string `json:"event_id"`
		}
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatal(err)
		}
		if was := sent[doc.ID]; was != nil && string(was) != line {
			t.Errorf("%s was sent as\n%s, and is\n%s", doc.ID, was, line)
		} else if was != nil {
			events++
		}
	}
	out := lines(want(t, exitPass, "replay", dir, "--device", "3", "--speed", "0"))
	if events < 3 || len(out) < 2 || g.requests != len(out) || g.devices < 5 {
		t.Errorf("%d uploads in %d requests, %d events that were stored:\n%s", len(out), g.requests, events, strings.Join(out, "\n"))
	}
}
