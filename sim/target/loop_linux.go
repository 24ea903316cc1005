package target

import (
	"fmt"
	"iter"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Loop runs fibers: functions that take turns on the goroutine of Run, each until it waits for a connection of its own. A goroutine of Go's
// that waits for its connection goes through the runtime's scheduler and poller; a fiber is a step from the loop and back. What HTTP.Start begins needs
// no fiber: the loop calls back.
//
// A fiber must not wait for anything else by itself: all others would wait with it. Away is for that. A loop has sockets of its own,
// which nobody else uses; they stay open until Close.
type Loop struct {
	epoll  int
	file   *os.File        // of epoll: the runtime's poller waits for it, when no fiber can go on
	raw    syscall.RawConn // of file
	step   func(fd uintptr) bool
	events []syscall.EpollEvent
	found  int // of events, in the last look

	began   time.Time
	clock   time.Duration // since began, at the last look
	next    time.Duration // no deadline of a socket is before it
	set     time.Duration // that of file
	sockets []*socket     // by what epoll calls them; nil: free
	free    []int         // places in sockets
	idle    []*h1conn     // as h1 has them
	head    []byte        // of the request that h1 makes; no fiber needs it after its turn
	known   heads         // of the answers that h1 had
	in      []byte        // the answer that a fiber with a turn reads
	current *fiber        // that has its turn
	away    int           // fibers that are
	live    atomic.Int64  // fibers that have not ended, and what goes on without one

	mu   sync.Mutex
	back []*fiber    // that can go on, from other goroutines; and new ones
	some atomic.Bool // another goroutine has called wake
	due  atomic.Bool // another goroutine has set a deadline that is over
}

// fiber is a function under way.
type fiber struct {
	resume func() (struct{}, bool)
	yield  func(struct{}) bool
}

const never = time.Duration(math.MaxInt64)

// newLoop returns a loop, or nil where the system has no room for one.
func newLoop() *Loop {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	unix.SetNonblock(fd, true) // so that the runtime's poller takes it
	l := &Loop{epoll: fd, file: os.NewFile(uintptr(fd), "epoll"), events: make([]syscall.EpollEvent, 128), began: time.Now(), next: never, set: never}
	l.step = func(uintptr) bool { return l.look() || l.some.Load() }
	if l.raw, err = l.file.SyscallConn(); err == nil {
		err = l.file.SetReadDeadline(time.Time{}) // fails where it does not
	}
	if err != nil {
		l.file.Close()
		return nil
	}
	return l
}

// Go makes f a fiber: it has its first turn when Run comes to it. Safe for concurrent use.
func (l *Loop) Go(f func()) {
	me := new(fiber)
	me.resume, _ = iter.Pull(func(yield func(struct{}) bool) {
		me.yield = yield
		defer func() {
			if what := recover(); what != nil { // it goes on in Run, where nobody would know whence it came
				panic(fmt.Sprintf("%v\n\n%s", what, debug.Stack()))
			}
		}()
		f()
	})
	l.live.Add(1)
	l.ready(me)
}

// Away calls f on a goroutine of its own while other fibers have their turns, and returns after it. It is called by a fiber of l. Where l is
// nil f is simply called.
func (l *Loop) Away(f func()) {
	if l == nil {
		f()
		return
	}
	me := l.current
	l.away++
	go func() {
		defer l.ready(me)
		f()
	}()
	me.yield(struct{}{})
	l.away--
}

// ready lets a fiber go on.
func (l *Loop) ready(f *fiber) {
	l.mu.Lock()
	l.back = append(l.back, f)
	l.mu.Unlock()
	l.wake()
}

// wake makes the loop look at what other goroutines have done.
func (l *Loop) wake() {
	if !l.some.Swap(true) {
		l.file.SetReadDeadline(past)
	}
}

// Run gives fibers their turns until all have ended. It may be called again when there are new ones.
func (l *Loop) Run() {
	for l.others() {
		if !l.look() {
			l.wait()
		}
		l.clock = time.Since(l.began)
		for _, ev := range l.events[:l.found] {
			switch s := l.sockets[ev.Fd]; {
			case s == nil:
			case s.began != nil:
				s.step()
			default:
				s.fresh = true
				l.turn(s.fiber)
			}
		}
		if l.clock >= l.next {
			l.strike()
		}
		if l.away > 0 {
			runtime.Gosched() // who is away may need this processor
		}
	}
}

// others gives turns to fibers that are new or back, and reports whether any fiber is left.
func (l *Loop) others() bool {
	if !l.some.Swap(false) {
		return l.live.Load() > 0
	}
	if l.due.Swap(false) {
		l.next = 0
	}
	l.mu.Lock()
	back := l.back
	l.back = nil
	l.mu.Unlock()
	for _, f := range back {
		l.turn(f)
	}
	return l.live.Load() > 0
}

// turn lets a fiber go on, if there is one, until it waits or ends.
func (l *Loop) turn(f *fiber) {
	if f == nil {
		return
	}
	l.current = f
	if _, more := f.resume(); !more {
		l.live.Add(-1)
	}
	l.current = nil
}

// look asks for what came of the sockets, and does not wait. The call is raw, as those of readNow are.
func (l *Loop) look() bool {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), 0, 0, 0)
	if l.found = int(n); errno != 0 {
		l.found = 0
	}
	return l.found > 0
}

// wait returns when something may have come of a socket, a deadline strikes, or another goroutine has something for the loop.
func (l *Loop) wait() {
	if l.next < l.set {
		l.setDeadline(l.next)
	}
	if err := l.raw.Read(l.step); err == nil {
		return
	}
	// The deadline struck, or is that of wake. In this order: a wake before it is set is seen by step, one after it sets it again.
	l.found = 0
	l.setDeadline(l.next)
}

func (l *Loop) setDeadline(d time.Duration) {
	l.set = d
	if d == never {
		l.file.SetReadDeadline(time.Time{})
		return
	}
	l.file.SetReadDeadline(l.began.Add(d))
}

// strike gives turns to the fibers whose deadlines are over. The next time is a millisecond later at the earliest: it looks at all sockets.
func (l *Loop) strike() {
	l.next = never
	for i := 0; i < len(l.sockets); i++ { // a turn may add some
		s := l.sockets[i]
		if s == nil || s.fiber == nil && s.began == nil {
			continue
		}
		switch d := time.Duration(s.deadline.Load()); {
		case d > l.clock:
			l.next = min(l.next, d)
		case s.began != nil:
			s.step()
		default:
			l.turn(s.fiber)
		}
	}
	l.next = max(l.next, l.clock+time.Millisecond)
}

// drop closes an idle connection, if there is one. It is called by a fiber.
func (l *Loop) drop() {
	if c := pop(&l.idle); c != nil {
		c.abort()
	}
}

// Close closes the connections, which no fiber uses any more. It is called after the last Run.
func (l *Loop) Close() {
	for _, c := range l.idle {
		c.close()
	}
	l.file.Close()
}
