package fleet

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestNewErrors(t *testing.T) {
	shares := func(name string, weight float64) []Share[string] { return []Share[string]{{name, weight}} }
	for _, tt := range []struct {
		what   string
		change func(*Spec)
		want   string
	}{
		{"unknown model", func(s *Spec) { s.Cohorts[0].Profile.Models = shares("iPhone 99", 1) }, `fleet "contoso": cohort "current": profile "phones": model "iPhone 99" is not in the catalogue`},
		{"no model", func(s *Spec) { s.Cohorts[0].Profile.Models = nil }, `profile "phones": models: there is nothing to choose from`},
		{"unknown version", func(s *Spec) { s.Cohorts[1].OS = shares("26.55", 1) }, `fleet "contoso": cohort "kiosk": iOS "26.55" is not in the catalogue`},
		{"wrong platform", func(s *Spec) { s.Cohorts[0].OS = shares("17.7.10", 1) }, `cohort "current": none of the models of profile "phones" can run iOS 17.7.10: it was not released for iPhones`},
		{"another device's version", func(s *Spec) {
			s.Cohorts[0].OS = shares("26.5.1", 1)
			s.Cohorts[0].Profile.Models = shares("iPhone 11", 1)
		}, `it was released only for iPhone18,1`},
		{"older than the model", func(s *Spec) {
			s.Cohorts[0].OS = shares("26.0", 1)
			s.Cohorts[0].Profile.Models = shares("iPhone 17 Pro", 1)
		}, `can run iOS 26.0: it is too old for some`},
		{"newer than the model", func(s *Spec) {
			s.Cohorts[0].OS = shares("26.0", 1)
			s.Cohorts[0].Profile.Models = shares("iPhone 8", 1)
		}, `can run iOS 26.0: it is too new for some`},
		{"NaN", func(s *Spec) { s.Cohorts[0].OS = shares("26.5", math.NaN()) }, `a weight of NaN is out of range`},
		{"negative", func(s *Spec) { s.Cohorts[0].Profile.Locales = shares("de-DE", -1) }, `locales: a weight of -1 is out of range`},
		{"no such app", func(s *Spec) { s.Cohorts[0].Profile.AppVersions = []Share[string]{{"1.1.70320101", 1}} }, `profile "phones": app version "1.1.70320101": its month October 2025 has no such day`},
		{"no app", func(s *Spec) { s.Cohorts[0].Profile.AppVersions = nil }, `app versions: there is nothing to choose from`},
		{"zone", func(s *Spec) { s.Cohorts[0].Timezones = shares("Mars/Olympus", 1) }, `cohort "current": time zone "Mars/Olympus": unknown time zone`},
		{"the machine's zone", func(s *Spec) { s.Cohorts[0].Timezones = shares("Local", 1) }, `time zone "Local" is not an IANA name`},
		{"cohort weights", func(s *Spec) { s.Cohorts[0].Weight, s.Cohorts[1].Weight = 0, 0 }, `fleet "contoso": cohort weights: they add up to nothing`},
		{"infinite weight", func(s *Spec) { s.Cohorts[0].Weight = math.Inf(1) }, `cohort weights: a weight of +Inf is out of range`},
		{"cohort twice", func(s *Spec) { s.Cohorts[1].Name = "current" }, `cohort "current": the name is taken`},
		{"no cohort", func(s *Spec) { s.Cohorts = nil }, `it has no cohort`},
		{"tenants", func(s *Spec) { s.Tenants.Count = 0 }, `tenants: a count of 0 is out of range`},
		{"zipf", func(s *Spec) { s.Tenants.Zipf = math.NaN() }, `a Zipf exponent of NaN is out of range`},
		{"devices", func(s *Spec) { s.Devices = -1 }, `devices: -1 is out of range`},
		{"share", func(s *Spec) { s.Identity.GUID = 90 }, `identity: GUID: a share of 90 is out of range; want 0 to 1`},
		{"setting", func(s *Spec) { s.Settings.FeedbackData = -0.1 }, `settings: FeedbackData: a share of -0.1 is out of range`},
		{"real domain", func(s *Spec) { s.Identity.UPNDomain = "contoso.com" }, `fleet "contoso": UPN domain "contoso.com" is not reserved`},
		{"almost reserved", func(s *Spec) { s.Identity.UPNDomain = "contoso.example.com" }, `is not reserved`},
		{"bare", func(s *Spec) { s.Identity.UPNDomain = "example" }, `is not reserved`},
		{"no domain", func(s *Spec) { s.Identity.UPNDomain = "" }, `UPN domain "" is not a host name`},
		{"upper case", func(s *Spec) { s.Identity.UPNDomain = "Contoso.example" }, `is not a host name in lower case`},
		{"injection", func(s *Spec) { s.Identity.UPNDomain = "a\r\nb.example" }, `is not a host name in lower case`},
		{"long", func(s *Spec) { s.Identity.UPNDomain = strings.Repeat("a.", 100) + "example" }, `is too long`},
	} {
		specs := testSpecs(100)
		tt.change(&specs[0])
		_, err := New(testCatalogue(), 1, specs)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), `fleet "contoso": `) {
			t.Errorf("%s: New() error = %v, want one of fleet contoso with %q", tt.what, err, tt.want)
		}
	}
	specs := testSpecs(100)
	specs[1].Name = "contoso"
	if _, err := New(testCatalogue(), 1, specs); err == nil || !strings.Contains(err.Error(), "the name is taken") {
		t.Errorf("New with a fleet twice: error %v", err)
	}
	if _, err := New(testCatalogue(), 1, nil); err == nil {
		t.Errorf("New without fleets succeeded")
	}
	cat := testCatalogue()
	cat.OUIs = nil
	if _, err := New(cat, 1, testSpecs(100)); err == nil || !strings.Contains(err.Error(), "no OUI") {
		t.Errorf("New without OUIs: error %v, want one about OUIs", err)
	}
	cat.OUIs = [][3]byte{{1, 2, 3}}
	if _, err := New(cat, 1, testSpecs(16_000_000)); err == nil || !strings.Contains(err.Error(), "too many for the hardware addresses") {
		t.Errorf("New with more devices than addresses: error %v", err)
	}
}

// Cohorts and tenants are runs and sets of devices with the sizes that were asked for.
func TestCohortsAndTenants(t *testing.T) {
	f := testFleet(t, 9, testSpecs(9001)) // 9001 and 3000 devices
	want := []Cohort{{"contoso", "current", 0, 6301}, {"contoso", "kiosk", 6301, 2700}, {"long-tail", "current", 9001, 3000}}
	if got := f.Cohorts(); !slices.Equal(got, want) {
		t.Errorf("Cohorts() = %v, want %v", got, want)
	}
	byTenant := make([]int, len(f.Tenants()))
	var d Device
	for i := range f.Devices() {
		f.Device(i, &d)
		ten := f.Tenants()[d.Tenant]
		c := f.Cohorts()[d.Cohort]
		if d.Index != i || i < c.First || i >= c.First+c.Count || c.Fleet != ten.Fleet {
			t.Fatalf("device %d has index %d, cohort %v, tenant %v", i, d.Index, c, ten)
		}
		if f.CohortOf(i) != d.Cohort || f.TenantOf(i) != d.Tenant || d.TenantID != ten.ID || d.OrgID != ten.OrgID {
			t.Fatalf("device %d: CohortOf %d, TenantOf %d; device has %d, %d, %v", i, f.CohortOf(i), f.TenantOf(i), d.Cohort, d.Tenant, d.TenantID)
		}
		byTenant[d.Tenant]++
	}
	var sizes []int
	for i, ten := range f.Tenants() {
		if byTenant[i] != ten.Devices {
			t.Errorf("tenant %d has %d devices, says %d", i, byTenant[i], ten.Devices)
		}
		sizes = append(sizes, ten.Devices)
	}
	if sum := sizes[1] + sizes[2] + sizes[3] + sizes[4] + sizes[5] + sizes[6] + sizes[7]; sum != 3000 || sizes[0] != 9001 {
		t.Errorf("tenant sizes = %v, want 9001 and seven with 3000 in all", sizes)
	}
	norm := 0.0
	for r := 1; r <= 7; r++ {
		norm += math.Pow(float64(r), -1.2)
	}
	for r := 1; r <= 7; r++ {
		if exact := 3000 * math.Pow(float64(r), -1.2) / norm; math.Abs(float64(sizes[r])-exact) >= 1 {
			t.Errorf("tenant of rank %d has %d devices, want %.1f", r, sizes[r], exact)
		}
	}
}

// Each tenant has its share of each cohort, although both are divided by position.
func TestTenantsMixCohorts(t *testing.T) {
	specs := testSpecs(40_000)[:1]
	specs[0].Tenants = Tenants{Count: 8}
	f := testFleet(t, 1, specs)
	var kiosks [8]int
	for i := range f.Devices() {
		if f.CohortOf(i) == 1 {
			kiosks[f.TenantOf(i)]++
		}
	}
	for ten, n := range kiosks {
		within(t, n, 5000, 0.3, "kiosks of tenant %d", ten)
	}
}

func TestOSShare(t *testing.T) {
	f := testFleet(t, 1, testSpecs(100))
	got := f.OSShare(1)
	if len(got) != 2 || got[0].Value != "17.7.10" || math.Abs(got[0].Weight-0.25) > 1e-12 || math.Abs(got[1].Weight-0.75) > 1e-12 {
		t.Errorf("OSShare(1) = %v, want 17.7.10: 0.25, 26.5: 0.75", got)
	}
}
