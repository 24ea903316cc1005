package sim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/scenario"
)

func osRelease(t testing.TB, m *scenario.Scenario, version string) *fleet.Release {
	for i := range m.Catalogue.Releases {
		if r := &m.Catalogue.Releases[i]; r.Version == version {
			return r
		}
	}
	t.Fatalf("no iOS %s", version)
	return nil
}

// A release spreads by its curve over the devices that can take it, and each of them says so at that moment and carries the
// new version from then on.
func TestReleases(t *testing.T) {
	curve := behavior.Uptake{{After: 4 * time.Hour, Share: 0.4}, {After: 12 * time.Hour, Share: 0.8}}
	app, ios := entry("app", 2*time.Hour, 0, 1), entry("ios", 4*time.Hour, 0, 0.9)
	app.Release = &behavior.Release{App: "1.1.71010101", Uptake: curve}
	ios.Release = &behavior.Release{Uptake: curve}
	src := strings.NewReplacer("LOAD", longDay, "devices: 200", "devices: 1000", "MAXOPEN", "64", "BATCH", "{}", "RETRY", "{}",
		"2026-05-04", "2026-05-11", "events:", "events:\n        appInfo: {every: 6h}", "profile: enterprise-iphone", "profile: enterprise-iphone, os: {\"26.4.2\": 50, \"26.5\": 20, \"17.7.2\": 30}").Replace(small)
	sc := parseText(t, src)
	ios.Release.OS = osRelease(t, sc, "26.5")
	sc.Timeline = []scenario.Entry{app, ios}
	m := model(t, sc)
	all := tell(m)

	upgraded, beats := map[int]time.Duration{}, map[int][]time.Duration{}
	for _, x := range all {
		switch {
		case x.kind == event.AppInfo && strings.Contains(x.text, "upgraded"):
			if _, twice := upgraded[x.device]; twice {
				t.Errorf("device %d is upgraded twice", x.device)
			}
			upgraded[x.device] = x.at
		case x.kind == event.Heartbeat:
			beats[x.device] = append(beats[x.device], x.at)
		}
	}
	first := map[int]bool{}
	for _, x := range all {
		if x.kind == event.AppInfo {
			if fresh := strings.Contains(x.text, "fresh_install"); fresh && first[x.device] || !fresh && !first[x.device] && upgraded[x.device] != x.at {
				t.Errorf("device %d, app.info at %v: %s", x.device, x.at, x.text)
			}
			first[x.device] = true
		}
		at, ok := upgraded[x.device]
		if got, want := strings.Contains(x.envelope, "1.1.71010101"), ok && at <= time.Duration(x.due); got != want {
			t.Errorf("device %d, upgraded at %v, sends at %v: new version in the envelope %v, want %v", x.device, at, time.Duration(x.due), got, want)
		}
	}
	within := func(what string, got, n int, p float64) {
		t.Helper()
		if want := float64(n) * p; math.Abs(float64(got)-want) > 5*math.Sqrt(want*(1-p)) {
			t.Errorf("%s: %d of %d, want %v of them", what, got, n, p)
		}
	}
	early := 0
	for _, at := range upgraded {
		if at < 2*time.Hour || at > 14*time.Hour {
			t.Errorf("an upgrade at %v", at)
		}
		if at <= 6*time.Hour {
			early++
		}
	}
	within("upgraded in all", len(upgraded), 1000, 0.8)
	within("upgraded after 4 h", early, 1000, 0.4)

	// Of iOS, only those move that are selected, older and able to.
	able, moved := 0, 0
	var d, is fleet.Device
	past := new(behavior.Past)
	s := NewSchedule(m, partitions(m))
	var a Arrival
	for s.Next(&a) {
		if a.Upload.Past != nil {
			past = a.Upload.Past
		}
	}
	for i := range m.Fleet.Devices() {
		m.Fleet.Device(i, &d)
		is = d
		past.Device(&is, 24*time.Hour)
		can := m.Behavior.Timeline[1].Select.Has(i) && ios.Release.OS.Newer(d.OS) && d.Model.CanRun(ios.Release.OS)
		if can {
			able++
		}
		if is.OS == d.OS {
			continue
		}
		moved++
		if !can || is.OS.Version != "26.5" {
			t.Errorf("device %d, %s, goes from iOS %s to %s", i, d.Model.ID, d.OS.Version, is.OS.Version)
		}
		// It says so at that moment: bisect for it.
		lo, hi := 4*time.Hour, 16*time.Hour
		for hi-lo > 1 {
			mid := (lo + hi) / 2
			x := d
			if past.Device(&x, mid); x.OS == d.OS {
				lo = mid
			} else {
				hi = mid
			}
		}
		if !slices.Contains(beats[i], hi) {
			t.Errorf("device %d takes iOS 26.5 at %v and has no heartbeat then", i, hi)
		}
	}
	within("devices that take iOS 26.5", moved, able, 0.8)
	for _, x := range all {
		x0 := d
		m.Fleet.Device(x.device, &x0)
		past.Device(&x0, time.Duration(x.due))
		if want := fmt.Sprintf(`"os_version":"%s"`, x0.OS.Version); !strings.Contains(x.envelope, want) {
			t.Fatalf("device %d at %v: %s, want %s", x.device, time.Duration(x.due), x.envelope, want)
		}
	}
}

// A crash report is of the version that crashed, even where it is sent after an update, and the rate of crashes follows the
// version of the moment.
func TestCrashesFollowTheRelease(t *testing.T) {
	ios := entry("ios", 12*time.Hour, 0, 1)
	ios.Release = &behavior.Release{Uptake: behavior.AtOnce}
	src := strings.NewReplacer("LOAD", longDay, "devices: 200", "devices: 500", "MAXOPEN", "64", "BATCH", "{maxAge: 2h}", "RETRY", "{}",
		"crash: {perDay: 1, mix: {jetsam: 50, sigabrt: 50}}", "crash: {perDay: 4, mix: {sigabrt: 100}, more: [{os: \"26.5\", times: 5}]}",
		"profile: enterprise-iphone", "profile: enterprise-iphone, os: {\"26.4.2\": 100}", "profile: shared-ipad", "profile: shared-ipad, os: {\"26.4.2\": 100}").Replace(small)
	sc := parseText(t, src)
	ios.Release.OS = osRelease(t, sc, "26.5")
	sc.Timeline = []scenario.Entry{ios}
	var before, after, late float64
	for _, x := range tell(model(t, sc)) {
		if x.kind != event.Crash {
			continue
		}
		version := "26.4.2"
		if x.at > 12*time.Hour {
			version = "26.5"
			after++
		} else {
			before++
			if time.Duration(x.due) > 12*time.Hour {
				late++
			}
		}
		if !strings.Contains(x.text, "iPhone OS "+version+" (") {
			t.Errorf("a crash at %v is not of iOS %s", x.at, version)
		}
		if sent := `"os_version":"` + map[bool]string{true: "26.5", false: "26.4.2"}[time.Duration(x.due) > 12*time.Hour] + `"`; !strings.Contains(x.envelope, sent) {
			t.Errorf("an upload at %v without %s", time.Duration(x.due), sent)
		}
	}
	for _, c := range []struct{ got, want float64 }{{before, 500 * 2}, {after, 500 * 2 * 5}} {
		if math.Abs(c.got-c.want) > 5*math.Sqrt(c.want) {
			t.Errorf("%v crashes, want about %v", c.got, c.want)
		}
	}
	if late == 0 {
		t.Error("no crash was sent after the update: the test shows nothing")
	}
}

// Whatever an update draws anew happens in its time: an event that is sent alone falls due when it happens.
func TestAnUpdateDelaysNothing(t *testing.T) {
	ios := entry("ios", 12*time.Hour, 0, 1)
	ios.Release = &behavior.Release{Uptake: behavior.AtOnce}
	src := strings.NewReplacer("LOAD", longDay, "devices: 200", "devices: 10", "MAXOPEN", "64", "BATCH", "{maxEvents: 1}", "RETRY", "{}",
		"offline: {perDay: 2, lasting: {median: 20m, p95: 2h}}", "",
		"crash: {perDay: 1, mix: {jetsam: 50, sigabrt: 50}}", "crash: {perDay: 4, mix: {sigabrt: 100}, more: [{os: \"26.5\", times: 10}]}",
		"profile: enterprise-iphone", "profile: enterprise-iphone, os: {\"26.4.2\": 100}", "profile: shared-ipad", "profile: shared-ipad, os: {\"26.4.2\": 100}").Replace(small)
	sc := parseText(t, src)
	ios.Release.OS = osRelease(t, sc, "26.5")
	sc.Timeline = []scenario.Entry{ios}
	for _, x := range tell(model(t, sc)) {
		if x.at != time.Duration(x.due) {
			t.Fatalf("device %d: %v at %v is sent at %v", x.device, x.kind, x.at, time.Duration(x.due))
		}
	}
}
