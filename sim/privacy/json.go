package privacy

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// scanner reads JSON value by value (RFC 8259). Unlike package wire it takes any document, since an audit must go on where
// a decoder gives up. After an error every method does nothing.
type scanner struct {
	data []byte
	pos  int
	bad  string // what is wrong, at pos
}

// maxDepth bounds the nesting, so that a hostile document cannot exhaust the stack.
const maxDepth = 100

func (s *scanner) fail(what string) {
	if s.bad == "" {
		s.bad = what
	}
}

// peek skips white space and returns the next byte; 0 at the end and after an error.
func (s *scanner) peek() byte {
	for ; s.bad == "" && s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take takes the next byte if it is c.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.bad != "" {
		return false
	}
	s.pos++
	return true
}

// member moves to the next member of an object or element of an array, whose opening byte was taken; n counts them from 0.
func (s *scanner) member(n int, end byte) bool {
	if s.bad != "" || s.take(end) {
		return false
	}
	if n > 0 && !s.take(',') {
		s.fail("want a comma or an end")
	} else if n > 0 && s.peek() == end {
		s.fail("want another one after the comma")
	}
	return s.bad == ""
}

// key reads the name of a member and its colon.
func (s *scanner) key() []byte {
	if s.peek() != '"' {
		s.fail("want the name of a field")
		return nil
	}
	name := s.text()
	if !s.take(':') {
		s.fail("want a colon")
	}
	return name
}

// text reads a string, whose quote is next. The result points into the document, or is a copy when it has escapes.
func (s *scanner) text() []byte {
	if !s.take('"') {
		s.fail("want a string")
		return nil
	}
	from, escapes := s.pos, false
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == '"':
			raw := s.data[from:s.pos]
			s.pos++
			if !escapes {
				return raw
			}
			var t string
			if json.Unmarshal(s.data[from-1:s.pos], &t) != nil {
				s.fail("an escape that JSON does not have")
			}
			return []byte(t)
		case c == '\\':
			escapes = true
			s.pos++
		case c < 0x20:
			s.fail("a control character in a string")
			return nil
		}
	}
	s.fail("the string does not end")
	return nil
}

// plain reads a number, true, false or null as written.
func (s *scanner) plain() []byte {
	s.peek()
	from := s.pos
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r', ',', ']', '}', ':', '"', '[', '{':
		default:
			s.pos++
			continue
		}
		break
	}
	raw := s.data[from:s.pos]
	if !isCount(raw) && !json.Valid(raw) {
		s.pos = from
		s.fail("want a value")
	}
	return raw
}

// isCount reports whether a value is a whole number from 0 in its shortest form.
func isCount(raw []byte) bool {
	if len(raw) == 0 || len(raw) > 19 || raw[0] == '0' && len(raw) > 1 {
		return false
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// skip passes over a value of any shape and calls see with each text in it.
func (s *scanner) skip(depth int, see func(text []byte)) {
	if depth == 0 {
		s.fail("nested too deep")
		return
	}
	switch c := s.peek(); c {
	case '{':
		s.pos++
		for n := 0; s.member(n, '}'); n++ {
			see(s.key())
			s.skip(depth-1, see)
		}
	case '[':
		s.pos++
		for n := 0; s.member(n, ']'); n++ {
			s.skip(depth-1, see)
		}
	case '"':
		see(s.text())
	default:
		s.plain()
	}
}

// end makes sure that nothing follows the document, and that it is UTF-8.
func (s *scanner) end() {
	if s.peek() != 0 || s.bad == "" && s.pos < len(s.data) {
		s.fail("more follows the end of the document")
	}
	if s.bad == "" && !utf8.Valid(s.data) {
		s.fail("not UTF-8")
	}
}

// inURL reports whether a text has more of a URL than the name of a host: a scheme, or a path, query or fragment after a
// name with a dot.
func inURL(text []byte) bool {
	if bytes.IndexByte(text, '/') < 0 && bytes.IndexByte(text, '?') < 0 && bytes.IndexByte(text, '#') < 0 {
		return false
	}
	if bytes.Contains(text, []byte("://")) {
		return true
	}
	for i, c := range text {
		if (c == '/' || c == '?' || c == '#') && i+1 < len(text) && text[i+1] > ' ' && endsInHost(text[:i]) {
			return true
		}
	}
	return false
}

// endsInHost reports whether a text ends in two labels, the last of which has letters only.
func endsInHost(text []byte) bool {
	letters := 0
	for letters < len(text) && isLetter(text[len(text)-1-letters]) {
		letters++
	}
	rest := text[:len(text)-letters]
	n := len(rest)
	return letters >= 2 && n >= 2 && rest[n-1] == '.' && (isLetter(rest[n-2]) || rest[n-2]-'0' <= 9)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
