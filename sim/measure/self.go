package measure

import (
	"runtime/metrics"
	"time"
)

// Usage is what this process took from the machine so far.
type Usage struct {
	User, System time.Duration // CPU time over all cores
	MaxRSS       int64         // most memory ever resident, in bytes; 0 where the system does not tell
	GC, Busy     time.Duration // see GCShare
}

// GCShare is which part of what the Go runtime did was collecting garbage. Its clock for both, GC and Busy, runs on while the system lets
// others work, so neither can be held against User and System (runtime/metrics: an overestimate, comparable with /cpu/classes alone).
func (u Usage) GCShare() float64 {
	if u.Busy <= 0 {
		return 0
	}
	return min(1, float64(u.GC)/float64(u.Busy))
}

// Self returns what this process used so far. The difference of two, divided by the time between them, is how many
// cores the harness itself kept busy. The error is the operating system's.
func Self() (Usage, error) {
	u, err := self()
	of := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
		{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}}
	metrics.Read(of)
	var took [4]time.Duration
	for i, s := range of {
		if s.Value.Kind() != metrics.KindFloat64 {
			return u, err
		}
		took[i] = time.Duration(s.Value.Float64() * 1e9)
	}
	u.GC = took[0] - took[1] // collecting while there was nothing else to do costs nobody anything
	u.Busy = took[2] - took[3] - took[1]
	return u, err
}

// ProcessTimes returns the CPU time that this process used so far, over all cores.
func ProcessTimes() (user, system time.Duration, err error) {
	u, err := self()
	return u.User, u.System, err
}
