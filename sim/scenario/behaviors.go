package scenario

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
)

const (
	maxBehaviors = 1000
	maxExtends   = 8 // behaviours that extend each other
)

// behaviors replaces each behaviour that extends others by the whole of it, and builds the plans.
func (b *builder) behaviors() {
	all := b.spec.Behaviors
	names := slices.Sorted(maps.Keys(all))
	b.used, b.plans = map[string]bool{}, map[string]*behavior.Plan{}
	if len(names) > maxBehaviors {
		b.errorf(b.at(&b.spec.Behaviors), "", "behaviors: %d are more than %d", len(names), maxBehaviors)
		return
	}
	chains := map[string][]*rawBehavior{}
	for _, name := range names {
		chains[name] = b.chain(name, names)
	}
	for _, name := range names {
		own := all[name]
		if len(chains[name]) > 1 {
			whole := new(rawBehavior)
			b.preset(reflect.ValueOf(whole).Elem(), "")
			b.mute = true
			for _, link := range chains[name] {
				b.value(b.nodes[link], reflect.ValueOf(whole).Elem(), "behaviors."+name, "")
			}
			b.mute = false
			whole.Extends = ""
			b.keys[whole] = b.keys[own]
			all[name] = whole
		}
	}
	for _, name := range names {
		b.plans[name] = b.plan(name, all[name])
	}
	if len(names) == 0 && b.written(&b.spec.Behaviors) {
		b.errorf(b.at(&b.spec.Behaviors), "add one", "behaviors: there is none")
	}
}

// chain is the behaviours to read one over the other for name: the one that extends nothing first, name last.
func (b *builder) chain(name string, names []string) []*rawBehavior {
	all := b.spec.Behaviors
	chain := []*rawBehavior{all[name]}
	for at := all[name]; at.Extends != ""; {
		base := all[at.Extends]
		switch {
		case base == nil:
			b.errorf(b.at(&at.Extends), didYouMean(at.Extends, names, oneOf(names)), "behaviors.%s extends %q, which does not exist", name, clip(at.Extends))
			return nil
		case slices.Contains(chain, base):
			b.errorf(b.at(&all[name].Extends), "let one of them extend nothing", "behaviors.%s extends itself", name)
			return nil
		case len(chain) == maxExtends:
			b.errorf(b.at(&all[name].Extends), "", "behaviors.%s: more than %d behaviours extend each other", name, maxExtends)
			return nil
		}
		b.used[at.Extends] = true
		chain = append(chain, base)
		at = base
	}
	slices.Reverse(chain)
	return chain
}

// plan checks a behaviour and builds what its devices do.
func (b *builder) plan(name string, r *rawBehavior) *behavior.Plan {
	path := "behaviors." + name
	p := &behavior.Plan{Name: name, Day: b.day(path, r)}
	last := &r.Offline.Lasting
	if last.P95 < last.Median && b.good(&last.P95, &last.Median) {
		b.errorf(b.at(&last.P95, &last.Median), "", "%s.offline.lasting: p95 %s is shorter than the median %s", path, last.P95, last.Median)
	}
	p.Offline = behavior.Offline{PerDay: r.Offline.PerDay, Median: time.Duration(last.Median), P95: time.Duration(last.P95)}
	ev := &r.Events
	for _, e := range []struct {
		kind event.Kind
		is   *rawPeriodic
		name string
	}{
		{event.Heartbeat, ev.Heartbeat, "heartbeat"}, {event.Memory, ev.Memory, "memory"}, {event.AppInfo, ev.AppInfo, "appInfo"},
		{event.AppAction, ev.AppAction, "appAction"}, {event.Diagnostics, ev.Diagnostics, "diagnostics"}, {event.Feedback, ev.Feedback, "feedback"},
	} {
		if e.is != nil {
			p.Rates[e.kind] = b.rate(&e.is.often, b.at(e.is), path+".events."+e.name)
		}
	}
	if v := ev.WebVisit; v != nil {
		p.Rates[event.WebThreat] = b.rate(&v.often, b.at(v), path+".events.webVisit")
		p.Web = behavior.Web{MaliciousShare: float64(v.MaliciousShare), Bypass: float64(v.Bypass), Dispersion: b.spread(v.Dispersion)}
	}
	if c := ev.Crash; c != nil {
		p.Rates[event.Crash] = b.rate(&c.often, b.at(c), path+".events.crash")
		p.Crashes.Mix = fleetShares(c.Mix)
		p.Crashes.Form = event.CrashForm(max(0, slices.Index(event.CrashForms[:], c.Report)))
		if p.Rates[event.Crash].Every > 0 && len(c.More) > 0 {
			b.errorf(b.at(&c.More), "use perDay instead of every", "%s.events.crash.more multiplies a rate, and every is a period", path)
		}
		for i := range c.More {
			m := &c.More[i]
			if b.good(&m.OS) && !slices.Contains(b.facts.versions, m.OS) {
				b.errorf(b.at(&m.OS, m), didYouMean(m.OS, b.facts.versions, "see profiles/ios-releases.yaml"), "%s.events.crash.more: iOS %q is not in the catalogue", path, clip(m.OS))
			}
			p.Crashes.More = append(p.Crashes.More, behavior.CrashMore{OS: m.OS, Times: m.Times})
		}
	}
	return p
}

// rate checks that exactly one of every and perDay is in force.
func (b *builder) rate(o *often, n *yaml.Node, path string) behavior.Rate {
	var r behavior.Rate
	if o.Every != nil && o.PerDay != nil {
		b.errorf(n, "keep one of them", "%s has both every and perDay", path)
	}
	if o.Every != nil {
		r.Every = time.Duration(*o.Every)
	} else if o.Jitter != nil {
		b.errorf(b.at(&o.Jitter), "give every, or leave jitter out", "%s: jitter belongs to every", path)
	}
	if o.Jitter != nil {
		r.Jitter = float64(*o.Jitter)
	}
	if o.PerDay != nil {
		r.PerDay = *o.PerDay
	}
	return r
}

// day builds the curves of a day. 24 numbers of the file serve weekdays and weekends alike, scaled to mean 1.
func (b *builder) day(path string, r *rawBehavior) behavior.Day {
	s := &r.Day.Shape
	var d behavior.Day
	if s.Hours != nil {
		sum := 0.0
		for _, x := range s.Hours {
			sum += x
		}
		if sum > 0 {
			for h, x := range s.Hours {
				d.Weekday[h] = x * 24 / sum
			}
		}
		d.Weekend, d.WeekendFactor = d.Weekday, 1
	} else if shape, ok := b.facts.shapes[s.Name]; ok {
		d = shape
	} else if b.good(s) {
		names := slices.Sorted(maps.Keys(b.facts.shapes))
		b.errorf(b.at(s), didYouMean(s.Name, names, "want one of "+list(names)+", or 24 numbers"), "%s.day.shape: %q is not known", path, clip(s.Name))
	}
	if r.Day.Weekend != nil {
		d.WeekendFactor = *r.Day.Weekend
	}
	for i := range r.Day.Timezones {
		if b.full() {
			break
		}
		zone := &r.Day.Timezones[i]
		known, seen := b.zones[zone.Name]
		if !seen {
			_, err := time.LoadLocation(zone.Name)
			known = err == nil && zone.Name != "" && zone.Name != "Local"
			b.zones[zone.Name] = known
		}
		if !known {
			b.errorf(b.keyOr(zone, &r.Day.Timezones), "want an IANA name, e.g. Europe/Berlin", "%s.day.timezones: %q is not a time zone", path, clip(zone.Name))
		}
	}
	return d
}

// keyOr is the key of an entry of a table, or the table.
func (d *decoder) keyOr(entry, table any) *yaml.Node {
	if k := d.key(entry); k != nil {
		return k
	}
	return d.at(table)
}

func fleetShares(w weights) []fleet.Share[string] {
	var list []fleet.Share[string]
	for _, x := range w {
		list = append(list, fleet.Share[string]{Value: x.Name, Weight: x.Share})
	}
	return list
}
