package sim

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drover/sim/measure"
	"drover/sim/target"
)

// enrolls is as long as its 200 devices take, and a little more.
const enrolls = `{model: closed, concurrency: 8, phases: [{name: enroll, do: enroll, for: 1h}, {name: day, for: 100ms}]}`

// closedOver runs the closed model at a server, whose handler is told how many requests came before, and returns how many there were.
func closedOver(t *testing.T, ctx context.Context, opt target.HTTPOptions, clock *Clock, serve func(w http.ResponseWriter, r *http.Request, before int64)) (*Result, int64) {
	return closedTo(t, ctx, opt, clock, func(h *target.HTTP) target.Target { return h }, serve)
}

// closedTo is closedOver for what as makes of the target.
func closedTo(t *testing.T, ctx context.Context, opt target.HTTPOptions, clock *Clock, as func(*target.HTTP) target.Target,
	serve func(w http.ResponseWriter, r *http.Request, before int64)) (*Result, int64) {
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		serve(w, r, requests.Add(1)-1)
		io.WriteString(w, `{"accepted":1}`)
	}))
	t.Cleanup(s.Close)
	opt.URL = s.URL
	h, err := target.NewHTTP(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	m := model(t, parse(t, enrolls, ", speed: 600", "", "RETRY", "{maxAttempts: 2, base: 1ms, cap: 2ms}"))
	res, err := Run(ctx, Config{Model: m, Workers: 2, Target: as(h), Adapter: drover, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return res, requests.Load()
}

// Where senders take turns on one goroutine, whatever one waits for holds up none of the others: a free connection, a retry, a fault, a hand on
// the clock.
func TestClosedOverHTTP(t *testing.T) {
	for name, opt := range map[string]target.HTTPOptions{
		"own connections": {Client: target.Client{MaxOpen: 8}},
		"too few":         {Client: target.Client{MaxOpen: 3}},
		"faults":          {Client: target.Client{MaxOpen: 8}, Faults: &target.Faults{Jitter: time.Millisecond}},
		"net/http":        {Client: target.Client{MaxOpen: 8}, Library: true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := new(Clock)
			var seen sync.Map
			res, requests := closedOver(t, t.Context(), opt, clock, func(w http.ResponseWriter, r *http.Request, before int64) {
				if before == 100 {
					must(t, clock.Pause())
					time.AfterFunc(20*time.Millisecond, func() { must(t, clock.Resume()) })
				}
				if _, again := seen.LoadOrStore(r.Header.Get("Idempotency-Key"), true); before%3 == 0 && !again {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			})
			c, enrolled := counts(res), res.Totals.Select(measure.Selector{Phase: "enroll"}).Accepted
			if enrolled != 200 || c.Attempts != requests {
				t.Errorf("%d of 200 devices enrolled, by %d attempts; %d requests came", enrolled, c.Attempts, requests)
			}
			if c.AttemptClass[measure.Status5xx] == 0 {
				t.Error("no attempt was refused")
			}
		})
	}
}

// What becomes of uploads does not depend on how senders take turns, whatever a backend makes of the first attempt of each.
func TestClosedOverHTTPAsGoroutines(t *testing.T) {
	var all [2]measure.Counts
	for i, hide := range []bool{false, true} {
		var seen sync.Map
		opt := target.HTTPOptions{Client: target.Client{MaxOpen: 8}}
		res, _ := closedTo(t, t.Context(), opt, nil, func(h *target.HTTP) target.Target {
			if hide {
				return struct{ target.Target }{h} // has no loops
			}
			return h
		}, func(w http.ResponseWriter, r *http.Request, _ int64) {
			key := r.Header.Get("Idempotency-Key")
			if _, again := seen.LoadOrStore(key, true); again {
				return
			}
			switch key[0] {
			case '0', '1':
				w.WriteHeader(http.StatusServiceUnavailable)
			case '2':
				w.Header().Set("Connection", "close")
			case '3':
				panic(http.ErrAbortHandler)
			case '4':
				c, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					io.WriteString(c, "HTTP/1.1 nonsense\r\n\r\n")
					c.Close()
				}
				panic(http.ErrAbortHandler)
			case '5', '6':
				io.WriteString(w, `{"acc`)
				w.(http.Flusher).Flush()
				time.Sleep(time.Millisecond)
				io.WriteString(w, `epted":1}`)
				panic(http.ErrAbortHandler)
			case '7':
				io.WriteString(w, `{"acc`)
				w.(http.Flusher).Flush()
			}
		})
		all[i] = res.Totals.Select(measure.Selector{Phase: "enroll"}).Counts
	}
	if all[0] != all[1] {
		t.Errorf("with loops: %+v\nwithout:    %+v", all[0], all[1])
	}
	for _, c := range []measure.Class{measure.OK, measure.Status5xx, measure.Reset, measure.BadAnswer} {
		if all[0].AttemptClass[c] == 0 {
			t.Errorf("no attempt ended as %v", c)
		}
	}
}

// Who waits for something leaves the turn to others: here to the one that brings it about.
func TestWaitLeavesTheTurn(t *testing.T) {
	h, err := target.NewHTTP(target.HTTPOptions{URL: "http://127.0.0.1:1", Client: target.Client{MaxOpen: 8}})
	if err != nil {
		t.Fatal(err)
	}
	l := h.NewLoop(1)
	if l == nil {
		t.Skip("there are no loops on this system")
	}
	defer l.Close()
	s := hot(t, h)
	s.req.Loop = l
	late := time.AfterFunc(20*time.Second, func() { close(s.w.run.stopping) })
	defer late.Stop()
	there, came := make(chan struct{}), false
	l.Go(func() { came = wait(s, there) })
	l.Go(func() { close(there) })
	if l.Run(); !came {
		t.Error("nobody else had a turn for 20 s")
	}
}

// Who holds up the clock holds up senders that need no fiber, too.
func TestClosedOverHTTPHeld(t *testing.T) {
	clock := new(Clock)
	var came atomic.Int64
	closedOver(t, t.Context(), target.HTTPOptions{Client: target.Client{MaxOpen: 8}}, clock, func(_ http.ResponseWriter, _ *http.Request, before int64) {
		if came.Add(1); before != 100 {
			return
		}
		must(t, clock.Pause())
		time.AfterFunc(20*time.Millisecond, func() {
			if n := came.Load(); n > 120 { // beside this one, what each other sender had begun and one more
				t.Errorf("%d requests came before the clock went on; it was held up at number 100", n)
			}
			must(t, clock.Resume())
		})
	})
}

// Where an answer came to no fiber nobody waits, not even for a clock that was held up at that moment.
func TestTakeDoesNotWait(t *testing.T) {
	s := hot(t, discard{})
	s.w.run.cfg.Clock = &Clock{held: true, away: make(chan struct{})}
	if !s.take(false) || s.w.open.Load() != 1 {
		t.Error("the next upload was not taken")
	}
}

// After the grace nobody takes an upload any more.
func TestAbandonedTakesNothing(t *testing.T) {
	s := hot(t, discard{})
	if s.w.run.abandon(); s.turn() || s.w.open.Load() != 0 {
		t.Error("an upload was taken after the end")
	}
}

// later is a target whose answers are never there at once. enough is called after 250 uploads.
type later struct {
	*target.HTTP
	started, sent int
	asked         bool
	enough        func()
}

func (l *later) Start(ctx context.Context, req *target.Request, answered func()) bool {
	if !l.HTTP.Start(ctx, req, answered) {
		return false
	}
	l.started++
	l.count()
	return true
}

func (l *later) Finish(ctx context.Context, req *target.Request, ans *target.Answer) bool {
	if l.asked = !l.asked; l.asked {
		return false
	}
	return l.HTTP.Finish(ctx, req, ans)
}

func (l *later) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	l.HTTP.Send(ctx, req, ans)
	l.sent++
	l.count()
}

func (l *later) count() {
	if l.started+l.sent == 250 {
		l.enough()
	}
}

// A backend whose answers come in pieces does not have a fiber made for each upload: one stays for a while.
func TestFibersStay(t *testing.T) {
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
	to := &later{HTTP: h}
	s := hot(t, to)
	to.enough = func() { s.w.run.ending.Store(true) }
	s.join(to, l, s.w.bench())
	l.Go(s.turns)
	if l.Run(); to.started < 2 || to.started > 3 {
		t.Errorf("of %d uploads %d went on without a fiber; want one in %d", to.started+to.sent, to.started, stay)
	}
}

// Ctrl-C ends a run although each sender waits for a backend that says nothing more.
func TestClosedOverHTTPStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	res, _ := closedOver(t, ctx, target.HTTPOptions{Client: target.Client{MaxOpen: 8}}, nil, func(w http.ResponseWriter, r *http.Request, before int64) {
		if before < 20 {
			return
		}
		if before == 27 { // the last sender
			cancel()
		}
		<-r.Context().Done()
	})
	c := counts(res)
	if c.Accepted != 20 || c.Sent != 28 {
		t.Errorf("%d uploads, of which %d were accepted; want 28 and 20", c.Sent, c.Accepted)
	}
}

// Fewer workers have more loops each, so that every processor has one; there is none where the target has none.
func TestLoops(t *testing.T) {
	h, err := target.NewHTTP(target.HTTPOptions{URL: "http://127.0.0.1:1", Client: target.Client{MaxOpen: 8}})
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	if runtime.GOOS == "linux" {
		all = runtime.GOMAXPROCS(0)
	}
	for name, tt := range map[string]struct {
		to   target.Target
		want int
	}{
		"own connections": {h, all},
		"something else":  {&fake{}, 0},
	} {
		r, err := newRun(Config{Model: model(t, parse(t, enrolls, ", speed: 600", "")), Target: tt.to, Adapter: drover, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, loops := r.workers[0].loops()
		if len(loops) != tt.want {
			t.Errorf("%s: %d loops, want %d", name, len(loops), tt.want)
		}
		for _, l := range loops {
			l.Close()
		}
		r.close()
	}
}
