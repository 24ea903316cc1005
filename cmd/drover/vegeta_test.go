package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"github.com/tsenart/vegeta/v12/lib/plot"

	"drover/report"
	"drover/sim/ledger"
	"drover/sim/measure"
)

// decodeVegeta reads results as vegeta report and vegeta plot do.
func decodeVegeta(t *testing.T, src []byte) (list vegeta.Results, m vegeta.Metrics) {
	t.Helper()
	decode := vegeta.DecoderFor(bytes.NewReader(src))
	if decode == nil {
		t.Fatal("vegeta does not know the encoding")
	}
	page := plot.New()
	for {
		var r vegeta.Result
		err := decode(&r)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list.Add(&r)
		m.Add(&r)
		if err := page.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	m.Close()
	page.Close()
	if n, err := page.WriteTo(io.Discard); err != nil || n == 0 {
		t.Errorf("vegeta plot: %d bytes, %v", n, err)
	}
	return list, m
}

// ran runs the command to the end of a run. On a machine that is busy the run may be inconclusive, which is not the question.
func ran(t *testing.T, args ...string) {
	t.Helper()
	if code, _, stderr := drover(t, testEnv(), args...); code != exitPass && code != exitInconclusive {
		t.Fatalf("drover %s: exit code %d, %s", strings.Join(args, " "), code, stderr)
	}
}

// TestVegeta: vegeta finds in the results of a run what its report says.
func TestVegeta(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	ran(t, "run", file, "--out", "out", "--vegeta", "-q")
	run := readRun(t, "out")
	saved, err := os.ReadFile("out/" + vegetaFile)
	if err != nil {
		t.Fatal(err)
	}
	list, m := decodeVegeta(t, saved)
	if m.Requests != uint64(run.Totals.Sent) || m.Requests == 0 || m.Success != 1 || len(m.Errors) != 0 {
		t.Errorf("vegeta: %d requests, success %v, errors %q; want %d, all accepted", m.Requests, m.Success, m.Errors, run.Totals.Sent)
	}
	response := run.Latency.Response
	if got, want := int64(m.Latencies.Max), response.MaxNS; math.Abs(float64(got-want)) > 0.001*float64(want) {
		t.Errorf("vegeta: max %d, want %d", got, want)
	}
	if got, want := int64(m.Latencies.Mean), response.MeanNS; math.Abs(float64(got-want)) > 0.002*float64(want) {
		t.Errorf("vegeta: mean %d, want %d", got, want)
	}
	// How many do not exceed a percentile of the report: that share, or up to one and what one cell of 0.1 % holds more.
	for q, at := range map[float64]int64{0.5: response.P50NS, 0.9: response.P90NS, 0.99: response.P99NS} {
		var upTo, nearly int
		for _, r := range list {
			if int64(r.Latency) <= at {
				upTo++
			}
			if int64(r.Latency) < at-at/400 {
				nearly++
			}
		}
		if n := float64(len(list)); float64(upTo) < q*n-1 || float64(nearly) > q*n+1 {
			t.Errorf("%d of %d are up to the report's %v-quantile, %d well below it", upTo, len(list), q, nearly)
		}
	}
	for i, r := range list {
		if r.Seq != uint64(i) || r.Attack != "quick" || i > 0 && r.Timestamp.Before(list[i-1].Timestamp) {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
	if first := list[0].Timestamp.Sub(run.Started); first < time.Duration(run.Phases[1].FromNS) {
		t.Errorf("the first result is at %v, before the measured phase", first)
	}
	if again := want(t, exitPass, "report", "out", "--format", "vegeta"); again != string(saved) {
		t.Error("report --format vegeta is not results.vegeta")
	}
	if out := want(t, exitPass, "report", "out/run.json", "--format", "vegeta", "-o", "again"); out != "" {
		t.Errorf("report -o prints %q", out)
	}
	if again, err := os.ReadFile("again"); err != nil || !bytes.Equal(again, saved) {
		t.Errorf("report --format vegeta -o: %d bytes, %v, want %d", len(again), err, len(saved))
	}

	// The next run in the same place has asked for neither results nor a ledger.
	ran(t, "run", file, "--out", "out", "--set", "day=100ms", "--no-ledger", "-q")
	if _, err := os.Stat("out/" + vegetaFile); err == nil {
		t.Error("results of an earlier run are still there")
	}
	if code, _, stderr := drover(t, testEnv(), "report", "out", "--format", "vegeta"); code != exitUsage || !strings.Contains(stderr, "--no-ledger") {
		t.Errorf("report --format vegeta without a ledger: %d, %q", code, stderr)
	}
}

// TestVegetaClasses: what becomes of uploads that were not accepted.
func TestVegetaClasses(t *testing.T) {
	dir := t.TempDir()
	start := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	w, err := ledger.Create(filepath.Join(dir, ledgerDir), ledger.Header{Run: "r", Started: start})
	if err != nil {
		t.Fatal(err)
	}
	add := func(phase int, at time.Duration, o measure.Outcome, c measure.Class) {
		u := ledger.Upload{Op: measure.Upload, Phase: phase, Events: 1, Outcome: o, Class: c, Intended: at, Done: at + time.Second}
		if o != measure.Dropped {
			u.Attempts, u.First, u.Sent = 1, at+time.Millisecond, at+time.Millisecond
		}
		w.Add(&u)
	}
	add(1, 3*time.Second, measure.Refused, measure.Rejected)
	add(1, 1*time.Second, measure.Accepted, measure.OK)
	add(1, 2*time.Second, measure.Refused, measure.Status5xx)
	add(1, 5*time.Second, measure.Dropped, measure.Overflow)
	add(1, 6*time.Second, measure.Failed, measure.Cancelled)
	add(1, 4*time.Second, measure.Failed, measure.Timeout)
	add(0, 0, measure.Accepted, measure.OK) // warm-up
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run := &report.Run{ID: "r", Started: start}
	run.Phases = []report.Phase{{Name: "warmup"}, {Name: "day", Measure: true}}
	var b bytes.Buffer
	if left, err := writeVegeta(&b, run, dir); err != nil || left != 2 {
		t.Fatalf("writeVegeta: %d left out, %v; want 2", left, err)
	}
	list, m := decodeVegeta(t, b.Bytes())
	for i, want := range []vegeta.Result{{Code: 200}, {Code: 500, Error: "5xx"}, {Error: "rejected"}, {Error: "timeout"}} {
		want.Seq, want.Timestamp, want.Latency = uint64(i), start.Add(time.Duration(i+1)*time.Second), time.Second
		if i >= len(list) || !list[i].Equal(want) {
			t.Errorf("result %d is not %+v; all: %+v", i, want, list)
		}
	}
	if m.Success != 0.25 {
		t.Errorf("vegeta: success %v, want 0.25", m.Success)
	}
	run.ID = "other"
	if _, err := writeVegeta(io.Discard, run, dir); err == nil || !strings.Contains(err.Error(), `of run "r"`) {
		t.Errorf("the ledger of another run: %v", err)
	}
}
