package scenario

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// scalar reads one plain value and holds it against its range.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) bool {
	if n.Kind != yaml.ScalarNode {
		d.errorf(n, plainMend(tag), "%s: want %s, not %s", path, kindOf(v.Type()), show(n))
		return false
	}
	fail := func(mend string) bool {
		d.errorf(n, mend, "%s: %s is not %s", path, show(n), kindOf(v.Type()))
		return false
	}
	switch p := v.Addr().Interface().(type) {
	case *duration:
		x, mend, ok := parseDuration(n.Value)
		if !ok {
			return fail(mend)
		}
		*p = x
	case *rate:
		x, mend, ok := parseRate(n.Value)
		if !ok {
			return fail(mend)
		}
		*p = x
	case *share:
		x, mend, ok := parseShare(n.Value)
		if !ok {
			return fail(mend)
		}
		*p = x
	case *instant:
		t, err := time.Parse(time.RFC3339Nano, n.Value)
		if err != nil || t.Year() < 2000 || t.Year() > 2100 {
			return fail("want a time between 2000 and 2100 with its zone, e.g. 2026-05-04T00:00:00Z")
		}
		*p = instant(t.UTC())
	case *word:
		if !wordPattern.MatchString(n.Value) {
			return fail(wordMend)
		}
		*p = word(n.Value)
	case *string:
		if tag := n.ShortTag(); tag != "!!str" && tag != "!!timestamp" {
			return fail("put it in quotes")
		}
		*p = n.Value
		return d.oneOf(n, path, tag)
	case *bool:
		if n.ShortTag() != "!!bool" {
			return fail("want true or false")
		}
		*p = strings.EqualFold(n.Value, "true")
	case *int:
		x, ok := d.whole(n, path)
		if !ok {
			return false
		}
		*p = int(min(max(x, math.MinInt32), math.MaxInt32)) // every range ends far inside
	case *float64:
		x, ok := d.number(n, path)
		if !ok {
			return false
		}
		*p = x
	default:
		panic("scenario: no notation for " + v.Type().String()) // a field of format.go of a type that this does not know
	}
	return d.inRange(n, v, path, tag)
}

// plainMend says how to write a field that is a plain value where the file has a list or a mapping.
func plainMend(tag reflect.StructTag) string {
	if mend := tag.Get("plain"); mend != "" {
		return mend
	}
	first, _, _ := strings.Cut(tag.Get("enum"), "|")
	if example := cmp.Or(tag.Get("example"), first, tag.Get("default")); example != "" {
		return "write one value, e.g. " + example
	}
	return "write one value"
}

// whole reads an integer; one of more than 63 bits becomes the nearest that fits. Notations that mean one thing in YAML 1.1
// and another elsewhere are refused.
func (d *decoder) whole(n *yaml.Node, path string) (int64, bool) {
	mend := "want a whole number in plain digits, e.g. 1000"
	if isNumber(n) && wholeNumber.MatchString(n.Value) {
		x, _ := strconv.ParseInt(n.Value, 10, 64)
		return x, true
	}
	if trimmed := strings.TrimLeft(n.Value, "0"); trimmed != n.Value && wholeNumber.MatchString(trimmed) {
		mend = "leave the leading zero out: some read it as octal"
	}
	d.errorf(n, mend, "%s: %s is not a whole number", path, show(n))
	return 0, false
}

// number reads a finite decimal number.
func (d *decoder) number(n *yaml.Node, path string) (float64, bool) {
	x, err := strconv.ParseFloat(n.Value, 64)
	if err != nil || !isNumber(n) || strings.ContainsAny(n.Value, "_xX") || math.IsInf(x, 0) || math.IsNaN(x) {
		mend := "want a plain number, e.g. 0.2"
		if sharePattern.MatchString(n.Value) {
			mend = "want a plain number without a per cent sign"
		}
		d.errorf(n, mend, "%s: %s is not a number", path, show(n))
		return 0, false
	}
	if len(n.Value) > 1 && n.Value[0] == '0' && n.Value[1] >= '0' && n.Value[1] <= '9' {
		d.errorf(n, "leave the leading zero out: some read it as octal", "%s: %s is not a number", path, show(n))
		return 0, false
	}
	return x, true
}

func isNumber(n *yaml.Node) bool {
	tag := n.ShortTag()
	return tag == "!!int" || tag == "!!float"
}

// oneOf holds a string against enum.
func (d *decoder) oneOf(n *yaml.Node, path string, tag reflect.StructTag) bool {
	enum, has := tag.Lookup("enum")
	words := strings.Split(enum, "|")
	if !has || slices.Contains(words, n.Value) {
		return true
	}
	d.errorf(n, didYouMean(n.Value, words, "want "+list(words)), "%s: %q is not known", path, clip(n.Value))
	return false
}

// inRange holds a number, duration, rate or share against its range.
func (d *decoder) inRange(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) bool {
	bounds, has := tag.Lookup("range")
	if !has {
		return true
	}
	low, high, _ := strings.Cut(bounds, "..")
	x := numeric(v)
	if x >= boundOf(v.Type(), low) && x <= boundOf(v.Type(), high) {
		return true
	}
	d.errorf(n, "want "+low+" to "+high, "%s: %s is out of range", path, show(n))
	return false
}

func numeric(v reflect.Value) float64 {
	if v.CanInt() {
		return float64(v.Int())
	}
	return v.Float()
}

// boundOf reads one end of a range in the notation of type t.
func boundOf(t reflect.Type, text string) float64 {
	switch reflect.New(t).Interface().(type) {
	case *duration:
		x, _, _ := parseDuration(text)
		return float64(x)
	case *rate:
		x, _, _ := parseRate(text)
		return float64(x)
	case *share:
		x, _, _ := parseShare(text)
		return float64(x)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("scenario: bad range end " + text) // a tag of format.go, nothing that a user wrote
	}
	return x
}
