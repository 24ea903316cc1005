package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// lookUps is a small scenario with the adapter of the shipped one, at a target.
func lookUps(t *testing.T, url string) string {
	t.Helper()
	text := `apiVersion: drover/v1
kind: Scenario
metadata: {name: asking}
spec:
  seed: 1
  clock: {start: "2026-05-04T08:00:00Z", speed: 40000}
  target:
    url: ` + url + `
    adapter:
      enrol: {path: /v1/enroll, body: format, answers: drover}
      upload: {path: /v1/events, body: format, answers: drover}
      config: {path: /v1/config, headers: {X-Device: "${device.id}"}, every: 2h, success: {say: revision, yes: 0}}
      verdict: {path: /v1/verdict, query: {domain: "${web.domain}"}, verdict: {word: verdict, score: score}}
    client: {compression: gzip}
  fleets:
    - name: contoso
      devices: 20
      cohorts: [{name: phones, weight: 100, profile: enterprise-iphone, behavior: busy}]
  behaviors:
    busy: {day: {shape: always-on}, events: {heartbeat: {every: 1h}, webVisit: {perDay: 400, maliciousShare: 10%}}}
  load:
    phases: [{name: day, for: 500ms}, {name: drain, do: drain, for: 2s}]
  checks:
    - {name: config, metric: refused, where: {op: config}, expect: count == 0}
    - {name: verdict, metric: accepted, where: {op: verdict}, expect: rate == 100%}
    - {name: agreement, verdicts: {agreement: ">= 100%", atLeast: 20}}
    - {name: settled, reconcile: {lost: 0, duplicated: 0, altered: 0, wrongTenant: 0, unexpected: 0}}
`
	if url == "embedded" {
		text = strings.Replace(text, "    client:", "    readback: {adapter: drover-audit, settle: 2s}\n    client:", 1)
	}
	file := filepath.Join(t.TempDir(), "asking.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Devices fetch their configuration and ask for verdicts at drover's own backend, over the wire: each is an operation of the report, and no
// part of what is settled.
func TestLookUps(t *testing.T) {
	file := lookUps(t, "embedded")
	out := want(t, exitPass, "run", file, "--out", t.TempDir(), "--format", "json")
	var doc struct {
		Operations []struct {
			Name                         string
			Due, Accepted, Events, Bytes int64
			Response                     struct{ Count int64 }
		}
		Verdicts struct{ Judged int64 }
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int64{}
	for _, op := range doc.Operations {
		seen[op.Name] = op.Accepted
		if looked := op.Name != "upload"; op.Accepted == 0 || op.Accepted != op.Due || op.Response.Count != op.Due || looked != (op.Events == 0) || looked != (op.Bytes == 0) {
			t.Errorf("%+v: want all accepted, and events of uploads alone", op)
		}
	}
	// 500 ms are 5.6 h: a fetch at the first upload, and two more.
	if len(seen) != 3 || seen["config"] < 50 || seen["config"] > 60 || seen["verdict"] < 20 {
		t.Errorf("operations are %v, want upload, config and verdict", seen)
	}
	var plan planDoc
	if err := json.Unmarshal([]byte(want(t, exitPass, "plan", file, "--format", "json")), &plan); err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"config", "verdict"} { // the report is of the phase that is measured
		if got := plan.Phases[0].LookUps[op]; got != float64(seen[op]) {
			t.Errorf("the plan has %v look-ups of %s, the run made %d", got, op, seen[op])
		}
	}
	text := want(t, exitPass, "plan", file)
	if line := fmt.Sprintf("LOOK-UPS day drain config %v", plan.Phases[0].LookUps["config"]); !strings.Contains(strings.Join(strings.Fields(text), " "), line) {
		t.Errorf("the plan does not say %q:\n%s", line, text)
	}
}

// A look-up that the server refuses ends drover before the load.
func TestLookUpPreflight(t *testing.T) {
	missing := "/v1/config"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case missing:
			w.WriteHeader(http.StatusNotFound)
		case "/v1/config":
			if r.Method != http.MethodGet || r.Header.Get("X-Device") == "" || r.Header.Get("Content-Encoding") != "" || r.Header.Get("Content-Length") != "" || r.Header.Get("Idempotency-Key") != "" {
				t.Errorf("a fetch is %s with %v", r.Method, r.Header)
			}
			w.Write([]byte(`{"revision":0}`))
		case "/v1/verdict":
			if !strings.HasSuffix(r.URL.Query().Get("domain"), ".sim.test") {
				t.Errorf("a look-up asks %s", r.URL)
			}
			w.Write([]byte(`{"verdict":"benign"}`))
		}
	}))
	defer s.Close()
	refused(t, exitTarget, "the fetch of a configuration was not accepted", "run", lookUps(t, s.URL), "--out", t.TempDir())
	missing = "/v1/verdict"
	refused(t, exitTarget, "the look-up of a verdict was not accepted", "run", lookUps(t, s.URL), "--out", t.TempDir())
}

// Each device gets its credential by a request of the adapter's, by the secret that the scenario names, before it uploads.
func TestMappedTokens(t *testing.T) {
	var mu sync.Mutex
	uploads, devices := 0, map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if device, ok := strings.CutPrefix(r.URL.Path, "/id/v2/devices/"); ok {
			var code struct{ Code string }
			if json.NewDecoder(r.Body).Decode(&code) != nil || code.Code != "s3cret" || r.Header.Get("Authorization") != "Enrol s3cret" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			devices[device] = true
			fmt.Fprintf(w, `{"session":{"id":"of-%s","seconds":3600}}`, device)
			return
		}
		if device, ok := strings.CutPrefix(r.Header.Get("X-Session"), "id=of-"); !ok || device != r.Header.Get("X-Device") || !devices[device] {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		uploads++
	}))
	defer s.Close()
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	if err := os.WriteFile(file, []byte(`apiVersion: drover/v1
kind: Scenario
metadata: {name: tokens}
spec:
  seed: 1
  clock: {start: "2026-05-04T08:00:00Z", speed: 40000}
  target:
    url: `+s.URL+`
    auth: {type: token, secretFrom: {env: ENROL_CODE}, header: X-Session, prefix: "id=", tokenURL: "`+s.URL+`/id/"}
    adapter:
      upload: {path: /in, headers: {X-Device: "${device.id}"}, event: "${event.json}"}
      token:
        path: /v2/devices/${device.id}
        headers: {Authorization: "Enrol ${auth.secret}"}
        document: {code: "${auth.secret}"}
        token: session.id
        expires: session.seconds
  fleets:
    - name: contoso
      devices: 20
      cohorts: [{name: phones, weight: 100, profile: enterprise-iphone, behavior: busy}]
  behaviors:
    busy: {day: {shape: always-on}, events: {heartbeat: {every: 1h}}}
  load:
    phases: [{name: day, for: 500ms}, {name: drain, do: drain, for: 2s}]
  checks:
    - {name: all, metric: accepted, where: {op: upload}, expect: rate == 100%}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ENROL_CODE", "wrong")
	refused(t, exitTarget, "status 403; does the token or secret", "run", file, "--out", t.TempDir())
	t.Setenv("ENROL_CODE", "s3cret")
	dir := t.TempDir()
	out := want(t, exitPass, "run", file, "--out", dir, "--format", "json")
	var doc struct {
		Connections struct{ Tokens struct{ Count int64 } }
		Totals      struct{ Accepted int64 }
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if len(devices) != 20 || doc.Connections.Tokens.Count != 20 || doc.Totals.Accepted < 60 || int64(uploads) < doc.Totals.Accepted {
		t.Errorf("%d devices have a token, the report times %d; %d uploads accepted, %d came", len(devices), doc.Connections.Tokens.Count, doc.Totals.Accepted, uploads)
	}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if b, _ := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("s3cret")) || bytes.Contains(b, []byte("of-")) {
			t.Errorf("%s holds a secret or a token, or cannot be read: %v", path, err)
		}
		return nil
	})
}
