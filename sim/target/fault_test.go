package target

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"drover/sim/measure"
)

// What strikes is a function of its arguments, and each share is kept.
func TestFaultsAreDrawn(t *testing.T) {
	f := Faults{Seed: 7, Latency: time.Second, Jitter: time.Second, Reset: 0.1, Blackhole: 0.05, DropResponse: 0.2, Malformed: 0.02, Oversized: 0.01}
	want := [NumFaults]float64{1 - 0.38, 0.05, 0.05, 0.05, 0.2, 0.02, 0.01}
	var got [NumFaults]float64
	var late time.Duration
	const n = 200_000
	for i := range n {
		op, device, upload, attempt := measure.Op(i%2), i/4%977, uint32(i/8), i%3
		fault, l := f.Of(op, device, upload, attempt)
		if again, l2 := f.Of(op, device, upload, attempt); again != fault || l2 != l {
			t.Fatalf("attempt %d: %v, then %v", i, fault, again)
		}
		if l < time.Second || l >= 2*time.Second {
			t.Fatalf("attempt %d comes %v later, want 1s to 2s", i, l)
		}
		got[fault]++
		late += l
	}
	for fault, p := range want {
		if sigma := math.Sqrt(n * p * (1 - p)); math.Abs(got[fault]-n*p) > 5*sigma {
			t.Errorf("%v: %v of %d, want %v give or take %.0f", Fault(fault), got[fault], n, n*p, 5*sigma)
		}
	}
	// The mean of n even draws over a second: 1/sqrt(12 n) is a sigma.
	if mean := late.Seconds() / n; math.Abs(mean-1.5) > 5/math.Sqrt(12*n) {
		t.Errorf("attempts come %v s later on average, want 1.5", mean)
	}
	other, same := f, 0
	other.Seed++
	for i := range 10_000 {
		a, _ := f.Of(measure.Upload, i, 1, 0)
		b, _ := other.Of(measure.Upload, i, 1, 0)
		c, _ := f.Of(measure.Upload, i, 1, 1) // the retry
		if a == DropResponse && b == DropResponse {
			same++
		}
		if a == DropResponse && c == DropResponse {
			same += 10_000
		}
	}
	if low, high := 250, 550; same%10_000 < low || same%10_000 > high || same/10_000 < low || same/10_000 > high { // 400 by chance
		t.Errorf("another seed strikes the same %d times, a retry %d times; want about 400", same%10_000, same/10_000)
	}
}

// sees is a backend that counts what arrives whole.
type sees struct{ requests, bodies atomic.Int64 }

func (s *sees) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	b, err := io.ReadAll(r.Body)
	if err == nil {
		s.bodies.Add(1)
	}
	switch {
	case len(b) > 9<<20:
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case !bytes.HasSuffix(b, []byte("}")):
		w.WriteHeader(http.StatusBadRequest)
	default:
		io.WriteString(w, "yes")
	}
}

// Each fault, as the device sees it and as the backend sees it, in every way to send.
func TestFaults(t *testing.T) { everyClient(t, testFaults) }

func testFaults(t *testing.T, m mode) {
	for _, tt := range []struct {
		fault  Faults
		class  measure.Class
		status int
		struck Fault
		bodies int64 // whole ones that the backend gets of three uploads
	}{
		{Faults{DropResponse: 1}, measure.Reset, 0, DropResponse, 3},
		{Faults{Blackhole: 1}, measure.Timeout, 0, Blackhole, 0},
		{Faults{Malformed: 1}, measure.Status400, 400, Malformed, 3},
		{Faults{Oversized: 1}, measure.Status413, 413, Oversized, 3},
		{Faults{Reset: 1}, measure.Reset, 0, NumFaults, 0}, // before or within
		{Faults{Latency: time.Hour}, measure.Timeout, 0, NoFault, 0},
		{Faults{BytesPerSec: 1}, measure.Timeout, 0, NoFault, 0},
		{Faults{Latency: 2 * time.Millisecond, Jitter: time.Millisecond, BytesPerSec: 1e7}, measure.OK, 200, NumFaults, 3},
	} {
		var backend sees
		s := m.serve(t, backend.ServeHTTP)
		timeout := patient
		if tt.class == measure.Timeout {
			timeout = hasty
		}
		h := m.open(t, HTTPOptions{URL: s.URL, Faults: &tt.fault, Client: Client{Timeout: timeout}})
		for i := range 3 {
			var ans Answer
			req := &Request{Op: measure.Upload, Seq: uint32(i), Body: []byte(`{"events":[1,2,3]}`), Key: []byte("k")}
			h.Send(context.Background(), req, &ans)
			if ans.Class != tt.class || ans.Status != tt.status || (ans.Err == nil) != (tt.class == measure.OK) || string(req.Body) != `{"events":[1,2,3]}` {
				t.Errorf("%+v: %v, %d, %v; want %v, %d", tt.fault, ans.Class, ans.Status, ans.Err, tt.class, tt.status)
			}
		}
		got := h.Struck()
		sum := int64(0)
		for _, n := range got.Faults {
			sum += n
		}
		switch {
		case tt.struck < NumFaults && got.Faults[tt.struck] != 3, tt.struck == NumFaults && tt.class != measure.OK && sum != 3, tt.class == measure.OK && (sum != 0 || got.Late != 3):
			t.Errorf("%+v: %+v struck", tt.fault, got)
		}
		if n := backend.bodies.Load(); n != tt.bodies {
			t.Errorf("%+v: the backend got %d whole bodies of %d requests, want %d", tt.fault, n, backend.requests.Load(), tt.bodies)
		}
		h.Close()
	}
}

// An answer that the backend did not give is the backend's fault, and is not counted as ours.
func TestFaultsOfTheBackendAreItsOwn(t *testing.T) { eachClient(t, testFaultsOfTheBackendAreItsOwn) }

func testFaultsOfTheBackendAreItsOwn(t *testing.T, m mode) {
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) { next() })
	h := m.open(t, HTTPOptions{URL: url, Faults: &Faults{DropResponse: 1}})
	if ans := send(h); ans.Class != measure.Reset {
		t.Errorf("%v, %v, want %v", ans.Class, ans.Err, measure.Reset)
	}
	if got := h.Struck(); got != (Struck{}) {
		t.Errorf("%+v struck, want none", got)
	}
}

func TestFaultsEndWithTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, f := range []Faults{{Blackhole: 1}, {Latency: time.Hour}, {Reset: 1}, {BytesPerSec: 1}} {
		h := newHTTP(t, HTTPOptions{URL: "http://127.0.0.1:9", Faults: &f})
		var ans Answer
		if h.Send(ctx, &Request{Op: measure.Upload, Body: []byte("x")}, &ans); ans.Class != measure.Cancelled || h.Struck().Faults != [NumFaults]int64{} {
			t.Errorf("%+v: %v, %+v struck; want %v and none", f, ans.Class, h.Struck(), measure.Cancelled)
		}
	}
	for _, f := range []Faults{{Reset: 0.6, Blackhole: 0.6}, {Reset: -1}, {Latency: -1}} {
		if _, err := NewHTTP(HTTPOptions{URL: "http://127.0.0.1:9", Faults: &f}); err == nil {
			t.Errorf("NewHTTP with faults %+v = nil, want an error", f)
		}
	}
}
