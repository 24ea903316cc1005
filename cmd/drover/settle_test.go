package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/report"
	"drover/sim/backend"
	"drover/sim/check"
	"drover/sim/classify"
	"drover/sim/defect"
	"drover/sim/event"
)

// suspicious finds something in every site, so that each verdict that is wrong is a clean one.
type suspicious struct{}

func (suspicious) Classify([]byte) classify.Verdict {
	return classify.Verdict{Category: event.Phishing, Score: 0.9}
}

const fatesSecret = "correct horse"

const withdrawal = `  timeline:
    - {name: withdrawal, at: day + 300ms, select: {percent: 50}, change: {optionalDiagnostics: {true: 0, false: 100}}}
`

// fatesRun drives testdata/fates.yaml, or that with users who take consent back, against a backend with defects, and returns what the report says and how often each defect was planted.
func fatesRun(t *testing.T, scenario string, set *defect.Set, args ...string) (dir string, doc *report.Run, planted map[string]int64) {
	t.Helper()
	srv, err := backend.Start(t.Context(), backend.Options{Secret: []byte(fatesSecret), Classifier: suspicious{}, Defects: set})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	dir = fatesAgainst(t, scenario, srv.URL(), args...)
	doc, _, err = openRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, doc, plantedAt(t, srv.URL())
}

// fatesAgainst drives the scenario and returns the run's directory. What became of the events does not hang on whether
// the machine kept up.
func fatesAgainst(t *testing.T, scenario, url string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(fatesSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "fates.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if scenario == "withdrawal.yaml" { // the same, but some users take consent back
		text = bytes.Replace(text, []byte("  checks:\n"), []byte(withdrawal+"  checks:\n"), 1)
	}
	file := filepath.Join(dir, scenario)
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	code, _, stderr := drover(t, testEnv(), append([]string{"run", file, "--set", "target=" + url, "--set", "secret=" + secret, "--out", out, "-q"}, args...)...)
	if code != exitPass && code != exitFail && code != exitInconclusive {
		t.Fatalf("run: code %d: %s", code, stderr)
	}
	return out
}

func plantedAt(t *testing.T, url string) map[string]int64 {
	t.Helper()
	token, err := backend.TenantToken([]byte(fatesSecret), backend.AllTenants)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/defects", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var told struct {
		Defects []struct {
			Defect  string
			Planted int64
		}
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(b, &told) != nil {
		t.Fatalf("/v1/defects: %s, %v", b, err)
	}
	planted := map[string]int64{}
	for _, d := range told.Defects {
		planted[d.Defect] = d.Planted
	}
	return planted
}

// Commands about a run say what is wrong with it.
func TestRunMistakes(t *testing.T) {
	dir, _, _ := fatesRun(t, "fates.yaml", nil)
	device := "17"
	for _, tt := range []struct {
		args string
		want string
	}{
		{"settle", "want one run"},
		{"settle nowhere", "nowhere"},
		{"ledger nowhere", "nowhere"},
		{"replay nowhere --device 1", "nowhere"},
		{"ledger " + dir + " --kind virus", "--kind virus: want enrolment,"},
		{"ledger " + dir + " --outcome lost", "--outcome lost: want accepted"},
		{"ledger " + dir + " --device 200", "the fleet has 200 devices"},
		{"ledger " + dir + " --device -2", "--device -2"},
		{"ledger " + dir + " --tenant x", "--tenant x"},
		{"ledger " + dir + " --limit -1", "--limit -1"},
		{"replay " + dir, "want the number of a device"},
		{"replay " + dir + " --device 200 --print", "the fleet has 200 devices"},
		{"replay " + dir + " --device 1 --speed -1", "--speed -1"},
		{"replay " + dir + " --device 1 --print --run x", "--print sends nothing"},
		{"replay " + dir + " --device 1 --print --speed 2", "--print sends nothing"},
		{"replay " + dir + " --device 1 --target http://192.0.2.1:9", "192.0.2.1"},
	} {
		code, stdout, stderr := drover(t, testEnv(), strings.Fields(tt.args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("drover %s: %d, %q, %q; want %d and %q", tt.args, code, stdout, stderr, exitUsage, tt.want)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, ledgerDir)); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"settle " + dir, "ledger " + dir, "ledger " + dir + " --kind heartbeat", "replay " + dir + " --print --device " + device} {
		if code, _, stderr := drover(t, testEnv(), strings.Fields(args)...); code != exitUsage || !strings.Contains(stderr, "--no-ledger") {
			t.Errorf("drover %s without a ledger: %d, %q", args, code, stderr)
		}
	}
}

// Replay sends the very bytes again: an idempotent backend of the same run knows them all, and one that is new stores them.
func TestReplay(t *testing.T) {
	start := func() *backend.Server {
		srv, err := backend.Start(context.Background(), backend.Options{Secret: []byte(fatesSecret), Classifier: suspicious{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { srv.Close() })
		return srv
	}
	first := start()
	dir := fatesAgainst(t, "fates.yaml", first.URL())
	bodies := strings.Split(strings.TrimSpace(want(t, exitPass, "replay", dir, "--device", "17", "--print")), "\n")
	out := want(t, exitPass, "replay", dir, "--device", "17", "--speed", "0")
	if strings.Count(out, "\n") != len(bodies) || strings.Contains(out, `"accepted":1`) || strings.Count(out, `{"accepted":0,`) != len(bodies) {
		t.Errorf("sent again to the same backend:\n%s", out)
	}
	out = want(t, exitPass, "replay", dir, "--device", "17", "--speed", "100", "--target", start().URL())
	if strings.Count(out, "\n") != len(bodies) || strings.Contains(out, `"accepted":0`) || strings.Count(out, `"duplicates":0`) != len(bodies) {
		t.Errorf("sent to a new backend:\n%s", out)
	}
	lines := strings.Count(want(t, exitPass, "ledger", dir, "--device", "17"), "\n")
	if lines != len(bodies) {
		t.Errorf("the ledger has %d uploads of the device, replay %d", lines, len(bodies))
	}
	replaysOnTime(t, dir, "17", 17)
	threats := strings.Count(want(t, exitPass, "ledger", dir, "--device", "17", "--kind", "enrolment"), "\n")
	if threats != 1 {
		t.Errorf("the device enrolled %d times", threats)
	}
}

// A backend that is gone when it is asked again takes nothing away from what it showed before.
func TestSettleAgainInVain(t *testing.T) {
	dir, _, _ := fatesRun(t, "fates.yaml", nil)
	before := want(t, exitPass, "settle", dir)
	want(t, exitTarget, "settle", dir, "--again")
	if after := want(t, exitPass, "settle", dir); after != before {
		t.Errorf("settled before\n%s\nand after\n%s", before, after)
	}
}

// Without a ledger or a read-back there is nothing to settle, and the check says why.
func TestNotSettled(t *testing.T) {
	srv, err := backend.Start(t.Context(), backend.Options{Secret: []byte(fatesSecret)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(fatesSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs(filepath.Join("testdata", "fates.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	earlier := filepath.Join(dir, "out", ledgerDir, "worker-0.ledger") // of a run that had one
	if err := os.MkdirAll(filepath.Dir(earlier), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(earlier, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, _ := drover(t, testEnv(), "run", file, "--set", "target="+srv.URL(), "--set", "secret="+secret, "--out", filepath.Join(dir, "out"), "-q", "--no-ledger")
	doc, _, err := openRun(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if doc.Reconcile != nil || doc.Checks[0].Result != check.NotChecked || !strings.Contains(doc.Checks[0].Evidence, "--no-ledger") || code == exitFail {
		t.Errorf("without a ledger: code %d, %+v", code, doc.Checks)
	}
	if kept, err := filepath.Glob(filepath.Join(dir, "out", ledgerDir, "*")); err != nil || kept != nil {
		t.Errorf("--no-ledger keeps %q, %v", kept, err)
	}
}
