package scenario

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drover/profiles"
	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
)

// TestTimeline spells out the values behind testdata/ok/timeline.yaml, whose variant makes a phase three times shorter.
func TestTimeline(t *testing.T) {
	src, err := os.ReadFile("testdata/ok/timeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc := mustParse(t, string(src), options(src))
	ptr := func(f float64) *float64 { return &f }
	ios := func(version string) *fleet.Release {
		for i := range sc.Catalogue.Releases {
			if r := &sc.Catalogue.Releases[i]; r.Version == version {
				return r
			}
		}
		t.Fatalf("no iOS %s", version)
		return nil
	}
	const hour = time.Hour
	wave := 30*time.Second + 40*time.Minute // two of 24 hours, now of eight
	want := []Entry{
		{Name: "wave", At: wave, Until: wave + 10*time.Minute, Select: fleet.Pick{Fleet: "contoso", Share: 0.125, Key: "wave"},
			Change: &behavior.Change{MaliciousShare: ptr(0.08)}},
		{Name: "everything", At: 10500 * time.Millisecond, Select: fleet.Pick{Cohort: "contoso/phones", Tenant: "contoso/3", Share: 1, Key: "everything"},
			Change: &behavior.Change{
				Rates: [event.NumKinds]*behavior.Rate{
					event.Heartbeat: {Every: 10 * time.Minute}, event.Memory: {Every: 90 * time.Second}, event.AppInfo: {Every: hour},
					event.AppAction: {PerDay: 7}, event.WebThreat: {}, event.Crash: {PerDay: 0.5}, event.Diagnostics: {Every: 48 * hour}, event.Feedback: {PerDay: 1},
				},
				Bypass: ptr(0.5), OfflinePerDay: ptr(24),
				Settings: fleet.SettingsChange{ExcludeURLInReport: ptr(1), UnsafeSiteInfo: ptr(0.125), OptionalDiagnostics: ptr(0), FeedbackData: ptr(0.55)},
			}},
		{Name: "build", At: 30 * time.Second, Select: fleet.Pick{Share: 1, Key: "build"}, Release: &behavior.Release{App: "1.1.71010101", Uptake: behavior.Uptake{
			{After: 24 * hour, Share: 0.20}, {After: 48 * hour, Share: 0.40}, {After: 72 * hour, Share: 0.55}, {After: 120 * hour, Share: 0.70},
			{After: 168 * hour, Share: 0.78}, {After: 240 * hour, Share: 0.84}, {After: 336 * hour, Share: 0.89}, {After: 504 * hour, Share: 0.92},
			{After: 720 * hour, Share: 0.94}, {After: 1440 * hour, Share: 0.97},
		}}},
		{Name: "other-build", At: 30*time.Second + 8*hour + 99*time.Second, Select: fleet.Pick{Share: 1, Key: "other-build"},
			Release: &behavior.Release{App: "1.1.71020101", Uptake: behavior.AtOnce}},
		{Name: "ios", At: 30*time.Second + 8*hour, Select: fleet.Pick{Share: 1, Key: "ios"}, Release: &behavior.Release{OS: ios("26.5"),
			Uptake: behavior.Uptake{{After: 36 * hour, Share: 0.10}, {After: 168 * hour, Share: 0.555}, {After: 336 * hour, Share: 1}}}},
		{Name: "ios-default", At: 30*time.Second + 4*hour, Select: fleet.Pick{Cohort: "pads", Share: 1, Key: "ios-default"}, Release: &behavior.Release{OS: ios("26.5.2"),
			Uptake: behavior.Uptake{
				{After: 24 * hour, Share: 0.08}, {After: 72 * hour, Share: 0.25}, {After: 168 * hour, Share: 0.48}, {After: 336 * hour, Share: 0.65},
				{After: 720 * hour, Share: 0.80}, {After: 1440 * hour, Share: 0.88},
			}}},
	}
	for i, words := range [][2]string{
		{"webVisit.maliciousShare: 8%", "fleet: contoso, percent: 12.5"},
		{"heartbeat.every: 10m, memory.every: 90s, appInfo.every: 1h, appAction.perDay: 7, webVisit.perDay: 0, webVisit.bypass: 50%, crash.perDay: 0.5, " +
			"diagnostics.every: 2d, feedback.perDay: 1, offline.perDay: 24, DefenderExcludeURLInReport: {true: 100, false: 0}, user.unsafe_site_info: {true: 12.5, false: 87.5}, " +
			"optionalDiagnostics: {true: 0, false: 100}, DefenderFeedbackData: {true: 55, false: 45}", "cohort: contoso/phones, tenant: contoso/3"},
		{"app 1.1.71010101", "all devices"}, {"app 1.1.71020101", "all devices"}, {"iOS 26.5", "all devices"}, {"iOS 26.5.2", "cohort: pads"},
	} {
		want[i].What, want[i].Who = words[0], words[1]
	}
	if diff := cmp.Diff(want, sc.Timeline); diff != "" {
		t.Errorf("Timeline (-want +got):\n%s", diff)
	}
	if whole := mustParse(t, string(src), Options{}); whole.Timeline[0].At != 30*time.Second+2*hour || whole.Timeline[0].Until != whole.Timeline[0].At+30*time.Minute {
		t.Errorf("without the variant the wave is from %v until %v", whole.Timeline[0].At, whole.Timeline[0].Until)
	}
}

// A timeline of any size costs little, and one that is too long is refused.
func TestTimelineTooLong(t *testing.T) {
	long := func(n int) string {
		var b strings.Builder
		b.WriteString(minimal + "  timeline:\n")
		for i := range n {
			fmt.Fprintf(&b, "    - {name: e%d, at: day, change: {heartbeat.every: 1m}}\n", i)
		}
		return b.String()
	}
	if got := len(mustParse(t, long(maxEntries), Options{}).Timeline); got != maxEntries {
		t.Errorf("%d entries, want %d", got, maxEntries)
	}
	_, err := Parse("long.yaml", []byte(long(maxEntries+1)), Options{})
	if want := "long.yaml:10:5: timeline: 201 entries are more than 200"; err == nil || err.Error() != want {
		t.Errorf("Parse = %v, want %s", err, want)
	}
}

// TestUptakeFile: the shipped curves are ones, and a damaged file is refused with its name.
func TestUptakeFile(t *testing.T) {
	curves, err := loadUptake(profiles.Files)
	if err != nil || len(curves) != 2 {
		t.Fatalf("loadUptake = %v, %v", curves, err)
	}
	src, err := fs.ReadFile(profiles.Files, "uptake.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for was, is := range map[string]string{"[2, 40]": "[2, 10]", "[60, 97]": "[60, 107]", "[1, 20]": "[1, -20]", "  os:": "  oss:", "[3, 25]": "[1, 25]"} {
		_, err := loadUptake(fstest.MapFS{"uptake.yaml": {Data: []byte(strings.Replace(string(src), was, is, 1))}})
		if err == nil || !strings.HasPrefix(err.Error(), "uptake.yaml: ") {
			t.Errorf("with %s for %s: %v", is, was, err)
		}
	}
}
