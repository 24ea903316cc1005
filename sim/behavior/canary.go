package behavior

import "drover/sim/event"

// Canaries are benign hosts that one device each visits: half of its benign visits go to its own, so that whatever leaves
// the device shows in an audit as a name that nobody else could have written. It is not changed after NewCanaries and is
// safe for concurrent use.
type Canaries struct {
	list []event.Canary
	of   map[uint64]owned // by the key of a device
}

// owned are canaries first to first+n-1.
type owned struct{ first, n uint32 }

// NewCanaries divides a number of canaries evenly among the devices of a fleet; seed is that of the streams. Each has one
// device, and with more canaries than devices a device has several.
func NewCanaries(seed uint64, hosts, devices int) *Canaries {
	c := &Canaries{of: map[uint64]owned{}}
	for n := range hosts {
		// The number makes names unique, the hash keeps the names of two seeds apart.
		w := key(key(seed, uint64(n)), 0xca7a41)
		c.list = append(c.list, event.Canary{byte(w), byte(w >> 8), byte(w >> 16), byte(n >> 16), byte(n >> 8), byte(n)})
		self := key(seed, uint64(int64(n)*int64(devices)/int64(hosts)))
		mine, ok := c.of[self]
		if !ok {
			mine.first = uint32(n)
		}
		mine.n++
		c.of[self] = mine
	}
	return c
}

// List returns the canaries. The caller must not change them.
func (c *Canaries) List() []event.Canary {
	if c == nil {
		return nil
	}
	return c.list
}

// instead returns 1 + the number of the canary that a benign visit of a device goes to instead; 0: to none. It has draws of
// its own, so that no other visit and no event changes when there are canaries.
func (c *Canaries) instead(self uint64, at uint64) uint32 {
	if c == nil {
		return 0
	}
	mine, ok := c.of[self]
	if !ok {
		return 0
	}
	d := newDraws(self, drawCanary, 0, at)
	if d.next()%2 == 0 {
		return 0
	}
	return 1 + mine.first + uint32(d.next()%uint64(mine.n))
}
