package sim

import (
	"fmt"
	"time"
)

// Timer is a way to wait for intended starts.
type Timer struct {
	Name string // for the report, e.g. "timerfd"
	New  func() (Alarm, error)

	// Grid says how far apart the instants are, counted from the run's start, at which uploads may start when so many fall due
	// in a second; 0 means at any. A wake-up of an idle core costs more than an upload, so at high rates it is shared by
	// several uploads, each of which is late by up to the grid. nil: never a grid.
	Grid func(perSec float64) time.Duration
}

// Alarm is a Timer at work for one goroutine.
type Alarm interface {
	// Wait returns when d has passed, or when Ring was called, and perhaps for no reason at all. One Ring ends one Wait,
	// the present or the next.
	Wait(d time.Duration)
	Ring() // safe for concurrent use
	Close() error
}

// GoTimer waits by the Go runtime's own timers. On Linux they are 0.5 to 1 ms late, because the runtime waits for them in
// epoll_wait, which counts whole milliseconds; inside a testing/synctest bubble they are exact.
func GoTimer() Timer {
	return Timer{Name: "Go timer", New: func() (Alarm, error) {
		return &goAlarm{timer: time.NewTimer(time.Hour), bell: make(chan struct{}, 1)}, nil
	}}
}

type goAlarm struct {
	timer *time.Timer
	bell  chan struct{}
}

func (a *goAlarm) Wait(d time.Duration) {
	a.timer.Reset(d)
	select {
	case <-a.timer.C:
	case <-a.bell:
	}
}

func (a *goAlarm) Ring() {
	select {
	case a.bell <- struct{}{}:
	default:
	}
}

func (a *goAlarm) Close() error {
	a.timer.Stop()
	return nil
}

// BestTimer is the most precise Timer of this machine: on Linux a timerfd, GoTimer elsewhere and where there is none.
func BestTimer() Timer {
	t := precise()
	if a, err := t.New(); err != nil {
		return GoTimer()
	} else if a.Close() != nil {
		return GoTimer()
	}
	return t
}

// Pacing is how a run waited for intended starts.
type Pacing struct {
	Timer string        // Timer.Name
	Grid  time.Duration // the widest in use; 0: none
}

// String returns e.g. "timerfd, on a grid of 283µs".
func (p Pacing) String() string {
	if p.Grid == 0 {
		return p.Timer
	}
	return fmt.Sprintf("%s, on a grid of %v", p.Timer, p.Grid.Round(time.Microsecond))
}

// rhythm keeps the grid of a worker: from the rate of its last arrivals, in the time of the schedule.
type rhythm struct {
	grid    func(perSec float64) time.Duration
	workers float64 // each has about the same rate, and they share the machine
	n       int
	since   time.Duration
	now     time.Duration // the grid; 0: none
	widest  time.Duration
}

// rhythmOf is how many arrivals the rate is measured over.
const rhythmOf = 128

// arrival takes note of the next arrival.
func (r *rhythm) arrival(at time.Duration) {
	if r.grid == nil {
		return
	}
	if r.n++; r.n < rhythmOf {
		return
	}
	r.now = 0
	if over := at - r.since; over > 0 {
		r.now = r.grid(rhythmOf / over.Seconds() * r.workers)
	}
	r.n, r.since, r.widest = 0, at, max(r.widest, r.now)
}

// tick is when an upload that is due at an instant of the schedule, and then at one of the wall, may start: the next instant of the grid.
func (r *rhythm) tick(sched, due time.Duration) time.Duration {
	if r.now <= 0 || due == forever {
		return due
	}
	return due + (sched+r.now-1)/r.now*r.now - sched
}
