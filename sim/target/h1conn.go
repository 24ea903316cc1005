package target

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"
)

// h1conn is one connection of an h1, with its buffers. It is owned by one goroutine at a time.
type h1conn struct {
	net net.Conn
	own *conn // below net; nil in tests without a socket
	*buffers
	r, w  int  // in[r:w] was read from the connection and not yet looked at
	head  int  // bytes of heads of the present answer, interim ones too
	keep  bool // the connection may be used again
	fills int  // reads so far

	// Of an exchange that Start began.
	rest   []byte // of the request, that the system did not take at once
	broken error  // of the first read
	dry    bool   // fill does not read

	full  bool // the last read may have left something in the socket
	heard bool // something came back since the request was written

	began time.Time // the last exchange; see h1.trusts
	uses  int       // exchanges

	done <-chan struct{} // of the context that now interrupts the connection
	stop func() bool     // ends that

	kept // where connections are a device's own
}

// buffers are of use while an exchange is under way.
type buffers struct {
	top  []byte // the head of the request
	out  []byte // the request, where its body has no room for the head
	in   []byte // of the answer
	held []byte // the request as TLS has it

	known *heads // of answers before

	common []byte // in of all connections of a loop, where nothing is left of what was read before; nil: there is no such
	mine   []byte // in of this one, where something is
}

func newBuffers() *buffers { return &buffers{in: make([]byte, 4<<10), known: new(heads)} }

// share makes a connection read to where all connections of a loop read, which so stays in the processor's caches: nearly every answer is there at
// once, and over before another fiber has its turn. TLS may wait for the rest of an alert after it has filled what it was given, so over TLS each
// connection has its own.
func (c *h1conn) share(l *Loop) {
	if c.known = &l.known; c.own == nil || !c.own.borrow {
		return
	}
	if l.in == nil {
		l.in = make([]byte, len(c.in))
	}
	c.common, c.in = l.in, l.in
}

// past is a deadline that ends whatever waits.
var past = time.Unix(1, 0)

func newH1conn(c net.Conn) *h1conn {
	own := ownConn(c)
	if own != nil {
		own.borrow = net.Conn(own) == c // out is left alone; TLS uses its buffers again
	}
	return &h1conn{net: c, own: own, buffers: newBuffers()}
}

// ready sets the deadline of an exchange and makes the end of ctx interrupt it; false when ctx has ended. All attempts of
// a run share one context, so the connection stays bound to it from one to the next.
func (c *h1conn) ready(ctx context.Context, deadline time.Time) bool {
	if done := ctx.Done(); done != c.done || c.stop == nil {
		if c.stop != nil {
			c.stop()
		}
		nc, own := c.net, c.own
		if own != nil {
			own.over.Store(false)
		}
		c.done, c.stop = done, context.AfterFunc(ctx, func() {
			if own != nil {
				own.over.Store(true)
			}
			nc.SetDeadline(past)
		})
	}
	// In this order: an end of ctx before SetDeadline is seen here, one after it sets the deadline again.
	if c.own != nil {
		return c.own.until(c.own.Conn, deadline, false) == nil && ctx.Err() == nil
	}
	return c.net.SetDeadline(deadline) == nil && ctx.Err() == nil
}

// alive reports whether the backend has neither closed the connection nor sent anything unasked. What TLS sends for itself,
// such as tickets, is read on the way and is no answer.
func (c *h1conn) alive() bool {
	if c.own == nil {
		return true
	}
	c.own.peeking = true
	n, err := c.net.Read(c.in[:1])
	c.own.peeking = false
	return n == 0 && err == errQuiet
}

// close ends a connection on which nothing is under way. Over TLS it says so to the backend.
func (c *h1conn) close() {
	if c.stop != nil {
		c.stop()
	}
	c.net.Close()
}

// abort ends a connection that is of no use any more, at once: a farewell over TLS could wait for a backend that does not
// read.
func (c *h1conn) abort() {
	if c.own != nil {
		c.own.Close()
	}
	c.close()
}

// oneWrite is how long a request may be to be written before the answer is read. A longer one may be answered by a backend
// that does not read it to the end, and then waiting for the write would wait for ever.
const oneWrite = 64 << 10

// exchange writes head and body and reads the whole answer. whole is both of them in one piece, or nil. written is how many bytes were, at least.
// None of them is touched any more when it returns, and head not when other fibers have their turns.
func (c *h1conn) exchange(head, body, whole []byte, ans *Answer, status *int) (written int, err error) {
	c.r, c.w, c.head, c.keep, c.heard = 0, 0, 0, false, false
	if len(body) > oneWrite {
		return c.exchangeLong(head, body, ans, status)
	}
	if whole == nil {
		c.out = append(append(c.out[:0], head...), body...)
		whole = c.out
	}
	if c.own == nil {
		return c.exchangeShort(whole, ans, status)
	}
	c.own.hold(c.held)
	written, err = c.exchangeShort(whole, ans, status)
	c.held = c.own.release()
	if c.own.sendErr != nil {
		if c.keep = false; c.own.unsent {
			written = 0
		}
	}
	return written, err
}

// exchangeShort writes the request in one piece, which on a connection of ours happens when the answer is first read.
func (c *h1conn) exchangeShort(whole []byte, ans *Answer, status *int) (written int, err error) {
	written, err = c.net.Write(whole)
	if c.own != nil {
		c.own.holding = false
	}
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

// cutShort sends the first half of a request and breaks the connection, with a reset where that can be.
func (c *h1conn) cutShort(head, body []byte) {
	c.out = append(append(c.out[:0], head...), body[:len(body)/2]...)
	if _, err := c.net.Write(c.out); err != nil || c.own == nil {
		return
	}
	if tcp, ok := c.own.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

func (c *h1conn) exchangeLong(head, body []byte, ans *Answer, status *int) (int, error) {
	if c.own != nil {
		if err := c.own.until(c.own.Conn, c.own.deadline, true); err != nil {
			return 0, err
		}
		if c.own.over.Load() {
			return 0, context.Canceled
		}
	}
	written, err := c.net.Write(head)
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
		c.abort() // ends the write
		<-wrote
	}
	return written, err
}

// fill reads more from the connection. What was not looked at yet stays, and moves to the front when it must.
func (c *h1conn) fill() error {
	if c.dry {
		return errNotThere
	}
	if err := c.broken; err != nil {
		c.broken = nil
		return err
	}
	if c.r == c.w {
		if c.r, c.w = 0, 0; c.common != nil {
			c.in = c.common
		}
	}
	c.keepRead()
	switch {
	case c.w < len(c.in):
	case c.r > 0:
		c.r, c.w = 0, copy(c.in, c.in[c.r:c.w])
	default:
		c.in = append(c.in, make([]byte, len(c.in))...)
		c.mine = c.in
	}
	n, err := c.net.Read(c.in[c.w:])
	c.fills++
	c.w += n
	if c.full = c.w == len(c.in); n > 0 {
		c.heard = true
		return nil
	}
	switch {
	case err == nil:
		return io.ErrNoProgress
	case err == io.EOF && c.cut():
		return io.ErrUnexpectedEOF
	}
	return err
}

// keepRead moves what was read and not yet looked at to where it stays while other fibers have their turns.
func (c *h1conn) keepRead() {
	if c.r == c.w || c.common == nil || &c.in[0] != &c.common[0] {
		return
	}
	if c.mine == nil {
		c.mine = make([]byte, len(c.in))
	}
	c.r, c.w, c.in = 0, copy(c.mine, c.in[c.r:c.w]), c.mine
}

// cut reports whether a TLS connection ended without the farewell that tells a whole answer from a shortened one: RFC 9112
// section 9.8. Go's TLS takes such an end for a good one where it falls between two records.
func (c *h1conn) cut() bool {
	_, secure := c.net.(*tls.Conn)
	return secure && c.own != nil && c.own.ended.Load()
}
