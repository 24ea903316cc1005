package report

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// TestCSV: every interval is a line that a reader of CSV reads, and the columns add up to the run's totals.
func TestCSV(t *testing.T) {
	r := stalled(t)
	var b bytes.Buffer
	if err := CSV(&b, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != len(r.Timeline)+1 {
		t.Fatalf("%d rows, %v; want %d", len(rows), err, len(r.Timeline)+1)
	}
	sum := map[string]int64{}
	phases := map[string]bool{}
	for _, row := range rows[1:] {
		for i, name := range rows[0] {
			if name == "phase" {
				phases[row[i]] = true
				continue
			}
			n, err := strconv.ParseInt(row[i], 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			sum[name] += n
		}
	}
	all := r.AllPhases
	for name, want := range map[string]int64{
		"due": all.Due, "sent": all.Sent, "accepted": all.Accepted, "refused": all.Refused, "failed": all.Failed, "dropped": all.Dropped, "events": all.Events,
	} {
		if sum[name] != want {
			t.Errorf("%s adds up to %d, want %d", name, sum[name], want)
		}
	}
	if !phases["ramp"] || phases[""] {
		t.Errorf("phases = %v", phases)
	}
}

// TestHLog: HdrHistogram's own reader reads what was written, interval by interval.
func TestHLog(t *testing.T) {
	r := stalled(t)
	r.Started = time.Date(2026, 5, 4, 8, 0, 0, 250e6, time.UTC)
	var b bytes.Buffer
	if err := HLog(&b, r); err != nil {
		t.Fatal(err)
	}
	in := hdrhistogram.NewHistogramLogReader(&b)
	for _, p := range r.Timeline {
		if p.Response.Count == 0 {
			continue
		}
		h, err := in.NextIntervalHistogram()
		if err != nil || h == nil {
			t.Fatalf("interval at %v: %v, %v", time.Duration(p.FromNS), h, err)
		}
		if h.TotalCount() != p.Response.Count || h.Tag() != phaseAt(r, p.FromNS) {
			t.Errorf("interval at %v: %d samples of %q, want %d of %q", time.Duration(p.FromNS), h.TotalCount(), h.Tag(), p.Response.Count, phaseAt(r, p.FromNS))
		}
		if want := r.Started.Add(time.Duration(p.FromNS)).UnixMilli(); h.StartTimeMs() != want {
			t.Errorf("interval at %v starts at %d, want %d", time.Duration(p.FromNS), h.StartTimeMs(), want)
		}
		// Two figures here and two there: within 2 %.
		if got, want := float64(h.Max()), float64(p.Response.MaxNS); got < want*0.98 || got > want*1.02 {
			t.Errorf("interval at %v: max %v, want %v", time.Duration(p.FromNS), got, want)
		}
	}
	if h, err := in.NextIntervalHistogram(); h != nil || err != nil {
		t.Errorf("after the last interval: %v, %v", h, err)
	}
}
