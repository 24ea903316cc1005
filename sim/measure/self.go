package measure

import "time"

// Usage is what this process took from the machine so far.
type Usage struct {
	User, System time.Duration // CPU time over all cores
	MaxRSS       int64         // most memory ever resident, in bytes; 0 where the system does not tell
}

// Self returns what this process used so far. The difference of two, divided by the time between them, is how many
// cores the harness itself kept busy. The error is the operating system's.
func Self() (Usage, error) { return self() }

// ProcessTimes returns the CPU time that this process used so far, over all cores.
func ProcessTimes() (user, system time.Duration, err error) {
	u, err := self()
	return u.User, u.System, err
}
