package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"drover/report"
	"drover/sim/check"
	"drover/sim/wire"
)

// runIn drives testdata/formats.yaml at the embedded backend.
func runIn(t *testing.T, format string, args ...string) *report.Run {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("testdata", "formats.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	code, _, stderr := drover(t, testEnv(), append([]string{"run", file, "--set", "format=" + format, "--out", out, "-q"}, args...)...)
	if code != exitPass && code != exitFail && code != exitInconclusive {
		t.Fatalf("run: code %d: %s", code, stderr)
	}
	doc, _, err := openRun(out)
	if err != nil {
		t.Fatal(err)
	}
	if doc.Reconcile == nil {
		t.Fatalf("not settled: %+v", doc.Checks)
	}
	return doc
}

// Whatever the format, the backend stores what was sent, and the audit reads all of it.
func TestRunInEveryFormat(t *testing.T) {
	for _, format := range slices.Sorted(maps.Keys(wire.Formats)) {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			doc := runIn(t, format)
			for _, c := range doc.Checks {
				if c.Result != check.Pass {
					t.Errorf("%s: %s: %s", c.Name, c.Result, c.Evidence)
				}
			}
			r := doc.Reconcile
			if r.Acknowledged < 350 || r.Once != r.Acknowledged || !r.Contents || !r.Tenants || r.Blind != "" || len(r.Kinds) < 9 {
				t.Errorf("settlement %+v", r)
			}
		})
	}
}

// What the backend changed is found whatever format the event came in.
func TestAlteredInEveryFormat(t *testing.T) {
	for _, format := range slices.Sorted(maps.Keys(wire.Formats)) {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			r := runIn(t, format, "--set", "altered=20%").Reconcile
			if r.Altered < 40 || r.Altered+r.Once != r.Acknowledged || len(r.Fields) != 1 || r.Fields[0].Field != "time" {
				t.Errorf("settlement %+v", r)
			}
		})
	}
}

// An audit finds the same in every format: nothing, or what another contract and other settings forbid, or what is put in.
func TestAuditInEveryFormat(t *testing.T) {
	src, err := os.ReadFile(filepath.Join("testdata", "formats.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, pairs ...string) string {
		path := filepath.Join(t.TempDir(), name+".yaml")
		text := strings.NewReplacer(append(pairs, "client: {", "client: {batch: {maxEvents: 1}, ")...).Replace(string(src))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	open := file("open")
	private := file("private", "DefenderExcludeURLInReport: {false: 50, true: 50}, optionalDiagnostics: {true: 50, false: 50}",
		"DefenderExcludeURLInReport: {true: 100, false: 0}, optionalDiagnostics: {false: 100, true: 0}")
	audit := func(t *testing.T, docs string, args ...string) (code int, res auditResult) {
		t.Helper()
		code, out, _ := auditOf(t, docs, append(args, "--format", "json")...)
		if err := json.Unmarshal([]byte(out), &res); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		res.First, res.Unreadable = nil, 0
		return code, res
	}
	var native auditResult
	for _, format := range append([]string{"uploads"}, foreignFormats()...) {
		t.Run(format, func(t *testing.T) {
			var how []string
			if wire.Formats[format] != nil && wire.Formats[format](&wire.Constants{}).Binary {
				how = []string{"--protobuf"}
			}
			docs := want(t, exitPass, "events", open, "--limit", "0", "--format", format)
			if code, res := audit(t, docs, append(how, "--scenario", open)...); code != exitPass || res.Violations != 0 || res.Events < 350 {
				t.Errorf("of what may be sent: exit code %d, %+v", code, res)
			}
			code, res := audit(t, docs, append(how, "--scenario", private, "--contract", "mde-2024")...)
			if native.Contract == "" {
				native = res
			}
			if code != exitFail || !reflect.DeepEqual(res, native) || res.Violations < 200 {
				t.Errorf("of what may not be sent: exit code %d, %+v, want as natively %+v", code, res, native)
			}
			if how != nil {
				for name, bad := range map[string]string{"another attribute": strings.Replace(docs, "device.id", "device.ip", 1), "a text": docs + "\x0a\x03a.b"} {
					if code, out, _ := auditOf(t, bad, how...); code != exitFail {
						t.Errorf("of %s: exit code %d, %s", name, code, out)
					}
				}
				if code, _, stderr := auditOf(t, docs[:len(docs)-3], how...); code == exitPass || !strings.Contains(stderr, "unexpected EOF") {
					t.Errorf("of a capture that is cut off: exit code %d, %s", code, stderr)
				}
				return
			}
			bad := strings.Replace(docs, `{"`, `{"hidden":"https://a.sim.test/","`, 1)
			if code, out, _ := auditOf(t, bad); code != exitFail || !strings.Contains(out, `"hidden"`) {
				t.Errorf("of a member that the format does not have: exit code %d, %s", code, out)
			}
		})
	}
}

// The list of formats is whole, and each table is told.
func TestFormatsAreTold(t *testing.T) {
	list := want(t, exitPass, "formats")
	for name := range wire.Formats {
		if !strings.Contains(list, name+" ") || !strings.Contains(formatsPage, "\n  "+name+" ") {
			t.Errorf("%s is in no list", name)
		}
		if wire.TableOf(name) != nil && !strings.Contains(want(t, exitPass, "formats", name), "$event.id") {
			t.Errorf("the table of %s has no id", name)
		}
	}
	if n := strings.Count(list, "\n"); n != len(wire.Formats) {
		t.Errorf("%d formats listed, want %d", n, len(wire.Formats))
	}
}

// The adapters of OTLP are driven at a collector that rejects some of every fifth request, without a word which.
func TestPartialSuccess(t *testing.T) {
	const oneRejected = "\x0a\x02\x08\x01"
	for _, way := range []struct{ name, format, adapter, path, contentType, part string }{
		{"otlp", "otlp", "otlp-http", "/v1/logs", "application/x-protobuf", oneRejected},
		{"otlp-json", "otlp-json", "otlp-http", "/v1/logs", "application/json", `{"partialSuccess":{"rejectedLogRecords":"1"}}`},
		{"otlp over gRPC", "otlp", "otlp-grpc", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", "application/grpc", oneRejected},
	} {
		t.Run(way.name, func(t *testing.T) {
			format, calls := way.format, way.adapter == "otlp-grpc"
			form := wire.Formats[format](&wire.Constants{})
			var requests, whole, part atomic.Int64
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				n := int64(0)
				if calls && len(body) >= 5 {
					body = body[5:]
				}
				if err == nil {
					err = form.Decode(body, func([]byte) error { n++; return nil })
				}
				if err != nil || r.URL.Path != way.path || r.Header.Get("Content-Type") != way.contentType || !bytes.Contains(body, []byte("drover.run.id")) {
					t.Errorf("%s %s: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
				}
				answer := ""
				if requests.Add(1)%5 != 0 || n < 2 {
					whole.Add(n)
				} else {
					part.Add(n)
					answer = way.part
				}
				if calls {
					w.Header().Set("Trailer", "Grpc-Status")
					w.Write([]byte{0, 0, 0, 0, byte(len(answer))})
					defer w.Header().Set("Grpc-Status", "0")
				}
				io.WriteString(w, answer)
			}))
			srv.Config.Protocols = new(http.Protocols)
			srv.Config.Protocols.SetHTTP1(!calls)
			srv.Config.Protocols.SetUnencryptedHTTP2(calls)
			srv.Start()
			defer srv.Close()
			url := srv.URL
			if calls {
				url = strings.Replace(url, "http:", "grpc:", 1)
			}
			src, err := os.ReadFile(filepath.Join("testdata", "formats.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "otlp.yaml")
			text := strings.NewReplacer("    auth: {type: bearer, tokenPer: tenant, secretFrom: {env: DROVER_TEST_SECRET}}\n", "    adapter: "+way.adapter+"\n",
				"    defects: {change: {share: \"${altered}\"}}\n", "", "    altered: {type: share, default: 0%}\n", "",
				"    readback: {adapter: drover-audit, settle: 300ms}\n", "", "  checks:", "  checks: []\n  _:").Replace(string(src))
			text, _, _ = strings.Cut(text, "  _:")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			if code, _, stderr := drover(t, testEnv(), "run", file, "--set", "target="+url, "--set", "format="+format, "--out", out, "-q"); code != exitPass && code != exitInconclusive {
				t.Fatalf("run: code %d: %s", code, stderr)
			}
			doc, _, err := openRun(out)
			if err != nil {
				t.Fatal(err)
			}
			var accepted, failed int64
			for _, k := range doc.Kinds {
				accepted, failed = accepted+k.Accepted, failed+k.Failed
			}
			if accepted != whole.Load()-1 || failed != part.Load() || failed == 0 { // one was the preflight's
				t.Errorf("accepted %d, fate not known of %d; the collector took all of %d, and some of %d", accepted, failed, whole.Load()-1, part.Load())
			}
			// What replay prints is of the format, too: requests in protobuf one after another are one.
			var first ledgerLine
			if err := json.Unmarshal([]byte(want(t, exitPass, "ledger", out, "--limit", "1")), &first); err != nil {
				t.Fatal(err)
			}
			bodies := []string{want(t, exitPass, "replay", out, "--device", fmt.Sprint(first.Device), "--print")}
			if !form.Binary {
				bodies = lines(bodies[0])
			}
			for _, b := range bodies {
				if err := form.Decode([]byte(b), func([]byte) error { return nil }); err != nil {
					t.Errorf("replay prints %.100q: %v", b, err)
				}
			}
		})
	}
}
