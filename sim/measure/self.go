package measure

import (
	"runtime/metrics"
	"time"
)

// Usage is what this process took from the machine so far.
type Usage struct {
	User, System time.Duration // CPU time over all cores
	MaxRSS       int64         // most memory ever resident, in bytes; 0 where the system does not tell
	GC           time.Duration // of User and System: what the garbage collector took, by the runtime's own estimate
}

// Self returns what this process used so far. The difference of two, divided by the time between them, is how many
// cores the harness itself kept busy. The error is the operating system's.
func Self() (Usage, error) {
	u, err := self()
	gc := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	if metrics.Read(gc); gc[0].Value.Kind() == metrics.KindFloat64 && gc[1].Value.Kind() == metrics.KindFloat64 {
		u.GC = time.Duration((gc[0].Value.Float64() - gc[1].Value.Float64()) * 1e9) // idle time costs nobody anything
	}
	return u, err
}

// ProcessTimes returns the CPU time that this process used so far, over all cores.
func ProcessTimes() (user, system time.Duration, err error) {
	u, err := self()
	return u.User, u.System, err
}
