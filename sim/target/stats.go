package target

import (
	"sync"
	"sync/atomic"
	"time"

	"drover/sim/measure"
)

// Connections is what became of a target's connections.
type Connections struct {
	Open    int64 // now
	Opened  int64 // ever
	Idled   int64 // of Opened: closed because they were idle, per-device connections only
	Evicted int64 // of Opened: closed while idle, because MaxOpen left no room for another device's
	Resumed int64 // of Opened: with a TLS session of an earlier one

	Connect   measure.Histogram // time from the dial to the connection, the look-up of the name included; of each that was opened
	Handshake measure.Histogram // time of the TLS handshake; of each that came about
	Tokens    measure.Histogram // time to fetch a token; of each that was

	TokensFailed int64 // fetches of a token that failed
}

// stats gathers Connections.
type stats struct {
	idled, evicted, resumed atomic.Int64

	mu                 sync.Mutex
	connect, handshake measure.Histogram
}

func (s *stats) connected(took time.Duration) {
	s.mu.Lock()
	s.connect.Record(took)
	s.mu.Unlock()
}

func (s *stats) shook(took time.Duration, resumed bool) {
	if resumed {
		s.resumed.Add(1)
	}
	s.mu.Lock()
	s.handshake.Record(took)
	s.mu.Unlock()
}

// Connections returns what became of the connections so far. It is safe for concurrent use.
func (h *HTTP) Connections() Connections {
	c := h.stats.connections(&h.conns)
	if h.grants != nil {
		c.TokensFailed = h.grants.failed.Load()
		h.grants.mu.Lock()
		defer h.grants.mu.Unlock()
		c.Tokens.Merge(&h.grants.took)
	}
	return c
}

func (s *stats) connections(all *conns) Connections {
	c := Connections{Open: all.open.Load(), Opened: all.opened.Load(), Idled: s.idled.Load(), Evicted: s.evicted.Load(), Resumed: s.resumed.Load()}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Connect.Merge(&s.connect)
	c.Handshake.Merge(&s.handshake)
	return c
}
