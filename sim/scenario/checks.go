package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"drover/sim/check"
	"drover/sim/measure"
)

// checks checks the checks: one promise each, about things that the scenario has.
func (b *builder) checks(sc *Scenario) {
	names := map[word]bool{}
	for i := range b.spec.Checks {
		r := &b.spec.Checks[i]
		path := fmt.Sprintf("checks[%s]", r.Name)
		if names[r.Name] && b.good(&r.Name) {
			b.errorf(b.at(&r.Name), "give each check a name of its own", "%s: the name is taken", path)
		}
		names[r.Name] = true
		if c := b.check(r, path); !r.skipped {
			sc.Checks = append(sc.Checks, c)
		}
	}
	// Last, since positions are kept by address.
	b.spec.Checks = slices.DeleteFunc(b.spec.Checks, func(r rawCheck) bool { return r.skipped })
}

func (b *builder) check(r *rawCheck, path string) check.Check {
	c := check.Check{Name: string(r.Name), OnFail: check.Result(r.OnFail)}
	promises := 0
	for _, given := range []bool{b.written(&r.Metric), r.Verdicts != nil, r.Generator != nil, r.Count != nil, r.Privacy != nil, r.Reconcile != nil, r.Compare != nil} {
		if given {
			promises++
		}
	}
	if promises != 1 && b.good(r) {
		b.errorf(b.at(r), "give it exactly one of metric, verdicts, generator, count, privacy, reconcile and compare", "%s promises %d things", path, promises)
		return c
	}
	if !b.written(&r.Metric) {
		if b.written(&r.Where) {
			b.errorf(b.key(&r.Where), "remove it, or use metric", "%s: where belongs to metric", path)
		}
		if b.written(&r.Expect) {
			b.errorf(b.key(&r.Expect), "remove it, or use metric", "%s: expect belongs to metric", path)
		}
	}
	switch {
	case r.Verdicts != nil:
		v := r.Verdicts
		c.Verdicts = &check.Verdicts{
			Agreement: b.bound(&v.Agreement, path+".verdicts.agreement", true), Missed: b.bound(&v.Missed, path+".verdicts.missed", true),
			FalseAlarms: b.bound(&v.FalseAlarms, path+".verdicts.falseAlarms", true), AtLeast: v.AtLeast,
			Precision: b.bound(&v.Precision, path+".verdicts.precision", true),
		}
		if v.Agreement == "" && v.Missed == "" && v.FalseAlarms == "" && v.Precision == "" && b.good(v) {
			b.errorf(b.at(v), "add agreement, missed, falseAlarms or precision", "%s.verdicts promises nothing", path)
		}
	case r.Generator != nil:
		c.Generator = b.generator(r.Generator, path+".generator")
	case r.Count != nil:
		c.Count = &check.Count{Missing: int64(r.Count.Missing), Surplus: int64(r.Count.Surplus)}
	case r.Privacy != nil:
		c.Privacy = &check.Privacy{Violations: int64(r.Privacy.Violations), Stored: r.Privacy.Of == "stored"}
	case r.Reconcile != nil:
		c.Reconcile = b.reconcile(r.Reconcile)
	case r.Compare != nil:
		c.Compare = b.compare(r.Compare, path+".compare")
	case b.written(&r.Metric):
		c.Metric = b.metric(r, path)
	}
	return c
}

// defaultGate is what may not become worse when a comparison does not say.
var defaultGate = []string{"response p50", "response p99", "not accepted"}

func (b *builder) compare(r *rawCompare, path string) *check.Compare {
	if b.written(&r.Base) && b.good(&r.Base) && strings.TrimSpace(r.Base) == "" {
		b.errorf(b.at(&r.Base), "name the folder of a run, e.g. runs/main", "%s.base is empty", path)
	}
	c := &check.Compare{Base: r.Base, Within: float64(r.Within), Gate: r.Gate, AnyMachine: r.AnyMachine}
	if len(r.Gate) == 0 {
		c.Gate = defaultGate
	}
	known := check.ComparedMetrics[:]
	for i := range r.Gate {
		if g := &r.Gate[i]; b.good(g) && !slices.Contains(known, *g) {
			b.errorf(b.at(g), didYouMean(*g, known, "want "+list(known)), "%s.gate: %q is not compared", path, clip(*g))
		}
	}
	return c
}

func (b *builder) generator(g *rawGenerator, path string) *check.Generator {
	out := &check.Generator{Achieved: b.bound(&g.Achieved, path+".achieved", false)}
	if b.written(&g.SendLag) && b.good(&g.SendLag) {
		e, err := check.ParseExpectation("send_lag", g.SendLag)
		b.syntax(b.at(&g.SendLag), path+".sendLag", err)
		out.SendLag = &e
	}
	if g.Dropped != nil {
		n := int64(*g.Dropped)
		out.Dropped = &n
	}
	if g.SendLag == "" && g.Dropped == nil && g.Achieved == "" && b.good(g) {
		b.errorf(b.at(g), "add sendLag, dropped or achieved", "%s promises nothing", path)
	}
	return out
}

func (b *builder) metric(r *rawCheck, path string) *check.Metric {
	m := &check.Metric{Metric: r.Metric}
	if !b.good(&r.Metric) {
		return m
	}
	var names []string
	for _, known := range check.Metrics {
		names = append(names, known.Name)
	}
	if !slices.Contains(names, r.Metric) {
		b.errorf(b.at(&r.Metric), didYouMean(r.Metric, names, "want "+list(names)), "%s.metric: %q is not measured", path, clip(r.Metric))
		return m
	}
	if !b.written(&r.Expect) {
		b.errorf(b.at(r), "add it, e.g. expect: p99 <= 250ms", "%s has no \"expect\"", path)
	} else if b.good(&r.Expect) {
		e, err := check.ParseExpectation(r.Metric, r.Expect)
		b.syntax(b.at(&r.Expect), path+".expect", err)
		m.Expect = e
	}
	w := r.Where
	if w == nil {
		return m
	}
	m.Where = measure.Selector{Op: w.Op, Phase: w.Phase, Fleet: w.Fleet, Cohort: w.Cohort, Tenant: w.Tenant, Class: w.Class,
		Outside: b.windows(w.Outside, path+".where.outside"), During: b.windows(w.During, path+".where.during")}
	b.exists(&w.Op, b.dim.ops, path+".where.op", "operation")
	b.exists(&w.Phase, b.dim.phases, path+".where.phase", "phase")
	b.exists(&w.Fleet, b.dim.fleets, path+".where.fleet", "fleet")
	b.exists(&w.Cohort, b.dim.cohorts, path+".where.cohort", "cohort")
	var classes []string
	for c := range measure.NumClasses {
		classes = append(classes, c.String())
	}
	b.exists(&w.Class, classes, path+".where.class", "class")
	return m
}

// maxWindows is how many entries checks may name in all: each makes two slices of the run more, at most.
const maxWindows = (measure.MaxSlices - 1) / 2

// windows checks the entries of the timeline that a check picks by.
func (b *builder) windows(names []string, path string) []string {
	for i := range names {
		b.exists(&names[i], b.dim.entries, path, "entry of the timeline")
		if b.windowed[names[i]] {
			continue
		}
		if b.windowed[names[i]] = true; len(b.windowed) > maxWindows {
			b.errorf(b.at(&names[i]), "", "%s: checks name more than %d entries of the timeline", path, maxWindows)
		}
	}
	return names
}

// exists checks that a check picks by a name that there is.
func (b *builder) exists(name *string, names []string, path, what string) {
	if b.written(name) && b.good(name) && !slices.Contains(names, *name) {
		unique := slices.Clone(names)
		slices.Sort(unique)
		unique = slices.Compact(unique)
		b.errorf(b.at(name), didYouMean(*name, unique, oneOf(unique)), "%s: there is no %s %q", path, what, clip(*name))
	}
}

// bound reads a bound; it is nil when the field was left out.
func (b *builder) bound(text *string, path string, shareOnly bool) *check.Bound {
	if !b.written(text) || !b.good(text) {
		return nil
	}
	bound, err := check.ParseBound(*text)
	b.syntax(b.at(text), path, err)
	if err == nil && shareOnly && bound.Unit != check.Share {
		b.errorf(b.at(text), "write it in per cent, e.g. \">= 99.5%\"", "%s: %q is not a bound on a share", path, clip(*text))
	}
	return &bound
}

func (b *builder) syntax(n *yaml.Node, path string, err error) {
	if bad := (*check.SyntaxError)(nil); errors.As(err, &bad) {
		b.errorf(n, bad.Mend, "%s: %s", path, bad.What)
	} else if err != nil {
		b.errorf(n, "", "%s: %v", path, err)
	}
}
