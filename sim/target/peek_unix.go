//go:build unix && (race || !linux)

package target

import (
	"io"
	"syscall" // whose Read and Write the race detector knows as the same sockets that package net uses
)

// readNow reads from a socket, which does not block; errQuiet says that there is nothing.
func readNow(fd uintptr, b []byte) (int, error) {
	for {
		switch n, err := syscall.Read(int(fd), b); {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN || err == syscall.EWOULDBLOCK:
			return 0, errQuiet
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// swaps says that readNow and writeNow do what they say.
const swaps = true

// writeNow writes to a socket what it takes without waiting; errQuiet says that it takes nothing.
func writeNow(fd uintptr, b []byte) (int, error) {
	for {
		switch n, err := syscall.Write(int(fd), b); {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN || err == syscall.EWOULDBLOCK:
			return 0, errQuiet
		case err != nil:
			return 0, err
		default:
			return n, nil
		}
	}
}
