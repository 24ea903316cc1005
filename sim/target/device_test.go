package target

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/measure"
)

// perDevice are the ways in which a device can have a connection of its own.
func perDevice(t *testing.T, test func(t *testing.T, m mode)) {
	for _, m := range append(http1Modes[:2:2], http2Modes[:2]...) {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// kept is what keeps the connections of devices.
func (h *HTTP) kept() *devices {
	if h.fast != nil {
		return h.fast.devices
	}
	return h.own2.devices
}

// from sends an upload of one device and returns what the backend calls its connection.
func from(t *testing.T, h Target, device int) string {
	t.Helper()
	var ans Answer
	h.Send(context.Background(), &Request{Op: measure.Upload, Device: device, Body: []byte("x")}, &ans)
	if ans.Class != measure.OK {
		t.Errorf("device %d: %v, %v", device, ans.Class, ans.Err)
	}
	return string(ans.Body)
}

// whoAsks is a backend that tells a client its own address, and in TLS whether it resumed a session.
func whoAsks(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, r.RemoteAddr)
	if r.TLS != nil && r.TLS.DidResume {
		io.WriteString(w, " resumed")
	}
}

func TestPerDevice(t *testing.T) { perDevice(t, testPerDevice) }

func testPerDevice(t *testing.T, m mode) {
	s := m.serve(t, whoAsks)
	h := m.open(t, HTTPOptions{URL: s.URL, Client: Client{MaxOpen: 3, PerDevice: true, Idle: time.Hour}})
	var first [4]string
	for d := range 3 {
		first[d] = from(t, h, d)
	}
	for d := range 3 { // each keeps its own
		if again := from(t, h, d); again != first[d] {
			t.Errorf("device %d: connection %s, then %s", d, first[d], again)
		}
	}
	if first[0] == first[1] || first[1] == first[2] {
		t.Errorf("connections %v are shared", first)
	}
	from(t, h, 0)            // device 1 is now the one that was idle the longest
	first[3] = from(t, h, 3) // one more than there may be
	if c := h.Connections(); c.Open != 3 || c.Opened != 4 || c.Evicted != 1 || c.Idled != 0 || c.Connect.Count() != 4 {
		t.Errorf("after four devices: %d open, %d opened, %d evicted, %d idled; want 3, 4, 1, 0", c.Open, c.Opened, c.Evicted, c.Idled)
	}
	if again := from(t, h, 0); again != first[0] {
		t.Error("the connection of a device that had just been active was closed")
	}
	if again := from(t, h, 1); again == first[1] {
		t.Error("the connection that was idle the longest was kept")
	}
	if c := h.Connections(); m.secure != (c.Handshake.Count() == 5) {
		t.Errorf("%d handshakes of 5 connections", c.Handshake.Count())
	}
	h.Close()
	waitFor(t, "all connections to close", func() bool { open, _ := h.Conns(); return open == 0 })
}

// A device that says nothing for a while hangs up.
func TestIdleDevicesHangUp(t *testing.T) { perDevice(t, testIdleDevicesHangUp) }

func testIdleDevicesHangUp(t *testing.T, m mode) {
	s := m.serve(t, whoAsks)
	h := m.open(t, HTTPOptions{URL: s.URL, Client: Client{PerDevice: true, Idle: time.Millisecond}})
	for d := range 5 {
		from(t, h, d)
	}
	waitFor(t, "the connections to close", func() bool { c := h.Connections(); return c.Open == 0 && c.Idled == 5 })
	from(t, h, 0)
	waitFor(t, "the connection to close", func() bool { return h.Connections().Idled == 6 })
}

// Many devices at once, more than may be open: nothing is lost, and the bound holds.
func TestDevicesAtOnce(t *testing.T) { perDevice(t, testDevicesAtOnce) }

func testDevicesAtOnce(t *testing.T, m mode) {
	s := m.serve(t, whoAsks)
	h := m.open(t, HTTPOptions{URL: s.URL, Client: Client{MaxOpen: 5, PerDevice: true, Idle: 2 * time.Millisecond, Resume: 0.5, Timeout: patient}})
	var senders sync.WaitGroup
	var most atomic.Int64
	for i := range 10 {
		senders.Go(func() {
			for n := range 30 {
				from(t, h, (i*n)%12)
				if open, _ := h.Conns(); open > most.Load() {
					most.Store(open)
				}
			}
		})
	}
	senders.Wait()
	if most.Load() > 5 {
		t.Errorf("%d connections at once, want 5 at most", most.Load())
	}
	h.Close()
	waitFor(t, "all connections to close", func() bool { open, _ := h.Conns(); return open == 0 })
	d := h.kept() // which counts a connection until its close is over
	waitFor(t, "no connection to be counted", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.open == 0 && len(d.idle) == 0
	})
}

// A connection that is just being closed still counts: the next one waits until it is gone.
func TestClosingCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevices(1, time.Hour)
		d.reserve()
		former := new(kept)
		d.put(former)
		if c := d.take(0); c != former { // as expire does before it closes one
			t.Fatalf("take = %p, want %p", c, former)
		}
		reserved := false
		go func() { d.reserve(); reserved = true }()
		if synctest.Wait(); reserved {
			t.Error("reserve did not wait for a connection that was being closed")
		}
		d.gone()
		if synctest.Wait(); !reserved {
			t.Error("reserve waits for a connection that is gone")
		}
		d.end()
	})
}

// A share of the handshakes resumes the device's session, in both versions of TLS.
func TestResume(t *testing.T) {
	for _, m := range []mode{http1Modes[1], http2Modes[1]} {
		t.Run(m.name, func(t *testing.T) { testResume(t, m) })
	}
}

func testResume(t *testing.T, m mode) {
	s := m.serve(t, whoAsks)
	for _, version := range []uint16{0x303, 0x304} {
		for _, share := range []float64{0, 0.5, 1} {
			h := m.open(t, HTTPOptions{URL: s.URL, TLS: TLS{MaxVersion: version}, Client: Client{MaxOpen: 1, PerDevice: true, Resume: share}})
			resumed := 0
			const rounds = 100
			for range rounds {
				for d := range 2 { // each throws the other's connection out
					if strings.Contains(from(t, h, d), "resumed") {
						resumed++
					}
				}
			}
			again := 2.0 * (rounds - 1) // 5 sigma of a binomial: 5*sqrt(198/4) = 35
			if c := h.Connections(); int64(resumed) != c.Resumed || float64(resumed) < again*share-35 || float64(resumed) > again*share+35 || share == 0 && resumed > 0 || share == 1 && float64(resumed) != again {
				t.Errorf("TLS %x, share %v: %d of %v handshakes resumed, %d counted", version, share, resumed, again, c.Resumed)
			}
		}
	}
}

func TestSources(t *testing.T) {
	for _, tt := range []struct {
		from string
		n    int // different addresses among the first 1000
	}{{"127.0.0.0/8", 1000}, {"127.0.0.1/32", 1}, {"10.0.0.0/31", 2}, {"10.0.0.0/30", 2}, {"10.1.0.0/24", 254}, {"fd00::/64", 1000}} {
		p := netip.MustParsePrefix(tt.from)
		seen := map[netip.Addr]bool{}
		for i := range 1000 {
			a := sources{p}.of(i)
			if !p.Contains(a) || p.Bits() < 31 && a == p.Addr() {
				t.Fatalf("source %d of %v = %v", i, p, a)
			}
			seen[a] = true
		}
		if len(seen) != tt.n {
			t.Errorf("%d addresses of %v, want %d", len(seen), p, tt.n)
		}
	}
	two := sources{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("127.0.0.2/32")}
	if two.of(0) == two.of(1) || two.of(0) != two.of(2) {
		t.Errorf("sources of %v are %v, %v, %v, want them in turn", two, two.of(0), two.of(1), two.of(2))
	}
	if err := (sources{netip.MustParsePrefix("127.0.0.1/8")}).check(); err == nil {
		t.Error("check of 127.0.0.1/8 = nil, want an error")
	}
}

// Devices come from addresses of their own, and from the same again.
func TestSourceAddresses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux takes all of 127.0.0.0/8 for its own")
	}
	perDevice(t, func(t *testing.T, m mode) {
		s := m.serve(t, whoAsks)
		h := m.open(t, HTTPOptions{URL: s.URL, Client: Client{MaxOpen: 1, PerDevice: true, Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
		host := func(d int) string { return strings.Split(from(t, h, d), ":")[0] }
		if a, b, again := host(0), host(1), host(0); a == b || a != again {
			t.Errorf("devices come from %s and %s, then from %s", a, b, again)
		}
	})
	h := newHTTP(t, HTTPOptions{URL: "http://127.0.0.1:9", Client: Client{Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}}})
	if ans := send(h); ans.Class != measure.ConnectFailed {
		t.Errorf("from an address that is not ours: %v, %v, want %v", ans.Class, ans.Err, measure.ConnectFailed)
	}
}

// TestMain makes the test binary a backend when it is asked to, so that the memory of the two sides can be told apart.
func TestMain(m *testing.M) {
	if os.Getenv("DROVER_TEST_BACKEND") != "" {
		s := mode{secure: true}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Println(l.Addr())
		go func() { io.Copy(io.Discard, os.Stdin); os.Exit(0) }() // until the parent is gone
		s.answerAll(l)
	}
	os.Exit(m.Run())
}

// answerAll answers every request on a listener as shortly as can be.
func (m mode) answerAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			c := m.server(c)
			defer c.Close()
			r := bufio.NewReaderSize(c, 512)
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				io.Copy(io.Discard, req.Body)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
		}()
	}
}

// BenchmarkDevices opens DROVER_TEST_CONNS connections over TLS, 1000 by default, each a device's own, to backends in
// processes of their own, and says how much memory one takes here when it is idle.
func BenchmarkDevices(b *testing.B) {
	n, _ := strconv.Atoi(os.Getenv("DROVER_TEST_CONNS"))
	if n == 0 {
		n = 1000
	}
	const perBackend = 9000 // below what a process may have open
	var targets []*HTTP
	for left := n; left > 0; left -= perBackend {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "DROVER_TEST_BACKEND=1")
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { in.Close(); cmd.Wait() })
		addr, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		h, err := NewHTTP(HTTPOptions{URL: "https://" + strings.TrimSpace(addr), TLS: TLS{RootCAs: testIdentity().roots}, Client: Client{
			MaxOpen: n, Timeout: time.Minute, PerDevice: true, Idle: time.Hour, Resume: 0.8, Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { h.Close() })
		targets = append(targets, h)
	}
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	for b.Loop() {
		before := used()
		var senders sync.WaitGroup
		for i := range 16 {
			senders.Go(func() {
				var ans Answer
				for d := i; d < n; d += 16 {
					targets[d%len(targets)].Send(context.Background(), &Request{Op: measure.Upload, Device: d, Body: make([]byte, 763)}, &ans)
					if ans.Class != measure.OK {
						b.Error(ans.Err)
						return
					}
				}
			})
		}
		senders.Wait()
		open := int64(0)
		for _, h := range targets {
			o, _ := h.Conns()
			open += o
		}
		if after := used(); open > 0 && after > before {
			b.ReportMetric(float64(after-before)/float64(open), "B/conn")
		}
		b.ReportMetric(float64(open), "conns")
	}
}
