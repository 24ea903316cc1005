package privacy

import (
	"bytes"
	"slices"

	"drover/sim/event"
)

// findCanaries looks for canaries in every byte of a document, whatever the place: in fields, in names of fields, inside of
// crash reports, and in characters that were written as escapes.
func (r *Reader) findCanaries(doc []byte) {
	var plain []event.Canary
	event.FindCanaries(doc, func(c event.Canary, at int) {
		plain = append(plain, c)
		r.canary(c, at)
	})
	if bytes.Contains(doc, []byte(`\u00`)) {
		event.FindCanaries(unescape(doc), func(c event.Canary, _ int) {
			if !slices.Contains(plain, c) {
				r.canary(c, -1)
			}
		})
	}
}

// canary notes one that was found, at an offset in the document; -1: not known.
func (r *Reader) canary(c event.Canary, at int) {
	n := r.a.canary[c]
	if n == 0 {
		return // of another run
	}
	r.canaries++
	for i := range r.events {
		if e := &r.events[i]; e.from <= at && at < e.to {
			r.index = i
		}
	}
	r.notef(P06, "", "has the name of canary %d, a benign site that only one device visits", n)
	r.index = -1
}

// unescape replaces each \u00XX by its byte.
func unescape(doc []byte) (out []byte) {
	for {
		i := bytes.Index(doc, []byte(`\u00`))
		if i < 0 {
			return append(out, doc...)
		}
		out = append(out, doc[:i]...)
		var b [1]byte
		if len(doc) >= i+6 && parseHex(bytes.ToLower(doc[i+4:i+6]), b[:]) {
			out = append(out, b[0])
			doc = doc[i+6:]
			continue
		}
		out = append(out, doc[i:i+4]...)
		doc = doc[i+4:]
	}
}
