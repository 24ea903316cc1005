package fleet

import (
	"fmt"
	"math"
	"testing"
)

// within checks a count out of n trials of probability p: no further than five standard deviations of the binomial from
// its mean, which happens by chance once in two million.
func within(t *testing.T, count, n int, p float64, format string, args ...any) {
	t.Helper()
	mean := float64(n) * p
	if bound := 5 * math.Sqrt(mean*(1-p)); math.Abs(float64(count)-mean) > bound {
		t.Errorf("%s: %d of %d, want %.0f +- %.0f", fmt.Sprintf(format, args...), count, n, mean, bound)
	}
}

func TestShares(t *testing.T) {
	f := testFleet(t, 11, testSpecs(200_000)[:1])
	count := map[string]int{}
	n := f.Cohorts()[0].Count
	kiosks := f.Cohorts()[1].Count
	if n != 140_000 || kiosks != 60_000 {
		t.Fatalf("cohorts have %d and %d devices", n, kiosks)
	}
	var d Device
	for i := range f.Devices() {
		f.Device(i, &d)
		add := func(what string, is bool) {
			if is {
				count[what]++
			}
		}
		add("GUID", !d.HasMAC)
		add("AdminExcludeURL", d.AdminExcludeURL)
		add("Supervised", d.Supervised)
		add("UnsafeSiteInfo", d.UnsafeSiteInfo)
		add("ExcludeURL", d.ExcludeURL)
		add("OptionalDiag", d.OptionalDiag)
		add("FeedbackForm", d.FeedbackForm)
		add("OptionalDiag and ExcludeURL", d.OptionalDiag && d.ExcludeURL)
		add("OptionalDiag and FeedbackForm", d.OptionalDiag && d.FeedbackForm)
		add("OptionalDiag and GUID", d.OptionalDiag && !d.HasMAC)
		if d.Cohort == 1 {
			add("kiosk on 17", d.OS.Major == 17)
			add("kiosk in UTC", d.Timezone.String() == "UTC")
			continue
		}
		count[d.OS.Version]++
		count[d.Model.ID+" on "+d.OS.Version]++
		count[d.App]++
		count[d.Locale]++
		count[d.Timezone.String()]++
		add("de-DE in Berlin", d.Locale == "de-DE" && d.Timezone.String() == "Europe/Berlin")
		add("de-DE on 26.5", d.Locale == "de-DE" && d.OS.Version == "26.5")
		add("old app on 26.5", d.App == "1.1.68140102" && d.OS.Version == "26.5")
	}
	for _, tt := range []struct {
		what string
		of   int
		p    float64
	}{
		{"GUID", 200_000, 0.9},
		{"AdminExcludeURL", 200_000, 0.2},
		{"Supervised", 200_000, 0.3},
		{"UnsafeSiteInfo", 200_000, 0.2 * 0.7 * 0.25},
		{"ExcludeURL", 200_000, 0.2 * (1 - 0.7*0.25)},
		{"OptionalDiag", 200_000, 0.32},
		{"FeedbackForm", 200_000, 0.75},
		{"OptionalDiag and ExcludeURL", 200_000, 0.32 * 0.2 * (1 - 0.7*0.25)},
		{"OptionalDiag and FeedbackForm", 200_000, 0.32 * 0.75},
		{"OptionalDiag and GUID", 200_000, 0.32 * 0.9},
		{"kiosk on 17", kiosks, 0.25},
		{"kiosk in UTC", kiosks, 1},
		{"16.6.1", n, 0.2},
		{"26.5", n, 0.7},
		{"26.5.1", n, 0.1},
		// 16.6.1: iPhone 8 and 11 in the ratio 20:50, the 8 divided between its identifiers
		{"iPhone10,1 on 16.6.1", n, 0.2 * 20 / 70 / 2},
		{"iPhone10,4 on 16.6.1", n, 0.2 * 20 / 70 / 2},
		{"iPhone12,1 on 16.6.1", n, 0.2 * 50 / 70},
		// 26.5: iPhone 11 and 17 Pro in the ratio 50:30
		{"iPhone12,1 on 26.5", n, 0.7 * 50 / 80},
		{"iPhone18,1 on 26.5", n, 0.7 * 30 / 80},
		{"iPhone18,1 on 26.5.1", n, 0.1},
		{"1.1.70290103", n, 0.8},
		{"de-DE", n, 0.4},
		{"Europe/Berlin", n, 0.6},
		{"America/New_York", n, 0.4},
		{"de-DE in Berlin", n, 0.4 * 0.6},
		{"de-DE on 26.5", n, 0.4 * 0.7},
		{"old app on 26.5", n, 0.2 * 0.7},
	} {
		within(t, count[tt.what], tt.of, tt.p, "%s", tt.what)
	}
}

// Devices next to each other are independent: their indices differ by one, their draws must not.
func TestNeighboursAreIndependent(t *testing.T) {
	f := testFleet(t, 12, testSpecs(150_000)[:1])
	n := f.Cohorts()[0].Count
	both, diag := 0, 0
	var d Device
	lastOS, lastDiag := false, false
	for i := range n {
		f.Device(i, &d)
		isOS := d.OS.Version == "26.5"
		if i > 0 && isOS && lastOS {
			both++
		}
		if i > 0 && d.OptionalDiag && lastDiag {
			diag++
		}
		lastOS, lastDiag = isOS, d.OptionalDiag
	}
	// Pairs overlap, so the variance is p^2(1-p^2) + 2(p^3-p^4) per pair, at most 3 times the binomial's.
	for _, tt := range []struct {
		what  string
		count int
		p     float64
	}{{"26.5 twice in a row", both, 0.7}, {"OptionalDiag twice in a row", diag, 0.32}} {
		p2 := tt.p * tt.p
		mean, sd := float64(n-1)*p2, math.Sqrt(float64(n-1)*(p2*(1-p2)+2*(p2*tt.p-p2*p2)))
		if math.Abs(float64(tt.count)-mean) > 5*sd {
			t.Errorf("%s: %d, want %.0f +- %.0f", tt.what, tt.count, mean, 5*sd)
		}
	}
}
