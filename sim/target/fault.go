package target

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"drover/sim/measure"
)

// Fault is what drover itself lets go wrong with one attempt, on the device's side of the network.
type Fault uint8

// The faults of an attempt, of which it has one at most.
const (
	NoFault      Fault = iota
	ResetBefore        // the connection breaks before anything was sent
	ResetWithin        // half of the request is sent, and the connection breaks
	Blackhole          // nothing gets through: the attempt ends with the time-out
	DropResponse       // the request arrives, its answer does not
	Malformed          // the body is cut in half: it arrives whole, and is no document
	Oversized          // the body has 9 MiB of blanks before it
	NumFaults
)

var faultNames = [...]string{"none", "reset before", "reset within", "blackhole", "dropped answer", "malformed", "oversized"}

// String returns the fault's name, e.g. "dropped answer".
func (f Fault) String() string { return faultNames[f] }

// Faults says how the network between devices and the backend misbehaves. The shares, 0 to 1, are of attempts, and add up to
// 1 at most. What strikes is a function of Seed, the device, its upload and the attempt alone, so that the same scenario has
// the same faults however many workers send it, and a retry does not inherit those of the attempt before.
type Faults struct {
	Seed            uint64
	Latency, Jitter time.Duration // added to each attempt: Latency, and up to Jitter drawn evenly; half on the way there
	BytesPerSec     float64       // of bodies and of answers; 0: as fast as they come
	Reset           float64       // one half each of ResetBefore and ResetWithin
	Blackhole       float64
	DropResponse    float64
	Malformed       float64
	Oversized       float64
}

// any reports whether there is anything to do.
func (f *Faults) any() bool { return f != nil && *f != Faults{Seed: f.Seed} }

func (f *Faults) check() error {
	if !f.any() {
		return nil
	}
	sum := 0.0
	for _, s := range [...]float64{f.Reset, f.Blackhole, f.DropResponse, f.Malformed, f.Oversized} {
		if sum += s; s < 0 || sum > 1+1e-9 {
			return errors.New("faults: want shares of 0 to 1 that add up to 1 at most")
		}
	}
	if f.Latency < 0 || f.Jitter < 0 || f.BytesPerSec < 0 {
		return errors.New("faults: want no negative latency, jitter or bandwidth")
	}
	return nil
}

// Of returns what strikes an attempt, from 0, of an upload, and how much later than by itself its answer comes.
func (f *Faults) Of(op measure.Op, device int, upload uint32, attempt int) (Fault, time.Duration) {
	x := mix(mix(mix(f.Seed^uint64(device))^uint64(upload)<<8^uint64(op)) ^ uint64(attempt))
	u := unit(x)
	late := f.Latency + time.Duration(unit(mix(x))*float64(f.Jitter))
	for _, s := range [...]struct {
		share float64
		fault Fault
	}{
		{f.Reset / 2, ResetBefore}, {f.Reset / 2, ResetWithin}, {f.Blackhole, Blackhole}, {f.DropResponse, DropResponse},
		{f.Malformed, Malformed}, {f.Oversized, Oversized},
	} {
		if u < s.share {
			return s.fault, late
		}
		u -= s.share
	}
	return NoFault, late
}

// mix is the finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014):
// every bit of x changes half of the bits of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit is x as a number from 0 up to 1.
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// faultError marks what drover did itself.
type faultError struct {
	method, url string
	fault       Fault
}

func (e *faultError) Error() string {
	return fmt.Sprintf("%s %s: drover's own fault: %v", e.method, e.url, e.fault)
}

// errCut ends a request that is to break in its middle.
var errCut = errors.New("cut by drover")

// oversize is how many blanks an oversized body begins with.
const oversize = 9 << 20

// rig lets faults strike a target's attempts, and counts what it did.
type rig struct {
	faults  *Faults // nil: none but those of requests
	timeout time.Duration
	method  string // what an attempt does, for messages
	where   func(*Request) string
	counts  [NumFaults]atomic.Int64
	late    atomic.Int64 // attempts that faults made slower
}

// of returns the faults that a request is subject to.
func (g *rig) of(req *Request) *Faults {
	if req.Faults != nil {
		return req.Faults
	}
	return g.faults
}

// misbehave makes an attempt over a network with faults.
func (g *rig) misbehave(ctx context.Context, f *Faults, req *Request, ans *Answer, attempt func(context.Context, *Request, *Answer)) {
	fault, late := f.Of(req.Op, req.Device, req.Seq, req.Attempt)
	start := time.Now()
	deadline := start.Add(g.timeout)
	fails := func(c measure.Class) {
		if ctx.Err() != nil {
			*ans = Answer{Body: ans.Body[:0], Class: measure.Cancelled, Err: ctx.Err()}
			return
		}
		*ans = Answer{Body: ans.Body[:0], Class: c, Err: &faultError{g.method, g.where(req), fault}}
		g.counts[fault].Add(1)
	}
	sent := *req
	sent.fault, sent.cut = fault, fault == ResetWithin
	if late > 0 {
		g.late.Add(1)
	}
	size := len(req.Body)
	switch fault {
	case Malformed:
		size /= 2
	case Oversized:
		size += oversize
	}
	switch wait(ctx, deadline, late/2+f.takes(size)); {
	case ctx.Err() != nil || !time.Now().Before(deadline):
		fails(measure.Timeout)
		return
	case fault == ResetBefore:
		fails(measure.Reset)
		return
	case fault == Blackhole:
		wait(ctx, deadline, g.timeout)
		fails(measure.Timeout)
		return
	}
	attempt(ctx, &sent, ans)
	if fault == ResetWithin {
		if ans.Status == 0 && errors.Is(ans.Err, errCut) {
			fails(measure.Reset)
		}
		return
	}
	wait(ctx, deadline, late-late/2+f.takes(len(ans.Body)))
	switch {
	case ans.Status == 0 && ans.Class != measure.OK: // the backend's own fault
	case fault == DropResponse:
		fails(measure.Reset)
	case late+f.takes(size+len(ans.Body)) > 0 && !time.Now().Before(deadline):
		fails(measure.Timeout) // the answer came too late
	case fault != NoFault:
		g.counts[fault].Add(1)
	}
}

// takes is how long n bytes need.
func (f *Faults) takes(n int) time.Duration {
	if f.BytesPerSec <= 0 {
		return 0
	}
	return time.Duration(float64(n) / f.BytesPerSec * float64(time.Second))
}

// wait sleeps for d, but not past deadline nor the end of ctx.
func wait(ctx context.Context, deadline time.Time, d time.Duration) {
	if d = min(d, time.Until(deadline)); d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Struck is how often drover's own faults struck.
type Struck struct {
	Late   int64            // attempts that were made slower
	Faults [NumFaults]int64 // attempts by their fault; one of an answer that came too late counts as NoFault
}

// Struck returns how often faults struck so far. It is safe for concurrent use.
func (h *HTTP) Struck() Struck { return h.rig.struck() }

func (g *rig) struck() Struck {
	s := Struck{Late: g.late.Load()}
	for i := range s.Faults {
		s.Faults[i] = g.counts[i].Load()
	}
	return s
}
