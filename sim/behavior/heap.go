package behavior

import (
	"math"
	"time"
)

// heap orders devices by when they next have something to do. It is a heap of four children a node, which keeps the
// siblings that are compared within a cache line; only its top ever changes, or all of it at once. It keeps a short form of each
// time, which decides nearly always; where two are equal it asks for the times themselves, which their devices know.
type heap struct {
	due  func(dev uint32) time.Duration
	key  []uint32      // when, see keyOf
	dev  []uint32      // whose time it is
	base time.Duration // what keys count from: moves on with now
	now  time.Duration // the latest time that was at the top
}

// keyBits of a time in nanoseconds are not in its key: so many that few times are beyond the last key, 52 days after base, and so few
// that few are equal.
const keyBits = 20

// keyOf is the short form of a time. A later time has no lower one.
func (h *heap) keyOf(at time.Duration) uint32 {
	return uint32(min(max(0, at-h.base)>>keyBits, math.MaxUint32))
}

// first decides between two devices whose keys are equal: by time, then by device, so that the order never depends on the history.
func (h *heap) first(dev, other uint32) bool {
	a, b := h.due(dev), h.due(other)
	return a < b || a == b && dev < other
}

// init puts devices 0 to n-1 in order, whatever was there; n is always the same.
func (h *heap) init(n int) {
	if h.key == nil {
		h.key, h.dev = make([]uint32, n), make([]uint32, n)
	}
	h.base = h.now
	for i := range h.key {
		h.key[i], h.dev[i] = h.keyOf(h.due(uint32(i))), uint32(i)
	}
	for i := (n - 2) / 4; i >= 0 && n > 1; i-- {
		h.down(i)
	}
}

// top returns the first device and its time; never when there is no device.
func (h *heap) top() (dev uint32, at time.Duration) {
	if len(h.key) == 0 {
		return 0, never
	}
	return h.dev[0], h.due(h.dev[0])
}

// fixTop takes notice of the first device's new time, which is what due says of it now.
func (h *heap) fixTop(at time.Duration) {
	if (h.now-h.base)>>keyBits > math.MaxUint32/2 {
		h.base = h.now
		for i, dev := range h.dev { // in the same order as before
			h.key[i] = h.keyOf(h.due(dev))
		}
	} else {
		h.key[0] = h.keyOf(at)
	}
	h.down(0)
}

func (h *heap) down(i int) {
	key, dev := h.key[i], h.dev[i]
	for {
		child := 4*i + 1
		if child >= len(h.key) {
			break
		}
		least, key4 := child, h.key[child:min(child+4, len(h.key))]
		low := key4[0]
		for c := 1; c < len(key4); c++ {
			if k := key4[c]; k < low || k == low && h.first(h.dev[child+c], h.dev[least]) {
				least, low = child+c, k
			}
		}
		if low > key || low == key && !h.first(h.dev[least], dev) {
			break
		}
		h.key[i], h.dev[i] = low, h.dev[least]
		i = least
	}
	h.key[i], h.dev[i] = key, dev
}
