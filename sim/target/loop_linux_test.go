package target

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"drover/sim/measure"
)

// endWrites ends what is written to a connection.
func endWrites(c *conn) (err error) {
	c.raw.Control(func(fd uintptr) { err = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
	return err
}

func newTestLoop(t *testing.T) *Loop {
	l := newLoop()
	t.Cleanup(l.Close)
	return l
}

// While a fiber is away, others have their turns; it goes on when what it went for is done.
func TestLoopAway(t *testing.T) {
	l := newTestLoop(t)
	var said []string
	second := make(chan struct{})
	l.Go(func() {
		said = append(said, "first")
		l.Away(func() { <-second })
		said = append(said, "first again")
	})
	l.Go(func() {
		said = append(said, "second")
		l.Away(func() {})
		close(second)
	})
	l.Run()
	if want := []string{"first", "second", "first again"}; !slices.Equal(said, want) {
		t.Errorf("turns: %q, want %q", said, want)
	}
	l.Go(func() { said = nil })
	if l.Run(); said != nil {
		t.Error("a second Run gave no turn to a new fiber")
	}
	l.Run() // has nobody to wait for
}

// Nobody's loop calls what is to be done away.
func TestLoopAwayOfNobody(t *testing.T) {
	called := false
	if (*Loop)(nil).Away(func() { called = true }); !called {
		t.Error("Away did not call")
	}
}

// A target has a loop where its connections are its own and nobody's in particular.
func TestNewLoop(t *testing.T) {
	for name, tt := range map[string]struct {
		opt     HTTPOptions
		senders int
		want    bool
	}{
		"plain":         {HTTPOptions{Client: Client{MaxOpen: 8}}, 8, true},
		"too many":      {HTTPOptions{Client: Client{MaxOpen: 8}}, 9, false},
		"faults":        {HTTPOptions{Faults: &Faults{Latency: 1}}, 1, false},
		"net/http":      {HTTPOptions{Library: true}, 1, false},
		"HTTP/2":        {HTTPOptions{Client: Client{HTTP2: true}}, 1, false},
		"per device":    {HTTPOptions{Client: Client{PerDevice: true}}, 1, false},
		"tokens to get": {HTTPOptions{OAuth2: &OAuth2{TokenURL: "http://127.0.0.1:1/token", Secret: "s", Clients: func(int, int) string { return "d" }}}, 1, false},
	} {
		tt.opt.URL = "http://127.0.0.1:1"
		l := newHTTP(t, tt.opt).NewLoop(tt.senders)
		if (l != nil) != tt.want {
			t.Errorf("%s: NewLoop = %v; want one: %t", name, l, tt.want)
		}
		if l != nil {
			l.Close()
		}
	}
}

// Fibers share a loop: each has a connection of its own while it waits for an answer, and those are used again.
func TestLoopOfMany(t *testing.T) {
	const fibers, uploads = 40, 5
	var there atomic.Int64
	all := make(chan struct{})
	s := http1Modes[0].serve(t, func(w http.ResponseWriter, r *http.Request) {
		if there.Add(1) == fibers {
			close(all) // the first answer comes when every fiber waits for its own
		}
		<-all
		io.Copy(w, r.Body)
	})
	h := newHTTP(t, HTTPOptions{URL: s.URL, Client: Client{MaxOpen: fibers}})
	l := h.NewLoop(fibers)
	ok := 0
	for i := range fibers {
		l.Go(func() {
			req, ans := &Request{Op: measure.Upload, Loop: l}, new(Answer)
			for n := range uploads {
				req.Body = append(req.Body[:0], byte(i), byte(n))
				if h.Send(t.Context(), req, ans); ans.Class == measure.OK && slices.Equal(ans.Body, req.Body) {
					ok++
				} else {
					t.Errorf("fiber %d, upload %d: %v, %v, body %v", i, n, ans.Class, ans.Err, ans.Body)
				}
			}
		})
	}
	l.Run()
	if open, opened := h.Conns(); ok != fibers*uploads || opened != fibers || open != fibers {
		t.Errorf("%d uploads of %d went well, over %d connections, of which %d are open; want %d", ok, fibers*uploads, opened, open, fibers)
	}
	l.Close()
	if open, _ := h.Conns(); open != 0 {
		t.Errorf("%d connections are open after Close", open)
	}
}

// Answers that come in pieces, each while others have their turns, are read as they are: all fibers of a loop read to the same memory.
func TestLoopPieces(t *testing.T) {
	const fibers, size = 3, 10
	for _, m := range http1Modes[:2] {
		t.Run(m.name, func(t *testing.T) {
			answer := func(i byte) string {
				return fmt.Sprintf("HTTP/1.1 200 OK\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s", strings.Repeat("X", 1+int(i)), strings.Repeat("x", 20-int(i)), 40+i, strings.Repeat(string('a'+rune(i)), 40+int(i)))
			}
			steps := len(answer(0)) / size
			wrote, next := make(chan struct{}), make([]chan struct{}, steps)
			for i := range next {
				next[i] = make(chan struct{})
			}
			url := m.raw(t, func(c *peer, request func() (*http.Request, error)) {
				r, err := request()
				if err != nil {
					return
				}
				body, _ := io.ReadAll(r.Body)
				left := answer(body[0])
				for _, read := range next {
					io.WriteString(c, left[:size])
					left = left[size:]
					wrote <- struct{}{}
					<-read
				}
				io.WriteString(c, left)
				request()
			})
			h := m.open(t, HTTPOptions{URL: url, Client: Client{MaxOpen: fibers}})
			l := h.NewLoop(fibers)
			for i := range byte(fibers) {
				l.Go(func() {
					ans := new(Answer)
					h.HTTP.Send(t.Context(), &Request{Op: measure.Upload, Body: []byte{i}, Loop: l}, ans)
					if shared := l.idle[len(l.idle)-1].common != nil; shared == m.secure { // TLS may wait between two parts of what it reads
						t.Errorf("what is read is in memory that others read to: %t", shared)
					}
					if want := answer(i); ans.Class != measure.OK || !strings.HasSuffix(want, "\n"+string(ans.Body)) {
						t.Errorf("fiber %d: %v, %v, body %s", i, ans.Class, ans.Err, ans.Body)
					}
				})
			}
			l.Go(func() {
				for _, read := range next {
					l.Away(func() {
						for range fibers {
							<-wrote
						}
					})
					l.Away(func() {}) // meanwhile the loop sees what came, and the others read it
					close(read)
				}
			})
			l.Run()
			l.Close()
		})
	}
}

// What a fiber waits for ends with the run's context, its deadline, or the target, whatever others do.
func TestLoopEnds(t *testing.T) {
	for _, m := range http1Modes[:2] {
		t.Run(m.name, func(t *testing.T) {
			stall := make(chan struct{})
			defer close(stall)
			came := make(chan struct{}, 1)
			url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
				next()
				came <- struct{}{}
				<-stall
			})
			for name, tt := range map[string]struct {
				timeout time.Duration
				end     bool
				want    measure.Class
			}{
				"deadline": {hasty, false, measure.Timeout},
				"context":  {patient, true, measure.Cancelled},
			} {
				h := m.open(t, HTTPOptions{URL: url, Client: Client{Timeout: tt.timeout}})
				l := h.NewLoop(1)
				ctx, cancel := context.WithCancel(t.Context())
				var ans Answer
				l.Go(func() { h.HTTP.Send(ctx, &Request{Op: measure.Upload, Body: []byte("x"), Loop: l}, &ans) })
				go func() {
					<-came
					if tt.end {
						cancel()
					}
				}()
				l.Run()
				if ans.Class != tt.want {
					t.Errorf("%s: class %v, %v; want %v", name, ans.Class, ans.Err, tt.want)
				}
				cancel()
				l.Close()
			}
		})
	}
}

// A body that is too long for a fiber goes over another connection, but there are never more than may be.
func TestLoopMakesRoom(t *testing.T) {
	for _, m := range http1Modes[:2] {
		s := m.serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
		h := m.open(t, HTTPOptions{URL: s.URL, Client: Client{MaxOpen: 1}}).HTTP
		l := h.NewLoop(1)
		l.Go(func() {
			for i, size := range []int{1, oneWrite + 1, oneWrite + 1, 1, 1} {
				var ans Answer
				h.Send(t.Context(), &Request{Op: measure.Upload, Body: make([]byte, size), Loop: l}, &ans)
				// None is kept where the backend answered before it was known that it had read all.
				if open, _ := h.Conns(); ans.Class != measure.OK || open > 1 {
					t.Errorf("%s, upload %d: %v, %v; %d connections are open, want 1 at most", m.name, i, ans.Class, ans.Err, open)
				}
			}
		})
		l.Run()
		l.Close()
	}
}

// An answer that came is no time-out, however late the fiber that waits for it has its turn.
func TestLoopLate(t *testing.T) {
	answered := make(chan struct{})
	url := http1Modes[0].raw(t, func(c *peer, next func() (*http.Request, error)) {
		next()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		close(answered)
		next()
	})
	const timeout = 100 * time.Millisecond
	h := newHTTP(t, HTTPOptions{URL: url, Client: Client{Timeout: timeout}})
	l := h.NewLoop(1)
	var ans Answer
	var other *fiber
	l.Go(func() {
		other = l.current
		other.yield(struct{}{})
		<-answered
		time.Sleep(timeout)
	})
	l.Go(func() {
		c, err := h.fast.dial(t.Context(), &Request{Loop: l}, time.Now().Add(patient))
		if err != nil {
			t.Error(err)
			return
		}
		h.fast.put(l, c)
		l.ready(other) // its turn is when this one waits for the answer
		h.Send(t.Context(), &Request{Op: measure.Upload, Body: []byte("x"), Loop: l}, &ans)
	})
	l.Run()
	l.Close()
	if ans.Class != measure.OK {
		t.Errorf("class %v, %v; want an answer", ans.Class, ans.Err)
	}
}

func failing() { panic("boom") }

// A panic of a fiber says where it was.
func TestLoopPanics(t *testing.T) {
	l := newTestLoop(t)
	l.Go(failing)
	defer func() {
		if what := fmt.Sprint(recover()); !strings.HasPrefix(what, "boom\n") || !strings.Contains(what, "target.failing") {
			t.Errorf("Run panicked with %s, want a stack of failing", what)
		}
	}()
	l.Run()
}

// What a socket says of itself is what a connection of package net says, also when it is closed or has a deadline in the past.
func TestSocketErrors(t *testing.T) {
	url := http1Modes[0].listen(t, func(c *peer) { io.Copy(io.Discard, c) })
	h := newHTTP(t, HTTPOptions{URL: url})
	l := newTestLoop(t)
	l.Go(func() {
		nc, err := h.dialer.open(t.Context(), "tcp", h.addr(), anyDevice, false)
		if err != nil {
			t.Error(err)
			return
		}
		c := nc.(*conn)
		local, remote := c.LocalAddr().String(), c.RemoteAddr().String()
		if err := l.adopt(c); err != nil {
			t.Error(err)
			return
		}
		if c.LocalAddr().String() != local || c.RemoteAddr().String() != remote {
			t.Errorf("addresses are %v and %v, were %s and %s", c.LocalAddr(), c.RemoteAddr(), local, remote)
		}
		c.SetDeadline(time.Now().Add(-time.Second))
		for op, do := range map[string]func([]byte) (int, error){"read": c.Read, "write": c.Write} {
			if _, err := do(make([]byte, 1)); !os.IsTimeout(err) || err.Error() != op+" tcp "+local+"->"+remote+": i/o timeout" {
				t.Errorf("%s after the deadline: %v", op, err)
			}
		}
		c.SetDeadline(time.Time{})
		if n, err := c.Write(make([]byte, 8<<20)); n != 8<<20 || err != nil { // more than the system takes at once
			t.Errorf("Write = %d, %v", n, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil || err.Error() != "read tcp "+local+"->"+remote+": use of closed network connection" {
			t.Errorf("read after the close: %v", err)
		}
		if err := c.Close(); err == nil {
			t.Error("a second Close said nothing")
		}
	})
	l.Run()
}
