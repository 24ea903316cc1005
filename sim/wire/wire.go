// Package wire knows how telemetry looks on a connection: one file per format that writes uploads, the strict decoder of
// the native format, the backend's answer to an upload and the documents of its audit. It leaves to others where bytes go
// (target) and what was planted (behavior): ground truth never reaches a wire.
//
// # The native format
//
// An upload is one JSON object: the identity of one device and its events. Names are those of the privacy catalogue (its
// column "field"); a dot in the catalogue is a level of nesting here.
//
//	{"v":1,
//	 "device":{"id":{"guid":"…"} or {"wifi_mac":"a4:83:e7:00:00:01"},"os_version":"26.4.2","os_build":"23E261",
//	           "cpu":{"model":"iPhone15,2","soc":"A16 Bionic","arch":"arm64e","cores":6},
//	           "locale":"de-DE","timezone":"Europe/Berlin"},
//	 "account":{"device_id":"…","user_id":"…","tenant_id":"…","org_id":"…","upn":"…"},
//	 "app":{"name":"Microsoft Defender","version":"1.1.50010101"},
//	 "events":[{"id":"…","seq":7,"kind":"web.threat","time":"2026-05-04T07:14:03.250Z", …}, …]}
//
// Every event has id, seq, kind and time. What else it has depends on its kind:
//
//	enrolment, heartbeat  nothing more: the envelope is the report
//	app.info              "app":{"upgrade_status"}
//	app.action            "app":{"action"}
//	app.memory            "app":{"memory":{"app_kib","app_peak_kib","extension_kib","extension_limit_kib"}}
//	web.threat            "detection":{"category","score","bypassed","risk"} and, unless privacy forbids it,
//	                      "web":{"domain","remote_ip"}; under the contract of 2020 always
//	                      "web":{"connection":{"remote_port","direction"},"protocol"}
//	app.crash             "app":{"crash":{"incident_id","process","exception","signal","reason","uptime_sec",
//	                      "report","metrickit"}}; report is the whole .ips file that iOS wrote (package crash), metrickit the
//	                      payload that MetricKit delivered; one of them, or both, tens of kilobytes
//	feedback              "feedback":{"type","email","comments"}; email and comments only when given
//	diagnostics           "diag":{"app_usage":{"sessions_per_day","foreground_sec"},"cpu_usage":{"cpu_ms"},
//	                      "network_usage":{"sent_kib","received_kib"},"features":{key: value, ...}}; under the contract
//	                      of 2020 "browsers":["Safari", ...] besides
//
// "detection" is the device's own opinion and belongs to the alert, not to the site: "web" holds exactly the fields that
// the catalogue makes conditional, so that nothing of it is left when the privacy setting is on.
//
// Which data types there are is the contract's: one that it does not have is left out, with the object around it when that
// would be empty. Only an upload's address is always there: one device identifier, account.device_id, account.tenant_id and
// the time of each event.
package wire

import (
	"strconv"
	"strings"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Format is one way to write uploads. An upload is Begin, Event for each of its events, End. Several in one body are Begin, the events of
// the first, Next, the events of the second, and so on, and End. All functions append to dst, return it as append does, allocate nothing
// beyond what dst needs to grow, keep nothing of their arguments and are safe for concurrent use. A single event is an upload with one
// event, and so is an enrolment.
type Format struct {
	Name        string
	ContentType string
	Begin       func(dst []byte, d *fleet.Device, send event.Fields) []byte     // envelope and identity, as far as send has them
	Event       func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte // n-th event of the upload, from 0: what e.Has
	End         func(dst []byte, from int) []byte                               // dst[from:] is the upload

	// Next stands between the events of two uploads in one body, and d is the device of the second, which may be that of the first. It returns
	// what the Next or End after it is to have as from. Nil: a body is of one upload.
	Next func(dst []byte, from int, d *fleet.Device, send event.Fields) (_ []byte, begun int)

	// Decode calls each with the native documents that hold what a body says, in their order, and returns its error, or an *Error
	// where the body is not of the format, or says something that a native document has no place for. What each is given is valid
	// until it returns; what the document says it has not been looked into. Nil: bodies of the format are only written.
	Decode func(body []byte, each func(native []byte) error) error

	Then bool // each event says whose it is, of the device as it was when it happened; else Begin says it for all, as it is at the upload
	One  bool // a request carries one event

	Binary bool // bodies are not text
}

// Formats make the formats, by name, for one run.
var Formats = map[string]func(c *Constants) Format{
	"native":            func(*Constants) Format { return Native },
	"cloudevents":       CloudEvents,
	"cloudevents-batch": CloudEventsBatch,
	"ocsf":              OCSF,
	"ecs":               ECS,
	"mde":               MDE,
	"otlp":              OTLP,
	"otlp-json":         OTLPJSON,
}

// between is the Next of formats of which each event says whose it is, with sep between two of them.
func between(sep string) func(dst []byte, from int, d *fleet.Device, send event.Fields) (_ []byte, begun int) {
	return func(dst []byte, from int, _ *fleet.Device, _ event.Fields) ([]byte, int) {
		return append(dst, sep...), from
	}
}

// Recognise says which of Formats a JSON document is in, by its members; what could be anything is native.
func Recognise(doc []byte) string {
	for key := range membersOf(doc) {
		switch string(key) {
		case "v", "events":
			return Native.Name
		case "specversion":
			return "cloudevents"
		case "class_uid":
			return "ocsf"
		case "@timestamp", "ecs":
			return "ecs"
		case "resourceLogs":
			return "otlp-json"
		case "records", "properties":
			return "mde"
		}
	}
	return Native.Name
}

// Error says what is wrong with a document and where.
type Error struct {
	Offset int    // in bytes from the start of the document
	Field  string // path of the field, e.g. "events[3].web.domain"; empty when the mistake is outside of any field
	Msg    string // what is wrong and what was wanted
}

// Error returns e.g. `offset 311: events[0].seq: want a whole number from 0 to 4294967295`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("offset ")
	b.WriteString(strconv.Itoa(e.Offset))
	b.WriteString(": ")
	if e.Field != "" {
		b.WriteString(e.Field)
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}
