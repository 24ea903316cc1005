package scenario

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// badTag marks a scalar whose mistake is told already.
const badTag = "!bad"

// decoder walks a tree of nodes into the raw types of format.go. yaml.v3's own decoding is not used for values: it takes
// 3.5 into an int, overflows a seed, accepts .nan and 017, and gives no column. The walker is driven by the tags of the
// format rather than by a function for each struct, so that a range or a default is written down only once.
type decoder struct {
	*report
	nodes, keys map[any]*yaml.Node    // by pointer to the field
	bad         map[any]bool          // fields whose value could not be read
	defaults    map[string]*yaml.Node // by their text; parsed once, for there may be a thousand cohorts
}

func newDecoder(r *report) *decoder {
	return &decoder{
		report: r, nodes: map[any]*yaml.Node{}, keys: map[any]*yaml.Node{}, bad: map[any]bool{}, defaults: map[string]*yaml.Node{},
	}
}

// at returns the node that the field behind ptr was read from. For a field that was left out it is the first of the
// others that was not.
func (d *decoder) at(ptr any, others ...any) *yaml.Node {
	for _, p := range append([]any{ptr}, others...) {
		if n := d.nodes[p]; n != nil {
			return n
		}
	}
	return nil
}

// key returns the key of the field behind ptr, or its value in a list.
func (d *decoder) key(ptr any) *yaml.Node {
	if k := d.keys[ptr]; k != nil {
		return k
	}
	return d.nodes[ptr]
}

// written tells whether the file gives the field behind ptr.
func (d *decoder) written(ptr any) bool { return d.nodes[ptr] != nil }

// good tells whether none of the fields was misread: a check over several values stays silent where one of them is told.
func (d *decoder) good(ptrs ...any) bool {
	return !slices.ContainsFunc(ptrs, func(p any) bool { return d.bad[p] })
}

// custom is a type that reads its own notation. decode reports what is wrong and returns false.
type custom interface {
	decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) bool
}

// value reads n into v, which is addressable. path names the field in messages.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) {
	ptr := v.Addr().Interface()
	d.nodes[ptr] = n
	if d.full() || n.Tag == badTag {
		d.bad[ptr] = true
		return
	}
	if n.ShortTag() == "!!null" {
		d.errorf(n, "give it a value, or leave the field out", "%s is empty", path)
		d.bad[ptr] = true
		return
	}
	ok := true
	if c, isCustom := ptr.(custom); isCustom {
		ok = c.decode(d, n, path, tag)
	} else {
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
				d.preset(v.Elem(), tag)
			}
			d.keys[v.Interface()] = d.keys[ptr]
			d.value(n, v.Elem(), path, tag)
			ok = !d.bad[v.Interface()]
		case reflect.Struct:
			if _, isTime := ptr.(*instant); isTime {
				ok = d.scalar(n, v, path, tag)
			} else {
				ok = d.fields(n, v, path)
			}
		case reflect.Slice:
			ok = d.items(n, v, path, tag)
		case reflect.Map:
			ok = d.entries(n, v, path, tag)
		default:
			ok = d.scalar(n, v, path, tag)
		}
	}
	if !ok {
		d.bad[ptr] = true
	}
}

// preset fills v with the defaults of its fields and then with the default of the field that holds it.
func (d *decoder) preset(v reflect.Value, tag reflect.StructTag) {
	if _, isCustom := v.Addr().Interface().(custom); !isCustom && v.Kind() == reflect.Struct {
		for _, f := range fieldsOf(v.Type()) {
			if field := v.FieldByIndex(f.index); field.Kind() != reflect.Pointer {
				d.preset(field, f.tag)
			}
		}
	}
	if text, ok := tag.Lookup("default"); ok {
		quiet := newDecoder(newReport("default"))
		quiet.defaults = d.defaults
		quiet.value(d.defaultNode(text), v, "", tag)
		if err := quiet.err(); err != nil {
			panic("scenario: default " + text + ": " + err.Error())
		}
	}
}

func (d *decoder) defaultNode(text string) *yaml.Node {
	n := d.defaults[text]
	if n == nil {
		doc := new(yaml.Node)
		if err := yaml.Unmarshal([]byte(text), doc); err != nil {
			panic("scenario: default " + text + ": " + err.Error())
		}
		n = doc.Content[0]
		d.defaults[text] = n
	}
	return n
}

// field is a field of a raw struct as its tags describe it.
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	tag      reflect.StructTag
	required bool
}

// fieldsOf lists the fields of a raw struct in order, those of embedded structs among them.
func fieldsOf(t reflect.Type) []field {
	var fs []field
	for _, f := range reflect.VisibleFields(t) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		fs = append(fs, field{name, f.Index, f.Type, f.Tag, rest != "omitempty"})
	}
	return fs
}

// laterOf lists the fields that are understood but not supported yet.
func laterOf(t reflect.Type) []string {
	if f, ok := t.FieldByName("_"); ok {
		return strings.Split(f.Tag.Get("later"), "|")
	}
	return nil
}

// fields reads a mapping into a struct.
func (d *decoder) fields(n *yaml.Node, v reflect.Value, path string) bool {
	what := path
	if what == "" {
		what = "a scenario"
	}
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "write its fields as name: value", "%s: want a mapping, not %s", what, show(n))
		return false
	}
	all := fieldsOf(v.Type())
	given := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		given[n.Content[i].Value] = true
	}
	if o, ok := v.Addr().Interface().(interface{ narrow(given map[string]bool) }); ok {
		o.narrow(given)
	}
	ok := true
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, val := n.Content[i], n.Content[i+1]
		at := slices.IndexFunc(all, func(f field) bool { return f.name == k.Value })
		if at < 0 {
			ok = false
			d.unknown(k, all, v, what)
			continue
		}
		f := all[at]
		fv := v.FieldByIndex(f.index)
		d.keys[fv.Addr().Interface()] = k
		d.value(val, fv, join(path, f.name), f.tag)
	}
	for _, f := range all {
		if f.required && !given[f.name] && d.nodes[v.FieldByIndex(f.index).Addr().Interface()] == nil {
			ok = false
			mend := "add it: " + f.tag.Get("jsonschema")
			if example := cmpOr(f.tag.Get("example"), f.tag.Get("enum")); example != "" {
				mend = "add it, e.g. " + f.name + ": " + example
			}
			d.errorf(n, mend, "%s has no %q", what, f.name)
		}
	}
	return ok
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (d *decoder) unknown(k *yaml.Node, all []field, v reflect.Value, what string) {
	if strings.Contains(k.Value, "${") {
		return // told
	}
	if slices.Contains(laterOf(v.Type()), k.Value) {
		d.errorf(k, "", "%s.%s: not supported yet", strings.TrimPrefix(what, "a scenario"), k.Value)
		return
	}
	if h, ok := v.Addr().Interface().(interface{ hint(string) string }); ok {
		if mend := h.hint(k.Value); mend != "" {
			d.errorf(k, mend, "%s has no field %q", what, clip(k.Value))
			return
		}
	}
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	d.errorf(k, didYouMean(k.Value, names, "it has "+strings.Join(names, ", ")), "%s has no field %q", what, clip(k.Value))
}

// items reads a list. An item with a name goes by it in messages.
func (d *decoder) items(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) bool {
	if n.Kind != yaml.SequenceNode {
		d.errorf(n, "write it as a list, [a, b] or with a dash before each", "%s: want a list, not %s", path, show(n))
		return false
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		label := strconv.Itoa(i + 1)
		if name := lookup(item, "name"); name != nil && name.Kind == yaml.ScalarNode && wordPattern.MatchString(name.Value) {
			label = name.Value
		}
		d.preset(v.Index(i), "")
		d.value(item, v.Index(i), path+"["+label+"]", tag)
	}
	return true
}

// entries reads a mapping from names to values.
func (d *decoder) entries(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) bool {
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "write it as name: value", "%s: want a mapping, not %s", path, show(n))
		return false
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, val := n.Content[i], n.Content[i+1]
		if !wordPattern.MatchString(k.Value) {
			if !strings.Contains(k.Value, "${") { // else told
				d.errorf(k, wordMend, "%s: %s is not a name", path, show(k))
			}
			continue
		}
		entry := reflect.New(v.Type().Elem()).Elem() // a pointer
		entry.Set(reflect.New(entry.Type().Elem()))
		d.preset(entry.Elem(), "")
		d.keys[entry.Interface()] = k
		d.value(val, entry.Elem(), join(path, k.Value), tag)
		v.SetMapIndex(reflect.ValueOf(k.Value), entry)
	}
	return true
}

const wordMend = "want 1 to 63 lower-case letters, digits and hyphens"

func join(path, name string) string {
	if path == "" || path == "spec" {
		return name
	}
	return path + "." + name
}

// scalar reads one plain value and holds it against its range.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) bool {
	if n.Kind != yaml.ScalarNode {
		d.errorf(n, "", "%s: want %s, not %s", path, kindOf(v.Type()), show(n))
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
		panic("scenario: no notation for " + v.Type().String())
	}
	return d.inRange(n, v, path, tag)
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

// oneOf holds a string against enum and later.
func (d *decoder) oneOf(n *yaml.Node, path string, tag reflect.StructTag) bool {
	enum, has := tag.Lookup("enum")
	words := strings.Split(enum, "|")
	if !has || slices.Contains(words, n.Value) {
		return true
	}
	if later := tag.Get("later"); later == "*" || later != "" && slices.Contains(strings.Split(later, "|"), n.Value) {
		d.errorf(n, "use "+list(words), "%s %q: not supported yet", path, clip(n.Value))
		return false
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
		panic("scenario: bad range end " + text)
	}
	return x
}

// kindOf names a type for people.
func kindOf(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch reflect.New(t).Interface().(type) {
	case *duration:
		return "a duration"
	case *rate:
		return "a rate"
	case *share:
		return "a share"
	case *instant:
		return "a time"
	case *word:
		return "a name"
	case *weights:
		return "a table of shares"
	case *toggle:
		return "a table of shares"
	case *rawSeed:
		return "a seed"
	case *rawShape:
		return "a name or 24 numbers"
	case *rawRate:
		return "a rate or a mapping"
	case *text:
		return "a plain value"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a text"
	}
	return "a mapping"
}
