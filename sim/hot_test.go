package sim

import (
	"context"
	"math"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"drover/sim/measure"
	"drover/sim/target"
)

// discard is a target that takes everything at once.
type discard struct{}

func (discard) Send(_ context.Context, _ *target.Request, ans *target.Answer) {
	*ans = target.Answer{Class: measure.OK, Status: 200, Body: append(ans.Body[:0], `{"accepted":1}`...)}
}

func (discard) Close() error { return nil }

// hot is a sender of a closed run against a target, between two uploads of one event each. with is what is replaced in small.
func hot(tb testing.TB, to target.Target, with ...string) *sender {
	m := model(tb, parse(tb, `{model: closed, concurrency: 64, phases: [{name: day, for: 1h}]}`, append(with, ", speed: 600", "",
		"BATCH", "{maxEvents: 1}", "devices: 200", "devices: 10000",
		"webVisit: {perDay: 200, maliciousShare: 2%}", "memory: {every: 1h, jitter: 10%}", "crash: {perDay: 1, mix: {jetsam: 50, sigabrt: 50}}", "")...))
	r, err := newRun(Config{Model: m, Target: to, Adapter: drover, Workers: 1})
	if err != nil {
		tb.Fatal(err)
	}
	r.start = time.Now()
	r.allow(context.Background())
	tb.Cleanup(r.abandon)
	return r.workers[0].crew[0]
}

// sink is a server that answers every request, which it takes to come in one piece, and allocates nothing.
func sink(tb testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"accepted\":1}")
		buf := make([]byte, 16<<10)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	}()
	return "http://" + l.Addr().String()
}

// From the schedule to the record, an upload allocates nothing in steady state. What grows all the same grows with the
// number of seconds and of latencies that differ, not with that of uploads, and is less than one in a hundred here.
func TestUploadAllocatesNothing(t *testing.T) {
	h, err := target.NewHTTP(target.HTTPOptions{URL: sink(t), ContentType: "application/json", Run: "r"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for name, to := range map[string]target.Target{"nowhere": discard{}, "over http": h} {
		s := hot(t, to)
		for range 8_000 { // until the histograms have their pages and the buffers their size
			s.turn()
		}
		const n = 500
		least := math.Inf(1)
		for range 8 { // a second that begins meanwhile allocates; an upload that does, does so each time
			least = min(least, testing.AllocsPerRun(1, func() {
				for range n {
					s.turn()
				}
			}))
		}
		if least > n/100 {
			t.Errorf("%s: %v allocations for %d uploads, want none", name, least, n)
		}
		if s.w.tally.kinds == ([len(s.w.tally.kinds)]Kinds{}) || s.w.open.Load() != 0 {
			t.Errorf("%s: nothing was sent, or %d uploads are open", name, s.w.open.Load())
		}
	}
}

// counted tells of each upload that a loop has finished.
type counted struct {
	*target.HTTP
	each func()
}

func (c *counted) Finish(ctx context.Context, req *target.Request, ans *target.Answer) bool {
	defer c.each()
	return c.HTTP.Finish(ctx, req, ans)
}

// What goes on without a fiber allocates nothing either.
func TestLoopAllocatesNothing(t *testing.T) {
	h, err := target.NewHTTP(target.HTTPOptions{URL: sink(t), ContentType: "application/json"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	l := h.NewLoop(1)
	if l == nil {
		t.Skip("there are no loops on this system")
	}
	defer l.Close()
	to := &counted{HTTP: h}
	s := hot(t, to)
	s.join(to, l, s.w.bench())
	const n = 500
	finished, least, before := 0, uint64(math.MaxUint64), uint64(0)
	to.each = func() {
		if finished++; finished < 8_000 || finished%n > 0 {
			return
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if before > 0 {
			least = min(least, m.Mallocs-before)
		}
		before = m.Mallocs
		s.w.run.ending.Store(finished == 8_000+8*n)
	}
	l.Go(s.turns)
	l.Run()
	if least > n/100 {
		t.Errorf("%d allocations for %d uploads, want none", least, n)
	}
	if finished < 8_000+8*n {
		t.Errorf("%d uploads went on without a fiber", finished)
	}
}

// What is held after many uploads is what was held after few, to the byte or nearly so. Whatever grows, grows with the seconds of a run,
// of which there are none here, and with the histograms: each of these has 8,192 samples before and no other latency after.
func TestUploadsAreNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := hot(t, discard{}, "tenants: {count: 3, sizes: {zipf: 1}}", "tenants: {count: 1}", "devices: 200", "devices: 500",
			"weight: 80, profile: enterprise-iphone", `weight: 100, profile: enterprise-iphone, os: {"26.4.2": 100}`,
			"- {name: pads, weight: 20, profile: shared-ipad, behavior: busy}", "")
		held := func(uploads int) (bytes int64) {
			for range uploads {
				s.turn()
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.GC() // what is in a pool lives until the second
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		const n = 2_000
		few := held(8_500)
		if more := held(n) - few; more > n/8 {
			t.Errorf("%d bytes are held, and %d more after %d more uploads", few, more, n)
		}
		runtime.KeepAlive(s)
	})
}

// A run may have thousands of senders: whatever grows with what can be counted is the worker's.
func TestSendersAreSmall(t *testing.T) {
	if n := unsafe.Sizeof(sender{}); n > 2<<10 {
		t.Errorf("a sender takes %d bytes, want 2,048 at most", n)
	}
}

// What an upload costs beside its connection: schedule, identity, events, bytes, record.
func BenchmarkUpload(b *testing.B) {
	s := hot(b, discard{})
	b.ReportAllocs()
	for b.Loop() {
		s.turn()
	}
}

// What a device costs in memory, its place in the queue included; what all devices share does not count, nor what is pending. A million
// of them must fit into 150 MB with all the rest of a process, 36 MB, and with 20 bytes for each pending event. These have a timeline with
// releases, which takes 6.
func TestDevicesAreSmall(t *testing.T) {
	size := func(devices string) (*Schedule, float64) {
		m := workday(t, devices)
		before := resident()
		s := NewSchedule(m, partitions(m))
		return s, resident() - before
	}
	few, small := size("17000")
	many, large := size("57000")
	n := many.Devices() - few.Devices()
	if each := (large - small) * 1e6 / float64(n); n != 40_000 || each < 80 || each > 98 {
		t.Errorf("a device takes %.1f bytes, over %d of them; want 98 at most", each, n)
	}
}
