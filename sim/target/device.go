package target

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// devices keeps connections that each belong to one device: it opens its own, uses it again while it is active, and closes
// it when it was idle for a while. Where one more would be too many, the one that was idle the longest goes.
type devices struct {
	idleFor time.Duration
	most    int // open at once

	mu     sync.Mutex
	closes sync.Cond // a connection was closed
	open   int       // idle, in use and being closed
	idle   map[int]*kept
	oldest *kept // the idle ones in a ring, from the one that was idle the longest to the last one
	timer  *time.Timer
	closed bool
}

// kept is a device's connection, of whatever is spoken on it, in the hands of devices, which guards the last three fields.
type kept struct {
	conn   interface{ close() }
	device int
	stats  *stats

	since      time.Time
	prev, next *kept
}

func newDevices(most int, idleFor time.Duration) *devices {
	d := &devices{idleFor: idleFor, most: most, idle: make(map[int]*kept)}
	d.closes.L = &d.mu
	return d
}

// take returns a device's idle connection, or nil.
func (d *devices) take(device int) *kept {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.idle[device]
	if c != nil {
		d.unlink(c)
	}
	return c
}

// reserve makes room for a new connection, if need be in the place of the one that was idle the longest. Callers hold the right
// to one of most connections in use: where none is idle, one is just being closed, and reserve waits for that.
func (d *devices) reserve() {
	d.mu.Lock()
	for d.open >= d.most && d.oldest == nil {
		d.closes.Wait()
	}
	if d.open < d.most {
		d.open++
		d.mu.Unlock()
		return
	}
	evicted := d.oldest
	d.unlink(evicted)
	d.mu.Unlock()
	evicted.stats.evicted.Add(1)
	evicted.conn.close()
}

// put keeps a connection for its device. It closes the device's former one when it had two at once, or c itself when no one is
// kept any more.
func (d *devices) put(c *kept) {
	if old := d.keep(c); old != nil {
		old.conn.close()
		d.gone()
	}
}

// keep is put, and returns the one that has to be closed, or nil.
func (d *devices) keep(c *kept) (old *kept) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return c
	}
	if old = d.idle[c.device]; old != nil {
		d.unlink(old)
	}
	c.since = time.Now()
	d.idle[c.device] = c
	if d.oldest == nil {
		d.oldest, c.prev, c.next = c, c, c
	} else {
		last := d.oldest.prev
		c.prev, c.next = last, d.oldest
		last.next, d.oldest.prev = c, c
	}
	if d.timer == nil {
		d.timer = time.AfterFunc(d.idleFor, d.expire)
	}
	return old
}

// gone counts a connection that is closed now, or never came about.
func (d *devices) gone() {
	d.mu.Lock()
	d.open--
	d.closes.Signal()
	d.mu.Unlock()
}

func (d *devices) unlink(c *kept) {
	delete(d.idle, c.device)
	if c.next == c {
		d.oldest = nil
	} else {
		c.prev.next, c.next.prev = c.next, c.prev
		if d.oldest == c {
			d.oldest = c.next
		}
	}
	c.prev, c.next = nil, nil
}

// expire closes what was idle for long enough and waits for the next.
func (d *devices) expire() {
	for {
		d.mu.Lock()
		c := d.oldest
		if c == nil || d.closed {
			d.timer = nil
			d.mu.Unlock()
			return
		}
		if left := d.idleFor - time.Since(c.since); left > 0 {
			d.timer.Reset(left)
			d.mu.Unlock()
			return
		}
		d.unlink(c)
		d.mu.Unlock()
		c.stats.idled.Add(1)
		c.conn.close()
		d.gone()
	}
}

// end closes the idle connections; those in use end when they are put back.
func (d *devices) end() {
	d.mu.Lock()
	d.closed = true
	idle := d.idle
	d.idle, d.oldest = nil, nil
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	for _, c := range idle {
		c.conn.close()
		d.gone()
	}
}

// slots bounds connections in use.
type slots struct{ *semaphore.Weighted }

func newSlots(n int) slots { return slots{semaphore.NewWeighted(int64(n))} }

// try takes the right to use a connection if it is there.
func (s slots) try() bool { return s.TryAcquire(1) }

// acquire waits for the right to use a connection.
func (s slots) acquire(ctx context.Context, deadline time.Time) error {
	if s.try() {
		return nil
	}
	waiting, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return s.Acquire(waiting, 1)
}

func (s slots) release() { s.Release(1) }

// maxTickets bounds what is kept to resume sessions of TLS; a ticket is about a kilobyte.
const maxTickets = 1 << 16

// tickets are what devices keep of a session of TLS to resume it with their next connection.
type tickets struct {
	share float64 // of connections that offer theirs

	mu  sync.Mutex
	all map[int]*tls.ClientSessionState
}

func newTickets(share float64) *tickets {
	return &tickets{share: share, all: make(map[int]*tls.ClientSessionState)}
}

// of is the cache of one handshake of a device. Whether it offers its ticket is drawn here: like the time of a connection
// it depends on the backend's answers and is no part of what a seed decides.
func (t *tickets) of(device int) tls.ClientSessionCache {
	return &ticket{t, device, rand.Float64() < t.share}
}

type ticket struct {
	all    *tickets
	device int
	offer  bool
}

// Get returns the device's ticket. It is used once, as RFC 8446 appendix C.4 wants it: the backend sends a new one.
func (t *ticket) Get(string) (*tls.ClientSessionState, bool) {
	if !t.offer {
		return nil, false
	}
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	s, ok := t.all.all[t.device]
	return s, ok
}

// Put keeps a ticket; nil forgets it.
func (t *ticket) Put(_ string, s *tls.ClientSessionState) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	if s == nil {
		delete(t.all.all, t.device)
		return
	}
	if _, known := t.all.all[t.device]; !known && len(t.all.all) >= maxTickets {
		for other := range t.all.all { // any
			delete(t.all.all, other)
			break
		}
	}
	t.all.all[t.device] = s
}
