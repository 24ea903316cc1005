package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/jsonschema-go/jsonschema"
	"gopkg.in/yaml.v3"

	"drover/scenarios"
	"drover/sim/behavior"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/pace"
	"drover/sim/privacy"
	"drover/sim/target"
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

// same tells whether two scenarios mean the same, whatever their files are called. What they share is not changed, so the pointer
// to a contract tells all.
func same(a, b *Scenario) string {
	return cmp.Diff(a, b, cmpopts.IgnoreFields(Scenario{}, "File", "Catalogue"), cmp.Comparer(func(x, y *privacy.Contract) bool { return x == y }))
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
		URL: "https://staging.example.com:8443/v1", Adapter: "drover", AllowHosts: []string{"staging.example.com", "::2"},
		Auth: target.Auth{Type: "bearer", Per: "tenant", SecretFrom: target.SecretRef{Env: "DROVER_SECRET"}},
		Client: target.Client{MaxOpen: 10, Queue: 100, Timeout: 1500 * time.Millisecond, Gzip: true,
			Retry: target.Retry{MaxAttempts: 1, Base: time.Millisecond, Cap: 90 * time.Second}},
	}
	if diff := cmp.Diff(wantTarget, sc.Target); diff != "" {
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
	if want := (fleet.Settings{ExcludeURLInReport: 0.25, UnsafeSiteInfo: 0.125, Supervised: 0.5, FeedbackData: 0.5}); contoso.Settings != want {
		t.Errorf("Settings = %v, want %v", contoso.Settings, want)
	}
	if want := (fleet.Settings{OptionalDiagnostics: 0.32, FeedbackData: 1}); sc.Fleets[1].Settings != want {
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
	if want := (behavior.Web{MaliciousShare: 0.007, Mix: wantMix, Bypass: 0.04}); !reflect.DeepEqual(mixed.Web, want) {
		t.Errorf("Web = %v, want %v", mixed.Web, want)
	}
	if kiosk.Web.MaliciousShare != 0 || kiosk.Web.Bypass != 0.04 {
		t.Errorf("Web of kiosk = %v, want maliciousShare replaced and bypass inherited", kiosk.Web)
	}
	if want := (behavior.Crashes{Mix: []fleet.Share[string]{{Value: "sigtrap", Weight: 100}}, More: []behavior.CrashMore{{OS: "26.4.1", Times: 0.5}}}); !reflect.DeepEqual(mixed.Crashes, want) {
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
	wantChecks := []check.Check{
		{Name: "p99", OnFail: check.Fail, Metric: &check.Metric{Metric: "response_time", Expect: expect("response_time", "p99 <= 250ms"),
			Where: measure.Selector{Op: "upload", Phase: "plain", Fleet: "contoso", Cohort: "kiosk", Tenant: "t", Class: "ok"}}},
		{Name: "cohort", OnFail: check.Inconclusive, Metric: &check.Metric{Metric: "failed", Expect: expect("failed", "rate <= 0.1%"), Where: measure.Selector{Cohort: "other/all"}}},
		{Name: "verdicts", OnFail: check.Fail, Verdicts: &check.Verdicts{Agreement: bound(">= 99.5%"), Missed: bound("<= 0.2%"), FalseAlarms: bound("<= 1%"), AtLeast: 500}},
		{Name: "generator", OnFail: check.Fail, Generator: &check.Generator{SendLag: &lag, Dropped: &none, Achieved: bound(">= 99%")}},
		{Name: "count", OnFail: check.Fail, Count: &check.Count{Surplus: 2}},
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
		"http://localhost@10.0.0.1/": "", "http://example.com#localhost": "", "HTTP://localhost": "HTTP://localhost", "embedded ": "",
	} {
		sc, err := Parse("test.yaml", []byte(strings.Replace(minimal, "url: embedded", fmt.Sprintf("url: %q", url), 1)), Options{})
		if got := ""; err == nil {
			got = sc.Target.URL
			if got != want {
				t.Errorf("Parse with url %q: URL = %q, want %q", url, got, want)
			}
		} else if want != "" {
			t.Errorf("Parse with url %q = %v, want URL %q", url, err, want)
		}
	}
}

// TestShippedAgainstSchema: an editor that has the schema accepts what ships, and what the loader writes.
func TestShippedAgainstSchema(t *testing.T) {
	validate := schema(t)
	for _, name := range Shipped() {
		src, err := fs.ReadFile(scenarios.Files, name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		sc := mustParse(t, string(src), Options{})
		if sc.Name != name || sc.Description == "" {
			t.Errorf("%s: is named %q and described %q, want its file's name and a description", name, sc.Name, sc.Description)
		}
		if err := validate(sc.Resolved); err != nil {
			t.Errorf("%s resolved: %v", name, err)
		}
	}
	everything, err := os.ReadFile("testdata/ok/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(everything); err != nil {
		t.Errorf("everything: %v", err)
	}
	for _, broken := range []string{"for: 10", "for: 10s, rate: 5", "for: 10s, rats: 5/s", "for: 10s, do: nothing", "name: Day"} {
		src := strings.Replace(minimal, "for: 10s", broken, 1)
		if err := validate([]byte(src)); err == nil {
			t.Errorf("the schema accepts %q", broken)
		}
	}
}

// schema returns a validator of YAML documents.
func schema(t *testing.T) func(src []byte) error {
	t.Helper()
	s := new(jsonschema.Schema)
	if err := json.Unmarshal(Schema(), s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		t.Fatal(err)
	}
	return func(src []byte) error {
		doc := new(yaml.Node)
		if err := yaml.Unmarshal(src, doc); err != nil {
			return err
		}
		return resolved.Validate(asJSON(t, doc.Content[0]))
	}
}

// asJSON is a document as an editor sees it: keys are texts.
func asJSON(t *testing.T, n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return asJSON(t, n.Alias)
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = asJSON(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, asJSON(t, item))
		}
		return list
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if at, ok := v.(time.Time); ok {
		return at.Format(time.RFC3339)
	}
	return v
}

// TestSchemaIsStable: the schema is part of the interface; a change is seen in review.
func TestSchemaIsStable(t *testing.T) { golden(t, "testdata/schema.json", Schema()) }

// TestReference: the reference names every field of the format, with its meaning.
func TestReference(t *testing.T) {
	ref := Reference()
	golden(t, "testdata/reference.md", []byte(ref))
	var names func(rt reflect.Type) []string
	names = func(rt reflect.Type) (all []string) {
		for rt.Kind() == reflect.Pointer || rt.Kind() == reflect.Slice || rt.Kind() == reflect.Map {
			rt = rt.Elem()
		}
		if rt.Kind() != reflect.Struct {
			return nil
		}
		for _, f := range fieldsOf(rt) {
			if f.tag.Get("jsonschema") == "" {
				t.Errorf("%v.%s has no meaning", rt, f.name)
			}
			all = append(append(all, f.name), names(f.typ)...)
		}
		return all
	}
	for _, name := range append(names(reflect.TypeFor[rawFile]()), "amplitude", "steps") {
		if name != "spec" && !strings.Contains(ref, "."+name+"`") && !strings.Contains(ref, "`"+name+"`") && !strings.Contains(ref, name+"[]`") && !strings.Contains(ref, name+".*`") {
			t.Errorf("the reference has no %q", name)
		}
	}
}

// TestLoad: by name, by path, and neither.
func TestLoad(t *testing.T) {
	sc, err := Load("smoke", Options{})
	if err != nil || sc.File != "smoke" {
		t.Fatalf("Load(smoke) = %v, %v, want the shipped one", sc, err)
	}
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, []byte(minimal), 0o666); err != nil {
		t.Fatal(err)
	}
	if sc, err := Load(path, Options{}); err != nil || sc.Name != "minimal" || sc.File != path {
		t.Errorf("Load(%s) = %v, %v, want the file", path, sc, err)
	}
	if _, err := Load("smoky", Options{}); err == nil || !strings.Contains(err.Error(), `did you mean "smoke"?`) {
		t.Errorf("Load(smoky) = %v, want a suggestion", err)
	}
	if _, err := Load(path+".not", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a missing file = %v, want fs.ErrNotExist", err)
	}
}

// TestLimits: sizes that no file in testdata has.
func TestLimits(t *testing.T) {
	repeat := func(n int, format string) string {
		var s strings.Builder
		for i := range n {
			fmt.Fprintf(&s, format, i)
		}
		return s.String()
	}
	for _, c := range []struct{ old, new, want string }{
		{"[{name: day, for: 10s}]", "[" + repeat(201, "{name: p%d, for: 1s}, ") + "]", "201 are more than 200"},
		{"{b: {", "{" + repeat(1000, "x%d: {}, ") + "b: {", "1001 are more than 1000"},
		{"[{name: c,", "[" + repeat(1000, "{name: x%d, weight: 0, profile: shared-ipad, behavior: b}, ") + "{name: c,", "more than 1000 cohorts in all"},
		{"{b: {", "{x0: {extends: b}, x1: {extends: x0}, x2: {extends: x1}, x3: {extends: x2}, x4: {extends: x3}, x5: {extends: x4}, " +
			"x6: {extends: x5}, x7: {extends: x6}, b: {", "x7: more than 8 behaviours extend each other"},
		{"  load:", "  variants: {" + repeat(51, "v%d: {}, ") + "}\n  load:", "51 are more than 50"},
		{"  target: {url: embedded", "  params: {a: {type: string, default: " + strings.Repeat("a", 1000) + "}}\n" +
			"  target: {url: \"" + strings.Repeat("${a}", 1100) + "\"", "params make the file longer than 1 MiB here"},
	} {
		src := strings.Replace(minimal, c.old, c.new, 1)
		if _, err := Parse("test.yaml", []byte(src), Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse with %.60q = %.200v, want %q", c.new, err, c.want)
		}
	}
}

// TestOrderOfReport: a report that is cut after a hundred mistakes is the same each time.
func TestOrderOfReport(t *testing.T) {
	var behaviors strings.Builder
	for i := range 300 {
		fmt.Fprintf(&behaviors, "x%d: {}, ", i)
	}
	src := []byte(strings.Replace(minimal, "{b: {", "{"+behaviors.String()+"b: {", 1))
	_, first := Parse("test.yaml", src, Options{})
	for range 5 {
		if _, err := Parse("test.yaml", src, Options{}); first == nil || err.Error() != first.Error() {
			t.Fatalf("Parse = %.300v, want %.300v as before", err, first)
		}
	}
}
