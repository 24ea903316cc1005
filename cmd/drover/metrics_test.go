package main

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"drover/sim"
	"drover/sim/measure"
)

// TestMetrics feeds two windows and reads them back as Prometheus would.
func TestMetrics(t *testing.T) {
	m := newMetrics([]string{"warmup", "day"})
	names := &measure.Names{Phases: []measure.PhaseName{{Name: "warmup"}, {Name: "day", Measure: true}}, Cohorts: []string{"a/b"}, Tenants: []string{"t"}}
	rec := measure.NewRecorder(names, measure.Options{})
	key := measure.Key{Op: measure.Upload, Phase: 1}
	var p sim.Progress
	for i, response := range []time.Duration{0, 800 * time.Microsecond, 40 * time.Millisecond, 40 * time.Millisecond, 2 * time.Minute} {
		rec.Due(key, 0)
		rec.Record(&measure.Sample{Key: key, Outcome: measure.Accepted, Class: measure.OK, Done: response, Attempts: 1, Events: 2, Bytes: 100})
		if i == 1 { // the first window ends here
			rec.Window(&p.Window)
			m.add(&p)
			p.Window.Reset()
		}
	}
	rec.Due(key, 0)
	rec.Record(&measure.Sample{Key: key, Outcome: measure.Dropped, Class: measure.Overflow})
	p = sim.Progress{Phase: 1, Open: 7, Rate: 12.5, Elapsed: 3 * time.Second, Window: p.Window}
	rec.Window(&p.Window)
	m.add(&p)

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*dto.Metric{}
	for _, f := range families {
		for _, metric := range f.Metric {
			var labels []string
			for _, l := range metric.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			got[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = metric
		}
	}
	for name, want := range map[string]float64{
		"drover_uploads_total{op=upload,outcome=accepted,phase=day}": 5,
		"drover_uploads_total{op=upload,outcome=dropped,phase=day}":  1,
		"drover_uploads_due_total{op=upload,phase=day}":              6,
		"drover_attempts_total{class=ok,op=upload,phase=day}":        5,
		"drover_events_accepted_total{op=upload,phase=day}":          10,
		"drover_accepted_bytes_total{op=upload,phase=day}":           500,
		"drover_phase{phase=warmup}":                                 0,
		"drover_phase{phase=day}":                                    1,
		"drover_open_uploads{}":                                      7,
		"drover_asked_rate{}":                                        12.5,
		"drover_elapsed_seconds{}":                                   3,
	} {
		metric := got[name]
		if metric == nil {
			t.Errorf("there is no %s", name)
		} else if v := metric.GetCounter().GetValue() + metric.GetGauge().GetValue(); v != want {
			t.Errorf("%s = %v, want %v", name, v, want)
		}
	}

	h := got["drover_response_seconds{}"].GetHistogram()
	if h.GetSampleCount() != 5 || math.Abs(h.GetSampleSum()-120.0808) > 0.2 {
		t.Errorf("drover_response_seconds: %d samples with the sum %v, want 5 and 120.0808", h.GetSampleCount(), h.GetSampleSum())
	}
	upTo := map[float64]uint64{}
	for _, b := range h.Bucket {
		upTo[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	for bound, want := range map[float64]uint64{.0005: 1, .001: 2, .025: 2, .05: 4, 30: 4} { // two minutes are past the last
		if upTo[bound] != want {
			t.Errorf("drover_response_seconds: %d up to %v s, want %d", upTo[bound], bound, want)
		}
	}
	// Schema 3: bucket i holds 2^((i-1)/8) < v <= 2^(i/8). The deltas of the counts are those of neighbours in use.
	native, at, count := map[int]int64{}, int32(0), int64(0)
	deltas := h.PositiveDelta
	for _, span := range h.PositiveSpan {
		at += span.GetOffset()
		for range span.GetLength() {
			count += deltas[0]
			deltas = deltas[1:]
			if count != 0 {
				native[int(at)] = count
			}
			at++
		}
	}
	bucket := func(seconds float64) int { return int(math.Ceil(math.Log2(seconds) * 8)) }
	for seconds, want := range map[float64]int64{.0008: 1, .04: 2, 120: 1} {
		if n := native[bucket(seconds)]; n != want {
			t.Errorf("drover_response_seconds: %d in the native bucket of %v s, want %d; buckets %v", n, seconds, want, native)
		}
	}
	if h.GetZeroCount() != 1 || h.GetSchema() != nativeSchema {
		t.Errorf("drover_response_seconds: zero count %d, schema %d, want 1 and %d", h.GetZeroCount(), h.GetSchema(), nativeSchema)
	}
}

// TestRunMetrics scrapes a run under way.
func TestRunMetrics(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	address := regexp.MustCompile(`metrics at (http://\S+)`)
	var scraped string
	var scrape sync.Once
	stderr := &screen{seen: func(text string) {
		if !strings.Contains(text, "accepted") {
			return
		}
		scrape.Do(func() {
			resp, err := http.Get(address.FindStringSubmatch(text)[1])
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			scraped = string(body)
		})
	}}
	var stdout bytes.Buffer
	args := []string{"run", file, "--out", "out", "--metrics", "127.0.0.1:0"}
	if code := run(t.Context(), args, &stdout, stderr, testEnv()); code != exitPass && !(code == exitInconclusive && outpaced(args)) {
		t.Fatalf("exit code %d\n%s", code, &stderr.text)
	}
	for _, w := range []string{
		`drover_uploads_total{op="enroll",outcome="accepted",phase="enroll"} `, `drover_response_seconds_bucket{le="+Inf"}`,
		`drover_build_info{goversion=`, "go_goroutines",
	} {
		if !strings.Contains(scraped, w) {
			t.Errorf("the metrics have no %q:\n%s", w, scraped)
		}
	}
	if code, _, errs := drover(t, testEnv(), "run", file, "--out", "out", "--metrics", "256.0.0.1:x"); code != exitUsage || !strings.Contains(errs, "--metrics 256.0.0.1:x") {
		t.Errorf("run --metrics nonsense: %d, %q", code, errs)
	}
}
