//go:build linux && !race

package target

import (
	"io"
	"syscall"
	"unsafe"
)

// readNow reads from a socket, which does not block; errQuiet says that there is nothing. The call is raw: telling the
// scheduler of a call that cannot block costs a twentieth of what an upload costs.
func readNow(fd uintptr, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return 0, errQuiet
		case errno != 0:
			return 0, errno
		case n == 0:
			return 0, io.EOF
		default:
			return int(n), nil
		}
	}
}

// swaps says that readNow and writeNow do what they say.
const swaps = true

// writeNow writes to a socket what it takes without waiting; errQuiet says that it takes nothing.
func writeNow(fd uintptr, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return 0, errQuiet
		case errno != 0:
			return 0, errno
		default:
			return int(n), nil
		}
	}
}
