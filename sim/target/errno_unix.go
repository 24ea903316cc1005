//go:build unix

package target

import (
	"errors"

	"golang.org/x/sys/unix"
)

func isRefused(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }

func isReset(err error) bool {
	return errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNABORTED)
}
