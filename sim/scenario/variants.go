package scenario

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// maxVariants bounds how often a file is checked, once with each variant.
const maxVariants = 50

// variants checks the names in all variants and applies the one that is asked for.
func (b *builder) variants(pick string) {
	names := slices.Sorted(maps.Keys(b.spec.Variants))
	if len(names) > maxVariants {
		b.errorf(b.at(&b.spec.Variants), "", "variants: %d are more than %d", len(names), maxVariants)
		return
	}
	if pick != "" && b.spec.Variants[pick] == nil {
		b.errorf(b.at(&b.spec.Variants, b.spec), didYouMean(pick, names, oneOf(names)), "the scenario has no variant %q", clip(pick))
	}
	for _, name := range names {
		v := b.spec.Variants[name]
		b.variantNames(name, v)
		if name == pick && len(b.errs) == 0 {
			b.apply(name, v)
		}
	}
}

func (b *builder) variantNames(name string, v *rawVariant) {
	var fleets, phases, checks []string
	for i := range b.spec.Fleets {
		fleets = append(fleets, string(b.spec.Fleets[i].Name))
	}
	for i := range b.spec.Load.Phases {
		phases = append(phases, string(b.spec.Load.Phases[i].Name))
	}
	for i := range b.spec.Checks {
		checks = append(checks, string(b.spec.Checks[i].Name))
	}
	for _, fleet := range slices.Sorted(maps.Keys(v.Devices)) {
		if !slices.Contains(fleets, fleet) {
			b.errorf(b.key(v.Devices[fleet]), didYouMean(fleet, fleets, oneOf(fleets)), "variants.%s.devices: there is no fleet %q", name, fleet)
		}
	}
	for _, phase := range slices.Sorted(maps.Keys(v.Phases)) {
		if !slices.Contains(phases, phase) {
			b.errorf(b.key(v.Phases[phase]), didYouMean(phase, phases, oneOf(phases)), "variants.%s.phases: there is no phase %q", name, phase)
		}
	}
	for _, check := range slices.Sorted(maps.Keys(v.Checks)) {
		b.checkChange(name, check, v.Checks[check], checks)
	}
}

// checkChange checks that a variant changes a check that there is, in what that check has.
func (b *builder) checkChange(variant, name string, change *rawCheckChange, names []string) {
	path := fmt.Sprintf("variants.%s.checks.%s", variant, name)
	i := slices.Index(names, name)
	if i < 0 {
		b.errorf(b.key(change), didYouMean(name, names, oneOf(names)), "variants.%s.checks: there is no check %q", variant, clip(name))
		return
	}
	c := &b.spec.Checks[i]
	if change.Expect != nil && !b.written(&c.Metric) {
		b.errorf(b.key(&change.Expect), "remove it", "%s.expect: the check has no metric", path)
	}
	if change.AtLeast != nil && c.Verdicts == nil {
		b.errorf(b.key(&change.AtLeast), "remove it", "%s.atLeast: the check is not about verdicts", path)
	}
	if change.Skip != nil && *change.Skip && (change.Expect != nil || change.AtLeast != nil) {
		b.errorf(b.key(&change.Skip), "keep one of them", "%s: a check that is skipped cannot be changed", path)
	}
}

// apply changes the scenario as the variant says. A value from the variant is told at its place in the variant.
func (b *builder) apply(name string, v *rawVariant) {
	scale := 1.0
	if v.Scale != nil {
		scale = *v.Scale
	}
	for i := range b.spec.Fleets {
		f := &b.spec.Fleets[i]
		if n := v.Devices[string(f.Name)]; n != nil {
			f.Devices = *n
			b.nodes[&f.Devices] = b.at(n)
		} else if v.Scale != nil {
			// A fleet that is scaled down keeps its tenants.
			f.Devices = max(f.Tenants.Count, int(min(math.Round(float64(f.Devices)*scale), maxDevices+1)))
			b.nodes[&f.Devices] = b.at(&v.Scale)
		}
	}
	if c := b.spec.Load.Concurrency; c != nil {
		*c = min(max(1, int(math.Round(float64(*c)*scale))), 65535)
	}
	for i := range b.spec.Load.Phases {
		p := &b.spec.Load.Phases[i]
		if p.Rate != nil && v.Scale != nil {
			b.scale(p.Rate, scale, fmt.Sprintf("variants.%s.scale: phase %q", name, p.Name), b.at(&v.Scale))
		}
		change := v.Phases[string(p.Name)]
		if change == nil {
			continue
		}
		if change.For != nil {
			b.stretch(string(p.Name), float64(*change.For)/float64(p.For))
			p.For = *change.For
			b.nodes[&p.For] = b.at(&change.For)
		}
		if change.Measure != nil {
			p.Measure = change.Measure
		}
		if change.Rate != nil {
			p.Rate = change.Rate
			b.nodes[&p.Rate], b.keys[&p.Rate] = b.at(&change.Rate), b.key(&change.Rate)
		}
	}
	b.applyToChecks(v)
}

// applyToChecks changes the checks that the variant names, and takes out those that it skips.
func (b *builder) applyToChecks(v *rawVariant) {
	for i := range b.spec.Checks {
		c := &b.spec.Checks[i]
		change := v.Checks[string(c.Name)]
		if change == nil {
			continue
		}
		if change.Expect != nil {
			c.Expect = *change.Expect
			b.nodes[&c.Expect], b.keys[&c.Expect] = b.at(&change.Expect), b.key(&change.Expect)
		}
		if change.AtLeast != nil {
			c.Verdicts.AtLeast = *change.AtLeast
			b.nodes[&c.Verdicts.AtLeast] = b.at(&change.AtLeast)
		}
		c.skipped = change.Skip != nil && *change.Skip
	}
}

// stretch moves what the timeline does in a phase that becomes longer or shorter, in proportion and in whole milliseconds.
func (b *builder) stretch(phase string, by float64) {
	scaled := func(d duration) duration {
		return duration(float64(d)*by) / duration(time.Millisecond) * duration(time.Millisecond)
	}
	for i := range b.spec.Timeline {
		e := &b.spec.Timeline[i]
		if e.At.phase != phase {
			continue
		}
		e.At.offset = scaled(e.At.offset)
		if e.For != nil {
			*e.For = max(duration(time.Millisecond), scaled(*e.For))
		}
	}
}

// scale multiplies every rate of a phase.
func (b *builder) scale(r *rawRate, by float64, what string, n *yaml.Node) {
	var all []*rate
	if r.PerSec != nil {
		all = append(all, r.PerSec)
	}
	if r.Ramp != nil {
		all = append(all, &r.Ramp.From, &r.Ramp.To)
	}
	if r.Sine != nil {
		all = append(all, &r.Sine.Mean, &r.Sine.Amplitude)
	}
	if r.Steps != nil {
		for i := range r.Steps.Steps {
			all = append(all, &r.Steps.Steps[i].Rate)
		}
	}
	for _, x := range all {
		was := *x
		*x *= rate(by)
		if was > 0 && (*x < 0.001 || *x > maxPerSecond) {
			b.errorf(n, "rates go from 0.001/s to 1000000/s", "%s: rate %s becomes %s", what, was, *x)
		}
	}
}
