package target

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"syscall"
)

// conn is a connection below whatever is spoken on it. It counts itself as closed, once, and remembers whether the backend
// hung up.
type conn struct {
	net.Conn
	conns  *conns
	closed atomic.Bool
	ended  atomic.Bool // Read reported the end of what the backend sends

	limit
	swap

	// While peeking, Read does not wait: where there is nothing to read it says errQuiet. The rest is for that, and made
	// once, because a closure for each look would be an allocation.
	peeking bool // used by the goroutine that reads
	raw     syscall.RawConn
	look    func(fd uintptr) bool
	buf     []byte
	n       int
	err     error
}

func newConn(c net.Conn, all *conns) *conn {
	own := &conn{Conn: c, conns: all}
	if sc, ok := c.(syscall.Conn); ok {
		own.raw, _ = sc.SyscallConn()
		own.look = func(fd uintptr) bool { own.n, own.err = readNow(fd, own.buf); return true }
		own.step = own.exchange
	}
	return own
}

func (c *conn) Read(b []byte) (n int, err error) {
	for {
		switch {
		case c.peeking:
			n, err = c.peek(b)
		case len(c.held) > 0:
			n, err = c.sendAndRead(b)
		default:
			n, err = c.Conn.Read(b)
		}
		if n > 0 || err == nil || !c.early(c.Conn, err) {
			break
		}
	}
	if c.peeking && err != nil && err != errQuiet {
		err = io.EOF // closed, or its deadline struck
	}
	if err == io.EOF {
		c.ended.Store(true)
	}
	return n, err
}

// peek reads what is there.
func (c *conn) peek(b []byte) (n int, err error) {
	if c.raw == nil {
		return 0, errQuiet
	}
	c.buf = b
	err = c.raw.Read(c.look)
	c.buf = nil
	if err != nil {
		return 0, err
	}
	return c.n, c.err
}

func (c *conn) Write(b []byte) (n int, err error) {
	if c.holding {
		if c.borrow && len(c.held) == 0 {
			c.held = b
		} else {
			c.held = append(c.held, b...)
		}
		return len(b), nil
	}
	for n < len(b) {
		var some int
		some, err = c.Conn.Write(b[n:])
		if n += some; err != nil && !c.early(c.Conn, err) {
			return n, err
		}
	}
	return n, nil
}

func (c *conn) Close() error {
	if !c.closed.Swap(true) {
		c.conns.remove(c)
	}
	return c.Conn.Close()
}

// quietError says that there is nothing to read. It is a temporary net.Error, because TLS goes on after one as if nothing
// had been; any other error ends a connection for good.
type quietError struct{}

var errQuiet = quietError{}

func (quietError) Error() string   { return "nothing to read" }
func (quietError) Timeout() bool   { return false }
func (quietError) Temporary() bool { return true }

// ownConn is the conn below c, which may be the TLS on top of it; nil when there is none.
func ownConn(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	own, _ := c.(*conn)
	return own
}

// ended reports whether the backend had hung up on c.
func ended(c net.Conn) bool {
	own := ownConn(c)
	return own != nil && own.ended.Load()
}
