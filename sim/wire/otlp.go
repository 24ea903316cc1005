package wire

import (
	"sync"

	"drover/sim/event"
	"drover/sim/fleet"
)

// OTLP writes an upload as an export request of OpenTelemetry logs in protobuf (opentelemetry-proto 1.10, logs/v1; semantic conventions
// 1.44): the device is the resource, as it is at the upload, and each event a log record with an event name. Several uploads are as many
// resources. Attributes of ours, where the conventions have none, begin with defender.
func OTLP(c *Constants) Format {
	w := otlpOf(c)
	return Format{
		Name: "otlp", ContentType: "application/x-protobuf", Binary: true,
		Begin: func(dst []byte, d *fleet.Device, _ event.Fields) []byte {
			return w().beginProto(dst, &source{values: values{c: c, d: d}})
		},
		Event: func(dst []byte, _ int, d *fleet.Device, e *event.Event) []byte {
			return w().recordProto(dst, e.Kind, &source{values: values{c: c, d: d, e: e}})
		},
		End: endProto,
		Next: func(dst []byte, from int, d *fleet.Device, _ event.Fields) ([]byte, int) { // messages one after another are one with all their resources
			dst = endProto(dst, from)
			begun := len(dst)
			return w().beginProto(dst, &source{values: values{c: c, d: d}}), begun
		},
		Decode: decodeOTLP(protoRecords),
	}
}

// OTLPJSON writes the same in JSON (opentelemetry-proto, JSON Protobuf Encoding).
func OTLPJSON(c *Constants) Format {
	w := otlpOf(c)
	resource := func(dst []byte, d *fleet.Device) []byte {
		dst = append(dst, `{"resource":{"attributes":`...)
		dst = w().resource.attributes(dst, &source{values: values{c: c, d: d}})
		return append(dst, `},"scopeLogs":[{"scope":{"name":"`+otlpScope+`"},"logRecords":[`...)
	}
	const end = `]}],"schemaUrl":"` + otlpSchema + `"}`
	return Format{
		Name: "otlp-json", ContentType: "application/json",
		Begin: func(dst []byte, d *fleet.Device, _ event.Fields) []byte {
			return resource(append(dst, `{"resourceLogs":[`...), d)
		},
		Event: func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
			if n > 0 {
				dst = append(dst, ',')
			}
			return w().recordJSON(dst, e.Kind, &source{values: values{c: c, d: d, e: e}})
		},
		End: func(dst []byte, _ int) []byte { return append(dst, end+`]}`...) },
		Next: func(dst []byte, from int, d *fleet.Device, _ event.Fields) ([]byte, int) {
			return resource(append(dst, end+`,`...), d), from
		},
		Decode: decodeOTLP(jsonRecords),
	}
}

const (
	otlpScope  = "drover"
	otlpSchema = "https://opentelemetry.io/schemas/1.44.0"
)

// otlpNames are the event names by kind: those of the conventions where there is one.
var otlpNames = [event.NumKinds]string{
	event.Enrolment:   "defender.device.enrolment",
	event.Heartbeat:   "defender.device.heartbeat",
	event.AppInfo:     "defender.app.info",
	event.AppAction:   "app.widget.click",
	event.Memory:      "defender.app.memory",
	event.WebThreat:   "defender.web.blocked",
	event.Crash:       "app.crash",
	event.Feedback:    "defender.feedback",
	event.Diagnostics: "defender.app.diagnostics",
}

// otlpRows are a record with the resource that it belongs to, as one document: attributes are members by their keys, whatever is
// written of them.
var otlpRows = []row{
	{"scope/name", `"` + otlpScope + `"`},
	{"schemaUrl", `"` + otlpSchema + `"`},
	{"resource/service.name", `$app.name|app or "unknown_service"`},
	{"resource/service.version", "$app.version"},
	{"resource/device.id", "$device.id.guid|guid or $device.id.wifi_mac|mac"},
	{"resource/device.manufacturer", `$device.cpu.model|="Apple"`},
	{"resource/device.model.identifier", "$device.cpu.model"},
	{"resource/host.arch", `$device.cpu.arch|="arm64"`},
	{"resource/host.cpu.model.name", "$device.cpu.soc"},
	{"resource/host.mac", "$device.id.wifi_mac|MAC"},
	{"resource/os.type", `$device.os_version|="darwin"`},
	{"resource/os.name", `$device.cpu.model|os or $device.os_version|="iOS"`},
	{"resource/os.version", "$device.os_version"},
	{"resource/os.build_id", "$device.os_build"},
	{"resource/defender.device.cpu.arch", "$device.cpu.arch"},
	{"resource/defender.device.cpu.cores", "$device.cpu.cores"},
	{"resource/defender.device.locale", "$device.locale"},
	{"resource/defender.device.timezone", "$device.timezone"},
	{"resource/defender.account.device_id", "$account.device_id"},
	{"resource/defender.account.tenant_id", "$account.tenant_id"},
	{"resource/defender.account.org_id", "$account.org_id"},
	{"resource/drover.run.id", "$run.id"},
	{"timeUnixNano", "$event.time|unixns"},
	{"observedTimeUnixNano", "$event.time|unixns"},
	{"attributes/log.record.uid", "$event.id"},
	{"attributes/user.id", "$account.user_id"},
	{"attributes/user.email", "$account.upn"},
	{"attributes/defender.event.seq", "$event.seq"},
}

var otlpKinds = [event.NumKinds][]row{
	event.AppAction: {{"attributes/app.widget.id", "$app.action"}},
	event.WebThreat: {
		{"severityNumber", "$detection.risk|otlp-number"},
		{"severityText", "$detection.risk|otlp-text"},
		{"attributes/url.domain", "$web.domain"},
		{"attributes/server.address", "$web.domain"},
		{"attributes/server.port", "$web.connection.remote_port"},
		{"attributes/network.peer.address", "$web.remote_ip"},
		{"attributes/network.protocol.name", `$web.protocol|="http"`},
		{"attributes/url.scheme", "$web.protocol|lower"},
	},
	event.Crash: {
		{"severityNumber", "21"},
		{"severityText", `"FATAL"`},
		{"attributes/app.crash.id", "$app.crash.incident_id"},
		{"attributes/exception.type", "$app.crash.exception"},
		{"attributes/exception.message", "$app.crash.reason"},
		{"attributes/exception.stacktrace", "$app.crash.report"},
		{"attributes/process.executable.name", "$app.crash.process"},
	},
	event.Feedback: {{"body", "$feedback.comments"}},
}

// otlp is the parts of the table as a run writes them.
type otlp struct {
	resource attributes
	kinds    [event.NumKinds]otlpRecord
}

// otlpRecord is where a record's values are from.
type otlpRecord struct {
	time, number, text, body []choice // body is nil where a kind has none
	attributes               attributes
}

// otlpOf makes the parts for a run when they are first asked for.
func otlpOf(c *Constants) func() *otlp {
	return sync.OnceValue(func() *otlp {
		w := new(otlp)
		for k, root := range otlpTable().kinds {
			root = root.of(c)
			w.resource = attributes(root.child("resource").members)
			w.kinds[k] = otlpRecord{root.child("timeUnixNano").cell, root.child("severityNumber").cell, root.child("severityText").cell,
				root.child("body").cell, attributes(root.child("attributes").members)}
		}
		return w
	})
}

// child is a member of an object, which has nothing if the object has none of that name.
func (n *knot) child(name string) knot {
	for _, m := range n.members {
		if m.name == name {
			return *m.knot
		}
	}
	return knot{}
}

type attributes []limb

var otlpTable = sync.OnceValue(func() *table {
	rows := ownRows("attributes/defender.", "app.action", "app.crash.incident_id", "app.crash.exception", "app.crash.reason", "app.crash.report",
		"app.crash.process", "web.domain", "web.remote_ip", "web.connection.remote_port", "web.protocol", "feedback.comments")
	for k := range rows {
		for i, r := range rows[k] {
			if r.is == "$diag.features" || r.is == "$diag.browsers" {
				rows[k][i].is += "|json" // an attribute is a text
			}
		}
		own := append([]row{{"eventName", `"` + otlpNames[k] + `"`}}, otlpKinds[k]...)
		if k := event.Kind(k); k != event.WebThreat && k != event.Crash {
			own = append(own, row{"severityNumber", "9"}, row{"severityText", `"INFO"`})
		}
		rows[k] = append(own, rows[k]...)
	}
	return newTable("/", "eventName", &otlpNames, otlpRows, &rows)
})

// attributes writes a list of attributes.
func (list attributes) attributes(dst []byte, s *source) []byte {
	sep := byte('[')
	for i := range list {
		m := &list[i]
		c := pick(m.cell, s)
		if c == nil {
			continue
		}
		dst = append(append(append(dst, sep), `{"key":"`...), m.name...)
		switch c.otlp() {
		case asInt:
			dst = append(c.plain(append(dst, `","value":{"intValue":"`...), s), `"}}`...)
		case asDouble:
			dst = append(c.plain(append(dst, `","value":{"doubleValue":`...), s), "}}"...)
		case asTruth:
			dst = append(c.plain(append(dst, `","value":{"boolValue":`...), s), "}}"...)
		default:
			dst = append(c.json(append(dst, `","value":{"stringValue":`...), s), "}}"...)
		}
		sep = ','
	}
	if sep == '[' {
		dst = append(dst, '[')
	}
	return append(dst, ']')
}

// recordJSON writes a record.
func (t *otlp) recordJSON(dst []byte, kind event.Kind, s *source) []byte {
	r := &t.kinds[kind]
	dst = append(dst, `{"timeUnixNano":"`...)
	from := len(dst)
	dst = pick(r.time, s).plain(dst, s)
	to := len(dst)
	dst = append(dst, `","observedTimeUnixNano":"`...)
	dst = append(dst, dst[from:to]...)
	dst = append(dst, `","severityNumber":`...)
	dst = pick(r.number, s).json(dst, s)
	dst = append(dst, `,"severityText":`...)
	dst = pick(r.text, s).json(dst, s)
	if c := pick(r.body, s); c != nil {
		dst = append(c.json(append(dst, `,"body":{"stringValue":`...), s), '}')
	}
	dst = append(dst, `,"attributes":`...)
	dst = r.attributes.attributes(dst, s)
	dst = append(dst, `,"eventName":"`...)
	dst = append(dst, otlpNames[kind]...)
	return append(dst, `"}`...)
}

// otlpType is how a value is written in an attribute.
type otlpType uint8

const (
	asString otlpType = iota
	asInt
	asDouble
	asTruth
)

func (c *choice) otlp() otlpType {
	switch {
	case c.as == asBool:
		return asTruth
	case c.as == asNumber && c.field != nil && c.field.name == "detection.score":
		return asDouble
	case c.as == asNumber:
		return asInt
	}
	return asString
}
