package behavior

import (
	"math"
	"slices"
	"time"
)

// heap orders devices by when they next have something to do. It is a heap of four children a node, which keeps the
// siblings that are compared within a cache line; only its top ever changes, or all of it at once. It keeps a short form of each
// time, which decides nearly always; where two are equal it asks for the times themselves, which their devices know.
type heap struct {
	due  func(dev uint32) time.Duration
	n    int           // how many devices
	list []entry       // of them; behind them are so many that are last that every child has three siblings
	base time.Duration // what keys count from: moves on with now
	now  time.Duration // the latest time that was at the top
}

// entry is a key, see keyOf, and behind it the device whose time it is.
type entry uint64

func entryOf(key, dev uint32) entry { return entry(key)<<32 | entry(dev) }

func (e entry) key() uint32 { return uint32(e >> 32) }

func (e entry) dev() uint32 { return uint32(e) }

// keyBits of a time in nanoseconds are not in its key: so many that few times are beyond the last key, 52 days after base, and so few
// that few are equal.
const keyBits = 20

// keyOf is the short form of a time. A later time has no lower one.
func (h *heap) keyOf(at time.Duration) uint32 {
	return uint32(min(max(0, at-h.base)>>keyBits, math.MaxUint32))
}

// before reports whether e comes before o: by key, by time where those are equal, then by device, so that the order never depends on the
// history.
func (h *heap) before(e, o entry) bool {
	if (e^o)>>32 != 0 {
		return e < o
	}
	return h.sooner(e, o)
}

// sooner is before where the keys are equal.
func (h *heap) sooner(e, o entry) bool {
	a, b := h.due(e.dev()), h.due(o.dev())
	return a < b || a == b && e < o
}

// init puts devices 0 to n-1 in order, whatever was there; n is always the same.
func (h *heap) init(n int) {
	if h.list == nil {
		h.n, h.list = n, slices.Repeat([]entry{math.MaxUint64}, n+3)
	}
	h.base = h.now
	for i := range n {
		h.list[i] = entryOf(h.keyOf(h.due(uint32(i))), uint32(i))
	}
	for i := (n - 2) / 4; i >= 0 && n > 1; i-- {
		h.down(i)
	}
}

// top returns the first device, and false when there is none.
func (h *heap) top() (dev uint32, ok bool) {
	if h.n == 0 {
		return 0, false
	}
	return h.list[0].dev(), true
}

// fixTop takes notice of the first device's new time, which is what due says of it now.
func (h *heap) fixTop(at time.Duration) {
	if (h.now-h.base)>>keyBits > math.MaxUint32/2 {
		h.base = h.now
		for i, e := range h.list[:h.n] { // in the same order as before
			h.list[i] = entryOf(h.keyOf(h.due(e.dev())), e.dev())
		}
	} else {
		h.list[0] = entryOf(h.keyOf(at), h.list[0].dev())
	}
	h.down(0)
}

func (h *heap) down(i int) {
	e := h.list[i]
	for child := 4*i + 1; child < h.n; child = 4*i + 1 {
		// Nobody foretells which of the siblings is the least, so that is found without a branch.
		c := (*[4]entry)(h.list[child:])
		left, right := min(c[0], c[1]), min(c[2], c[3])
		low := min(left, right)
		second := min(max(c[0], c[1]), max(c[2], c[3]), max(left, right))
		least := oneIf(low == c[1]) + 2*oneIf(low == c[2]) + 3*oneIf(low == c[3])
		if low.key() == second.key() {
			least, low = h.least(c, h.n-child)
		}
		if h.before(e, low) {
			break
		}
		h.list[i] = low
		i = child + least
	}
	h.list[i] = e
}

// oneIf is 1 if something is so, and 0 if not, without a branch.
func oneIf(is bool) (n int) {
	if is {
		n = 1
	}
	return n
}

// least is the first of the first n siblings, and its place, where keys do not tell.
func (h *heap) least(c *[4]entry, n int) (place int, low entry) {
	low = c[0]
	for i, e := range c[:min(n, len(c))] {
		if h.before(e, low) {
			place, low = i, e
		}
	}
	return place, low
}
