package scenario

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/target"
)

// Entry is one entry of the timeline: what changes while the run goes on. Exactly one of Change, Release and Fault is set.
type Entry struct {
	Name      string
	At, Until time.Duration // offsets from the run's start; Until 0: to its end
	Select    fleet.Pick
	Change    *behavior.Change
	Release   *behavior.Release
	Fault     *target.Faults
	Skew      *behavior.Skew // of the fault; nil where that is
	What, Who string         // in the words of the file, for people
}

// maxEntries bounds what is looked through for each upload.
const maxEntries = 200

// timeline checks the entries of the timeline and builds them.
func (b *builder) timeline(sc *Scenario) {
	all := b.spec.Timeline
	if len(all) > maxEntries {
		b.errorf(b.at(&b.spec.Timeline), "", "timeline: %d entries are more than %d", len(all), maxEntries)
		return
	}
	if len(all) > 0 && sc.Load.Closed {
		b.errorf(b.key(&b.spec.Timeline), "use model: open", "timeline: in the closed model answers decide when a phase is over")
	}
	for i := range all {
		r := &all[i]
		path := fmt.Sprintf("timeline[%s]", r.Name)
		switch {
		case !b.good(&r.Name) || !b.written(&r.Name):
		case slices.Contains(b.dim.entries, string(r.Name)):
			b.errorf(b.at(&r.Name), "give each entry a name of its own", "%s: the name is taken", path)
		case slices.Contains(b.dim.phases, string(r.Name)):
			b.errorf(b.at(&r.Name), "give it another one: at counts from phases", "%s: a phase has this name", path)
		}
		b.dim.entries = append(b.dim.entries, string(r.Name))
		e := Entry{Name: string(r.Name), Select: b.pick(r, path)}
		b.when(sc, r, &e, path)
		does := 0
		for _, given := range []bool{r.Change != nil, r.Release != nil, r.Fault != nil} {
			if given {
				does++
			}
		}
		switch {
		case does != 1 && b.good(r):
			b.errorf(b.at(r), "give it either change, release or fault", "%s does %s", path, map[bool]string{true: "nothing", false: "several things"}[does == 0])
		case r.Change != nil:
			e.Change = b.change(sc, r, &e.Select, path+".change")
		case r.Release != nil:
			e.Release = b.release(sc, r, &e.Select, path+".release")
		case r.Fault != nil:
			seed := sc.Seeds.Faults ^ nameHash(string(r.Name))
			e.Fault = b.faults(r.Fault, seed, path+".fault")
			skew := skewOf(r.Fault, seed)
			e.Skew = &skew
		}
		e.What, e.Who = inWords(r)
		sc.Timeline = append(sc.Timeline, e)
	}
}

// nameHash makes entries with the same shares strike different attempts.
func nameHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// inWords says what an entry does, and to whom.
func inWords(r *rawEntry) (what, who string) {
	who = "all devices"
	if r.Select != nil {
		who = flow(r.Select)
	}
	switch {
	case r.Change != nil:
		what = flow(r.Change)
	case r.Release != nil && r.Release.OS != "":
		what = "iOS " + r.Release.OS
	case r.Release != nil:
		what = "app " + r.Release.App
	case r.Fault != nil:
		what = flow(r.Fault)
	}
	return what, who
}

// flow writes the fields of a mapping on one line.
func flow(v any) string {
	n := encode(reflect.ValueOf(v))
	n.Style = yaml.FlowStyle
	out, err := yaml.Marshal(n)
	if err != nil {
		panic("scenario: " + err.Error()) // only a tree that yaml.v3 cannot write
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(out)), "{"), "}")
}

// when turns the place of an entry in a phase into offsets from the run's start.
func (b *builder) when(sc *Scenario, r *rawEntry, e *Entry, path string) {
	if !b.good(&r.At, &r.For) || !b.written(&r.At) || len(b.errs) > 0 && len(sc.Load.Phases) == 0 {
		return
	}
	var begins, end time.Duration
	index := -1
	for i, ph := range sc.Load.Phases {
		if ph.For <= 0 {
			return // told
		}
		if ph.Name == r.At.phase && index < 0 {
			index, begins = i, end
		}
		end += ph.For
	}
	if index < 0 {
		b.errorf(b.at(&r.At), didYouMean(r.At.phase, b.dim.phases, oneOf(b.dim.phases)), "%s.at: there is no phase %q", path, clip(r.At.phase))
		return
	}
	ph := sc.Load.Phases[index]
	e.At = begins + time.Duration(r.At.offset)
	switch {
	case ph.Do != Drive:
		b.errorf(b.at(&r.At), "name a phase that drives", "%s.at: devices do not live in phase %q, so nothing can change", path, ph.Name)
	case time.Duration(r.At.offset) >= ph.For:
		b.errorf(b.at(&r.At), "stay inside the phase", "%s.at: phase %q is over after %s", path, ph.Name, duration(ph.For))
	}
	if r.For == nil {
		return
	}
	e.Until = e.At + time.Duration(*r.For)
	switch {
	case r.Release != nil:
		b.errorf(b.key(&r.For), "leave it out", "%s.for: a release is not taken back", path)
	case e.Until > end:
		b.errorf(b.at(r.For), "leave it out for a change that stays", "%s.for: it lasts %s past the end of the run", path, duration(e.Until-end))
	}
}

// pick checks the names that an entry selects devices by.
func (b *builder) pick(r *rawEntry, path string) fleet.Pick {
	p := fleet.Pick{Share: 1, Key: string(r.Name)}
	s := r.Select
	if s == nil || !b.good(s) {
		return p
	}
	path += ".select"
	p.Fleet, p.Cohort, p.Tenant = s.Fleet, s.Cohort, s.Tenant
	if s.Percent != nil {
		p.Share = *s.Percent / 100
	}
	b.exists(&s.Fleet, b.dim.fleets, path+".fleet", "fleet")
	b.exists(&s.Cohort, b.dim.cohorts, path+".cohort", "cohort")
	tenants := b.tenant(s, path+".tenant")
	if len(b.errs) > 0 {
		return p
	}
	if n := len(b.picked(p)); n == 0 || tenants != "" && s.Fleet != "" && s.Fleet != tenants {
		b.errorf(b.at(s), "name things that go together", "%s: nobody is in all of it", path)
	}
	return p
}

// tenant checks the name of a tenant and returns that of its fleet.
func (b *builder) tenant(s *rawSelect, path string) string {
	if !b.written(&s.Tenant) {
		return ""
	}
	name, number, ok := strings.Cut(s.Tenant, "/")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || number[0] == '0' || number[0] == '+' {
		b.errorf(b.at(&s.Tenant), "want its fleet and its number there, the largest first, e.g. long-tail/1", "%s: %q names no tenant", path, clip(s.Tenant))
		return ""
	}
	for i := range b.spec.Fleets {
		f := &b.spec.Fleets[i]
		if string(f.Name) == name {
			if n > f.Tenants.Count && b.good(&f.Tenants.Count) {
				b.errorf(b.at(&s.Tenant), "", "%s: fleet %q has only %d of them", path, name, f.Tenants.Count)
			}
			return name
		}
	}
	b.errorf(b.at(&s.Tenant), didYouMean(name, b.dim.fleets, oneOf(b.dim.fleets)), "%s: there is no fleet %q", path, clip(name))
	return ""
}

// picked are the cohorts that a pick means, as indices over all fleets.
func (b *builder) picked(p fleet.Pick) (cohorts []int) {
	n := 0
	tenants, _, _ := strings.Cut(p.Tenant, "/")
	for i := range b.spec.Fleets {
		f := &b.spec.Fleets[i]
		for j := range f.Cohorts {
			name := string(f.Cohorts[j].Name)
			if (p.Fleet == "" || p.Fleet == string(f.Name)) && (p.Cohort == "" || p.Cohort == name || p.Cohort == string(f.Name)+"/"+name) &&
				(tenants == "" || tenants == string(f.Name)) {
				cohorts = append(cohorts, n)
			}
			n++
		}
	}
	return cohorts
}

// change builds a change and refuses one that changes nothing.
func (b *builder) change(sc *Scenario, r *rawEntry, p *fleet.Pick, path string) *behavior.Change {
	c, raw := &behavior.Change{}, r.Change
	every := func(k event.Kind, d *duration) {
		if d != nil {
			c.Rates[k] = &behavior.Rate{Every: time.Duration(*d)}
		}
	}
	perDay := func(k event.Kind, n *float64) {
		if n != nil {
			c.Rates[k] = &behavior.Rate{PerDay: *n}
		}
	}
	every(event.Heartbeat, raw.HeartbeatEvery)
	every(event.Memory, raw.MemoryEvery)
	every(event.AppInfo, raw.AppInfoEvery)
	perDay(event.AppAction, raw.AppActionPerDay)
	perDay(event.WebThreat, raw.VisitPerDay)
	perDay(event.Crash, raw.CrashPerDay)
	every(event.Diagnostics, raw.DiagnosticsEvery)
	perDay(event.Feedback, raw.FeedbackPerDay)
	c.MaliciousShare, c.Bypass, c.OfflinePerDay = (*float64)(raw.MaliciousShare), (*float64)(raw.Bypass), raw.OfflinePerDay
	for _, s := range []struct {
		to   **float64
		from *toggle
	}{
		{&c.Settings.ExcludeURLInReport, raw.ExcludeURL}, {&c.Settings.UnsafeSiteInfo, raw.UnsafeInfo},
		{&c.Settings.OptionalDiagnostics, raw.OptionalDiag}, {&c.Settings.FeedbackData, raw.FeedbackData},
	} {
		if s.from != nil {
			share := s.from.True / 100
			*s.to = &share
		}
	}
	if !b.good(raw) || len(b.errs) > 0 {
		return c
	}
	if *c == (behavior.Change{}) {
		b.errorf(b.at(raw), "name what changes, e.g. {webVisit.maliciousShare: 8%}", "%s is empty", path)
	}
	b.kept(sc, raw, path)
	visits := raw.VisitPerDay != nil || slices.ContainsFunc(b.picked(*p), func(i int) bool { return sc.Plans[i].Rates[event.WebThreat] != behavior.Rate{} })
	for _, share := range []any{&raw.MaliciousShare, &raw.Bypass} {
		if b.written(share) && !visits {
			b.errorf(b.key(share), "add webVisit.perDay, or select other devices", "%s: none of the devices visits the web", path)
		}
	}
	return c
}

// kept refuses changes that the contract leaves nothing of, as it does in behaviours and fleets.
func (b *builder) kept(sc *Scenario, r *rawChange, path string) {
	if sc.Contract == nil {
		return
	}
	for _, c := range []struct {
		field any
		name  string
		needs event.Fields
		what  string
	}{
		{&r.MemoryEvery, "memory.every", event.Memory.Fields(), "app.memory"},
		{&r.AppInfoEvery, "appInfo.every", event.AppInfo.Fields(), "app.info"},
		{&r.AppActionPerDay, "appAction.perDay", event.AppAction.Fields(), "app.action"},
		{&r.CrashPerDay, "crash.perDay", event.Crash.Fields(), "app.crash"},
		{&r.DiagnosticsEvery, "diagnostics.every", event.Diagnostics.Fields(), "optional diagnostic data"},
		{&r.OptionalDiag, "optionalDiagnostics", event.Diagnostics.Fields(), "optional diagnostic data"},
		{&r.FeedbackPerDay, "feedback.perDay", event.FieldsOf(event.FeedbackType), "feedback"},
		{&r.FeedbackData, "DefenderFeedbackData", event.FieldsOf(event.FeedbackType), "feedback"},
		{&r.ExcludeURL, "DefenderExcludeURLInReport", sc.Sends.PrivacyOff, "data type that the privacy setting withholds"},
		{&r.UnsafeInfo, "user.unsafe_site_info", sc.Sends.PrivacyOff, "data type that the privacy setting withholds"},
	} {
		if b.written(c.field) && c.needs&sc.Sends.All == 0 {
			b.errorf(b.key(c.field), "remove it, or use another contract", "%s.%s has no effect: contract %s has no %s", path, c.name, sc.Contract.Name, c.what)
		}
	}
}

// release builds a release and refuses one that no device takes. A default curve is written back, so that the resolved file says it.
func (b *builder) release(sc *Scenario, r *rawEntry, p *fleet.Pick, path string) *behavior.Release {
	raw, out := r.Release, &behavior.Release{}
	if !b.good(raw, &raw.App, &raw.OS) {
		return out
	}
	if (raw.App == "") == (raw.OS == "") {
		b.errorf(b.at(raw), `name one, e.g. {app: "1.1.70290103"} or {os: "26.5"}`, "%s: want either a version of the app or one of iOS", path)
		return out
	}
	if raw.Uptake == nil {
		curve := b.facts.uptake["os"]
		if raw.App != "" {
			curve = b.facts.uptake["app"]
		}
		raw.Uptake = &curve
	}
	out.Uptake = raw.Uptake.curve()
	if raw.App != "" {
		out.App = raw.App
		build, err := fleet.ParseApp(raw.App)
		if err != nil {
			b.errorf(b.at(&raw.App), "", "%s.app: %q is no build of the app: %v", path, clip(raw.App), err)
		}
		b.taken(sc, &raw.App, p, nil, build, path+".app: no device takes "+raw.App)
		return out
	}
	for i := range b.facts.catalogue.Releases {
		if rel := &b.facts.catalogue.Releases[i]; rel.Version == raw.OS {
			out.OS = rel
		}
	}
	if out.OS == nil {
		b.errorf(b.at(&raw.OS), didYouMean(raw.OS, b.facts.versions, "see profiles/ios-releases.yaml"), "%s.os: iOS %q is not in the catalogue", path, clip(raw.OS))
		return out
	}
	b.taken(sc, &raw.OS, p, out.OS, 0, path+".os: no device takes iOS "+raw.OS)
	return out
}

// taken reports a release that none of the selected devices takes.
func (b *builder) taken(sc *Scenario, at *string, p *fleet.Pick, os *fleet.Release, app fleet.AppBuild, what string) {
	if len(b.errs) > 0 {
		return
	}
	var cohorts []fleet.CohortSpec
	n, picked := 0, b.picked(*p)
	for _, f := range sc.Fleets {
		for _, c := range f.Cohorts {
			if slices.Contains(picked, n) {
				cohorts = append(cohorts, c)
			}
			n++
		}
	}
	why, err := fleet.NobodyTakes(b.facts.catalogue, cohorts, os, app)
	if err != nil {
		b.errorf(b.at(at), "", "%s: %v", what, err)
	} else if why != "" {
		b.errorf(b.at(at), "name another version, or select other devices", "%s: %s", what, why)
	}
}
