package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"drover/report"
	"drover/sim/check"
)

// readRun reads the run.json of a report.
func readRun(t *testing.T, dir string) *report.Run {
	t.Helper()
	run, _, err := openRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// holdsSchema wants the run.json of a report to be what "drover schema run" says.
func holdsSchema(t *testing.T, dir string) {
	t.Helper()
	schema := new(jsonschema.Schema)
	if err := json.Unmarshal([]byte(want(t, exitPass, "schema", "run")), schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(src, &doc); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(doc); err != nil {
		t.Errorf("%s/run.json: %v", dir, err)
	}
	delete(doc, "totals")
	if resolved.Validate(doc) == nil {
		t.Error("the schema accepts a run without totals")
	}
}

// TestRun is a whole run against the embedded backend, and what it leaves behind.
func TestRun(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	code, out, stderr := drover(t, testEnv(), "run", file, "--variant=")
	dir := filepath.Join("runs", "quick-20260504T080000Z")
	for _, w := range []string{"quick", "fast", "answered", "all-counted", dir} {
		if !strings.Contains(out, w) {
			t.Errorf("the summary has no %q:\n%s", w, out)
		}
	}
	run := readRun(t, dir)
	holdsSchema(t, dir)
	// A machine that does not keep up makes the run inconclusive.
	kept := code == exitPass && run.Result == check.Pass || code == exitInconclusive && run.Generator.Behind != ""
	if !kept || run.Exit.Code != code || run.Interrupted || len(run.Checks) != 3 {
		t.Errorf("exit code %d, in run.json %+v, result %s, %d checks\n%s", code, run.Exit, run.Result, len(run.Checks), stderr)
	}
	if run.Totals.Due == 0 || run.AllPhases.Accepted != run.AllPhases.Due {
		t.Errorf("run.json: totals %+v of all %+v, want everything accepted", run.Totals, run.AllPhases)
	}
	var devices, sent, events, crashed int64
	for _, v := range run.Versions {
		devices, sent, events, crashed = devices+v.Devices, sent+v.Sent, events+v.Events, crashed+v.Kinds["app.crash"]
	}
	if devices != int64(run.Load.Devices) || sent != run.Totals.Sent || events != run.Totals.Events || len(run.Versions) < 2 {
		t.Errorf("run.json: versions %+v, want all %d devices, %d uploads and %d events", run.Versions, run.Load.Devices, run.Totals.Sent, run.Totals.Events)
	}
	over := map[string]int64{}
	for _, p := range run.Timeline {
		for k, n := range p.Kinds {
			over[k] += n
		}
		if len(p.Classes) > 0 {
			t.Errorf("run.json: from %d ns attempts ended in %v", p.FromNS, p.Classes)
		}
	}
	for _, k := range run.Kinds {
		if over[k.Kind] != k.Accepted {
			t.Errorf("run.json: %d of %s over time, %d accepted", over[k.Kind], k.Kind, k.Accepted)
		}
	}
	if crashed > over["app.crash"] {
		t.Errorf("run.json: %d crashes by version, %d in all", crashed, over["app.crash"])
	}
	stored := int64(0)
	for _, k := range run.Kinds {
		if k.Stored == nil || *k.Stored != k.Accepted || k.Made != k.Accepted {
			t.Errorf("run.json: kind %+v, want made, accepted and stored equal", k)
		} else {
			stored += *k.Stored
		}
	}
	if stored == 0 {
		t.Error("run.json: nothing was stored")
	}
	for _, name := range []string{"run.json", "report.html", "report.md", "junit.xml", "scenario.yaml"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	// The resolved scenario needs neither params nor variants, and is the same run.
	if got, whole := want(t, exitPass, "events", filepath.Join(dir, "scenario.yaml")), want(t, exitPass, "events", file); got != whole {
		t.Error("scenario.yaml does not give the same events as the file it was resolved from")
	}

	// A second run in the same second has a directory of its own.
	ran(t, "run", file, "--quiet", "--workers", "1", "--set", "day=200ms")
	second := readRun(t, dir+"-2")
	if second.ID == run.ID {
		t.Errorf("two runs have the id %s", run.ID)
	}
	if w := "--set day=200ms"; !strings.Contains(second.Scenario.Command, w) {
		t.Errorf("run.json: command %q, want %q in it", second.Scenario.Command, w)
	}
	testReport(t, dir, run)
}

// testReport renders a finished run in each format.
func testReport(t *testing.T, dir string, run *report.Run) {
	saved, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := want(t, exitPass, "report", dir, "--format", "json"); got != string(saved) {
		t.Error("report --format json is not run.json")
	}
	for format, start := range map[string]string{"csv": "from_ns,width_ns,phase,", "hlog": "#[drover ", "junit": "<?xml"} {
		if got := want(t, exitPass, "report", dir, "--format", format); !strings.HasPrefix(got, start) || strings.Count(got, "\n") < 2 {
			t.Errorf("report --format %s prints %.100q", format, got)
		}
	}
	if got := want(t, exitPass, "report", filepath.Join(dir, "run.json")); !strings.Contains(got, "all-counted") {
		t.Errorf("report as text = %q", got)
	}
	for format, name := range map[string]string{"markdown": "report.md", "junit": "junit.xml", "html": "report.html"} {
		saved, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if out := want(t, exitPass, "report", dir, "--format", format, "-o", "again"); out != "" {
			t.Errorf("report -o prints %q", out)
		}
		if got, err := os.ReadFile("again"); err != nil || !bytes.Equal(got, saved) {
			t.Errorf("report --format %s is not %s (%v)", format, name, err)
		}
	}
	var suite struct {
		Cases []struct {
			Name string `xml:"name,attr"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal([]byte(want(t, exitPass, "report", dir, "--format", "junit")), &suite); err != nil || len(suite.Cases) != len(run.Checks) {
		t.Errorf("junit.xml has %d cases (%v), want %d", len(suite.Cases), err, len(run.Checks))
	}
	if code, _, stderr := drover(t, testEnv(), "report", "nowhere"); code != exitUsage || strings.Count(stderr, "\n") != 1 {
		t.Errorf("report of nothing: %d, %q", code, stderr)
	}
}

func TestRunFormats(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	var doc report.Run
	if err := json.Unmarshal([]byte(want(t, exitPass, "run", file, "--set", "day=200ms", "--out", "a", "--format", "json", "-q")), &doc); err != nil || doc.Schema != report.Schema {
		t.Errorf("run --format json: %v, schema %q", err, doc.Schema)
	}
	if out := want(t, exitPass, "run", file, "--set", "day=200ms", "--out", "a", "--format", "markdown"); !strings.Contains(out, "| ") {
		t.Errorf("run --format markdown = %q", out)
	}
	code, out, stderr := drover(t, testEnv(), "run", file, "--set", "day=200ms", "--out", "a", "--quiet")
	if code != exitPass || out != "" || stderr != "" {
		t.Errorf("run --quiet: %d, %q, %q, want no word", code, out, stderr)
	}
}

func TestRunExitCodes(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	out := want(t, exitFail, "run", file, "--set", "limit=1us", "--out", "slow")
	if !strings.Contains(out, "fast") {
		t.Errorf("the summary does not tell which check failed:\n%s", out)
	}
	if run := readRun(t, "slow"); run.Exit.Code != exitFail || run.Exit.Reason != reason(exitFail) {
		t.Errorf("run.json: exit %+v", run.Exit)
	}

	// A backend without an audit: the count cannot be checked, so the run must not claim that all is well.
	backend := answering(t, http.StatusOK, `{"accepted":1}`)
	t.Setenv("DROVER_TEST_SECRET", "secret")
	want(t, exitInconclusive, "run", file, "--set", "target="+backend, "--set", "day=200ms", "--out", "blind")
	run := readRun(t, "blind")
	if got := run.Checks[2]; got.Name != "all-counted" || got.Result != check.NotChecked {
		t.Errorf("run.json: check %+v, want it not checked", got)
	}
	if !strings.Contains(strings.Join(run.Warnings, "\n"), "does not tell what it stored") {
		t.Errorf("run.json: warnings %q, want one about the audit", run.Warnings)
	}
}

// answering is a backend that gives everybody the same answer, and has no audit.
func answering(t *testing.T, status int, body string) (url string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if strings.HasPrefix(r.URL.Path, "/v1/audit/") {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestRunUnreachable(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	t.Setenv("DROVER_TEST_SECRET", "secret")
	tests := []struct{ target, want string }{
		{nobody, "is the backend up?"},
		{answering(t, http.StatusUnauthorized, ""), "401"},
	}
	for _, tt := range tests {
		code, stdout, stderr := drover(t, testEnv(), "run", file, "--set", "target="+tt.target, "--out", "out")
		if code != exitTarget || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, tt.want) {
			t.Errorf("run at %s: %d, %q, %q; want %d and one line with %q", tt.target, code, stdout, stderr, exitTarget, tt.want)
		}
	}
	if _, err := os.Stat("out"); err == nil {
		t.Error("a run that never began left a directory")
	}
	// Where requests are mapped, a backend of drover's is no remedy.
	const gateway = "connection refused; is the server up, and does it speak this protocol there?\n"
	if code, _, stderr := drover(t, testEnv(), "run", "gateway", "--set", "target="+nobody, "--out", "out"); code != exitTarget || !strings.HasSuffix(stderr, gateway) {
		t.Errorf("run gateway: %d, %q; want %d and %q", code, stderr, exitTarget, gateway)
	}
	// A host that the file does not allow, and a secret that is not there, are mistakes before the first packet.
	if code, _, stderr := drover(t, testEnv(), "run", file, "--set", "target=http://backend.example"); code != exitUsage || !strings.Contains(stderr, "allowHosts") {
		t.Errorf("run at a host that is not allowed: %d, %q", code, stderr)
	}
	t.Setenv("DROVER_TEST_SECRET", "")
	if code, _, stderr := drover(t, testEnv(), "run", file, "--set", "target="+nobody); code != exitUsage || !strings.Contains(stderr, "DROVER_TEST_SECRET") {
		t.Errorf("run without the secret: %d, %q", code, stderr)
	}
}

// screen is a standard error that calls seen with all that was written so far.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	seen func(text string)
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(b)
	s.seen(s.text.String())
	return len(b), nil
}

// TestRunInterrupted ends a run that would last for an hour at its first sign of life.
func TestRunInterrupted(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	stderr := &screen{seen: func(text string) {
		if strings.Contains(text, "accepted") {
			interrupt()
		}
	}}
	var stdout bytes.Buffer
	code := run(ctx, []string{"run", file, "--set", "day=1h", "--out", "out"}, &stdout, stderr, testEnv())
	if code != exitInterrupted {
		t.Fatalf("exit code %d, want %d\n%s", code, exitInterrupted, &stderr.text)
	}
	doc := readRun(t, "out")
	if !doc.Interrupted || doc.Exit.Code != exitInterrupted || doc.AllPhases.Accepted == 0 {
		t.Errorf("run.json: interrupted %v, exit %+v, accepted %d", doc.Interrupted, doc.Exit, doc.AllPhases.Accepted)
	}
	for _, k := range doc.Kinds {
		if k.Stored == nil || *k.Stored < k.Accepted {
			t.Errorf("run.json: kind %+v, want the backend's count even so", k)
		}
	}
	if stdout.Len() == 0 {
		t.Error("no summary was printed")
	}
}
