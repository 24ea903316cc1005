package wire

import (
	"slices"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Ask is the body of a request that brings no events but asks for something. At most one of Document and Form is set; with neither
// there is no body.
type Ask struct {
	ContentType string
	Document    *Node  // JSON
	Form        []Pair // parameters as application/x-www-form-urlencoded has them
	Event       bool   // it is about one event
}

// Format makes a format of the body: of an upload that has the one event, or none.
func (a *Ask) Format(c *Constants) Format {
	f := Format{
		Name: "mapped", ContentType: a.ContentType,
		Begin: func(dst []byte, _ *fleet.Device, _ event.Fields) []byte { return dst },
		Event: func(dst []byte, _ int, _ *fleet.Device, _ *event.Event) []byte { return dst },
		End:   func(dst []byte, _ int) []byte { return dst },
	}
	if a.Event {
		f.Event = func(dst []byte, _ int, d *fleet.Device, e *event.Event) []byte {
			return a.append(dst, values{c: c, d: d, e: e})
		}
	} else {
		f.Begin = func(dst []byte, d *fleet.Device, _ event.Fields) []byte { return a.append(dst, values{c: c, d: d}) }
	}
	return f
}

func (a *Ask) append(dst []byte, v values) []byte {
	if a.Document == nil {
		return appendParams(dst, a.Form, v)
	}
	from := len(dst)
	dst, ok := a.Document.append(dst, v)
	if !ok {
		return append(dst[:from], "{}"...)
	}
	return dst
}

// Names reports whether anything that an operation of an Ask writes has a field in it.
func (o *Operation) Names(field string) bool {
	in := func(p Pair) bool { return p.Value.names(field) }
	return o.Path.names(field) || slices.ContainsFunc(o.Query, in) || slices.ContainsFunc(o.Headers, in) ||
		slices.ContainsFunc(o.Ask.Form, in) || o.Ask.Document.names(field)
}
