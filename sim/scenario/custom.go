package scenario

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// weights is a table of shares in file order, "{a: 60, b: 40}". They add up to 100.
type weights []weight

type weight struct {
	Name  string
	Share float64
}

func (w *weights) decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) bool {
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "write it as {name: share, ...}", "%s: want a table of shares, not %s", path, show(n))
		return false
	}
	var known []string
	if keys := tag.Get("keys"); keys != "" {
		known = strings.Split(keys, "|")
	}
	*w = make(weights, 0, len(n.Content)/2)
	ok, sum := true, 0.0
	for k, v := range members(n) {
		if known != nil && !slices.Contains(known, k.Value) {
			d.errorf(k, didYouMean(k.Value, known, "want "+list(known)), "%s: %q is not known", path, clip(k.Value))
			ok = false
			continue
		}
		var x float64
		if v.Tag == badTag {
			ok = false
		} else if v.Kind != yaml.ScalarNode {
			d.errorf(v, "", "%s.%s: want a number, not %s", path, clip(k.Value), show(v))
			ok = false
		} else if num, good := d.number(v, path+"."+clip(k.Value)); !good {
			ok = false
		} else if x = num; x < 0 || x > 100 {
			d.errorf(v, "want 0 to 100", "%s.%s: %s is out of range", path, clip(k.Value), show(v))
			ok = false
		}
		*w = append(*w, weight{k.Value, x})
		d.keys[&(*w)[len(*w)-1]] = k // not moved: the capacity is enough
		sum += x
	}
	if ok && !addsUp(sum) {
		d.errorf(n, "make them add up to 100", "%s: the shares add up to %s", path, round(sum))
		return false
	}
	return ok
}

func (w weights) encode() *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for _, x := range w {
		m.Content = append(m.Content, textNode(x.Name), plainNode(number(x.Share)))
	}
	return m
}

// addsUp allows for decimals that binary numbers cannot hold: 33.3 + 33.3 + 33.4.
func addsUp(sum float64) bool { return math.Abs(sum-100) < 1e-6 }

func round(x float64) string { return strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64) }

// toggle is the share of true in "{true: 20, false: 80}", in per cent.
type toggle struct{ True, False float64 }

func (t *toggle) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		d.errorf(n, fmt.Sprintf("write it as a share of devices, {%s: 100}", strings.ToLower(n.Value)), "%s: want a table of shares, not %s", path, show(n))
		return false
	}
	var w weights
	if !w.decode(d, n, path, `keys:"true|false"`) {
		return false
	}
	*t = toggle{}
	for _, x := range w {
		if x.Name == "true" {
			t.True = x.Share
		} else {
			t.False = x.Share
		}
	}
	return true
}

func (t toggle) encode() *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{
		plainNode("true"), plainNode(number(t.True)), plainNode("false"), plainNode(number(t.False))}}
}

// rawSeed is one number that four streams are derived from, or the four.
type rawSeed Seeds

// deriveSeeds makes four independent streams of one seed: the first eight bytes of SHA-256("drover/<stream>/<seed>").
func deriveSeeds(seed uint64) Seeds {
	stream := func(name string) uint64 {
		sum := sha256.Sum256(fmt.Appendf(nil, "drover/%s/%d", name, seed))
		return binary.BigEndian.Uint64(sum[:8])
	}
	return Seeds{stream("fleet"), stream("behavior"), stream("arrivals"), stream("faults")}
}

func (s *rawSeed) streams() map[string]*uint64 {
	return map[string]*uint64{"fleet": &s.Fleet, "behavior": &s.Behavior, "arrivals": &s.Arrivals, "faults": &s.Faults}
}

var streamNames = []string{"fleet", "behavior", "arrivals", "faults"}

func (s *rawSeed) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	if n.Kind != yaml.MappingNode {
		seed, ok := d.seed(n, path)
		if ok {
			*s = rawSeed(deriveSeeds(seed))
		}
		return ok
	}
	*s = rawSeed(deriveSeeds(1)) // streams left out
	streams, ok := s.streams(), true
	for k, v := range members(n) {
		stream := streams[k.Value]
		if stream == nil {
			d.errorf(k, didYouMean(k.Value, streamNames, "it has "+strings.Join(streamNames, ", ")), "%s has no field %q", path, clip(k.Value))
			ok = false
			continue
		}
		x, good := d.seed(v, path+"."+k.Value)
		*stream, ok = x, ok && good
	}
	return ok
}

func (d *decoder) seed(n *yaml.Node, path string) (uint64, bool) {
	if n.Tag == badTag {
		return 0, false
	}
	if n.Kind == yaml.ScalarNode && wholeNumber.MatchString(n.Value) && isNumber(n) {
		x, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil {
			d.errorf(n, "want 0 to 18446744073709551615", "%s: %s is out of range", path, show(n))
		}
		return x, err == nil
	}
	if n.Kind != yaml.ScalarNode {
		d.errorf(n, "want a whole number, or {fleet: , behavior: , arrivals: , faults: }", "%s: want a seed, not %s", path, show(n))
		return 0, false
	}
	_, _ = d.whole(n, path) // says what is wrong with it
	return 0, false
}

func (s rawSeed) encode() *yaml.Node {
	m, streams := &yaml.Node{Kind: yaml.MappingNode}, s.streams()
	for _, name := range streamNames {
		m.Content = append(m.Content, textNode(name), plainNode(strconv.FormatUint(*streams[name], 10)))
	}
	return m
}

// rawShape is the name of a day shape, or 24 numbers by local hour.
type rawShape struct {
	Name  string
	Hours []float64
}

func (s *rawShape) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	*s = rawShape{}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		s.Name = n.Value
		return true
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) != 24 {
		what := show(n)
		if n.Kind == yaml.SequenceNode {
			what = fmt.Sprintf("%d of them", len(n.Content))
		}
		d.errorf(n, "", "%s: want the name of a day shape or 24 numbers, not %s", path, what)
		return false
	}
	s.Hours = make([]float64, 24)
	ok, sum := true, 0.0
	for i, item := range n.Content {
		hour := fmt.Sprintf("%s[%d]", path, i)
		if item.Tag == badTag {
			ok = false
		} else if item.Kind != yaml.ScalarNode {
			d.errorf(item, "", "%s: want a number, not %s", hour, show(item))
			ok = false
		} else if x, good := d.number(item, hour); !good {
			ok = false
		} else if x < 0 || x > 1000 {
			d.errorf(item, "want 0 to 1000", "%s: %s is out of range", hour, show(item))
			ok = false
		} else {
			s.Hours[i] = x
			sum += x
		}
	}
	if ok && sum < 1e-6 {
		d.errorf(n, "give at least one hour some activity", "%s: the 24 numbers are all 0", path)
		return false
	}
	return ok
}

func (s rawShape) encode() *yaml.Node {
	if s.Hours == nil {
		return textNode(s.Name)
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, x := range s.Hours {
		list.Content = append(list.Content, plainNode(number(x)))
	}
	return list
}

// rawRate is a rate of uploads over a phase. Exactly one member is set.
type rawRate struct {
	PerSec *rate
	Ramp   *rawRamp
	Sine   *rawSine
	Steps  *rawSteps
}

func (r *rawRate) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	*r = rawRate{}
	if n.Kind == yaml.MappingNode {
		into := any(&r.Ramp)
		for k := range members(n) {
			switch k.Value {
			case "mean", "amplitude", "period":
				into = &r.Sine
			case "steps":
				into = &r.Steps
			}
		}
		d.value(n, reflect.ValueOf(into).Elem(), path, "")
		return !d.bad[into]
	}
	if n.Kind != yaml.ScalarNode {
		d.errorf(n, "want e.g. 2000/s, {from: , to: }, {mean: , amplitude: , period: } or {steps: [{at: , rate: }]}", "%s: want a rate, not %s", path, show(n))
		return false
	}
	d.value(n, reflect.ValueOf(&r.PerSec).Elem(), path, `range:"0.001/s..1000000/s"`)
	return !d.bad[&r.PerSec]
}

func (r rawRate) encode() *yaml.Node {
	switch {
	case r.PerSec != nil:
		return encode(reflect.ValueOf(r.PerSec))
	case r.Ramp != nil:
		return encode(reflect.ValueOf(r.Ramp))
	case r.Sine != nil:
		return encode(reflect.ValueOf(r.Sine))
	}
	return encode(reflect.ValueOf(r.Steps))
}

// text is any plain value, kept as written.
type text struct{ text string }

func (t *text) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	if n.Kind != yaml.ScalarNode {
		d.errorf(n, "", "%s: want a plain value, not %s", path, show(n))
		return false
	}
	t.text = n.Value
	return true
}

func (t text) encode() *yaml.Node { return textNode(t.text) }

// narrow forgets the inherited half of every and perDay that the other one, written now, replaces.
func (o *often) narrow(given map[string]bool) {
	if given["perDay"] && !given["every"] {
		o.Every, o.Jitter = nil, nil
	}
	if given["every"] && !given["perDay"] {
		o.PerDay = nil
	}
}

// hint tells where a secret belongs.
func (rawAuth) hint(name string) string {
	switch name {
	case "token":
		return "a secret is never written into a scenario: use tokenFrom: {env: NAME} or {file: PATH}"
	case "clientSecret":
		return "a secret is never written into a scenario: use clientSecretFrom: {env: NAME} or {file: PATH}"
	case "password":
		return "a secret is never written into a scenario: use passwordFrom: {env: NAME} or {file: PATH}"
	case "secret", "key":
		return "a secret is never written into a scenario: use secretFrom: {env: NAME} or {file: PATH}"
	}
	return ""
}
