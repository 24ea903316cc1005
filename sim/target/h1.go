package target

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"drover/sim/measure"
)

// h1 posts uploads over plain HTTP/1.1. net/http spends 12 µs of user time and 70 allocations on what is one write and one
// read here: no goroutines beside the caller's, no map of headers, buffers that stay with their connection. It keeps
// the promises of HTTP and passes the same conformance suite.
type h1 struct {
	http  *HTTP
	addr  string
	heads [measure.NumOps][]byte // request line and the headers that all uploads share
	slots chan struct{}          // one for each connection in use

	mu     sync.Mutex
	idle   []*h1conn // the last one used is the first to be used again
	closed bool
}

func newH1(h *HTTP) *h1 {
	f := &h1{http: h, slots: make(chan struct{}, h.opt.Client.MaxOpen)}
	port := h.base.Port()
	if port == "" {
		port = "80"
	}
	f.addr = net.JoinHostPort(h.base.Hostname(), port)
	for op, u := range h.urls {
		head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", u.RequestURI(), u.Host, userAgent[0])
		if h.opt.ContentType != "" {
			head = fmt.Appendf(head, "Content-Type: %s\r\n", h.opt.ContentType)
		}
		if h.opt.Run != "" {
			head = fmt.Appendf(head, "X-Drover-Run: %s\r\n", h.opt.Run)
		}
		if h.opt.Client.Gzip {
			head = append(head, "Content-Encoding: gzip\r\n"...)
		}
		f.heads[op] = head
	}
	return f
}

// send makes one attempt. body is on the wire as it stands.
func (f *h1) send(ctx context.Context, req *Request, body []byte, ans *Answer) {
	*ans = Answer{Body: ans.Body[:0]}
	status := 0
	err := f.attempt(ctx, req, body, ans, &status)
	ans.Status = status
	url := f.http.urls[req.Op]
	switch {
	case err == errLong:
		ans.Class = measure.BadAnswer
		ans.Err = &attemptError{http.MethodPost, url.String(), measure.BadAnswer, 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)}
	case err != nil:
		c := classOfError(err, ctx, ctx)
		*ans = Answer{Body: ans.Body[:0], Class: c, Err: &attemptError{http.MethodPost, url.String(), c, f.http.opt.Client.Timeout, err}}
	default:
		if ans.Class = classOfStatus(status); status == http.StatusSwitchingProtocols {
			ans.Class = measure.BadAnswer
		}
		if ans.Class != measure.OK {
			ans.Err = &statusError{http.MethodPost, url.String(), status}
		}
	}
}

// attempt gets a connection, writes the request and reads the answer. A connection that was idle may have been closed by
// the backend in the meantime: if nothing of the request could be written, a new one is tried.
func (f *h1) attempt(ctx context.Context, req *Request, body []byte, ans *Answer, status *int) error {
	deadline := time.Now().Add(f.http.opt.Client.Timeout)
	if err := f.acquire(ctx, deadline); err != nil {
		return err
	}
	defer func() { <-f.slots }()
	for {
		c, reused, err := f.conn(ctx, deadline)
		if err != nil {
			return err
		}
		c.out = f.request(c.out[:0], req, len(body))
		written, err := c.exchange(body, ans, status)
		if err == nil && c.keep {
			f.put(c)
			return nil
		}
		c.close()
		if err == nil || !reused || written > 0 || ctx.Err() != nil {
			return err
		}
	}
}

// request appends the head of a request. A token is checked to be one line when it is read.
func (f *h1) request(dst []byte, req *Request, length int) []byte {
	dst = append(dst, f.heads[req.Op]...)
	if f.http.opt.Tokens != nil {
		if token := f.http.opt.Tokens(req.Tenant); token != "" {
			dst = append(append(append(dst, "Authorization: Bearer "...), token...), "\r\n"...)
		}
	}
	if len(req.Key) > 0 {
		dst = append(append(append(dst, "Idempotency-Key: "...), req.Key...), "\r\n"...)
	}
	dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(length), 10)
	return append(dst, "\r\n\r\n"...)
}

// acquire waits for the right to use a connection.
func (f *h1) acquire(ctx context.Context, deadline time.Time) error {
	select {
	case f.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case f.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return context.DeadlineExceeded
	}
}

// conn returns an idle connection that the backend has not closed, or a new one, ready for one exchange until deadline.
func (f *h1) conn(ctx context.Context, deadline time.Time) (c *h1conn, reused bool, err error) {
	for c = f.take(); c != nil; c = f.take() {
		if c.ready(ctx, deadline) && c.alive() {
			return c, true, nil
		}
		c.close()
	}
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	dialing, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	nc, err := f.http.dialer.dial(dialing, "tcp", f.addr)
	if err != nil {
		return nil, false, err
	}
	c = newH1conn(nc)
	if !c.ready(ctx, deadline) {
		c.close()
		return nil, false, ctx.Err()
	}
	return c, false, nil
}

func (f *h1) take() *h1conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.idle)
	if n == 0 {
		return nil
	}
	c := f.idle[n-1]
	f.idle = f.idle[:n-1]
	return c
}

func (f *h1) put(c *h1conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		c.close()
		return
	}
	f.idle = append(f.idle, c)
}

// close closes idle connections now and busy ones when they are put back.
func (f *h1) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, c := range f.idle {
		c.close()
	}
	f.idle = nil
}
