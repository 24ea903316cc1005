package wire

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"drover/sim/event"
)

// A table says where the fields of an event stand in a document of somebody else's format. The same table writes such documents and
// reads them back, so that there is no place in one that the other does not know.

// row is one place in a document and what stands there.
//
// at is the names of members from the outside in, joined by dots; a name that ends in [] is a list of one element, and one that
// ends in ~ a text with a document in it. is is JSON, which is always there; or $field, a field of placeFields, which is there when the
// field has a value; or $field|form, the field in one of cellForms, or in a value that stands for it whatever it is: $field|="text",
// $field|=2. Several of these are joined by " or ": the first that is there counts.
type row struct{ at, is string }

// table is the rows by kind of event.
type table struct {
	all   []row
	rows  [event.NumKinds][]row
	kinds [event.NumKinds]*knot
	kind  []string              // where in a document the kind of its event is told
	names map[string]event.Kind // what it says there
	again *writer               // of documents that were read
}

// knot is a part of a document.
type knot struct {
	kind    knotKind
	members []limb
	cell    []choice // of a leaf
}

type knotKind uint8

const (
	leafKnot   knotKind = iota
	objectKnot          // written when a member is
	listKnot            // the one member is its element
	innerKnot           // the one member is a document in a text
)

type limb struct {
	name string
	key  []byte // "name":
	*knot
}

// choice is one of the things that can stand at a place.
type choice struct {
	field *placeField                       // nil: lit
	slot  int                               // of the field in placeFields
	live  func(dst []byte, v values) []byte // appends it for an event; nil: only by way of the native value
	form  *cellForm                         // nil: as the native format has it
	as    form                              // how it is written in JSON
	safe  bool                              // in a text it needs no escape
	sure  bool                              // it is there always, as far as a run has been asked
	lit   []byte                            // JSON, of a fixed value; plain text where as is asText and there is a field
}

// newTable compiles rows: those of all kinds, then those of each. kind is the place that tells the kind, and in how that names it.
// A mistake is ours, so it panics, which tests see.
func newTable(sep, kind string, in *[event.NumKinds]string, all []row, kinds *[event.NumKinds][]row) *table {
	t := &table{all: all, rows: *kinds, kind: strings.Split(kind, sep), names: map[string]event.Kind{}}
	for k := range event.NumKinds {
		root := &knot{kind: objectKnot}
		for _, r := range slices.Concat(all, kinds[k]) {
			root.add(strings.Split(r.at, sep), r)
		}
		t.kinds[k] = root
		name := k.String()
		if in != nil {
			name = in[k]
		}
		t.names[name] = k
	}
	t.again = t.writer(nil)
	return t
}

// Mapped is one line of a format's table, as it is told to people.
type Mapped struct {
	Kind  string // of the events that have it; "": all
	Place string // in the document: names joined by dots; [] is a list of one, ~ a text with a document in it
	Value string // JSON, or fields of the native format as $name, in another form after |; "or" joins what comes when there is none
}

// TableOf is the table of a format; nil: it has none.
func TableOf(format string) (list []Mapped) {
	make := tables[format]
	if make == nil {
		return nil
	}
	t := make()
	for _, r := range t.all {
		list = append(list, Mapped{"", r.at, r.is})
	}
	for k, rows := range t.rows {
		for _, r := range rows {
			list = append(list, Mapped{event.Kind(k).String(), r.at, r.is})
		}
	}
	return list
}

var tables = map[string]func() *table{"ocsf": ocsfTable, "ecs": ecsTable, "mde": mdeTable, "otlp": otlpTable, "otlp-json": otlpTable}

// add puts a row below n.
func (n *knot) add(path []string, r row) {
	name, kinds := path[0], []knotKind{}
	switch {
	case strings.HasSuffix(name, "[]"):
		name, kinds = name[:len(name)-2], append(kinds, listKnot)
	case strings.HasSuffix(name, "~"):
		name, kinds = name[:len(name)-1], append(kinds, innerKnot)
	}
	i := slices.IndexFunc(n.members, func(m limb) bool { return m.name == name })
	if i < 0 {
		last := leafKnot
		if len(path) > 1 {
			last = objectKnot
		}
		child := &knot{kind: last}
		if len(kinds) > 0 {
			child = &knot{kind: kinds[0], members: []limb{{knot: child}}}
		}
		n.members = append(n.members, limb{name: name, key: append(appendText(nil, name), ':'), knot: child})
		i = len(n.members) - 1
	} else if len(path) == 1 {
		panic("two rows for " + r.at) // the tables are of this package, and all of them are made in a test; so are those below
	}
	child := n.members[i].knot
	if len(kinds) > 0 {
		child = child.members[0].knot
	}
	if len(path) > 1 {
		child.add(path[1:], r)
		return
	}
	for _, s := range strings.Split(r.is, " or ") {
		child.cell = append(child.cell, newChoice(s))
	}
}

func newChoice(s string) choice {
	if !strings.HasPrefix(s, "$") {
		if !json.Valid([]byte(s)) {
			panic(fmt.Sprintf("%q is no JSON", s))
		}
		return choice{lit: []byte(s)}
	}
	name, formName, formed := strings.Cut(s[1:], "|")
	slot := slotOf(name)
	if slot < 0 {
		panic(fmt.Sprintf("there is no field %q", name))
	}
	f := &placeFields[slot]
	c := choice{field: f, slot: slot, as: f.form, safe: f.safe, live: f.append}
	switch value, fixed := strings.CutPrefix(formName, "="); {
	case !formed:
	case fixed:
		c.as, c.lit, c.live = asNumber, []byte(value), nil
		if value[0] == '"' {
			c.as, c.safe, c.lit = asText, true, []byte(value[1:len(value)-1])
		}
	default:
		if c.form = cellForms[formName]; c.form == nil {
			panic(fmt.Sprintf("there is no form %q", formName))
		}
		if c.as, c.safe = c.form.as, !c.form.odd; !c.form.same {
			c.live = c.form.live
		}
	}
	c.safe = c.safe || c.as == asNumber || c.as == asBool
	return c
}

// source is where the values of fields are from: a device and its event, or a document that was read.
type source struct {
	values
	read [][]byte // by slot, as plain text; nil: the field has no value. Nil: values
}

// there reports whether s has what c, which is not sure, stands for.
func (s *source) there(c *choice) bool {
	if s.read != nil {
		return s.read[c.slot] != nil
	}
	f := c.field
	return (f.scope != ofEvent || s.e.Has.Has(f.data)) && (f.has == nil || f.has(s.values))
}

// pick is what of a cell stands there; nil: nothing does.
func pick(cell []choice, s *source) *choice {
	for i := range cell {
		if c := &cell[i]; c.sure || s.there(c) {
			return c
		}
	}
	return nil
}

// json writes what c stands for, a field or what is fixed.
func (c *choice) json(dst []byte, s *source) []byte {
	if c.field == nil {
		return append(dst, c.lit...)
	}
	if c.as != asText {
		return c.plain(dst, s)
	}
	dst = append(dst, '"')
	from := len(dst)
	if dst = c.plain(dst, s); !c.safe {
		dst = escapeJSON(dst, from)
	}
	return append(dst, '"')
}

// plain writes a field as text without quotes and escapes.
func (c *choice) plain(dst []byte, s *source) []byte {
	switch {
	case c.lit != nil:
		return append(dst, c.lit...)
	case s.read == nil && c.live != nil:
		return c.live(dst, s.values)
	case s.read == nil:
		from := len(dst)
		dst = c.field.append(dst, s.values)
		to := len(dst)
		dst = c.form.to(dst, dst[from:to])
		n := copy(dst[from:], dst[to:])
		return dst[:from+n]
	case c.form == nil:
		return append(dst, s.read[c.slot]...)
	}
	return c.form.to(dst, s.read[c.slot])
}
