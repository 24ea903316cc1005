package privacy

import (
	"fmt"
	"slices"
	"strconv"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Reader audits documents for an Auditor. It is owned by one goroutine; a stream may have several, if all documents of one
// device go through them in order.
type Reader struct {
	a        *Auditor
	c        *Contract
	settings func(fleet.GUID) (Settings, bool)
	sawText  func([]byte) // remembers that a skipped text had a URL

	s           scanner
	found       []Violation
	events      []fact
	index       int    // of the event being read; -1 outside of events
	present     uint64 // items of the upload itself
	outside     bool   // has an identifier that the contract does not have
	device      fleet.GUID
	tenant      fleet.GUID
	org         fleet.GUID
	identity    identity
	owner       owner
	hasSettings bool
	private     bool // of the settings
	open        bool
	canaries    int64 // found
	url         bool  // a skipped text had a URL
}

// fact is what must be known of an event when all of it was read.
type fact struct {
	from, to int // its place in the document
	id       fleet.GUID
	kind     event.Kind
	known    bool // kind is one
	verdict  verdict
	at       int64 // Unix milliseconds; 0: not known
	present  uint64

	category event.Category
	sorted   bool // category is a known one
	bypassed truth
	risk     event.Risk
	hasRisk  bool
}

// rated reports whether the event is a detection that says all of what its risk follows from.
func (e *fact) rated() bool {
	return e.known && e.kind == event.WebThreat && e.sorted && e.bypassed != unsaid && e.hasRisk
}

// truth is a bool that may be missing.
type truth uint8

const (
	unsaid truth = iota
	no
	yes
)

type verdict uint8

const (
	noVerdict verdict = iota
	benign
	malicious
)

// Reader returns a new reader. settings tells the settings of a device by its directory id, if they are known; it may be
// nil.
func (a *Auditor) Reader(settings func(fleet.GUID) (Settings, bool)) *Reader {
	r := &Reader{a: a, c: a.c, settings: settings}
	r.sawText = func(text []byte) { r.url = r.url || inURL(text) }
	return r
}

// Upload audits one document. It keeps nothing of doc.
func (r *Reader) Upload(doc []byte) {
	*r = Reader{
		a: r.a, c: r.c, settings: r.settings, sawText: r.sawText,
		s: scanner{data: doc}, found: r.found[:0], events: r.events[:0], index: -1,
	}
	r.value(r.c.root)
	r.s.end()
	if r.s.bad == "" {
		r.judge()
	}
	if r.a.canary != nil {
		r.findCanaries(doc)
	}
	r.a.commit(r)
}

// note adds a violation at the place that is being read.
func (r *Reader) note(i Invariant, field, what string) {
	r.found = append(r.found, Violation{Invariant: i, Index: r.index, Field: field, What: what})
}

// value reads the value at a place.
func (r *Reader) value(n *node) {
	if n.item != noItem {
		it := &r.c.items[n.item]
		if !r.c.local[n.item] {
			r.foreign(n, it)
			r.skip(n.path)
			return
		}
		if r.index >= 0 {
			r.events[r.index].present |= 1 << n.item
		} else {
			r.present |= 1 << n.item
		}
	}
	switch c := r.s.peek(); {
	case n.list && c == '[':
		r.list(n)
	case n.list:
		r.note(P13, n.path, "is no list")
		r.skip(n.path)
	case len(n.children) > 0 && c == '{':
		r.object(n)
	case len(n.children) > 0:
		r.note(P13, n.path, "is no object")
		r.skip(n.path)
	default:
		r.leaf(n, c)
	}
}

// foreign notes an item that another contract of the catalogue has, but not this one.
func (r *Reader) foreign(n *node, it *Item) {
	switch {
	case it.Group != "":
		r.outside = true
		r.note(P05, n.path, "contract "+r.c.Name+" does not have this identifier")
	case r.c.Setting:
		r.note(P03, n.path, "contract "+r.c.Name+" does not have this field")
	default:
		r.note(P04, n.path, "contract "+r.c.Name+" does not have this field")
	}
}

// list reads the events.
func (r *Reader) list(n *node) {
	r.s.pos++
	for i := 0; r.s.member(i, ']'); i++ {
		if r.s.peek() != '{' {
			r.note(P13, n.path, "is no object")
			r.skip(n.path)
			continue
		}
		r.events = append(r.events, fact{from: r.s.pos})
		r.index = len(r.events) - 1
		r.object(n)
		r.events[r.index].to = r.s.pos
		r.index = -1
	}
}

func (r *Reader) object(n *node) {
	r.s.pos++
	var seen uint64
	next := 0
	for i := 0; r.s.member(i, '}'); i++ {
		key := r.s.key()
		c := n.find(key, next)
		if c < 0 {
			r.unknown(n, string(key))
			continue
		}
		child := n.children[c]
		if seen&(1<<c) != 0 {
			r.note(P13, child.path, "occurs twice: readers differ over which one counts")
		}
		seen |= 1 << c
		next = c + 1
		r.value(child)
	}
	if seen == 0 && n.item != noItem && r.c.items[n.item].Needs(Always) {
		r.note(P15, n.path, "is empty")
	}
}

var (
	urlNames = []string{"url", "uri", "path", "query", "fragment", "title", "referrer", "referer", "href"}
	appNames = []string{"app", "app_name", "app_id", "bundle", "bundle_id", "package", "process", "process_name"}
)

// unknown notes a field that neither the contract nor the envelope has, under the narrowest invariant.
func (r *Reader) unknown(n *node, name string) {
	field := name
	if len(field) > 40 {
		field = field[:40] + "..."
	}
	if field = strconv.Quote(field); n.path != "" {
		field = n.path + "." + field
	}
	r.url = false
	r.s.skip(maxDepth, r.sawText)
	switch {
	case r.url || slices.Contains(urlNames, name):
		r.note(P07, field, "says more of a site than its host")
	case n.path == "app" || n.path == "events[].app" || n.item != noItem && r.c.items[n.item].Needs(DefenderOnly):
		if slices.Contains(appNames, name) {
			r.note(P08, field, "may name another app")
			return
		}
		r.note(P13, field, "unknown field")
	default:
		r.note(P13, field, "unknown field")
	}
}

// skip passes over a value that was noted already, but not over a URL in it.
func (r *Reader) skip(path string) {
	r.url = false
	r.s.skip(maxDepth, r.sawText)
	if r.url {
		r.note(P07, path, "has more of a URL than a host")
	}
}

// members reads a map of plain values, or a list of texts.
func (r *Reader) members(n *node, c, open, end byte) {
	if c != open {
		r.note(P13, n.path, "is no "+string(n.form))
		r.skip(n.path)
		return
	}
	r.s.pos++
	for i := 0; r.s.member(i, end); i++ {
		if open == '{' && inURL(r.s.key()) {
			r.note(P07, n.path, "has more of a URL than a host")
		}
		v := r.s.peek()
		switch {
		case v == '{' || v == '[' || open == '[' && v != '"':
			r.note(P13, n.path, "has a value that is not plain")
		case n.values != nil && v == '"':
			if t := r.s.text(); inURL(t) {
				r.note(P07, n.path, "has more of a URL than a host")
			} else if !slices.Contains(n.values, string(t)) {
				r.note(P13, n.path, "has a value that is none of the known ones")
			}
			continue
		}
		r.skip(n.path)
	}
}

// enrols reports whether one of the events is an enrolment.
func (r *Reader) enrols() bool {
	return slices.ContainsFunc(r.events, func(e fact) bool { return e.known && e.kind == event.Enrolment })
}

// kindOf is how a message names the kind of an event.
func (e *fact) kindOf() string {
	if e.known {
		return e.kind.String()
	}
	return "unknown"
}

func (r *Reader) notef(i Invariant, field, format string, args ...any) {
	r.note(i, field, fmt.Sprintf(format, args...))
}
