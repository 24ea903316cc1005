package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"drover/sim/event"
	"drover/sim/fleet"
)

var update = flag.Bool("update", false, "write the golden files anew")

func guid(b byte) (g fleet.GUID) {
	for i := range g {
		g[i] = b + byte(i)
	}
	return g
}

func testDevice() *fleet.Device {
	return &fleet.Device{
		GUID: guid(0x10), EntraID: guid(0x20), UserID: guid(0x30), TenantID: guid(0x40), OrgID: guid(0x50),
		UPN:   fleet.NewUPN("zoë.o'neill@contoso.example"),
		Model: &fleet.Model{ID: "iPhone15,2", SoC: "A16 Bionic", Arch: "arm64e", Cores: 6},
		OS:    &fleet.Release{Version: "26.4.2", Build: "23E261"}, App: "1.1.50010101", Locale: "de-DE",
		Timezone: time.FixedZone("Europe/Berlin", 0), // the offset is not on the wire
	}
}

// testEvents has every kind at least once, and the forms that a kind can take.
func testEvents() []event.Event {
	list := []event.Event{
		{Kind: event.Enrolment},
		{Kind: event.Heartbeat},
		{Kind: event.AppInfo, App: event.App{UpgradeStatus: "upgraded"}},
		{Kind: event.AppAction, Action: "open_dashboard"},
		{Kind: event.Memory, Mem: event.MemoryUse{AppKiB: 81920, AppPeakKiB: 98304, ExtensionKiB: 14000, ExtensionLimitKiB: 51200}},
		{Kind: event.WebThreat, Web: event.Web{Host: zoneHost("secure-login"), Verdict: event.Phishing, Score: 0.97, Bypassed: true, Risk: event.RiskHigh}},
		{Kind: event.WebThreat, Web: event.Web{Verdict: event.C2, Score: 1, Risk: event.RiskHigh}}, // privacy is on
		{Kind: event.Crash, Crash: event.CrashReport{Process: "DefenderTunnel", Exception: "EXC_BAD_ACCESS", Signal: "SIGSEGV", Reason: "sigsegv", UptimeSec: 4000000000, Incident: event.ID(guid(0x60)), Form: event.BothForms}},
		{Kind: event.Feedback, Feedback: event.Comment{Type: "frown", Email: true, Comment: "VPN \"drops\"\nagain \\ and again \u2028 \U0001f62c"}},
		{Kind: event.Feedback, Feedback: event.Comment{Type: "smile"}},
		{Kind: event.Diagnostics, Diag: event.Diagnostic{SessionsPerDay: 4, ForegroundSec: 312, CPUMillis: 5120, SentKiB: 88, ReceivedKiB: 240}},
		{Kind: event.Diagnostics, Diag: event.Diagnostic{Features: event.Features{1, 0, 2, 1}, Browsers: 1<<0 | 1<<3}}, // under the contract of 2020
		{Kind: event.WebThreat, Web: event.Web{Port: 8443, Verdict: event.Scam, Score: 0.5, Risk: event.RiskLow}},
	}
	for i := range list {
		list[i].Has = list[i].Kind.Fields()
	}
	list[5].Has = event.FieldsOf(event.WebDomain, event.WebRemoteIP)
	list[6].Has = 0
	list[9].Has = event.FieldsOf(event.FeedbackType)
	list[10].Has &^= event.FieldsOf(event.DiagFeatures, event.DiagBrowsers)
	list[11].Has = event.FieldsOf(event.DiagFeatures, event.DiagBrowsers)
	list[12].Has = event.FieldsOf(event.WebConnection, event.WebProtocol)
	for i := range list {
		e := &list[i]
		e.ID, e.Seq = event.ID(guid(0x80+byte(i))), uint32(i)
		e.At = time.Date(2026, 5, 4, 7, 14, i, i*1_000_000, time.UTC)
		e.Web.Address = e.Web.Host.Address()
	}
	return list
}

func zoneHost(name string) event.ZoneHost {
	h, err := event.Zone{}.Host([]byte(name))
	if err != nil {
		panic(err)
	}
	return h
}

func encode(d *fleet.Device, events ...event.Event) []byte {
	b := Native.Begin(nil, d, event.AllFields)
	for i := range events {
		b = Native.Event(b, i, d, &events[i])
	}
	return Native.End(b, 0)
}

// The golden file is indented to be read; the bytes on the wire have no space between tokens.
func TestNativeGolden(t *testing.T) {
	mac := testDevice()
	mac.HasMAC, mac.MAC = true, [6]byte{0xa4, 0x83, 0xe7, 0, 0xff, 1}
	for _, tt := range []struct {
		file string
		doc  []byte
	}{
		{"native.json", encode(testDevice(), testEvents()...)},
		{"native-mac.json", encode(mac, testEvents()[:1]...)},
	} {
		var compact, got bytes.Buffer
		if err := json.Compact(&compact, tt.doc); err != nil {
			t.Fatal(err)
		}
		if compact.String() != string(tt.doc) {
			t.Errorf("%s: has space between tokens:\n%s", tt.file, tt.doc)
		}
		json.Indent(&got, tt.doc, "", "  ")
		path := filepath.Join("testdata", tt.file)
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.file, diff)
		}
		// The indented form is the same document.
		var u Upload
		if err := DecodeUpload(got.Bytes(), &u); err != nil {
			t.Errorf("DecodeUpload(%s) = %v", tt.file, err)
		}
	}
}

// device is the identity in an Upload as the fleet would have it.
func device(u *Upload) *fleet.Device {
	return &fleet.Device{
		HasMAC: u.Device.ID.HasMAC, MAC: u.Device.ID.MAC, GUID: u.Device.ID.GUID,
		EntraID: u.Account.DeviceID, UserID: u.Account.UserID, TenantID: u.Account.TenantID, OrgID: u.Account.OrgID,
		UPN: fleet.NewUPN(string(u.Account.UPN)),
		Model: &fleet.Model{ID: string(u.Device.CPU.Model), SoC: string(u.Device.CPU.SoC), Arch: string(u.Device.CPU.Arch),
			Cores: int(u.Device.CPU.Cores)},
		OS:  &fleet.Release{Version: string(u.Device.OSVersion), Build: string(u.Device.OSBuild)},
		App: string(u.App.Version), Locale: string(u.Device.Locale), Timezone: time.FixedZone(string(u.Device.Timezone), 0),
	}
}

func decodedEvents(u *Upload) []event.Event {
	var list []event.Event
	for i := range u.Events {
		e := u.Events[i].Event
		if name, ok := strings.CutSuffix(string(u.Events[i].Domain), ".sim.test"); ok {
			e.Web.Host = zoneHost(name)
		}
		if ip, _ := e.Web.Host.Address().IPv4(); ip == u.Events[i].RemoteIP {
			e.Web.Address = e.Web.Host.Address()
		}
		list = append(list, e)
	}
	return list
}

func TestRoundTrip(t *testing.T) {
	mac := testDevice()
	mac.HasMAC, mac.GUID, mac.MAC = true, fleet.GUID{}, [6]byte{1, 2, 3, 0xfd, 0xfe, 0xff}
	zone := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
	var u Upload
	for _, d := range []*fleet.Device{testDevice(), mac} { // the second one decodes into the memory of the first
		if err := DecodeUpload(encode(d, testEvents()...), &u); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, device(&u), zone, cmp.AllowUnexported(fleet.UPN{})); diff != "" {
			t.Errorf("device (-sent +decoded):\n%s", diff)
		}
		if diff := cmp.Diff(testEvents(), decodedEvents(&u), cmpopts.EquateEmpty(), cmp.AllowUnexported(event.ZoneHost{}, event.DocAddress{})); diff != "" {
			t.Errorf("events (-sent +decoded):\n%s", diff)
		}
		for i := range u.Events {
			if got, want := string(u.Events[i].Email), ""; u.Events[i].Feedback.Email {
				if want = d.UPN.String(); got != want {
					t.Errorf("events[%d].Email = %q, want %q", i, got, want)
				}
			}
			if got, want := string(u.Events[i].Raw), string(Native.Event(nil, 0, d, &testEvents()[i])); got != want {
				t.Errorf("events[%d].Raw = %s, want %s", i, got, want)
			}
		}
	}
}

// A document has the data types of a set and no others, whatever the set, and is a document all the same.
func TestOnlyWhatIsSent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d := testDevice()
	for range 600 {
		set := event.Fields(r.Uint32()) & event.AllFields
		if set |= AddressFields | event.FieldsOf(event.DeviceGUID); set&event.Feedback.Fields() != 0 {
			set |= event.FieldsOf(event.FeedbackType)
		}
		var events []event.Event
		var want event.Fields = set &^ (event.AllFields &^ carriedByUploads)
		for _, e := range testEvents() {
			if e.Has &= set; e.Has == 0 && e.Kind.Fields() != 0 && e.Kind != event.WebThreat {
				continue // a device makes no event that says nothing
			}
			events = append(events, e)
			want |= e.Has
		}
		want &^= event.FieldsOf(event.DeviceWiFiMAC) // the device has the other one
		doc := Native.Begin(nil, d, set)
		for i := range events {
			doc = Native.Event(doc, i, d, &events[i])
		}
		doc = Native.End(doc, 0)
		if got := fieldsIn(t, doc); got != want {
			t.Fatalf("with %v: the document has %v, want %v:\n%s", set.List(), got.List(), want.List(), doc)
		}
		var u Upload
		if err := DecodeUpload(doc, &u); err != nil {
			t.Fatalf("with %v: %v\n%s", set.List(), err, doc)
		}
		for i := range u.Events {
			if u.Events[i].Has != events[i].Has {
				t.Fatalf("with %v: event %d of kind %v has %v, decoded %v", set.List(), i, events[i].Kind, events[i].Has.List(), u.Events[i].Has.List())
			}
		}
	}
}

// carriedByUploads are the data types that do not belong to a kind of event.
var carriedByUploads = func() (set event.Fields) {
	for _, f := range event.AllFields.List() {
		if _, ok := f.Kind(); !ok {
			set |= event.FieldsOf(f)
		}
	}
	return set
}()

// fieldsIn returns the data types that a document has, found by their names.
func fieldsIn(t *testing.T, doc []byte) (set event.Fields) {
	t.Helper()
	var top map[string]any
	if err := json.Unmarshal(doc, &top); err != nil {
		t.Fatalf("%v: %s", err, doc)
	}
	look := func(in map[string]any, f event.Field) {
		var v any = in
		for name := range strings.SplitSeq(f.String(), ".") {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		if v != nil {
			set |= event.FieldsOf(f)
		}
	}
	for _, f := range event.AllFields.List() {
		look(top, f)
	}
	for _, e := range top["events"].([]any) {
		e := e.(map[string]any)
		if e["time"] != nil {
			set |= event.FieldsOf(event.DeviceTime)
		}
		for _, f := range event.AllFields.List() {
			look(e, f)
		}
	}
	return set
}

// Nothing that is planted may change a byte on the wire.
func TestTruthStaysHome(t *testing.T) {
	e := testEvents()[5]
	want := encode(testDevice(), e)
	for truth := range event.NumCategories {
		e.Web.Truth = truth
		if got := encode(testDevice(), e); !bytes.Equal(got, want) {
			t.Errorf("with truth %v: %s, want %s", truth, got, want)
		}
	}
}

// A score outside of 0 to 1 is a bug elsewhere, but must not become a document that is not JSON.
func TestScoreIsAlwaysANumber(t *testing.T) {
	nan := float32(0)
	nan /= nan
	for _, tt := range []struct {
		score float32
		want  string
	}{{0, "0"}, {0.97, "0.97"}, {1, "1"}, {1.5, "1"}, {-1, "0"}, {nan, "0"}, {1e-9, "1e-09"}} {
		if got := string(appendScore(nil, tt.score)); got != tt.want {
			t.Errorf("appendScore(%v) = %s, want %s", tt.score, got, tt.want)
		}
	}
}

func TestFormatsKnowTheirNames(t *testing.T) {
	for name, make := range Formats {
		if f := make(&Constants{Send: event.AllFields}); f.Name != name || f.ContentType == "" {
			t.Errorf("Formats[%q] is named %q and has content type %q", name, f.Name, f.ContentType)
		}
	}
}

func TestAllocations(t *testing.T) {
	d, events := testDevice(), testEvents()
	buf := encode(d, events...)
	if n := testing.AllocsPerRun(100, func() {
		buf = Native.Begin(buf[:0], d, event.AllFields)
		for i := range events {
			buf = Native.Event(buf, i, d, &events[i])
		}
		buf = Native.End(buf, 0)
	}); n != 0 {
		t.Errorf("encoding allocates %v times, want 0", n)
	}
	// Crash reports and comments have strings of their own; the other kinds need nothing.
	quiet := encode(d, events[:7]...)
	var u Upload
	if n := testing.AllocsPerRun(100, func() {
		if err := DecodeUpload(quiet, &u); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("DecodeUpload allocates %v times, want 0", n)
	}
	said := testAnswer()
	said.Refused[0].Reason = []byte("id is taken") // an escape would cost memory for the text without it
	body := AppendAnswer(nil, said)
	var a Answer
	if n := testing.AllocsPerRun(100, func() {
		if err := DecodeAnswer(body, &a); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("DecodeAnswer allocates %v times, want 0", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	d := testDevice()
	for _, e := range testEvents() {
		if e.Kind == event.WebThreat && e.Web.Host.Empty() || e.Kind == event.Feedback && e.Feedback.Comment == "" {
			continue
		}
		b.Run(e.Kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			buf := Native.Event(nil, 0, d, &e)
			for b.Loop() {
				buf = Native.Event(buf[:0], 0, d, &e)
			}
			b.ReportMetric(float64(len(buf)), "bytes/event")
		})
	}
	b.Run("envelope", func(b *testing.B) {
		b.ReportAllocs()
		buf := Native.Begin(nil, d, event.AllFields)
		for b.Loop() {
			buf = Native.End(Native.Begin(buf[:0], d, event.AllFields), 0)
		}
		b.ReportMetric(float64(len(buf)), "bytes/upload")
	})
}
