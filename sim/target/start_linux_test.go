package target

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"drover/sim/measure"
)

// What Start began ends as what Send sends does, whatever the backend makes of it. Over a connection whose buffers are short a request is written in
// pieces.
func TestStartEnds(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	for name, tt := range map[string]struct {
		second func(c *peer, next func() (*http.Request, error), stall chan struct{}) // instead of an answer to the second request
		end    bool                                                                   // of the context, when it is there
		want   measure.Class
		body   string // of the answer
	}{
		"deadline": {second: func(_ *peer, next func() (*http.Request, error), stall chan struct{}) { next(); <-stall }, want: measure.Timeout},
		"context":  {second: func(_ *peer, next func() (*http.Request, error), stall chan struct{}) { next(); <-stall }, end: true, want: measure.Cancelled},
		"pieces": {second: func(c *peer, next func() (*http.Request, error), _ chan struct{}) {
			next()
			io.WriteString(c, answer[:30])
			time.Sleep(10 * time.Millisecond)
			io.WriteString(c, answer[30:])
			next()
		}, want: measure.OK, body: "hi"},
		"cut short": {second: func(c *peer, next func() (*http.Request, error), _ chan struct{}) {
			next()
			io.WriteString(c, answer[:30])
		}, want: measure.Reset},
		"broken off": {second: func(c *peer, _ func() (*http.Request, error), _ chan struct{}) {
			c.Read(make([]byte, 1)) // of a request: a close resets the connection
		}, want: measure.Reset},
		"hung up before": {second: func(*peer, func() (*http.Request, error), chan struct{}) {}, want: measure.OK, body: "hi"}, // over a new connection
		"read late": {second: func(c *peer, next func() (*http.Request, error), _ chan struct{}) {
			time.Sleep(10 * time.Millisecond)
			if r, err := next(); err == nil && r.ContentLength >= 100 {
				io.WriteString(c, answer)
			}
			next()
		}, want: measure.OK, body: "hi"},
	} {
		t.Run(name, func(t *testing.T) {
			var ends [4]Answer
			for i := range ends {
				start, body := i%2 > 0, bytes.Repeat([]byte("x"), []int{100, oneWrite}[i/2])
				stall, came := make(chan struct{}), make(chan struct{}, 9)
				var conns atomic.Int64
				url := http1Modes[0].raw(t, func(c *peer, next func() (*http.Request, error)) {
					c.Conn.(*net.TCPConn).SetReadBuffer(8 << 10)
					next()
					io.WriteString(c, answer)
					if conns.Add(1) > 1 {
						next()
						return
					}
					tt.second(c, func() (*http.Request, error) {
						defer func() { came <- struct{}{} }()
						return next()
					}, stall)
				})
				limit := patient
				if tt.want == measure.Timeout {
					limit = hasty
				}
				h := newHTTP(t, HTTPOptions{URL: url, Client: Client{MaxOpen: 1, Timeout: limit}})
				l := h.NewLoop(1)
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					if <-came; tt.end {
						cancel()
					}
				}()
				ans, req := &ends[i], &Request{Op: measure.Upload, Loop: l}
				l.Go(func() {
					req.Reset()
					req.Body = append(req.Body, '1')
					h.Send(ctx, req, ans)
					unix.SetsockoptInt(int(l.idle[0].own.Conn.(*socket).fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<10)
					for range 2 { // the first one grows
						req.Reset()
						req.Body = append(req.Body, body...)
					}
					for name == "hung up before" && l.idle[0].alive() {
						l.Away(func() { time.Sleep(time.Millisecond) })
					}
					started := start && h.Start(ctx, req, func() {
						if !h.Finish(ctx, req, ans) {
							l.Go(func() { h.Finish(ctx, req, ans) })
						}
					})
					if !started {
						h.Send(ctx, req, ans)
					}
					if start && !started && name != "hung up before" { // that is seen or not
						t.Error("nothing was started")
					}
				})
				l.Run()
				l.Close()
				cancel()
				close(stall)
				if ans.Class != tt.want || string(ans.Body) != tt.body {
					t.Errorf("started: %t: class %v, %v, %q; want %v, %q", start, ans.Class, ans.Err, ans.Body, tt.want, tt.body)
				}
				if open, _ := h.Conns(); open != 0 {
					t.Errorf("started: %t: %d connections are open", start, open)
				}
				if !h.fast.slots.try() {
					t.Errorf("started: %t: it still has the right to a connection", start)
				}
			}
			for i := range 2 {
				a, b := ends[2*i], ends[2*i+1]
				if a.Class != b.Class || a.Status != b.Status || (a.Err == nil) != (b.Err == nil) {
					t.Errorf("sent: %+v; started: %+v", a, b)
				}
			}
		})
	}
}

// Start leaves a connection over TLS alone, which is Send's.
func TestStartLeavesTLSAlone(t *testing.T) {
	m := http1Modes[1]
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
		next()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		next()
	})
	h := m.open(t, HTTPOptions{URL: url, Client: Client{MaxOpen: 1}})
	l := h.NewLoop(1)
	l.Go(func() {
		req := &Request{Op: measure.Upload, Loop: l, Body: []byte("1")}
		h.HTTP.Send(t.Context(), req, new(Answer))
		before := h.fast.calm.looks.Load()
		if h.Start(t.Context(), req, func() {}) || h.fast.calm.looks.Load() != before {
			t.Errorf("%d looks at a connection over TLS", h.fast.calm.looks.Load()-before)
		}
	})
	l.Run()
	l.Close()
}
