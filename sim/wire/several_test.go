package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"drover/sim/event"
	"drover/sim/fleet"
)

// upload is what one device has to say.
type upload struct {
	d      *fleet.Device
	events []event.Event
}

// encodeSeveral writes uploads into one body.
func encodeSeveral(f *Format, dst []byte, send event.Fields, ups []upload) []byte {
	from := len(dst)
	for i, u := range ups {
		if i == 0 {
			dst = f.Begin(dst, u.d, send)
		} else {
			dst, from = f.Next(dst, from, u.d, send)
		}
		for n := range u.events {
			dst = f.Event(dst, n, u.d, &u.events[n])
		}
	}
	return f.End(dst, from)
}

// severalUploads deals the events of all kinds out to devices that differ in all they say of themselves: each byte of cuts is how many
// events the next one has, up to all of them.
func severalUploads(send event.Fields, cuts []byte) (ups []upload) {
	for i, n := range cuts {
		d := *testDevices()[i%3]
		d.GUID, d.EntraID, d.UserID = guid(byte(0x70+i)), guid(byte(0x90+i)), guid(byte(0xb0+i))
		d.MAC[5] = byte(i)
		d.UPN = fleet.NewUPN(strings.Repeat("x", 1+i%60) + "@contoso.example") // lengths of one byte and of two
		events := sending(send, testEvents())
		events = slices.DeleteFunc(events, func(e event.Event) bool { return e.Kind == event.Crash && i > 0 }) // its report is long
		ups = append(ups, upload{&d, events[:min(int(n), len(events))]})
	}
	return ups
}

// inOneBody says how a body of several uploads differs from what each says alone; "": not at all.
func inOneBody(f *Format, send event.Fields, ups []upload) string {
	var want []string
	for _, u := range ups {
		docs, err := decoded(f, encodeWith(f, nil, u.d, send, u.events))
		if err != nil {
			return err.Error()
		}
		want = append(want, docs...)
	}
	before := "before"
	body := encodeSeveral(f, []byte(before), send, ups)[len(before):]
	got, err := decoded(f, body)
	if err != nil {
		return fmt.Sprintf("%v in %.500s", err, body)
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("event %d of %d is %s, and alone it is %s of %d", i, len(got), got[min(i, len(got)):min(i+1, len(got))], want[min(i, len(want)):min(i+1, len(want))], len(want))
		}
	}
	return ""
}

// Uploads of several devices in one body say what each says alone, in their order: each event is of its own device.
func TestSeveralUploadsInOneBody(t *testing.T) {
	var can []string
	for _, name := range slices.Sorted(maps.Keys(Formats)) {
		for _, send := range []event.Fields{event.AllFields, AddressFields | event.FieldsOf(event.DeviceGUID, event.DeviceWiFiMAC)} {
			f := Formats[name](&Constants{Run: "r", Send: send})
			if f.Next == nil {
				continue
			}
			if can = append(can, name); f.One {
				t.Errorf("%s: a request carries one event, and several uploads", name)
			}
			for _, cuts := range [][]byte{{1}, {1, 1, 1}, {3, 1, 12}, bytes.Repeat([]byte{2}, 70)} {
				if diff := inOneBody(&f, send, severalUploads(send, cuts)); diff != "" {
					t.Errorf("%s, uploads of %v events: %s", name, cuts, diff)
				}
			}
		}
	}
	if got, want := strings.Join(slices.Compact(can), " "), "cloudevents-batch ecs mde ocsf otlp otlp-json"; got != want {
		t.Errorf("several uploads are in a body of %s, want %s", got, want)
	}
}

// A message of several uploads has a resource for each, of its device as it is, and one of one upload has the bytes that it had.
func TestSeveralResources(t *testing.T) {
	ups := severalUploads(event.AllFields, []byte{2, 3, 1})
	proto, text := OTLP(&Constants{Send: event.AllFields}), OTLPJSON(&Constants{Send: event.AllFields})
	var one []byte // protobuf: messages behind each other are one with all that they have
	for _, u := range ups {
		one = append(one, encodeWith(&proto, nil, u.d, event.AllFields, u.events)...)
	}
	if got := encodeSeveral(&proto, nil, event.AllFields, ups); !bytes.Equal(got, one) {
		t.Errorf("protobuf: % x\nwant % x", got, one)
	}
	var msg struct {
		ResourceLogs []struct {
			Resource struct {
				Attributes []struct {
					Key   string
					Value struct{ StringValue string }
				}
			}
			ScopeLogs []struct{ LogRecords []json.RawMessage }
			SchemaURL string `json:"schemaUrl"`
		}
	}
	if err := json.Unmarshal(encodeSeveral(&text, nil, event.AllFields, ups), &msg); err != nil || len(msg.ResourceLogs) != len(ups) {
		t.Fatalf("%d resources, %v; want %d", len(msg.ResourceLogs), err, len(ups))
	}
	for i, of := range msg.ResourceLogs {
		account := ""
		for _, a := range of.Resource.Attributes {
			if a.Key == "defender.account.device_id" {
				account = a.Value.StringValue
			}
		}
		if n := len(of.ScopeLogs[0].LogRecords); account != ups[i].d.EntraID.String() || n != len(ups[i].events) || of.SchemaURL != otlpSchema {
			t.Errorf("resource %d is of %s with %d records and schema %q; want %s with %d", i, account, n, of.SchemaURL, ups[i].d.EntraID, len(ups[i].events))
		}
	}
}

// A mapped body of several uploads is one document, or as many lines as there are events, each with its own device.
func TestSeveralUploadsMapped(t *testing.T) {
	ups := severalUploads(event.AllFields, []byte{2, 1})
	id := func(i int) string { return ups[i].d.EntraID.String() }
	for name, test := range map[string]struct {
		body Body
		want string
	}{
		"document": {Body{Document: tree(t, `{"run":"${run.id}","list":"${upload.events}","v":1}`), Lines: []*Node{tree(t, `{"of":"${account.device_id}"}`)}},
			`{"run":"r","v":1,"list":[{"of":"A"},{"of":"A"},{"of":"B"}]}`},
		"list":  {Body{Document: EventsNode(), Lines: []*Node{tree(t, `["${account.device_id}","${web.domain}"]`)}}, `[["A"],["A"],["B"]]`},
		"lines": {Body{Lines: []*Node{tree(t, `{"n":"${event.seq}"}`), tree(t, `{"of":"${account.device_id}"}`)}}, "{\"n\":0}\n{\"of\":\"A\"}\n{\"n\":1}\n{\"of\":\"A\"}\n{\"n\":0}\n{\"of\":\"B\"}\n"},
		"text":  {Body{Text: mustTemplate(t, "${event.seq} ${account.device_id}\n")}, "0 A\n1 A\n0 B\n"},
	} {
		f := test.body.Format(&Constants{Run: "r", Send: event.AllFields})
		want := strings.NewReplacer("A", id(0), "B", id(1)).Replace(test.want)
		if got := string(encodeSeveral(&f, nil, event.AllFields, ups)); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	if f := (&Body{Lines: []*Node{tree(t, `{}`)}, Single: true}).Format(&Constants{}); f.Next != nil {
		t.Error("a body of one event has room for several uploads")
	}
}

// Several uploads in one body take no allocation more than one.
func TestSeveralUploadsAllocateNothing(t *testing.T) {
	ups := severalUploads(event.AllFields, []byte{6, 2, 6})
	for i := range ups {
		ups[i].events = slices.DeleteFunc(ups[i].events, func(e event.Event) bool { return e.Kind == event.Crash || e.Kind == event.Feedback })
	}
	for _, name := range []string{"otlp", "otlp-json", "ocsf", "mde"} {
		f, buf := Formats[name](&Constants{Send: event.AllFields}), make([]byte, 0, 64<<10)
		if n := testing.AllocsPerRun(100, func() { buf = encodeSeveral(&f, buf[:0], event.AllFields, ups) }); n > 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

// FuzzSeveral: however events are dealt out to devices, one body of all says what each says alone.
func FuzzSeveral(f *testing.F) {
	for i := range Formats {
		f.Add(i, []byte{1, 0, 3, 9, 2})
	}
	f.Fuzz(func(t *testing.T, name string, cuts []byte) {
		make := Formats[name]
		cuts = slices.DeleteFunc(slices.Clone(cuts[:min(len(cuts), 40)]), func(n byte) bool { return n == 0 }) // an upload has an event
		if make == nil || make(&Constants{}).Next == nil || len(cuts) == 0 {
			t.Skip()
		}
		form := make(&Constants{Send: event.AllFields})
		if diff := inOneBody(&form, event.AllFields, severalUploads(event.AllFields, cuts)); diff != "" {
			t.Error(diff)
		}
	})
}
