package target

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// tellsHangUp says that hungUp does what it says.
const tellsHangUp = true

// hungUp reports whether the backend had hung up on a connection before it could see what was written to it last. Linux keeps
// a broken pipe as the socket's error when a reset answers what came after the backend's end, and only then: a backend that
// hung up on a request that it read leaves no error, and one that threw it away half read a reset.
func hungUp(raw syscall.RawConn) (gone bool) {
	raw.Control(func(fd uintptr) {
		n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		gone = err == nil && syscall.Errno(n) == syscall.EPIPE
	})
	return gone
}
