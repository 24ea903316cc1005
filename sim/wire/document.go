package wire

import (
	"slices"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Node is a part of a JSON document whose texts are templates.
type Node struct {
	kind    nodeKind
	lit     []byte    // a number, true, false, null
	text    *Template // a text, or one field as it is
	members []Member
	splice  bool // it is, or holds, the place of the events
}

// Member is a member of an object, or with an empty Name an element of a list.
type Member struct {
	Name  string
	Value *Node
	key   []byte // "name":
}

type nodeKind uint8

const (
	literalNode nodeKind = iota
	textNode
	objectNode
	listNode
	eventsNode // ${upload.events}
)

// LiteralNode is a number, true, false or null, as JSON has it.
func LiteralNode(json string) *Node { return &Node{kind: literalNode, lit: []byte(json)} }

// TextNode is a text, or the value of a field as it is when the template is nothing but that.
func TextNode(t *Template) *Node { return &Node{kind: textNode, text: t} }

// EventsNode is the place of the events.
func EventsNode() *Node { return &Node{kind: eventsNode, splice: true} }

// ObjectNode is an object. The member that holds the place of the events is written last.
func ObjectNode(members []Member) *Node {
	n := &Node{kind: objectNode}
	var last []Member
	for _, m := range members {
		m.key = append(appendText(nil, m.Name), ':')
		if m.Value.splice {
			n.splice, last = true, append(last, m)
		} else {
			n.members = append(n.members, m)
		}
	}
	n.members = append(n.members, last...)
	return n
}

// ListNode is a list.
func ListNode(items []*Node) *Node {
	n := &Node{kind: listNode}
	for _, it := range items {
		n.splice = n.splice || it.splice
		n.members = append(n.members, Member{Value: it})
	}
	return n
}

// append writes n; false says that it is left out, and that what was written is of no use.
func (n *Node) append(dst []byte, v values) ([]byte, bool) {
	switch n.kind {
	case literalNode:
		return append(dst, n.lit...), true
	case textNode:
		return n.text.appendJSON(dst, v)
	case objectNode, listNode:
		return n.appendMembers(dst, v)
	}
	return dst, true
}

func (t *Template) appendJSON(dst []byte, v values) ([]byte, bool) {
	if t.whole {
		if p := &t.parts[0]; p.as != asText {
			if !p.field.there(v) {
				return dst, false
			}
			return p.append(dst, v), true
		}
	}
	dst, ok := appendParts(append(dst, '"'), t.parts, v, inJSON)
	return append(dst, '"'), ok
}

// appendMembers writes an object or a list. One that is written empty in the file stays so; one that is empty because all
// in it is left out is left out itself.
func (n *Node) appendMembers(dst []byte, v values) ([]byte, bool) {
	dst, wrote := n.upTo(len(n.members), dst, v)
	return append(dst, "}]"[n.kind-objectNode]), wrote || len(n.members) == 0
}

// upTo writes an object or a list up to its member most, and reports whether there is one by then.
func (n *Node) upTo(most int, dst []byte, v values) (out []byte, wrote bool) {
	dst = append(dst, "{["[n.kind-objectNode])
	for i := range n.members[:most] {
		m := &n.members[i]
		from := len(dst)
		if wrote {
			dst = append(dst, ',')
		}
		dst = append(dst, m.key...)
		var ok bool
		if dst, ok = m.Value.append(dst, v); ok {
			wrote = true
		} else {
			dst = dst[:from]
		}
	}
	return dst, wrote
}

// head writes what of n is before the events, which are in its last member, and tail what is after them, which is the same for all
// uploads.
func (n *Node) head(dst []byte, v values) []byte {
	switch n.kind {
	case eventsNode:
		return append(dst, '[')
	case objectNode, listNode:
		last := len(n.members) - 1
		dst, wrote := n.upTo(last, dst, v)
		if wrote {
			dst = append(dst, ',')
		}
		m := &n.members[last]
		return m.Value.head(append(dst, m.key...), v)
	}
	return dst
}

func (n *Node) tail(dst []byte) []byte {
	switch n.kind {
	case eventsNode:
		return append(dst, ']')
	case objectNode, listNode:
		return append(n.members[len(n.members)-1].Value.tail(dst), "}]"[n.kind-objectNode])
	}
	return dst
}

// LastSplice reports whether nothing follows the place of the events in any list.
func (n *Node) LastSplice() bool {
	if n.kind == eventsNode {
		return true
	}
	if len(n.members) == 0 {
		return false
	}
	last := n.members[len(n.members)-1].Value
	return last.splice && last.LastSplice()
}

// Body is how the body of a request is made of templates. Exactly one of Lines and Text is set.
type Body struct {
	ContentType string
	Document    *Node     // around the events of an upload, which are then one list in it; nil: an upload is its events
	Lines       []*Node   // JSON documents of an event; with Document there is one, and without it each ends with a line feed
	Text        *Template // of an event, plain; what is between two events is in it
	Single      bool      // an upload has one event: no line feed after its document
}

// names reports whether the body has a field in it.
func (b *Body) names(field string) bool {
	has := func(n *Node) bool { return n.names(field) }
	return b.Text.names(field) || has(b.Document) || slices.ContainsFunc(b.Lines, has)
}

func (n *Node) names(field string) bool {
	return n != nil && (n.text.names(field) || slices.ContainsFunc(n.members, func(m Member) bool { return m.Value.names(field) }))
}

// Format makes a format of the body. What of it is of an event says whose that is as the device was when it happened.
func (b *Body) Format(c *Constants) Format {
	f := Format{Name: "mapped", ContentType: b.ContentType, Then: true, End: func(dst []byte, _ int) []byte { return dst },
		Begin: func(dst []byte, _ *fleet.Device, _ event.Fields) []byte { return dst }}
	if !b.Single {
		f.Next = between("")
	}
	if b.Text != nil {
		f.Event = func(dst []byte, _ int, d *fleet.Device, e *event.Event) []byte {
			dst, _ = appendParts(dst, b.Text.parts, values{c: c, d: d, e: e}, verbatim)
			return dst
		}
		return f
	}
	if doc := b.Document; doc != nil {
		tail := doc.tail(nil)
		f.Begin = func(dst []byte, d *fleet.Device, _ event.Fields) []byte { return doc.head(dst, values{c: c, d: d}) }
		f.End = func(dst []byte, _ int) []byte { return append(dst, tail...) }
		f.Next = between(",")
	}
	f.Event = func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
		v := values{c: c, d: d, e: e}
		if b.Document != nil && n > 0 {
			dst = append(dst, ',')
		}
		for _, l := range b.Lines {
			from := len(dst)
			var ok bool
			if dst, ok = l.append(dst, v); !ok {
				dst = append(dst[:from], "{}"...)
				if l.kind == listNode {
					dst = append(dst[:from], "[]"...)
				}
			}
			if b.Document == nil && !b.Single {
				dst = append(dst, '\n')
			}
		}
		return dst
	}
	return f
}
