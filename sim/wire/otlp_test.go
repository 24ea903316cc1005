package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"drover/sim/event"
	"drover/sim/measure"
)

func TestReadOTLP(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		class      measure.Class
		accepted   int
		unsure     bool
	}{
		{"nothing", "", measure.OK, 5, false},
		{"empty JSON", "{}", measure.OK, 5, false},
		{"no partial success", `{"partialSuccess":{}}`, measure.OK, 5, false},
		{"a warning", `{"partialSuccess":{"errorMessage":"slow down"}}`, measure.OK, 5, false},
		{"some, as a text", `{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}`, measure.Rejected, 0, true},
		{"some, as a number", `{"partialSuccess":{"rejectedLogRecords":2}}`, measure.Rejected, 0, true},
		{"all", `{"partialSuccess":{"rejectedLogRecords":"5"}}`, measure.Rejected, 0, false},
		{"a number that is none", `{"partialSuccess":{"rejectedLogRecords":"x"}}`, measure.BadAnswer, 0, false},
		{"half of it", `{"partialSuccess":`, measure.BadAnswer, 0, false},
		{"some, in protobuf", "\x0a\x0b\x08\x02\x12\x07too old", measure.Rejected, 0, true},
		{"all, in protobuf", "\x0a\x02\x08\x05", measure.Rejected, 0, false},
		{"no partial success, in protobuf", "\x0a\x00", measure.OK, 5, false},
		{"half of it, in protobuf", "\x0a\x0b\x08\x02", measure.BadAnswer, 0, false},
		{"a page", "<html>", measure.BadAnswer, 0, false},
	} {
		var a Answer
		class, err := readOTLP(&Reply{Class: measure.OK, Status: 200, Body: []byte(tt.body), Events: 5}, &a)
		if class != tt.class || a.Accepted != tt.accepted || a.Unsure != tt.unsure || (err == nil) != (class == measure.OK) {
			t.Errorf("%s: %v, %v, %+v", tt.name, class, err, a)
		}
	}
	if class, _ := readOTLP(&Reply{Class: measure.Status429, Events: 5}, new(Answer)); class != measure.Status429 {
		t.Errorf("of a 429: %v", class)
	}
}

// The two encodings say the same, and JSON keeps the rules of its encoding: 64-bit numbers are texts, keys are in lowerCamelCase.
func TestOTLPEncodingsAgree(t *testing.T) {
	c := &Constants{Send: event.AllFields}
	proto, text := OTLP(c), OTLPJSON(c)
	body := encodeWith(&text, nil, testDevice(), event.AllFields, testEvents())
	var flat [2][]string
	for i, err := range []error{
		protoRecords(encodeWith(&proto, nil, testDevice(), event.AllFields, testEvents()), func(doc []byte) error { flat[0] = append(flat[0], string(doc)); return nil }),
		jsonRecords(body, func(doc []byte) error { flat[1] = append(flat[1], string(doc)); return nil }),
	} {
		if err != nil || len(flat[i]) != len(testEvents()) {
			t.Fatalf("%d records, %v", len(flat[i]), err)
		}
	}
	for i := range flat[0] {
		if err := differ([]byte(flat[0][i]), []byte(flat[1][i]), "", 0); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	var doc struct {
		ResourceLogs []struct {
			Resource  struct{ Attributes []otlpAttribute }
			ScopeLogs []struct {
				LogRecords []struct {
					TimeUnixNano   string
					SeverityNumber int
					EventName      string
					Attributes     []otlpAttribute
				}
			}
			SchemaURL string
		}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&doc); err != nil || len(doc.ResourceLogs) != 1 || len(doc.ResourceLogs[0].ScopeLogs) != 1 {
		t.Fatalf("%v in %s", err, body)
	}
	for _, r := range doc.ResourceLogs[0].ScopeLogs[0].LogRecords {
		if len(r.TimeUnixNano) != 19 || r.SeverityNumber < 1 || r.SeverityNumber > 24 || r.EventName == "" {
			t.Errorf("record %+v", r)
		}
		for _, a := range r.Attributes {
			if v := a.Value["intValue"]; v != nil && !strings.HasPrefix(string(v), `"`) || len(a.Value) != 1 || a.Key == "" {
				t.Errorf("attribute %+v", a)
			}
		}
	}
}

type otlpAttribute struct {
	Key   string
	Value map[string]json.RawMessage
}

// A mistake deep inside is one of the whole, wherever it is.
func TestProtoMistakes(t *testing.T) {
	const (
		value = "\x0a\x01x\x0a\x7f"                    // a text, and one that goes over the end
		pair  = "\x0a\x0a\x0a\x01a\x12\x05" + value    // as an attribute of a resource
		in    = "\x32\x0a\x0a\x01a\x12\x05" + value    // and of a record
		whole = "\x0a\x0a\x0a\x01a\x12\x05\x0a\x03xyz" // nothing is wrong with it
	)
	for name, tt := range map[string]struct{ resource, record, want string }{
		"resource": {pair, "", "goes over the end"}, "record": {"", in, "goes over the end"}, "neither": {whole, "", ""},
		"unknown in a value": {"\x0a\x07\x0a\x01a\x12\x02\x38\x01", "", "value: field 7 does not belong here"},
	} {
		scope := "\x12" + string(rune(len(tt.record))) + tt.record
		logs := "\x0a" + string(rune(len(tt.resource))) + tt.resource + "\x12" + string(rune(len(scope))) + scope
		err := protoRecords([]byte("\x0a"+string(rune(len(logs)))+logs), func([]byte) error { return nil })
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
