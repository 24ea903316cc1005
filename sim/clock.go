package sim

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"drover/sim/scenario"
)

// Clock is a hand on the clock of a run: it holds up what is still to fall due, and lets it go on, or makes the devices' own time go faster
// or slower. What devices send does not change, only when; attempts, their time-outs and their retries go on in the wall's time. The zero
// value is ready for one Config; its methods are safe for concurrent use, before, during and after the run.
type Clock struct {
	mu    sync.Mutex
	run   *run          // nil: none is under way
	tempo float64       // while the clock goes; 0: as the schedule has it
	until time.Duration // end of the phases that tempo is for, in the schedule's time
	held  bool
	away  chan struct{} // closed when the clock goes again
}

// The tempos that Faster and Slower go through.
const (
	slowest = 1.0 / 16
	fastest = 16
)

var errNoRun = errors.New("the run has not begun or is over")

// Pause holds up the clock: nothing more falls due until Resume. What is under way goes on. In the closed model nobody takes a next
// upload meanwhile.
func (c *Clock) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.run == nil:
		return errNoRun
	case c.run.stopped():
		return errors.New("the run is ending, so there is nothing to pause")
	case c.held:
		return nil
	}
	c.held, c.away = true, make(chan struct{})
	c.turn(c.run.now(), 0)
	return nil
}

// Resume lets the clock go on from where it stood, at the tempo it had.
func (c *Clock) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == nil {
		return errNoRun
	}
	if c.held {
		c.held = false
		close(c.away)
		c.turn(c.run.now(), c.tempoAt(c.run.now()))
	}
	return nil
}

// Faster doubles the tempo of the phase under way, up to 16 times of what the scenario has; its errors say why it cannot be.
func (c *Clock) Faster() error { return c.change(2) }

// Slower halves it, down to a sixteenth.
func (c *Clock) Slower() error { return c.change(0.5) }

func (c *Clock) change(by float64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == nil {
		return errNoRun
	}
	r, now := c.run, c.run.now()
	until, err := r.driven(now)
	if err != nil {
		return err
	}
	next := c.tempoAt(now) * by
	if next > fastest || next < slowest {
		return fmt.Errorf("the clock goes %g times as fast as the scenario has it, and that is as far as it goes", c.tempoAt(now))
	}
	c.tempo, c.until = next, until
	if !c.held {
		c.turn(now, next)
	}
	return nil
}

// tempoAt is the tempo at which the clock goes at an offset of the wall, or would if it was not held.
func (c *Clock) tempoAt(now time.Duration) float64 {
	if c.tempo == 0 || c.run.course.Load().at(now) >= c.until {
		return 1
	}
	return c.tempo
}

// turn changes the run's course and wakes everybody up who waits for it. The caller holds mu.
func (c *Clock) turn(now time.Duration, tempo float64) {
	next := c.run.course.Load().turn(now, tempo, c.until)
	c.run.course.Store(&next)
	c.run.ring()
}

// State is how the clock goes: its tempo, in times of what the scenario has, and whether it is held. tempo is the one at which it will go on.
func (c *Clock) State() (tempo float64, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == nil {
		return 1, false
	}
	return c.tempoAt(c.run.now()), c.held
}

// wait returns a channel that is closed when the clock goes again; nil: it goes.
func (c *Clock) wait() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.held {
		return nil
	}
	return c.away
}

// holds reports whether somebody holds the clock up. nil goes.
func (c *Clock) holds() bool { return c != nil && c.wait() != nil }

func (c *Clock) begin(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run = r
}

// end lets go of a run. Nobody waits for its clock any more.
func (c *Clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run = nil
}

// driven says until which instant of the schedule the devices' own time drives the run, or why it does not.
func (r *run) driven(now time.Duration) (until time.Duration, err error) {
	if r.sc.Load.Closed {
		return 0, errors.New("in the closed model the answers set the tempo, not a clock")
	}
	k, left, _ := r.phase(now)
	phases := r.sc.Load.Phases
	switch ph := phases[k]; {
	case ph.Do != scenario.Drive:
		return 0, fmt.Errorf("phase %s is to take %v, whatever the devices' time; the tempo can be changed where devices live at clock.speed", ph.Name, ph.For)
	case ph.Shape != nil:
		return 0, fmt.Errorf("phase %s promises a rate, and another tempo would be another rate; set rate in the scenario", ph.Name)
	}
	until = r.course.Load().at(now) + left
	for _, ph := range phases[k+1:] {
		if ph.Do != scenario.Drive || ph.Shape != nil {
			break
		}
		until += ph.For
	}
	return until, nil
}
