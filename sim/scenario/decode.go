package scenario

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

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
			panic("scenario: default " + text + ": " + err.Error()) // a tag of format.go, nothing that a user wrote
		}
	}
}

func (d *decoder) defaultNode(text string) *yaml.Node {
	n := d.defaults[text]
	if n == nil {
		doc := new(yaml.Node)
		if err := yaml.Unmarshal([]byte(text), doc); err != nil {
			panic("scenario: default " + text + ": " + err.Error()) // a tag of format.go, nothing that a user wrote
		}
		n = doc.Content[0]
		d.defaults[text] = n
	}
	return n
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
	for k := range members(n) {
		given[k.Value] = true
	}
	if o, ok := v.Addr().Interface().(interface{ narrow(given map[string]bool) }); ok {
		o.narrow(given)
	}
	ok := true
	for k, val := range members(n) {
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
			if example := cmp.Or(f.tag.Get("example"), f.tag.Get("enum")); example != "" {
				mend = "add it, e.g. " + f.name + ": " + example
			}
			d.errorf(n, mend, "%s has no %q", what, f.name)
		}
	}
	return ok
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
	for k, val := range members(n) {
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
