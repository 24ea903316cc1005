// Package pace knows when: it turns a load shape into intended starts on virtual time. It knows neither devices nor the
// wall clock.
package pace

import "time"

// Shape is an arrival rate over time: arrivals per second of the whole fleet.
type Shape interface {
	// Rate is the arrival rate at offset at from the phase's start.
	Rate(at time.Duration) float64
}
