package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"drover/sim/event"
)

// Each row changes one thing of a sound document; want is the whole message without its offset, at is the text that the
// offset points to.
func TestDecodeUploadRefuses(t *testing.T) {
	d := testDevice()
	events := testEvents()
	threat, crash, feedback, memory := events[5], events[7], events[8], events[4]
	tests := []struct {
		name     string
		event    event.Event
		old, new string
		want, at string
	}{
		{"unknown field at the top", threat, `{"v":1,`, `{"v":1,"run":"x",`, `run: unknown field`, `"run"`},
		{"unknown field in an event", threat, `"seq":5`, `"seq":5,"location":"x"`, `events[0].location: unknown field`, `"location"`},
		{"unknown field, deep", memory, `"app_kib"`, `"free_kib":1,"app_kib"`, `events[0].app.memory.free_kib: unknown field`, `"free_kib"`},
		{"names are case-sensitive", threat, `"seq"`, `"Seq"`, `events[0].Seq: unknown field`, `"Seq"`},
		{"truth on the wire", threat, `"detection":{`, `"detection":{"truth":"phishing",`, `events[0].detection.truth: unknown field`, `"truth"`},
		{"a port of another protocol", events[12], `8443`, `80`, `events[0].web.protocol: is not what is spoken on connection.remote_port`, `}]}`},
		{"no risk", threat, `"risk"`, `"rick"`, `events[0].detection.rick: unknown field`, `"rick"`},
		{"another risk", threat, `"high"`, `"severe"`, `events[0].detection.risk: want clear, low, medium or high`, `"severe"`},
		{"another protocol", events[12], `"HTTPS"`, `"FTP"`, `events[0].web.protocol: want HTTP or HTTPS`, `"FTP"`},
		{"inbound", events[12], `"outbound"`, `"inbound"`, `events[0].web.connection.direction: want outbound`, `"inbound"`},
		{"a port that is not", events[12], `8443`, `65536`, `events[0].web.connection.remote_port: want a whole number from 0 to 65535`, `65536`},
		{"another key of a feature", events[11], `"WebProtection"`, `"DefenderDeviceTag"`, `events[0].diag.features.DefenderDeviceTag: unknown field`, `"DefenderDeviceTag"`},
		{"a feature's form", events[11], `"WebProtection":"true"`, `"WebProtection":true`, `events[0].diag.features.WebProtection: want a string`, `true`},
		{"a feature's word", events[11], `"WebProtection":"true"`, `"WebProtection":"on"`, `events[0].diag.features.WebProtection: want "true" or "false"`, `"on"`},
		{"a feature's level", events[11], `"DefenderOpenNetworkDetection":2`, `"DefenderOpenNetworkDetection":3`, `events[0].diag.features.DefenderOpenNetworkDetection: want 0, 1 or 2`, `3`},
		{"another browser", events[11], `"Firefox"`, `"Mosaic"`, `events[0].diag.browsers: want the name of a browser`, `"Mosaic"`},
		{"a browser twice", events[11], `"Firefox"`, `"Safari"`, `events[0].diag.browsers: want each browser once, in the order Safari, Chrome, Edge, Firefox, DuckDuckGo, Brave`, `"Safari"`},
		{"browsers are no list", events[11], `["Safari"`, `{"Safari"`, `events[0].diag.browsers: want an array`, `{"Safari"`},
		{"no diagnostics", events[11], `"diag":{`, `"diag":{},"x":{`, `events[0].diag: is empty; leave the event out`, `,"x"`},
		{"no app", threat, `"app":{`, `"app":{},"x":{`, `app: is empty; leave it out`, `,"x"`},
		{"a build without a version", threat, `"os_version":"26.4.2",`, ``, `device: want both os_version and os_build, or neither`, `,"account"`},
		{"twice", threat, `"seq":5`, `"seq":5,"seq":5`, `events[0].seq: occurs twice`, `"seq":5,"kind"`},
		{"missing", threat, `"upn"`, `"nobody"`, `account.nobody: unknown field`, `"nobody"`},
		{"missing in the middle", threat, `,"arch":"arm64e"`, ``, `device.cpu.arch: is missing`, `},"locale"`},
		{"missing address", threat, `"tenant_id":"40414243-4445-4647-4849-4a4b4c4d4e4f",`, ``, `account.tenant_id: is missing`, `},"app"`},
		{"wrong version", threat, `"v":1`, `"v":2`, `v: want version 1`, `,"device"`},
		{"two identifiers", threat, `"id":{`, `"id":{"wifi_mac":"a4:83:e7:00:00:01",`, `device.id: want exactly one of guid and wifi_mac`, `,"os_version"`},
		{"null", threat, `"seq":5`, `"seq":null`, `events[0].seq: want a whole number from 0 to 4294967295`, `null`},
		{"negative", threat, `"seq":5`, `"seq":-5`, `events[0].seq: want a whole number from 0 to 4294967295`, `-5`},
		{"fraction", threat, `"seq":5`, `"seq":5.0`, `events[0].seq: want a whole number from 0 to 4294967295`, `5.0`},
		{"exponent", threat, `"seq":5`, `"seq":5e0`, `events[0].seq: want a whole number from 0 to 4294967295`, `5e0`},
		{"leading zero", threat, `"seq":5`, `"seq":05`, `events[0].seq: want a whole number from 0 to 4294967295`, `05`},
		{"too large", threat, `"seq":5`, `"seq":4294967296`, `events[0].seq: want a whole number from 0 to 4294967295`, `4294967296`},
		{"far too large", threat, `"seq":5`, `"seq":99999999999999999999999`, `events[0].seq: want a whole number from 0 to 4294967295`, `99999`},
		{"a number as text", threat, `"seq":5`, `"seq":"5"`, `events[0].seq: want a whole number from 0 to 4294967295`, `"5"`},
		{"score", threat, `0.97`, `1.01`, `events[0].detection.score: want a number from 0 to 1`, `1.01`},
		{"score is no JSON number", threat, `0.97`, `.97`, `events[0].detection.score: want a number`, `.97`},
		{"score is hexadecimal", threat, `0.97`, `0x1p-2`, `events[0].detection: want a comma or the end of the object`, `x1p-2`},
		{"score is not a number", threat, `0.97`, `NaN`, `events[0].detection.score: want a number`, `NaN`},
		{"bool", threat, `true`, `1`, `events[0].detection.bypassed: want true or false`, `1,"risk"`},
		{"kind", threat, `"web.threat"`, `"web.visit"`, `events[0].kind: unknown kind of event`, `"web.visit"`},
		{"kind without its fields", threat, `"web.threat"`, `"heartbeat"`, `events[0]: the fields do not fit kind heartbeat`, `]}`},
		{"kind of another's fields", memory, `"app.memory"`, `"app.crash"`, `events[0]: the fields do not fit kind app.crash`, `]}`},
		{"category", threat, `"phishing"`, `"spam"`, `events[0].detection.category: unknown category`, `"spam"`},
		{"upper case UUID", threat, `"80818283`, `"8081828A`, ``, `"8081828A`},
		{"time without milliseconds", threat, `:05.005Z`, `:05Z`, `events[0].time: want a time in UTC with milliseconds, e.g. 2026-05-04T07:14:03.250Z`, `"2026`},
		{"time with a zone", threat, `:05.005Z`, `:05.005+01:00`, `events[0].time: want a time in UTC with milliseconds, e.g. 2026-05-04T07:14:03.250Z`, `"2026`},
		{"a day that is not", threat, `2026-05-04`, `2026-02-30`, `events[0].time: want a time in UTC with milliseconds, e.g. 2026-05-04T07:14:03.250Z`, `"2026`},
		{"an hour that is not", threat, `T07:14`, `T24:14`, `events[0].time: want a time in UTC with milliseconds, e.g. 2026-05-04T07:14:03.250Z`, `"2026`},
		{"address", threat, `198.51.100.175`, `192.0.2.256`, `events[0].web.remote_ip: want an IPv4 address, e.g. 192.0.2.1`, `"192.0.2.256`},
		{"address with zeros", threat, `198.51.100.175`, `192.0.2.07`, `events[0].web.remote_ip: want an IPv4 address, e.g. 192.0.2.1`, `"192.0.2.07`},
		{"no address", threat, `198.51.100.175`, `0.0.0.0`, `events[0].web.remote_ip: is 0.0.0.0; leave it out`, `}}]}`},
		{"empty domain", threat, `"secure-login.sim.test"`, `""`, `events[0].web.domain: is empty; leave it out`, `,"remote_ip"`},
		{"empty web", threat, `"domain":"secure-login.sim.test","remote_ip":"198.51.100.175"`, ``, `events[0].web: is empty; leave it out`, `}]}`},
		{"another process", crash, `"DefenderTunnel"`, `"Photos"`, `events[0].app.crash.process: no other process may be named; want Defender, DefenderTunnel or DefenderFilter`, `"Photos"`},
		{"no report", crash, `"report":`, `"raport":`, `events[0].app.crash.raport: unknown field`, `"raport"`},
		{"half a report", crash, `"report":"{`, `"report":"{}","reason":"{`, `events[0].app.crash.report: want an .ips file: a line with a JSON object that has bug_type and incident_id, then a JSON object that has bug_type and incident`, `"{}"`},
		{"a report of another bug", crash, `\"bug_type\":\"309\"`, `\"bug_type\":\"210\"`, `events[0].app.crash.report: want an .ips file: a line with a JSON object that has bug_type and incident_id, then a JSON object that has bug_type and incident`, `"{\"roots`},
		{"a report whose parts disagree", crash, `\"bug_type\":\"309\"`, `\"bug_type\":\"298\"`, `events[0].app.crash.report: want an .ips file: a line with a JSON object that has bug_type and incident_id, then a JSON object that has bug_type and incident`, `"{\"roots`},
		{"a report of another incident", crash, `"incident_id":"6`, `"incident_id":"7`, `events[0].app.crash.report: is of another incident than incident_id`, `}}]}`},
		{"half a payload", crash, `"metrickit":"{`, `"metrickit":"{}","x":"{`, `events[0].app.crash.metrickit: want a JSON object with timeStampBegin, timeStampEnd and either crashDiagnostics or applicationExitMetrics`, `"{}"`},
		{"a payload of nothing", crash, `\"crashDiagnostics\"`, `\"hangDiagnostics\"`, `events[0].app.crash.metrickit: want a JSON object with timeStampBegin, timeStampEnd and either crashDiagnostics or applicationExitMetrics`, `"{\"timeStampBegin`},
		{"a payload that is a text", crash, `\"crashDiagnostics\":[`, `\"crashDiagnostics\":\"x\",\"x\":[`, `events[0].app.crash.metrickit: want a JSON object with timeStampBegin, timeStampEnd and either crashDiagnostics or applicationExitMetrics`, `"{\"timeStampBegin`},
		{"another app", threat, `"Microsoft Defender"`, `"Photos"`, `app.name: no other app may be named; want Microsoft Defender`, `"Photos"`},
		{"feedback type", feedback, `"frown"`, `"cry"`, `events[0].feedback.type: want smile, frown or idea`, `"cry"`},
		{"two reports of the app", memory, `"app":{"memory"`, `"app":{"action":"sign_in","memory"`, `events[0].app: want exactly one of upgrade_status, action, memory and crash`, `}]}`},
		{"no reports of the app", threat, `"detection"`, `"app":{},"detection"`, `events[0].app: want exactly one of upgrade_status, action, memory and crash`, `,"detection"`},
		{"action", events[3], `open_dashboard`, `open_door`, `events[0].app.action: unknown action`, `"open_door"`},
		{"not UTF-8", threat, `secure`, "\xff", `not UTF-8`, "\xff"},
		{"control character", threat, `secure`, "a\tb", `events[0].web.domain: a control character in a string; want an escape`, "\tb"},
		{"control character after an escape", threat, `secure`, "\\t\tb", `events[0].web.domain: a control character in a string; want an escape`, "\tb"},
		{"escape", threat, `secure`, `\x`, `events[0].web.domain: an escape that JSON does not have`, `\x`},
		{"half a pair", threat, `secure`, `\ud83d`, `events[0].web.domain: half of a surrogate pair`, `\ud83d`},
		{"the other half", threat, `secure`, `\ude00`, `events[0].web.domain: half of a surrogate pair`, `\ude00`},
		{"short escape", threat, `secure`, `\u12`, `events[0].web.domain: want four hexadecimal digits after \u`, `\u12`},
		{"trailing comma in an object", threat, `"seq":5`, `"seq":5,}`, `events[0]: want a string`, `},"kind"`},
		{"trailing comma in an array", threat, `]}`, `,]}`, `events[1]: want an object`, `]}`},
		{"no comma", threat, `"seq":5,`, `"seq":5 `, `events[0]: want a comma or the end of the object`, `"kind"`},
		{"no colon", threat, `"seq":5`, `"seq" 5`, `events[0]: want a colon after the name of the field`, `5,"kind"`},
		{"second document", threat, `]}`, `]}{}`, `more follows the end of the document`, `{}`},
		{"a zero byte", threat, `]}`, "]}\x00", `more follows the end of the document`, "\x00"},
		{"an array at the top", threat, `{"v":1`, `[{"v":1`, `want an object`, `[{"v"`},
		{"device is text", threat, `"device":{`, `"device":"x","d":{`, `device: want an object`, `"x"`},
		{"no events", threat, `"events":[`, `"events":[],"x":[`, `events: want at least one event`, `,"x"`},
		{"no comma in an array", threat, `]}`, ` {}]}`, `events[0]: want a comma or the end of the array`, `{}]}`},
		{"events is an object", threat, `"events":[`, `"events":{`, `events: want an array`, `{{"id":"8`},
	}
	for _, tt := range tests {
		doc := string(encode(d, tt.event))
		bad := strings.Replace(doc, tt.old, tt.new, 1)
		if tt.name == "upper case UUID" {
			bad = strings.Replace(doc, `"events":[{"id":"85`, `"events":[{"id":"8A`, 1)
			tt.want, tt.at = `events[0].id: want a UUID in lower case, e.g. 0b7cbb29-3a5e-4a5c-8f0e-7d1a2b3c4d5e`, `"8A`
		}
		if bad == doc {
			t.Fatalf("%s: %q is not in %s", tt.name, tt.old, doc)
		}
		var u Upload
		var e *Error
		if err := DecodeUpload([]byte(bad), &u); !errors.As(err, &e) {
			t.Errorf("%s: DecodeUpload(%s) = %v, want an *Error", tt.name, bad, err)
			continue
		}
		_, got, _ := strings.Cut(e.Error(), ": ")
		if got != tt.want {
			t.Errorf("%s: error %q, want %q", tt.name, got, tt.want)
		}
		if !strings.HasPrefix(bad[e.Offset:], tt.at) {
			t.Errorf("%s: offset %d points to %.20q, want %q", tt.name, e.Offset, bad[e.Offset:], tt.at)
		}
	}
}

// A crash says what happened in one form at least.
func TestDecodeUploadNoReport(t *testing.T) {
	e := testEvents()[7]
	e.Crash.Form = event.IPS
	doc := string(encode(testDevice(), e))
	doc = doc[:strings.Index(doc, `,"report":"`)] + "}}]}"
	var u Upload
	if err := DecodeUpload([]byte(doc), &u); err == nil || !strings.HasSuffix(err.Error(), "events[0].app.crash: want report or metrickit, or both") {
		t.Errorf("DecodeUpload of a crash without a report = %v", err)
	}
}

// Any part of a document is not a document, and the error is at or before its end.
func TestDecodeUploadTruncated(t *testing.T) {
	doc := encode(testDevice(), testEvents()...)
	var u Upload
	report, after := bytes.Index(doc, []byte(`"report":"`)), bytes.LastIndex(doc, []byte(`}]}\n`))
	for n := 0; n < len(doc); n++ {
		if n > report+200 && n < after-200 {
			n += 100 // within the texts of a crash one place is like another
		}
		err := DecodeUpload(doc[:n], &u)
		if e := (*Error)(nil); !errors.As(err, &e) || e.Offset > n {
			t.Fatalf("DecodeUpload of the first %d bytes = %v, want an error inside of them", n, err)
		}
	}
}

// Order and white space are free, and so are escapes.
func TestDecodeUploadFreedom(t *testing.T) {
	e := testEvents()[5]
	e.Web.Host, e.Has = event.ZoneHost{}, event.FieldsOf(event.WebRemoteIP)
	doc := strings.Replace(string(encode(testDevice(), e)), `"web":{`, `"web":{"domain":"a/`+"\U0001f62cb.x"+`",`, 1)
	e.Has |= event.FieldsOf(event.WebDomain)
	for _, r := range [][2]string{
		{`"seq":5,"kind":"web.threat",`, ``}, {`]}`, "]\r\n}\t"}, {`"web":{`, `"seq" : 5 ,"web":{`}, {`"detection"`, `"kind":"web.threat", "\u0064etection"`},
		{`a/`, `\u0061\/`}, {"\U0001f62cb", `\ud83d\uDE2Cb`},
	} {
		if !strings.Contains(doc, r[0]) {
			t.Fatalf("%q is not in %s", r[0], doc)
		}
		doc = strings.Replace(doc, r[0], r[1], 1)
	}
	var u Upload
	if err := DecodeUpload([]byte(doc), &u); err != nil {
		t.Fatal(err)
	}
	if got, want := string(u.Events[0].Domain), "a/\U0001f62cb.x"; got != want {
		t.Errorf("DecodeUpload(%s): domain %q, want %q", doc, got, want)
	}
	e.Web.Address = event.DocAddress{} // of a decoded event, as text
	if got := u.Events[0].Event; !reflect.DeepEqual(got, e) {
		t.Errorf("DecodeUpload(%s) = %+v, want %+v", doc, got, e)
	}
}

func TestParseGUID(t *testing.T) {
	for _, tt := range []struct {
		s  string
		ok bool
	}{
		{"10111213-1415-1617-1819-1a1b1c1d1e1f", true},
		{"10111213-1415-1617-1819-1A1b1c1d1e1f", false},
		{"10111213014150161701819-1a1b1c1d1e1f", false},
		{"10111213-1415-1617-1819-1a1b1c1d1e1", false},
		{"g0111213-1415-1617-1819-1a1b1c1d1e1f", false},
		{"{0111213-1415-1617-1819-1a1b1c1d1e1f", false},
		{"", false},
	} {
		g, ok := ParseGUID(tt.s)
		if ok != tt.ok || ok && (g != guid(0x10) || g.String() != tt.s) {
			t.Errorf("ParseGUID(%q) = %v, %v, want %v", tt.s, g, ok, tt.ok)
		}
	}
}

// What decodes is JSON, and what is encoded again decodes to the same.
func FuzzDecodeUpload(f *testing.F) {
	for _, e := range testEvents() {
		f.Add(encode(testDevice(), e))
	}
	f.Add(encode(testDevice(), testEvents()...))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var u, again Upload
		if err := DecodeUpload(doc, &u); err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(doc) || e.Msg == "" {
				t.Fatalf("error %#v of %d bytes", err, len(doc))
			}
			return
		}
		if !json.Valid(doc) {
			t.Fatalf("DecodeUpload takes what is not JSON: %q", doc)
		}
		d := device(&u)
		if d.Timezone.String() != string(u.Device.Timezone) {
			t.Skip("a time.Location has no such name")
		}
		for i := range u.Events {
			if u.Events[i].Feedback.Email && string(u.Events[i].Email) != d.UPN.String() {
				t.Skip("the encoder knows no other address than the UPN")
			}
		}
		b := encode(d, decodedEvents(&u)...)
		if err := DecodeUpload(b, &again); err != nil {
			t.Fatalf("%s\nencoded again is\n%s: %v", doc, b, err)
		}
		if got, want := decodedEvents(&again), decodedEvents(&u); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ndecodes to %+v,\nencoded and decoded again to %+v", doc, want, got)
		}
		if got, want := device(&again), d; !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ndecodes to %+v,\nencoded and decoded again to %+v", doc, want, got)
		}
	})
}

func BenchmarkDecodeUpload(b *testing.B) {
	var events []event.Event
	for len(events) < 25 {
		events = append(events, testEvents()...)
	}
	doc := encode(testDevice(), events[:25]...)
	var u Upload
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := DecodeUpload(doc, &u); err != nil {
			b.Fatal(err)
		}
	}
}
