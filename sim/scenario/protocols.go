package scenario

import (
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"drover/sim/target"
	"drover/sim/wire"
)

// What a target over another protocol than HTTP has without an adapter: one of messages, and one of gRPC.
const (
	eventsAdapter = "events"
	grpcAdapter   = "otlp-grpc"
)

// protocol finds the protocol of target.url, and refuses what it has no use for. It returns that of HTTP where the URL is wrong,
// which is told elsewhere.
func (b *builder) protocol(t *rawTarget) *target.Protocol {
	p, known := target.ProtocolOf(t.URL)
	if !known || p.HTTP || !b.good(&t.URL) {
		if b.good(&t.URL) {
			b.foreign(t, &target.Protocols[0])
		}
		return &target.Protocols[0]
	}
	if p.Sessions && !b.written(&t.Client.Connections) {
		t.Client.Connections = "per-device"
	}
	b.unfit(t, p)
	b.foreign(t, p)
	if !b.written(&t.Adapter) {
		t.Adapter.Name = eventsAdapter
		if p.Calls {
			t.Adapter.Name = grpcAdapter
		}
	}
	return p
}

// foreign refuses the settings of other protocols.
func (b *builder) foreign(t *rawTarget, p *target.Protocol) {
	for _, f := range []struct {
		ptr  any
		name string
	}{{&t.File, "file"}, {&t.Syslog, "syslog"}, {&t.NATS, "nats"}, {&t.MQTT, "mqtt"}, {&t.Kafka, "kafka"}} {
		if b.written(f.ptr) && f.name != p.Name {
			b.errorf(b.key(f.ptr), "remove it, or use such a url", "target.%s: %s is not a URL of %s", f.name, clip(t.URL), f.name)
		}
	}
}

// ofProtocol builds what belongs to one protocol; where nothing of it is written it is written back, so that the resolved file says it.
func (b *builder) ofProtocol(t *rawTarget, into *Target) {
	switch into.Protocol.Name {
	case "file":
		fill(b, &t.File)
		into.Existing = target.Existing(t.File.Existing)
	case "syslog":
		fill(b, &t.Syslog)
		into.Syslog = Syslog{t.Syslog.Facility, t.Syslog.App}
		if !syslogName.MatchString(t.Syslog.App) && b.good(&t.Syslog.App) {
			b.errorf(b.at(&t.Syslog.App), "want 1 to 48 visible ASCII characters without a blank", "target.syslog.app: %q is not the name of an app", clip(t.Syslog.App))
		}
	case "nats":
		fill(b, &t.NATS)
		into.JetStream = t.NATS.JetStream
	case "kafka":
		fill(b, &t.Kafka)
		into.Kafka = Kafka{Acks: t.Kafka.Acks, SASL: t.Kafka.SASL}
	case "mqtt":
		fill(b, &t.MQTT)
		q := t.MQTT
		into.MQTT = MQTT{Version: target.MQTT5, QoS: byte(q.QoS), Keep: time.Duration(q.SessionExpiry), KeepAlive: time.Duration(q.KeepAlive), InFlight: q.InFlight}
		if q.Version == "3.1.1" {
			into.MQTT.Version = target.MQTT311
		}
		if q.KeepAlive > 0 && q.KeepAlive < t.Client.Timeout && b.good(&q.KeepAlive, &t.Client.Timeout) {
			b.errorf(b.at(&q.KeepAlive, &t.Client.Timeout), "", "target.mqtt.keepAlive: %s is below client.timeout %s, and the broker would leave who waits", q.KeepAlive, t.Client.Timeout)
		}
	}
}

var syslogName = regexp.MustCompile(`^[!-~]{1,48}$`)

// fill makes a mapping that was left out the one of its defaults.
func fill[T any](b *builder, p **T) {
	if *p == nil {
		*p = new(T)
		b.preset(reflect.ValueOf(*p).Elem(), "")
	}
}

// unfit refuses what a protocol cannot honour.
func (b *builder) unfit(t *rawTarget, p *target.Protocol) {
	c := &t.Client
	for _, f := range []struct {
		ptr  any
		name string
		bad  bool // what it says; the resolved file writes defaults
	}{
		{&c.HTTP, "client.http", c.HTTP != "1.1"}, {&c.Proxy, "client.proxy", true}, {&c.Resume, "client.resume", !p.PerDevice},
		{&c.Sources, "client.sourceAddresses", len(c.Sources) > 0 && !p.Host},
		{&c.Idle, "client.idle", !p.PerDevice}, {&c.Connections, "client.connections", c.Connections == "per-device" && !p.PerDevice || c.Connections == "pooled" && p.Sessions},
		{&c.Compression, "client.compression", c.Compression != "none" && !slices.Contains(p.Compression, c.Compression)},
		{&t.Auth.Type, "auth.type", t.Auth.Type != "none" && !slices.Contains(p.Auth, t.Auth.Type)}, {&t.Auth.Sign, "auth.sign", true},
		{&t.Auth.TokenPer, "auth.tokenPer", t.Auth.TokenPer != "all" && len(p.Auth) > 0 && !p.Calls},
		{&t.AllowHosts, "allowHosts", len(t.AllowHosts) > 0 && !p.Host},
	} {
		if f.bad && b.written(f.ptr) && b.good(f.ptr) {
			n := b.at(f.ptr)
			mend := "remove it"
			if f.name == "auth.type" && len(p.Auth) > 0 {
				mend = "use " + list(append([]string{"none"}, p.Auth...))
			}
			if f.name == "client.compression" && len(p.Compression) > 0 {
				mend = "use " + list(append([]string{"none"}, p.Compression...))
			}
			b.errorf(n, mend, "target.%s: %s has no use for %s", f.name, p.Name, show(n))
		}
	}
	r := t.Readback
	switch {
	case r == nil || !b.good(r, &r.Adapter):
	case r.Adapter == "drover-audit":
		b.errorf(b.at(&r.Adapter), "use adapter: http, or a preset, and url for where the server shows what it stored", "target.readback: drover-audit is for backends that speak drover's API over HTTP")
	case (r.URL == "" || r.URL == "/") && b.good(&r.URL):
		b.errorf(b.at(&r.URL, r), "add url, e.g. url: http://127.0.0.1:8222, or url: file:got.ndjson", "target.readback: over %s nothing is read back; say where it is over HTTP or in a file", p.Name)
	}
}

// place reads the URL of a protocol that has no host.
func (b *builder) place(n *yaml.Node, t *rawTarget, p *target.Protocol) {
	_, rest, _ := strings.Cut(t.URL, ":")
	if !p.Path {
		if rest != "" {
			b.errorf(n, "want "+p.Name, "target.url: %q: %s is alone", clip(t.URL), p.Name)
			return
		}
		t.URL = p.Name
		return
	}
	path, wrong := localFile(rest)
	if wrong != "" {
		b.errorf(n, aFile, "target.url: %q %s", clip(t.URL), wrong)
		return
	}
	t.URL = "file:" + path
}

const aFile = "want e.g. file:events.ndjson or file:///data/events.ndjson"

// localFile is the path in what follows file: in a URL, or what is wrong with it.
func localFile(rest string) (path, wrong string) {
	path = rest
	if full, ok := strings.CutPrefix(rest, "//"); ok { // as RFC 8089 has it
		host, abs, _ := strings.Cut(full, "/")
		if plain, err := url.PathUnescape("/" + abs); err == nil {
			path = plain
		}
		if host != "" && host != "localhost" {
			return "", "is on another machine"
		}
		if len(path) > 2 && path[2] == ':' { // /C:/...
			path = path[1:]
		}
	}
	if path == "" || strings.HasSuffix(path, "/") {
		return "", "names no file"
	}
	return filepath.ToSlash(path), ""
}

// carried holds an adapter against a protocol of messages: what it says about requests of HTTP has no meaning there. shipped is the
// name of a preset.
func (b *builder) carried(d *decoder, r *rawMapping, t *rawTarget, p *target.Protocol, shipped string) {
	if !p.Messages() {
		b.called(d, r, t, p, shipped)
		return
	}
	type field struct {
		ptr  any
		name string
		bad  bool // what it says; the resolved file writes defaults
	}
	fields := []field{{&r.Per, "per", r.gathers()}, {&r.KeyHeader, "keyHeader", r.KeyHeader != "Idempotency-Key"}, {&r.Headers, "headers", len(r.Headers) > 0},
		{&r.Single, "single", r.Single != nil}, {&r.Config, "config", r.Config != nil}, {&r.Verdict, "verdict", r.Verdict != nil},
		{&r.Token, "token", r.Token != nil}}
	ops := []struct {
		op   *rawOp
		name string
	}{{&r.Upload, "upload"}, {r.Enrol, "enrol"}}
	for _, o := range ops {
		op := o.op
		if op == nil {
			continue
		}
		for _, f := range []field{
			{&op.Method, "method", op.Method != "POST"}, {&op.Path, "path", op.Path != ""}, {&op.Query, "query", len(op.Query) > 0},
			{&op.Headers, "headers", len(op.Headers) > 0}, {&op.ContentType, "contentType", op.ContentType != ""},
			{&op.Answers, "answers", op.Answers != "mapped"}, {&op.Success, "success", len(op.Success.Status)+len(op.Success.Say)+len(op.Success.Yes) > 0},
			{&op.Items, "items", op.Items != nil}, {&op.Verdicts, "verdicts", op.Verdicts != nil},
		} {
			f.name = o.name + "." + f.name
			fields = append(fields, f)
		}
	}
	for _, o := range ops {
		if op := o.op; op != nil && p.Name == "syslog" && (op.Body == "format" || op.Body == "json" && r.Per != "event") && d.good(&op.Body) {
			d.errorf(d.at(&op.Body, op), "use body: ndjson or text, or per: event", "%s.body: a message of syslog is one event", o.name)
		}
	}
	for _, f := range fields {
		switch {
		case !f.bad || !d.written(f.ptr):
		case shipped != "":
			b.errorf(b.at(&t.Adapter, &t.URL), "use adapter: "+eventsAdapter+", or a mapping of your own with body and event alone", "target.adapter: %s is for HTTP: it has %s", shipped, f.name)
			return
		default:
			d.errorf(d.key(f.ptr), "remove it", "%s: this belongs to HTTP, and %s has no use for it", f.name, p.Name)
		}
	}
}

// messagePlace compiles where messages go: a topic, a subject.
func (b *builder) messagePlace(t *rawTarget, sc *Scenario) {
	if sc.Contract == nil {
		return
	}
	switch sc.Target.Protocol.Name {
	case "nats":
		sc.Target.Place = b.nameOf(sc, &t.NATS.Subject, "nats.subject", "a subject", natsSubject)
	case "kafka":
		sc.Target.Place = b.nameOf(sc, &t.Kafka.Topic, "kafka.topic", "a topic", kafkaTopic)
		sc.Target.Kafka.Key = b.nameOf(sc, &t.Kafka.Key, "kafka.key", "a key", visible)
		b.ofDevice(&t.Kafka.Key, "kafka.key")
	case "mqtt":
		sc.Target.Place = b.nameOf(sc, &t.MQTT.Topic, "mqtt.topic", "a topic", mqttTopic)
		sc.Target.MQTT.ClientID = b.nameOf(sc, &t.MQTT.ClientID, "mqtt.clientId", "a client identifier", visible)
		b.ofDevice(&t.MQTT.ClientID, "mqtt.clientId")
		if c := sc.Target.MQTT.ClientID; c != nil && !strings.Contains(t.MQTT.ClientID, "${device.") && b.good(&t.MQTT.ClientID) {
			b.errorf(b.at(&t.MQTT.ClientID), "use ${device.id} in it", "target.mqtt.clientId: all devices would have the same session")
		}
	}
}

// ofDevice refuses what differs from upload to upload in the name of a device.
func (b *builder) ofDevice(text *string, name string) {
	if b.good(text) && strings.Contains(*text, "${upload.") {
		b.errorf(b.at(text), "use ${device.id}", "target.%s: ${upload.key} is of an upload, and this is a device's", name)
	}
}

// nameOf compiles the name of a place for messages, or another; good is what it looks like where each field is an x.
func (b *builder) nameOf(sc *Scenario, text *string, name, what string, good *regexp.Regexp) *wire.Template {
	if !b.good(text) {
		return nil
	}
	n, path := b.at(text), "target."+name
	m := &mapper{decoder: b.decoder, c: &wire.Constants{Send: sc.Sends.All}}
	before := len(b.errs)
	t := m.template(n, *text, wire.Use{Text: true, What: what}, path)
	if len(b.errs) == before && !good.MatchString(templateField.ReplaceAllString(*text, "x")) {
		_, kind, _ := strings.Cut(what, " ")
		b.errorf(n, "", "%s: %q is no %s", path, clip(*text), kind)
		return nil
	}
	return t
}

var (
	templateField = regexp.MustCompile(`\$\{[^}]*\}`)
	natsSubject   = regexp.MustCompile(`^[^ .*>\t\r\n]+(\.[^ .*>\t\r\n]+)*$`)
	mqttTopic     = regexp.MustCompile(`^[^$+#\x00-\x1f][^+#\x00-\x1f]*$`) // of section 4.7; one that begins with $ is the broker's own
	kafkaTopic    = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
	visible       = regexp.MustCompile(`^[!-~]+$`)
)
