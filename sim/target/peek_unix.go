//go:build unix

package target

import "golang.org/x/sys/unix"

// quiet reports whether a socket, which does not block, has nothing to read: no byte, no end, no error. A byte that it
// reads is lost, but then the connection is of no use anyway.
func quiet(fd uintptr, b []byte) bool {
	_, err := unix.Read(int(fd), b)
	return err == unix.EAGAIN || err == unix.EWOULDBLOCK
}
