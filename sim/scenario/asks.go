package scenario

import (
	"cmp"

	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/wire"
)

// ask compiles a request that asks for something. of says that it is about one event.
func (b *mapper) ask(r *rawAsk, all *rawMapping, of bool, path string) *wire.Operation {
	o := &wire.Operation{Method: r.Method, Ask: &wire.Ask{ContentType: r.ContentType, Event: of}}
	u := wire.Use{Event: of, LookUp: true, Secret: path == "token"}
	b.address(o, address{&r.Path, r.Query, r.Headers, r}, all, u, path)
	switch {
	case r.Document == nil && len(r.Form) == 0:
		if r.ContentType != "" {
			b.errorf(b.key(&r.ContentType), "remove it, or add document or form", "%s.contentType: there is no body", path)
		}
	case r.Document != nil && len(r.Form) > 0:
		b.errorf(b.key(&r.Form), "keep one of them", "%s: document and form are both the body", path)
	case r.Method == "GET" && b.written(&r.Method):
		b.errorf(b.at(&r.Method), "use POST, or query for parameters", "%s.method: GET has no body", path)
	case r.Method == "GET":
		r.Method, o.Method = "POST", "POST"
	}
	switch {
	case len(r.Form) > 0:
		u.What = "a form"
		o.Ask.Form = b.pairs(r.Form, u, path+".form", false)
		o.Ask.ContentType = cmp.Or(r.ContentType, "application/x-www-form-urlencoded")
	case r.Document != nil && b.good(&r.Document, r.Document):
		o.Ask.Document = b.node(r.Document.node, u, path+".document")
		o.Ask.ContentType = cmp.Or(r.ContentType, "application/json")
	}
	b.contentType(&r.ContentType, o.Ask.ContentType, path)
	b.success(&r.Success, &o.Reading, path)
	return o
}

// token compiles how a device asks for its credential.
func (b *mapper) token(r *rawToken, all *rawMapping) (*wire.Operation, wire.Granting) {
	o := b.ask(&r.rawAsk, all, false, "token")
	return o, wire.Granting{Token: b.placeIn(&r.Token, "token.token"), Lasts: b.placeIn(&r.Expires, "token.expires")}
}

// operations are the names of those that an adapter has; of one that is not known, all.
func operations(m *wire.Mapping) (names []string) {
	for op := range measure.NumOps {
		if m == nil || op == measure.Config && m.Config != nil || op == measure.Verdict && m.Verdict != nil || op == measure.Single && m.Single != nil || op == measure.Enroll || op == measure.Upload {
			names = append(names, op.String())
		}
	}
	return names
}

// verdict compiles the look-up of a verdict.
func (b *mapper) verdict(r *rawVerdict, all *rawMapping) *wire.Operation {
	o := b.ask(&r.rawAsk, all, true, "verdict")
	v := &r.Verdict
	o.Reading.Verdicts = &wire.Verdicts{Word: b.placeIn(&v.Word, "verdict.verdict.word"), Score: b.placeIn(&v.Score, "verdict.verdict.score"),
		Words: b.words(v.Words, "verdict.verdict.words")}
	for _, o := range []struct {
		op   *rawOp
		name string
	}{{&all.Upload, "upload"}, {all.Single, "single"}} {
		if o.op != nil && o.op.Verdicts != nil {
			b.errorf(b.key(&o.op.Verdicts), "keep one of them", "%s.verdicts: verdict asks for them already", o.name)
		}
	}
	if !b.c.Send.Has(event.WebDomain) {
		b.errorf(b.at(r), "remove it, or use another privacy.contract", "verdict: under this contract no domain is reported, so there is nothing to ask about")
	}
	return o
}
