package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/scenario"
)

// dealt is one event as the schedule deals it out, with all that goes over the wire.
type dealt struct {
	device, due int
	at          time.Duration
	kind        event.Kind
	text        string // the event on the wire, but for its id and number
	envelope    string // the rest of the upload
}

// tell is all events of a model, by device and time.
func tell(m *Model) (all []dealt) {
	s := NewSchedule(m, partitions(m))
	f := behavior.NewFiller(&m.Behavior)
	var a Arrival
	var e event.Event
	for s.Next(&a) {
		envelope := string(native.Begin(nil, f.Begin(&a.Upload), m.Behavior.Sends.All))
		for i, it := range a.Upload.Items {
			then := f.Fill(&e, i)
			text := string(native.Event(nil, 0, then, &e))
			_, text, _ = strings.Cut(text, `"kind"`)
			all = append(all, dealt{a.Upload.Device, int(a.Upload.Due), it.At, it.Kind, text, envelope})
		}
	}
	slices.SortStableFunc(all, func(a, b dealt) int {
		return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind))
	})
	return all
}

// happened are the events that keep holds for, without when and in what they were sent.
func happened(all []dealt, keep func(dealt) bool) (some []dealt) {
	for _, t := range all {
		if keep(t) {
			t.due, t.envelope = 0, ""
			if t.kind == event.Diagnostics {
				t.text = "" // it counts what else was sent
			}
			some = append(some, t)
		}
	}
	return some
}

// with is a scenario of 100 devices under a timeline.
func with(t testing.TB, load string, entries ...scenario.Entry) *Model {
	t.Helper()
	sc := parse(t, load, "events:", "events:\n        appInfo: {every: 6h}\n        diagnostics: {every: 1h}\n        feedback: {perDay: 20}",
		"devices: 200", "settings: {optionalDiagnostics: {true: 60, false: 40}, DefenderExcludeURLInReport: {true: 50, false: 50}}\n      devices: 100")
	sc.Timeline = entries
	return model(t, sc)
}

func ptr[T any](v T) *T { return &v }

// At 600 device seconds a second, this is a day in 144 s.
const longDay = `
    phases:
      - {name: enroll, do: enroll, for: 2s, measure: false}
      - {name: day, for: 144s}
      - {name: drain, do: drain, for: 4s, measure: false}
`

// entry is an entry of longDay: at and until are device time.
func entry(name string, at, until time.Duration, share float64) scenario.Entry {
	e := scenario.Entry{Name: name, At: 2*time.Second + at/600, Select: fleet.Pick{Share: share, Key: name}}
	if until > 0 {
		e.Until = 2*time.Second + until/600
	}
	return e
}

// A change moves what it names, of the devices that it selects, while it lasts, and nothing else by a nanosecond.
func TestChangeTouchesNothingElse(t *testing.T) {
	const from, until = 6 * time.Hour, 12 * time.Hour
	base := tell(with(t, longDay))
	for name, c := range map[string]struct {
		change behavior.Change
		kinds  []event.Kind // that move
		after  bool         // whether they are as before when it is over
	}{
		"heartbeat":  {behavior.Change{Rates: [event.NumKinds]*behavior.Rate{event.Heartbeat: {Every: 10 * time.Minute}}}, []event.Kind{event.Heartbeat}, true},
		"app action": {behavior.Change{Rates: [event.NumKinds]*behavior.Rate{event.AppAction: {PerDay: 300}}}, []event.Kind{event.AppAction}, false},
		"visits":     {behavior.Change{Rates: [event.NumKinds]*behavior.Rate{event.WebThreat: {PerDay: 1000}}}, []event.Kind{event.WebThreat}, false},
		"wave":       {behavior.Change{MaliciousShare: ptr(0.5)}, []event.Kind{event.WebThreat}, true},
		"withdrawal": {behavior.Change{Settings: fleet.SettingsChange{OptionalDiagnostics: ptr(0.0)}}, []event.Kind{event.Diagnostics}, true},
		"no form":    {behavior.Change{Settings: fleet.SettingsChange{FeedbackData: ptr(0.0)}}, []event.Kind{event.Feedback}, false},
		"consent":    {behavior.Change{Settings: fleet.SettingsChange{OptionalDiagnostics: ptr(1.0)}}, []event.Kind{event.Diagnostics}, true},
		"nothing":    {behavior.Change{Rates: [event.NumKinds]*behavior.Rate{event.Heartbeat: {Every: time.Hour}}}, nil, true},
	} {
		e := entry(name, from, until, 0.3)
		e.Change = &c.change
		m := with(t, longDay, e)
		has := m.Behavior.Timeline[0].Select.Has
		if n := m.Behavior.Timeline[0].Select.Count(); n < 15 || n > 45 {
			t.Fatalf("%s: selects %d of 100 devices, want 30 %%", name, n)
		}
		moves := func(x dealt) bool {
			return has(x.device) && slices.Contains(c.kinds, x.kind) && x.at > from && (!c.after || x.at <= until)
		}
		got := tell(m)
		still := func(x dealt) bool { return !moves(x) }
		if name == "withdrawal" || name == "no form" { // what was not sent in time is gone, too
			still = func(x dealt) bool {
				return !moves(x) && !(has(x.device) && slices.Contains(c.kinds, x.kind) && x.at > from-10*time.Hour && x.at <= from)
			}
		}
		if a, b := happened(base, still), happened(got, still); !slices.Equal(a, b) {
			t.Errorf("%s: of what must not move there are %d events without it, %d with it, or they differ", name, len(a), len(b))
		}
		if a, b := happened(base, moves), happened(got, moves); slices.Equal(a, b) != (c.kinds == nil) {
			t.Errorf("%s: what it changes is as before: %d events", name, len(a))
		}
		// Whom it does not concern sends the very same uploads.
		others := func(all []dealt) []dealt {
			return slices.DeleteFunc(slices.Clone(all), func(x dealt) bool { return has(x.device) })
		}
		if !slices.Equal(others(base), others(got)) {
			t.Errorf("%s: devices that are not selected send something else", name)
		}
	}
}

// The share of malicious visits is the wave's while it lasts, and those that were malicious before still are.
func TestWave(t *testing.T) {
	const from, until = 6 * time.Hour, 12 * time.Hour
	e := entry("wave", from, until, 1)
	e.Change = &behavior.Change{MaliciousShare: ptr(0.10)}
	threats := func(all []dealt) map[string]bool {
		set := map[string]bool{}
		for _, x := range all {
			if x.kind == event.WebThreat && x.at > from && x.at <= until {
				set[fmt.Sprint(x.device, x.at)] = true
			}
		}
		return set
	}
	base := tell(with(t, longDay))
	before, in := threats(base), threats(tell(with(t, longDay, e)))
	for key := range maps.Keys(before) {
		if !in[key] {
			t.Errorf("the threat to device and time %s is gone in the wave", key)
		}
	}
	// Five times as many as without it, in a quarter of a day.
	whole := float64(len(happened(base, func(x dealt) bool { return x.kind == event.WebThreat })))
	if want := 5 * whole / 4; whole < 150 || math.Abs(float64(len(in))-want) > 5*math.Sqrt(want*(1+want/whole)) {
		t.Errorf("%d threats in the wave, want about %v", len(in), want)
	}
}

// Of several changes to one thing the one that began last counts, and when it ends the other one does again.
func TestChangesOverlap(t *testing.T) {
	long, short := entry("long", 4*time.Hour, 20*time.Hour, 1), entry("short", 8*time.Hour, 12*time.Hour, 1)
	long.Change = &behavior.Change{Rates: [event.NumKinds]*behavior.Rate{event.Heartbeat: {Every: 10 * time.Minute}}}
	short.Change = &behavior.Change{Rates: [event.NumKinds]*behavior.Rate{event.Heartbeat: {Every: 2 * time.Hour}}}
	var beats [24]int
	for _, x := range tell(with(t, longDay, short, long)) {
		if x.kind == event.Heartbeat {
			beats[x.at/time.Hour]++
		}
	}
	for hour, n := range beats {
		want := 100
		switch {
		case hour >= 8 && hour < 12:
			want = 50
		case hour >= 4 && hour < 20:
			want = 600
		}
		if math.Abs(float64(n-want)) > 0.3*float64(want) {
			t.Errorf("%d heartbeats in hour %d, want about %d", n, hour, want)
		}
	}
}

// A user who withdraws consent: nothing pending is sent, nothing more is made, and all counts add up.
func TestWithdrawal(t *testing.T) {
	const from = 6 * time.Hour
	e := entry("withdrawal", from, 0, 0.5)
	e.Change = &behavior.Change{Settings: fleet.SettingsChange{OptionalDiagnostics: ptr(0.0), FeedbackData: ptr(0.0)}}
	m := with(t, longDay, e)
	has := m.Behavior.Timeline[0].Select.Has
	for _, x := range tell(m) {
		if has(x.device) && (x.kind == event.Diagnostics || x.kind == event.Feedback) && (x.at > from || time.Duration(x.due) > from) {
			t.Errorf("device %d sends %v of %v at %v", x.device, x.kind, x.at, time.Duration(x.due))
		}
	}
	s := NewSchedule(m, partitions(m))
	var a Arrival
	sent := 0
	for s.Next(&a) {
		if a.Op.String() == "upload" {
			sent += len(a.Upload.Items)
		}
	}
	stats := s.Stats()
	made, gone := 0, 0
	for k := range event.NumKinds {
		made += int(stats.Made[k])
		gone += int(stats.Lost[k] + stats.Withdrawn[k])
	}
	if made != sent+gone {
		t.Errorf("%d events made, %d sent and %d lost or withdrawn", made, sent, gone)
	}
	// A diagnostics event an hour, up to a quarter of an hour pending.
	if n := stats.Withdrawn[event.Diagnostics]; n < 1 || n > 30 {
		t.Errorf("%d diagnostics withdrawn, want some of 30 devices", n)
	}
	synctest.Test(t, func(t *testing.T) {
		sc := *m.Scenario
		sc.Load.Phases = slices.Clone(sc.Load.Phases)
		res := drive(t, context.Background(), model(t, &sc), &fake{}, 2)
		for k, n := range res.Kinds {
			if n.Pending != 0 || n.Made != n.Lost+n.Withdrawn+n.Sent+n.Dropped || n.Withdrawn != stats.Withdrawn[k] {
				t.Errorf("%v: %+v do not add up", event.Kind(k), n)
			}
		}
	})
}

// Privacy that is switched on hides what was seen before it but not sent, and what was seen under it and is sent later.
func TestPrivacyComesAndGoes(t *testing.T) {
	const from, until = 6 * time.Hour, 12 * time.Hour
	e := entry("privacy", from, until, 1)
	e.Change = &behavior.Change{Settings: fleet.SettingsChange{ExcludeURLInReport: ptr(1.0)}}
	rough := entry("rough", time.Hour, 0, 1) // so that some reports are late
	rough.Change = &behavior.Change{OfflinePerDay: ptr(40.0)}
	m := with(t, longDay, e, rough)
	var hidden, shown, late int
	var d fleet.Device
	for _, x := range tell(m) {
		if x.kind != event.WebThreat {
			continue
		}
		m.Fleet.Device(x.device, &d)
		under := func(at time.Duration) bool { return at > from && at <= until }
		want := !d.ExcludeURL && !under(x.at) && !under(time.Duration(x.due))
		if got := strings.Contains(x.text, `"domain"`); got != want {
			t.Errorf("device %d at %v, sent at %v: domain there is %v, want %v", x.device, x.at, time.Duration(x.due), got, want)
		}
		switch {
		case under(x.at) != under(time.Duration(x.due)):
			late++
		case under(x.at):
			hidden++
		default:
			shown++
		}
	}
	if hidden == 0 || shown == 0 || late == 0 {
		t.Errorf("%d threats under privacy, %d without it, %d between: want all of them", hidden, shown, late)
	}
}

// Under a timeline a run is a function of its scenario all the same: any division into shards gives the same uploads.
func TestTimelineShards(t *testing.T) {
	for name, load := range loads {
		offset := 3 * time.Second
		change := scenario.Entry{Name: "a", At: offset, Until: offset + 4*time.Second, Select: fleet.Pick{Share: 0.5, Key: "a"}, Change: &behavior.Change{
			Rates: [event.NumKinds]*behavior.Rate{event.Heartbeat: {Every: time.Minute}, event.WebThreat: {PerDay: 2000}}, MaliciousShare: ptr(0.2),
			Settings: fleet.SettingsChange{OptionalDiagnostics: ptr(0.0)}, OfflinePerDay: ptr(50.0),
		}}
		release := scenario.Entry{Name: "b", At: offset + time.Second, Select: fleet.Pick{Share: 1}, Release: &behavior.Release{App: "1.1.71010101", Uptake: behavior.AtOnce}}
		m := with(t, load, change, release)
		want := lines(m, partitions(m))
		if again := lines(with(t, load, change, release), partitions(m)); !slices.Equal(want, again) {
			t.Errorf("%s: two schedules differ", name)
		}
		if plain := lines(with(t, load), partitions(m)); slices.Equal(want, plain) {
			t.Errorf("%s: the timeline changes nothing", name)
		}
		addUp(t, name, m, want)
	}
}

// To find what a device is under a timeline costs no allocation either.
func TestTimelineAllocatesNothing(t *testing.T) {
	change := entry("change", time.Hour, 0, 0.5)
	change.Change = &behavior.Change{MaliciousShare: ptr(0.2), Settings: fleet.SettingsChange{OptionalDiagnostics: ptr(0.9), ExcludeURLInReport: ptr(0.1)}}
	release := entry("release", time.Hour, 0, 1)
	release.Release = &behavior.Release{App: "1.1.71010101", Uptake: behavior.Uptake{{After: 24 * time.Hour, Share: 1}}}
	m := with(t, longDay, change, release)
	s := NewSchedule(m, partitions(m))
	var a Arrival
	for s.Next(&a) && (len(a.Upload.Past.Spans()) < 2 || a.Upload.Items[0].Kind != event.WebThreat) {
	}
	f := behavior.NewFiller(&m.Behavior)
	var e event.Event
	if n := testing.AllocsPerRun(100, func() {
		f.Begin(&a.Upload)
		f.Fill(&e, 0)
	}); n > 0 {
		t.Errorf("%v allocations for a web.threat under a timeline, want none", n)
	}
}
