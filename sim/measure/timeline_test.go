package measure

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What is counted where: an upload that waits from one second into the third.
func TestTimelinePutsEachTimeInItsInterval(t *testing.T) {
	r := NewRecorder(testNames, Options{})
	s := Sample{Outcome: Accepted, Intended: 500 * ms, FirstSent: 1500 * ms, Sent: 1700 * ms, Done: 2600 * ms, Attempts: 2, Events: 9, Kinds: [MaxKinds]uint16{1: 7, 3: 2}}
	r.Due(s.Key, s.Intended)
	r.Attempt(s.Key, Status5xx, 1500*ms)
	r.Record(&s)
	d := Sample{Outcome: Dropped, Class: Overflow, Intended: 2100 * ms}
	r.Due(d.Key, d.Intended)
	r.Record(&d)

	response, service := Quantiles{1, 2100 * ms, 2100 * ms, 2100 * ms, 2100 * ms}, Quantiles{1, 900 * ms, 900 * ms, 900 * ms, 900 * ms}
	lag := Quantiles{1, 1000 * ms, 1000 * ms, 1000 * ms, 1000 * ms}
	low, width := cellRange(cellOf(uint64(2100*ms), coarseBits), coarseBits)
	want := []Point{
		{From: 0, Width: time.Second, Tallies: Tallies{Due: 1}, Response: response, Service: service, SendLag: lag, Heat: []Heat{{time.Duration(low), time.Duration(low + width), 1}}},
		{From: time.Second, Width: time.Second, Tallies: Tallies{Sent: 1, Attempts: 2, Classes: [NumClasses]int64{OK: 1, Status5xx: 1}}, Heat: []Heat{}},
		{From: 2 * time.Second, Width: time.Second, Heat: []Heat{},
			Tallies: Tallies{Due: 1, Dropped: 1, Done: 1, Accepted: 1, Events: 9, Classes: [NumClasses]int64{Overflow: 1}, Kinds: [MaxKinds]int64{1: 7, 3: 2}}},
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
		var kinds, wantKinds [MaxKinds]int64
		var due, done, answered, heat int64
		var top time.Duration
		for i, p := range line {
			if p.Width != line[0].Width || p.From != time.Duration(i)*p.Width {
				t.Errorf("point %d of %d is at %v+%v", i, points, p.From, p.Width)
			}
			due, done, answered = due+p.Due, done+p.Done, answered+p.Response.Count
			got.Accepted, got.Refused, got.Failed, got.Dropped = got.Accepted+p.Accepted, got.Refused+p.Refused, got.Failed+p.Failed, got.Dropped+p.Dropped
			got.Sent, got.Events, got.Attempts = got.Sent+p.Sent, got.Events+p.Events, got.Attempts+p.Attempts
			for c, n := range p.Classes {
				got.AttemptClass[c] += n
			}
			for k, n := range p.Kinds {
				kinds[k] += n
			}
			top = max(top, p.Response.Max)
			for _, c := range p.Heat {
				heat += c.N
			}
		}
		var want Counts
		var all Histogram
		for i := range ss {
			s := &ss[i]
			want.count(s)
			switch s.Outcome {
			case Dropped:
				want.AttemptClass[s.Class]++
			case Accepted:
				wantKinds[i%MaxKinds] += int64(s.Events)
			}
			if s.Attempts > 0 { // as feed tells them
				want.AttemptClass[s.Class]++
				want.AttemptClass[Status5xx] += int64(s.Attempts - 1)
			}
			if ss[i].timed() {
				all.Record(ss[i].Done - ss[i].Intended)
			}
		}
		want.Bytes, want.Retries, want.ByClass = 0, 0, [NumClasses]int64{}
		if d := cmp.Diff(want, got); d != "" || due != int64(len(ss)) || done != want.Sent || answered != all.Count() || heat != answered || top != all.Max() || kinds != wantKinds {
			t.Errorf("%d points: due %d of %d, done %d, timed %d of %d, heat %d, max %v of %v, kinds %v of %v (-want +got):\n%s",
				points, due, len(ss), done, answered, all.Count(), heat, top, all.Max(), kinds, wantKinds, d)
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
	if len(line) > 600 || line[0].Due != 3 || line[len(line)-1].Due != 1 {
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

// A table and a list are the same histogram, and what is counted past a cell of a table is not lost.
func TestTableIsAList(t *testing.T) {
	for i := range samples {
		var tab table
		var fast, slow coarse
		for n, d := range draw(i) {
			tab.record(&fast, d)
			slow.record(d)
			if n%1000 == 999 {
				tab.move(&fast)
			}
		}
		tab.move(&fast)
		if d := cmp.Diff(slow.quantiles(), fast.quantiles()); d != "" || !slices.Equal(slow.list, fast.list) {
			t.Errorf("%s: a table differs from a list (-list +table):\n%s", samples[i].name, d)
		}
	}
	var tab table
	var c coarse
	tab.record(&c, Ceiling+1)
	tab.record(&c, -1)
	tab.cells[cellOf(uint64(Ceiling), coarseBits)] = math.MaxUint32
	tab.record(&c, Ceiling)
	tab.move(&c)
	var n int64
	for _, h := range c.heat() {
		n += h.N
	}
	if n != math.MaxUint32+2 {
		t.Errorf("%d durations are left of %d", n, int64(math.MaxUint32)+2)
	}
}

// A packed histogram says the same as a list, and can be added to and merged.
func TestPackedIsAList(t *testing.T) {
	for i := range samples {
		var plain, packed, sum coarse
		var scratch []byte
		for n, d := range draw(i) {
			plain.record(d)
			packed.record(d)
			if n%1000 == 999 {
				_, scratch = packed.pack(scratch)
			}
		}
		packed.pack(scratch)
		if packed.list != nil || len(packed.packed) == 0 || len(packed.packed)*2 > len(plain.list)*8+8 {
			t.Errorf("%s: %d cells take %d bytes, packed", samples[i].name, len(plain.list), len(packed.packed))
		}
		if d := cmp.Diff(plain.quantiles(), packed.quantiles()) + cmp.Diff(plain.heat(), packed.heat()); d != "" {
			t.Errorf("%s: packed differs (-list +packed):\n%s", samples[i].name, d)
		}
		sum.merge(&packed)
		sum.merge(&packed)
		if packed.unpack(); !slices.Equal(plain.list, packed.list) || sum.n != 2*plain.n || sum.quantile(0.5) != plain.quantile(0.5) {
			t.Errorf("%s: unpacked or merged, it is another histogram", samples[i].name)
		}
	}
}

// What a second of a run leaves in memory is small, and answers that are half a minute late are in it.
func TestTimelineStaysSmall(t *testing.T) {
	const seconds = 500
	rng := rand.New(rand.NewPCG(1, 2))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := NewRecorder(testNames, Options{})
	count := 0
	var late [4]int64 // of seconds 100 to 103
	answers := make([][]Sample, seconds)
	for sec := range seconds {
		for range 500 {
			at := time.Duration(sec)*time.Second + time.Duration(rng.IntN(int(time.Second)))
			took := time.Duration(float64(time.Millisecond) * math.Exp(rng.NormFloat64()))
			u := Sample{Outcome: Accepted, Intended: at, FirstSent: at, Sent: at, Done: at + took, Attempts: 1}
			r.Due(Key{}, at)
			count++
			if rng.IntN(500) == 0 && sec < seconds-40 {
				u.Done += 30 * time.Second
				answers[sec+30] = append(answers[sec+30], u) // when that second is packed
				if sec >= 100 && sec < 104 {
					late[sec-100]++
				}
				continue
			}
			r.Record(&u)
		}
		for _, u := range answers[sec] {
			r.Record(&u)
		}
		answers[sec] = nil
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := float64(after.HeapAlloc-before.HeapAlloc) / seconds; each > 4000 {
		t.Errorf("a second of the timeline takes %.0f bytes, want 4000 at most", each)
	}
	line := Merge(testNames, r).Timeline()
	var n int64
	for i := range seconds {
		n += line[i].Response.Count
		if i < 100 || i >= 104 {
			continue
		}
		var slow int64
		for _, h := range line[i].Heat {
			if h.From > 20*time.Second {
				slow += h.N
			}
		}
		if slow != late[i-100] {
			t.Errorf("second %d has %d late answers, want %d", i, slow, late[i-100])
		}
	}
	if n != int64(count) {
		t.Errorf("%d answers in the timeline, want %d", n, count)
	}
}
