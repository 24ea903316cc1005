package target

import (
	"errors"

	"golang.org/x/sys/windows"
)

// The syscall package's ECONNREFUSED and its like are invented on Windows; sockets return the WSA numbers.

func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

func isReset(err error) bool {
	return errors.Is(err, windows.WSAECONNRESET) || errors.Is(err, windows.WSAECONNABORTED)
}
