package wire

import (
	"fmt"
	"slices"
	"strings"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Template is a text with fields in it, ${name} or ${name:form}, compiled once. Forms are those of timeForms for times, and text for
// anything else, and after the form of a time: then it stands in quotes in JSON. In $[...] is what is written only if all fields in it have a
// value; $${ and $$[ stand for ${ and $[ themselves.
//
// What becomes of a field without a value, because an event is of another kind or privacy has stripped it, depends on where the
// template is. In a JSON document the member or element with it is left out, and so is an object or a list that would be
// empty by that. In plain text there is nothing that could be left out: there such a field must be in $[...].
type Template struct {
	parts []part
	whole bool // it is one field and nothing else
}

// part is a literal, a field or a group.
type part struct {
	lit    string
	field  *placeField
	form   string // of the field, as written
	at     int    // offset of the field
	group  []part
	append func(dst []byte, v values) []byte // of the field in its form
	as     form
}

// Mistake is something wrong in a template.
type Mistake struct {
	At    int    // offset in bytes
	Ref   string // as written, e.g. "${evnt.id}"; empty when it is about the whole
	What  string
	Name  string   // a name that is not known
	Names []string // of which it may have been meant to be one
	Mend  string
}

// ParseTemplate compiles a template. It returns all mistakes; the template is of use only without any.
func ParseTemplate(s string) (*Template, []Mistake) {
	p := templateParser{src: s}
	t := &Template{parts: p.parts(false)}
	t.whole = len(t.parts) == 1 && t.parts[0].field != nil
	return t, p.bad
}

type templateParser struct {
	src string
	pos int
	bad []Mistake
}

// parts reads up to the end, or of a group up to its bracket.
func (p *templateParser) parts(inGroup bool) (list []part) {
	from := p.pos
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			list = append(list, part{lit: lit.String()})
			lit.Reset()
		}
	}
	for p.pos < len(p.src) {
		rest := p.src[p.pos:]
		switch {
		case strings.HasPrefix(rest, "$${"), strings.HasPrefix(rest, "$$["):
			lit.WriteString(rest[1:3])
			p.pos += 3
		case strings.HasPrefix(rest, "${"):
			flush()
			if f, ok := p.field(); ok {
				list = append(list, f)
			}
		case strings.HasPrefix(rest, "$["):
			at := p.pos
			if inGroup {
				p.bad = append(p.bad, Mistake{At: at, Ref: "$[", What: "a group inside of a group", Mend: "end the first one before"})
			}
			flush()
			p.pos += 2
			g := part{group: p.parts(true), at: at}
			if !hasField(g.group) && len(p.bad) == 0 {
				p.bad = append(p.bad, Mistake{At: at, Ref: "$[", What: "the group has no field", Mend: "write its text without $[ ]"})
			}
			list = append(list, g)
		case inGroup && rest[0] == ']':
			p.pos++
			flush()
			return list
		default:
			lit.WriteByte(rest[0])
			p.pos++
		}
	}
	if inGroup {
		p.bad = append(p.bad, Mistake{At: from - 2, Ref: "$[", What: "$[ without ]", Mend: "write $[...]"})
	}
	flush()
	return list
}

func hasField(parts []part) bool {
	return slices.ContainsFunc(parts, func(p part) bool { return p.field != nil })
}

// field reads ${name} or ${name:form}.
func (p *templateParser) field() (part, bool) {
	at := p.pos
	inside, _, closed := strings.Cut(p.src[at+2:], "}")
	if !closed {
		p.pos = len(p.src)
		p.bad = append(p.bad, Mistake{At: at, Ref: "${", What: "${ without }", Mend: "write ${name}"})
		return part{}, false
	}
	p.pos = at + 2 + len(inside) + 1
	name, formName, formed := strings.Cut(inside, ":")
	ref := p.src[at:p.pos]
	i := slotOf(name)
	if i < 0 {
		p.bad = append(p.bad, Mistake{At: at, Ref: ref, What: fmt.Sprintf("there is no field %.60q", name), Name: name, Names: PlaceNames()})
		return part{}, false
	}
	f := &placeFields[i]
	out := part{field: f, form: formName, at: at, append: f.append, as: f.form}
	if !formed {
		return out, true
	}
	timeForm, quoted := strings.CutSuffix(formName, ":text")
	if t, ok := timeForms[timeForm]; ok && f.time {
		if out.append, out.as = t.append, t.form; quoted {
			out.as = asText
		}
		return out, true
	}
	if formName == "text" && !f.time {
		out.as = asText
		return out, true
	}
	forms := []string{"text"}
	if f.time {
		forms = forms[:0]
		for name := range timeForms {
			forms = append(forms, name)
		}
		slices.Sort(forms)
	}
	p.bad = append(p.bad, Mistake{At: at, Ref: ref, What: fmt.Sprintf("%s has no form %.60q", name, formName), Name: formName, Names: forms})
	return part{}, false
}

// names reports whether the template has a field in it.
func (t *Template) names(field string) bool { return t != nil && namesIn(t.parts, field) }

func namesIn(parts []part, field string) bool {
	return slices.ContainsFunc(parts, func(p part) bool { return p.field != nil && p.field.name == field || namesIn(p.group, field) })
}

// Plain reports whether the template has no field.
func (t *Template) Plain() bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.field != nil || p.group != nil })
}

// Literal is the text of a plain template.
func (t *Template) Literal() string {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.lit)
	}
	return b.String()
}

// Use is where a template stands, for Check.
type Use struct {
	Event  bool   // it is written once for each event, not once for each upload
	Text   bool   // nothing can be left out of it
	What   string // of what it is a part, for the message: "a path"
	Body   bool   // it is a part of a body, which is the same whatever the upload's key
	Secret bool   // it may have the secret by which tokens are asked for
	LookUp bool   // of a look-up: with Event it is about a threat whose domain is known

	Several bool // it is around the events of several devices of a tenant
}

// Check says what in the template cannot be used where it stands.
func (t *Template) Check(c *Constants, u Use) (bad []Mistake) {
	var walk func(parts []part, grouped bool)
	walk = func(parts []part, grouped bool) {
		for _, p := range parts {
			if p.group != nil {
				walk(p.group, true)
			}
			if p.field == nil {
				continue
			}
			ref := "${" + p.field.name
			switch {
			case p.field.scope == ofEvent && !u.Event:
				mend := "use it in event"
				if u.LookUp {
					mend = "use it in verdict"
				} else if p.field.name == "event.id" {
					mend = "${upload.key} is the id of the upload's first event"
				}
				bad = append(bad, Mistake{At: p.at, Ref: ref, What: fmt.Sprintf("${%s} belongs to an event, and %s has none", p.field.name, u.What), Mend: mend})
			case p.field.name == "auth.secret" && !u.Secret:
				bad = append(bad, Mistake{At: p.at, Ref: ref, What: fmt.Sprintf("${auth.secret} cannot be in %s", u.What), Mend: "it is for the headers, the document or the form of token alone"})
			case u.LookUp && p.field.name == "upload.key":
				bad = append(bad, Mistake{At: p.at, Ref: ref, What: "${upload.key} belongs to an upload, and a look-up is none", Mend: "use ${device.id}, or in verdict ${event.id}"})
			case u.Several && p.field.scope == ofUpload && !p.field.tenant && !p.field.key:
				bad = append(bad, Mistake{At: p.at, Ref: ref, What: fmt.Sprintf("${%s} belongs to a device, and with per: devices %s is of several", p.field.name, u.What), Mend: "use it in event"})
			case (u.Event || u.Body) && p.field.name == "upload.key":
				bad = append(bad, Mistake{At: p.at, Ref: ref, What: "${upload.key} is not known in bodies", Mend: "use it in a path or a header, or ${event.id}"})
			case u.Text && !grouped && !p.field.sure(c) && !(u.LookUp && u.Event && p.field.ofThreat(c)):
				bad = append(bad, Mistake{At: p.at, Ref: ref, What: fmt.Sprintf("${%s} may have no value, and a text has no place that could be left out", p.field.name), Mend: "put it in $[...], which is written only when it has one"})
			}
		}
	}
	walk(t.parts, false)
	return bad
}

// escape is how values stand in what is around them.
type escape uint8

const (
	verbatim escape = iota
	inJSON          // in a JSON string
	inURL           // in a path or a query
	inHeader
)

// appendParts writes a template; false says that a field outside of all groups has no value: what was written is then of no use.
func appendParts(dst []byte, parts []part, v values, esc escape) ([]byte, bool) {
	for i := range parts {
		p := &parts[i]
		switch {
		case p.group != nil:
			from, ok := len(dst), false
			if dst, ok = appendParts(dst, p.group, v, esc); !ok {
				dst = dst[:from]
			}
		case p.field == nil:
			from := len(dst)
			if dst = append(dst, p.lit...); esc == inJSON {
				dst = escapeJSON(dst, from)
			}
		case !p.field.there(v):
			return dst, false
		default:
			from := len(dst)
			dst = p.append(dst, v)
			switch {
			case p.field.safe && p.form == "" || esc == verbatim:
			case esc == inJSON:
				dst = escapeJSON(dst, from)
			case esc == inURL:
				dst = escapeURL(dst, from)
			case esc == inHeader:
				for i := from; i < len(dst); i++ {
					if dst[i] < ' ' || dst[i] > '~' {
						dst[i] = '?' // nothing that a device reports of itself ends a line of a header
					}
				}
			}
		}
	}
	return dst, true
}

// escapeJSON turns dst[from:] into the inside of a JSON string.
func escapeJSON(dst []byte, from int) []byte {
	first := plainTo(dst, from)
	if first == len(dst) {
		return dst
	}
	for i := first; i < len(dst); i = plainTo(dst, i+1) {
		if c := dst[i]; c != '"' && c != '\\' && c != '\n' {
			to := len(dst)
			dst = appendEscaped(dst, dst[first:to]) // what is not ASCII, or holds a tab: a comment of a user, a name
			n := copy(dst[first:], dst[to+1:len(dst)-1])
			return dst[:first+n]
		}
	}
	return escapeTail(dst, first)
}

// escapeURL turns dst[from:] into a part of a path or the value of a query: all but unreserved characters (RFC 3986 section 2.3).
func escapeURL(dst []byte, from int) []byte {
	raw := string(dst[from:])
	dst = dst[:from]
	for i := range len(raw) {
		c := raw[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			dst = append(dst, c)
		} else {
			const upper = "0123456789ABCDEF"
			dst = append(dst, '%', upper[c>>4], upper[c&15])
		}
	}
	return dst
}

// NameText makes the name of a place for messages, a topic or a subject. In the values of fields a byte of unfit, and any that is no
// visible ASCII, becomes _.
func NameText(c *Constants, t *Template, unfit string) Text {
	return func(dst []byte, d *fleet.Device, e *event.Event, key []byte) []byte {
		v := values{c: c, d: d, e: e, k: key}
		return appendName(dst, t.parts, v, unfit)
	}
}

func appendName(dst []byte, parts []part, v values, unfit string) []byte {
	for i := range parts {
		p := &parts[i]
		from := len(dst)
		switch {
		case p.group != nil:
			if sub, ok := appendParts(nil, p.group, v, verbatim); ok && len(sub) > 0 {
				dst = appendName(dst, p.group, v, unfit)
			}
		case p.field == nil:
			dst = append(dst, p.lit...)
		case p.field.there(v):
			dst = p.append(dst, v)
			for i := from; i < len(dst); i++ {
				if dst[i] <= ' ' || dst[i] > '~' || strings.IndexByte(unfit, dst[i]) >= 0 {
					dst[i] = '_'
				}
			}
		}
	}
	return dst
}
