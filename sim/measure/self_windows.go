package measure

import (
	"fmt"
	"time"

	"golang.org/x/sys/windows"
)

func self() (Usage, error) {
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user); err != nil {
		return Usage{}, fmt.Errorf("get process times: %w", err)
	}
	return Usage{User: ticks(user), System: ticks(kernel)}, nil
}

// ticks reads a Filetime as a span, not as a date: Filetime.Nanoseconds would subtract 369 years. The unit is 100 ns.
func ticks(f windows.Filetime) time.Duration {
	return 100 * time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime))
}
