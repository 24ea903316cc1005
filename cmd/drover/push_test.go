package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// TestRunPush: at the end of a run a Pushgateway gets whole figures; one that says no is a warning.
func TestRunPush(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	status := http.StatusOK
	var path, method string
	var families map[string]*dto.MetricFamily
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "hidden" {
			t.Errorf("pushed as %q", user)
		}
		path, method, families = r.URL.Path, r.Method, map[string]*dto.MetricFamily{}
		dec := expfmt.NewDecoder(r.Body, expfmt.ResponseFormat(r.Header))
		for {
			f := new(dto.MetricFamily)
			if err := dec.Decode(f); err == io.EOF {
				break
			} else if err != nil {
				t.Error(err)
				break
			}
			families[f.GetName()] = f
		}
		w.WriteHeader(status)
	}))
	defer gateway.Close()
	to := strings.Replace(gateway.URL, "//", "//me:hidden@", 1)

	ran(t, "run", file, "--out", "out", "--push", to, "--set", "day=200ms", "-q")
	run := readRun(t, "out")
	if method != http.MethodPut || path != "/metrics/job/drover/scenario/quick/shard@base64/MS8x" && path != "/metrics/job/drover/shard@base64/MS8x/scenario/quick" {
		t.Errorf("%s %s, want a PUT to job drover, scenario quick, shard 1/1", method, path)
	}
	var pushed float64
	for _, m := range families["drover_uploads_due_total"].GetMetric() {
		pushed += m.GetCounter().GetValue()
	}
	if want := float64(run.AllPhases.Due); pushed != want || want == 0 {
		t.Errorf("%v uploads due were pushed, want %v", pushed, want)
	}
	if h := families["drover_response_seconds"].GetMetric()[0].GetHistogram(); h.GetSchema() != nativeSchema || len(h.GetPositiveSpan()) == 0 {
		t.Errorf("drover_response_seconds was pushed without native buckets: %v", h)
	}

	status = http.StatusInternalServerError
	code, _, stderr := drover(t, testEnv(), "run", file, "--out", "refused", "--push", to, "--set", "day=200ms", "-q")
	if code != exitPass && code != exitInconclusive {
		t.Errorf("a push that was refused: exit code %d, %s", code, stderr)
	}
	warnings := strings.Join(readRun(t, "refused").Warnings, "\n")
	if !strings.Contains(warnings, "push the metrics to") || strings.Contains(warnings, "hidden") {
		t.Errorf("warnings %q, want one about the push, without the password", warnings)
	}
	for _, wrong := range []string{"pushgateway:9091", "http://me:hidden@[", "ftp://x"} {
		if code, _, stderr := drover(t, testEnv(), "run", file, "--push", wrong); code != exitUsage || !strings.Contains(stderr, "--push") || strings.Contains(stderr, "hidden") {
			t.Errorf("--push %s: %d, %q", wrong, code, stderr)
		}
	}
}

// TestDashboard: the dashboard asks for nothing that a run does not have.
func TestDashboard(t *testing.T) {
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(want(t, exitPass, "metrics", "--dashboard")), &board); err != nil {
		t.Fatal(err)
	}
	list := want(t, exitPass, "metrics")
	labels := map[string][]string{}
	for _, f := range families {
		labels[f.name] = f.labels
		if f.kind == "histogram" {
			labels[f.name+"_bucket"] = []string{"le"}
		}
		if !strings.Contains(list, "\n"+f.name+" ") {
			t.Errorf("drover metrics does not list %s", f.name)
		}
	}
	gathered, err := newMetrics([]string{"day"}).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gathered {
		if _, own := labels[f.GetName()]; !own && strings.HasPrefix(f.GetName(), "drover_") {
			t.Errorf("%s is served and not documented", f.GetName())
		}
		if !strings.HasPrefix(f.GetName(), "drover_") {
			labels[f.GetName()] = nil
		}
	}
	name, selector, by := regexp.MustCompile(`\b(?:drover|process|go)_[a-z0-9_]+`), regexp.MustCompile(`([a-z_]+)(?:=~|!=|=)"`), regexp.MustCompile(`by \(([a-z, ]+)\)`)
	used := map[string]bool{}
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			known := []string{"job", "instance"}
			for _, n := range name.FindAllString(target.Expr, -1) {
				more, ok := labels[n]
				if !ok {
					// The process collector has none on some systems.
					if strings.HasPrefix(n, "process_") {
						continue
					}
					t.Errorf("panel %q: there is no metric %s", p.Title, n)
				}
				known = append(known, more...)
				used[strings.TrimSuffix(n, "_bucket")] = true
			}
			for _, m := range append(selector.FindAllStringSubmatch(target.Expr, -1), by.FindAllStringSubmatch(target.Expr, -1)...) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("panel %q: %s has no label %s", p.Title, target.Expr, m[1])
				}
			}
		}
	}
	for _, f := range families {
		if !used[f.name] && f != buildFamily && f != elapsedFamily {
			t.Errorf("the dashboard does not show %s", f.name)
		}
	}
}

// TestMetricsLint: what Prometheus' own linter says of the metrics, as a package and, where it is installed, as promtool.
func TestMetricsLint(t *testing.T) {
	m := newMetrics([]string{"day"})
	m.counts[0][0].Due, m.counts[0][0].AttemptClass[0] = 1, 1 // so that every family shows
	all, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	own := 0
	for _, f := range all {
		if strings.HasPrefix(f.GetName(), "drover_") {
			own++
		}
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	if own != len(families) {
		t.Errorf("%d families of drover are shown, want %d", own, len(families))
	}
	problems, err := promlint.New(bytes.NewReader(text.Bytes())).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian has it in the package prometheus)")
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = &text
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// TestNativeHistograms: who scrapes in protobuf, as Prometheus does for native histograms, gets them, and the classic buckets beside them.
func TestNativeHistograms(t *testing.T) {
	m := newMetrics([]string{"day"})
	m.response.Record(40 * time.Millisecond)
	if err := m.serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Source: Prometheus, scrape protocols, PrometheusProto (2025).
	req.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	dec := expfmt.NewDecoder(resp.Body, expfmt.ResponseFormat(resp.Header))
	for {
		f := new(dto.MetricFamily)
		if err := dec.Decode(f); err != nil {
			t.Fatalf("there is no drover_response_seconds: %v", err)
		}
		if f.GetName() != responseFamily.name {
			continue
		}
		h := f.Metric[0].GetHistogram()
		if h.GetSchema() != nativeSchema || len(h.GetPositiveSpan()) != 1 || len(h.GetPositiveDelta()) != 1 || len(h.Bucket) != len(classic) {
			t.Errorf("%s is %v", f.GetName(), h)
		}
		return
	}
}

// TestStepSummary: in a workflow of GitHub each run is appended to the step's summary.
func TestStepSummary(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("summary.md", []byte("before\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := testEnv()
	e.getenv = func(name string) string { return map[string]string{stepSummaryVar: "summary.md"}[name] }
	drover(t, e, "run", file, "--out", "out", "--set", "day=100ms", "-q")
	md, err := os.ReadFile("out/report.md")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("summary.md"); err != nil || string(got) != "before\n"+string(md)+"\n" {
		t.Errorf("the summary is %q, %v; want report.md behind what was there", got, err)
	}
	drover(t, e, "run", file, "--out", "out", "--set", "day=100ms", "-q", "--format", "markdown")
	if got, err := os.ReadFile("summary.md"); err != nil || strings.Count(string(got), "## ") != strings.Count(string(md), "## ") {
		t.Errorf("--format markdown appends, too: %q, %v", got, err)
	}
}
