package scenario

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"drover/sim/behavior"
)

// rawMoment is a time within the run: the name of a phase, and how long after its start.
type rawMoment struct {
	phase  string
	offset duration
}

const momentSyntax = `^[a-z0-9][a-z0-9-]*( *\+ *([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h|d))+)?$`

var momentPattern = regexp.MustCompile(momentSyntax)

func (m *rawMoment) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	if n.Kind != yaml.ScalarNode || !momentPattern.MatchString(n.Value) {
		d.errorf(n, "want the name of a phase and how long after its start, e.g. day + 5m", "%s: %s is no time within the run", path, show(n))
		return false
	}
	phase, offset, later := strings.Cut(n.Value, "+")
	*m = rawMoment{phase: strings.TrimSpace(phase)}
	if later {
		x, mend, ok := parseDuration(strings.TrimSpace(offset))
		if !ok {
			d.errorf(n, mend, "%s: %s is no time within the run", path, show(n))
			return false
		}
		m.offset = x
	}
	return true
}

func (m rawMoment) encode() *yaml.Node {
	if m.offset == 0 {
		return textNode(m.phase)
	}
	return textNode(m.phase + " + " + m.offset.String())
}

// rawUptake is how a release spreads: the share of the devices, in per cent, that have it so long after it; or at once.
type rawUptake struct{ points []uptakePoint }

type uptakePoint struct {
	after   duration
	percent float64
}

const atOnce = "at-once"

func (u *rawUptake) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	*u = rawUptake{}
	if n.Kind == yaml.ScalarNode && n.Value == atOnce {
		u.points = []uptakePoint{{0, 100}}
		return true
	}
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.errorf(n, "want e.g. {1d: 20, 7d: 78}, or at-once", "%s is empty", path)
		return false
	}
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "want at-once, or the per cent of the devices by time after the release, e.g. {1d: 20, 7d: 78}", "%s: want a curve, not %s", path, show(n))
		return false
	}
	ok := true
	for k, v := range members(n) {
		after, mend, good := parseDuration(k.Value)
		if !good {
			d.errorf(k, mend, "%s: %s is not a duration", path, show(k))
			ok = false
			continue
		}
		at := path + "." + clip(k.Value)
		percent, good := 0.0, v.Tag != badTag
		switch {
		case !good:
		case v.Kind != yaml.ScalarNode:
			d.errorf(v, "", "%s: want a number, not %s", at, show(v))
			good = false
		default:
			percent, good = d.number(v, at)
		}
		var last uptakePoint
		if len(u.points) > 0 {
			last = u.points[len(u.points)-1]
		}
		switch {
		case !good:
			ok = false
			continue
		case after <= 0 || after > duration(10*365*day):
			d.errorf(k, "want 1ns to 3650d, or at-once", "%s: %s is out of range", path, show(k))
			ok = false
		case after <= last.after:
			d.errorf(k, "put them in order", "%s: %s is not after %s", path, show(k), last.after)
			ok = false
		case percent < last.percent || percent > 100:
			d.errorf(v, fmt.Sprintf("want %s to 100: nobody goes back", number(last.percent)), "%s: %s is out of range", at, show(v))
			ok = false
		}
		u.points = append(u.points, uptakePoint{after, percent})
	}
	if ok && u.points[len(u.points)-1].percent == 0 {
		d.errorf(n, "let some devices take it", "%s: no device ever takes it", path)
		return false
	}
	return ok
}

func (u rawUptake) encode() *yaml.Node {
	if slices.Equal(u.points, []uptakePoint{{0, 100}}) {
		return textNode(atOnce)
	}
	m := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for _, p := range u.points {
		m.Content = append(m.Content, textNode(p.after.String()), plainNode(number(p.percent)))
	}
	return m
}

// curve is the same in the form that devices live by.
func (u rawUptake) curve() (c behavior.Uptake) {
	for _, p := range u.points {
		c = append(c, behavior.UptakePoint{After: time.Duration(p.after), Share: p.percent / 100})
	}
	return c
}

// hint tells what cannot change while a run goes on.
func (rawChange) hint(name string) string {
	if name == "supervised" {
		return "whether a device is supervised does not change: it would have to be wiped"
	}
	return ""
}
