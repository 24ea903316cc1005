package report

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drover/sim/check"
	"drover/sim/measure"
)

func TestDecodeIsTheInverseOfJSON(t *testing.T) {
	want := stalled(t)
	var first, second bytes.Buffer
	if err := JSON(&first, want); err != nil {
		t.Fatal(err)
	}
	if want.Schema != "" {
		t.Errorf("JSON changed its argument")
	}
	src := first.String()
	got, err := Decode(&first)
	if err != nil {
		t.Fatal(err)
	}
	want.Schema = Schema
	want.fill()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Decode(JSON(r)) (-want +got):\n%s", d)
	}
	if err := JSON(&second, got); err != nil {
		t.Fatal(err)
	}
	if second.String() != src {
		t.Errorf("a document changes when it is read and written again")
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{``, `is it a run.json?`},
		{`[]`, `is it a run.json?`},
		{`{}`, `no schema`},
		{`{"schema":null}`, `no schema`},
		{`{"schema":1}`, `is it a run.json?`},
		{`{"schema":"vegeta"}`, `want "drover.run/v1"`},
		{`{"schema":"drover.run/v2"}`, `use the drover that wrote it`},
		{`{"schema":"drover.run/v1","duration_ns":1.5}`, `duration_ns`},
		{`{"schema":"drover.run/v1"} {}`, `is it a run.json?`}, // a second document
	} {
		if _, err := Decode(strings.NewReader(tt.src)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Decode(%s) = %v, want an error with %q", tt.src, err, tt.want)
		}
	}
	// A field of a later minor version is no error.
	if r, err := Decode(strings.NewReader(`{"schema":"drover.run/v1","run_id":"x","later":[1]}`)); err != nil || r.ID != "x" {
		t.Errorf("Decode = %+v, %v", r, err)
	}
}

// Whatever can be decoded can be shown.
func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	if err := JSON(&b, stalled(f)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema":"drover.run/v1","timeline":[{"width_ns":-1}],"verdicts":{},"latency":{"response":{"count":1,"curve":[{"q":2},{"q":-9}]}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		r, err := Decode(bytes.NewReader(src))
		if err != nil {
			return
		}
		for _, write := range []func(io.Writer, *Run) error{JSON, Markdown, JUnit, HTML, func(w io.Writer, r *Run) error { return Text(w, r, TextOptions{}) }} {
			if err := write(io.Discard, r); err != nil {
				t.Error(err)
			}
		}
	})
}

// The document's figures are those of the recorders, and each table adds up to the totals.
func TestFromTotalsAddsUp(t *testing.T) {
	m := stalled(t).Measurements
	if m.Totals.Due != m.Totals.Sent+m.Totals.Dropped || m.Totals.Sent != m.Totals.Accepted+m.Totals.Refused+m.Totals.Failed || m.Totals.Due == 0 {
		t.Errorf("totals %+v do not add up", m.Totals)
	}
	for name, rows := range map[string][]Row{"operations": m.Operations, "cohorts": m.Cohorts, "tenants": m.Tenants} {
		var sum Counts
		var response int64
		for _, r := range rows {
			sum.add(r.Counts)
			response += r.Response.Count
		}
		if d := cmp.Diff(m.Totals, sum); d != "" || response != m.Latency.Response.Count {
			t.Errorf("%s: %d response times of %d (-totals +sum):\n%s", name, response, m.Latency.Response.Count, d)
		}
	}
	var all, line Counts
	for _, p := range m.Phases {
		all.add(p.Counts)
	}
	for _, p := range m.Timeline {
		line.add(Counts{Due: p.Due, Sent: p.Sent, Accepted: p.Accepted, Refused: p.Refused, Failed: p.Failed, Dropped: p.Dropped, Events: p.Events})
	}
	if all != m.AllPhases || all.Due <= m.Totals.Due {
		t.Errorf("phases sum to %+v, all phases %+v", all, m.AllPhases)
	}
	all.Attempts, all.Retries, all.Bytes = 0, 0, 0
	if line != all {
		t.Errorf("timeline sums to %+v, phases to %+v", line, all)
	}
	var final int64
	for _, c := range m.Classes {
		final += c.Final
	}
	if final != m.Totals.Due {
		t.Errorf("classes sum to %d of %d", final, m.Totals.Due)
	}
}

// The tenants beyond the first fifty, and those that measure keeps no series for, are one row: nothing is lost.
func TestTenantsAreBounded(t *testing.T) {
	names := &measure.Names{Phases: []measure.PhaseName{{Name: "day", Measure: true}}, Cohorts: []string{"f/c"}}
	for i := range 300 {
		names.Tenants = append(names.Tenants, "t"+string(rune('A'+i%26))+string(rune('a'+i/26)))
	}
	rec := measure.NewRecorder(names, measure.Options{Series: 100})
	for i := range 300 {
		for range i%7 + 1 {
			s := measure.Sample{Key: measure.Key{Op: measure.Upload, Tenant: uint32(i)}, Done: ms, Attempts: 1, Events: 1}
			rec.Due(s.Key, 0)
			rec.Record(&s)
		}
	}
	m := FromTotals(measure.Merge(names, rec), []Phase{{Name: "day", Measure: true}})
	var sum Counts
	for _, r := range m.Tenants {
		sum.add(r.Counts)
	}
	if len(m.Tenants) != TopTenants+1 || m.Tenants[TopTenants].Name != "250 other tenants" || sum != m.Totals {
		t.Errorf("%d rows, last %+v, sum %+v of %+v", len(m.Tenants), m.Tenants[len(m.Tenants)-1], sum, m.Totals)
	}
	if !slices.IsSortedFunc(m.Tenants[:TopTenants], func(a, b Row) int { return int(b.Due - a.Due) }) {
		t.Errorf("tenants are not sorted by uploads")
	}
}

// The curve is ascending, ends at the longest, has the quantiles themselves on it and is about 60 points.
func TestCurve(t *testing.T) {
	var h measure.Histogram
	for i := range 2_000_000 {
		h.Record(time.Duration(i+1) * time.Microsecond)
	}
	c := curve(&h)
	if len(c) < 50 || len(c) > 70 || c[len(c)-1] != (CurvePoint{1, int64(h.Max())}) {
		t.Errorf("%d points, last %v", len(c), c[len(c)-1])
	}
	for i, p := range c {
		if p.NS != int64(h.Quantile(p.Q)) {
			t.Errorf("at %v: %v, want %v", p.Q, p.NS, h.Quantile(p.Q))
		}
		if i > 0 && (p.Q <= c[i-1].Q || p.NS < c[i-1].NS) {
			t.Errorf("%v after %v", p, c[i-1])
		}
	}
	if got := curve(&measure.Histogram{}); got != nil {
		t.Errorf("curve of nothing = %v", got)
	}
}

func TestDivergence(t *testing.T) {
	with := func(response, service, lag time.Duration, retries int64) *Run {
		r := &Run{}
		r.Latency.Response.Quantiles = Quantiles{Count: 100, P99NS: int64(response)}
		r.Latency.Service.P99NS, r.Latency.SendLag.P99NS = int64(service), int64(lag)
		r.Totals.Retries = retries
		return r
	}
	gathered := func(r *Run) *Run {
		r.Load.Gathered = &Gathered{Requests: 10, Uploads: 195}
		if got := loadLine(r); !strings.Contains(got, "19.5 uploads a request") {
			t.Errorf("the load is %q", got)
		}
		return r
	}
	for _, tt := range []struct {
		name string
		run  *Run
		want string // part of the sentence; "" for none
	}{
		{"the same story", with(12*ms, 10*ms, ms, 0), ""},
		{"twice, but nobody would notice", with(3*ms, ms, ms, 0), ""},
		{"a stall", with(800*ms, 6*ms, 790*ms, 0), "sent late (send lag p99 790ms)"},
		{"retries", with(800*ms, 6*ms, ms, 40), "40 retries were made"},
		{"a stall, and one retry", with(800*ms, 6*ms, 790*ms, 1), "sent late"},
		{"no samples", &Run{}, ""},
		{"gathered", gathered(with(200*ms, 6*ms, ms, 0)), "waited for others of their request"},
		{"gathered, and a stall", gathered(with(800*ms, 6*ms, 790*ms, 0)), "sent late"},
	} {
		if got := divergence(tt.run); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q in it", tt.name, got, tt.want)
		}
	}
}

func TestFromVerdicts(t *testing.T) {
	if got := FromVerdicts(new(check.Oracle), new(Visits), nil); got != nil {
		t.Errorf("FromVerdicts of nothing = %+v", got)
	}
}

func TestWriteDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "x")
	r := stalled(t)
	for range 2 { // a second time replaces the first
		paths, err := WriteDir(dir, r, []byte("apiVersion: drover/v1\n"))
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		want := []string{"junit.xml", "report.html", "report.md", "run.json", "scenario.yaml"}
		if d := cmp.Diff(want, names); d != "" || len(paths) != len(want) || len(r.Files) != len(want) {
			t.Errorf("WriteDir wrote %v, listed %v (-want +got):\n%s", paths, r.Files, d)
		}
	}
	f, err := os.Open(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := Decode(f); err != nil || len(got.Files) != 5 {
		t.Errorf("the run.json in the directory: %+v, %v", got, err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteDir(filepath.Join(blocked, "x"), r, nil); err == nil {
		t.Errorf("WriteDir below a file succeeded")
	}
}
