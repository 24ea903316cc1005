package target

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a connection of a loop: a net.Conn for its fibers, one at a time. Only SetDeadline may be called by others.
type socket struct {
	loop          *Loop
	fd            uintptr
	at            int // its place in loop.sockets
	local, remote net.Addr
	fiber         *fiber       // that waits for it
	fresh         bool         // something may have come of it that no fiber has seen
	deadline      atomic.Int64 // a time.Duration since loop.began; never: none
	closed        bool

	began    *h1conn // waits for the answer to what Start began; nil: none does
	answered func()  // is called then
}

// adopt makes the socket of a connection on which nothing is under way one of the loop's. The runtime's poller forgets it: else each answer
// would wake that, too.
func (l *Loop) adopt(c *conn) error {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		return nil // something that has no socket stays as it is
	}
	s := &socket{loop: l, local: tcp.LocalAddr(), remote: tcp.RemoteAddr(), at: len(l.sockets)}
	s.deadline.Store(int64(never))
	fd, failed := 0, error(nil)
	err := c.raw.Control(func(old uintptr) {
		fd, failed = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil {
		err = os.NewSyscallError("fcntl", failed)
	}
	if err != nil {
		return err
	}
	if n := len(l.free); n > 0 {
		s.at, l.free = l.free[n-1], l.free[:n-1]
	} else {
		l.sockets = append(l.sockets, nil)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(s.at)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		unix.Close(fd)
		l.free = append(l.free, s.at)
		return os.NewSyscallError("epoll_ctl", err)
	}
	s.fd, l.sockets[s.at] = uintptr(fd), s
	tcp.Close() // of two names of the socket one; it goes on under the other
	c.Conn, c.raw = s, rawSocket{s}
	return nil
}

// wait lets other fibers go on until something may have come of the socket. Its error is that there is no waiting any longer.
func (s *socket) wait() error {
	if s.fresh {
		s.fresh = false
		return s.gone()
	}
	if err := s.over(); err != nil {
		return err
	}
	l := s.loop
	if l.current == nil { // a farewell at the end of all
		return os.ErrDeadlineExceeded
	}
	l.next = min(l.next, time.Duration(s.deadline.Load()))
	s.fiber = l.current
	s.fiber.yield(struct{}{})
	if s.fiber = nil; s.fresh { // also where the deadline is over by now: what came in time is not late because the fiber is
		s.fresh = false
		return s.gone()
	}
	return s.over()
}

// gone is why nobody uses the socket any more: it is closed, or its deadline is past; nil: neither.
func (s *socket) gone() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.deadline.Load() < 0:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// over is why nobody waits for the socket any more: it is gone, or the deadline is over; nil: neither.
func (s *socket) over() error {
	if time.Duration(s.deadline.Load()) <= s.loop.clock && !s.closed {
		return os.ErrDeadlineExceeded
	}
	return s.gone()
}

func (s *socket) Read(b []byte) (n int, err error) {
	for err = s.gone(); err == nil; err = s.wait() {
		if n, err = readNow(s.fd, b); err != errQuiet {
			break
		}
	}
	return n, s.explain("read", err)
}

func (s *socket) Write(b []byte) (n int, err error) {
	for err = s.gone(); err == nil && n < len(b); {
		some := 0
		some, err = writeNow(s.fd, b[n:])
		if n += some; err == errQuiet {
			err = s.wait()
		}
	}
	return n, s.explain("write", err)
}

// explain makes an error what package net makes of it. io.EOF stays itself.
func (s *socket) explain(op string, err error) error {
	switch e := err.(type) {
	case syscall.Errno:
		err = os.NewSyscallError(op, e)
	default:
		if err != os.ErrDeadlineExceeded && err != net.ErrClosed {
			return err
		}
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.local, Addr: s.remote, Err: err}
}

func (s *socket) Close() error {
	if s.closed {
		return s.explain("close", net.ErrClosed)
	}
	s.closed, s.loop.sockets[s.at] = true, nil
	s.loop.free = append(s.loop.free, s.at)
	return os.NewSyscallError("close", unix.Close(int(s.fd)))
}

// SetDeadline is for reads and writes alike. Safe for concurrent use, but that a fiber which waits hears of one in the past alone.
func (s *socket) SetDeadline(t time.Time) error {
	d := never
	if !t.IsZero() {
		d = t.Sub(s.loop.began)
	}
	s.deadline.Store(int64(d))
	if d <= time.Since(s.loop.began) {
		s.loop.due.Store(true)
		s.loop.wake()
	}
	return nil
}

func (s *socket) SetReadDeadline(t time.Time) error  { return s.SetDeadline(t) }
func (s *socket) SetWriteDeadline(t time.Time) error { return s.SetDeadline(t) }
func (s *socket) LocalAddr() net.Addr                { return s.local }
func (s *socket) RemoteAddr() net.Addr               { return s.remote }

// rawSocket is a socket's syscall.RawConn.
type rawSocket struct{ *socket }

func (s rawSocket) Control(f func(fd uintptr)) error {
	if s.closed {
		return net.ErrClosed
	}
	f(s.fd)
	return nil
}

func (s rawSocket) Read(f func(fd uintptr) bool) error {
	err := s.gone()
	for err == nil && !f(s.fd) {
		err = s.wait()
	}
	return err
}

func (s rawSocket) Write(f func(fd uintptr) bool) error { return s.Read(f) }

// start writes a request, plain, and has answered called when something of the answer was read, or none will come. false: nothing was written.
func (c *h1conn) start(whole []byte, answered func()) bool {
	if c.own == nil || !c.own.borrow {
		return false
	}
	s, ok := c.own.Conn.(*socket)
	if !ok || s.gone() != nil {
		return false
	}
	n, _ := writeNow(s.fd, whole) // an error that stays is told by the next call
	if n == 0 {
		return false
	}
	c.rest = whole[n:]
	c.r, c.w, c.head, c.keep, c.heard = 0, 0, 0, false, false
	s.began, s.answered = c, answered
	l := s.loop
	l.live.Add(1)
	l.next = min(l.next, time.Duration(s.deadline.Load()))
	return true
}

// step reads what has come for what Start began.
func (s *socket) step() {
	c := s.began
	n, err := readNow(s.fd, c.common)
	if err == errQuiet && s.over() == nil && len(c.rest) == 0 {
		return
	}
	c.in, c.r, c.w = c.common, 0, n
	if c.fills++; err == nil {
		c.heard, c.full = true, n == len(c.in)
	} else if err != errQuiet {
		c.broken = s.explain("read", err)
	}
	s.began = nil
	s.answered()
	s.loop.live.Add(-1)
}
