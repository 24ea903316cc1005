package wire

import (
	"slices"
	"sync"

	"drover/sim/event"
	"drover/sim/fleet"
)

// A table is written by pieces. What a run's contract has settles of most places whether they are there, and of many what stands there.
// So all that is left for an event is to put values between texts that are ready; walking the table for each took twice as long.

// piece is a text that is always the same, and what follows it: a value, or members of an object.
type piece struct {
	comma bool // before all else, if a member of its object is there already
	lit   []byte
	cell  []choice // the value; one alone has its quotes in the texts around it
	texts int      // that it stands in, one in another, and that are seen in it
	part  pieces   // the members
	end   []byte
	maybe bool // nothing of it is there without the value, or any of the members
}

type pieces []piece

// writer is the pieces by kind of event.
type writer [event.NumKinds]pieces

// writer compiles the table for a run. Nil is for what was read, which may have any field and may lack any.
func (t *table) writer(run *Constants) *writer {
	w := new(writer)
	for k, root := range t.kinds {
		m := maker{run: run}
		m.value(root.of(run))
		w[k] = m.all()
	}
	return w
}

// events makes the function that writes a document. It compiles when it is first called, since who only reads has no need of it.
func (t *table) events(c *Constants) func(dst []byte, d *fleet.Device, e *event.Event) []byte {
	w := sync.OnceValue(func() *writer { return t.writer(c) })
	return func(dst []byte, d *fleet.Device, e *event.Event) []byte {
		return w()[e.Kind].append(dst, &source{values: values{c: c, d: d, e: e}})
	}
}

// of is what there may be in documents of a run, with a note of what there always is; nil: nothing, which the whole is never.
func (n *knot) of(run *Constants) *knot {
	own := &knot{kind: n.kind}
	for _, c := range n.cell {
		always, never := c.known(run)
		if never {
			continue
		}
		c.sure = always
		if own.cell = append(own.cell, c); always {
			break
		}
	}
	for _, m := range n.members {
		if m.knot = m.of(run); m.knot != nil {
			own.members = append(own.members, m)
		}
	}
	if own.cell == nil && own.members == nil {
		return nil
	}
	return own
}

// known reports whether all documents of a run have the choice, or none has.
func (c *choice) known(run *Constants) (always, never bool) {
	f := c.field
	switch {
	case f == nil:
		return true, false
	case run == nil:
		return false, false
	case f.scope == ofRun:
		return run.Run != "", run.Run == ""
	case f.scope == ofUpload && f.data != none:
		has := run.Send.Has(f.data)
		return has && f.has == nil, !has
	}
	return f.data == none && f.has == nil, false // a table is of one kind of event
}

// sure reports whether there is always something of n, which is of a run.
func (n *knot) sure() bool {
	if n.kind == leafKnot {
		return n.cell[len(n.cell)-1].sure
	}
	return slices.ContainsFunc(n.members, func(m limb) bool { return m.sure() })
}

// maker makes pieces.
type maker struct {
	run    *Constants
	pieces pieces
	next   piece // of which there is a beginning, or nothing
}

func (m *maker) all() pieces {
	if len(m.next.lit) > 0 {
		m.put(m.next)
	}
	return m.pieces
}

func (m *maker) put(p piece) { m.pieces, m.next = append(m.pieces, p), piece{} }

// members goes on with the members of an object. Where one may be missing, those behind it find out whether they need a comma until
// one is that is always there.
func (m *maker) members(n *knot) {
	const (
		none = iota
		perhaps
		some
	)
	before := none
	for _, l := range n.members {
		sure := l.sure()
		if len(m.next.lit) > 0 && (!sure || before == perhaps) {
			m.put(m.next)
		}
		switch before {
		case perhaps:
			m.next.comma = true
		case some:
			m.next.lit = append(m.next.lit, ',')
		}
		m.next.lit, m.next.maybe = append(m.next.lit, l.key...), !sure
		m.value(l.knot)
		if sure {
			before = some
		} else {
			before = max(before, perhaps)
		}
	}
}

// value goes on with a value. What of it is always there is of the next piece, what is behind it of the one after that.
func (m *maker) value(n *knot) {
	p, inner := m.next, false
	around := func(open, end string) { p.lit, p.end = append(p.lit, open...), append([]byte(end), p.end...) }
	for ; n.kind == listKnot || n.kind == innerKnot; n = n.members[0].knot {
		if n.kind == listKnot {
			around("[", "]")
		} else {
			around(`"`, `"`)
			inner = true
		}
	}
	switch {
	case n.kind == objectKnot:
		around("{", "}")
		if !p.maybe && !inner {
			m.next.lit = p.lit
			m.members(n)
			m.next.lit = append(m.next.lit, p.end...)
			return
		}
		of := maker{run: m.run}
		of.members(n)
		if p.part = of.all(); inner {
			p.part.inText()
		}
	case inner:
		panic("a text with something else in it than an object")
	case len(n.cell) == 1 && n.cell[0].fixed():
		m.next.lit = append(n.cell[0].json(p.lit, &source{values: values{c: m.run}}), p.end...)
		return
	default:
		if p.cell = n.cell; len(n.cell) == 1 && n.cell[0].as == asText {
			around(`"`, `"`)
		}
	}
	if p.maybe {
		m.put(p)
		return
	}
	part, end := p.part, p.end
	p.part, p.end = nil, nil
	m.put(p)
	m.pieces, m.next.lit = append(m.pieces, part...), end
}

// inText makes the pieces those of a document in a text.
func (list pieces) inText() {
	for i := range list {
		p := &list[i]
		p.lit, p.end = escapeTail(p.lit, 0), escapeTail(p.end, 0)
		p.part.inText()
		if len(p.cell) > 1 || len(p.cell) == 1 && !p.cell[0].safe {
			p.texts++
		}
	}
}

// fixed reports whether all documents of a run have the same there.
func (c *choice) fixed() bool {
	return c.sure && (c.field == nil || c.lit != nil || c.field.scope == ofRun)
}

func (list pieces) append(dst []byte, s *source) []byte {
	for i := range list {
		p, from := &list[i], len(dst)
		var c *choice
		if p.cell != nil {
			if c = &p.cell[0]; !c.sure {
				if c = pick(p.cell, s); c == nil {
					continue
				}
			}
		}
		if p.comma && dst[from-1] != '{' { // no value ends so
			dst = append(dst, ',')
		}
		dst = append(dst, p.lit...)
		at := len(dst)
		switch {
		case len(p.cell) == 1:
			if dst = c.plain(dst, s); c.as == asText && !c.safe {
				dst = escapeJSON(dst, at)
			}
		case c != nil:
			dst = c.json(dst, s)
		case p.part != nil:
			if dst = p.part.append(dst, s); len(dst) == at {
				dst = dst[:from]
				continue
			}
		}
		for range p.texts {
			dst = escapeTail(dst, at)
		}
		dst = append(dst, p.end...)
	}
	return dst
}
