package sim

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
)

// surfing is a day of 60 devices that do nothing but browse. WEB is the web, SETTINGS the fleet's.
const surfing = `apiVersion: drover/v1
kind: Scenario
metadata: {name: surfing}
spec:
  seed: 5
  clock: {start: "2026-05-04T00:00:00Z", speed: 8640}
  target: {url: embedded, client: {batch: {maxEvents: 1}}}
  web: WEB
  fleets:
    - name: contoso
      devices: 60
      settings: SETTINGS
      cohorts: [{name: all, weight: 100, profile: enterprise-iphone, behavior: surfer}]
  behaviors:
    surfer: {day: {shape: always-on}, events: {webVisit: {perDay: VISITS, maliciousShare: 30%}}}
  load: {phases: [{name: day, for: 10s}]}
`

// detections are the web threats of a surfing fleet, in the order in which they fall due.
func detections(t *testing.T, web, settings, visits string) (*Model, []event.Event) {
	t.Helper()
	m := model(t, parseText(t, strings.NewReplacer("WEB", web, "SETTINGS", settings, "VISITS", visits).Replace(surfing)))
	s := NewSchedule(m, partitions(m))
	filler := behavior.NewFiller(&m.Behavior)
	var list []event.Event
	var a Arrival
	for s.Next(&a) {
		filler.Begin(&a.Upload)
		for i := range a.Upload.Items {
			var e event.Event
			filler.Fill(&e, i)
			if e.Kind == event.WebThreat {
				list = append(list, e)
			}
		}
	}
	return m, list
}

// Supervised devices look at the whole URL, the others at the domain: a malicious path on a harmless host is found by the former
// alone. On the wire there is the host in either case.
func TestSupervisedSeeTheURL(t *testing.T) {
	const web = "{malicious: {mix: {phishing: 100}, patterns: {compromised: 100}, wrongLabel: 0%, unknown: 0%, difficulty: {easy: 100}}}"
	_, by := detections(t, web, "{supervised: {true: 0, false: 100}}", "200")
	m, all := detections(t, web, "{supervised: {true: 100, false: 0}}", "200")
	if len(by) != 0 || len(all) < 200 {
		t.Errorf("%d detections of compromised sites by the host, %d by the URL; want none, and many", len(by), len(all))
	}
	for _, e := range all {
		if e.Web.Pattern != event.Compromised || e.Web.Hard || e.Web.Truth != event.Phishing || strings.ContainsAny(e.Web.Host.String(), "/?") {
			t.Fatalf("detection %+v of %s", e.Web, e.Web.Host.String())
		}
	}
	if host, url := m.Behavior.Hosts.Detected(); host > 0.01 || url < 0.2 {
		t.Errorf("Detected = %v, %v", host, url)
	}
}

// The zone is on the wire and nowhere else: with another one the same visits are detected, with the same verdicts.
func TestZoneChangesNothingElse(t *testing.T) {
	_, a := detections(t, "{}", "{}", "100")
	_, b := detections(t, "{zone: lab.invalid}", "{}", "100")
	if len(a) != len(b) || len(a) < 500 {
		t.Fatalf("%d detections in sim.test, %d in lab.invalid", len(a), len(b))
	}
	for i := range a {
		x, y := a[i].Web, b[i].Web
		name, ok := strings.CutSuffix(y.Host.String(), ".lab.invalid")
		if !ok || name+".sim.test" != x.Host.String() || x.Verdict != y.Verdict || x.Score != y.Score || x.Truth != y.Truth {
			t.Fatalf("detection %d is %v of %s, and %v of %s", i, x.Verdict, x.Host.String(), y.Verdict, y.Host.String())
		}
	}
}

// A site that turns malicious is harmless until then, and leaves no trace; from then on it is like any other.
func TestLateTruth(t *testing.T) {
	const web = "{malicious: {wrongLabel: 0%, unknown: 0%, listed: 100%, lateTruth: {share: SHARE, within: 1d}}}"
	at := func(share string) []event.Event {
		_, list := detections(t, strings.Replace(web, "SHARE", share, 1), "{}", "200")
		return list
	}
	none, all := at("0%"), at("100%")
	// Half of the visits come before the site turns.
	if n := float64(len(all)) / float64(len(none)); n < 0.4 || n > 0.6 {
		t.Errorf("%d detections when all sites turn within the day, %d when all are malicious: want half", len(all), len(none))
	}
	begin := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	for _, e := range all {
		if e.Web.Age < 0 || e.Web.Truth == event.Benign || e.Web.Age > e.At.Sub(begin)+time.Millisecond {
			t.Fatalf("detection at %v of a site that turned %v before: %+v", e.At, e.Web.Age, e.Web)
		}
	}
	for _, e := range none {
		if e.Web.Age != -1 {
			t.Fatalf("a site that always was malicious has age %v", e.Web.Age)
		}
	}
}

// What is planted wrongly, or unknown, shows in the truth of what is detected; benign browsing shows nowhere.
func TestTruthOfDetections(t *testing.T) {
	m, list := detections(t, "{malicious: {wrongLabel: 20%, unknown: 10%, listed: 100%, patterns: {combosquat: 50, bait: 25, dgaLetters: 25}}}", "{}", "300")
	var truth [event.Unknown + 1]float64
	for _, e := range list {
		truth[e.Web.Truth]++
		if !e.Web.Pattern.Malicious() {
			t.Fatalf("a visit to a benign site is reported: %s", e.Web.Host.String())
		}
	}
	n := float64(len(list))
	// Of 100 sites 10 are let through; of the 90 that are reported 9 have no known truth, and 9 of the others are harmless.
	if wrong := truth[event.Benign] / n; wrong < 0.06 || wrong > 0.15 {
		t.Errorf("%.1f %% of detections are of harmless sites, want about 10", 100*wrong)
	}
	if unknown := truth[event.Unknown] / n; unknown < 0.06 || unknown > 0.15 {
		t.Errorf("%.1f %% of detections have no known truth, want about 10", 100*unknown)
	}
	// History tells the same story, and all that stays on the device.
	byDevice := map[event.Category]float64{}
	reported, views := 0, 0
	for device := range m.Fleet.Devices() {
		behavior.History(&m.Behavior, device, 24*time.Hour, func(p *behavior.PageView) bool {
			views++
			byDevice[p.Truth]++
			if p.Verdict != event.Benign {
				reported++
			}
			if !p.Pattern.Malicious() && (p.Truth != event.Benign || p.Verdict != event.Benign) || !bytes.Contains(p.URL, []byte(".sim.test/")) {
				t.Fatalf("page view %+v of %s", p, p.URL)
			}
			return true
		})
	}
	if reported < len(list)-60 || reported > len(list)+60 || views < 60*250 { // within a visit each at the end of the day
		t.Errorf("history has %d visits of which %d are detected, the stream reported %d", views, reported, len(list))
	}
}

// A device whose user is hardly ever hit has nothing to report, if visits are all it does.
func TestReportsKnowsTheUser(t *testing.T) {
	m, _ := detections(t, "{}", "{}", "0.01")
	var reports, silent int
	var d fleet.Device
	for i := range m.Fleet.Devices() {
		m.Fleet.Device(i, &d)
		if m.Behavior.Reports(&d) {
			reports++
		} else {
			silent++
		}
	}
	if reports < 10 || silent < 10 {
		t.Errorf("%d devices report and %d do not; want some of both", reports, silent)
	}
	if least, most := m.Behavior.EventsPerDay(0); least != 0 || most < 0.002 || most > 0.003 {
		t.Errorf("EventsPerDay = %v, %v", least, most)
	}
}
