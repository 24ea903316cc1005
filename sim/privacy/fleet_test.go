package privacy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drover/profiles"
	"drover/sim"
	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/privacy"
	"drover/sim/scenario"
	"drover/sim/wire"
)

// lively is a fleet whose devices do everything often. The verbs are: seed, privacy, GUID share, MAC share, settings, crashes a day.
const lively = `
apiVersion: drover/v1
kind: Scenario
metadata: {name: lively}
spec:
  seed: %d
  target: {url: embedded}
  privacy: {%s}
  fleets:
    - name: contoso
      tenants: {count: 3}
      devices: 60
      identity: {deviceId: {guid: %g, wifiMac: %g}}
      settings: {%s}
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
        crash: {perDay: %g, report: both}
        diagnostics: {every: 3h}
        feedback: {perDay: 6}
  load:
    phases:
      - {name: enroll, do: enroll, for: 1s}
      - {name: day, for: 10m, rate: 1000/s}
`

// half are settings that half of the devices have.
const half = "DefenderExcludeURLInReport: {true: 50, false: 50}, user.unsafe_site_info: {true: 50, false: 50}, supervised: {true: 50, false: 50}, " +
	"optionalDiagnostics: {true: 50, false: 50}, DefenderFeedbackData: {true: 50, false: 50}"

// randomSettings draws the shares of all settings that a contract gives an effect.
func randomSettings(seed uint64, contract string) string {
	r := rand.New(rand.NewPCG(seed, 1))
	keys := []string{"supervised", "optionalDiagnostics", "DefenderFeedbackData", "DefenderNetworkProtectionPrivacy", "DefenderTVMPrivacyMode"}
	if contract != "atp-2020" {
		keys = append(keys, "DefenderExcludeURLInReport", "user.unsafe_site_info")
	}
	var parts []string
	for _, k := range keys {
		n := r.IntN(101)
		parts = append(parts, fmt.Sprintf("%s: {true: %d, false: %d}", k, n, 100-n))
	}
	return strings.Join(parts, ", ")
}

// fleets are the models that several tests use; they are not changed.
var fleets sync.Map

// livelyFleet is a fleet with random settings under the contract mde, or mde-2024 where all devices have a GUID.
func livelyFleet(t testing.TB, seed uint64, guid float64) *sim.Model {
	contract := "mde"
	if guid == 100 {
		contract = "mde-2024"
	}
	return fleetUnder(t, seed, contract, guid)
}

// fleetUnder is a fleet with random settings under a contract.
func fleetUnder(t testing.TB, seed uint64, contract string, guid float64) *sim.Model {
	t.Helper()
	return parsed(t, fmt.Sprintf(lively, seed, "contract: "+contract+", canaries: {benignHosts: 20}", guid, 100-guid, randomSettings(seed, contract), 1.0))
}

func parsed(t testing.TB, text string) *sim.Model {
	t.Helper()
	if m, ok := fleets.Load(text); ok {
		return m.(*sim.Model)
	}
	sc, err := scenario.Parse("lively.yaml", []byte(text), scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		t.Fatal(err)
	}
	fleets.Store(text, m)
	return m
}

// uploads calls f with the uploads of a fleet, as they go over the wire, until they had n events, and returns what the devices
// did. f may keep doc.
func uploads(m *sim.Model, n int, f func(doc []byte, d *fleet.Device)) behavior.Stats {
	schedule := sim.NewSchedule(m, allParts(m))
	filler := behavior.NewFiller(&m.Behavior)
	var a sim.Arrival
	var e event.Event
	for n > 0 && schedule.Next(&a) {
		d := filler.Begin(&a.Upload)
		doc := wire.Native.Begin(nil, d, m.Behavior.Sends.All)
		for i := range a.Upload.Items {
			then := filler.Fill(&e, i)
			doc = wire.Native.Event(doc, i, then, &e)
		}
		n -= len(a.Upload.Items)
		f(wire.Native.End(doc, 0), d)
	}
	return schedule.Stats()
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

// property is how many events TestFleetKeepsContracts looks at in all. The race detector makes each take ten times as long.
const property = 100_000 / raceFactor

// TestFleetKeepsContracts holds 100,000 events of fleets with random settings to every contract, shipped or drawn from it by
// leaving data types out.
func TestFleetKeepsContracts(t *testing.T) {
	type fleetOf struct {
		contract string
		guid     float64
	}
	kinds := []fleetOf{{"mde", 50}, {"mde", 0}, {"mde-2024", 100}, {"atp-2020", 60}}
	const seeds = 3
	var total int64
	for _, k := range kinds {
		for seed := range uint64(seeds) {
			m := fleetUnder(t, seed, k.contract, k.guid)
			c := m.Scenario.Contract
			if seed%2 == 1 {
				m, c = lean(t, m, seed)
			}
			told := 0
			a := privacy.NewAuditor(c, privacy.Options{Period: 48 * time.Hour, Canaries: m.Behavior.Canaries.List(), Report: func(v privacy.Violation) {
				if told++; told < 5 {
					t.Errorf("%s, seed %d: document %d, event %d of kind %s: %v", k.contract, seed, v.Document, v.Index, v.Kind, v)
				}
			}})
			r := a.Reader(settingsOf(m))
			want := int64(property)/int64(len(kinds)*seeds) + 1
			uploads(m, int(want), func(doc []byte, _ *fleet.Device) { r.Upload(doc) })
			res := a.Finish()
			if total += res.Events; res.Events < want || res.Devices != 60 || res.Violations != 0 || res.Unreadable != 0 {
				t.Errorf("%s, seed %d: %d events of %d devices, %d violations, %d unreadable; want %d events or more of 60, none, none",
					k.contract, seed, res.Events, res.Devices, res.Violations, res.Unreadable, want)
			}
		}
	}
	if total < property {
		t.Errorf("%d events, want %d", total, property)
	}
}

// lean is a fleet under a contract that was drawn from its own: data types that a device can do without are left out.
func lean(t *testing.T, m *sim.Model, seed uint64) (*sim.Model, *privacy.Contract) {
	t.Helper()
	cat, err := scenario.LoadPrivacyCatalogue(profiles.Files, "privacy-catalogue.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 2))
	spare := []string{"device.os_version", "device.cpu", "account.user_id", "account.org_id", "account.upn", "app.name", "app.version", "web.connection",
		"web.protocol", "web.domain", "web.remote_ip", "diag.app_usage", "diag.cpu_usage", "diag.network_usage", "diag.browsers", "feedback.email", "feedback.comments"}
	own := *cat
	own.Items = slices.DeleteFunc(slices.Clone(cat.Items), func(it privacy.Item) bool { return slices.Contains(spare, it.Name) && r.IntN(2) == 0 })
	c, err := own.Contract(m.Scenario.Contract.Name)
	if err != nil {
		t.Fatal(err)
	}
	sends, unfit := c.Sends()
	if len(unfit) > 0 {
		t.Fatal(unfit)
	}
	out := *m
	out.Behavior.Sends = sends
	return &out, c
}

// stripped is a fleet's uploads without what change removes from each event.
func stripped(t *testing.T, text string, n int, change func(e object)) (docs []string) {
	t.Helper()
	m := parsed(t, text)
	uploads(m, n, func(raw []byte, _ *fleet.Device) {
		if change == nil {
			docs = append(docs, string(raw))
			return
		}
		var doc object
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		for _, e := range doc["events"].([]any) {
			change(e.(object))
		}
		out, _ := json.Marshal(doc)
		docs = append(docs, string(out))
	})
	return docs
}

// TestVolumeDoesNotGrowWithBrowsing is P06, which no single stream can show: a hundred times the visits, none of them
// planted, give the same bytes, with canaries and without.
func TestVolumeDoesNotGrowWithBrowsing(t *testing.T) {
	visits := func(perDay, privacy string) []string {
		text := fmt.Sprintf(lively, 1, privacy, 50.0, 50.0, half, 1.0)
		with := strings.Replace(text, "{perDay: 200, maliciousShare: 10%}", "{perDay: "+perDay+", maliciousShare: 0%}", 1)
		return stripped(t, with, 5000/raceFactor, nil)
	}
	few := visits("10", "contract: mde")
	if many := visits("1000", "contract: mde"); !slices.Equal(few, many) {
		t.Errorf("10 and 1,000 benign visits a day give other uploads: %d and %d of them", len(few), len(many))
	}
	if watched := visits("1000", "canaries: {benignHosts: 60}"); !slices.Equal(few, watched) {
		t.Errorf("canaries change what is sent: %d and %d uploads", len(few), len(watched))
	}
}

// TestPlantedVisitsChangeNothingElse: with planted visits, browsing more gives more detections, and every other event stays as
// it is but for its number.
func TestPlantedVisitsChangeNothingElse(t *testing.T) {
	const until = "2026-05-05T12:00" // device time up to which both runs go on all devices
	events := func(perDay string) (others []string, threats int) {
		text := fmt.Sprintf(lively, 1, "contract: mde", 50.0, 50.0, half, 0.0)
		text = strings.Replace(text, "{perDay: 200, maliciousShare: 10%}", "{perDay: "+perDay+", maliciousShare: 1%}", 1)
		text = strings.Replace(text, "offline: {perDay: 2}", "offline: {perDay: 0}", 1)
		m := parsed(t, text)
		uploads(m, 9000, func(raw []byte, _ *fleet.Device) {
			var doc object
			if err := json.Unmarshal(raw, &doc); err != nil {
				t.Fatal(err)
			}
			for _, e := range doc["events"].([]any) {
				e := e.(object)
				if e["kind"] == "web.threat" {
					threats++
				} else if e["time"].(string) < until {
					delete(e, "id")
					delete(e, "seq")
					out, _ := json.Marshal(e)
					others = append(others, at(doc, "account")["device_id"].(string)+string(out))
				}
			}
		})
		slices.Sort(others)
		return others, threats
	}
	few, some := events("10")
	many, more := events("1000")
	if some == 0 || more < 20*some || len(few) < 3000 || !slices.Equal(few, many) {
		t.Errorf("%d and %d detections beside %d and %d other events, which must be the same", some, more, len(few), len(many))
	}
}

// TestSettingsChangeNoVerdict is what of P12 a device decides: the alert with its risk is the same whether privacy is in
// effect or not, and so is all else but the site's name and address, and what the admin configured.
func TestSettingsChangeNoVerdict(t *testing.T) {
	sites := 0
	with := func(settings string) []string {
		settings += ", optionalDiagnostics: {true: 50, false: 50}"
		return stripped(t, fmt.Sprintf(lively, 1, "contract: mde", 50.0, 50.0, settings, 0.0), 5000/raceFactor, func(e object) {
			if e["web"] != nil {
				sites++
			}
			delete(e, "web")
			if d := at(e, "diag"); d != nil {
				delete(d, "features")
			}
		})
	}
	private := with("DefenderExcludeURLInReport: {true: 100, false: 0}")
	if sites > 0 {
		t.Errorf("%d sites are named in spite of the setting", sites)
	}
	if open := with("DefenderExcludeURLInReport: {true: 0, false: 100}"); sites == 0 || !slices.Equal(private, open) {
		t.Errorf("the setting changes more than the sites: %d and %d uploads, %d sites", len(private), len(open), sites)
	}
	// The switches about data that no contract has show in diag.features only.
	other := with("DefenderExcludeURLInReport: {true: 100, false: 0}, DefenderNetworkProtectionPrivacy: {true: 0, false: 100}, DefenderTVMPrivacyMode: {true: 40, false: 60}")
	if !slices.Equal(private, other) {
		t.Errorf("DefenderNetworkProtectionPrivacy or DefenderTVMPrivacyMode changes more than diag.features: %d and %d uploads", len(private), len(other))
	}
}

// TestOldContractKnowsNoSetting is P04: under the contract of 2020 the settings of a device change nothing, even where a fleet
// was made with them.
func TestOldContractKnowsNoSetting(t *testing.T) {
	m := fleetUnder(t, 1, "atp-2020", 50)
	spec := slices.Clone(m.Scenario.Fleets)
	run := func(share float64) (docs []string) {
		spec[0].Settings.ExcludeURLInReport, spec[0].Settings.UnsafeSiteInfo = share, 0
		fl, err := fleet.New(m.Scenario.Catalogue, m.Scenario.Seeds.Fleet, spec)
		if err != nil {
			t.Fatal(err)
		}
		out := *m
		out.Fleet, out.Behavior.Fleet = fl, fl
		a := privacy.NewAuditor(contract(t, "atp-2020"), privacy.Options{Report: func(v privacy.Violation) { t.Errorf("%v: %v", share, v) }})
		r := a.Reader(settingsOf(&out))
		uploads(&out, 1500, func(raw []byte, _ *fleet.Device) {
			r.Upload(raw)
			docs = append(docs, strings.NewReplacer(`"DefenderExcludeURLInReport":true`, "", `"DefenderExcludeURLInReport":false`, "").Replace(string(raw)))
		})
		return docs
	}
	off, on := run(0), run(1)
	if !slices.Equal(off, on) || !strings.Contains(strings.Join(on, ""), `"web":{"connection":{"remote_port":443,"direction":"outbound"},"protocol":"HTTPS"}`) {
		t.Errorf("with the setting on all devices %d uploads, without %d; want the same, with a connection and its protocol", len(on), len(off))
	}
}
