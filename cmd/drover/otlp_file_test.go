package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"drover/sim/wire"
)

// otlpFile is a collector that writes what it gets into a file, a request on each line, and does to some of it what a collector may do
// that is killed, restarted, asked twice, or told to change what passes.
type otlpFile struct {
	t    *testing.T
	form wire.Format

	mu                     sync.Mutex
	out                    *os.File
	requests               int
	once, lost, two, other int64 // events
}

func (f *otlpFile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	n := int64(0)
	if err == nil {
		err = f.form.Decode(body, func([]byte) error { n++; return nil })
	}
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	line := append(body, '\n')
	if f.requests++; f.requests == 1 { // the preflight's
		f.out.Write(line)
		return
	}
	switch f.requests {
	case 5: // killed in the middle of a line: what follows is on the same
		f.lost += n
		line = line[:len(line)/2]
	case 7:
		f.two += n
		line = append(line, line...)
	case 9: // it changes a value, and adds what no format of drover's has
		f.other += n
		line = bytes.Replace(line, []byte(`{"attributes":[`), []byte(`{"attributes":[{"key":"k8s.labels","value":{"kvlistValue":{"values":[]}}},`), 1)
	case 11: // only adds what stands for nothing
		f.once += n
		line = bytes.ReplaceAll(line, []byte(`{"timeUnixNano":`), []byte(`{"traceId":"","spanId":"","flags":0,"timeUnixNano":`))
		line = bytes.ReplaceAll(line, []byte(`"severityText":"INFO","attributes"`), []byte(`"severityText":"INFO","body":{},"attributes"`))
	default:
		f.once += n
	}
	f.out.Write(line)
}

// What a collector's file exporter wrote is read back as it stands: each event with its contents, and what is of somebody else left alone.
func TestReadBackOfACollectorsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logs.jsonl")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	fmt.Fprintln(out, `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"another"}}]},"scopeLogs":[{"logRecords":[{"body":{"bytesValue":"aGk="}}]}]}]}`)
	fmt.Fprintln(out, `{"resourceLogs":[{"resource":{"attributes":[{"key":"drover.run.id","value":{"stringValue":"another-run"}}]},"scopeLogs":[{"logRecords":[{},{}]}]}]}`)
	fmt.Fprint(out, `{"resourceLogs":[{"resource":{"attrib`)
	f := &otlpFile{t: t, form: wire.OTLPJSON(&wire.Constants{}), out: out}
	s := httptest.NewServer(f)
	defer s.Close()
	src, err := os.ReadFile(filepath.Join("testdata", "formats.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("    auth: {type: bearer, tokenPer: tenant, secretFrom: {env: DROVER_TEST_SECRET}}\n", "    adapter: otlp-http\n",
		"    defects: {change: {share: \"${altered}\"}}\n", "", "    altered: {type: share, default: 0%}\n", "",
		"{adapter: drover-audit, settle: 300ms}", "{adapter: otlp-json, url: \"file:"+filepath.ToSlash(file)+"\", settle: 300ms}").Replace(string(src))
	text, _, _ = strings.Cut(text, "    - {name: counted")
	scenario := filepath.Join(t.TempDir(), "otlp.yaml")
	if err := os.WriteFile(scenario, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "out")
	if code, _, stderr := drover(t, testEnv(), "run", scenario, "--set", "target="+s.URL, "--set", "format=otlp-json", "--out", dir, "-q"); code != exitFail && code != exitInconclusive {
		t.Fatalf("run: code %d: %s", code, stderr)
	}
	doc, _, err := openRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := doc.Reconcile
	if c == nil || !c.Contents || !c.Tenants {
		t.Fatalf("%+v, want contents and tenants", c)
	}
	if c.Lost != f.lost || c.Duplicated != f.two || c.Altered != f.other || c.Once != f.once || c.Unexpected+c.WrongTenant+c.Unreadable != 0 || f.lost*f.two*f.other == 0 {
		t.Errorf("%d lost, %d doubled, %d altered, %d once, %d unexpected, %d unreadable; want %d, %d, %d, %d and none", c.Lost, c.Duplicated, c.Altered, c.Once, c.Unexpected, c.Unreadable, f.lost, f.two, f.other, f.once)
	}
}
