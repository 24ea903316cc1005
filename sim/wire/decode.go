package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder walks a JSON document of a known shape. encoding/json would take five times as long and could not say which
// fields are unknown, missing or doubled. After the first error every method returns a zero value at once, so that callers
// need not look until finish.
type decoder struct {
	data    []byte
	pos     int
	scratch []byte // text that had escapes
	event   int    // index that stands for [] in paths; -1 outside of lists
	path    string // of the object being read, e.g. "events[].web"
	field   string // in it
	err     *Error
}

// shape is the fields an object may have; at most 32.
type shape struct {
	path     string
	names    []string
	required uint32 // bit i: names[i] must be there
	open     bool   // other fields are skipped instead of refused
}

func (d *decoder) fail(msg string) {
	if d.err != nil {
		return
	}
	field := d.path
	if d.field != "" && field != "" {
		field += "."
	}
	field += d.field
	if d.event >= 0 {
		field = strings.Replace(field, "[]", "["+strconv.Itoa(d.event)+"]", 1)
	}
	d.err = &Error{Offset: min(d.pos, len(d.data)), Field: field, Msg: msg}
}

func (d *decoder) failAt(s *shape, field, msg string) {
	d.path, d.field = s.path, field
	d.fail(msg)
}

// checkUTF8 looks at the whole document at once, which is faster than looking at each string.
func (d *decoder) checkUTF8() {
	if utf8.Valid(d.data) {
		return
	}
	for d.pos < len(d.data) {
		r, size := utf8.DecodeRune(d.data[d.pos:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		d.pos += size
	}
	d.fail("not UTF-8")
}

// finish makes sure that nothing follows the document.
func (d *decoder) finish() error {
	if d.err == nil && d.peek() != 0 || d.err == nil && d.pos < len(d.data) {
		d.path, d.field, d.event = "", "", -1
		d.fail("more follows the end of the document")
	}
	if d.err != nil {
		return d.err // not the typed nil
	}
	return nil
}

// peek skips white space and returns the next byte without taking it; 0 at the end or after an error.
func (d *decoder) peek() byte {
	if d.err != nil {
		return 0
	}
	for ; d.pos < len(d.data); d.pos++ {
		switch c := d.data[d.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (d *decoder) expect(c byte, want string) bool {
	if d.peek() != c || d.err != nil {
		d.fail("want " + want)
		return false
	}
	d.pos++
	return true
}

// object is the walk through the fields of one object.
//
// It does not hold the decoder: then the compiler could no longer keep that on the stack.
type object struct {
	s     *shape
	field string // the current one; its value must be read before next
	seen  uint32
	index int  // of field in s.names
	begun bool // past the first field
}

func (d *decoder) object(s *shape) object {
	if d.peek() != '{' {
		d.fail("want an object")
	} else {
		d.pos++
	}
	return object{s: s, index: -1}
}

// next moves to the next field; false at the end of the object and after an error.
func (o *object) next(d *decoder) bool {
	for {
		if d.err != nil {
			return false
		}
		d.path, d.field = o.s.path, ""
		switch c := d.peek(); {
		case c == '}':
			d.pos++
			o.end(d)
			return false
		case o.begun && !d.expect(',', "a comma or the end of the object"):
			return false
		}
		o.begun = true
		at := d.pos
		key := d.text()
		if !d.expect(':', "a colon after the name of the field") {
			return false
		}
		i := o.find(key)
		if i < 0 && o.s.open {
			d.skip()
			continue
		}
		if i < 0 {
			d.pos, d.field = at, string(key)
			d.fail("unknown field")
			return false
		}
		o.index, o.field, d.field = i, o.s.names[i], o.s.names[i]
		if o.seen&(1<<i) != 0 {
			d.pos = at
			d.fail("occurs twice")
			return false
		}
		o.seen |= 1 << i
		return true
	}
}

// find looks first at the field after the last one: fields mostly come in order.
func (o *object) find(key []byte) int {
	if i := o.index + 1; i < len(o.s.names) && o.s.names[i] == string(key) {
		return i
	}
	for i, name := range o.s.names {
		if name == string(key) {
			return i
		}
	}
	return -1
}

func (o *object) end(d *decoder) {
	missing := o.s.required &^ o.seen
	if missing == 0 {
		return
	}
	for i, name := range o.s.names {
		if missing&(1<<i) != 0 {
			d.pos--
			d.failAt(o.s, name, "is missing")
			return
		}
	}
}

// list is the walk through an array of one level; its index stands in error paths.
type list struct {
	element string // path of an element, e.g. "events[]"
	n       int
}

func (d *decoder) list(element string) list {
	if d.peek() != '[' {
		d.fail("want an array")
	} else {
		d.pos++
	}
	return list{element: element}
}

// next moves to the next element, whose value must be read before the next call; false at the end and after an error.
func (l *list) next(d *decoder) bool {
	if d.err != nil {
		return false
	}
	d.path, d.field = l.element, ""
	if d.peek() == ']' {
		d.pos++
		d.event = -1
		return false
	}
	if l.n > 0 && !d.expect(',', "a comma or the end of the array") {
		return false
	}
	d.event = l.n
	l.n++
	return true
}
