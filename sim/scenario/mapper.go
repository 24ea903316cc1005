package scenario

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"drover/sim/event"
	"drover/sim/target"
	"drover/sim/wire"
)

// mapper compiles a mapping.
type mapper struct {
	*decoder
	c *wire.Constants
}

func (b *mapper) mapping(r *rawMapping, name string) *wire.Mapping {
	if r.Name != "" {
		name = string(r.Name)
	}
	m := &wire.Mapping{Name: name, PerEvent: r.Per == "event", Gather: b.gather(r), KeyHeader: r.KeyHeader, Formats: b.formats(r)}
	if !b.good(r) {
		return m
	}
	switch {
	case r.KeyHeader == "none":
		m.KeyHeader = target.NoHeader
	case !target.IsHeaderName(r.KeyHeader):
		b.errorf(b.at(&r.KeyHeader), "want e.g. Idempotency-Key, or none", "keyHeader: %q is not the name of a header", clip(r.KeyHeader))
	}
	m.Upload = b.op(&r.Upload, r, "upload")
	if r.Enrol != nil {
		m.Enrol = b.op(r.Enrol, r, "enrol")
	}
	if r.Single != nil {
		m.Single = b.single(r)
	}
	m.Own = r.Upload.Answers == "drover"
	if r.Config != nil {
		m.Config, m.Every = b.ask(&r.Config.rawAsk, r, false, "config"), time.Duration(r.Config.Every)
	}
	if r.Token != nil {
		m.Token, m.Granting = b.token(r.Token, r)
	}
	if r.Verdict != nil {
		m.Verdict = b.verdict(r.Verdict, r)
	}
	return m
}

// formats are the names of formats that an adapter can be used with.
func (b *mapper) formats(r *rawMapping) []string {
	for i, name := range r.Formats {
		if b.good(&r.Formats[i]) && wire.Formats[name] == nil {
			names := slices.Sorted(maps.Keys(wire.Formats))
			b.errorf(b.at(&r.Formats[i]), didYouMean(name, names, "want "+list(names)), "formats: %q is not a format", clip(name))
		}
	}
	return r.Formats
}

// single compiles how an upload of one event goes out.
func (b *mapper) single(r *rawMapping) *wire.Operation {
	if r.Per != "upload" && b.good(&r.Per) {
		why := map[string]string{"event": "each request has one event, and goes out as upload says", "devices": "an upload of one event is gathered like all others"}
		b.errorf(b.key(&r.Single), "remove it, or use per: upload", "single: with per: %s %s", r.Per, why[r.Per])
	}
	return b.op(r.Single, r, "single")
}

// op compiles one operation.
func (b *mapper) op(r *rawOp, all *rawMapping, path string) *wire.Operation {
	o := &wire.Operation{Method: r.Method, Drover: r.Answers == "drover", OTLP: r.Answers == "otlp"}
	b.address(o, address{&r.Path, r.Query, r.Headers, r}, all, wire.Use{}, path)
	o.Body = b.body(r, all, path)
	if o.Body != nil {
		b.contentType(&r.ContentType, o.Body.ContentType, path)
	}
	b.reading(r, o, path)
	b.ofSeveral(r, all, path)
	return o
}

// address is where a request goes, as an operation has it.
type address struct {
	path           *string
	query, headers rawPairs
	op             any
}

// address compiles where a request goes. u is what its templates can use.
func (b *mapper) address(o *wire.Operation, a address, all *rawMapping, u wire.Use, path string) {
	if s := *a.path; s != "" && !strings.HasPrefix(s, "/") && b.good(a.path) {
		b.errorf(b.at(a.path, a.op), "want e.g. /ingest, or leave it out for target.url itself", "%s.path: %q does not begin with /", path, clip(s))
	} else if strings.ContainsAny(s, "?# \t\n") {
		b.errorf(b.at(a.path, a.op), "parameters go into query", "%s.path: %q has a ?, a # or a blank", path, clip(s))
	}
	in := func(what string, text bool) wire.Use {
		u := u
		u.What, u.Text, u.Secret, u.Several = what, text, u.Secret && what == "a header", all.gathers() && !u.LookUp
		return u
	}
	o.Path = b.template(b.at(a.path), *a.path, in("a path", true), path+".path")
	o.Query = b.pairs(a.query, in("a query", false), path+".query", false)
	o.Headers = append(b.pairs(all.Headers, wire.Use{What: "a header", Several: all.gathers()}, "headers", true), b.pairs(a.headers, in("a header", false), path+".headers", true)...)
}

// contentType refuses one that cannot be in a header.
func (b *mapper) contentType(ptr *string, value, path string) {
	if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
		b.errorf(b.at(ptr), "want e.g. application/json", "%s.contentType: %q is none", path, clip(value))
	}
}

// own are headers that drover sets itself.
var ownHeaders = []string{"content-length", "transfer-encoding", "connection", "host", "content-type", "content-encoding", "authorization", "user-agent", "x-drover-run", "expect"}

func (b *mapper) pairs(list rawPairs, u wire.Use, path string, header bool) (out []wire.Pair) {
	for _, p := range list {
		switch {
		case header && !target.IsHeaderName(p.Name):
			b.errorf(p.key, "", "%s: %q is not the name of a header", path, clip(p.Name))
		case header && slices.Contains(ownHeaders, strings.ToLower(p.Name)) && !(u.Secret && strings.EqualFold(p.Name, "Authorization")):
			b.errorf(p.key, "use contentType, target.auth, or leave it out", "%s: drover sets %s itself", path, p.Name)
		case !header && strings.ContainsFunc(p.Name, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("&=#?%+", c) }):
			b.errorf(p.key, "", "%s: %q is not the name of a parameter", path, clip(p.Name))
		}
		if header && strings.ContainsFunc(p.Value, func(c rune) bool { return c < ' ' || c > '~' }) {
			b.errorf(p.node, "want visible ASCII", "%s.%s: the value cannot be in a header", path, clip(p.Name))
		}
		out = append(out, wire.Pair{Name: p.Name, Value: b.template(p.node, p.Value, u, path+"."+clip(p.Name))})
	}
	return out
}

// template compiles a text, and tells its mistakes where they are.
func (b *mapper) template(n *yaml.Node, s string, u wire.Use, path string) *wire.Template {
	t, bad := wire.ParseTemplate(s)
	if len(bad) == 0 {
		bad = t.Check(b.c, u)
	}
	for _, m := range bad {
		mend := m.Mend
		if m.Names != nil {
			mend = didYouMean(m.Name, m.Names, "see drover help adapters")
		}
		b.errorf(b.inside(n, s, m.At, m.Ref), mend, "%s: %s", path, m.What)
	}
	return t
}

// inside is where a part of a text is: as it stands in the file, whatever the style of the text. n is its node.
func (b *mapper) inside(n *yaml.Node, s string, at int, ref string) *yaml.Node {
	if n == nil || ref == "" || b.src == nil {
		return n
	}
	lines := strings.SplitAfter(string(b.src), "\n")
	if n.Line < 1 || n.Line > len(lines) {
		return n
	}
	before := strings.Count(s[:min(at, len(s))], ref)
	text := strings.Join(lines[n.Line-1:], "")
	skip := min(len(string([]rune(lines[n.Line-1])[:min(n.Column-1, utf8.RuneCountInString(lines[n.Line-1]))])), len(text))
	pos := skip
	for range before + 1 {
		i := strings.Index(text[pos:], ref)
		if i < 0 {
			return n
		}
		pos += i + len(ref)
	}
	pos -= len(ref)
	upTo := text[:pos]
	line := n.Line + strings.Count(upTo, "\n")
	col := utf8.RuneCountInString(upTo[strings.LastIndexByte(upTo, '\n')+1:]) + 1
	return &yaml.Node{Line: line, Column: col}
}

// body compiles the body of an operation; nil where it is the whole upload in the native format.
func (b *mapper) body(r *rawOp, all *rawMapping, path string) *wire.Body {
	alone := all.Per == "event" || r == all.Single && r.Document == nil && r.Body == "json"
	if r.Body == "format" {
		for _, f := range []struct {
			ptr  any
			node *rawAny
			name string
		}{{&r.Document, r.Document, "document"}, {&r.Event, r.Event, "event"}} {
			if f.node != nil {
				b.errorf(b.key(f.ptr), "remove it, or use body: json", "%s.%s: body: format is the whole upload in target.format, which says what is in it", path, f.name)
			}
		}
		if r.ContentType != "" {
			b.errorf(b.key(&r.ContentType), "remove it", "%s.contentType: with body: format it is the format's", path)
		}
		return nil
	}
	body := &wire.Body{ContentType: r.ContentType, Single: alone}
	if body.ContentType == "" {
		body.ContentType = map[string]string{"json": "application/json", "ndjson": "application/x-ndjson", "text": "text/plain; charset=utf-8"}[r.Body]
	}
	if r.Event == nil || r.Event.node == nil {
		if b.good(&r.Event) {
			b.errorf(b.at(r), "add it, e.g. event: ${event.json}", "%s has no %q", path, "event")
		}
		return body
	}
	if !b.good(&r.Event, r.Event, &r.Document, &r.Body) || r.Document != nil && !b.good(r.Document) {
		return body
	}
	n := r.Event.node
	if r.Body == "text" {
		if n.Kind != yaml.ScalarNode {
			b.errorf(n, "want a text, or body: json", "%s.event: body: text wants a text, not %s", path, show(n))
			return body
		}
		body.Text = b.template(n, n.Value, wire.Use{Event: true, Text: true, What: "an event"}, path+".event")
	} else if r.Body == "ndjson" && n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			body.Lines = append(body.Lines, b.node(item, wire.Use{Event: true}, fmt.Sprintf("%s.event[%d]", path, i+1)))
		}
		if alone {
			body.Single = false
		}
	} else {
		body.Lines = []*wire.Node{b.node(n, wire.Use{Event: true}, path+".event")}
	}
	if r.Document != nil {
		b.document(r, body, all, path)
	} else if r.Body == "json" && !alone {
		body.Document = wire.EventsNode()
	}
	return body
}

// document compiles what is around the events.
func (b *mapper) document(r *rawOp, body *wire.Body, all *rawMapping, path string) {
	n, perEvent := r.Document.node, all.Per == "event"
	if r.Body != "json" || perEvent {
		what := "body: " + r.Body
		if perEvent {
			what = "per: event"
		}
		b.errorf(b.key(&r.Document), "put it into event", "%s.document: with %s nothing is around the events", path, what)
		return
	}
	body.Document = b.node(n, wire.Use{Several: all.gathers()}, path+".document")
	places := 0
	var count func(n *yaml.Node)
	count = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.Value == eventsRef {
			places++
		}
		for _, c := range n.Content {
			count(c)
		}
	}
	count(n)
	switch {
	case places != 1:
		b.errorf(n, "write "+eventsRef+" where the list of events goes", "%s.document has %d places for the events", path, places)
	case !body.Document.LastSplice():
		b.errorf(n, "make it the last of its list", "%s.document: something follows %s in its list", path, eventsRef)
	}
}

const eventsRef = "${upload.events}"

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// node compiles a value.
func (b *mapper) node(n *yaml.Node, u wire.Use, path string) *wire.Node {
	switch n.Kind {
	case yaml.MappingNode:
		var all []wire.Member
		for k, v := range members(n) {
			all = append(all, wire.Member{Name: k.Value, Value: b.node(v, u, path+"."+clip(k.Value))})
		}
		return wire.ObjectNode(all)
	case yaml.SequenceNode:
		var items []*wire.Node
		for i, c := range n.Content {
			items = append(items, b.node(c, u, fmt.Sprintf("%s[%d]", path, i+1)))
		}
		return wire.ListNode(items)
	}
	switch tag := n.ShortTag(); tag {
	case "!!null", badTag: // the latter is told already
		return wire.LiteralNode("null")
	case "!!bool":
		return wire.LiteralNode(strings.ToLower(n.Value))
	case "!!int", "!!float":
		if !jsonNumber.MatchString(n.Value) {
			b.errorf(n, "put it in quotes, or write it as JSON does", "%s: %s is no number of JSON", path, show(n))
		}
		return wire.LiteralNode(n.Value)
	}
	if n.Value == eventsRef {
		switch {
		case u.LookUp:
			b.errorf(n, "", "%s: %s belongs to an upload, and a look-up is none", path, eventsRef)
		case u.Event:
			b.errorf(n, "use it in document", "%s: %s is around events, not in one", path, eventsRef)
		}
		return wire.EventsNode()
	}
	u.What, u.Body = "a document", true
	return wire.TextNode(b.template(n, n.Value, u, path))
}

// placeIn reads a place in an answer; nil: there is none.
func (b *mapper) placeIn(ptr *string, path string) wire.Place {
	if *ptr == "" {
		return nil
	}
	p, ok := wire.ParsePlace(*ptr)
	if !ok && b.good(ptr) {
		b.errorf(b.at(ptr), "want names joined by dots, e.g. data.items", "%s: %q is not a place in an answer", path, clip(*ptr))
	}
	return p
}

// success compiles which answers say yes.
func (b *mapper) success(s *rawSuccess, g *wire.Reading, path string) {
	g.Statuses = s.Status
	g.Say, g.Yes = b.placeIn(&s.Say, path+".success.say"), s.Yes
	if (g.Say == nil) != (len(g.Yes) == 0) && b.good(&s.Say, &s.Yes) {
		b.errorf(b.at(&s.Say, &s.Yes, s), "want both or neither, e.g. {say: code, yes: 0}", "%s.success: say and yes belong together", path)
	}
}

// reading compiles what answers mean.
func (b *mapper) reading(r *rawOp, o *wire.Operation, path string) {
	place := func(ptr *string, name string) wire.Place { return b.placeIn(ptr, path+"."+name) }
	g := &o.Reading
	if r.Answers != "mapped" {
		of := map[string]string{"drover": "drover's own API", "otlp": "OTLP"}[r.Answers]
		for _, f := range []struct {
			ptr   any
			given bool
			name  string
		}{{&r.Success, len(r.Success.Status)+len(r.Success.Say)+len(r.Success.Yes) > 0, "success"}, {&r.Items, r.Items != nil, "items"}, {&r.Verdicts, r.Verdicts != nil, "verdicts"}} {
			if f.given {
				b.errorf(b.key(f.ptr), "remove it, or use answers: mapped", "%s.%s: answers of %s need none", path, f.name, of)
			}
		}
		return
	}
	b.success(&r.Success, g, path)
	if it := r.Items; it != nil {
		g.Items = &wire.Items{List: place(&it.List, "items.list"), Status: place(&it.Status, "items.status"), OK: it.OK, Again: it.Again, Reason: place(&it.Reason, "items.reason")}
		if both := wire.Both(it.OK, it.Again); both != 0 && b.good(&it.OK, &it.Again) {
			b.errorf(b.at(&it.Again), "take it out of one of them", "%s.items: status %d is in ok and in again", path, both)
		}
	}
	v := r.Verdicts
	if v == nil {
		return
	}
	if v.ID != "" && v.Seq != "" {
		b.errorf(b.at(&v.Seq), "keep one of them", "%s.verdicts: id and seq both say which event an item is of", path)
	}
	g.Verdicts = &wire.Verdicts{List: place(&v.List, "verdicts.list"), ID: place(&v.ID, "verdicts.id"), Seq: place(&v.Seq, "verdicts.seq"),
		Word: place(&v.Word, "verdicts.word"), Score: place(&v.Score, "verdicts.score"), Words: b.words(v.Words, path+".verdicts.words")}
}

// words are what the words of a backend mean.
func (b *mapper) words(pairs rawPairs, path string) map[string]wire.Word {
	words := map[string]wire.Word{}
	known := map[string]wire.Word{"unknown": {}}
	for c := range event.NumCategories {
		known[c.String()] = wire.Word{Category: c, Known: true}
	}
	for _, p := range pairs {
		w, ok := known[p.Value]
		if !ok {
			names := slices.Sorted(maps.Keys(known))
			b.errorf(p.node, didYouMean(p.Value, names, "want "+list(names)), "%s.%s: %q is not known", path, clip(p.Name), clip(p.Value))
		}
		words[p.Name] = w
	}
	if len(pairs) == 0 {
		return known
	}
	return words
}
