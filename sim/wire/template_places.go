package wire

import "drover/sim/fleet"

// Pair is a named template: a header, or a parameter of a query.
type Pair struct {
	Name  string
	Value *Template
}

// PlaceText makes the path and query of a request. A parameter that has no value is left out.
func PlaceText(c *Constants, path *Template, query []Pair) Text {
	return func(dst []byte, d *fleet.Device, key []byte) []byte {
		v := values{c: c, d: d, k: key}
		dst, _ = appendParts(dst, path.parts, v, inURL)
		sep := byte('?')
		for i := range query {
			from := len(dst)
			dst = append(dst, sep)
			dst = append(append(dst, query[i].Name...), '=')
			var ok bool
			if dst, ok = appendQuery(dst, query[i].Value.parts, v); !ok {
				dst = dst[:from]
				continue
			}
			sep = '&'
		}
		return dst
	}
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
	return func(dst []byte, d *fleet.Device, key []byte) []byte {
		v := values{c: c, d: d, k: key}
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
