package sim

import (
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func precise() Timer { return Timer{Name: "timerfd", New: newTimerfd, Grid: grid} }

// grid widens with the rate, from 0.2 ms at 2,000/s to 1 ms at 49,000/s and above; below it there is none, for then uploads
// are so far apart that they hardly ever share a wake-up. That a wake-up costs 20 to 40 µs of CPU on an idle virtual
// core, and that 0.2 to 1 ms is where evenness and CPU are both good, was measured on such machines.
func grid(perSec float64) time.Duration {
	g := time.Duration(4500 * math.Sqrt(max(0, perSec)))
	if g < 200*time.Microsecond {
		return 0
	}
	return min(g, time.Millisecond)
}

// timerfd is an Alarm of the kernel's that the runtime's netpoller waits for as for a socket: 20 to 30 µs late.
type timerfd struct {
	file *os.File
	raw  syscall.RawConn
	rung atomic.Bool

	// Of the goroutine that waits.
	wait  time.Duration
	armed bool
	err   error
	step  func(fd uintptr) bool // made once, because a closure for each Wait would be an allocation
}

func newTimerfd() (Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	t := &timerfd{file: os.NewFile(uintptr(fd), "timerfd")}
	if t.raw, err = t.file.SyscallConn(); err != nil {
		t.file.Close()
		return nil, err
	}
	t.step = t.arm
	return t, nil
}

func (t *timerfd) Wait(d time.Duration) {
	t.wait, t.armed = d, false
	if err := t.raw.Read(t.step); err != nil || t.err != nil {
		// Neither can happen while the file is open. Should it, waiting must not become a busy loop.
		time.Sleep(min(d, time.Millisecond))
	}
}

// arm is called twice by the netpoller's Read: before it waits, and when the file has become readable. Nothing needs to be
// read: the poller hears of each time the clock strikes, and setting it again forgets the last one.
func (t *timerfd) arm(fd uintptr) bool {
	if t.armed {
		t.rung.Store(false)
		return true
	}
	t.armed = true
	if t.err = set(int(fd), t.wait); t.err != nil {
		return true
	}
	// In this order: a Ring before this look is seen, one after it sets the clock again.
	return t.rung.Swap(false)
}

func (t *timerfd) Ring() {
	t.rung.Store(true)
	t.raw.Control(func(fd uintptr) { set(int(fd), 0) })
}

func (t *timerfd) Close() error { return t.file.Close() }

// set makes the clock strike once after d.
func set(fd int, d time.Duration) error {
	return unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, int64(d)))}, nil)
}
