package behavior

import "time"

// heap orders devices by when they next have something to do. It is a heap of four children a node, which keeps the
// siblings that are compared within a cache line; only its top ever changes.
type heap struct {
	list []heapEntry
	now  time.Duration // the latest time that was at the top
}

type heapEntry struct {
	at  time.Duration
	dev uint32
}

// before orders entries by time, then by device, so that the order never depends on the history.
func (a heapEntry) before(b heapEntry) bool { return a.at < b.at || a.at == b.at && a.dev < b.dev }

func (h *heap) init(n int, due func(dev uint32) time.Duration) {
	h.list = make([]heapEntry, n)
	for i := range h.list {
		h.list[i] = heapEntry{due(uint32(i)), uint32(i)}
	}
	for i := (n - 2) / 4; i >= 0 && n > 1; i-- {
		h.down(i)
	}
}

// top returns the first device and its time; never when there is no device.
func (h *heap) top() (dev uint32, at time.Duration) {
	if len(h.list) == 0 {
		return 0, never
	}
	return h.list[0].dev, h.list[0].at
}

// fixTop gives the first device its new time.
func (h *heap) fixTop(at time.Duration) {
	h.list[0].at = at
	h.down(0)
}

func (h *heap) down(i int) {
	e := h.list[i]
	for {
		child := 4*i + 1
		if child >= len(h.list) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(h.list)); c++ {
			if h.list[c].before(h.list[least]) {
				least = c
			}
		}
		if !h.list[least].before(e) {
			break
		}
		h.list[i] = h.list[least]
		i = least
	}
	h.list[i] = e
}

// arena holds the pending events of all devices of a stream as linked lists. Entry 0 is not used: it means none.
type arena struct {
	list     []node
	freeList uint32
}

type node struct {
	Item
	next uint32
}

func (a *arena) add(it Item) uint32 {
	if n := a.freeList; n != 0 {
		a.freeList = a.list[n].next
		a.list[n] = node{Item: it}
		return n
	}
	if len(a.list) == 0 {
		a.list = append(a.list, node{})
	}
	a.list = append(a.list, node{Item: it})
	return uint32(len(a.list) - 1)
}

func (a *arena) free(n uint32) {
	a.list[n].next = a.freeList
	a.freeList = n
}
