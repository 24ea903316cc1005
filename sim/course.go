package sim

import (
	"slices"
	"time"
)

// course is how the time of a schedule goes along with the wall's, both as offsets from the run's start. They are the same until somebody
// holds up the clock or changes its tempo. What is due stays what it is; only when is moved, and for all workers in the same way, however
// far behind one of them is.
type course []leg

// undisturbed is the course of a run whose clock nobody touches. It is only read.
var undisturbed = course{{tempo: 1}}

// leg is a stretch of a course, until the next one begins.
type leg struct {
	wall, sched time.Duration // where it begins
	tempo       float64       // how far the schedule goes in a second of the wall's; 0: it stands
}

// due is when the wall has come to an instant of the schedule; forever while the clock stands before it. An instant at which the clock
// was stopped was due before.
func (c course) due(sched time.Duration) time.Duration {
	if sched == forever {
		return forever
	}
	i := len(c) - 1
	for i > 0 && c[i].sched >= sched {
		i--
	}
	l := c[i]
	switch {
	case l.tempo == 1: // exactly, and for times that no float64 holds, too
		return l.wall + sched - l.sched
	case l.tempo == 0:
		return forever
	}
	return l.wall + time.Duration(float64(sched-l.sched)/l.tempo)
}

// at is the instant of the schedule to which the wall has come.
func (c course) at(wall time.Duration) time.Duration {
	i := len(c) - 1
	for i > 0 && c[i].wall > wall {
		i--
	}
	l := c[i]
	sched := l.sched
	if l.tempo == 1 {
		sched += wall - l.wall
	} else {
		sched += time.Duration(float64(wall-l.wall) * l.tempo)
	}
	if i+1 < len(c) {
		sched = min(sched, c[i+1].sched)
	}
	return sched
}

// running is how much of the wall's time between two instants of the schedule the clock did not stand.
func (c course) running(from, to time.Duration) (sum time.Duration) {
	for i, l := range c {
		if l.tempo == 0 {
			continue
		}
		end := to
		if i+1 < len(c) {
			end = min(to, c[i+1].sched)
		}
		if begin := max(from, l.sched); begin < end {
			sum += time.Duration(float64(end-begin) / l.tempo)
		}
	}
	return sum
}

// turn returns the course with another tempo from an instant of the wall on: until an instant of the schedule, when that is after it, and
// from there on as the schedule has it. c stays as it is.
func (c course) turn(wall time.Duration, tempo float64, until time.Duration) course {
	sched := c.at(wall)
	now := slices.Clone(c)
	for len(now) > 1 && now[len(now)-1].wall >= wall {
		now = now[:len(now)-1]
	}
	now = append(now, leg{wall, sched, tempo})
	if tempo != 0 && tempo != 1 && until > sched {
		now = append(now, leg{now.due(until), until, 1})
	}
	return now
}

// Stretch is a part of a run in which somebody held up its clock or changed its tempo.
type Stretch struct {
	At, For time.Duration // offsets from the run's start, in the wall's time
	Tempo   float64       // how far the schedule went in a second; 0: the clock stood
}

// stretches are those until an offset from the run's start.
func (c course) stretches(elapsed time.Duration) (list []Stretch) {
	for i, l := range c {
		end := elapsed
		if i+1 < len(c) {
			end = min(end, c[i+1].wall)
		}
		if l.tempo != 1 && l.wall < end {
			list = append(list, Stretch{l.wall, end - l.wall, l.tempo})
		}
	}
	return list
}

// ended is the course of a run that is over: where its clock stood it goes on, so that everything falls due at some time.
func (c course) ended(elapsed time.Duration) course {
	if c[len(c)-1].tempo == 0 {
		return c.turn(elapsed, 1, 0)
	}
	return c
}
