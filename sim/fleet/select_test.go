package fleet

import (
	"math"
	"testing"
)

// What is given must hold, all of it, and the counts are those of the fleet.
func TestSelect(t *testing.T) {
	f := testFleet(t, 1, testSpecs(9000))
	tenants := f.Tenants()
	for name, c := range map[string]struct {
		pick Pick
		want int
		is   func(d *Device) bool
	}{
		"all":            {Pick{}, 12000, func(d *Device) bool { return true }},
		"a fleet":        {Pick{Fleet: "contoso"}, 9000, func(d *Device) bool { return d.Index < 9000 }},
		"a cohort":       {Pick{Cohort: "current"}, 6300 + 3000, func(d *Device) bool { return d.Cohort != 1 }},
		"one cohort":     {Pick{Cohort: "contoso/current"}, 6300, func(d *Device) bool { return d.Cohort == 0 }},
		"a tenant":       {Pick{Tenant: "long-tail/2"}, tenants[2].Devices, func(d *Device) bool { return d.Tenant == 2 }},
		"all of a fleet": {Pick{Tenant: "contoso/1"}, 9000, func(d *Device) bool { return d.Tenant == 0 }},
		"two that clash": {Pick{Fleet: "contoso", Tenant: "long-tail/2"}, 0, func(d *Device) bool { return false }},
	} {
		c.pick.Share = 1
		s, err := f.Select(c.pick)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := s.Count(); n != c.want {
			t.Errorf("%s: %d devices, want %d", name, n, c.want)
		}
		var d Device
		for i := range f.Devices() {
			if f.Device(i, &d); s.Has(i) != c.is(&d) {
				t.Fatalf("%s: device %d is selected: %v, want %v", name, i, s.Has(i), c.is(&d))
			}
		}
	}
	for _, p := range []Pick{
		{Share: -0.1}, {Share: 1.1}, {Share: math.NaN()}, {Share: 1, Fleet: "nobody"}, {Share: 1, Cohort: "contoso/nobody"},
		{Share: 1, Fleet: "long-tail", Cohort: "kiosk"}, {Share: 1, Tenant: "contoso"}, {Share: 1, Tenant: "contoso/0"},
		{Share: 1, Tenant: "contoso/2"}, {Share: 1, Tenant: "nobody/1"}, {Share: 1, Tenant: "contoso/-1"}, {Share: 1, Tenant: "long-tail/8"},
	} {
		if _, err := f.Select(p); err == nil {
			t.Errorf("Select(%+v) is no error", p)
		}
	}
}

// A share is of the devices, grows by adding some, and depends on the key, the seed and the device's place in its cohort only.
func TestSelectShare(t *testing.T) {
	f := testFleet(t, 1, testSpecs(9000))
	of := func(f *Fleet, share float64, key string) []bool {
		s, err := f.Select(Pick{Share: share, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		has := make([]bool, f.Devices())
		for i := range has {
			has[i] = s.Has(i)
		}
		return has
	}
	count := func(a, b []bool) (n float64) {
		for i := range a {
			if a[i] && b[i] {
				n++
			}
		}
		return n
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("%s: %v devices, want about %v", what, got, want)
		}
	}
	fifth, third := of(f, 0.2, "wave"), of(f, 0.3, "wave")
	near("a fifth", count(fifth, fifth), 2400)
	if both := count(fifth, third); both != count(fifth, fifth) {
		t.Errorf("%v of a fifth are in a third, want all", both)
	}
	near("two keys", count(fifth, of(f, 0.2, "other")), 480)
	near("two seeds", count(fifth, of(testFleet(t, 2, testSpecs(9000)), 0.2, "wave")), 480)
	more := of(testFleet(t, 1, testSpecs(12000)), 0.2, "wave")
	for i := range 6300 { // contoso/current
		if more[i] != fifth[i] {
			t.Fatalf("device %d is selected: %v in a small fleet, %v in a large one", i, fifth[i], more[i])
		}
	}
	if n := count(of(f, 0, "wave"), third); n != 0 {
		t.Errorf("a share of 0 has %v devices", n)
	}
}

// Each setting follows its own share, moves only the devices between the old and the new one, and no other setting.
func TestResettle(t *testing.T) {
	f := testFleet(t, 1, testSpecs(9000))
	half, none := 0.5, 0.0
	var was, is Device
	var on, off int
	for i := range 9000 {
		f.Device(i, &was)
		is = was
		f.Resettle(&is, &SettingsChange{})
		if is != was {
			t.Fatalf("device %d changes without a change", i)
		}
		change := SettingsChange{OptionalDiagnostics: &half, FeedbackData: &none, ExcludeURLInReport: &none}
		f.Resettle(&is, &change)
		if was.OptionalDiag && !is.OptionalDiag {
			t.Fatalf("device %d takes consent back while more give it", i)
		}
		if is.FeedbackForm || is.ExcludeURL || is.AdminExcludeURL || is.UnsafeSiteInfo || is.Supervised != was.Supervised {
			t.Fatalf("device %d: %+v", i, is)
		}
		diag, form := f.Consents(i, &change)
		if diag != is.OptionalDiag || form != is.FeedbackForm {
			t.Fatalf("device %d: Consents = %v, %v, the device says %v, %v", i, diag, form, is.OptionalDiag, is.FeedbackForm)
		}
		if is.OptionalDiag && !was.OptionalDiag {
			on++
		}
		f.Resettle(&is, &SettingsChange{OptionalDiagnostics: &none})
		if was.OptionalDiag {
			off++
		}
		if is.OptionalDiag || is.FeedbackForm != was.FeedbackForm {
			t.Fatalf("device %d: a new change keeps the old one", i)
		}
	}
	if want := 9000 * 0.18; math.Abs(float64(on)-want) > 5*math.Sqrt(want) {
		t.Errorf("%d devices consent now, want about %v", on, want)
	}
	if off == 0 {
		t.Error("nobody consented before")
	}
}

// What is merged later counts, and what it leaves out stays.
func TestMerge(t *testing.T) {
	a, b, c := 0.1, 0.2, 0.3
	s := SettingsChange{OptionalDiagnostics: &a, UnsafeSiteInfo: &a}
	s.Merge(SettingsChange{OptionalDiagnostics: &b, FeedbackData: &c, ExcludeURLInReport: &c})
	if *s.OptionalDiagnostics != b || *s.UnsafeSiteInfo != a || *s.FeedbackData != c || *s.ExcludeURLInReport != c {
		t.Errorf("Merge = %v %v %v %v", *s.OptionalDiagnostics, *s.UnsafeSiteInfo, *s.FeedbackData, *s.ExcludeURLInReport)
	}
}
