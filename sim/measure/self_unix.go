//go:build unix

package measure

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

func self() (Usage, error) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return Usage{}, fmt.Errorf("getrusage: %w", err)
	}
	return Usage{User: time.Duration(r.Utime.Nano()), System: time.Duration(r.Stime.Nano()), MaxRSS: int64(r.Maxrss) * rssUnit()}, nil
}

// rssUnit is the unit of ru_maxrss in bytes: KiB, but bytes on Apple's systems. Source: getrusage(2) of Linux, the BSDs and
// macOS.
func rssUnit() int64 {
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return 1
	}
	return 1024
}
