package scenario

import (
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"drover/profiles"
	"drover/sim/check"
	"drover/sim/target"
)

// readback checks how a backend is read back: what an adapter has no use for is a mistake, and so is what it cannot do without.
func (b *builder) readback(t *rawTarget, auth target.Auth, p *target.Protocol) target.Readback {
	r := t.Readback
	if r == nil {
		return target.Readback{}
	}
	name := r.Adapter
	if b.good(r, &r.Adapter) && r.Adapter != "drover-audit" && r.Adapter != "http" && !b.readbackPreset(r) {
		return target.Readback{}
	}
	out := target.Readback{
		Adapter: r.Adapter, Settle: time.Duration(r.Settle), Foreign: r.Foreign && auth.Per == "tenant", Request: r.Request, Limit: 1000,
		Items: r.Items, Next: r.Next, ID: r.ID, Tenant: r.Tenant, Event: r.Event, Base: r.URL, Body: r.Body, Start: r.Start, After: r.After,
		Other: r.TenantRequest, Device: r.Device, Hash: r.Hash, Records: r.Records, One: r.SampleRequest,
	}
	if r.Records != "" {
		out.ID, out.Tenant, out.Event = "id", "tenant", "event"
	}
	if r.Auth != nil {
		out.Auth = b.readAuth(r.Auth)
		if out.Foreign && b.written(&r.Foreign) {
			b.errorf(b.at(&r.Foreign), "remove it, or auth", "target.readback.foreign: with a credential of its own nobody tries the tenants'")
		}
		out.Foreign = false
	}
	if r.Sample != nil {
		out.Sample = float64(*r.Sample)
	}
	if r.Limit != nil {
		out.Limit = *r.Limit
	}
	if !b.good(r, &r.Adapter) {
		return out
	}
	fields := []struct {
		ptr  any
		name string
		text string
	}{
		{&r.Request, "request", r.Request}, {&r.Limit, "limit", ""}, {&r.Items, "items", r.Items}, {&r.Next, "next", r.Next},
		{&r.ID, "id", r.ID}, {&r.Tenant, "tenant", r.Tenant}, {&r.Event, "event", r.Event},
		{&r.After, "after", r.After}, {&r.URL, "url", ""}, {&r.Body, "body", ""}, {&r.Start, "start", ""}, {&r.TenantRequest, "tenantRequest", ""},
		{&r.Device, "device", r.Device}, {&r.Hash, "hash", r.Hash}, {&r.Records, "records", ""}, {&r.SampleRequest, "sampleRequest", ""},
	}
	if r.Adapter == "drover-audit" {
		for _, f := range fields {
			if b.written(f.ptr) {
				b.errorf(b.key(f.ptr), "remove it, or use adapter: http", "target.readback: adapter %s has no use for %s", r.Adapter, f.name)
			}
		}
		return out
	}
	file := strings.HasPrefix(r.URL, "file:")
	b.whatShows(r, file)
	nowhere := !p.HTTP && (r.URL == "" || r.URL == "/") // unfit says so; where it is may be a file, which has no request
	for _, f := range fields {
		switch {
		case f.text != "":
		case f.name == "id" && r.Records == "":
			b.errorf(b.at(f.ptr, r), "add it, e.g. id: event.id", "target.readback: adapter %s has no %q", clip(name), f.name)
		case f.name == "request" && !file && !nowhere:
			mend := "add it, e.g. request: /events?run={run}&after={cursor}"
			if name != "http" { // a preset without a request is of what is in a file
				mend += ", or url: file:got.ndjson"
			}
			b.errorf(b.at(f.ptr, r), mend, "target.readback: adapter %s has no %q", clip(name), f.name)
		}
		if f.name != "request" && f.name+f.text != "event." && (strings.Contains(f.text, "..") || strings.HasPrefix(f.text, ".") || strings.HasSuffix(f.text, ".")) {
			b.errorf(b.at(f.ptr), "want names joined by dots, e.g. data.items", "target.readback.%s: %q is not a place in an answer", f.name, clip(f.text))
		}
	}
	if r.Request != "" && !strings.HasPrefix(r.Request, "/") {
		b.errorf(b.at(&r.Request), "want a path below target.url, e.g. /events?run={run}", "target.readback.request: %q does not begin with /", clip(r.Request))
	}
	b.tenantRequest(r, out.Foreign)
	if !file && r.Records == "" {
		b.sampleRequest(r)
	}
	if cursor := strings.Contains(r.Request+r.Body, "{cursor}"); cursor != (r.Next+r.After != "") && r.Request != "" {
		b.errorf(b.at(&r.Next, &r.After, &r.Request), "want both or neither", "target.readback: {cursor} in request or body, and next or after, belong together")
	}
	if r.Next != "" && r.After != "" {
		b.errorf(b.at(&r.After), "keep one of them", "target.readback: next and after both say where {cursor} is")
	}
	if r.Start != "" && r.Next+r.After == "" {
		b.errorf(b.at(&r.Start), "remove it, or add next or after", "target.readback.start: no page has a {cursor}")
	}
	b.readbackURL(t)
	if out.Base = r.URL; file {
		out.Foreign = false // a file asks for no credential
	}
	if r.Next != "" && r.Items == "" {
		b.errorf(b.at(&r.Next), "add items, or let pages go by {offset}", "target.readback.next: NDJSON has no place for the next page")
	}
	return out
}

// whatShows refuses what has no meaning where a read-back is of a file, or of records in which the places of things are known.
func (b *builder) whatShows(r *rawReadback, file bool) {
	for _, f := range []struct {
		ptr             any
		name            string
		records, inFile bool // what has no use for it
	}{
		{&r.ID, "id", true, false}, {&r.Tenant, "tenant", true, false}, {&r.Event, "event", true, false}, {&r.Device, "device", true, false}, {&r.Hash, "hash", true, false},
		{&r.After, "after", true, true}, {&r.Request, "request", false, true}, {&r.Body, "body", false, true}, {&r.Next, "next", false, true}, {&r.Auth, "auth", false, true}, {&r.TenantRequest, "tenantRequest", false, true},
		{&r.Sample, "sample", true, true}, {&r.SampleRequest, "sampleRequest", true, true},
	} {
		switch {
		case !b.written(f.ptr) || !b.good(f.ptr):
		case f.inFile && file:
			b.errorf(b.key(f.ptr), "remove it", "target.readback.%s: a file has no use for it", f.name)
		case f.records && r.Records != "":
			b.errorf(b.key(f.ptr), "remove it", "target.readback.%s: records: otlp-json has no use for it", f.name)
		}
	}
}

// tenantRequest checks how one tenant's events are asked for.
func (b *builder) tenantRequest(r *rawReadback, foreign bool) {
	n := b.at(&r.TenantRequest, r)
	switch {
	case r.TenantRequest == "" || !b.good(&r.TenantRequest):
	case !strings.HasPrefix(r.TenantRequest, "/") || !strings.Contains(r.TenantRequest, "{tenant}"):
		b.errorf(n, "want a path below target.url with {tenant}, e.g. /events?tenant={tenant}", "target.readback.tenantRequest: %q does not ask for a tenant", clip(r.TenantRequest))
	case r.Body != "":
		b.errorf(n, "remove it, or ask by GET", "target.readback.tenantRequest: with body it is not supported yet")
	case strings.Contains(r.TenantRequest, "{cursor}") != (r.Next+r.After != ""):
		b.errorf(n, "write {cursor} as in request", "target.readback.tenantRequest: {cursor}, and next or after, belong together")
	case !foreign:
		b.errorf(n, "remove it, or set auth.tokenPer: tenant and leave out foreign: false", "target.readback.tenantRequest: no tenant's own credential is tried")
	}
}

// sampleRequest checks how one event is asked for.
func (b *builder) sampleRequest(r *rawReadback) {
	n := b.at(&r.SampleRequest, r)
	switch {
	case !b.good(&r.SampleRequest) || !b.good(&r.Sample):
	case r.Sample != nil && r.SampleRequest == "":
		b.errorf(b.at(&r.Sample), "add sampleRequest, e.g. /events/{id}", "target.readback.sample: how to ask for one event is not said")
	case r.SampleRequest != "" && r.Sample == nil && b.written(&r.SampleRequest):
		b.errorf(n, "add sample, e.g. 2/s, or remove it", "target.readback.sampleRequest: no event is looked for while the run goes on")
	case r.SampleRequest != "" && (!strings.HasPrefix(r.SampleRequest, "/") || !strings.Contains(r.SampleRequest, "{id}")):
		b.errorf(n, "want a path below target.url with {id}, e.g. /events/{id}", "target.readback.sampleRequest: %q does not ask for an event", clip(r.SampleRequest))
	}
}

// hashed checks, when the adapter is known, that the bytes of one event are.
func (b *builder) hashed(t *rawTarget, into *Target) {
	if r := t.Readback; r != nil && into.Readback.Hash != "" && b.good(&r.Hash) && (into.Adapter.Format == "otlp" || !into.Protocol.HTTP) {
		b.errorf(b.at(&r.Hash, r), "remove it, or show the event itself with event",
			"target.readback.hash: of what is not sent over HTTP, and of format otlp, the bytes of one event are not known")
	}
}

// readbackURL checks the address of what a backend is read back from.
func (b *builder) readbackURL(t *rawTarget) {
	r := t.Readback
	if r.URL == "" || r.URL == "/" || !b.good(&r.URL) {
		return
	}
	if rest, ok := strings.CutPrefix(r.URL, "file:"); ok {
		path, wrong := localFile(rest)
		if wrong != "" {
			b.errorf(b.at(&r.URL, r), aFile, "target.readback.url: %q %s", clip(r.URL), wrong)
		}
		r.URL = "file:" + path
		return
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		b.errorf(b.at(&r.URL, r), "want / or e.g. http://127.0.0.1:9200", "target.readback.url: %q is not the address of a server", clip(r.URL))
		return
	}
	b.allowed(b.at(&r.URL, r), u.Hostname(), "target.readback.url", t.AllowHosts)
}

// rawReadbackFile is a file with a read-back of its own.
type rawReadbackFile struct {
	APIVersion string      `json:"apiVersion" enum:"drover/v1" jsonschema:"version of this language"`
	Kind       string      `json:"kind" enum:"Readback" jsonschema:"what the file is"`
	Metadata   rawMetadata `json:"metadata" jsonschema:"what the read-back is called"`
	Spec       rawReadback `json:"spec" jsonschema:"the fields of target.readback with adapter: http"`
}

// Readbacks returns the names of the read-backs that come with the binary, sorted.
func Readbacks() []string { return namesOf(profiles.Files, "readbacks/*.yaml") }

// ReadbackFile returns the text of a shipped read-back.
func ReadbackFile(name string) ([]byte, error) {
	return fs.ReadFile(profiles.Files, "readbacks/"+name+".yaml")
}

// ReadbackDescription is the line that a shipped read-back says about itself.
func ReadbackDescription(name string) string {
	src, err := ReadbackFile(name)
	if err != nil {
		return ""
	}
	f, err := readReadback("readbacks/"+name+".yaml", src)
	if err != nil {
		return ""
	}
	return f.Metadata.Description
}

func readReadback(file string, src []byte) (*rawReadbackFile, error) {
	d, root := begin(file, src, readbackKind)
	if root == nil {
		return nil, d.err()
	}
	f := new(rawReadbackFile)
	d.document(root, f, "")
	if f.Spec.Adapter != "http" && d.good(&f.Spec.Adapter) {
		d.errorf(d.at(&f.Spec.Adapter), "want http", "spec.adapter: %q has no fields to be preset", clip(f.Spec.Adapter))
	}
	return f, d.err()
}

// readbackPreset fills what the scenario does not say from a preset or a file, and makes it a read-back by http.
func (b *builder) readbackPreset(r *rawReadback) bool {
	n := b.at(&r.Adapter)
	file := "readbacks/" + r.Adapter + ".yaml"
	src, err := ReadbackFile(r.Adapter)
	if isPath(r.Adapter) {
		var ok bool
		if file, src, ok = b.beside(n, r.Adapter, "target.readback.adapter"); !ok {
			return false
		}
	} else if err != nil {
		names := append([]string{"drover-audit", "http"}, Readbacks()...)
		b.errorf(n, didYouMean(r.Adapter, names, "name a file, or "+list(names)), "target.readback.adapter: %q is not known", clip(r.Adapter))
		return false
	}
	f, err := readReadback(file, src)
	if errs := (Errors)(nil); errors.As(err, &errs) {
		b.also(errs)
		return false
	}
	p := &f.Spec
	for _, x := range []struct{ to, from *string }{
		{&r.URL, &p.URL}, {&r.Body, &p.Body}, {&r.Start, &p.Start}, {&r.After, &p.After}, {&r.Request, &p.Request},
		{&r.TenantRequest, &p.TenantRequest},
		{&r.Items, &p.Items}, {&r.Next, &p.Next}, {&r.ID, &p.ID}, {&r.Tenant, &p.Tenant}, {&r.Event, &p.Event},
		{&r.Device, &p.Device}, {&r.Hash, &p.Hash}, {&r.Records, &p.Records}, {&r.SampleRequest, &p.SampleRequest},
	} {
		if !b.written(x.to) {
			*x.to = *x.from
		}
	}
	if r.Limit == nil {
		r.Limit = p.Limit
	}
	r.Adapter = "http"
	return true
}

// reconcile builds the check. Without any bound the five fates that no backend should give are forbidden.
func (b *builder) reconcile(r *rawReconcile) *check.Reconcile {
	bound := func(n *int) *int64 {
		if n == nil {
			return nil
		}
		v := int64(*n)
		return &v
	}
	c := &check.Reconcile{
		Lost: bound(r.Lost), Duplicated: bound(r.Duplicated), WrongTenant: bound(r.WrongTenant), Altered: bound(r.Altered),
		Unexpected: bound(r.Unexpected), Leaked: bound(r.Leaked), Late: bound(r.Late),
	}
	if *c == (check.Reconcile{}) {
		var zero [5]int64
		c.Lost, c.Duplicated, c.WrongTenant, c.Altered, c.Unexpected = &zero[0], &zero[1], &zero[2], &zero[3], &zero[4]
	}
	return c
}
