// Package behavior knows what a device does next, in device time: the stream of uploads of a partition of the fleet, as a
// pure function of the seed. It never sees the wall clock and does not know how an upload is delivered.
package behavior

import (
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Plan is how the devices of a cohort behave. Rates are per device and day of device time.
type Plan struct {
	Name    string
	Day     Day
	Offline Offline
	Rates   [event.NumKinds]Rate // WebThreat holds the rate of visits; Enrolment is unused
	Web     Web
	Crashes Crashes
}

// Rate says how often something happens: either periodically (Every > 0) or at random (PerDay > 0), or never.
type Rate struct {
	Every  time.Duration // period; the phase of each device is its own
	Jitter float64       // each occurrence is late by up to this share of Every, 0..1
	PerDay float64       // mean count per device and day; shaped by Day
}

// Day is the shape of a day. Both curves have 24 values by local hour with mean 1.
type Day struct {
	Weekday [24]float64
	Weekend [24]float64
	// WeekendFactor scales Saturday and Sunday, 0..; 1 leaves them as they are.
	WeekendFactor float64
}

// Offline is when a device has no network: windows starting at random PerDay times a day, with log-normal lengths.
type Offline struct {
	PerDay      float64
	Median, P95 time.Duration
}

// Web is what a device's user visits.
type Web struct {
	MaliciousShare float64 // share of visits that go to a planted malicious site, 0..1, over all devices
	Dispersion     *Spread // how they spread over devices
	Bypass         float64 // share of detections that the user overrides, 0..1, spread in the same way
}

// Crashes is what crashes look like and which devices crash more often.
type Crashes struct {
	Mix  []fleet.Share[string] // reasons: jetsam, sigabrt, watchdog, sigsegv, sigtrap
	More []CrashMore
	Form event.CrashForm
}

// CrashMore multiplies the crash rate of devices on one iOS version.
type CrashMore struct {
	OS    string
	Times float64
}

// Batch is how a device gathers events into one upload.
type Batch struct {
	MaxEvents int           // an upload is closed when it has so many; at least 1
	MaxAge    time.Duration // or when its oldest event is so old, in device time; 0: each event at once
	Urgent    [event.NumKinds]bool
}

// Spool is what a device keeps while it has no network.
type Spool struct {
	MaxEvents  int
	DropOldest bool // else the newest is dropped
}
