package sim

import (
	"fmt"
	"time"

	"drover/sim/fleet"
	"drover/sim/scenario"
)

// lifetime is as far as devices may live. Device time is counted in nanoseconds and ends after 292 years; each of the two
// ways to drive a fleet, by speed and by rate, may use a century of it.
const lifetime = 100 * 365 * 24 * time.Hour

// asks reports whether the load asks the fleet for uploads, instead of waiting until they fall due.
func asks(sc *scenario.Scenario, ph scenario.Phase) bool {
	return ph.Do == scenario.Drive && (sc.Load.Closed || ph.Shape != nil)
}

// check refuses what the fleet cannot do: to live longer than its lifetime, or to have more uploads than it has events.
func (m *Model) check() error {
	var lived, asked float64
	var asking string
	for _, ph := range m.Scenario.Load.Phases {
		switch {
		case asks(m.Scenario, ph):
			asking = ph.Name
			if ph.Shape != nil {
				asked += ph.Shape.Expected(ph.For)
			}
		case ph.Do == scenario.Drive:
			if lived += float64(ph.For) * ph.Speed; lived > float64(lifetime) {
				return fmt.Errorf("phase %q: %v at speed %v takes the devices past the 100 years that they may live; lower the speed or shorten the phase",
					ph.Name, ph.For, ph.Speed)
			}
		}
	}
	if asking == "" {
		return nil
	}
	var most float64 // events of the whole fleet in its lifetime
	for c, cohort := range m.Fleet.Cohorts() {
		_, perDay := m.Behavior.EventsPerDay(c)
		most += float64(cohort.Count) * perDay * lifetime.Hours() / 24
	}
	var reporters float64
	m.countReporters()
	for _, n := range m.reporters {
		reporters += n
	}
	switch {
	case reporters == 0:
		return fmt.Errorf("phase %q asks for uploads, but no device ever has anything to report; give a behaviour an event that is reported (of webVisit, only the maliciousShare is)", asking)
	case asked > most:
		return fmt.Errorf("phase %q: with it the load asks for %.0f uploads, but the fleet has about %.0f events to report in 100 years; lower the rate, or give it more devices or events", asking, asked, most)
	}
	return nil
}

// until is the device time at the end of a run; 0 where the load asks for uploads, and the devices live as long as that takes.
func until(sc *scenario.Scenario) (at time.Duration) {
	for _, ph := range sc.Load.Phases {
		switch {
		case asks(sc, ph):
			return 0
		case ph.Do == scenario.Drive:
			at += time.Duration(float64(ph.For) * ph.Speed)
		}
	}
	return at
}

// countReporters counts the devices of each partition that ever have something to report. Arrivals are dealt out by them: one
// that went to a partition of silent devices would be lost.
func (m *Model) countReporters() {
	m.reporters = make([]float64, m.Fleet.Partitions())
	var d fleet.Device
	for c, cohort := range m.Fleet.Cohorts() {
		least, most := m.Behavior.EventsPerDay(c)
		for i := cohort.First; i < cohort.First+cohort.Count && most > 0; i++ {
			if least == 0 {
				if m.Fleet.Device(i, &d); !m.Behavior.Reports(&d) {
					continue
				}
			}
			m.reporters[m.Fleet.Partition(i)]++
		}
	}
}
