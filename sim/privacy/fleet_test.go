package privacy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim"
	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/privacy"
	"drover/sim/scenario"
	"drover/sim/wire"
)

// lively is a fleet whose devices do everything often. The verbs are: seed, GUID share, MAC share, five settings.
const lively = `
apiVersion: drover/v1
kind: Scenario
metadata: {name: lively}
spec:
  seed: %d
  target: {url: embedded}
  fleets:
    - name: contoso
      tenants: {count: 3}
      devices: 60
      identity: {deviceId: {guid: %g, wifiMac: %g}}
      settings:
        DefenderExcludeURLInReport: {true: %g, false: %g}
        user.unsafe_site_info: {true: %g, false: %g}
        supervised: {true: %g, false: %g}
        optionalDiagnostics: {true: %g, false: %g}
        DefenderFeedbackData: {true: %g, false: %g}
      cohorts:
        - {name: phone, weight: 60, profile: enterprise-iphone, behavior: busy}
        - {name: pad, weight: 40, profile: shared-ipad, behavior: busy}
  behaviors:
    busy:
      offline: {perDay: 2}
      events:
        heartbeat: {every: 1h}
        memory: {every: 1h}
        appInfo: {every: 6h}
        appAction: {perDay: 12}
        webVisit: {perDay: 200, maliciousShare: 10%%}
        crash: {perDay: 4}
        diagnostics: {every: 3h}
        feedback: {perDay: 6}
  load:
    phases:
      - {name: enroll, do: enroll, for: 1s}
      - {name: day, for: 10m, rate: 1000/s}
`

// livelyFleet draws the settings of a fleet from a seed; guid is the share of devices with a GUID.
func livelyFleet(t testing.TB, seed uint64, guid float64) *sim.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	share := func() (a, b float64) { n := r.IntN(101); return float64(n), float64(100 - n) }
	p1, p2 := share()
	u1, u2 := share()
	s1, s2 := share()
	o1, o2 := share()
	f1, f2 := share()
	text := fmt.Sprintf(lively, seed, guid, 100-guid, p1, p2, u1, u2, s1, s2, o1, o2, f1, f2)
	sc, err := scenario.Parse("lively.yaml", []byte(text), scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// uploads calls f with the uploads of a fleet, as they go over the wire, until they had n events. f may keep doc.
func uploads(m *sim.Model, n int, f func(doc []byte, d *fleet.Device)) {
	schedule := sim.NewSchedule(m, allParts(m))
	filler := behavior.NewFiller(&m.Behavior)
	var a sim.Arrival
	var d fleet.Device
	var e event.Event
	for n > 0 && schedule.Next(&a) {
		m.Fleet.Device(a.Upload.Device, &d)
		doc := wire.Native.Begin(nil, &d)
		for i, it := range a.Upload.Items {
			filler.Fill(&e, &d, it, a.Upload.FirstSeq+uint32(i))
			doc = wire.Native.Event(doc, i, &d, &e)
		}
		n -= len(a.Upload.Items)
		f(wire.Native.End(doc), &d)
	}
}

func allParts(m *sim.Model) (parts []int) {
	for p := range m.Fleet.Partitions() {
		parts = append(parts, p)
	}
	return parts
}

// settingsOf tells the settings of a fleet's devices.
func settingsOf(m *sim.Model) func(fleet.GUID) (privacy.Settings, bool) {
	known := map[fleet.GUID]privacy.Settings{}
	var d fleet.Device
	for i := range m.Fleet.Devices() {
		m.Fleet.Device(i, &d)
		known[d.EntraID] = sim.SettingsOf(&d)
	}
	return func(id fleet.GUID) (privacy.Settings, bool) {
		s, ok := known[id]
		return s, ok
	}
}

func contract(t testing.TB, name string) *privacy.Contract {
	t.Helper()
	c, err := scenario.LoadContract(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFleetKeepsContracts holds 100,000 events of fleets with random settings to the contracts that a scenario may name.
func TestFleetKeepsContracts(t *testing.T) {
	for _, tt := range []struct {
		contract string
		guid     float64
	}{{"mde", 50}, {"mde", 0}, {"mde-2024", 100}} {
		for seed := range uint64(4) {
			m := livelyFleet(t, seed, tt.guid)
			told := 0
			a := privacy.NewAuditor(contract(t, tt.contract), privacy.Options{Period: 48 * time.Hour, Report: func(v privacy.Violation) {
				if told++; told < 5 {
					t.Errorf("%s, seed %d: document %d, event %d of kind %s: %v", tt.contract, seed, v.Document, v.Index, v.Kind, v)
				}
			}})
			r := a.Reader(settingsOf(m))
			uploads(m, 100_000/12, func(doc []byte, _ *fleet.Device) { r.Upload(doc) })
			res := a.Finish()
			if res.Events < 100_000/12 || res.Devices != 60 || res.Violations != 0 || res.Unreadable != 0 {
				t.Errorf("%s, seed %d: %d events of %d devices, %d violations, %d unreadable; want 8333 events or more of 60, none, none",
					tt.contract, seed, res.Events, res.Devices, res.Violations, res.Unreadable)
			}
		}
	}
}

// stripped is a fleet's uploads without what change removes from each event, by device.
func stripped(t *testing.T, text string, n int, change func(e object)) (events []string) {
	t.Helper()
	sc, err := scenario.Parse("lively.yaml", []byte(text), scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		t.Fatal(err)
	}
	uploads(m, n, func(raw []byte, _ *fleet.Device) {
		var doc object
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		for _, e := range doc["events"].([]any) {
			change(e.(object))
		}
		out, _ := json.Marshal(doc)
		events = append(events, string(out))
	})
	return events
}

// TestVolumeDoesNotGrowWithBrowsing is P06, which no single stream can show: a hundred times the visits, none of them
// planted, give the same bytes.
func TestVolumeDoesNotGrowWithBrowsing(t *testing.T) {
	text := fmt.Sprintf(lively, 1, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0)
	visits := func(perDay string) []string {
		with := strings.Replace(text, "{perDay: 200, maliciousShare: 10%}", "{perDay: "+perDay+", maliciousShare: 0%}", 1)
		return stripped(t, with, 5000, func(object) {})
	}
	if few, many := visits("10"), visits("1000"); !slices.Equal(few, many) {
		t.Errorf("10 and 1,000 benign visits a day give other uploads: %d and %d of them", len(few), len(many))
	}
}

// TestSettingsChangeNoVerdict is what of P12 a device decides: the alert is the same whether privacy is in effect or not,
// and so is all else but the site's name and address.
func TestSettingsChangeNoVerdict(t *testing.T) {
	sites := 0
	with := func(on, off float64) []string {
		return stripped(t, fmt.Sprintf(lively, 1, 50.0, 50.0, on, off, 0.0, 100.0, 0.0, 100.0, 50.0, 50.0, 50.0, 50.0), 5000, func(e object) {
			if e["web"] != nil {
				sites++
			}
			delete(e, "web")
		})
	}
	private := with(100, 0)
	if sites > 0 {
		t.Errorf("%d sites are named in spite of the setting", sites)
	}
	if open := with(0, 100); sites == 0 || !slices.Equal(private, open) {
		t.Errorf("the setting changes more than the sites: %d and %d uploads, %d sites", len(private), len(open), sites)
	}
}
