package sim

import (
	"math"
	"testing"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// weekly is 6,000 devices over a week, Monday to Sunday, in a time zone without clock changes. Batches of one: each event
// is an upload, so nothing waits at the week's end.
const weekly = `apiVersion: drover/v1
kind: Scenario
metadata: {name: weekly}
spec:
  seed: 11
  clock: {start: "2026-05-04T00:00:00Z", speed: 60480}
  target: {url: embedded, client: {batch: {maxEvents: 1}}}
  fleets:
    - name: contoso
      tenants: {count: 4}
      devices: 6000
      identity: {deviceId: {guid: 90, wifiMac: 10}, upnDomain: contoso.example}
      settings: {optionalDiagnostics: {true: 40, false: 60}}
      cohorts:
        - {name: current, weight: 70, profile: enterprise-iphone, os: {"26.4.2": 60, "26.4.1": 25, "26.3.1": 15}, behavior: office}
        - {name: lagging, weight: 30, profile: older-iphone, os: {"18.7.8": 70, "18.7.2": 30}, behavior: office}
  behaviors:
    office:
      day: {shape: office-hours, weekend: 0.2}
      events:
        heartbeat: {every: 6h, jitter: 50%}
        diagnostics: {every: 24h}
        appAction: {perDay: 2}
        webVisit: {perDay: 20, maliciousShare: 1%}
        crash: {perDay: 0.05, more: [{os: "26.4.1", times: 6}]}
        feedback: {perDay: 0.01}
  load:
    phases: [{name: week, for: 10s}]
`

// What the stream emits over a large fleet is what the scenario asks for, within five standard deviations.
func TestStreamMatchesTheScenario(t *testing.T) {
	m := model(t, parseText(t, weekly))
	s := NewSchedule(m, partitions(m))
	var kinds [event.NumKinds]float64
	versions := map[string]float64{} // devices
	crashes := map[string]float64{}  // by version
	byHour := [24]float64{}
	threats := make([]float64, m.Fleet.Devices())
	seen := make([]bool, m.Fleet.Devices())
	var dev fleet.Device
	var a Arrival
	for s.Next(&a) {
		m.Fleet.Device(a.Upload.Device, &dev)
		if !seen[dev.Index] {
			seen[dev.Index] = true
			versions[dev.OS.Version]++
		}
		for _, it := range a.Upload.Items {
			kinds[it.Kind]++
			switch it.Kind {
			case event.WebThreat:
				threats[dev.Index]++
			case event.Crash:
				crashes[dev.OS.Version]++
			case event.AppAction:
				if day := it.At / (24 * time.Hour); day < 5 {
					byHour[it.At/time.Hour%24]++
				}
			}
		}
	}

	const devices, days = 6000, 5 + 2*0.2 // working days; a weekend day counts for a fifth
	binomial := func(what string, got, n, p float64) {
		t.Helper()
		if sd := math.Sqrt(n * p * (1 - p)); math.Abs(got-n*p) > 5*sd {
			t.Errorf("%s: %v, want %.0f within %.0f", what, got, n*p, 5*sd)
		}
	}
	poisson := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("%s: %v, want %.0f within %.0f", what, got, want, 5*math.Sqrt(want))
		}
	}
	for version, share := range map[string]float64{"26.4.2": 0.70 * 0.60, "26.4.1": 0.70 * 0.25, "26.3.1": 0.70 * 0.15, "18.7.8": 0.30 * 0.70, "18.7.2": 0.30 * 0.30} {
		binomial("devices on "+version, versions[version], devices, share)
		perDay := 0.05
		if version == "26.4.1" {
			perDay *= 6
		}
		poisson("crashes on "+version, crashes[version], versions[version]*perDay*days)
	}
	poisson("app actions", kinds[event.AppAction], devices*2*days)
	poisson("feedback", kinds[event.Feedback], devices*0.01*days)
	poisson("visits", float64(s.Stats().Visits), devices*20*days)
	// Malicious visits are gamma-Poisson with shape 1/4: the variance of a device's count is m + m^2/k. Of what is planted the
	// reference detects its share.
	detected, _ := m.Behavior.Hosts.Detected()
	mean := 20 * days * 0.01 * detected
	variance := mean + mean*mean/0.25
	if got, want := kinds[event.WebThreat], devices*mean; math.Abs(got-want) > 5*math.Sqrt(devices*variance) {
		t.Errorf("threats: %v, want %.0f within %.0f", got, want, 5*math.Sqrt(devices*variance))
	}
	var squares float64
	for _, n := range threats {
		squares += (n - mean) * (n - mean)
	}
	if got := squares / devices; got < 0.8*variance || got > 1.25*variance {
		t.Errorf("variance of a device's threats: %.2f, want about %.2f", got, variance)
	}

	// Periodic kinds: every device has one each period, so only the first and the last are left to chance.
	if got, want := kinds[event.Heartbeat], float64(devices*28); math.Abs(got-want) > 5*math.Sqrt(devices) {
		t.Errorf("%v heartbeats, want %v", got, want)
	}
	binomial("diagnostics", kinds[event.Diagnostics]/7, devices, 0.40)

	// The day shape: each hour has its share of what happens on working days.
	shape := m.Behavior.Plans[0].Day.Weekday
	for hour, got := range byHour {
		poisson("app actions in an hour", got, devices*2*5*shape[hour]/24)
	}
	if got := m.Fleet.Cohorts(); got[0].Count != 4200 || got[1].Count != 1800 {
		t.Errorf("cohorts are %+v, want 4200 and 1800 devices", got)
	}
}
