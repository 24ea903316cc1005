package target

import (
	"context"
	"sync"
	"testing"
)

// client is a target in one of the ways.
type client struct {
	*HTTP
	loop   *Loop  // nil: whoever calls Send sends
	starts bool   // what can go on without a fiber does
	end    func() // of the loop; nil where there is none
}

// open returns a target that sends in this way.
func (m mode) open(t *testing.T, opt HTTPOptions) *client {
	t.Helper()
	opt.Library, opt.Client.HTTP2 = m.library, m.http2
	opt.Client.PerDevice = opt.Client.PerDevice || m.perDevice
	if m.secure {
		opt.TLS.RootCAs = testIdentity().roots
	}
	c := &client{HTTP: newHTTP(t, opt), starts: m.starts}
	if m.fibers {
		c.run(t)
	}
	return c
}

// run makes a loop, if the target has one, and gives turns until end is called.
func (c *client) run(t *testing.T) {
	if c.loop = c.NewLoop(1); c.loop == nil {
		return
	}
	over, ended := make(chan struct{}), make(chan struct{})
	c.loop.Go(func() { c.loop.Away(func() { <-over }) })
	go func() {
		defer close(ended)
		c.loop.Run()
		c.loop.Close()
	}()
	c.end = sync.OnceFunc(func() { close(over); <-ended })
	t.Cleanup(c.end)
}

// Close ends the loop and closes the target.
func (c *client) Close() error {
	if c.end != nil {
		c.end()
		c.loop = nil
	}
	return c.HTTP.Close()
}

// Send sends in a fiber of the loop.
func (c *client) Send(ctx context.Context, req *Request, ans *Answer) {
	if c.loop == nil {
		c.HTTP.Send(ctx, req, ans)
		return
	}
	done := make(chan struct{})
	c.loop.Go(func() {
		req.Loop = c.loop
		if c.starts && req.Body != nil {
			req.raw = append(make([]byte, room), req.Body...)
			req.Body = req.raw[room:]
		}
		if c.starts && c.Start(ctx, req, func() { c.answered(ctx, req, ans, done) }) {
			return
		}
		c.HTTP.Send(ctx, req, ans)
		close(done)
	})
	<-done
}

// answered finishes what was started, in a fiber if need be.
func (c *client) answered(ctx context.Context, req *Request, ans *Answer, done chan struct{}) {
	if c.Finish(ctx, req, ans) {
		close(done)
		return
	}
	c.loop.Go(func() {
		c.Finish(ctx, req, ans)
		close(done)
	})
}
