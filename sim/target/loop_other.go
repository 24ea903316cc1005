//go:build !linux

package target

// Loop is for Linux alone: elsewhere there is none.
type Loop struct {
	idle  []*h1conn
	head  []byte
	known heads
	in    []byte

	current *struct{}
}

func newLoop() *Loop { return nil }

// Go is never called.
func (l *Loop) Go(f func()) {}

// Away calls f.
func (l *Loop) Away(f func()) { f() }

// Run is never called.
func (l *Loop) Run() {}

// Close is never called.
func (l *Loop) Close() {}

func (l *Loop) adopt(*conn) error { return nil }

func (l *Loop) drop() {}

func (c *h1conn) start([]byte, func()) bool { return false }
