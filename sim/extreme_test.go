package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"drover/sim/event"
	"drover/sim/pace"
	"drover/sim/scenario"
	"drover/sim/wire"
)

// one is a scenario of a few devices: what they do, where they are, how many, how they send, and the load.
func one(t *testing.T, devices, behaviour, client, load string) *Model {
	t.Helper()
	return model(t, parseText(t, tiny(devices, behaviour, client, load)))
}

func tiny(devices, behaviour, client, load string) string {
	return strings.NewReplacer("DEVICES", devices, "BEHAVIOUR", behaviour, "CLIENT", client, "LOAD", load).Replace(`apiVersion: drover/v1
kind: Scenario
metadata: {name: tiny}
spec:
  seed: 3
  clock: {start: "2026-05-04T06:00:00Z", speed: 100000}
  target: {url: embedded, client: {CLIENT}}
  fleets:
    - name: contoso
      devices: DEVICES
      settings: {optionalDiagnostics: {true: 50, false: 50}}
      cohorts: [{name: all, weight: 100, profile: enterprise-iphone, behavior: only}]
  behaviors:
    only: BEHAVIOUR
  load: LOAD
`)
}

// What happens once in a million years does not happen, and does not wrap around to the past either: only heartbeats come,
// one an hour.
func TestRareThings(t *testing.T) {
	m := one(t, "10", `{offline: {perDay: 0.000000001, lasting: {median: 1s, p95: 30d}}, events: {
      heartbeat: {every: 1h}, appAction: {perDay: 0.000000000001}, crash: {perDay: 1e-300}, feedback: {perDay: 0.000000001}}}`,
		"batch: {maxEvents: 1}", "{phases: [{name: year, for: 300s}]}")
	s := NewSchedule(m, partitions(m))
	var a Arrival
	n, last := 0, time.Duration(0)
	for ; s.Next(&a); n++ {
		if a.At < last || a.Upload.Items[0].At < 0 || a.Upload.Items[0].Kind != event.Heartbeat {
			t.Fatalf("upload %d is %+v, after one at %v", n, a, last)
		}
		last = a.At
	}
	hours := int(300 * 100000 / 3600)
	if n < 10*(hours-1) || n > 10*(hours+1) {
		t.Errorf("%d heartbeats in %d hours of 10 devices", n, hours)
	}
}

// A spool holds as many events as it may, more than 16 bits can count.
func TestDeepSpool(t *testing.T) {
	m := one(t, "4", `{offline: {perDay: 1000, lasting: {median: 7d, p95: 30d}}, day: {shape: always-on}, events: {appAction: {perDay: 10000}}}`,
		"batch: {maxEvents: 1000}, spool: {maxEvents: 100000, whenFull: drop-newest}", "{phases: [{name: days, for: 10s}, {name: drain, do: drain, for: 1s}]}")
	s := NewSchedule(m, partitions(m))
	var a Arrival
	var sent int64
	for s.Next(&a) {
		sent += int64(len(a.Upload.Items))
	}
	st := s.Stats()
	if made, lost := st.Made[event.AppAction], st.Lost[event.AppAction]; made != sent+lost || made < 300_000 {
		t.Errorf("%d events made, %d sent, %d lost", made, sent, lost)
	}
}

// A device that comes back after a long time sends what its spool holds at once, in batches, and no more than that; what the
// spool had no room for is counted.
func TestSpoolComesBackAtOnce(t *testing.T) {
	const spool, batch = 100, 25
	for _, full := range []string{"drop-oldest", "drop-newest"} {
		m := one(t, "50", `{offline: {perDay: 2, lasting: {median: 12h, p95: 24h}}, day: {shape: always-on}, events: {appAction: {perDay: 480}}}`,
			fmt.Sprintf("batch: {maxEvents: %d, maxAge: 7d}, spool: {maxEvents: %d, whenFull: %s}", batch, spool, full), "{phases: [{name: days, for: 10s}, {name: drain, do: drain, for: 1s}]}")
		s := NewSchedule(m, partitions(m))
		var a Arrival
		var sent int64
		burst, most, bursts := map[int]int{}, 0, 0 // events of a device that are due at the same instant
		at := map[int]time.Duration{}
		for s.Next(&a) {
			d, n := a.Upload.Device, len(a.Upload.Items)
			sent += int64(n)
			if n > batch {
				t.Fatalf("%s: an upload of %d events, more than a batch", full, n)
			}
			if a.Phase > 0 {
				continue // the drain takes what is left
			}
			if at[d] != a.Upload.Due {
				at[d], burst[d] = a.Upload.Due, 0
			}
			burst[d] += n
			if most = max(most, burst[d]); burst[d] == spool {
				bursts++
			}
		}
		st := s.Stats()
		// What waited for its batch when the network went is in the spool, too.
		if most != spool || bursts < 20 {
			t.Errorf("%s: %d bursts of a whole spool, and one of %d events; want 20 or more, none over %d", full, bursts, most, spool)
		}
		if made, lost := st.Made[event.AppAction], st.Lost[event.AppAction]; made != sent+lost || lost < 1000 {
			t.Errorf("%s: %d events made, %d sent, %d lost", full, made, sent, lost)
		}
	}
}

// Devices that do nothing but browse benign sites do not browse for a century before anybody else has his turn.
func TestBrowsersDoNotRunAhead(t *testing.T) {
	src := strings.Replace(tiny("40", `{events: {heartbeat: {every: 1h}}}
    browser: {events: {webVisit: {perDay: 100, maliciousShare: 0%}}}`, "", "{phases: [{name: work, for: 1s, rate: 500/s}]}"),
		"[{name: all, weight: 100, profile: enterprise-iphone, behavior: only}]",
		"[{name: all, weight: 50, profile: enterprise-iphone, behavior: only}, {name: idle, weight: 50, profile: enterprise-iphone, behavior: browser}]", 1)
	m := model(t, parseText(t, src))
	s := NewSchedule(m, partitions(m))
	var a Arrival
	n := 0
	for ; s.Next(&a); n++ {
	}
	days := s.DeviceTime().Hours()/24 + 2
	if v := float64(s.Stats().Visits); n == 0 || v < 1000 || v > 2*20*100*days {
		t.Errorf("%v visits by 20 browsers in %.1f days, and %d uploads", v, days, n)
	}
}

// A plan that stops following a phase goes on with the next one where it stopped: no events of the one are counted in the
// other.
func TestPlanCutTwice(t *testing.T) {
	m := one(t, "50", `{events: {heartbeat: {every: 60s}}}`, "batch: {maxEvents: 1}",
		"{phases: [{name: one, for: 3s}, {name: two, for: 120ms}, {name: three, for: 6s, rate: 10000/s}, {name: four, for: 120ms}, {name: drain, do: drain, for: 1s}]}")
	const most = 20_000
	plan := makePlan(m, &wire.Drover, most)
	if plan.Exact {
		t.Errorf("a plan of %v uploads in one phase is exact, want cut at %d", plan.Phases[0].Uploads, most)
	}
	for i, want := range []float64{250_000, 10_000, 60_000, 10_000} {
		if got := plan.Phases[i].Uploads; got < 0.99*want || got > 1.01*want {
			t.Errorf("phase %d: %.0f uploads, want %.0f", i+1, got, want)
		}
	}
	if got, want := plan.Phases[2].DeviceTime, 60_000/50*time.Minute; got < want*99/100 || got > want*101/100 {
		t.Errorf("the devices live %v in phase 3, want %v", got, want)
	}
}

// What a fleet cannot do is refused, before anything is sent.
func TestModelRefuses(t *testing.T) {
	const (
		rate   = "{phases: [{name: work, for: 10s, rate: 100/s}]}"
		closed = "{model: closed, concurrency: 2, phases: [{name: work, for: 10s}]}"
		silent = `phase "work" asks for uploads, but no device ever has anything to report; give a behaviour an event that is reported (of webVisit, only the maliciousShare is)`
	)
	tests := []struct{ name, devices, behaviour, load, want string }{
		{"nothing happens", "9", `{events: {}}`, rate, silent},
		{"nothing happens, closed model", "9", `{events: {}}`, closed, silent},
		{"benign visits only", "9", `{events: {webVisit: {perDay: 100, maliciousShare: 0%}}}`, rate, silent},
		{"benign visits only, closed model", "9", `{events: {webVisit: {perDay: 100, maliciousShare: 0%}}}`, closed, silent},
		{"never", "9", `{events: {appAction: {perDay: 0}}}`, rate, silent},
		{"too much for a century", "1", `{events: {heartbeat: {every: 365d}}}`, rate,
			`phase "work": with it the load asks for 1000 uploads, but the fleet has about 100 events to report in 100 years; lower the rate, or give it more devices or events`},
		{"too fast", "9", `{events: {heartbeat: {every: 1h}}}`, "{phases: [{name: work, for: 9h}]}",
			`phase "work": 9h0m0s at speed 100000 takes the devices past the 100 years that they may live; lower the speed or shorten the phase`},
	}
	for _, test := range tests {
		src := tiny(test.devices, test.behaviour, "", test.load)
		if test.load == closed {
			src = strings.Replace(src, ", speed: 100000", "", 1)
		}
		sc, err := scenario.Parse("tiny.yaml", []byte(src), scenario.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if _, err := NewModel(sc); err == nil || err.Error() != test.want {
			t.Errorf("%s: NewModel = %v\nwant %s", test.name, err, test.want)
		}
	}
}

// Arrivals go to devices that have something to send, however few those are: none is lost.
func TestArrivalsFindDevices(t *testing.T) {
	for name, behaviour := range map[string]string{
		"all":            `{events: {heartbeat: {every: 1h}}}`,
		"some by choice": `{events: {diagnostics: {every: 1h}, webVisit: {perDay: 10, maliciousShare: 0%}}}`,
		"some by crash":  `{events: {crash: {perDay: 100, more: [{os: "26.4.2", times: 0}, {os: "26.4.1", times: 3}]}}}`,
	} {
		for _, devices := range []string{"6", "17"} {
			for _, arrivals := range []string{"even", "poisson"} {
				m := one(t, devices, behaviour, "", "{arrivals: "+arrivals+", phases: [{name: work, for: 2s, rate: 200/s}]}")
				starts := pace.NewStarts(m.Scenario.Load.Phases[0].Shape, m.Scenario.Load.Arrivals, NewSchedule(m, nil).seed(m.Scenario.Load.Phases[0]), 2*time.Second)
				s := NewSchedule(m, partitions(m))
				var a Arrival
				for s.Next(&a) {
					if at, _, ok := starts.Next(); !ok || at != a.At {
						t.Fatalf("%s, %s devices, %s: an arrival at %v, want %v", name, devices, arrivals, a.At, at)
					}
				}
				if at, _, ok := starts.Next(); ok || s.Err() != nil {
					t.Errorf("%s, %s devices, %s: the arrival at %v was lost: %v", name, devices, arrivals, at, s.Err())
				}
			}
		}
	}
}
