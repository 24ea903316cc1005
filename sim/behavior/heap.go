package behavior

import "time"

// heap orders devices by when they next have something to do. It is a heap of four children a node, which keeps the
// siblings that are compared within a cache line; only its top ever changes, or all of it at once. Times and devices are apart,
// since a pair of them would be padded by a third.
type heap struct {
	at  []time.Duration
	dev []uint32      // whose time it is
	now time.Duration // the latest time that was at the top
}

// before orders entries by time, then by device, so that the order never depends on the history.
func (h *heap) before(i int, at time.Duration, dev uint32) bool {
	return h.at[i] < at || h.at[i] == at && h.dev[i] < dev
}

// init puts devices 0 to n-1 in order, whatever was there; n is always the same.
func (h *heap) init(n int, due func(dev uint32) time.Duration) {
	if h.at == nil {
		h.at, h.dev = make([]time.Duration, n), make([]uint32, n)
	}
	for i := range h.at {
		h.at[i], h.dev[i] = due(uint32(i)), uint32(i)
	}
	for i := (n - 2) / 4; i >= 0 && n > 1; i-- {
		h.down(i)
	}
}

// top returns the first device and its time; never when there is no device.
func (h *heap) top() (dev uint32, at time.Duration) {
	if len(h.at) == 0 {
		return 0, never
	}
	return h.dev[0], h.at[0]
}

// fixTop gives the first device its new time.
func (h *heap) fixTop(at time.Duration) {
	h.at[0] = at
	h.down(0)
}

func (h *heap) down(i int) {
	at, dev := h.at[i], h.dev[i]
	for {
		child := 4*i + 1
		if child >= len(h.at) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(h.at)); c++ {
			if h.before(c, h.at[least], h.dev[least]) {
				least = c
			}
		}
		if !h.before(least, at, dev) {
			break
		}
		h.at[i], h.dev[i] = h.at[least], h.dev[least]
		i = least
	}
	h.at[i], h.dev[i] = at, dev
}

// arena holds the pending events of all devices of a stream as rings, each known by its newest event, after which the oldest
// comes again. Entry 0 is not used: it means none.
type arena struct {
	list     []node
	freeList uint32
}

type node struct {
	Item
	next uint32
}

// add puts an event at the end of the ring of last, 0 for an empty one, and returns the ring's new last.
func (a *arena) add(last uint32, it Item) uint32 {
	n := a.freeList
	if n != 0 {
		a.freeList = a.list[n].next
	} else {
		if len(a.list) == 0 {
			a.list = append(a.list, node{})
		}
		n = uint32(len(a.list))
		a.list = append(a.list, node{})
	}
	oldest := n
	if last != 0 {
		oldest = a.list[last].next
		a.list[last].next = n
	}
	a.list[n] = node{it, oldest}
	return n
}

// pop removes the oldest event of a ring that is not empty and returns it and the ring's new last.
func (a *arena) pop(last uint32) (it Item, newLast uint32) {
	n := a.list[last].next
	it = a.list[n].Item
	if n == last {
		last = 0
	} else {
		a.list[last].next = a.list[n].next
	}
	a.list[n].next = a.freeList
	a.freeList = n
	return it, last
}
