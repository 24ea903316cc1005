package fleet

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// testCatalogue is a small world: phones of three generations, one of them with two identifiers, and a tablet.
func testCatalogue() *Catalogue {
	day := func(s string) time.Time {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			panic(err)
		}
		return t
	}
	return &Catalogue{
		Models: []Model{
			{ID: "iPhone10,1", Family: "iPhone", Name: "iPhone 8", Released: day("2017-09-22"), FirstMajor: 11, LastMajor: 16},
			{ID: "iPhone10,4", Family: "iPhone", Name: "iPhone 8", Released: day("2017-09-22"), FirstMajor: 11, LastMajor: 16},
			{ID: "iPhone12,1", Family: "iPhone", Name: "iPhone 11", Released: day("2019-09-20"), FirstMajor: 13, LastMajor: 27},
			{ID: "iPhone18,1", Family: "iPhone", Name: "iPhone 17 Pro", Released: day("2025-09-19"), FirstMajor: 26, LastMajor: 27},
			{ID: "iPad14,1", Family: "iPad", Name: "iPad mini (6th generation)", Released: day("2021-09-24"), FirstMajor: 15, LastMajor: 27},
		},
		Releases: []Release{
			{Version: "16.6.1", Build: "20G81", Major: 16, Date: day("2023-09-07"), IOS: true, IPadOS: true},
			{Version: "17.7.10", Build: "21H450", Major: 17, Date: day("2025-08-20"), IPadOS: true},
			{Version: "26.0", Build: "23A341", Major: 26, Date: day("2025-09-15"), IOS: true, IPadOS: true},
			{Version: "26.5", Build: "23F77", Major: 26, Date: day("2026-05-11"), IOS: true, IPadOS: true},
			{Version: "26.5.1", Build: "23F81", Major: 26, Date: day("2026-06-01"), IOS: true, OnlyDevices: []string{"iPhone18,1"}},
			{Version: "26.6.2", Build: "23G90", Major: 26, IOS: true, IPadOS: true},
		},
		OUIs: [][3]byte{{0x00, 0x03, 0x93}, {0xa4, 0x83, 0xe7}, {0xfc, 0xfc, 0x48}},
	}
}

func testProfile() Profile {
	return Profile{
		Name:        "phones",
		Models:      []Share[string]{{"iPhone 8", 20}, {"iPhone 11", 50}, {"iPhone 17 Pro", 30}},
		OS:          []Share[string]{{"16.6.1", 20}, {"26.5", 70}, {"26.5.1", 10}},
		AppVersions: []Share[string]{{"1.1.70290103", 80}, {"1.1.68140102", 20}},
		Locales:     []Share[string]{{"en-US", 60}, {"de-DE", 40}},
	}
}

// testSpecs is two fleets with n and n/3 devices, one and seven tenants, and three cohorts.
func testSpecs(n int) []Spec {
	pads := testProfile()
	pads.Name, pads.Models = "pads", []Share[string]{{"iPad mini (6th generation)", 1}}
	return []Spec{{
		Name: "contoso", Devices: n, Tenants: Tenants{Count: 1},
		Identity: Identity{GUID: 0.9, UPNDomain: "contoso.example"},
		Settings: Settings{ExcludeURLInReport: 0.2, UnsafeSiteInfo: 0.25, Supervised: 0.3, OptionalDiagnostics: 0.32, FeedbackData: 0.75},
		Cohorts: []CohortSpec{
			{Name: "current", Weight: 70, Profile: testProfile(), Timezones: []Share[string]{{"Europe/Berlin", 60}, {"America/New_York", 40}}},
			{Name: "kiosk", Weight: 30, Profile: pads, OS: []Share[string]{{"17.7.10", 25}, {"26.5", 75}}},
		},
	}, {
		Name: "long-tail", Devices: n / 3, Tenants: Tenants{Count: 7, Zipf: 1.2},
		Identity: Identity{UPNDomain: "tail.test"},
		Cohorts:  []CohortSpec{{Name: "current", Weight: 100, Profile: testProfile()}},
	}}
}

func testFleet(t testing.TB, seed uint64, specs []Spec) *Fleet {
	t.Helper()
	f, err := New(testCatalogue(), seed, specs)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDeviceGolden(t *testing.T) {
	const golden = "testdata/devices.txt"
	f := testFleet(t, 20260504, testSpecs(1000))
	var out bytes.Buffer
	var d Device
	for _, i := range []int{0, 1, 2, 417, 699, 700, 999, 1000, 1001, 1332} {
		f.Device(i, &d)
		fmt.Fprintf(&out, "%d cohort %d tenant %d: mac %v %x guid %v\n\tentra %v user %v tenant %v org %v\n\t%s %s %s (%s) app %s %s %v exclude %v diag %v feedback %v\n",
			d.Index, d.Cohort, d.Tenant, d.HasMAC, d.MAC, d.GUID, d.EntraID, d.UserID, d.TenantID, d.OrgID,
			d.UPN, d.Model.ID, d.OS.Version, d.OS.Build, d.App, d.Locale, d.Timezone, d.ExcludeURL, d.OptionalDiag, d.FeedbackForm)
	}
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")), out.Bytes()) {
		t.Errorf("devices changed, which breaks every seed anyone has noted; got\n%s", out.Bytes())
	}
}

// Devices are the same in any order, from any goroutine, into a used Device.
func TestDeviceOrder(t *testing.T) {
	f := testFleet(t, 1, testSpecs(600))
	want := make([]Device, f.Devices())
	for i := range want {
		f.Device(i, &want[i])
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			g := f
			if w%2 == 1 { // one more fleet of the same arguments
				var err error
				if g, err = New(testCatalogue(), 1, testSpecs(600)); err != nil {
					t.Error(err)
					return
				}
			}
			var d Device
			for k := range want {
				i := (k*(2*w+7) + w) % len(want)
				g.Device(i, &d)
				got, want := d, want[i]
				if got.Model.ID != want.Model.ID || got.OS.Version != want.OS.Version || got.Timezone.String() != want.Timezone.String() {
					t.Errorf("device %d = %v, want %v", i, got, want)
				}
				got.Model, got.OS, got.Timezone = want.Model, want.OS, want.Timezone
				if got != want {
					t.Errorf("device %d = %+v, want %+v", i, got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestSeedsDiffer(t *testing.T) {
	f, g := testFleet(t, 1, testSpecs(3000)), testFleet(t, 2, testSpecs(3000))
	seen := map[GUID]int{}
	var d Device
	for i := range f.Devices() {
		f.Device(i, &d)
		seen[d.EntraID] = i
	}
	for i := range g.Devices() {
		g.Device(i, &d)
		if j, ok := seen[d.EntraID]; ok { // also not shifted: seed 1, device 2 is not seed 2, device 1
			t.Errorf("device %d of seed 2 is device %d of seed 1", i, j)
		}
	}
	if f.Tenants()[0].ID == g.Tenants()[0].ID {
		t.Errorf("both seeds have tenant %v", f.Tenants()[0].ID)
	}
}

// What a device is made of does not depend on other cohorts, on the size of its own, or on shares that are not its business.
func TestDeviceDependsOnItsCohortOnly(t *testing.T) {
	f := testFleet(t, 5, testSpecs(900))
	changed := testSpecs(9000)
	changed[0], changed[1] = changed[1], changed[0]
	contoso := &changed[1]
	contoso.Cohorts[0], contoso.Cohorts[1] = contoso.Cohorts[1], contoso.Cohorts[0]
	contoso.Settings.OptionalDiagnostics = 1
	contoso.Identity.GUID = 1
	g := testFleet(t, 5, changed)
	from := g.Cohorts()[2]
	if from.Name != "current" || from.Fleet != "contoso" {
		t.Fatalf("cohort 2 is %v", from)
	}
	var a, b Device
	for i := range 600 {
		f.Device(i, &a)
		g.Device(from.First+i, &b)
		if a.EntraID != b.EntraID || a.UserID != b.UserID || *a.Model != Model(*b.Model) || a.OS.Version != b.OS.Version || a.App != b.App ||
			a.Locale != b.Locale || a.Timezone.String() != b.Timezone.String() || a.ExcludeURL != b.ExcludeURL || a.FeedbackForm != b.FeedbackForm {
			t.Fatalf("device %d of the cohort = %+v, was %+v", i, b, a)
		}
		if !a.HasMAC && a.GUID != b.GUID {
			t.Errorf("GUID of device %d = %v, was %v", i, b.GUID, a.GUID)
		}
		name := func(upn string) string { return strings.TrimRight(upn[:strings.IndexByte(upn, '@')], "0123456789") }
		if name(a.UPN.String()) != name(b.UPN.String()) {
			t.Errorf("device %d is called %s, was %s", i, b.UPN, a.UPN)
		}
		if !b.OptionalDiag || b.HasMAC {
			t.Errorf("device %d has OptionalDiag %v, HasMAC %v, want true, false", i, b.OptionalDiag, b.HasMAC)
		}
	}
}

// No two devices share an identifier, and all have the right form.
func TestIdentifiersAreUnique(t *testing.T) {
	f := testFleet(t, 3, testSpecs(150_000))
	if f.Devices() != 200_000 {
		t.Fatalf("Devices() = %d", f.Devices())
	}
	seen := make(map[any]int, 4*f.Devices())
	unique := func(i int, id any) {
		if j, ok := seen[id]; ok {
			t.Errorf("devices %d and %d share %v", i, j, id)
		}
		seen[id] = i
	}
	var d Device
	for i := range f.Devices() {
		f.Device(i, &d)
		if d.HasMAC {
			unique(i, d.MAC)
			if d.GUID != (GUID{}) {
				t.Errorf("device %d has MAC and GUID", i)
			}
			if !slices.Contains(testCatalogue().OUIs, [3]byte(d.MAC[:3])) {
				t.Errorf("device %d has MAC %x outside the OUIs", i, d.MAC)
			}
		} else {
			unique(i, d.GUID)
			if d.MAC != [6]byte{} {
				t.Errorf("device %d has GUID and MAC", i)
			}
		}
		unique(i, d.EntraID)
		unique(i, d.UserID)
		unique(i, d.UPN)
		for _, g := range []GUID{d.EntraID, d.UserID, d.TenantID, d.OrgID} {
			if g[6]>>4 != 4 || g[8]>>6 != 2 {
				t.Errorf("device %d has %v, not a version 4 UUID", i, g)
			}
		}
		local, domain, _ := strings.Cut(d.UPN.String(), "@")
		want := "contoso.example"
		if i >= 150_000 {
			want = fmt.Sprintf("t%03d.tail.test", d.Tenant) // tenant 0 is contoso
		}
		first, last, ok := strings.Cut(local, ".")
		if domain != want || !ok || strings.Trim(first+last, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || first == "" {
			t.Errorf("device %d has UPN %q, want first.last@%s", i, d.UPN, want)
		}
		if !d.Model.CanRun(d.OS) {
			t.Errorf("device %d is a %s on iOS %s", i, d.Model.ID, d.OS.Version)
		}
	}
}

func TestDeviceOutOfRange(t *testing.T) {
	f := testFleet(t, 1, testSpecs(30))
	for _, i := range []int{-1, f.Devices()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Device(%d) of %d did not panic", i, f.Devices())
				}
			}()
			f.Device(i, new(Device))
		}()
	}
}
