package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
)

// foreign are the formats whose documents are not native ones or around them.
func foreign() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(Formats)) {
		if name != "native" && !strings.HasPrefix(name, "cloudevents") {
			names = append(names, name)
		}
	}
	return names
}

func testDevices() (list []*fleet.Device) {
	mac, pad := testDevice(), testDevice()
	mac.HasMAC, mac.MAC = true, [6]byte{0xa4, 0x83, 0xe7, 0, 0xff, 1}
	pad.Model = &fleet.Model{ID: "iPad13,1", SoC: "A14 Bionic", Arch: "arm64e", Cores: 6}
	pad.Timezone = time.UTC
	return []*fleet.Device{testDevice(), mac, pad}
}

// decoded is what a body says, as native documents.
func decoded(f *Format, body []byte) (docs []string, err error) {
	err = f.Decode(body, func(native []byte) error { docs = append(docs, string(native)); return nil })
	return docs, err
}

// sending makes events say what a contract lets them, in the shapes that devices make.
func sending(send event.Fields, events []event.Event) []event.Event {
	for i := range events {
		if events[i].Has &= send; !events[i].Has.Has(event.FeedbackType) {
			events[i].Has &^= event.Feedback.Fields()
		}
	}
	return events
}

// Whatever a contract lets a device send, a format says exactly what the native document does: of the device as it was when the
// event happened, or of the device as it is.
func TestFormatsSayTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	contracts := []event.Fields{event.AllFields, AddressFields | event.FieldsOf(event.DeviceGUID, event.DeviceWiFiMAC)}
	for range 4 {
		contracts = append(contracts, event.Fields(r.Uint32())&event.AllFields|contracts[1])
	}
	for _, name := range foreign() {
		t.Run(name, func(t *testing.T) {
			for _, send := range contracts {
				for _, run := range []string{"", "night-1"} {
					f := Formats[name](&Constants{Send: send, Run: run})
					for _, d := range testDevices() {
						events := sending(send, testEvents())
						body := encodeWith(&f, []byte("before"), d, send, events)[len("before"):]
						got, err := decoded(&f, body)
						if err != nil || len(got) != len(events) {
							t.Fatalf("with %v: %d of %d events, %v, in %s", send.List(), len(got), len(events), err, body)
						}
						for i := range events {
							if want := string(encodeWith(&Native, nil, d, send, events[i:i+1])); got[i] != want {
								t.Fatalf("with %v: has\n%s, want\n%s", send.List(), got[i], want)
							}
						}
					}
				}
			}
		})
	}
}

// leaves calls each with every place in a document: what is before and after it, and what stands there.
func leaves(doc []byte, each func(before, value, after []byte)) {
	var walk func(value []byte)
	walk = func(value []byte) {
		at := cap(doc) - cap(value)
		each(doc[:at], value, doc[at+len(value):])
		for _, v := range membersOf(value) {
			walk(v)
		}
		for _, v := range elements(value) {
			walk(v)
		}
	}
	walk(doc)
}

// Nothing in a document hides from an audit: what is changed in any place of it, added or taken away either changes the native
// document or is refused.
func TestFormatsHideNothing(t *testing.T) {
	for _, name := range foreign() {
		t.Run(name, func(t *testing.T) {
			f := Formats[name](&Constants{Send: event.AllFields})
			for i, d := range testDevices() {
				events := testEvents()
				if i > 0 || f.Binary {
					events = events[5:6]
				}
				for _, e := range events {
					e.Crash.Form = event.MetricKit // the report alone is as long as all else
					doc := encodeWith(&f, nil, d, event.AllFields, []event.Event{e})
					if !f.Binary {
						doc = bytes.TrimSpace(doc)
					}
					native, err := decoded(&f, doc)
					if err != nil {
						t.Fatal(err)
					}
					if f.Binary {
						everyByte(t, &f, doc, native)
						continue
					}
					try := func(what string, parts ...[]byte) {
						t.Helper()
						changed := bytes.Join(parts, nil)
						if !json.Valid(changed) {
							t.Fatalf("%s: %s", what, changed)
						}
						if got, err := decoded(&f, changed); err == nil && slices.Equal(got, native) {
							t.Errorf("%s goes unseen: %s", what, changed)
						}
					}
					leaves(doc, func(before, value, after []byte) {
						switch value[0] {
						case '{':
							try("a member more", before, []byte(`{"hidden":"https://a.sim.test/",`), value[1:], after)
						case '[':
							try("an element more", before, []byte(`["https://a.sim.test/",`), value[1:], after)
						case '"':
							try("another text", before, []byte(`"x`), value[1:], after)
						case 't', 'f', 'n':
							try("a text for a word", before, []byte(`"https://a.sim.test/"`), after)
						default:
							try("another number", before, []byte("1"), value, after)
						}
						if len(before) > 0 && value[0] != 'n' {
							try("nothing", before, []byte("null"), after)
						}
					})
				}
			}
		})
	}
}

// everyByte changes each byte of a body that is no text, and adds fields.
func everyByte(t *testing.T, f *Format, body []byte, native []string) {
	t.Helper()
	try := func(what string, changed []byte) {
		t.Helper()
		if got, err := decoded(f, changed); err == nil && slices.Equal(got, native) {
			t.Fatalf("%s goes unseen: %q", what, changed)
		}
	}
	for i := range body {
		changed := bytes.Clone(body)
		changed[i] ^= 1
		try(fmt.Sprintf("another byte %d", i), changed)
	}
	for tag := range byte(128) {
		try(fmt.Sprintf("a text of tag %d", tag), append(bytes.Clone(body), tag, 1, 'x'))
	}
}

// The files are small: a heartbeat, an alert with its site and one without, feedback; of a device with a GUID and one with a MAC address.
func TestFormatsGolden(t *testing.T) {
	for _, name := range foreign() {
		f := Formats[name](&Constants{Send: event.AllFields, Run: "night-1"})
		var got []byte
		for _, d := range testDevices()[:2] {
			events := testEvents()
			got = append(got, encodeWith(&f, nil, d, event.AllFields, []event.Event{events[1], events[5], events[6], events[8]})...)
		}
		file := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, got %s", file, err, got)
		}
	}
}

// What decodes is JSON, and an error says where it is.
func FuzzFormats(f *testing.F) {
	for _, name := range foreign() {
		form := Formats[name](&Constants{Send: event.AllFields})
		for i, e := range testEvents() {
			if e.Kind != event.Crash {
				f.Add(name, encodeWith(&form, nil, testDevices()[i%3], event.AllFields, []event.Event{e}))
			}
		}
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		make := Formats[name]
		if make == nil {
			t.Skip()
		}
		form := make(&Constants{})
		err := form.Decode(body, func(native []byte) error {
			if name != Native.Name && !json.Valid(native) {
				t.Errorf("%q is no JSON, of %q", native, body)
			}
			return nil
		})
		if e := (*Error)(nil); err != nil && (!errors.As(err, &e) || e.Offset < 0 || e.Offset > len(body) || e.Msg == "") {
			t.Errorf("error %#v of %d bytes", err, len(body))
		}
	})
}

func TestFormatsAllocateNothing(t *testing.T) {
	for _, name := range foreign() {
		f, d, events := Formats[name](&Constants{Send: event.AllFields, Run: "r"}), testDevice(), testEvents()
		buf := encodeWith(&f, nil, d, event.AllFields, events)
		buf = encodeWith(&f, buf[:0], d, event.AllFields, events)
		if n := testing.AllocsPerRun(100, func() { buf = encodeWith(&f, buf[:0], d, event.AllFields, events) }); n != 0 {
			t.Errorf("%s allocates %v times, want 0", name, n)
		}
	}
}

// BenchmarkFormat is each kind of event in an upload of its own, the device included. cpu-ns/op is what it took of the processor, which on
// a busy machine is less than the time.
func BenchmarkFormat(b *testing.B) {
	for _, name := range foreign() {
		f, d := Formats[name](&Constants{Send: event.AllFields}), testDevice()
		for _, e := range testEvents() {
			if e.Seq == 6 || e.Seq == 9 || e.Seq >= 11 {
				continue // kinds that others stand for
			}
			b.Run(name+"/"+e.Kind.String(), func(b *testing.B) {
				b.ReportAllocs()
				buf := f.End(f.Event(f.Begin(nil, d, event.AllFields), 0, d, &e), 0) // the first one compiles the format
				user, system, err := measure.ProcessTimes()
				for b.Loop() {
					buf = f.End(f.Event(f.Begin(buf[:0], d, event.AllFields), 0, d, &e), 0)
				}
				if u, s, bad := measure.ProcessTimes(); err == nil && bad == nil {
					b.ReportMetric(float64(u-user+s-system)/float64(b.N), "cpu-ns/op")
				}
				b.SetBytes(int64(len(buf)))
			})
		}
	}
}
