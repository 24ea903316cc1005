package wire

import (
	"bytes"
	"sync"

	"drover/sim/event"
)

// capture is what is read out of one document. It is used again for the next.
type capture struct {
	slots    [][]byte
	room     []byte // of what cannot point into the document
	expected []byte
	native   []byte
}

var nativeTable = sync.OnceValue(func() *table {
	own := ownRows("events[].")
	return newTable(".", "events[].kind", nil, nativeRows, &own)
})

// document returns the native document that a document of the format holds. It refuses one that says anything beside: a place that
// the table does not have, or one where something else stands than what follows from the others. The result is valid until the
// next call.
func (t *table) document(doc []byte, c *capture) ([]byte, error) {
	if c.slots == nil {
		c.slots = make([][]byte, len(placeFields))
	}
	clear(c.slots)
	c.room = c.room[:0]
	if e := whole(doc); e != nil {
		return nil, e
	}
	kind, ok := t.kindOf(doc)
	if !ok {
		return nil, &Error{Field: join(t.kind), Msg: "does not name a kind of event"}
	}
	t.kinds[kind].capture(doc, c)
	from := &source{read: c.slots}
	c.expected = t.again[kind].append(c.expected[:0], from)
	if e := differ(c.expected, doc, "", 0); e != nil {
		return nil, e
	}
	c.slots[kindSlot] = append(c.rest(), kind.String()...)
	c.native = append(c.native[:0], `{"v":1,`...)
	c.native = nativeTable().again[kind].append(c.native, from)
	at := len(`{"v":1,`)
	return append(c.native[:at], c.native[at+1:]...), nil // without the table's own brace
}

var kindSlot = slotOf("event.kind")

func join(path []string) string {
	var b []byte
	for i, p := range path {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, bytes.TrimRight([]byte(p), "[]~")...)
	}
	return string(b)
}

// whole makes sure that doc is one JSON document, in UTF-8.
func whole(doc []byte) error {
	d := decoder{data: doc, event: -1}
	d.checkUTF8()
	d.skip()
	return d.finish()
}

// kindOf finds what kind of event a document is of.
func (t *table) kindOf(doc []byte) (event.Kind, bool) {
	for _, name := range t.kind {
		inner := bytes.HasSuffix([]byte(name), []byte("~"))
		if inner {
			name = name[:len(name)-1]
		}
		if doc = member(doc, name); doc == nil {
			return 0, false
		}
		if inner {
			if doc = textOf(doc); wellFormed(doc) != nil {
				return 0, false
			}
		}
	}
	k, ok := t.names[string(textOf(doc))]
	return k, ok
}

// rest is room for a value.
func (c *capture) rest() []byte { return c.room[len(c.room):] }

// capture takes the values of fields out of a part of a document. What does not fit is found later, when all is compared.
func (n *knot) capture(doc []byte, c *capture) {
	switch n.kind {
	case leafKnot:
		for i := range n.cell {
			if n.cell[i].capture(doc, c) {
				return
			}
		}
	case listKnot:
		for _, item := range elements(doc) {
			n.members[0].capture(item, c)
			return
		}
	case innerKnot:
		if len(doc) > 0 && doc[0] == '"' {
			if inner := textOf(doc); wellFormed(inner) == nil {
				n.members[0].capture(inner, c)
			}
		}
	case objectKnot:
		next := 0
		for key, value := range membersOf(doc) {
			for i := range n.members {
				m := &n.members[(next+i)%len(n.members)]
				if m.name == string(key) {
					m.capture(value, c)
					next += i + 1
					break
				}
			}
		}
	}
}

// capture reports whether a value can be what c writes.
func (c *choice) capture(raw []byte, into *capture) bool {
	if c.field == nil {
		return bytes.Equal(raw, c.lit)
	}
	text := raw
	if len(raw) == 0 || raw[0] == 'n' {
		return false // null is no value
	}
	if c.as == asText {
		if raw[0] != '"' {
			return false
		}
		text = textOf(raw)
	}
	if c.lit != nil {
		return bytes.Equal(text, c.lit)
	}
	value := text
	if c.form != nil {
		if c.form.from == nil {
			return true // what it follows from stands elsewhere
		}
		var ok bool
		if value, ok = c.form.from(into.rest(), text); !ok {
			return false
		}
		into.keep(value)
	}
	if value == nil {
		value = []byte{}
	}
	if into.slots[c.slot] == nil {
		into.slots[c.slot] = value
	}
	return true
}

// keep notes that a value stands in rest.
func (c *capture) keep(value []byte) {
	if cap(c.room)-len(c.room) >= len(value) && len(value) > 0 && &c.room[:len(c.room)+1][len(c.room)] == &value[0] {
		c.room = c.room[:len(c.room)+len(value)]
	}
}

// differ says where got is not the same document as want, whatever their order and white space. at is where got stands in what it is a part of.
func differ(want, got []byte, field string, at int) error {
	if bytes.Equal(want, got) {
		return nil
	}
	no := func(msg string) error { return &Error{Offset: at, Field: field, Msg: msg} }
	if len(want) == 0 || len(got) == 0 {
		return no("want a value")
	}
	w, g := bytes.TrimSpace(want), bytes.TrimSpace(got)
	switch {
	case w[0] != g[0] && (w[0] == '{' || w[0] == '[' || w[0] == '"'):
		return no("want " + map[byte]string{'{': "an object", '[': "a list", '"': "a text"}[w[0]])
	case w[0] == '{':
		wanted, had := 0, 0
		for key, value := range membersOf(got) {
			had++
			inside := string(key)
			if field != "" {
				inside = field + "." + inside
			}
			offset := at + cap(got) - cap(value)
			m := member(want, string(key))
			if m == nil || string(key) == "*" {
				return &Error{Offset: offset, Field: inside, Msg: "does not belong here"}
			}
			if e := differ(m, value, inside, offset); e != nil {
				return e
			}
		}
		for key := range membersOf(want) {
			wanted++
			if member(got, string(key)) == nil {
				return no("has no " + string(key))
			}
		}
		if had > wanted {
			return no("has a member twice")
		}
		return nil
	case w[0] == '[':
		n := 0
		var items [][]byte
		for _, item := range elements(want) {
			items = append(items, item)
		}
		for i, item := range elements(got) {
			if n++; i >= len(items) {
				break
			}
			if e := differ(items[i], item, field+"[]", at+cap(got)-cap(item)); e != nil {
				return e
			}
		}
		if n != len(items) {
			return no("has another number of elements than follows from the rest")
		}
		return nil
	case w[0] == '"':
		if bytes.Equal(textOf(w), textOf(g)) {
			return nil
		}
	case bytes.Equal(w, g):
		return nil
	}
	return no("says something else than the rest of the document")
}
