package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Lookup returns the value at a place of a document, or nil when nothing is there, or null: names joined by dots. A member whose own
// name is all of the rest comes first, since a log store may have flattened what was sent. In a list a name is the index of an element.
// The document is well formed.
func Lookup(doc []byte, path string) []byte {
	for rest := path; rest != ""; {
		var whole, part []byte
		name, after, _ := strings.Cut(rest, ".")
		for i, value := range elements(doc) {
			switch strconv.Itoa(i) {
			case rest:
				whole = value
			case name:
				part = value
			}
		}
		for key, value := range membersOf(doc) {
			switch string(key) {
			case rest:
				whole = value
			case name:
				part = value
			}
		}
		if whole != nil {
			doc = whole
			break
		}
		if doc, rest = part, after; doc == nil || rest == "" {
			return nil
		}
	}
	if string(doc) == "null" {
		return nil
	}
	return doc
}

// membersOf goes through the members of an object; through nothing when doc is none. doc is well formed.
func membersOf(doc []byte) func(yield func(key, value []byte) bool) {
	return func(yield func(key, value []byte) bool) {
		at := spaceEnd(doc, 0)
		if at == len(doc) || doc[at] != '{' {
			return
		}
		for at = spaceEnd(doc, at+1); at < len(doc) && doc[at] == '"'; at = spaceEnd(doc, at+1) {
			end := textEnd(doc, at)
			key := name(doc[at:end])
			from := spaceEnd(doc, spaceEnd(doc, end)+1) // after the colon
			to := valueEnd(doc, from)
			if to == from || !yield(key, doc[from:to]) {
				return
			}
			at = spaceEnd(doc, to) // the comma, or the end
		}
	}
}

// elements goes through a list; through nothing when doc is none. doc is well formed.
func elements(doc []byte) func(yield func(int, []byte) bool) {
	return func(yield func(int, []byte) bool) {
		at := spaceEnd(doc, 0)
		if at == len(doc) || doc[at] != '[' {
			return
		}
		for n := 0; ; n++ {
			from := spaceEnd(doc, at+1)
			to := valueEnd(doc, from)
			if to == from || !yield(n, doc[from:to]) {
				return
			}
			at = spaceEnd(doc, to)
		}
	}
}

// name is a text without its quotes and escapes.
func name(text []byte) []byte {
	if !bytes.Contains(text, []byte{'\\'}) {
		return bytes.Trim(text, `"`)
	}
	var s string
	if json.Unmarshal(text, &s) != nil {
		return nil
	}
	return []byte(s)
}

// spaceEnd, textEnd and valueEnd return where what begins at an index of a document ends, at most at the document's end. Where no value
// begins, its end is its beginning.

func spaceEnd(doc []byte, at int) int {
	for at < len(doc) && (doc[at] == ' ' || doc[at] == '\n' || doc[at] == '\t' || doc[at] == '\r') {
		at++
	}
	return min(at, len(doc))
}

func textEnd(doc []byte, at int) int {
	for at++; at < len(doc) && doc[at] != '"'; at++ {
		if doc[at] == '\\' {
			at++
		}
	}
	return min(at+1, len(doc))
}

func valueEnd(doc []byte, at int) int {
	for depth := 0; at < len(doc); at++ {
		switch doc[at] {
		case '"':
			if at = textEnd(doc, at); depth == 0 {
				return at
			}
			at--
		case '{', '[':
			depth++
		case '}', ']':
			switch depth--; {
			case depth == 0:
				return at + 1
			case depth < 0:
				return at
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return at
			}
		}
	}
	return at
}
