package target

import (
	"sync/atomic"
	"time"
)

// A look at a connection before it is used again is a call of the system for each upload, a sixth of what one costs. So on a
// plain connection that was used a moment ago only every sixteenth is made, as long as looks find nothing: neither a backend
// that hangs up unannounced nor one that speaks unasked. One that does either is soon known for it, and from then on every
// connection is looked at for a while. A hang-up that no look saw shows afterwards, see hungUp, and the request goes over a
// new connection as it would have after a look. What may be missed is a backend that is quiet for hundreds of uploads and
// then gives two answers to one: the second is taken for the next upload's, and so on until two come at once, a look finds
// one, or the connection has a pause.
const (
	lookEvery = 16                    // uses of a connection
	lookAfter = 50 * time.Millisecond // since the last use began
	calmAfter = 256                   // looks in a row that found nothing
)

// calm counts looks in a row that found nothing.
type calm struct{ looks atomic.Int32 }

func (c *calm) quiet() {
	if c.looks.Load() < calmAfter {
		c.looks.Add(1)
	}
}

func (c *calm) surprised() { c.looks.Store(0) }

// trusts reports whether a connection can be used again at now without a look at it.
func (f *h1) trusts(c *h1conn, now time.Time) bool {
	return tellsHangUp && c.own != nil && c.own.borrow && !c.full && c.uses%lookEvery != 0 &&
		now.Sub(c.began) < lookAfter && f.calm.looks.Load() >= calmAfter
}

// usable reports whether the backend has neither hung up on a connection nor said anything unasked, as far as can be told.
func (f *h1) usable(c *h1conn, now time.Time) bool {
	if f.trusts(c, now) {
		return true
	}
	if !c.alive() {
		f.calm.surprised()
		return false
	}
	f.calm.quiet()
	return true
}

// missed reports whether an exchange over a connection that was used before failed because the backend had hung up before
// it.
func (f *h1) missed(c *h1conn) bool {
	if c.own == nil || !c.own.borrow || c.own.raw == nil || c.heard || !hungUp(c.own.raw) {
		return false
	}
	f.calm.surprised()
	return true
}
