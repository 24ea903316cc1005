package scenario

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"drover/sim/behavior"
	"drover/sim/fleet"
)

const (
	maxDevices = 10_000_000 // over all fleets
	maxCohorts = 1000       // over all fleets
)

// fleets checks the fleets and their cohorts and builds their specs and plans.
func (b *builder) fleets(sc *Scenario) {
	if len(b.spec.Fleets) == 0 && b.written(&b.spec.Fleets) && b.good(&b.spec.Fleets) {
		b.errorf(b.at(&b.spec.Fleets), "add one", "fleets: there is none")
	}
	devices, cohorts := 0, 0
	for i := range b.spec.Fleets {
		f := &b.spec.Fleets[i]
		path := fmt.Sprintf("fleets[%s]", f.Name)
		if slices.Contains(b.dim.fleets, string(f.Name)) && b.good(&f.Name) {
			b.errorf(b.at(&f.Name), "give each fleet a name of its own", "%s: the name is taken", path)
		}
		b.dim.fleets = append(b.dim.fleets, string(f.Name))
		if !b.good(&f.Devices) {
			f.Devices = 0
		}
		if devices += f.Devices; devices > maxDevices {
			b.errorf(b.at(&f.Devices, f), "all fleets together may have 10000000", "%s.devices: %d devices in all are too many", path, devices)
			devices = 0 // told once
		}
		if f.Tenants.Count > f.Devices && f.Devices > 0 && b.good(&f.Tenants.Count) {
			b.errorf(b.at(&f.Tenants.Count, f), "have at most one per device", "%s.tenants.count: %d tenants cannot share %d devices", path, f.Tenants.Count, f.Devices)
		}
		if cohorts += len(f.Cohorts); cohorts > maxCohorts {
			b.errorf(b.at(&f.Cohorts), "", "%s.cohorts: more than %d cohorts in all", path, maxCohorts)
			return
		}
		spec := fleet.Spec{
			Name: string(f.Name), Devices: f.Devices, Tenants: fleet.Tenants{Count: f.Tenants.Count},
			Identity: fleet.Identity{UPNDomain: b.domain(f, path)},
			Settings: f.Settings.shares(),
		}
		if f.Tenants.Sizes != nil {
			spec.Tenants.Zipf = f.Tenants.Sizes.Zipf
		}
		for _, w := range f.Identity.DeviceID {
			if w.Name == "guid" {
				spec.Identity.GUID = w.Share / 100
			}
		}
		b.identifiers(sc, f, path)
		b.settings(sc, &f.Settings, path)
		b.cohorts(sc, f, &spec, path)
		sc.Fleets = append(sc.Fleets, spec)
	}
	for _, name := range slices.Sorted(maps.Keys(b.spec.Behaviors)) {
		if !b.used[name] {
			b.errorf(b.key(b.spec.Behaviors[name]), "give it to a cohort, or remove it", "behaviors.%s is not used", name)
		}
	}
}

// cohorts builds the cohorts of one fleet.
func (b *builder) cohorts(sc *Scenario, f *rawFleet, spec *fleet.Spec, path string) {
	if len(f.Cohorts) == 0 && b.written(&f.Cohorts) && b.good(&f.Cohorts) {
		b.errorf(b.at(&f.Cohorts), "add one", "%s.cohorts: there is none", path)
	}
	sum, clean := 0.0, true
	names := map[word]bool{}
	for i := range f.Cohorts {
		c := &f.Cohorts[i]
		at := fmt.Sprintf("%s.cohorts[%s]", path, c.Name)
		if names[c.Name] && b.good(&c.Name) {
			b.errorf(b.at(&c.Name), "give each cohort of a fleet a name of its own", "%s: the name is taken", at)
		}
		names[c.Name] = true
		b.dim.cohorts = append(b.dim.cohorts, string(c.Name), string(f.Name+"/"+c.Name))
		sum += c.Weight
		clean = clean && b.written(&c.Weight) && b.good(&c.Weight)

		cohort := fleet.CohortSpec{Name: string(c.Name), Weight: c.Weight, OS: fleetShares(c.OS)}
		if c.Settings != nil {
			b.settings(sc, c.Settings, at)
			b.inherit(c.Settings, &f.Settings)
			own := c.Settings.shares()
			cohort.Settings = &own
		}
		known := b.profile(c, at, &cohort)
		for j := range c.OS {
			if w := &c.OS[j]; !slices.Contains(b.facts.versions, w.Name) && b.good(&c.OS) {
				known = false
				b.errorf(b.keyOr(w, &c.OS), didYouMean(w.Name, b.facts.versions, "see profiles/ios-releases.yaml"), "%s.os: iOS %q is not in the catalogue", at, clip(w.Name))
			} else if out := b.released(w.Name); out.After(b.start()) && b.good(&c.OS) {
				b.errorf(b.keyOr(w, &c.OS), "leave it out, or start later", "%s.os: iOS %s came out on %s, after clock.start", at, w.Name, out.Format(time.DateOnly))
			}
		}
		plan := b.plans[c.Behavior]
		if plan == nil {
			if b.written(&c.Behavior) && b.good(&c.Behavior) {
				all := slices.Sorted(maps.Keys(b.spec.Behaviors))
				b.errorf(b.at(&c.Behavior), didYouMean(c.Behavior, all, oneOf(all)), "%s.behavior: there is no behaviour %q", at, clip(c.Behavior))
			}
			plan = &behavior.Plan{}
		} else {
			b.used[c.Behavior] = true
			cohort.Timezones = fleetShares(b.spec.Behaviors[c.Behavior].Day.Timezones)
		}
		if known && len(b.errs) == 0 {
			b.buildable(spec, cohort, c, at)
		}
		spec.Cohorts = append(spec.Cohorts, cohort)
		sc.Plans = append(sc.Plans, *plan)
	}
	if clean && len(f.Cohorts) > 0 && !addsUp(sum) {
		b.errorf(b.at(&f.Cohorts), "make them add up to 100", "%s.cohorts: the weights add up to %s", path, round(sum))
	}
}

// inherit gives a cohort's settings the fleet's where the file says nothing of its own.
func (b *builder) inherit(s, from *rawSettings) {
	to, of := reflect.ValueOf(s).Elem(), reflect.ValueOf(from).Elem()
	for i := range to.NumField() {
		if !b.written(to.Field(i).Addr().Interface()) {
			to.Field(i).Set(of.Field(i))
		}
	}
}

// shares are the settings as package fleet takes them.
func (s *rawSettings) shares() fleet.Settings {
	return fleet.Settings{
		ExcludeURLInReport:  s.ExcludeURL.True / 100,
		UnsafeSiteInfo:      s.UnsafeInfo.True / 100,
		Supervised:          s.Supervised.True / 100,
		OptionalDiagnostics: s.OptionalDiag.True / 100,
		FeedbackData:        s.FeedbackData.True / 100,
		NetworkPrivacy:      s.NetworkPriv.True / 100,
		TVMPrivacy:          s.TVMPriv.True / 100,
	}
}

// buildable asks package fleet whether devices of the cohort can exist: above all, whether the profile's models can run
// its iOS versions.
func (b *builder) buildable(spec *fleet.Spec, cohort fleet.CohortSpec, c *rawCohort, at string) {
	alone := *spec
	cohort.Weight = 100
	alone.Cohorts = []fleet.CohortSpec{cohort}
	if _, err := fleet.New(b.facts.catalogue, 1, []fleet.Spec{alone}); err != nil {
		what := strings.TrimPrefix(err.Error(), fmt.Sprintf("fleet %q: cohort %q: ", spec.Name, cohort.Name))
		b.errorf(b.at(&c.OS, &c.Profile, c), "", "%s: %s", at, what)
	}
}

// profile looks the cohort's profile up.
func (b *builder) profile(c *rawCohort, at string, into *fleet.CohortSpec) bool {
	if !b.written(&c.Profile) || !b.good(&c.Profile) {
		return false
	}
	p, ok := b.facts.profiles[c.Profile]
	if !ok {
		names := slices.Sorted(maps.Keys(b.facts.profiles))
		b.errorf(b.at(&c.Profile), didYouMean(c.Profile, names, oneOf(names)), "%s.profile: there is no profile %q", at, clip(c.Profile))
		return false
	}
	into.Profile = p
	if len(c.OS) > 0 {
		return true
	}
	// A profile describes one season. Before it, devices do not have what was not out yet.
	into.Profile.OS = slices.DeleteFunc(slices.Clone(p.OS), func(v fleet.Share[string]) bool { return b.released(v.Value).After(b.start()) })
	if len(into.Profile.OS) == 0 {
		b.errorf(b.at(&c.Profile), "give the cohort an os of its own, or start later", "%s.profile: none of the iOS versions of %s was out at clock.start", at, c.Profile)
		return false
	}
	return true
}

// start is the device time at which the run starts.
func (b *builder) start() time.Time { return time.Time(b.spec.Clock.Start) }

// released is when an iOS version came out; the zero time when the catalogue does not know.
func (b *builder) released(version string) time.Time {
	for i := range b.facts.catalogue.Releases {
		if r := &b.facts.catalogue.Releases[i]; r.Version == version {
			return r.Date
		}
	}
	return time.Time{}
}

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(example|test|invalid)$`)

// domain is where the users of a fleet have their mail: only names that nobody can own (RFC 2606, RFC 6761).
func (b *builder) domain(f *rawFleet, path string) string {
	if f.Identity.UPNDomain == "" && !b.written(&f.Identity.UPNDomain) {
		f.Identity.UPNDomain = string(f.Name) + ".example"
		return f.Identity.UPNDomain
	}
	if b.good(&f.Identity.UPNDomain) && (len(f.Identity.UPNDomain) > 200 || !domainName.MatchString(f.Identity.UPNDomain)) {
		b.errorf(b.at(&f.Identity.UPNDomain), "want a name under .example, .test or .invalid, e.g. contoso.example", "%s.identity.upnDomain: %q is not reserved for tests", path, clip(f.Identity.UPNDomain))
	}
	return f.Identity.UPNDomain
}
