package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"drover/sim/scenario"
)

// Every preset is listed with a line about itself, and printed as it is.
func TestAdapters(t *testing.T) {
	out := want(t, exitPass, "adapters")
	for _, name := range append(scenario.Adapters(), scenario.Readbacks()...) {
		if i := strings.Index(out, "  "+name+" "); i < 0 || len(strings.Fields(lines(out[i:])[0])) < 3 {
			t.Errorf("adapters has no line about %s:\n%s", name, out)
		}
		if text := want(t, exitPass, "adapters", name); !strings.Contains(text, "name: "+name+"\n") {
			t.Errorf("adapters %s prints\n%s", name, text)
		}
	}
	refused(t, exitUsage, `did you mean "loki"?`, "adapters", "lokki")
	refused(t, exitUsage, "at most one", "adapters", "a", "b")
}

// refused runs the command, which has to end with the given code and say so.
func refused(t *testing.T, code int, say string, args ...string) {
	t.Helper()
	got, stdout, stderr := drover(t, testEnv(), args...)
	if got != code || !strings.Contains(stderr, say) {
		t.Errorf("drover %s: exit code %d, %q; want %d and %q\n%s", strings.Join(args, " "), got, stderr, code, say, stdout)
	}
}

// bulk is a server that answers as Elasticsearch does: bulk requests with a result for each event, pages by search_after. Every
// hundredth event is refused inside of a 200.
type bulk struct {
	mu      sync.Mutex
	docs    map[string]json.RawMessage // by id
	refused int
	blind   bool            // it shows nothing
	busy    map[string]bool // not nil: events whose id begins with 0, but for the one before the run, are to come again, once, as these were told
}

func (b *bulk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who := "u:secret"
	if r.URL.Path == "/drover/_search" { // for which others have a credential
		who = "reader:readonly"
	}
	if user, password, _ := r.BasicAuth(); user+":"+password != who {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.URL.Path == "/drover/_search" {
		b.search(w, body)
		return
	}
	if r.URL.Path != "/_bulk" || r.Header.Get("Content-Type") != "application/x-ndjson" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var items []string
	parts := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	for i := 0; i+1 < len(parts); i += 2 {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		if json.Unmarshal([]byte(parts[i]), &action) != nil || !json.Valid([]byte(parts[i+1])) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		status := 201
		if _, there := b.docs[action.Create.ID]; there {
			status = 409
		} else if id := action.Create.ID; b.busy != nil && len(b.docs) > 0 && id[0] == '0' && !b.busy[id] {
			status, b.busy[id] = 429, true
		} else if len(b.docs)%100 == 99 {
			status = 400
			b.refused++
			b.docs["refused-"+action.Create.ID] = nil
		} else {
			b.docs[action.Create.ID] = json.RawMessage(parts[i+1])
		}
		items = append(items, fmt.Sprintf(`{"create":{"_id":%q,"status":%d,"error":{"reason":"mapper_parsing_exception"}}}`, action.Create.ID, status))
	}
	fmt.Fprintf(w, `{"took":1,"errors":true,"items":[%s]}`, strings.Join(items, ","))
}

func (b *bulk) search(w http.ResponseWriter, body []byte) {
	var q struct {
		Size  int
		Query struct{ Term map[string]string }
		After []string `json:"search_after"`
	}
	if err := json.Unmarshal(body, &q); err != nil || len(q.After) != 1 || q.Size == 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var ids []string
	for id, doc := range b.docs {
		var d struct{ Run string }
		if doc != nil && json.Unmarshal(doc, &d) == nil && d.Run == q.Query.Term["run.keyword"] && id > q.After[0] && !b.blind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var hits []string
	for _, id := range ids[:min(len(ids), q.Size)] {
		hits = append(hits, fmt.Sprintf(`{"_id":%q,"_source":%s,"sort":[%q]}`, id, b.docs[id], id))
	}
	fmt.Fprintf(w, `{"hits":{"hits":[%s]}}`, strings.Join(hits, ","))
}

// bulkScenario is the scenario of the tests, driven at a bulk server.
func bulkScenario(t *testing.T, url, settle string) string {
	t.Helper()
	t.Setenv("READ_PASSWORD", "readonly")
	text := `apiVersion: drover/v1
kind: Scenario
metadata: {name: bulk}
spec:
  seed: 1
  clock: {start: "2026-05-04T08:00:00Z", speed: 20000}
  target:
    url: ` + url + `
    adapter: elasticsearch-bulk
    auth: {type: basic, user: u, passwordFrom: {env: BULK_PASSWORD}}
    readback: {adapter: elasticsearch, limit: 50, settle: ` + settle + `, auth: {type: basic, user: reader, passwordFrom: {env: READ_PASSWORD}}}
  fleets:
    - name: contoso
      tenants: {count: 2}
      devices: 20
      identity: {upnDomain: contoso.example}
      settings: {DefenderExcludeURLInReport: {false: 50, true: 50}}
      cohorts: [{name: phones, weight: 100, profile: enterprise-iphone, behavior: busy}]
  behaviors:
    busy:
      day: {shape: always-on}
      events: {heartbeat: {every: 1h, jitter: 10%}, webVisit: {perDay: 400, maliciousShare: 5%}, feedback: {perDay: 3}, crash: {perDay: 1, mix: {sigabrt: 100}}}
  load:
    phases: [{name: day, for: 500ms}, {name: drain, do: drain, for: 2s}]
  checks: [{name: settled, reconcile: {lost: 0, duplicated: 0, altered: 0, wrongTenant: 0, unexpected: 0}}]
`
	file := filepath.Join(t.TempDir(), "bulk.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A server that nobody here wrote a word of Go for: what it refuses inside of a 200 is refused, the rest is stored once as sent,
// and its contents are compared.
func TestMappedRun(t *testing.T) {
	b := &bulk{docs: map[string]json.RawMessage{}}
	s := httptest.NewServer(b)
	defer s.Close()
	t.Setenv("BULK_PASSWORD", "secret")
	dir := t.TempDir()
	want(t, exitPass, "run", bulkScenario(t, s.URL, "10s"), "--out", dir, "--format", "json")
	settled := want(t, exitPass, "settle", dir, "--format", "json")
	var doc struct {
		Reconcile struct {
			Once                                    int64 `json:"stored_once"`
			Acknowledged, Lost, Duplicated, Altered int64
		}
	}
	if err := json.Unmarshal([]byte(settled), &doc); err != nil {
		t.Fatal(err)
	}
	stored := int64(len(b.docs) - b.refused - 1) // but for the one before the run
	if r := doc.Reconcile; b.refused == 0 || stored < 100 || r.Acknowledged != stored || r.Once != stored || r.Lost+r.Duplicated+r.Altered != 0 {
		t.Errorf("%+v; the server holds %d and refused %d:\n%s", r, stored, b.refused, settled)
	}
}

// What is wrong before the load ends drover before the load: a password, a path, a server that shows nothing.
func TestMappedPreflight(t *testing.T) {
	b := &bulk{docs: map[string]json.RawMessage{}}
	s := httptest.NewServer(b)
	defer s.Close()
	t.Setenv("BULK_PASSWORD", "wrong")
	refused(t, exitTarget, "401", "run", bulkScenario(t, s.URL, "10s"), "--out", t.TempDir())
	t.Setenv("BULK_PASSWORD", "secret")
	refused(t, exitTarget, "404", "run", bulkScenario(t, s.URL+"/elsewhere", "10s"), "--out", t.TempDir())
	if len(b.docs) != 0 {
		t.Errorf("the server holds %d events, want none", len(b.docs))
	}
	b.blind = true
	refused(t, exitTarget, "does not show it", "run", bulkScenario(t, s.URL, "0s"), "--out", t.TempDir())
}

// TestCredentialsOfThePage: what the page says of credentials can be copied into a scenario.
func TestCredentialsOfThePage(t *testing.T) {
	_, rest, _ := strings.Cut(want(t, exitPass, "help", "adapters"), "Credentials.")
	types := map[string]bool{}
	for _, line := range lines(rest) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " # ")
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "auth:") && !strings.HasPrefix(line, "tls:") {
			continue
		}
		types[strings.Trim(strings.Fields(line)[2], ",}")] = true
		connections := "pooled"
		if strings.Contains(line, "clientCertificates") {
			connections = "per-device"
		}
		adapter := "jsonlines"
		if strings.Contains(line, "type: token,") {
			adapter = `{token: {path: /session, document: {code: "${auth.secret}"}, token: id}, upload: {event: "${event.json}"}}`
		}
		file := variant(t, "    auth: {type: bearer, tokenPer: tenant, secretFrom: {env: DROVER_TEST_SECRET}}\n", "    adapter: "+adapter+"\n    "+line+"\n",
			"client: {timeout: 5s}", "client: {connections: "+connections+"}", "    - {name: all-counted, count: {missing: 0, surplus: 0}}\n", "")
		want(t, exitPass, "validate", file, "--set", "target=https://127.0.0.1:8443")
	}
	for _, typ := range []string{"none", "basic", "bearer", "header", "oauth2", "token"} {
		if !types[typ] {
			t.Errorf("the page has no credential of type %s", typ)
		}
	}
}
