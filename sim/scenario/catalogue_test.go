package scenario

import (
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"drover/profiles"
	"drover/sim/fleet"
)

func TestLoadCatalogue(t *testing.T) {
	cat, err := LoadCatalogue(profiles.Files)
	if err != nil {
		t.Fatal(err)
	}
	if len(cat.Models) != 133 || len(cat.Releases) != 140 || len(cat.OUIs) != 1553 {
		t.Errorf("catalogue has %d models, %d releases and %d OUIs, want 133, 140 and 1553", len(cat.Models), len(cat.Releases), len(cat.OUIs))
	}
	model := func(id string) *fleet.Model {
		i := slices.IndexFunc(cat.Models, func(m fleet.Model) bool { return m.ID == id })
		if i < 0 {
			t.Fatalf("no model %s", id)
		}
		return &cat.Models[i]
	}
	release := func(version string) *fleet.Release {
		i := slices.IndexFunc(cat.Releases, func(r fleet.Release) bool { return r.Version == version })
		if i < 0 {
			t.Fatalf("no release %s", version)
		}
		return &cat.Releases[i]
	}

	want := fleet.Model{
		ID: "iPhone15,2", Family: "iPhone", Name: "iPhone 14 Pro", SoC: "A16 Bionic", Arch: "arm64e", Cores: 6, RAMMiB: 6144,
		Released: time.Date(2022, 9, 16, 0, 0, 0, 0, time.UTC), FirstMajor: 16, LastMajor: 27, Cellular: true,
	}
	if got := *model("iPhone15,2"); got != want {
		t.Errorf("iPhone15,2 = %+v, want %+v", got, want)
	}
	if model("iPad14,1").Cellular || !model("iPad14,2").Cellular {
		t.Errorf("Cellular of iPad14,1 and iPad14,2 = %v, %v, want false, true", model("iPad14,1").Cellular, model("iPad14,2").Cellular)
	}
	if r := release("26.6.2"); !r.Date.IsZero() || r.Build != "23G90" || r.Major != 26 {
		t.Errorf("26.6.2 = %+v, want build 23G90 of an unknown day, major 26", r)
	}

	for _, tt := range []struct {
		model, version string
		want           bool
	}{
		{"iPhone12,1", "26.5", true},
		{"iPhone11,8", "26.5", false},   // the XR ends at 18
		{"iPhone17,1", "17.6.1", false}, // the 16 Pro starts at 18
		{"iPhone17,5", "18.2.1", false}, // the 16e came after it
		{"iPhone17,5", "18.4", true},
		{"iPhone18,1", "26.5.1", true},  // only for the 17 line
		{"iPhone17,1", "26.5.1", false}, // not for the 16 line
		{"iPhone14,5", "17.7.10", false},
		{"iPad12,1", "17.7.10", true}, // iPadOS only
		{"iPad12,1", "16.0", false},   // never public on iPads
		{"iPhone12,1", "26.6.2", true},
		{"iPhone12,1", "18.7.9", false}, // only for hardware that ends at 18
	} {
		if got := model(tt.model).CanRun(release(tt.version)); got != tt.want {
			t.Errorf("%s.CanRun(%s) = %v, want %v", tt.model, tt.version, got, tt.want)
		}
	}
}

// every file of profiles/ is read by one of the loaders
func TestProfileFilesAreAllRead(t *testing.T) {
	read := map[string]bool{"ios-devices.yaml": true, "ios-releases.yaml": true, "apple-oui.csv": true, "behavior-facts.yaml": true, "uptake.yaml": true, contractsFile: true}
	for _, name := range []string{"enterprise-iphone", "older-iphone", "shared-ipad"} {
		read[name+".yaml"] = true
		p, err := LoadProfile(profiles.Files, name)
		if err != nil {
			t.Error(err)
			continue
		}
		if p.Name != name || p.Description == "" {
			t.Errorf("LoadProfile(%q) has name %q and description %q", name, p.Name, p.Description)
		}
		if !slices.IsSortedFunc(p.Models, func(a, b fleet.Share[string]) int { return strings.Compare(a.Value, b.Value) }) {
			t.Errorf("LoadProfile(%q): models are not in order: %v", name, p.Models)
		}
	}
	entries, err := fs.ReadDir(profiles.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !read[e.Name()] && !e.IsDir() { // the presets of adapters have tests of their own
			t.Errorf("profiles/%s is read by nothing", e.Name())
		}
	}
}

func TestLoadShapes(t *testing.T) {
	shapes, err := LoadShapes(profiles.Files)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"always-on", "consumer", "office-hours", "tablet"}
	if got := slices.Sorted(maps.Keys(shapes)); !slices.Equal(got, want) {
		t.Errorf("LoadShapes() has %v, want %v", got, want)
	}
	for name, day := range shapes {
		if day.WeekendFactor != 1 {
			t.Errorf("%s.WeekendFactor = %v, want 1", name, day.WeekendFactor)
		}
		for _, curve := range [][24]float64{day.Weekday, day.Weekend} {
			sum := 0.0
			for _, v := range curve {
				sum += v
			}
			if math.Abs(sum/24-1) > 1e-12 {
				t.Errorf("%s: mean = %v, want 1", name, sum/24)
			}
		}
	}
	// The published peak of app sessions.
	if c := shapes["consumer"].Weekday; slices.Max(c[:]) != c[20] {
		t.Errorf("consumer peaks with %v, want its value at 20 h, %v", slices.Max(c[:]), c[20])
	}
}

// Each row breaks one place of one file; the error must name the file and the entry.
func TestBrokenProfileFiles(t *testing.T) {
	for _, tt := range []struct{ file, old, new, want string }{
		{"ios-devices.yaml", `id: "iPhone8,2"`, `id: "iPhone8,1"`, `ios-devices.yaml: iPhone8,1: the id is missing or taken`},
		{"ios-devices.yaml", `cpu_cores: 2`, `cores: 2`, `field cores not found`},
		{"ios-devices.yaml", `cpu_cores: 2`, `cpu_cores: 0`, `ios-devices.yaml: iPhone8,1: name, soc, arch, cpu_cores or ram_mib`},
		{"ios-devices.yaml", `last_major: 15`, `last_major: 8`, `ios-devices.yaml: iPhone8,1: majors 9 to 8 are no range`},
		{"ios-devices.yaml", `family: iPhone`, `family: iPod`, `want family iPhone`},
		{"ios-devices.yaml", `"2015-09-25"`, `"25 September"`, `ios-devices.yaml: iPhone8,1: parsing time`},
		{"ios-releases.yaml", `version: "15.0.1"`, `version: "15.0"`, `ios-releases.yaml: 15.0: the version is no version or taken`},
		{"ios-releases.yaml", `[iOS, iPadOS]`, `[iOS, tvOS]`, `ios-releases.yaml: 15.0: there is no platform "tvOS"`},
		{"ios-releases.yaml", `"iPad5,1"`, `"iPad99,1"`, `ios-releases.yaml: 15.8.8: only_devices: "iPad99,1" is not`},
		{"apple-oui.csv", "00:05:02", "02:05:02", `"02:05:02" is not an address block`}, // locally administered
		{"apple-oui.csv", "00:05:02", "00:03:93", `"00:03:93" is not an address block like A4:83:E7, or comes twice`},
		{"apple-oui.csv", "00:05:02", "00:05", `"00:05" is not an address block`},
		{"behavior-facts.yaml", "weekday: [0.05,", "weekday: [0.9,", `behavior-facts.yaml: office-hours: weekday: the mean is 1.0354, want 1`},
		{"behavior-facts.yaml", "weekday: [0.05,", "weekday: [", `behavior-facts.yaml: office-hours: weekday: it has 23 values`},
		{"behavior-facts.yaml", "weekday: [0.05,", "weekday: [-1,", `-1 is no activity`},
		{"behavior-facts.yaml", "weekday: [0.05,", "weekday: [.nan,", `NaN is no activity`},
		{"enterprise-iphone.yaml", `"iPhone 11": 3`, `"iPhone 10": 3`, `enterprise-iphone.yaml: profile "enterprise-iphone": model "iPhone 10" is not in the catalogue`},
		{"enterprise-iphone.yaml", `"26.5": 60`, `"26.55": 60`, `enterprise-iphone.yaml: iOS "26.55" is not in the catalogue`},
		{"enterprise-iphone.yaml", `"26.5": 60`, `"26.5": 61`, `enterprise-iphone.yaml: os: the weights add up to 101, want 100`},
		{"enterprise-iphone.yaml", `"26.5": 60`, `"26.5": .nan`, `enterprise-iphone.yaml: os: 26.5: NaN is no weight`},
		{"enterprise-iphone.yaml", `"17.7.2": 1`, `"17.7.10": 1`, `can run iOS 17.7.10: it was not released for iPhones`},
		{"enterprise-iphone.yaml", `kind: Profile`, `kind: Scenario`, `is not a profile of drover/v1 named "enterprise-iphone"`},
		{"enterprise-iphone.yaml", `spec:`, "spec:\n  colour: {red: 100}", `field colour not found`},
	} {
		fsys := fstest.MapFS{}
		entries, _ := fs.ReadDir(profiles.Files, ".")
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			src, err := fs.ReadFile(profiles.Files, e.Name())
			if err != nil {
				t.Fatal(err)
			}
			if e.Name() == tt.file {
				if !strings.Contains(string(src), tt.old) {
					t.Errorf("%s does not contain %q", tt.file, tt.old)
				}
				src = []byte(strings.Replace(string(src), tt.old, tt.new, 1))
			}
			fsys[e.Name()] = &fstest.MapFile{Data: src}
		}
		_, err := LoadProfile(fsys, "enterprise-iphone")
		if tt.file == "behavior-facts.yaml" {
			_, err = LoadShapes(fsys)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s with %q for %q: error %v, want one with %q", tt.file, tt.new, tt.old, err, tt.want)
		}
	}
	for _, missing := range []string{"ios-devices.yaml", "ios-releases.yaml", "apple-oui.csv"} {
		fsys := fstest.MapFS{}
		for _, name := range []string{"ios-devices.yaml", "ios-releases.yaml", "apple-oui.csv"} {
			if src, _ := fs.ReadFile(profiles.Files, name); name != missing {
				fsys[name] = &fstest.MapFile{Data: src}
			}
		}
		if _, err := LoadCatalogue(fsys); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("LoadCatalogue without %s: error %v, want one that names it", missing, err)
		}
	}
}

func BenchmarkLoadCatalogue(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := LoadCatalogue(profiles.Files); err != nil {
			b.Fatal(err)
		}
	}
}

// Devices of every shipped profile run an iOS that their model can run, on the real catalogue.
func TestShippedProfilesMakeRealDevices(t *testing.T) {
	cat, err := LoadCatalogue(profiles.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"enterprise-iphone", "older-iphone", "shared-ipad"} {
		p, err := LoadProfile(profiles.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := fleet.New(cat, 1, []fleet.Spec{{
			Name: name, Devices: 20_000, Tenants: fleet.Tenants{Count: 1}, Identity: fleet.Identity{UPNDomain: "a.example"},
			Cohorts: []fleet.CohortSpec{{Name: name, Weight: 100, Profile: p}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		models, versions := map[string]int{}, map[string]int{}
		var d fleet.Device
		for i := range f.Devices() {
			f.Device(i, &d)
			if !d.Model.CanRun(d.OS) {
				t.Errorf("%s: device %d is a %s on iOS %s", name, i, d.Model.ID, d.OS.Version)
			}
			models[d.Model.Name]++
			versions[d.OS.Version]++
		}
		for _, m := range p.Models {
			if models[m.Value] == 0 {
				t.Errorf("%s: none of 20,000 devices is an %s", name, m.Value)
			}
		}
		for _, v := range p.OS {
			mean, bound := 200*v.Weight, 5*math.Sqrt(200*v.Weight*(1-v.Weight/100)) // five sigma of the binomial
			if got := float64(versions[v.Value]); math.Abs(got-mean) > bound {
				t.Errorf("%s: %v devices run iOS %s, want %v +- %.0f", name, got, v.Value, mean, bound)
			}
		}
	}
}
