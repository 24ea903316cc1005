package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// build says how the devices of a cohort are made, as tables that a draw goes through without allocating.
type build struct {
	key       uint64 // seed and names of fleet and cohort
	os        table[osBuild]
	apps      table[string]
	locales   table[string]
	timezones table[*time.Location]
	switches  switches
	chances   [numChances]uint64 // what of the draw of a setting is the same for all devices
}

// osBuild is a release and the models that can run it.
type osBuild struct {
	release *Release
	models  table[*Model]
}

// builder makes builds out of cohort specs.
type builder struct {
	releases map[string]*Release
	models   map[string][]*Model // by marketing name
	zones    zones
}

func newBuilder(cat *Catalogue) *builder {
	b := &builder{releases: map[string]*Release{}, models: map[string][]*Model{}, zones: zones{"UTC": time.UTC}}
	for i := range cat.Releases {
		b.releases[cat.Releases[i].Version] = &cat.Releases[i]
	}
	for i := range cat.Models {
		m := &cat.Models[i]
		b.models[m.Name] = append(b.models[m.Name], m)
	}
	return b
}

// build makes the tables of one cohort. The release is drawn first and the model then among those that can run it, so the
// shares of the releases come out exactly as written and those of the models bend.
func (b *builder) build(c *CohortSpec) (out build, err error) {
	if err := b.checkModels(&c.Profile); err != nil {
		return out, err
	}
	versions := c.OS
	if len(versions) == 0 {
		versions = c.Profile.OS
	}
	var releases []Share[osBuild]
	for _, v := range versions {
		if v.Weight == 0 {
			continue
		}
		r := b.releases[v.Value]
		if r == nil {
			return out, fmt.Errorf("iOS %q is not in the catalogue", v.Value)
		}
		models, err := b.runners(&c.Profile, r)
		if err != nil {
			return out, err
		}
		releases = append(releases, Share[osBuild]{osBuild{r, models}, v.Weight})
	}
	if out.os, err = newTable(releases); err != nil {
		return out, fmt.Errorf("iOS versions: %w", err)
	}
	for _, v := range c.Profile.AppVersions {
		if _, err := ParseApp(v.Value); err != nil {
			return out, fmt.Errorf("profile %q: app version %q: %w", c.Profile.Name, v.Value, err)
		}
	}
	if out.apps, err = newTable(c.Profile.AppVersions); err != nil {
		return out, fmt.Errorf("profile %q: app versions: %w", c.Profile.Name, err)
	}
	if out.locales, err = newTable(c.Profile.Locales); err != nil {
		return out, fmt.Errorf("profile %q: locales: %w", c.Profile.Name, err)
	}
	out.timezones, err = b.timezones(c.Timezones)
	return out, err
}

// checkModels reports a name that the catalogue does not have, and weights that cannot be.
func (b *builder) checkModels(p *Profile) error {
	for _, m := range p.Models {
		if len(b.models[m.Value]) == 0 {
			return fmt.Errorf("profile %q: model %q is not in the catalogue", p.Name, m.Value)
		}
	}
	if _, err := newTable(p.Models); err != nil {
		return fmt.Errorf("profile %q: models: %w", p.Name, err)
	}
	return nil
}

// runners returns the profile's models that can run r. The weight of a name is divided evenly among its identifiers that
// can, e.g. the Wi-Fi and the cellular iPad; their real shares are not known.
func (b *builder) runners(p *Profile, r *Release) (table[*Model], error) {
	var able []Share[*Model]
	var reasons []string
	for _, name := range p.Models {
		if name.Weight == 0 {
			continue
		}
		var ids []*Model
		for _, m := range b.models[name.Value] {
			if why := m.cannotRun(r); why == "" {
				ids = append(ids, m)
			} else if !slices.Contains(reasons, why) {
				reasons = append(reasons, why)
			}
		}
		for _, m := range ids {
			able = append(able, Share[*Model]{m, name.Weight / float64(len(ids))})
		}
	}
	if len(able) == 0 {
		return table[*Model]{}, fmt.Errorf("none of the models of profile %q can run iOS %s: %s",
			p.Name, r.Version, strings.Join(reasons, "; "))
	}
	return newTable(able)
}

// timezones makes the table of a cohort's time zones; without any, all devices are in UTC.
func (b *builder) timezones(names []Share[string]) (table[*time.Location], error) {
	locations := []Share[*time.Location]{{Value: time.UTC, Weight: 1}}
	if len(names) > 0 {
		locations = locations[:0]
	}
	for _, z := range names {
		loc, err := b.zones.load(z.Value)
		if err != nil {
			return table[*time.Location]{}, err
		}
		locations = append(locations, Share[*time.Location]{loc, z.Weight})
	}
	t, err := newTable(locations)
	if err != nil {
		return t, fmt.Errorf("time zones: %w", err)
	}
	return t, nil
}

// zones are the time zones in use, each loaded once: equal names give the same pointer.
type zones map[string]*time.Location

func (z zones) load(name string) (*time.Location, error) {
	if loc, ok := z[name]; ok {
		return loc, nil
	}
	if name == "" || name == "Local" { // LoadLocation takes them for UTC and for the machine's own zone
		return nil, fmt.Errorf("time zone %q is not an IANA name", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: %w", name, err)
	}
	z[name] = loc
	return loc, nil
}

// Check reports what keeps devices of the profile from being built: a model or version that cat does not have, a version
// that none of the models can run, a list without weight.
func (p *Profile) Check(cat *Catalogue) error {
	_, err := newBuilder(cat).build(&CohortSpec{Profile: *p})
	return err
}

// CanRun reports whether the model can run the release: the release is for its platform, its major lies within the
// model's, its list of devices (if any) has the model, and it is not older than the model.
func (m *Model) CanRun(r *Release) bool { return m.cannotRun(r) == "" }

// cannotRun returns why the model cannot run the release, or "".
func (m *Model) cannotRun(r *Release) string {
	switch {
	case m.Family == "iPad" && !r.IPadOS:
		return "it was not released for iPads"
	case m.Family != "iPad" && !r.IOS:
		return "it was not released for iPhones"
	case r.Major < m.FirstMajor:
		return "it is too old for some"
	case r.Major > m.LastMajor:
		return "it is too new for some"
	case len(r.OnlyDevices) > 0 && !slices.Contains(r.OnlyDevices, m.ID):
		return "it was released only for " + strings.Join(r.OnlyDevices, ", ")
	case !r.Date.IsZero() && m.Released.After(r.Date):
		return "it is too old for some"
	}
	return ""
}
