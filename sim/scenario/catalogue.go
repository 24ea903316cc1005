package scenario

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"drover/sim/behavior"
	"drover/sim/fleet"
)

// The files of the profiles folder are part of the binary and covered by tests. So they are decoded strictly, but without
// the positions and suggestions that a user's scenario gets; errors name the file and the entry.

// decodeFile reads one YAML file of fsys into out. A field that out does not have is an error.
func decodeFile(fsys fs.FS, name string, out any) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	dec.KnownFields(true)
	if err := dec.Decode(out); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// LoadCatalogue reads the models, releases and address blocks of a profiles folder: ios-devices.yaml, ios-releases.yaml and
// apple-oui.csv.
func LoadCatalogue(fsys fs.FS) (*fleet.Catalogue, error) {
	models, err := loadModels(fsys)
	if err != nil {
		return nil, err
	}
	releases, err := loadReleases(fsys, models)
	if err != nil {
		return nil, err
	}
	ouis, err := loadOUIs(fsys)
	if err != nil {
		return nil, err
	}
	return &fleet.Catalogue{Models: models, Releases: releases, OUIs: ouis}, nil
}

func loadModels(fsys fs.FS) (models []fleet.Model, err error) {
	const name = "ios-devices.yaml"
	var file struct {
		Version int    `yaml:"schema_version"`
		AsOf    string `yaml:"as_of"`
		Devices []struct {
			ID         string `yaml:"id"`
			Family     string `yaml:"family"`
			Name       string `yaml:"name"`
			SoC        string `yaml:"soc"`
			Arch       string `yaml:"arch"`
			Cores      int    `yaml:"cpu_cores"`
			RAM        int    `yaml:"ram_mib"`
			Released   string `yaml:"released"`
			FirstMajor int    `yaml:"first_major"`
			LastMajor  int    `yaml:"last_major"`
			Variant    string `yaml:"variant"`  // of an iPad: wifi or cellular
			RAMNote    string `yaml:"ram_note"` // for readers of the file
		} `yaml:"devices"`
	}
	if err := decodeFile(fsys, name, &file); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, d := range file.Devices {
		released, err := date(d.Released)
		phone := d.Family == "iPhone" && d.Variant == ""
		tablet := d.Family == "iPad" && (d.Variant == "wifi" || d.Variant == "cellular")
		switch {
		case err != nil:
		case d.ID == "" || seen[d.ID]:
			err = errors.New("the id is missing or taken")
		case !phone && !tablet:
			err = errors.New("want family iPhone, or iPad with variant wifi or cellular")
		case d.Name == "" || d.SoC == "" || d.Arch != "arm64" && d.Arch != "arm64e" || d.Cores < 1 || d.RAM < 1:
			err = errors.New("name, soc, arch, cpu_cores or ram_mib is missing or wrong")
		case d.FirstMajor < 1 || d.LastMajor < d.FirstMajor:
			err = fmt.Errorf("majors %d to %d are no range", d.FirstMajor, d.LastMajor)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, d.ID, err)
		}
		seen[d.ID] = true
		models = append(models, fleet.Model{
			ID: d.ID, Family: d.Family, Name: d.Name, SoC: d.SoC, Arch: d.Arch, Cores: d.Cores, RAMMiB: d.RAM,
			Released: released, FirstMajor: d.FirstMajor, LastMajor: d.LastMajor, Cellular: phone || d.Variant == "cellular",
		})
	}
	return models, nil
}

func loadReleases(fsys fs.FS, models []fleet.Model) (releases []fleet.Release, err error) {
	const name = "ios-releases.yaml"
	var file struct {
		Version  int    `yaml:"schema_version"`
		AsOf     string `yaml:"as_of"`
		Releases []struct {
			Version   string   `yaml:"version"`
			Build     string   `yaml:"build"`
			Date      string   `yaml:"date"`
			Platforms []string `yaml:"platforms"`
			Only      []string `yaml:"only_devices"`
			Mapping   string   `yaml:"mapping"` // for readers of the file, like note
			Note      string   `yaml:"note"`
		} `yaml:"releases"`
	}
	if err := decodeFile(fsys, name, &file); err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, m := range models {
		known[m.ID] = true
	}
	seen := map[string]bool{}
	for _, r := range file.Releases {
		out := fleet.Release{Version: r.Version, Build: r.Build, OnlyDevices: r.Only}
		out.Date, err = date(r.Date)
		major, _, _ := strings.Cut(r.Version, ".")
		n, notNumber := strconv.Atoi(major)
		out.Major = n
		for _, p := range r.Platforms {
			switch p {
			case "iOS":
				out.IOS = true
			case "iPadOS":
				out.IPadOS = true
			default:
				err = fmt.Errorf("there is no platform %q", p)
			}
		}
		switch {
		case err != nil:
		case notNumber != nil || seen[r.Version]:
			err = errors.New("the version is no version or taken")
		case r.Build == "":
			err = errors.New("the build is missing")
		case !out.IOS && !out.IPadOS:
			err = errors.New("it has no platform")
		}
		for _, id := range r.Only {
			if err == nil && !known[id] {
				err = fmt.Errorf("only_devices: %q is not in ios-devices.yaml", id)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, r.Version, err)
		}
		seen[r.Version] = true
		releases = append(releases, out)
	}
	return releases, nil
}

// date reads 2026-04-22; an empty one is not known.
func date(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateOnly, s)
}

// loadOUIs reads one address block a line, after a heading. Blocks must be of the kind that IEEE assigns: universal and
// unicast, the two low bits of the first octet 0 (IEEE 802-2014, section 8.2.2).
func loadOUIs(fsys fs.FS) (ouis [][3]byte, err error) {
	const name = "apple-oui.csv"
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	seen := map[[3]byte]bool{}
	lines := bufio.NewScanner(bytes.NewReader(src))
	for lines.Scan() {
		text := lines.Text()
		if text == "oui" || strings.HasPrefix(text, "#") {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
		if err != nil || len(b) != 3 || b[0]&3 != 0 || seen[[3]byte(b)] {
			return nil, fmt.Errorf("%s: %q is not an address block like A4:83:E7, or comes twice", name, text)
		}
		seen[[3]byte(b)] = true
		ouis = append(ouis, [3]byte(b))
	}
	return ouis, lines.Err()
}

// LoadShapes reads the named day shapes of behavior-facts.yaml. Both curves of each have the mean 1, and WeekendFactor is 1.
func LoadShapes(fsys fs.FS) (map[string]behavior.Day, error) {
	const name = "behavior-facts.yaml"
	var file struct {
		Version int    `yaml:"schema_version"`
		AsOf    string `yaml:"as_of"`
		Shapes  map[string]struct {
			Weekday []float64 `yaml:"weekday"`
			Weekend []float64 `yaml:"weekend"`
		} `yaml:"shapes"`
	}
	if err := decodeFile(fsys, name, &file); err != nil {
		return nil, err
	}
	shapes := map[string]behavior.Day{}
	for shape, s := range file.Shapes {
		weekday, err := curve(s.Weekday)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: weekday: %w", name, shape, err)
		}
		weekend, err := curve(s.Weekend)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: weekend: %w", name, shape, err)
		}
		shapes[shape] = behavior.Day{Weekday: weekday, Weekend: weekend, WeekendFactor: 1}
	}
	return shapes, nil
}

// loadUptake reads how releases of the app and of iOS spread where a scenario does not say: uptake.yaml.
func loadUptake(fsys fs.FS) (map[string]rawUptake, error) {
	const name = "uptake.yaml"
	var file struct {
		Version int                     `yaml:"schema_version"`
		AsOf    string                  `yaml:"as_of"`
		Uptake  map[string][][2]float64 `yaml:"uptake"` // days, per cent
	}
	if err := decodeFile(fsys, name, &file); err != nil {
		return nil, err
	}
	curves := map[string]rawUptake{}
	for _, of := range []string{"app", "os"} {
		var u rawUptake
		for _, p := range file.Uptake[of] {
			u.points = append(u.points, uptakePoint{duration(p[0] * float64(day)), p[1]})
		}
		if err := u.curve().Check(); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, of, err)
		}
		curves[of] = u
	}
	return curves, nil
}

// curve checks the values of 24 hours. Their mean must be 1 up to rounding, which is then taken out.
func curve(values []float64) (out [24]float64, err error) {
	if len(values) != 24 {
		return out, fmt.Errorf("it has %d values, want 24", len(values))
	}
	sum := 0.0
	for _, v := range values {
		if !(v >= 0) {
			return out, fmt.Errorf("%v is no activity", v)
		}
		sum += v
	}
	if !(math.Abs(sum/24-1) < 0.0005) {
		return out, fmt.Errorf("the mean is %.4f, want 1", sum/24)
	}
	for h, v := range values {
		out[h] = v * 24 / sum
	}
	return out, nil
}

// LoadProfile reads the shipped profile with a name. Models and versions that the catalogue does not have, and weights
// that do not add up to 100, are errors that name them.
func LoadProfile(fsys fs.FS, name string) (fleet.Profile, error) {
	var file struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct {
			Name        string `yaml:"name"`
			Description string `yaml:"description"`
		} `yaml:"metadata"`
		Spec struct {
			Models  map[string]float64 `yaml:"models"`
			OS      map[string]float64 `yaml:"os"`
			App     map[string]float64 `yaml:"app"`
			Locales map[string]float64 `yaml:"locales"`
		} `yaml:"spec"`
	}
	if err := decodeFile(fsys, name+".yaml", &file); err != nil {
		return fleet.Profile{}, err
	}
	if file.APIVersion != "drover/v1" || file.Kind != "Profile" || file.Metadata.Name != name {
		return fleet.Profile{}, fmt.Errorf("%s.yaml is not a profile of drover/v1 named %q", name, name)
	}
	p := fleet.Profile{Name: name, Description: file.Metadata.Description}
	for _, part := range []struct {
		what string
		from map[string]float64
		into *[]fleet.Share[string]
	}{
		{"models", file.Spec.Models, &p.Models},
		{"os", file.Spec.OS, &p.OS},
		{"app", file.Spec.App, &p.AppVersions},
		{"locales", file.Spec.Locales, &p.Locales},
	} {
		list, err := byName(part.from)
		if err != nil {
			return fleet.Profile{}, fmt.Errorf("%s.yaml: %s: %w", name, part.what, err)
		}
		*part.into = list
	}
	cat, err := LoadCatalogue(fsys)
	if err != nil {
		return fleet.Profile{}, err
	}
	if err := p.Check(cat); err != nil {
		return fleet.Profile{}, fmt.Errorf("%s.yaml: %w", name, err)
	}
	return p, nil
}

// byName puts weights in the order of their names, since a fleet is a function of the order, and checks them.
func byName(weights map[string]float64) (list []fleet.Share[string], err error) {
	for name, w := range weights {
		if !(w > 0) {
			return nil, fmt.Errorf("%s: %v is no weight", name, w)
		}
		list = append(list, fleet.Share[string]{Value: name, Weight: w})
	}
	slices.SortFunc(list, func(a, b fleet.Share[string]) int { return cmp.Compare(a.Value, b.Value) })
	sum := 0.0
	for _, s := range list {
		sum += s.Weight
	}
	if math.Abs(sum-100) > 1e-6 {
		return nil, fmt.Errorf("the weights add up to %v, want 100", sum)
	}
	return list, nil
}
