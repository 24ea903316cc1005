package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"drover/sim/event"
	"drover/sim/fleet"
)

func mustTemplate(tb testing.TB, s string) *Template {
	tb.Helper()
	t, bad := ParseTemplate(s)
	if len(bad) > 0 {
		tb.Fatalf("ParseTemplate(%q): %+v", s, bad)
	}
	return t
}

// tree makes nodes of a JSON document whose texts are templates.
func tree(tb testing.TB, doc string) *Node {
	tb.Helper()
	dec := json.NewDecoder(strings.NewReader(doc))
	dec.UseNumber()
	var value func() *Node
	value = func() *Node {
		tok, err := dec.Token()
		if err != nil {
			tb.Fatalf("%s: %v", doc, err)
		}
		switch tok := tok.(type) {
		case json.Delim:
			if tok == '[' {
				var items []*Node
				for dec.More() {
					items = append(items, value())
				}
				dec.Token()
				return ListNode(items)
			}
			var members []Member
			for dec.More() {
				name, _ := dec.Token()
				members = append(members, Member{Name: name.(string), Value: value()})
			}
			dec.Token()
			return ObjectNode(members)
		case string:
			if tok == "${upload.events}" {
				return EventsNode()
			}
			return TextNode(mustTemplate(tb, tok))
		case json.Number:
			return LiteralNode(tok.String())
		case bool:
			return LiteralNode(map[bool]string{true: "true", false: "false"}[tok])
		}
		return LiteralNode("null")
	}
	return value()
}

// nativeMapping is the native format, written as a mapping: of members without a value nothing is left.
const (
	nativeDocument = `{"v":1,"device":{"id":{"wifi_mac":"${device.id.wifi_mac}","guid":"${device.id.guid}"},"os_version":"${device.os_version}","os_build":"${device.os_build}",
		"cpu":{"model":"${device.cpu.model}","soc":"${device.cpu.soc}","arch":"${device.cpu.arch}","cores":"${device.cpu.cores}"},"locale":"${device.locale}","timezone":"${device.timezone}"},
		"account":{"device_id":"${account.device_id}","user_id":"${account.user_id}","tenant_id":"${account.tenant_id}","org_id":"${account.org_id}","upn":"${account.upn}"},
		"app":{"name":"${app.name}","version":"${app.version}"},"events":"${upload.events}"}`
	nativeEvent = `{"id":"${event.id}","seq":"${event.seq}","kind":"${event.kind}","time":"${event.time}",
		"detection":{"category":"${detection.category}","score":"${detection.score}","bypassed":"${detection.bypassed}","risk":"${detection.risk}"},
		"web":{"connection":{"remote_port":"${web.connection.remote_port}","direction":"${web.connection.direction}"},"protocol":"${web.protocol}","domain":"${web.domain}","remote_ip":"${web.remote_ip}"},
		"app":{"upgrade_status":"${app.upgrade_status}","action":"${app.action}",
			"memory":{"app_kib":"${app.memory.app_kib}","app_peak_kib":"${app.memory.app_peak_kib}","extension_kib":"${app.memory.extension_kib}","extension_limit_kib":"${app.memory.extension_limit_kib}"},
			"crash":{"incident_id":"${app.crash.incident_id}","process":"${app.crash.process}","exception":"${app.crash.exception}","signal":"${app.crash.signal}","reason":"${app.crash.reason}",
				"uptime_sec":"${app.crash.uptime_sec}","report":"${app.crash.report}","metrickit":"${app.crash.metrickit}"}},
		"feedback":{"type":"${feedback.type}","email":"${feedback.email}","comments":"${feedback.comments}"},
		"diag":{"app_usage":{"sessions_per_day":"${diag.app_usage.sessions_per_day}","foreground_sec":"${diag.app_usage.foreground_sec}"},"cpu_usage":{"cpu_ms":"${diag.cpu_usage.cpu_ms}"},
			"network_usage":{"sent_kib":"${diag.network_usage.sent_kib}","received_kib":"${diag.network_usage.received_kib}"},"features":"${diag.features}","browsers":"${diag.browsers}"}}`
)

func asNative(tb testing.TB, send event.Fields) Format {
	b := Body{Document: tree(tb, nativeDocument), Lines: []*Node{tree(tb, nativeEvent)}}
	return b.Format(&Constants{Run: "r", Send: send})
}

func write(f Format, d *fleet.Device, send event.Fields, events []event.Event) []byte {
	b := f.Begin(nil, d, send)
	for i := range events {
		b = f.Event(b, i, d, &events[i])
	}
	return f.End(b, 0)
}

// A mapping that names every field writes exactly what the native format does, whatever a contract or a setting takes away: what is
// absent there is absent here.
func TestMappingIsNative(t *testing.T) {
	mac := testDevice()
	mac.HasMAC, mac.MAC = true, [6]byte{0xa4, 0x83, 0xe7, 0, 0, 1}
	for _, d := range []*fleet.Device{testDevice(), mac} {
		for without := event.Field(0); without <= event.NumFields; without++ {
			send := event.AllFields &^ (1 << without)
			if without == event.DeviceGUID || without == event.DeviceWiFiMAC || without == event.FeedbackType {
				continue // no scenario makes such a device, and a contract with feedback has its type
			}
			events := testEvents()
			for i := range events {
				events[i].Has &= send
			}
			events = slices.DeleteFunc(events, func(e event.Event) bool { return without != event.NumFields && e.Kind.Fields() == 1<<without })
			if got, want := write(asNative(t, send), d, send, events), write(Native, d, send, events); !bytes.Equal(got, want) {
				t.Fatalf("without %v:\n%s\nwant\n%s", without, got, want)
			}
		}
	}
}

// Every field of the native format can be named, and every data type.
func TestPlacesAreComplete(t *testing.T) {
	names := PlaceNames()
	for _, f := range NativeFields() {
		f, ofEvent := strings.CutPrefix(f, "events[].")
		leaf := slices.Contains(names, f) || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, f+".") })
		switch {
		case leaf, f == "v", f == "events", strings.HasPrefix(f, "diag.features."), ofEvent && slices.Contains(names, "event."+f):
		default:
			t.Errorf("no template can name %q", f)
		}
	}
	for f := range event.NumFields {
		if f != event.DeviceTime && !slices.ContainsFunc(placeFields, func(p placeField) bool { return p.data == f }) &&
			!slices.Contains(names, f.String()) {
			t.Errorf("no field belongs to %v", f)
		}
	}
	if !slices.IsSorted(slices.Compact(slices.Sorted(slices.Values(names)))) || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Error("a name is there twice")
	}
}

func TestTemplates(t *testing.T) {
	d := testDevice()
	events := testEvents()
	find := func(k event.Kind, has bool) *event.Event {
		for i := range events {
			if events[i].Kind == k && (!has || events[i].Web.Host != event.ZoneHost{}) {
				return &events[i]
			}
		}
		return nil
	}
	private := *find(event.WebThreat, true)
	private.Has = 0
	for _, tt := range []struct {
		template string
		e        *event.Event
		json     string // in a document; "" where it is left out
		text     string // "-" where it cannot be written
	}{
		{"plain", find(event.Heartbeat, false), `"plain"`, "plain"},
		{"${event.kind}", find(event.Heartbeat, false), `"heartbeat"`, "heartbeat"},
		{"<${event.kind}>", find(event.Heartbeat, false), `"<heartbeat>"`, "<heartbeat>"},
		{"${app.memory.app_kib}", find(event.Memory, false), "81920", "81920"},
		{"${app.memory.app_kib:text}", find(event.Memory, false), `"81920"`, "81920"},
		{"${app.memory.app_kib}", find(event.Heartbeat, false), "", "-"},
		{"${detection.bypassed}", find(event.WebThreat, true), "true", "true"},
		{"at ${web.domain}", &private, "", "-"},
		{"threat$[ at ${web.domain}]", &private, `"threat"`, "threat"},
		{"threat$[ at ${web.domain}]", find(event.WebThreat, true), `"threat at secure-login.sim.test"`, "threat at secure-login.sim.test"},
		{"$${event.id} $$[x] $ { }", find(event.Heartbeat, false), `"${event.id} $[x] $ { }"`, "${event.id} $[x] $ { }"},
		{"\"${account.upn}\"\n", find(event.Heartbeat, false), `"\"zoë.o'neill@contoso.example\"\n"`, "\"zoë.o'neill@contoso.example\"\n"},
		{"${run.id}", find(event.Heartbeat, false), `"r-1"`, "r-1"},
	} {
		tpl := mustTemplate(t, tt.template)
		v := values{c: &Constants{Run: "r-1", Send: event.AllFields}, d: d, e: tt.e}
		got, ok := TextNode(tpl).append(nil, v)
		if !ok {
			got = nil
		}
		if string(got) != tt.json {
			t.Errorf("%q in JSON: %s, want %s", tt.template, got, tt.json)
		}
		text, ok := appendParts(nil, tpl.parts, v, verbatim)
		if !ok {
			text = []byte("-")
		}
		if string(text) != tt.text {
			t.Errorf("%q as text: %s, want %s", tt.template, text, tt.text)
		}
	}
}

// A time in each of its forms.
func TestTimeForms(t *testing.T) {
	e := testEvents()[0]
	v := values{c: &Constants{}, d: testDevice(), e: &e}
	ms := e.At.UnixMilli()
	sec := string(json.RawMessage(appendUint(nil, uint32(ms/1000))))
	for form, want := range map[string]string{
		"rfc3339": `"` + e.At.Format("2006-01-02T15:04:05.000Z") + `"`, "iso7": `"` + e.At.Format("2006-01-02T15:04:05.0000000Z") + `"`,
		"unix": sec, "unixsec": sec + e.At.Format(".000"), "unixms": sec + e.At.Format(".000")[1:], "unixns": sec + e.At.Format(".000000000")[1:],
		"unixns:text": `"` + sec + e.At.Format(".000000000")[1:] + `"`,
	} {
		got, _ := TextNode(mustTemplate(t, "${event.time:"+form+"}")).append(nil, v)
		if string(got) != want {
			t.Errorf("%s: %s, want %s", form, got, want)
		}
	}
}

// What is left out leaves no trace: no empty object, no comma, no name.
func TestAbsentIsLeftOut(t *testing.T) {
	e := event.Event{Kind: event.Heartbeat, At: testEvents()[0].At}
	v := values{c: &Constants{Send: event.AllFields}, d: testDevice(), e: &e}
	n := tree(t, `{"a":"${web.domain}","b":{"c":"${web.domain}","d":["${app.action}","x${app.action}"]},"e":[1,"${web.domain}",2],"f":{},"g":[],"h":null,"i":"${event.kind}"}`)
	got, ok := n.append(nil, v)
	if want := `{"e":[1,2],"f":{},"g":[],"h":null,"i":"heartbeat"}`; !ok || string(got) != want {
		t.Errorf("%s, %t; want %s", got, ok, want)
	}
	if got, ok := tree(t, `{"a":"${web.domain}"}`).append(nil, v); ok {
		t.Errorf("%s for an object of absent fields, want it left out", got)
	}
}

// The member with the events goes last, with all that is around it.
func TestDocumentAroundEvents(t *testing.T) {
	events := testEvents()[:2]
	for doc, want := range map[string]string{
		`"${upload.events}"`: `[1,1]`,
		`{"a":{"list":"${upload.events}","z":1},"tenant":"${account.tenant_id}","no":"${device.id.wifi_mac}"}`: `{"tenant":"` + guid(0x40).String() + `","a":{"z":1,"list":[1,1]}}`,
		`[0,[{"x":"${upload.events}"}]]`: `[0,[{"x":[1,1]}]]`,
	} {
		b := Body{Document: tree(t, doc), Lines: []*Node{tree(t, "1")}}
		if got := write(b.Format(&Constants{Send: event.AllFields}), testDevice(), event.AllFields, events); string(got) != want || !json.Valid(got) {
			t.Errorf("%s: %s, want %s", doc, got, want)
		}
	}
	lines := Body{Lines: []*Node{tree(t, `{"create":{"_id":"${event.seq}"}}`), tree(t, `{"web":"${web.domain}"}`)}}
	if got, want := string(write(lines.Format(&Constants{}), testDevice(), 0, events)), "{\"create\":{\"_id\":0}}\n{}\n{\"create\":{\"_id\":1}}\n{}\n"; got != want {
		t.Errorf("lines: %q, want %q", got, want)
	}
}

// What is outside of the body is escaped for where it stands, and a parameter or header without a value is not there.
func TestPlaceAndHeader(t *testing.T) {
	c := &Constants{Run: "a b", Send: event.AllFields &^ event.FieldsOf(event.AccountUserID)}
	place := PlaceText(c, mustTemplate(t, "/x/${account.upn}/y"), []Pair{
		{"run", mustTemplate(t, "r:${run.id}")}, {"user", mustTemplate(t, "${account.user_id}")}, {"key", mustTemplate(t, "${upload.key}")},
	})
	if got, want := string(place(nil, testDevice(), nil, []byte("k-1"))), "/x/zo%C3%AB.o%27neill%40contoso.example/y?run=r%3Aa%20b&key=k-1"; got != want {
		t.Errorf("place %s, want %s", got, want)
	}
	header := HeaderText(c, []Pair{{"X-Upn", mustTemplate(t, "${account.upn}")}, {"X-User", mustTemplate(t, "${account.user_id}")}, {"X-Key", mustTemplate(t, "k=${upload.key}")}})
	if got, want := string(header(nil, testDevice(), nil, []byte("k-1"))), "X-Upn: zo??.o'neill@contoso.example\r\nX-Key: k=k-1\r\n"; got != want {
		t.Errorf("header %q, want %q", got, want)
	}
}

// A mapped upload allocates nothing in steady state.
func TestMappingAllocatesNothing(t *testing.T) {
	f, d, events := asNative(t, event.AllFields), testDevice(), testEvents()
	events = slices.DeleteFunc(events, func(e event.Event) bool { return e.Kind == event.Crash || e.Kind == event.Feedback }) // crash makes its report, a comment may need other escapes
	buf := make([]byte, 0, 64<<10)
	d.UPN = fleet.NewUPN("zoe.oneill@contoso.example")
	if n := testing.AllocsPerRun(100, func() {
		buf = f.Begin(buf[:0], d, event.AllFields)
		for i := range events {
			buf = f.Event(buf, i, d, &events[i])
		}
		buf = f.End(buf, 0)
	}); n > 0 {
		t.Errorf("%v allocations for an upload, want none", n)
	}
}

func BenchmarkMapping(b *testing.B) {
	f, d, e := asNative(b, event.AllFields), testDevice(), testEvents()[4]
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = f.Event(buf[:0], 0, d, &e)
	}
}

// FuzzTemplate: no text makes the parser panic, mistakes are inside of it, and what compiles writes valid JSON.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"${event.id}", "a $[b ${web.domain}] $${x} ${event.time:unixns:text}", "${", "$[", "${a", "$[${event.seq}", "]", "$$[", "${event.json:text}", "$[$[${event.id}]]", "\xff\x00\"\\"} {
		f.Add(s)
	}
	c := &Constants{Run: "r", Send: event.AllFields}
	d, events := testDevice(), testEvents()
	f.Fuzz(func(t *testing.T, s string) {
		tpl, bad := ParseTemplate(s)
		for _, m := range bad {
			if m.At < 0 || m.At > len(s) || m.What == "" || !strings.HasPrefix(s[m.At:], m.Ref) {
				t.Errorf("mistake %+v of %q", m, s)
			}
		}
		if len(bad) > 0 || len(tpl.Check(c, Use{Event: true, What: "a test"})) > 0 {
			return
		}
		for i := range events {
			got, ok := TextNode(tpl).append(nil, values{c: c, d: d, e: &events[i]})
			if ok && !json.Valid(got) {
				t.Fatalf("%q: %s is no JSON", s, got)
			}
		}
	})
}
