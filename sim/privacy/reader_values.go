package privacy

import (
	"slices"
	"time"

	"drover/sim/event"
)

// leaf reads a value that has no fields; c is its first byte.
func (r *Reader) leaf(n *node, c byte) {
	switch n.form {
	case Count, Number, Bool:
		if c == '"' || c == '{' || c == '[' {
			r.note(P13, n.path, "is no "+string(n.form))
			r.skip(n.path)
			return
		}
		raw := r.s.plain()
		word := string(raw) == "true" || string(raw) == "false"
		if ok := n.form == Bool && word || n.form == Count && isCount(raw) || n.form == Number && !word && string(raw) != "null"; !ok {
			r.note(P13, n.path, "is no "+string(n.form))
		} else if n.mark == markBypassed && r.index >= 0 {
			r.events[r.index].bypassed = no
			if string(raw) == "true" {
				r.events[r.index].bypassed = yes
			}
		}
	case Map:
		r.members(n, c, '{', '}')
	case List:
		r.members(n, c, '[', ']')
	default:
		if c != '"' {
			r.note(P13, n.path, "is no text")
			r.skip(n.path)
			return
		}
		r.text(n, r.s.text())
	}
}

// text looks at a text and learns what the document is about.
func (r *Reader) text(n *node, t []byte) {
	if r.s.bad != "" {
		return
	}
	switch n.form {
	case Report:
		r.report(n, t)
		return
	case MetricKit:
		r.metricKit(n, t)
		return
	}
	if inURL(t) || n.form == Host && hasAny(t, "/?#@: ") {
		r.note(P07, n.path, "has more of a URL than a host")
		return
	}
	if !n.form.fits(t) {
		r.note(P13, n.path, "is no "+string(n.form))
		return
	}
	if n.item != noItem && len(t) == 0 {
		switch it := &r.c.items[n.item]; {
		case it.Needs(ValueGiven):
			r.note(P10, n.path, "is empty, so the user gave none")
		case it.Needs(Always):
			r.note(P15, n.path, "is empty")
		}
	}
	if n.values != nil && !slices.ContainsFunc(n.values, func(v string) bool { return v == string(t) }) {
		r.wrongValue(n)
	}
	r.learn(n, t)
}

// wrongValue notes a value that is none of those that a field may have.
func (r *Reader) wrongValue(n *node) {
	if n.item == noItem {
		r.note(P13, n.path, "is none of the known values")
		return
	}
	switch it := &r.c.items[n.item]; {
	case it.Form == IPS:
		r.note(P14, n.path, "is neither the Defender app nor one of its extensions")
	case it.Needs(FeedbackGiven):
		r.note(P10, n.path, "is none of the known values")
	case it.Needs(DefenderOnly) && !it.Carried:
		r.note(P08, n.path, "names another app")
	default:
		r.note(P13, n.path, "is none of the known values")
	}
}

// learn keeps what later rules need.
func (r *Reader) learn(n *node, t []byte) {
	switch n.mark {
	case markDevice:
		parseHex(t, r.device[:])
	case markTenant:
		parseHex(t, r.tenant[:])
	case markIdentity:
		r.identity[0] = byte(n.item + 1)
		parseHex(t, r.identity[1:])
	case markUser, markUPN:
		r.owner[n.mark-markOrg] = hash(t)
	case markOrg:
		r.owner[0] = hash(t)
		parseHex(t, r.org[:])
	}
	if r.index < 0 {
		return
	}
	e := &r.events[r.index]
	switch n.mark {
	case markID:
		parseHex(t, e.id[:])
	case markKind:
		if e.kind, e.known = event.ParseKind(string(t)); !e.known {
			r.note(P13, n.path, "there is no such kind")
		}
	case markTime:
		if at, err := time.Parse(time.RFC3339, string(t)); err == nil {
			e.at = at.UnixMilli()
		}
	case markVerdict:
		e.category, e.sorted = event.ParseCategory(string(t))
		if e.verdict = malicious; string(t) == event.Benign.String() {
			e.verdict = benign
		}
	case markRisk:
		e.risk, e.hasRisk = event.ParseRisk(string(t))
	}
}

// hash is FNV-1a of a text.
func hash(t []byte) uint64 {
	sum := uint64(0xcbf29ce484222325)
	for _, c := range t {
		sum = (sum ^ uint64(c)) * 0x100000001b3
	}
	return sum
}
