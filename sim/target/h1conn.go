package target

import (
	"context"
	"io"
	"net"
	"syscall"
	"time"
)

// h1conn is one connection of an h1, with its buffers. It is owned by one goroutine at a time.
type h1conn struct {
	net  net.Conn
	raw  syscall.RawConn
	out  []byte // the request
	in   []byte // in[r:w] was read from the connection and not yet looked at
	r, w int
	head int  // bytes of heads of the present answer, interim ones too
	keep bool // the connection may be used again

	done <-chan struct{} // of the context that now interrupts the connection
	stop func() bool     // ends that

	peeked bool                  // what alive found
	peek   func(fd uintptr) bool // looks; made once, because a closure for each look would be an allocation
}

// past is a deadline that ends whatever waits.
var past = time.Unix(1, 0)

func newH1conn(c net.Conn) *h1conn {
	hc := &h1conn{net: c, in: make([]byte, 4<<10)}
	hc.peek = func(fd uintptr) bool { hc.peeked = quiet(fd, hc.in[:1]); return true }
	if own, ok := c.(*conn); ok {
		if sc, ok := own.Conn.(syscall.Conn); ok {
			hc.raw, _ = sc.SyscallConn()
		}
	}
	return hc
}

// ready sets the deadline of an exchange and makes the end of ctx interrupt it; false when ctx has ended. All attempts of
// a run share one context, so the connection stays bound to it from one to the next.
func (c *h1conn) ready(ctx context.Context, deadline time.Time) bool {
	if done := ctx.Done(); done != c.done || c.stop == nil {
		if c.stop != nil {
			c.stop()
		}
		nc := c.net
		c.done, c.stop = done, context.AfterFunc(ctx, func() { nc.SetDeadline(past) })
	}
	// In this order: an end of ctx before SetDeadline is seen here, one after it sets the deadline again.
	return c.net.SetDeadline(deadline) == nil && ctx.Err() == nil
}

// alive reports whether the backend has neither closed the connection nor sent anything unasked.
func (c *h1conn) alive() bool {
	if c.raw == nil {
		return true
	}
	c.peeked = false
	return c.raw.Read(c.peek) == nil && c.peeked
}

func (c *h1conn) close() {
	if c.stop != nil {
		c.stop()
	}
	c.net.Close()
}

// oneWrite is how long a request may be to be written before the answer is read. A longer one may be answered by a backend
// that does not read it to the end, and then waiting for the write would wait for ever.
const oneWrite = 64 << 10

// exchange writes c.out and body and reads the whole answer. written is how many bytes were, at least. body is not touched
// any more when it returns.
func (c *h1conn) exchange(body []byte, ans *Answer, status *int) (written int, err error) {
	c.r, c.w, c.head, c.keep = 0, 0, 0, false
	if len(body) > oneWrite {
		return c.exchangeLong(body, ans, status)
	}
	c.out = append(c.out, body...)
	written, err = c.net.Write(c.out)
	if err == nil {
		return written, c.answer(ans, status)
	}
	if written == 0 {
		return 0, err
	}
	// The backend may have answered and closed before it had read all.
	if c.answer(ans, status) == nil {
		c.keep = false
		return written, nil
	}
	return written, err
}

func (c *h1conn) exchangeLong(body []byte, ans *Answer, status *int) (int, error) {
	written, err := c.net.Write(c.out)
	if err != nil {
		return written, err
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := c.net.Write(body)
		wrote <- err
	}()
	err = c.answer(ans, status)
	select {
	case werr := <-wrote:
		c.keep = c.keep && werr == nil
	default:
		c.keep = false
		c.net.Close() // ends the write
		<-wrote
	}
	return written, err
}

// fill reads more from the connection. What was not looked at yet stays, and moves to the front when it must.
func (c *h1conn) fill() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	} else if c.w == len(c.in) {
		if c.r > 0 {
			c.w = copy(c.in, c.in[c.r:c.w])
			c.r = 0
		} else {
			c.in = append(c.in, make([]byte, len(c.in))...)
		}
	}
	n, err := c.net.Read(c.in[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}
