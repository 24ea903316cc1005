package behavior

import (
	"time"

	"drover/sim/event"
)

// arena holds the pending events of all devices of a stream as rings, each known by its newest event, after which the oldest
// comes again. It grows by a block at a time and moves nothing: with a million devices, a list that doubles would leave more behind
// than it holds. Entry 0 is not used: it means none.
type arena struct {
	blocks   []*block
	used     uint32 // entries that were ever in use
	freeList uint32
}

const blockBits = 9

// block is as big as one of the sizes in which Go's runtime hands out memory, 10 KiB.
type block [1 << blockBits]node

// node is an Item and its place. Its parts are of four bytes at most, so that it takes 20 and not 24.
type node struct {
	early, late uint32 // halves of Item.At
	since, next uint32
	until       uint16
	kind        event.Kind
	app         uint8
}

func (n *node) at() time.Duration { return time.Duration(n.late)<<32 | time.Duration(n.early) }

func (a *arena) node(n uint32) *node { return &a.blocks[n>>blockBits][n&(1<<blockBits-1)] }

// oldest is when the oldest event of a ring happened, which is not empty.
func (a *arena) oldest(last uint32) time.Duration { return a.node(a.node(last).next).at() }

// newArena returns an arena with its first block: events that wait may come late in a run, and a run does not grow.
func newArena() arena { return arena{blocks: []*block{new(block)}} }

// add puts an event at the end of the ring of last, 0 for an empty one, and returns the ring's new last.
func (a *arena) add(last uint32, it Item) uint32 {
	n := a.freeList
	if n != 0 {
		a.freeList = a.node(n).next
	} else {
		a.used++
		n = a.used
		for int(n>>blockBits) >= len(a.blocks) {
			a.blocks = append(a.blocks, new(block))
		}
	}
	oldest := n
	if last != 0 {
		before := a.node(last)
		oldest, before.next = before.next, n
	}
	*a.node(n) = node{uint32(it.At), uint32(it.At >> 32), it.since, oldest, it.until, it.Kind, it.app}
	return n
}

// pop removes the oldest event of a ring that is not empty and returns it and the ring's new last.
func (a *arena) pop(last uint32) (it Item, newLast uint32) {
	newest := a.node(last)
	n := newest.next
	oldest := a.node(n)
	it = Item{At: oldest.at(), Kind: oldest.kind, app: oldest.app, until: oldest.until, since: oldest.since}
	if newest.next = oldest.next; n == last {
		last = 0
	}
	oldest.next = a.freeList
	a.freeList = n
	return it, last
}
