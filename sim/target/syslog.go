package target

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// NewSyslog returns a target that writes messages to a syslog server over TCP (RFC 6587) or TLS (RFC 5425), framed by octet counting.
// The header of RFC 5424 is a part of the messages. Syslog has no acknowledgement: accepted means that the system took the bytes, of
// which what the server had not read is lost when the connection breaks.
func NewSyslog(opt Remote) (*Messages, error) {
	m, r, err := newRemote(&opt, "syslog", "601", "6514") // syslog-conn, syslog-tls
	if err != nil {
		return nil, err
	}
	m.carrier = &syslog{remote: r, patience: refusalTime}
	return m, nil
}

// syslog writes each upload on a connection that nobody else uses meanwhile.
type syslog struct {
	remote   *remote
	patience time.Duration // of greet

	mu     sync.Mutex
	idle   []*syslogConn
	busy   map[*syslogConn]struct{}
	closed bool
}

type syslogConn struct {
	net net.Conn
	buf []byte
	end []int // of each frame in buf, by message; 0: it was not wanted
}

// take returns a connection that is open, as far as can be told.
func (s *syslog) take(ctx context.Context) (*syslogConn, error) {
	for {
		s.mu.Lock()
		n := len(s.idle)
		if s.closed || n == 0 {
			s.mu.Unlock()
			break
		}
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		if quiet(c.net) {
			return s.use(c)
		}
		abort(c.net)
	}
	nc, err := s.remote.dial(ctx, anyDevice, false)
	if err != nil {
		return nil, err
	}
	return s.use(&syslogConn{net: nc})
}

func (s *syslog) use(c *syslogConn) (*syslogConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.net.Close()
		return nil, errClosed
	}
	if s.busy == nil {
		s.busy = make(map[*syslogConn]struct{})
	}
	s.busy[c] = struct{}{}
	return c, nil
}

// give gives a connection back, which keep says can be used again.
func (s *syslog) give(c *syslogConn, keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, c)
	switch {
	case !keep:
		abort(c.net)
		return
	case s.closed:
		c.net.Close()
		return
	}
	s.idle = append(s.idle, c)
}

func (s *syslog) carry(ctx context.Context, p *parcel) error {
	c, err := s.take(ctx)
	if err != nil {
		return err
	}
	c.buf, c.end = c.buf[:0], c.end[:0]
	for i := range p.n {
		end := 0
		if p.wanted(i) {
			msg := p.message(i)
			c.buf = append(strconv.AppendInt(c.buf, int64(len(msg)), 10), ' ')
			c.buf = append(c.buf, msg...)
			end = len(c.buf)
		}
		c.end = append(c.end, end)
	}
	free := bound(ctx, c.net)
	n, err := c.net.Write(c.buf)
	free()
	for i, end := range c.end {
		if end > 0 && end <= n {
			p.took(i)
		}
	}
	s.give(c, err == nil)
	return err
}

// refusalTime is how long a server has to say, before the run, that it does not like the certificate of the client or that it wants one: in
// TLS 1.3 it does so when the client thinks that all is well, and a syslog server says nothing else ever.
const refusalTime = 300 * time.Millisecond

func (s *syslog) greet(ctx context.Context) error {
	c, err := s.take(ctx)
	if err != nil {
		return err
	}
	if s.remote.secure {
		soon, end := context.WithTimeout(ctx, s.patience)
		free := bound(soon, c.net)
		_, err = c.net.Read(make([]byte, 1))
		free()
		end()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = ctx.Err()
		}
	}
	s.give(c, err == nil)
	return err
}

// close ends the idle connections in order, and those that are being written to at once.
func (s *syslog) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.idle {
		c.net.Close()
	}
	for c := range s.busy {
		c.net.SetDeadline(past)
	}
	s.idle = nil
	return nil
}
