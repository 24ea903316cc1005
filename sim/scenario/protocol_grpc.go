package scenario

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"drover/sim/target"
)

// called holds an adapter against gRPC, or one of gRPC against HTTP: a call is a method and a message of it, and the one service whose
// messages a format of drover's writes is the export of OpenTelemetry logs. shipped is the name of a preset.
func (b *builder) called(d *decoder, r *rawMapping, t *rawTarget, p *target.Protocol, shipped string) {
	n := b.at(&t.Adapter, &t.URL)
	switch {
	case p.HTTP && shipped == grpcAdapter:
		b.errorf(n, "use a url of grpc or grpcs, or adapter: otlp-http", "target.adapter: %s is for gRPC", shipped)
		return
	case p.HTTP || shipped == grpcAdapter:
		return
	case shipped != "":
		b.errorf(n, "leave it out, or use adapter: "+grpcAdapter+" or one like it", "target.adapter: %s is not for gRPC", shipped)
		return
	}
	if !slices.Equal(r.Formats, []string{"otlp"}) && d.good(&r.Formats) {
		d.errorf(d.at(&r.Formats, r), "add formats: [otlp]", "formats: a message of gRPC is protobuf, which is what otlp alone writes")
	}
	d.metadata(d.at(&r.KeyHeader, r), r.KeyHeader, "keyHeader")
	for _, h := range r.Headers {
		d.metadata(h.key, h.Name, "headers")
	}
	for _, ask := range []struct {
		ptr   any
		given bool
		name  string
	}{{&r.Single, r.Single != nil, "single"}, {&r.Config, r.Config != nil, "config"}, {&r.Verdict, r.Verdict != nil, "verdict"}, {&r.Token, r.Token != nil, "token"}} {
		if ask.given {
			d.errorf(d.key(ask.ptr), "remove it", "%s: this belongs to HTTP, and %s has no use for it", ask.name, p.Name)
		}
	}
	for _, o := range []struct {
		op   *rawOp
		name string
	}{{&r.Upload, "upload"}, {r.Enrol, "enrol"}} {
		op := o.op
		if op == nil || !d.good(op) {
			continue
		}
		if !grpcMethod.MatchString(op.Path) && d.good(&op.Path) {
			d.errorf(d.at(&op.Path, op), "want e.g. /opentelemetry.proto.collector.logs.v1.LogsService/Export", "%s.path: %q is no method of gRPC", o.name, clip(op.Path))
		}
		for _, f := range []struct {
			ptr        any
			bad        bool
			name, mend string
		}{
			{&op.Method, op.Method != "POST", "method", "leave it out"}, {&op.Query, len(op.Query) > 0, "query", "remove it"},
			{&op.Body, op.Body != "format", "body", "use body: format"}, {&op.Answers, op.Answers != "otlp", "answers", "use answers: otlp"},
		} {
			if f.bad && d.good(f.ptr) {
				d.errorf(d.at(f.ptr, op), f.mend, "%s.%s: of an export of OpenTelemetry logs by gRPC this is settled", o.name, f.name)
			}
		}
		for _, h := range op.Headers {
			d.metadata(h.key, h.Name, o.name+".headers")
		}
	}
}

// metadata checks the name of a header that is metadata of a call.
func (d *decoder) metadata(n *yaml.Node, name, path string) {
	if metadataName.MatchString(name) && !strings.HasPrefix(strings.ToLower(name), "grpc-") && !strings.HasSuffix(strings.ToLower(name), "-bin") {
		return
	}
	d.errorf(n, "want letters, digits, and _-. between them; grpc- is gRPC's own, and -bin says that the value is base64", "%s: %q cannot be metadata of gRPC", path, clip(name))
}

var (
	grpcMethod   = regexp.MustCompile(`^/[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*$`)
	metadataName = regexp.MustCompile(`^[0-9A-Za-z_.-]+$`)
)
