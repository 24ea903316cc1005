package scenario

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"drover/scenarios"
	"drover/sim/behavior"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/pace"
	"drover/sim/privacy"
	"drover/sim/target"
	"drover/sim/wire"
)

// minimal is the shortest scenario: everything else has a default.
const minimal = `apiVersion: drover/v1
kind: Scenario
metadata: {name: minimal}
spec:
  target: {url: embedded}
  fleets: [{name: f, devices: 10, cohorts: [{name: c, weight: 100, profile: enterprise-iphone, behavior: b}]}]
  behaviors: {b: {events: {heartbeat: {}}}}
  load: {phases: [{name: day, for: 10s}]}
`

func mustParse(t *testing.T, src string, opt Options) *Scenario {
	t.Helper()
	sc, err := Parse("test.yaml", []byte(src), opt)
	if err != nil {
		t.Fatalf("Parse: %v\nof\n%s", err, src)
	}
	return sc
}

// sameAdapter compares by name: what a mapping says is in the resolved file, which is compared as well.
var sameAdapter = cmp.Comparer(func(x, y *wire.Mapping) bool { return x.Name == y.Name && x.PerEvent == y.PerEvent })

// samePlace is the same for a place of messages.
var samePlace = cmp.Comparer(func(x, y *wire.Template) bool { return (x == nil) == (y == nil) })

// same tells whether two scenarios mean the same, whatever their files are called. What they share is not changed, so the pointer
// to a contract tells all.
func same(a, b *Scenario) string {
	return cmp.Diff(a, b, prefixes, samePlace, cmpopts.EquateComparable(event.Zone{}), sameAdapter, cmpopts.IgnoreFields(Scenario{}, "File", "Catalogue"), cmp.Comparer(func(x, y *privacy.Contract) bool { return x == y }))
}

// TestResolved: the resolved file holds everything, so reading it again changes nothing.
func TestResolved(t *testing.T) {
	var sources []string
	files, _ := filepath.Glob("testdata/ok/*.yaml")
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(src))
		sc := mustParse(t, string(src), options(src))
		golden(t, strings.TrimSuffix(f, ".yaml")+".out", sc.Resolved)
	}
	for _, name := range Shipped() {
		src, err := fs.ReadFile(scenarios.Files, name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(src))
	}
	for _, src := range append(sources, minimal) {
		sc := mustParse(t, src, options([]byte(src)))
		again := mustParse(t, string(sc.Resolved), Options{})
		if diff := same(sc, again); diff != "" {
			t.Errorf("Parse(Resolved) of %q differs:\n%s", sc.Name, diff)
		}
	}
}

// prefixes compares addresses, which hide what they are made of.
var prefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// TestEverything spells out the values behind testdata/ok/everything.yaml.
func TestEverything(t *testing.T) {
	src, err := os.ReadFile("testdata/ok/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc := mustParse(t, string(src), options(src))
	one := deriveSeeds(1)
	if want := (Seeds{18446744073709551615, one.Behavior, 3, one.Faults}); sc.Seeds != want {
		t.Errorf("Seeds = %v, want %v", sc.Seeds, want)
	}
	if want := time.Date(2026, 5, 4, 0, 0, 0, 5e8, time.UTC); !sc.Start.Equal(want) || sc.Start.Location() != time.UTC {
		t.Errorf("Start = %v, want %v", sc.Start, want)
	}
	wantTarget := Target{
		URL: "https://staging.example.com:8443/v1", Protocol: &target.Protocols[0], Adapter: &wire.Mapping{Name: "drover"}, AllowHosts: []string{"staging.example.com", "::2"},
		TLS:    target.TLS{CAFrom: target.SecretRef{File: "ca.pem"}, ServerName: "api.example.com", MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13},
		Secure: true,
		Auth:   target.Auth{Type: "bearer", Per: "tenant", SecretFrom: target.SecretRef{Env: "DROVER_SECRET"}},
		Client: target.Client{MaxOpen: 10, Queue: 100, Timeout: 1500 * time.Millisecond, Compression: "gzip", HTTP2: true, Proxy: &url.URL{Scheme: "http", Host: "127.0.0.1:3128"},
			Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
			Retry:   target.Retry{MaxAttempts: 1, Base: time.Millisecond, Cap: 90 * time.Second}},
	}
	if diff := cmp.Diff(wantTarget, sc.Target, prefixes, sameAdapter); diff != "" {
		t.Errorf("Target (-want +got):\n%s", diff)
	}
	if want := (behavior.Batch{MaxEvents: 5}); sc.Batch != want {
		t.Errorf("Batch = %v, want %v", sc.Batch, want)
	}
	if want := (behavior.Spool{MaxEvents: 7}); sc.Spool != want {
		t.Errorf("Spool = %v, want %v", sc.Spool, want)
	}

	contoso := sc.Fleets[0]
	if contoso.Devices != 20 || sc.Fleets[1].Devices != 7 { // half of 40; set by the variant
		t.Errorf("Devices = %d and %d, want 20 and 7", contoso.Devices, sc.Fleets[1].Devices)
	}
	if want := (fleet.Tenants{Count: 4, Zipf: 1.2}); contoso.Tenants != want {
		t.Errorf("Tenants = %v, want %v", contoso.Tenants, want)
	}
	if want := (fleet.Identity{GUID: 0.875, UPNDomain: "mail.contoso.test"}); contoso.Identity != want {
		t.Errorf("Identity = %v, want %v", contoso.Identity, want)
	}
	if want := (fleet.Settings{ExcludeURLInReport: 0.25, UnsafeSiteInfo: 0.125, Supervised: 0.5, FeedbackData: 0.5, NetworkPrivacy: 0.75, TVMPrivacy: 0.125}); contoso.Settings != want {
		t.Errorf("Settings = %v, want %v", contoso.Settings, want)
	}
	if want := (fleet.Settings{OptionalDiagnostics: 0.32, FeedbackData: 1, NetworkPrivacy: 1, TVMPrivacy: 1}); sc.Fleets[1].Settings != want {
		t.Errorf("default Settings = %v, want %v", sc.Fleets[1].Settings, want)
	}
	current := contoso.Cohorts[0]
	if want := []fleet.Share[string]{{Value: "26.4.2", Weight: 60}, {Value: "26.4.1", Weight: 40}}; !slices.Equal(current.OS, want) {
		t.Errorf("OS = %v, want %v", current.OS, want)
	}
	if want := []fleet.Share[string]{{Value: "Europe/Berlin", Weight: 60}, {Value: "UTC", Weight: 40}}; !slices.Equal(current.Timezones, want) {
		t.Errorf("Timezones = %v, want %v", current.Timezones, want)
	}
	if current.Weight != 62.5 || current.Profile.Name != "enterprise-iphone" {
		t.Errorf("cohort = %v %q, want 62.5 enterprise-iphone", current.Weight, current.Profile.Name)
	}

	wantRates := [event.NumKinds]behavior.Rate{
		event.Heartbeat: {Every: time.Hour}, event.Memory: {Every: time.Hour, Jitter: 0.1}, event.AppInfo: {PerDay: 1},
		event.AppAction: {Every: 2 * time.Hour}, event.WebThreat: {PerDay: 160}, event.Crash: {PerDay: 0.00615},
		event.Diagnostics: {Every: 24 * time.Hour, Jitter: 1}, event.Feedback: {PerDay: 0.00005},
	}
	mixed, kiosk := sc.Plans[0], sc.Plans[1]
	if mixed.Rates != wantRates {
		t.Errorf("Rates = %v, want %v", mixed.Rates, wantRates)
	}
	wantRates[event.Heartbeat] = behavior.Rate{PerDay: 24} // perDay replaces the inherited every
	if kiosk.Rates != wantRates {
		t.Errorf("Rates of kiosk = %v, want %v", kiosk.Rates, wantRates)
	}
	wantMix := []behavior.CategoryMix{{Value: event.Scam, Weight: 33.3}, {Value: event.Phishing, Weight: 33.3}, {Value: event.C2, Weight: 33.4}}
	if want := (behavior.Web{MaliciousShare: 0.007, Dispersion: behavior.NewSpread(0.25), Bypass: 0.04}); !reflect.DeepEqual(mixed.Web, want) {
		t.Errorf("Web = %v, want %v", mixed.Web, want)
	}
	if mixed.Web.Dispersion != kiosk.Web.Dispersion {
		t.Error("two behaviours of one dispersion have a table each")
	}
	wantSites := behavior.Sites{Zipf: 0, Revisits: 0.5, Mix: wantMix, Hard: 0.25, Listed: 0.6, Unknown: 0.025, Late: 0.1, LateWithin: 36 * time.Hour,
		Patterns: []behavior.PatternShare{{Value: event.Combosquat, Weight: 50}, {Value: event.TokenQuery, Weight: 50}}}
	if sc.Zone.String() != "lab.invalid" {
		t.Errorf("Zone = %v, want lab.invalid", sc.Zone)
	}
	if diff := cmp.Diff(wantSites, sc.Sites); diff != "" {
		t.Errorf("Sites (-want +got):\n%s", diff)
	}
	if kiosk.Web.MaliciousShare != 0 || kiosk.Web.Bypass != 0.04 {
		t.Errorf("Web of kiosk = %v, want maliciousShare replaced and bypass inherited", kiosk.Web)
	}
	if want := (behavior.Crashes{Mix: []fleet.Share[string]{{Value: "sigtrap", Weight: 100}}, More: []behavior.CrashMore{{OS: "26.4.1", Times: 0.5}}, Form: event.MetricKit}); !reflect.DeepEqual(mixed.Crashes, want) {
		t.Errorf("Crashes = %v, want %v", mixed.Crashes, want)
	}
	if want := (behavior.Offline{PerDay: 3, Median: 20 * time.Minute, P95: 2 * time.Hour}); kiosk.Offline != want {
		t.Errorf("Offline of kiosk = %v, want %v", kiosk.Offline, want)
	}
	if mixed.Day.WeekendFactor != 0 || mixed.Day.Weekday == kiosk.Day.Weekday {
		t.Errorf("Day = %v, want weekend 0 and a shape other than kiosk's", mixed.Day)
	}
	if sum := sumOf(kiosk.Day.Weekday); sum < 24-1e-9 || sum > 24+1e-9 || kiosk.Day.Weekday[9] != 3*kiosk.Day.Weekday[6] {
		t.Errorf("Weekday = %v with sum %v, want the 24 numbers scaled to mean 1", kiosk.Day.Weekday, sum)
	}

	wantLoad := Workload{Arrivals: pace.Even, Phases: []Phase{
		{Name: "enroll", Do: Enroll, For: time.Second, Measure: true, Speed: 60},
		{Name: "plain", For: 90 * time.Second, Speed: 60},                                        // --set, and measure by the variant
		{Name: "constant", For: 20 * time.Second, Shape: pace.Constant{PerSec: 0.25}},            // half of 30/m
		{Name: "ramp", For: time.Hour, Measure: true, Shape: pace.Ramp{To: 25, Over: time.Hour}}, // half of 3000/m
		{Name: "wave", For: 24 * time.Hour, Measure: true, Shape: pace.Constant{PerSec: 5}},      // the variant's own
		{Name: "stairs", For: 30 * time.Second, Measure: true, Shape: pace.Steps{At: []pace.Step{{}, {From: 10 * time.Second, PerSec: 2}, {From: 20 * time.Second, PerSec: 1}}}},
		{Name: "drain", Do: Drain, For: 500 * time.Millisecond, Speed: 60},
	}}
	if diff := cmp.Diff(wantLoad, sc.Load); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}

	expect := func(metric, text string) check.Expectation {
		e, err := check.ParseExpectation(metric, text)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	bound := func(text string) *check.Bound {
		b, err := check.ParseBound(text)
		if err != nil {
			t.Fatal(err)
		}
		return &b
	}
	lag, none := expect("send_lag", "p99 <= 20ms"), int64(0)
	wantChecks := []check.Check{ // the variant changes two and skips one, count
		{Name: "p99", OnFail: check.Fail, Metric: &check.Metric{Metric: "response_time", Expect: expect("response_time", "p95 <= 1s"),
			Where: measure.Selector{Op: "upload", Phase: "plain", Fleet: "contoso", Cohort: "kiosk", Tenant: "t", Class: "ok"}}},
		{Name: "cohort", OnFail: check.Inconclusive, Metric: &check.Metric{Metric: "failed", Expect: expect("failed", "rate <= 0.1%"), Where: measure.Selector{Cohort: "other/all"}}},
		{Name: "verdicts", OnFail: check.Fail, Verdicts: &check.Verdicts{Agreement: bound(">= 99.5%"), Missed: bound("<= 0.2%"), FalseAlarms: bound("<= 1%"), AtLeast: 5}},
		{Name: "generator", OnFail: check.Fail, Generator: &check.Generator{SendLag: &lag, Dropped: &none, Achieved: bound(">= 99%")}},
		{Name: "privacy", OnFail: check.Inconclusive, Privacy: &check.Privacy{Violations: 3}},
	}
	if diff := cmp.Diff(wantChecks, sc.Checks); diff != "" {
		t.Errorf("Checks (-want +got):\n%s", diff)
	}
}

func sumOf(hours [24]float64) (sum float64) {
	for _, h := range hours {
		sum += h
	}
	return sum
}

// TestWave: a sine without a variant in its way.
func TestWave(t *testing.T) {
	sc := mustParse(t, strings.Replace(minimal, "for: 10s", "for: 10s, rate: {mean: 60/m, amplitude: 0.5/s, period: 5s}", 1), Options{})
	if got, want := sc.Load.Phases[0].Shape, (pace.Sine{Mean: 1, Amplitude: 0.5, Period: 5 * time.Second}); got != want {
		t.Errorf("Shape = %v, want %v", got, want)
	}
}

// TestClosed: in the closed model there are no arrivals, and concurrency scales.
func TestClosed(t *testing.T) {
	src, err := os.ReadFile("testdata/ok/closed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc := mustParse(t, string(src)+"  variants: {tiny: {scale: 0.25}}\n", Options{Variant: "tiny"})
	if !sc.Load.Closed || sc.Load.Concurrency != 2 {
		t.Errorf("Load = closed %v, concurrency %d, want closed with 2", sc.Load.Closed, sc.Load.Concurrency)
	}
	if want := (target.Auth{Type: "bearer", TokenFrom: target.SecretRef{File: "token.txt"}}); sc.Target.Auth != want {
		t.Errorf("Auth = %v, want %v", sc.Target.Auth, want)
	}
	if sc.Plans[0].Rates != sc.Plans[1].Rates || sc.Plans[0].Day == sc.Plans[1].Day {
		t.Errorf("an alias: rates %v and %v, want the same; days, want others", sc.Plans[0].Rates, sc.Plans[1].Rates)
	}
}

// TestSeed: a number gives four streams that have nothing in common, among themselves or with the next number's.
func TestSeed(t *testing.T) {
	seen := map[uint64]string{}
	for seed := range 100 {
		s := Seeds(mustParse(t, strings.Replace(minimal, "  target:", fmt.Sprintf("  seed: %d\n  target:", seed), 1), Options{}).Seeds)
		for name, x := range map[string]uint64{"fleet": s.Fleet, "behavior": s.Behavior, "arrivals": s.Arrivals, "faults": s.Faults} {
			if other, dup := seen[x]; dup {
				t.Errorf("seed %d: stream %s is that of %s", seed, name, other)
			}
			seen[x] = fmt.Sprint(name, " of ", seed)
		}
	}
	if a, b := mustParse(t, minimal, Options{}).Seeds, deriveSeeds(1); a != b {
		t.Errorf("default Seeds = %v, want those of 1, %v", a, b)
	}
}

// TestWork: runs at another target, or with other promises, do the same work; with other devices or another client they do not.
func TestWork(t *testing.T) {
	work := func(old, new string) string {
		if !strings.Contains(minimal, old) {
			t.Fatalf("%q is not in the scenario", old)
		}
		return mustParse(t, strings.Replace(minimal, old, new, 1), Options{}).Work
	}
	same := work("url: embedded", "url: embedded")
	for _, tt := range []struct {
		old, new string
		same     bool
	}{
		{"url: embedded", "url: http://127.0.0.1:9", true},
		{"name: minimal", "name: other", true},
		{"  load:", "  checks: [{name: a, count: {}}]\n  load:", true},
		{"url: embedded", "url: embedded, client: {maxOpen: 9}", false},
		{"devices: 10", "devices: 11", false},
		{"for: 10s", "for: 11s", false},
	} {
		if got := work(tt.old, tt.new); (got == same) != tt.same {
			t.Errorf("%q: the same work is %v, want %v", tt.new, got == same, tt.same)
		}
	}
}

// TestDigest: the digest follows the meaning, not the notation.
func TestDigest(t *testing.T) {
	digest := func(src string) string { return mustParse(t, src, Options{}).Digest }
	base := digest(minimal)
	for _, same := range []string{"for: 10000ms", "for: 0.1666666666666666666666m", "for: 10s, do: drive"} {
		if got := digest(strings.Replace(minimal, "for: 10s", same, 1)); got != base {
			t.Errorf("digest with %s = %s, want %s", same, got, base)
		}
	}
	if got := digest(strings.Replace(minimal, "for: 10s", "for: 11s", 1)); got == base {
		t.Errorf("digest with for: 11s = %s, want another", got)
	}
}

// TestURL: what counts as this machine.
func TestURL(t *testing.T) {
	for url, want := range map[string]string{ // "" means refused
		"embedded": "embedded", "http://127.0.0.1:8080": "http://127.0.0.1:8080", "https://LocalHost/x/": "https://LocalHost/x",
		"http://127.9.9.9": "http://127.9.9.9", "http://[::1]:80/": "http://[::1]:80", "http://[::ffff:127.0.0.1]/": "http://[::ffff:127.0.0.1]",
		"http://localhost.example.com": "", "http://127.1": "", "http://0.0.0.0": "", "http://[::]/": "", "http://0177.0.0.1/": "",
		"http://localhost@10.0.0.1/": "", "http://example.com#localhost": "", "HTTP://localhost": "HTTP://localhost", "HTTPS://localhost": "HTTPS://localhost", "embedded ": "",
	} {
		sc, err := Parse("test.yaml", []byte(strings.Replace(minimal, "url: embedded", fmt.Sprintf("url: %q", url), 1)), Options{})
		if got := ""; err == nil {
			got = sc.Target.URL
			if got != want {
				t.Errorf("Parse with url %q: URL = %q, want %q", url, got, want)
			}
			if want := strings.HasPrefix(strings.ToLower(url), "https:"); sc.Target.Secure != want {
				t.Errorf("Parse with url %q: Secure = %v, want %v", url, sc.Target.Secure, want)
			}
		} else if want != "" {
			t.Errorf("Parse with url %q = %v, want URL %q", url, err, want)
		}
	}
}

// TestVersionsAtStart: no device has a version that was not out when the run starts, unless the file says what devices have.
func TestVersionsAtStart(t *testing.T) {
	for start, want := range map[string]bool{"2026-05-10T00:00:00Z": false, "2026-05-11T00:00:00Z": true} { // 26.5 came out on 2026-05-11
		sc := mustParse(t, strings.Replace(minimal, "spec:\n", "spec:\n  clock: {start: \""+start+"\"}\n", 1), Options{})
		has := slices.ContainsFunc(sc.Fleets[0].Cohorts[0].Profile.OS, func(v fleet.Share[string]) bool { return v.Value == "26.5" })
		if has != want {
			t.Errorf("devices of %s have iOS 26.5: %v, want %v", start, has, want)
		}
	}
}
