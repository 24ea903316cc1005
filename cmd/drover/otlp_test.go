package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/metrics/v1"
	otel "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"drover/sim/measure"
)

// receiver is an OTLP receiver that keeps the last request.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	header  http.Header
	path    string
	last    *collector.ExportMetricsServiceRequest
	times   int
	answers []func(http.ResponseWriter) // to the first requests; then it says yes
}

func receive(t *testing.T, answers ...func(http.ResponseWriter)) *receiver {
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.last, r.header, r.path = new(collector.ExportMetricsServiceRequest), req.Header, req.URL.Path
		if err := proto.Unmarshal(body, r.last); err != nil {
			t.Error(err)
		}
		r.times++
		if r.times <= len(r.answers) {
			r.answers[r.times-1](w)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// restart counts requests from here on and returns how many there were.
func (r *receiver) restart(answers ...func(http.ResponseWriter)) (times int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	times, r.times, r.answers = r.times, 0, answers
	return times
}

// metric is one metric of the last request.
func (r *receiver) metric(t *testing.T, name string) *otel.Metric {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.last.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics() {
		if m.GetName() == name {
			return m
		}
	}
	t.Fatalf("there is no metric %s", name)
	return nil
}

// TestRunOTLP: at the end of a run the receiver has whole figures, under the run's name; one that says no is a warning.
func TestRunOTLP(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	r := receive(t)
	e := testEnv()
	e.getenv = func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret%20word, x-team = a", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-team=b"}[name]
	}
	to := strings.Replace(r.URL, "//", "//me:hidden@", 1)
	if code, _, stderr := drover(t, e, "run", file, "--out", "out", "--otlp-metrics", to, "--set", "day=200ms", "-q"); code != exitPass && code != exitInconclusive {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	run := readRun(t, "out")
	if r.path != "/v1/metrics" || r.header.Get("Content-Type") != "application/x-protobuf" || r.header.Get("X-Key") != "secret word" || r.header.Get("X-Team") != "b" ||
		r.header.Get("Authorization") != "Basic bWU6aGlkZGVu" {
		t.Errorf("POST %s with %v", r.path, r.header)
	}
	about := map[string]string{}
	for _, a := range r.last.GetResourceMetrics()[0].GetResource().GetAttributes() {
		about[a.GetKey()] = a.GetValue().GetStringValue()
	}
	if about["service.name"] != "drover" || about["service.instance.id"] != run.ID || about["drover.scenario"] != "quick" || about["drover.shard"] != "1/1" {
		t.Errorf("the resource is %v", about)
	}
	due := r.metric(t, "drover_uploads_due_total").GetSum()
	var told float64
	for _, p := range due.GetDataPoints() {
		told += p.GetAsDouble()
		if p.GetStartTimeUnixNano() == 0 || p.GetTimeUnixNano() < p.GetStartTimeUnixNano() || len(p.GetAttributes()) != 2 {
			t.Errorf("a point of uploads due is %v", p)
		}
	}
	if want := float64(run.AllPhases.Due); told != want || want == 0 || !due.GetIsMonotonic() || due.GetAggregationTemporality() != otel.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		t.Errorf("%v uploads due were told, want %v, as a cumulative sum", told, want)
	}
	if m := r.metric(t, "drover_response_seconds"); m.GetUnit() != "s" || m.GetExponentialHistogram().GetDataPoints()[0].GetCount() != uint64(run.AllPhases.Sent) {
		t.Errorf("response times are %v", m)
	}

	no := receive(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadRequest) })
	drover(t, testEnv(), "run", file, "--out", "refused", "--otlp-metrics", strings.Replace(no.URL, "//", "//me:hidden@", 1)+"/other", "--set", "day=200ms", "-q")
	warnings := strings.Join(readRun(t, "refused").Warnings, "\n")
	if !strings.Contains(warnings, "/other: 400 Bad Request") || strings.Contains(warnings, "hidden") || no.path != "/other" || no.times != 1 {
		t.Errorf("warnings %q after %d requests to %s, want one about the receiver, without the password", warnings, no.times, no.path)
	}
	for _, wrong := range []string{"localhost:4318", "127.0.0.1:4317", "http://me:hidden@[", "grpc://127.0.0.1:4317"} {
		if code, _, stderr := drover(t, testEnv(), "run", file, "--otlp-metrics", wrong); code != exitUsage || !strings.Contains(stderr, "--otlp-metrics") || !strings.Contains(stderr, "e.g. http://127.0.0.1:4318; OTLP over gRPC is not spoken") || strings.Contains(stderr, "hidden") {
			t.Errorf("--otlp-metrics %s: %d, %q", wrong, code, stderr)
		}
	}
	e.getenv = func(string) string { return "no-value" }
	if code, _, stderr := drover(t, e, "run", file, "--out", "x", "--otlp-metrics", r.URL); code != exitUsage || !strings.Contains(stderr, "want name=value") {
		t.Errorf("headers that are none: %d, %q", code, stderr)
	} else if _, err := os.Stat("x"); err == nil {
		t.Error("headers that are none are told only when the run's directory is made")
	}
}

// teller tells the metrics of five uploads to r.
func teller(r *receiver) *otlp {
	m := newMetrics([]string{"day"})
	for _, d := range []time.Duration{0, 800 * time.Microsecond, 40 * time.Millisecond, 40 * time.Millisecond, 2 * time.Minute} {
		m.response.Record(d)
	}
	m.counts[0][measure.Upload].Due = 5
	return &otlp{
		metrics: m, to: r.URL, header: http.Header{}, every: time.Millisecond, started: time.Unix(1, 0), now: time.Now, stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// The buckets are those of the native histogram: each value lies in the bucket that OTLP says it does.
func TestOTLPHistogram(t *testing.T) {
	r := receive(t)
	o := teller(r)
	if _, err := o.export(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := r.metric(t, "drover_response_seconds").GetExponentialHistogram().GetDataPoints()[0]
	if p.GetCount() != 5 || p.GetZeroCount() != 1 || p.GetScale() != nativeSchema || math.Abs(p.GetSum()-120.0808) > 0.2 {
		t.Errorf("the histogram is %v", p)
	}
	base := math.Pow(2, math.Pow(2, -float64(p.GetScale())))
	got := map[float64]uint64{}
	for i, n := range p.GetPositive().GetBucketCounts() {
		low := math.Pow(base, float64(p.GetPositive().GetOffset()+int32(i)))
		for _, v := range []float64{.0008, .04, 120} {
			if n > 0 && low < v && v <= low*base {
				got[v] += n
			}
		}
	}
	if got[.0008] != 1 || got[.04] != 2 || got[120] != 1 {
		t.Errorf("in their buckets are %v, want 1, 2 and 1", got)
	}
	// What Prometheus gathers is not what another registry would: gauges stay gauges, and the runtime's own stay out.
	if r.metric(t, "drover_phase").GetGauge().GetDataPoints()[0].GetAsDouble() != 1 {
		t.Errorf("the phase is %v", r.metric(t, "drover_phase"))
	}
	all, err := o.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range otlpRequest(all, nil, o.started, o.started).ResourceMetrics[0].ScopeMetrics[0].Metrics {
		if strings.HasPrefix(f.GetName(), "go_") {
			t.Errorf("%s is told", f.GetName())
		}
	}
	empty := prometheus.NewRegistry()
	empty.MustRegister(newMetrics(nil))
	if all, err = empty.Gather(); err != nil {
		t.Fatal(err)
	}
	if _, err := proto.Marshal(otlpRequest(all, nil, o.started, o.started)); err != nil {
		t.Errorf("metrics of nothing: %v", err)
	}
}

// It tells while the run goes on, and the last figures until they are taken.
func TestOTLPTellsAgain(t *testing.T) {
	busy := func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	r := receive(t, busy, busy, busy)
	o := teller(r)
	go o.loop(t.Context())
	for count := 0; count < 3; time.Sleep(time.Millisecond) { // of themselves
		r.mu.Lock()
		count = r.times
		r.mu.Unlock()
	}
	o.end()
	r.restart(busy)
	o.metrics.counts[0][measure.Upload].Due = 6
	if err := o.finish(context.Background()); err != nil || r.restart() != 2 {
		t.Errorf("the last figures: %v, want two requests", err)
	}
	if n := r.metric(t, "drover_uploads_due_total").GetSum().GetDataPoints()[0].GetAsDouble(); n != 6 {
		t.Errorf("%v uploads were due, want the last figure, 6", n)
	}
	// What it took only a part of is an error that says so; nobody asks it again.
	part, err := proto.Marshal(&collector.ExportMetricsServiceResponse{PartialSuccess: &collector.ExportMetricsPartialSuccess{RejectedDataPoints: 2, ErrorMessage: "too old"}})
	if err != nil {
		t.Fatal(err)
	}
	r.restart(func(w http.ResponseWriter) { _, _ = w.Write(part) })
	if err := o.finish(context.Background()); err == nil || !strings.Contains(err.Error(), `2 data points were refused: "too old"`) || r.restart() != 1 {
		t.Errorf("of a part: %v", err)
	}
	if err := (*otlp)(nil).finish(context.Background()); err != nil {
		t.Error(err)
	}
}

// Where metrics go to a receiver of OTLP over gRPC, the warning says so, and what speaks as one is asked once.
func TestOTLPOverGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_, _ = io.WriteString(c, "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00") // its settings; a server may send them sooner
			c.Close()
		}
	})
	defer served.Wait()
	defer l.Close()
	tls := receive(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnsupportedMediaType) }) // as over TLS, where it is HTTP/2 for both
	const hint = "; is it a receiver of OTLP over gRPC, whose port is 4317? drover tells metrics over HTTP, whose port is 4318"
	o := teller(tls)
	close(o.done) // nobody tells on the way
	for _, to := range []string{"http://" + l.Addr().String() + "/v1/metrics", tls.URL} {
		o.to = to
		if err := o.finish(context.Background()); err == nil || !strings.HasSuffix(err.Error(), hint) {
			t.Errorf("%s: %v, want %q at the end", to, err, hint)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the receiver was asked %d times, want once", n)
	}
	for to, want := range map[string]string{"http://collector:4317/v1/metrics": hint, "http://collector:4318/v1/metrics": "", "http://collector/v1/metrics": ""} {
		o.to = to
		if got := o.overGRPC(errors.New("connection refused")); got != want {
			t.Errorf("%s: %q, want %q", to, got, want)
		}
	}
}
