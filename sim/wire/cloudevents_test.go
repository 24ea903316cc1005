package wire

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"drover/sim/event"
	"drover/sim/fleet"
)

func encodeWith(f *Format, dst []byte, d *fleet.Device, send event.Fields, events []event.Event) []byte {
	from := len(dst)
	dst = f.Begin(dst, d, send)
	for i := range events {
		dst = f.Event(dst, i, d, &events[i])
	}
	return f.End(dst, from)
}

// Whatever a contract lets a device send, a CloudEvent holds exactly the native document of its event, and no more.
func TestCloudEventsHoldWhatIsSent(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	mac := testDevice()
	mac.HasMAC, mac.MAC = true, [6]byte{0xa4, 0x83, 0xe7, 0, 0xff, 1}
	for range 100 {
		send := event.Fields(r.Uint32())&event.AllFields | AddressFields
		for _, d := range []*fleet.Device{testDevice(), mac} {
			events := testEvents()
			for i := range events {
				events[i].Has &= send
			}
			single, batch := CloudEvents(&Constants{Send: send}), CloudEventsBatch(&Constants{Send: send})
			lines := bytes.Split(encodeWith(&single, nil, d, send, events), []byte("\n"))
			if len(lines) != len(events) {
				t.Fatalf("%d lines for %d events", len(lines), len(events))
			}
			for i, line := range lines {
				got, err := DecodeCloudEvent(line)
				if want := encodeWith(&Native, nil, d, send, events[i:i+1]); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("with %v: %v, has %s, want %s", send.List(), err, got, want)
				}
			}
			list := encodeWith(&batch, nil, d, send, events)
			if want := "[" + string(bytes.Join(lines, []byte(","))) + "]"; string(list) != want {
				t.Fatalf("batch %s, want %s", list, want)
			}
		}
	}
}

// The rules of the specification, section "Context Attributes", read by encoding/json.
func TestCloudEventsAreValid(t *testing.T) {
	batch := CloudEventsBatch(&Constants{Send: event.AllFields})
	var list []map[string]any
	if err := json.Unmarshal(encodeWith(&batch, nil, testDevice(), event.AllFields, testEvents()), &list); err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^[a-z0-9]{1,20}$`)
	ids := map[any]bool{}
	for _, ce := range list {
		for _, required := range []string{"id", "source", "specversion", "type"} {
			if s, _ := ce[required].(string); s == "" {
				t.Errorf("no %s in %v", required, ce)
			}
		}
		for attr := range ce {
			if !name.MatchString(attr) {
				t.Errorf("%q is no name of an attribute", attr)
			}
		}
		if ids[ce["id"]] || ce["specversion"] != "1.0" {
			t.Errorf("id %v, version %v", ce["id"], ce["specversion"])
		}
		ids[ce["id"]] = true
	}
	if len(list) != len(testEvents()) {
		t.Errorf("%d events, want %d", len(list), len(testEvents()))
	}
	one := CloudEvents(&Constants{Send: event.AllFields})
	got := string(one.Event(nil, 0, testDevice(), &testEvents()[6]))
	const want = `{"specversion":"1.0","id":"86878889-8a8b-8c8d-8e8f-909192939495","source":"/tenants/40414243-4445-4647-4849-4a4b4c4d4e4f",` +
		`"type":"test.sim.defender.web.blocked.v1","subject":"10111213-1415-1617-1819-1a1b1c1d1e1f","time":"2026-05-04T07:14:06.006Z",` +
		`"datacontenttype":"application/json","data":{"v":1,`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want it to begin with %s", got, want)
	}
}

func TestDecodeCloudEventRefuses(t *testing.T) {
	f := CloudEvents(&Constants{Send: event.AllFields})
	doc := string(f.Event(nil, 0, testDevice(), &testEvents()[5]))
	for _, tt := range []struct{ old, new, field string }{
		{`"subject":"1`, `"subject":"2`, "subject"},
		{`"id":"85`, `"id":"84`, "id"},
		{`"source":"/tenants/4`, `"source":"/tenants/5`, "source"},
		{`web.blocked`, `app.info`, "type"},
		{`"time":"2026`, `"time":"2025`, "time"},
		{`"specversion":"1.0"`, `"specversion":"0.3"`, "specversion"},
		{`"id":`, `"host":"a.sim.test","id":`, "host"},
		{`"id":`, `"data":{},"id":`, "data"},
		{`"datacontenttype":"application/json"`, `"datacontenttype":"text/plain"`, "datacontenttype"},
	} {
		_, err := DecodeCloudEvent([]byte(strings.Replace(doc, tt.old, tt.new, 1)))
		if e, ok := err.(*Error); !ok || e.Field != tt.field {
			t.Errorf("with %s: %v, want a mistake in %s", tt.new, err, tt.field)
		}
	}
}

func TestCloudEventsAllocateNothing(t *testing.T) {
	f, d, events := CloudEventsBatch(&Constants{Send: event.AllFields}), testDevice(), testEvents()
	buf := encodeWith(&f, nil, d, event.AllFields, events)
	if n := testing.AllocsPerRun(100, func() { buf = encodeWith(&f, buf[:0], d, event.AllFields, events) }); n != 0 {
		t.Errorf("encoding allocates %v times, want 0", n)
	}
}

func FuzzCloudEvent(f *testing.F) {
	ce := CloudEvents(&Constants{Send: event.AllFields})
	for _, e := range testEvents() {
		f.Add(ce.Event(nil, 0, testDevice(), &e))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if native, err := DecodeCloudEvent(doc); err == nil && !json.Valid(native) {
			t.Errorf("%q is no JSON, of %q", native, doc)
		}
	})
}

func BenchmarkCloudEvents(b *testing.B) {
	f, d := CloudEvents(&Constants{Send: event.AllFields}), testDevice()
	for _, e := range testEvents()[:7] {
		b.Run(e.Kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = f.Event(buf[:0], 0, d, &e)
			}
		})
	}
}
