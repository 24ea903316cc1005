package target

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// limit is how long an exchange on a connection may take. Setting a deadline costs the runtime two timers and some locks,
// which is a good part of what an exchange costs that takes none of its ten seconds. So the one that was set for an earlier
// exchange stays: when it strikes too early, it is set again and the connection goes on waiting. One that lets an exchange
// wait too long is never left.
type limit struct {
	deadline time.Time   // zero: none, and early is never true
	set      time.Time   // what the connection's own deadline is
	exact    bool        // set is deadline, and more than one goroutine may ask
	over     atomic.Bool // the run has ended: a deadline in the past was set and stays
}

// until makes the next exchange end at deadline. exact is for one with several goroutines.
func (l *limit) until(c net.Conn, deadline time.Time, exact bool) error {
	l.deadline, l.exact = deadline, exact
	if !exact && !l.set.IsZero() && !l.set.After(deadline) {
		return nil
	}
	l.set = deadline
	return c.SetDeadline(deadline)
}

// early reports whether err is a deadline that struck too early, and then has set it again.
func (l *limit) early(c net.Conn, err error) bool {
	if l.deadline.IsZero() || l.exact || !errors.Is(err, os.ErrDeadlineExceeded) || l.over.Load() || !time.Now().Before(l.deadline) {
		return false
	}
	l.set = l.deadline
	// In this order: an end of the run before SetDeadline is seen here, one after it sets the deadline again.
	return c.SetDeadline(l.deadline) == nil && !l.over.Load()
}
