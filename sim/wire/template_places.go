package wire

import (
	"drover/sim/event"
	"drover/sim/fleet"
)

// Pair is a named template: a header, or a parameter of a query.
type Pair struct {
	Name  string
	Value *Template
}

// PlaceText makes the path and query of a request. A parameter that has no value is left out.
func PlaceText(c *Constants, path *Template, query []Pair) Text {
	return func(dst []byte, d *fleet.Device, e *event.Event, key []byte) []byte {
		v := values{c: c, d: d, e: e, k: key}
		dst, _ = appendParts(dst, path.parts, v, inURL)
		from := len(dst)
		if dst = appendParams(append(dst, '?'), query, v); len(dst) == from+1 {
			return dst[:from]
		}
		return dst
	}
}

// appendParams writes parameters as a query or a form has them. One that has no value is left out.
func appendParams(dst []byte, list []Pair, v values) []byte {
	first := len(dst)
	for i := range list {
		from := len(dst)
		if from > first {
			dst = append(dst, '&')
		}
		dst = append(append(dst, list[i].Name...), '=')
		var ok bool
		if dst, ok = appendQuery(dst, list[i].Value.parts, v); !ok {
			dst = dst[:from]
		}
	}
	return dst
}

// appendQuery writes the value of a parameter, whose literals are escaped, too.
func appendQuery(dst []byte, parts []part, v values) ([]byte, bool) {
	from := len(dst)
	dst, ok := appendParts(dst, parts, v, verbatim)
	if !ok {
		return dst, false
	}
	return escapeURL(dst, from), true
}

// HeaderText makes lines of a header. One whose value is not known is left out.
func HeaderText(c *Constants, list []Pair) Text {
	return func(dst []byte, d *fleet.Device, e *event.Event, key []byte) []byte {
		v := values{c: c, d: d, e: e, k: key}
		for i := range list {
			from := len(dst)
			dst = append(append(dst, list[i].Name...), ": "...)
			var ok bool
			if dst, ok = appendParts(dst, list[i].Value.parts, v, inHeader); !ok {
				dst = dst[:from]
				continue
			}
			dst = append(dst, "\r\n"...)
		}
		return dst
	}
}
