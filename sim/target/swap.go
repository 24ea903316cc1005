package target

import "os"

// swap makes one wait of a write and the read that follows it. Read by itself tries, finds nothing, because the backend has
// not even seen the request, and waits; and each is a call of the system. So a short request is held until the answer is
// read, and then written from within the read, after the runtime has begun to listen for what comes.
type swap struct {
	holding bool   // Write keeps what it is given
	borrow  bool   // without a copy: who writes leaves it as it is until the answer is there
	held    []byte // until the next Read sends it
	unsent  bool   // nothing of it could be sent
	sendErr error  // why not all of it could be
	waiting bool   // it is sent
	left    []byte // the part that the system did not take at once
	step    func(fd uintptr) bool
}

// hold makes Write keep what it is given, in room if it must be copied, until holding is false.
func (c *conn) hold(room []byte) {
	if c.held = room[:0]; c.borrow {
		c.held = nil
	}
	c.holding, c.unsent, c.sendErr = swaps && c.raw != nil, false, nil
}

// release takes back the room of hold.
func (c *conn) release() (room []byte) {
	if !c.borrow {
		room = c.held
	}
	c.holding, c.held = false, nil
	return room
}

// sendAndRead sends what is held and reads what comes back.
func (c *conn) sendAndRead(b []byte) (n int, err error) {
	c.buf, c.n, c.err, c.waiting, c.left = b, 0, nil, false, nil
	err = c.raw.Read(c.step)
	c.buf = nil
	if err != nil && !c.waiting {
		return 0, err // it did not come to sending; if it is to be tried again, it is still held
	}
	if c.held = c.held[:0]; len(c.left) > 0 {
		if _, c.sendErr = c.Write(c.left); c.sendErr != nil {
			// The backend may have answered and closed before it had read all.
			if n, err = c.Conn.Read(b); n == 0 {
				err = c.sendErr
			}
			return n, err
		}
		return c.Conn.Read(b)
	}
	if err != nil {
		return 0, err
	}
	return c.n, c.err
}

// exchange is called by the runtime's poller, or a fiber: first at once, and then whenever there may be something to read.
func (c *conn) exchange(fd uintptr) bool {
	if c.waiting {
		c.n, c.err = readNow(fd, c.buf)
		return c.err != errQuiet
	}
	c.waiting = true
	n, err := writeNow(fd, c.held)
	switch {
	case err == errQuiet || err == nil && n < len(c.held):
		c.left = c.held[n:]
		return true
	case err != nil:
		c.err = os.NewSyscallError("write", err)
		c.unsent, c.sendErr = true, c.err
		return true
	}
	return false
}
