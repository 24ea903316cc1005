package sim

import (
	"strings"
	"testing"
	"time"

	"drover/sim/event"
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
	m := one(t, "40", `{offline: {perDay: 0.000000001, lasting: {median: 1s, p95: 30d}}, events: {
      heartbeat: {every: 1h}, appAction: {perDay: 0.000000000001}, crash: {perDay: 1e-300}, feedback: {perDay: 0.000000001}}}`,
		"batch: {maxEvents: 1}", "{phases: [{name: decade, for: 3000s}]}") // 9.5 years
	s := NewSchedule(m, partitions(m))
	var a Arrival
	n, last := 0, time.Duration(0)
	for ; s.Next(&a); n++ {
		if a.At < last || a.Upload.Items[0].At < 0 || a.Upload.Items[0].Kind != event.Heartbeat {
			t.Fatalf("upload %d is %+v, after one at %v", n, a, last)
		}
		last = a.At
	}
	hours := int(3000 * 100000 / 3600)
	if n < 40*(hours-1) || n > 40*(hours+1) {
		t.Errorf("%d heartbeats in %d hours of 40 devices", n, hours)
	}
}

// A spool holds as many events as it may, more than 16 bits can count.
func TestDeepSpool(t *testing.T) {
	m := one(t, "4", `{offline: {perDay: 1000, lasting: {median: 7d, p95: 30d}}, day: {shape: always-on}, events: {appAction: {perDay: 20000}}}`,
		"batch: {maxEvents: 1000}, spool: {maxEvents: 100000, whenFull: drop-newest}", "{phases: [{name: days, for: 10s}, {name: drain, do: drain, for: 1s}]}")
	s := NewSchedule(m, partitions(m))
	var a Arrival
	var sent int64
	for s.Next(&a) {
		sent += int64(len(a.Upload.Items))
	}
	st := s.Stats()
	if made, lost := st.Made[event.AppAction], st.Lost[event.AppAction]; made != sent+lost || made < 500_000 {
		t.Errorf("%d events made, %d sent, %d lost", made, sent, lost)
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
