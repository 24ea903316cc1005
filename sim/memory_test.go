package sim

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
)

// leaking is a fleet whose extensions are killed often, over nine days from a Monday on. Memory is reported every ten minutes and
// each event is an upload.
const leaking = `apiVersion: drover/v1
kind: Scenario
metadata: {name: leaking}
spec:
  seed: 3
  clock: {start: "2026-05-04T00:00:00Z", speed: 86400}
  target: {url: embedded, client: {batch: {maxEvents: 1}}}
  fleets:
    - name: contoso
      tenants: {count: 2}
      devices: 250
      identity: {upnDomain: contoso.example}
      settings: {supervised: {true: 40, false: 60}, optionalDiagnostics: {true: 50, false: 50}}
      cohorts:
        - {name: phones, weight: 70, profile: enterprise-iphone, os: {"26.4.2": 50, "26.4.1": 50}, behavior: office}
        - {name: pads, weight: 30, profile: shared-ipad, os: {"26.4.2": 100}, behavior: office}
  behaviors:
    office:
      day: {shape: office-hours, weekend: 0.2}
      events:
        memory: {every: 10m, jitter: 10%}
        diagnostics: {every: 24h}
        appAction: {perDay: 4}
        webVisit: {perDay: 4, maliciousShare: 10%}
        crash: {perDay: 0.2, mix: {jetsam: 60, sigabrt: 20, sigsegv: 12, watchdog: 8}, more: [{os: "26.4.1", times: 3}]}
  load:
    phases: [{name: days, for: 9s}]
`

// told is the events of each device of a scenario in the order in which they happened, and the devices. Detections are not kept.
func told(t *testing.T, text string) (events [][]event.Event, devices []fleet.Device) {
	t.Helper()
	m := model(t, parseText(t, text))
	events, devices = make([][]event.Event, m.Fleet.Devices()), make([]fleet.Device, m.Fleet.Devices())
	for i := range devices {
		m.Fleet.Device(i, &devices[i])
	}
	s := NewSchedule(m, partitions(m))
	f := behavior.NewFiller(&m.Behavior)
	var a Arrival
	for s.Next(&a) {
		i := a.Upload.Device
		f.Begin(&a.Upload)
		for k := range a.Upload.Items {
			var e event.Event
			f.Fill(&e, k)
			e.Web = event.Web{}
			events[i] = append(events[i], e)
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return events, devices
}

// Memory and kills tell one story: the extension's footprint never exceeds the limit, climbs to it before each kill, at the rate
// of a leak, and is low afterwards; how long the process had run fits what was reported before.
func TestMemoryTellsOfKills(t *testing.T) {
	// Twice the kills of a quarter of the devices: what counts is how many there are.
	events, devices := told(t, strings.NewReplacer("devices: 250", "devices: 62", "perDay: 0.2, ", "perDay: 0.4, ").Replace(leaking))
	kills, steep := 0, 0
	for i, list := range events {
		var died time.Time       // when the extension last died in the run
		var climb []*event.Event // memory reports of this life
		for k := range list {
			e := &list[k]
			switch e.Kind {
			case event.Memory:
				m := &e.Mem
				if m.ExtensionLimitKiB != 51200 || m.ExtensionKiB > m.ExtensionLimitKiB || m.ExtensionKiB < 4*1024 || m.AppKiB > m.AppPeakKiB || m.AppKiB < 5*1024 {
					t.Fatalf("device %d at %v: memory %+v", i, e.At, *m)
				}
				if m.ExtensionKiB%16 != 0 || m.AppKiB%16 != 0 || m.AppPeakKiB%16 != 0 {
					t.Errorf("device %d at %v: memory %+v is not in pages of 16 KiB", i, e.At, *m)
				}
				if !died.IsZero() && e.At.Sub(died) < 12*time.Minute && m.ExtensionKiB > 25*1024 {
					leaksAgain := slices.ContainsFunc(list[k:], func(n event.Event) bool {
						return n.Kind == event.Crash && n.Crash.Reason == "jetsam" && n.At.Sub(died) < 2*time.Hour
					})
					if !leaksAgain {
						t.Errorf("device %d: %d KiB %v after the extension died", i, m.ExtensionKiB, e.At.Sub(died))
					}
				}
				climb = append(climb, e)
			case event.Crash:
				c := &e.Crash
				started := e.At.Add(-time.Duration(c.UptimeSec) * time.Second)
				if c.Process == event.ProcessApp {
					if c.Reason == "jetsam" {
						t.Errorf("device %d at %v: the app was killed", i, e.At)
					}
					continue
				}
				if (c.Process == event.ProcessFilter) != devices[i].Supervised {
					t.Errorf("device %d, supervised %v: %s crashed", i, devices[i].Supervised, c.Process)
				}
				if c.Reason == "watchdog" {
					t.Errorf("device %d at %v: the watchdog waited for an extension", i, e.At)
				}
				if started.Before(died.Add(-2*time.Second)) || started.Before(devices[i].Booted(e.At)) {
					t.Errorf("device %d: the extension that crashed at %v had run since %v, but it died at %v and the device started at %v", i, e.At, started, died, devices[i].Booted(e.At))
				}
				life := slices.DeleteFunc(climb, func(m *event.Event) bool { return m.At.Before(started) })
				climb, died = nil, e.At
				if c.Reason != "jetsam" {
					continue
				}
				kills++
				if len(life) < 2 {
					continue
				}
				a, b := life[len(life)-2], life[len(life)-1]
				at := func(m *event.Event) float64 { return float64(m.Mem.ExtensionKiB) / 1024 }
				// Where the last reports before the kill would lead at its time.
				slope := (at(b) - at(a)) / b.At.Sub(a.At).Hours()
				left := e.At.Sub(b.At).Hours()
				if e.At.Sub(started) > 2*time.Hour && at(b) < 40 || left > 0.25 {
					t.Errorf("device %d: %.1f MiB %.2f h before the kill at %v", i, at(b), left, e.At)
				}
				if room := 50 - at(b); left > 0.05 && room/left < 1.3 {
					t.Errorf("device %d: the leak before the kill at %v is of %.2f MiB an hour: %.2f MiB %.3f h before", i, e.At, room/left, at(b), left)
				}
				if slope > 1.5 {
					steep++
				}
			}
		}
	}
	if kills < 100 || steep < kills/2 {
		t.Errorf("%d kills, with a leak to be seen before %d; want 100 or more, and half", kills, steep)
	}
}

// Kills and other crashes come as often as the scenario says, on each version.
func TestKillsKeepTheRate(t *testing.T) {
	rare := strings.Replace(leaking, "every: 10m, jitter: 10%", "every: 24h", 1)
	events, devices := told(t, rare)
	const days = 7 + 2*0.2
	type split struct{ kills, others, devices float64 }
	by := map[string]*split{}
	for i, list := range events {
		s := by[devices[i].OS.Version]
		if s == nil {
			s = new(split)
			by[devices[i].OS.Version] = s
		}
		s.devices++
		for _, e := range list {
			switch {
			case e.Kind == event.Crash && e.Crash.Reason == "jetsam":
				s.kills++
			case e.Kind == event.Crash:
				s.others++
			}
		}
	}
	for version, times := range map[string]float64{"26.4.2": 1, "26.4.1": 3} {
		s := by[version]
		for what, n := range map[string][2]float64{"kills": {s.kills, 0.6}, "other crashes": {s.others, 0.4}} {
			if want := s.devices * 0.2 * times * n[1] * days; math.Abs(n[0]-want) > 5*math.Sqrt(want) {
				t.Errorf("iOS %s: %v %s, want %.0f", version, n[0], what, want)
			}
		}
	}
	// With a period instead of a rate the shares hold, too.
	events, _ = told(t, strings.NewReplacer("devices: 250", "devices: 80", "perDay: 0.2, ", "every: 2h, ", `, more: [{os: "26.4.1", times: 3}]`, "").Replace(rare))
	var kills, others float64
	for _, list := range events {
		for _, e := range list {
			switch {
			case e.Kind == event.Crash && e.Crash.Reason == "jetsam":
				kills++
			case e.Kind == event.Crash:
				others++
			}
		}
	}
	if want := 80 * 9 * 12.; math.Abs(kills-want*0.6) > 170 || math.Abs(others-want*0.4) > 170 {
		t.Errorf("%v kills and %v other crashes with a period, want %v and %v", kills, others, want*0.6, want*0.4)
	}
}

// Over many devices footprints have the medians and the spread that they are made from, at night and in office hours, and a device's own
// reports are alike.
func TestMemoryFigures(t *testing.T) {
	text := strings.NewReplacer("devices: 250", "devices: 600", "every: 10m, jitter: 10%", "every: 1h, jitter: 10%", "perDay: 0.2, ", "perDay: 0, ", "for: 9s", "for: 2s").Replace(leaking)
	events, _ := told(t, text)
	var idle, busy, apps []float64
	within, jumps := 0, 0
	for _, list := range events {
		before := 0.
		for _, e := range list {
			if e.Kind != event.Memory {
				continue
			}
			now := float64(e.Mem.ExtensionKiB) / 1024
			apps = append(apps, float64(e.Mem.AppKiB)/1024)
			switch h := e.At.Hour(); {
			case h >= 1 && h < 4:
				idle = append(idle, now)
				if before > 0 {
					within++
					if math.Abs(math.Log(now/before)) > 0.35 {
						jumps++
					}
				}
				before = now
			case h >= 10 && h < 16:
				busy = append(busy, now)
			}
		}
	}
	quantile := func(what string, list []float64, p, want float64) {
		t.Helper()
		slices.Sort(list)
		if got := list[int(p*float64(len(list)-1))]; math.Abs(got-want) > 0.12*want {
			t.Errorf("%s: quantile %v is %.1f MiB, want %.1f", what, p, got, want)
		}
	}
	quantile("idle extension", idle, 0.5, 14)
	quantile("idle extension", idle, 0.95, 22)
	quantile("busy extension", busy, 0.5, 20)
	quantile("busy extension", busy, 0.95, 34)
	quantile("app", apps, 0.5, 35)
	if jumps > within/20 {
		t.Errorf("%d of %d reports an hour apart at night differ by more than 40 %%", jumps, within)
	}
}

// Neither memory nor crashes nor diagnostics depend on what is browsed, benign or malicious; and diagnostics do follow from what the user did
// in the app.
func TestUsageIsBlindToBrowsing(t *testing.T) {
	text := strings.Replace(leaking, "devices: 250", "devices: 60", 1)
	few, _ := told(t, text)
	many, _ := told(t, strings.Replace(text, "{perDay: 4, maliciousShare: 10%}", "{perDay: 120, maliciousShare: 2%}", 1))
	other := func(e event.Event) bool { return e.Kind == event.WebThreat }
	number := 0
	for i := range few {
		a, b := slices.DeleteFunc(few[i], other), slices.DeleteFunc(many[i], other)
		for k := range a {
			number++
			if k < len(b) {
				b[k].Seq, b[k].ID = a[k].Seq, a[k].ID // these count the detections, too
			}
		}
		if !slices.Equal(a, b) {
			t.Fatalf("device %d reports %d events besides detections with few visits and %d with many, or others", i, len(a), len(b))
		}
	}
	if number < 24*9*100 {
		t.Fatalf("%d events, want more to compare", number)
	}

	reports, silent := 0, 0
	for _, list := range few {
		actions := 0
		for _, e := range list {
			switch e.Kind {
			case event.AppAction:
				actions++
			case event.Diagnostics:
				g := &e.Diag
				reports++
				if actions > 0 && (g.SessionsPerDay == 0 || g.ForegroundSec == 0) {
					t.Errorf("%d actions in the app, but diagnostics %+v", actions, *g)
				}
				if actions == 0 && g.SessionsPerDay == 0 {
					silent++
				}
				if (g.SessionsPerDay == 0) != (g.ForegroundSec == 0) || g.CPUMillis == 0 || g.ReceivedKiB == 0 {
					t.Errorf("diagnostics %+v", *g)
				}
				actions = 0
			}
		}
	}
	if reports < 80 || silent == 0 {
		t.Errorf("%d reports of diagnostics, %d of a day without the app; want 80 and some", reports, silent)
	}
}

// Where devices enrol in a run, no process is older than that.
func TestProcessesStartWithEnrolment(t *testing.T) {
	text := strings.NewReplacer("phases: [", "phases: [{name: enroll, do: enroll, for: 1s, measure: false}, ", "for: 9s", "for: 4s").Replace(leaking)
	events, _ := told(t, text)
	start, young, crashes := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), 0, 0
	for _, list := range events {
		for _, e := range list {
			if e.Kind == event.Crash {
				crashes++
				if since := e.At.Sub(start); time.Duration(e.Crash.UptimeSec)*time.Second > since {
					t.Errorf("a process that crashed %v after enrolment had run for %d s", since, e.Crash.UptimeSec)
				}
			}
			if e.Kind == event.Memory && e.At.Sub(start) < 10*time.Minute && e.Mem.ExtensionKiB < 14*1024 {
				young++
			}
		}
	}
	if crashes < 100 || young < 125 {
		t.Errorf("%d crashes, %d extensions that are small at first; want 100 and 125 or more", crashes, young)
	}
}

// An update of the app or of iOS ends both processes: what crashes afterwards has not run for longer, and the extension is small.
func TestUpdatesRestart(t *testing.T) {
	for _, release := range []string{`app: "1.1.71010101"`, `os: "26.5"`} {
		text := leaking + `  timeline: [{name: update, at: days + 4s, release: {` + release + `, uptake: at-once}}]` + "\n"
		events, _ := told(t, strings.NewReplacer("perDay: 0.2, ", "perDay: 0.6, ", "devices: 250", "devices: 40").Replace(text))
		updated := time.Date(2026, 5, 8, 0, 0, 0, 0, time.UTC)
		devices, crashes, small := 0, 0, 0
		for _, list := range events {
			// The device reports on itself when it takes the update, and at no other time.
			u := slices.IndexFunc(list, func(e event.Event) bool { return e.Kind == event.AppInfo || e.Kind == event.Heartbeat })
			if u < 0 {
				continue
			}
			devices++
			at := list[u].At
			if at.Before(updated) {
				t.Fatalf("%s: updated at %v", release, at)
			}
			for _, e := range list[u:] {
				switch {
				case e.Kind == event.Crash:
					crashes++
					if since := e.At.Sub(at) + time.Second; time.Duration(e.Crash.UptimeSec)*time.Second > since {
						t.Errorf("%s: a process that crashed %v after the update had run for %d s", release, since, e.Crash.UptimeSec)
					}
				case e.Kind == event.Memory && e.At.Sub(at) < 10*time.Minute && e.Mem.ExtensionKiB < 20*1024:
					small++
				}
			}
		}
		if devices < 20 || crashes < devices || small < devices*8/10 {
			t.Errorf("%s: %d devices took it, %d crashes afterwards, %d extensions that were small", release, devices, crashes, small)
		}
	}
}
