package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/report"
	"drover/sim/measure"
)

// runScenario is a fleet of ten thousand that does nothing but send; TARGET, CLIENT and LOAD are of the row.
const runScenario = `apiVersion: drover/v1
kind: Scenario
metadata: {name: bench-run}
spec:
  seed: 7
  target:
    url: TARGET
    client: {maxOpen: 64, queue: 100000, timeout: 30s, retry: {maxAttempts: 1}, CLIENT}
  fleets:
    - name: contoso
      devices: 10000
      cohorts:
        - {name: phones, weight: 100, profile: enterprise-iphone, behavior: plain}
  behaviors:
    plain:
      day: {shape: always-on}
      events:
        heartbeat: {every: 1h, jitter: 10%}
        memory: {every: 1h, jitter: 10%}
        appAction: {perDay: 6}
        webVisit: {perDay: 20, maliciousShare: 2%}
        crash: {perDay: 0.1, mix: {jetsam: 50, sigabrt: 50}}
  load: LOAD
`

// runRows are ways to run.
var runRows = []struct{ name, target, client, load string }{
	{"single", "http://HTTP", "batch: {maxEvents: 1}", runClosed},
	{"batch", "http://HTTP", "batch: {maxEvents: 25, maxAge: 7d}", runClosed},
	{"tls", "https://SECURE\n    tls: {caFrom: {file: DIR/ca.pem}}", "batch: {maxEvents: 1}", runClosed},
	{"otlp", "http://HTTP\n    adapter: otlp-http", "batch: {maxEvents: 1}", runClosed},
	{"rate", "http://HTTP", "batch: {maxEvents: 1}", "{arrivals: even, phases: [{name: day, for: 3s, rate: 4000/s}]}"},
}

const runClosed = "{model: closed, concurrency: 64, phases: [{name: day, for: 3s}]}"

// BenchmarkRun is what a whole run takes of CPU for an upload, from its start to its report; the other side is another process.
func BenchmarkRun(b *testing.B) {
	dir := b.TempDir()
	at := costSink(b, dir)
	for _, row := range runRows {
		b.Run(row.name, func(b *testing.B) {
			text := strings.NewReplacer("TARGET", row.target, "CLIENT", row.client, "LOAD", row.load).Replace(runScenario)
			text = strings.NewReplacer("HTTP", at["http1"], "SECURE", at["http1+tls"], "DIR", dir).Replace(text)
			file, out := filepath.Join(dir, row.name+".yaml"), filepath.Join(dir, row.name)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
			before, err := measure.Self()
			if err != nil {
				b.Fatal(err)
			}
			var uploads int64
			for b.Loop() {
				var said bytes.Buffer
				if code := run(b.Context(), []string{"run", file, "--quiet", "--out", out}, &said, &said, process()); code != exitPass && code != exitInconclusive {
					b.Fatalf("exit %d: %s", code, said.String())
				}
				var r report.Run
				if text, err := os.ReadFile(filepath.Join(out, "run.json")); err != nil {
					b.Fatal(err)
				} else if err := json.Unmarshal(text, &r); err != nil {
					b.Fatal(err)
				}
				uploads += r.Totals.Accepted
			}
			after, _ := measure.Self()
			costReport(b, before, after, uploads, "upload")
			b.ReportMetric(float64(uploads), "uploads")
		})
	}
}
