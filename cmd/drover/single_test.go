package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// twoDoors is a server that takes several events at one place and one event at another, and refuses each at the other's.
type twoDoors struct {
	mu     sync.Mutex
	stored []string            // documents, in the order of their arrival
	found  map[string][]string // ids of the events that came, by path
}

func (d *twoDoors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	var several struct{ Events []json.RawMessage }
	switch r.URL.Path {
	case "/events":
		for _, doc := range d.stored {
			if strings.Contains(doc, `"run":"`+r.FormValue("run")+`"`) {
				io.WriteString(w, doc+"\n")
			}
		}
		return
	case "/batch":
		if json.Unmarshal(body, &several) != nil || len(several.Events) == 1 && len(d.found["/batch"]) > 0 { // but for the one before the run
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	case "/event":
		several.Events = []json.RawMessage{body}
	}
	for _, doc := range several.Events {
		var e struct{ ID, Run string }
		if json.Unmarshal(doc, &e) != nil || e.ID == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		d.stored, d.found[r.URL.Path] = append(d.stored, string(doc)), append(d.found[r.URL.Path], e.ID)
	}
}

// An upload of one event goes where the adapter says that single events go, from the one before the run on; the report tells the two apart,
// and all are settled together.
func TestSingleEvents(t *testing.T) {
	d := &twoDoors{found: map[string][]string{}}
	s := httptest.NewServer(d)
	defer s.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "doors.yaml")
	text := strings.ReplaceAll(`apiVersion: drover/v1
kind: Scenario
metadata: {name: doors}
spec:
  clock: {start: "2026-05-04T08:00:00Z", speed: 40000}
  target:
    url: URL
    client: {batch: {maxEvents: 3, maxAge: 45m}}
    adapter:
      upload: {path: /batch, document: {events: "${upload.events}"}, event: {id: "${event.id}", run: "${run.id}"}}
      single: {path: /event, event: {id: "${event.id}", run: "${run.id}"}}
    readback: {adapter: ndjson, request: '/events?run={run}', id: id, settle: 5s}
  fleets:
    - name: contoso
      devices: 60
      cohorts: [{name: phones, weight: 100, profile: enterprise-iphone, behavior: busy}]
  behaviors:
    busy:
      day: {shape: always-on}
      events: {heartbeat: {every: 1h, jitter: 20%}, memory: {every: 100m, jitter: 20%}}
  load:
    phases: [{name: day, for: 500ms}]
  checks:
    - {name: settled, reconcile: {lost: 0, duplicated: 0, unexpected: 0}}
    - {name: alone, metric: accepted, where: {op: single}, expect: "count >= 20"}
`, "URL", s.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Totals     struct{ Accepted, Refused, Events int64 }
		Operations []struct {
			Name             string
			Accepted, Events int64
		}
		Reconcile struct{ Acknowledged int64 }
	}
	out := filepath.Join(dir, "out")
	if err := json.Unmarshal([]byte(want(t, exitPass, "run", file, "--out", out, "--format", "json")), &doc); err != nil {
		t.Fatal(err)
	}
	ops := map[string][2]int64{}
	for _, o := range doc.Operations {
		ops[o.Name] = [2]int64{o.Accepted, o.Events}
	}
	single, batch := int64(len(d.found["/event"])-1), int64(len(d.found["/batch"])-1)
	if ops["single"] != [2]int64{single, single} || ops["upload"][1] != batch || ops["upload"][0] < 20 || doc.Totals.Accepted != single+ops["upload"][0] || doc.Totals.Refused != 0 || doc.Reconcile.Acknowledged != single+batch {
		t.Errorf("%+v; the server had %d single events, and %d in batches", doc, single, batch)
	}

	// What is sent again goes the same way.
	before, again := len(d.found["/event"]), ""
	for _, device := range []string{"1", "2", "3"} {
		again += want(t, exitPass, "replay", out, "--device", device, "--speed", "0")
	}
	if n := strings.Count(again, "  single  "); n == 0 || len(d.found["/event"])-before != n || !strings.Contains(again, "  upload  ") {
		t.Errorf("%d of these were single events, the server had %d:\n%s", n, len(d.found["/event"])-before, again)
	}
}
