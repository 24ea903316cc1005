package measure

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What is counted where: an upload that waits from one second into the third.
func TestTimelinePutsEachTimeInItsInterval(t *testing.T) {
	r := NewRecorder(testNames, Options{})
	s := Sample{Outcome: Accepted, Intended: 500 * ms, FirstSent: 1500 * ms, Sent: 1700 * ms, Done: 2600 * ms, Attempts: 2, Events: 9}
	r.Due(s.Key, s.Intended)
	r.Attempt(s.Key, Status5xx, 1500*ms, 100*ms)
	r.Attempt(s.Key, OK, 1700*ms, 900*ms)
	r.Record(&s)
	d := Sample{Outcome: Dropped, Class: Overflow, Intended: 2100 * ms}
	r.Due(d.Key, d.Intended)
	r.Record(&d)

	response, service := Quantiles{1, 2100 * ms, 2100 * ms, 2100 * ms, 2100 * ms}, Quantiles{1, 900 * ms, 900 * ms, 900 * ms, 900 * ms}
	lag := Quantiles{1, 1000 * ms, 1000 * ms, 1000 * ms, 1000 * ms}
	low, width := cellRange(cellOf(uint64(2100*ms), coarseBits), coarseBits)
	want := []Point{
		{From: 0, Width: time.Second, Due: 1, Response: response, Service: service, SendLag: lag, Heat: []Heat{{time.Duration(low), time.Duration(low + width), 1}}},
		{From: time.Second, Width: time.Second, Sent: 1, Attempts: 2, Heat: []Heat{}},
		{From: 2 * time.Second, Width: time.Second, Due: 1, Dropped: 1, Done: 1, Accepted: 1, Events: 9, Heat: []Heat{}},
	}
	if d := cmp.Diff(want, Merge(testNames, r).Timeline()); d != "" {
		t.Errorf("Timeline (-want +got):\n%s", d)
	}
}

// A run that outgrows its points has fewer, wider ones with the same totals.
func TestTimelineMergingKeepsTotals(t *testing.T) {
	ss := mixed(8, 20000) // 20 s
	for _, points := range []int{2, 3, 5, 16, 7, 1800} {
		r := NewRecorder(testNames, Options{Interval: 10 * ms, Points: points})
		feed(r, ss)
		line := Merge(testNames, r).Timeline()
		if len(line) > points {
			t.Errorf("%d points, want %d at most", len(line), points)
		}
		var got Counts
		var due, done, answered, heat int64
		var top time.Duration
		for i, p := range line {
			if p.Width != line[0].Width || p.From != time.Duration(i)*p.Width {
				t.Errorf("point %d of %d is at %v+%v", i, points, p.From, p.Width)
			}
			due, done, answered = due+p.Due, done+p.Done, answered+p.Response.Count
			got.Accepted, got.Refused, got.Failed, got.Dropped = got.Accepted+p.Accepted, got.Refused+p.Refused, got.Failed+p.Failed, got.Dropped+p.Dropped
			got.Sent, got.Events, got.Attempts = got.Sent+p.Sent, got.Events+p.Events, got.Attempts+p.Attempts
			top = max(top, p.Response.Max)
			for _, c := range p.Heat {
				heat += c.N
			}
		}
		var want Counts
		var all Histogram
		for i := range ss {
			want.count(&ss[i])
			if ss[i].timed() {
				all.Record(ss[i].Done - ss[i].Intended)
			}
		}
		want.Bytes, want.Retries, want.ByClass = 0, 0, [NumClasses]int64{}
		if d := cmp.Diff(want, got); d != "" || due != int64(len(ss)) || done != want.Sent || answered != all.Count() || heat != answered || top != all.Max() {
			t.Errorf("%d points: due %d of %d, done %d, timed %d of %d, heat %d, max %v of %v (-want +got):\n%s",
				points, due, len(ss), done, answered, all.Count(), heat, top, all.Max(), d)
		}
	}
}

// Shards whose runs had different lengths, hence widths, still merge.
func TestTimelinesOfDifferentWidthMerge(t *testing.T) {
	short, long := NewRecorder(testNames, Options{Points: 4}), NewRecorder(testNames, Options{Points: 4})
	k := Key{Phase: 1}
	for i := range 4 {
		short.Due(k, time.Duration(i)*time.Second)
	}
	long.Due(k, 9*time.Second) // intervals of 4 s
	for _, rs := range [][]*Recorder{{short, long}, {long, short}} {
		var got []int64
		for _, p := range Merge(testNames, rs...).Timeline() {
			if p.Width != 4*time.Second {
				t.Errorf("width %v, want 4s", p.Width)
			}
			got = append(got, p.Due)
		}
		if d := cmp.Diff([]int64{4, 0, 1}, got); d != "" {
			t.Errorf("due by interval (-want +got):\n%s", d)
		}
	}
}

func TestTimelineTakesAnyTime(t *testing.T) {
	r := NewRecorder(testNames, Options{})
	for _, at := range []time.Duration{-time.Hour, math.MinInt64, math.MaxInt64, 0} {
		r.Due(Key{}, at)
	}
	line := Merge(testNames, r).Timeline()
	if len(line) > 1800 || line[0].Due != 3 || line[len(line)-1].Due != 1 {
		t.Errorf("%d points, first %+v, last %+v", len(line), line[0], line[len(line)-1])
	}
}

// The quantiles of an interval are within 0.8 % above the truth.
func TestTimelineQuantiles(t *testing.T) {
	for i, s := range samples {
		var c coarse
		for _, d := range draw(i) {
			c.record(d)
		}
		fine := record(draw(i))
		for _, q := range quantiles {
			got, want := c.quantile(q), fine.Quantile(q)
			if float64(got) < float64(want)*0.999 || float64(got) > float64(want)*1.008+1 {
				t.Errorf("%s: quantile(%v) = %v, want %v to 0.8 %% more", s.name, q, got, want)
			}
		}
	}
}

func TestCoarseCountsPastItsCounters(t *testing.T) {
	var c coarse
	for range 3 {
		c.n += math.MaxUint32
		c.max = 1000
		c.add(cellOf(1000, coarseBits), math.MaxUint32)
	}
	var n int64
	for _, h := range c.heat() {
		n += h.N
	}
	if n != 3*math.MaxUint32 {
		t.Errorf("heat holds %d of %d", n, int64(3*math.MaxUint32))
	}
}
