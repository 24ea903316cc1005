package sim

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/measure"
	"drover/sim/target"
)

// The proof against coordinated omission. A backend answers in 1 ms and freezes from 4 s to 5 s; 1,000 uploads a second
// are due, evenly, for 10 s: at 1 ms, 2 ms, ... 10,000 ms.
//
// With a sender for each, truth is arithmetic. The 1,000 uploads due from 4,000 ms to 4,999 ms are answered at 5,001 ms: they
// wait 1001, 1000, ... 2 ms. The other 9,000 wait 1 ms. So of 10,000 waits in order, the first 9,000 are 1 ms, and number 9,000+i is
// 1+i ms: p50 = p90 = 1 ms, p99 (number 9,900) = 901 ms, p99.9 (number 9,990) = 991 ms, and the longest is 1001 ms.
func TestStallIsSeenInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res := stall(t, "2000")
		s := res.Totals.Select(measure.Selector{})
		for _, q := range []struct {
			q    float64
			want time.Duration
		}{{0.5, 1}, {0.9, 1}, {0.99, 901}, {0.999, 991}, {1, 1001}} {
			exactly(t, "response time", s.Response.Quantile(q.q), q.want*time.Millisecond)
			exactly(t, "service time with a sender for each", s.Service.Quantile(q.q), q.want*time.Millisecond)
		}
		if got := s.SendLag.Max(); got != 0 {
			t.Errorf("send lag up to %v, want 0: every upload had a sender", got)
		}
	})
}

// With 64 connections only 64 uploads meet the freeze and the rest wait in the queue. Service time, which is what a tool
// without a schedule would report, calls p99 1 ms; response time tells what devices waited. The truth here is a queue with 64 servers, first
// come first served.
func TestStallBehindFewConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res := stall(t, "64")
		s := res.Totals.Select(measure.Selector{})
		want := queue(64)
		for _, q := range []float64{0.5, 0.9, 0.95, 0.99, 0.999, 1} {
			exactly(t, "response time", s.Response.Quantile(q), want[int(q*float64(len(want)))-1])
		}
		exactly(t, "p99 of the service time", s.Service.Quantile(0.99), time.Millisecond)
		if got := s.Response.Quantile(0.99); got < 850*time.Millisecond {
			t.Errorf("p99 of the response time is %v: the stall is hidden", got)
		}
	})
}

func frozen(at time.Duration) time.Duration {
	if at >= 4*time.Second && at < 5*time.Second {
		return 5*time.Second - at
	}
	return 0
}

func stall(t *testing.T, maxOpen string) *Result {
	m := model(t, parse(t, rateLoad("even", "1000/s", "10s"), "MAXOPEN", maxOpen, "BATCH", "{maxEvents: 1}"))
	begin := time.Now()
	f := &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) {
		return measure.OK, frozen(time.Since(begin)) + time.Millisecond
	}}
	res := drive(t, t.Context(), m, f, 1)
	if n := res.Totals.Select(measure.Selector{}).Accepted; n != 10_000 {
		t.Fatalf("%d uploads accepted, want 10000", n)
	}
	return res
}

// queue is the sorted waits of the 10,000 uploads behind a number of servers.
func queue(servers int) []time.Duration {
	free := make([]time.Duration, servers)
	var waits []time.Duration
	for k := 1; k <= 10_000; k++ {
		due := time.Duration(k) * time.Millisecond
		first := slices.Index(free, slices.Min(free))
		begin := max(due, free[first])
		free[first] = begin + frozen(begin) + time.Millisecond
		waits = append(waits, free[first]-due)
	}
	slices.Sort(waits)
	return waits
}

// exactly allows for nothing but the histogram's three figures.
func exactly(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if d := got - want; d < 0 || d > want/1000 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// freeze is a run at 1,000/s, evenly, behind 64 connections to a backend that answers in 1 ms and stands still once. queue is
// the most uploads that wait.
type freeze struct {
	span, from, lasts time.Duration
	queue             int
}

// truth is a queue of 64 servers, first come first served: the waits of those that were answered, their service times, and how
// many found the queue full.
func (z freeze) truth() (waits, services []time.Duration, unsent int64) {
	free := make([]time.Duration, 64)
	var begins []time.Duration // of uploads, in order
	for due := time.Millisecond; due <= z.span; due += time.Millisecond {
		waiting := len(begins) - sort.Search(len(begins), func(i int) bool { return begins[i] > due })
		if waiting >= z.queue && slices.Min(free) > due {
			unsent++
			continue
		}
		first := slices.Index(free, slices.Min(free))
		begin := max(due, free[first])
		end := begin + time.Millisecond
		if begin >= z.from && begin < z.from+z.lasts {
			end += z.from + z.lasts - begin
		}
		free[first] = end
		begins = append(begins, begin)
		waits, services = append(waits, end-due), append(services, end-begin)
	}
	slices.Sort(waits)
	slices.Sort(services)
	return waits, services, unsent
}

// What a run says of a freeze is within 1 % of the truth, however long it lasts and wherever the freeze is. Beside it stands
// what a client without a schedule would have said, and how many uploads were never sent.
func TestFreeze(t *testing.T) {
	t.Parallel()
	for _, z := range []freeze{
		{10 * time.Second, 4 * time.Second, 2 * time.Second, 20_000},
		{3 * time.Second, time.Second, time.Second, 20_000},
		{60 * time.Second, 30 * time.Second, 10 * time.Second, 20_000},
		{12 * time.Second, 10 * time.Second, time.Second, 20_000},
		{10 * time.Second, 4 * time.Second, 2 * time.Second, 500}, // the queue is soon full
	} {
		synctest.Test(t, func(t *testing.T) {
			t.Logf("%+v", z)
			m := model(t, parse(t, rateLoad("even", "1000/s", z.span.String()), "queue: 20000", fmt.Sprintf("queue: %d", z.queue), "BATCH", "{maxEvents: 1}",
				"        crash: {perDay: 1, mix: {jetsam: 50, sigabrt: 50}}\n", "")) // a report of a crash is as long as a hundred other events
			begin := time.Now()
			f := &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) {
				wait := time.Millisecond
				if at := time.Since(begin); at >= z.from && at < z.from+z.lasts {
					wait += z.from + z.lasts - at
				}
				return measure.OK, wait
			}}
			s := drive(t, t.Context(), m, f, 1).Totals.Select(measure.Selector{})
			waits, services, unsent := z.truth()
			for _, q := range []float64{0.5, 0.99, 0.999} {
				at := int(math.Ceil(q*float64(len(waits)))) - 1
				near(t, fmt.Sprintf("response time, quantile %v", q), s.Response.Quantile(q), waits[at])
				near(t, fmt.Sprintf("service time, quantile %v", q), s.Service.Quantile(q), services[at])
			}
			if s.Dropped != unsent || s.Accepted != int64(len(waits)) || f.most != 64 {
				t.Errorf("%d uploads accepted and %d unsent over %d connections; want %d and %d over 64", s.Accepted, s.Dropped, f.most, len(waits), unsent)
			}
			if z.queue == 500 && unsent < 1000 || z.queue > 500 && unsent > 0 {
				t.Errorf("the truth has %d unsent: this test shows nothing", unsent)
			}
		})
	}
}

// near allows for 1 %.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if d := got - want; d.Abs() > want/100 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
