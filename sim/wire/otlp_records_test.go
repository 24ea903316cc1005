package wire

import (
	"strings"
	"testing"

	"drover/sim/event"
	"drover/sim/fleet"
)

// The records of one run are taken from what a store shows, one by one and as they were sent, whatever else is there.
func TestOTLPRecords(t *testing.T) {
	f := OTLPJSON(&Constants{Run: "r1"})
	events := testEvents()
	ours := string(encodeWith(&f, nil, testDevice(), event.AllFields, events))
	var sent []string
	if err := f.Decode([]byte(ours), func(n []byte) error { sent = append(sent, string(n)); return nil }); err != nil {
		t.Fatal(err)
	}
	all := strings.Replace(ours, `{"resourceLogs":[`, `{"resourceLogs":[{"resource":{"attributes":[{"key":"drover.run.id","value":{"intValue":"1"}}]},"scopeLogs":[{"logRecords":[{}]}]},7,`, 1)
	for _, tt := range []struct {
		name, doc, run string
		whole          bool
		records        int
		altered        int // of records
	}{
		{"ours", ours, "r1", true, len(events), 0},
		{"ours among others", all, "r1", true, len(events), 0},
		{"with a stranger's attribute", strings.Replace(ours, `{"key":"log.record.uid"`, `{"key":"k8s","value":{"arrayValue":{}}},{"key":"log.record.uid"`, 1), "r1", true, len(events), 1},
		{"another run's", ours, "r2", true, 0, 0},
		{"no run's", ours, "", true, 0, 0},
		{"half", ours[:len(ours)/2], "r1", false, 0, 0},
		{"no request", `{"resourceSpans":[]}`, "r1", true, 0, 0},
		{"no object", `[{"resourceLogs":[]}]`, "r1", true, 0, 0},
		{"nothing", "", "r1", false, 0, 0},
		{"other shapes", `{"resourceLogs":[{"resource":{"attributes":[{"key":"drover.run.id","value":{"stringValue":"r1"}}]},"scopeLogs":[{"logRecords":{}},{},[]]}]}`, "r1", true, 0, 0},
	} {
		n, altered := 0, 0
		whole, err := OTLPRecords([]byte(tt.doc), tt.run, func(r OTLPRecord) error {
			if string(r.ID) != fleet.GUID(events[n].ID).String() || string(r.Tenant) != testDevice().TenantID.String() {
				t.Errorf("%s: record %d is event %s of tenant %s", tt.name, n, r.ID, r.Tenant)
			}
			if string(r.Native) != sent[n] {
				altered++
			}
			n++
			return nil
		})
		if err != nil || whole != tt.whole || n != tt.records || altered != tt.altered {
			t.Errorf("%s: whole %t, %d records, %d altered, %v; want %t, %d, %d", tt.name, whole, n, altered, err, tt.whole, tt.records, tt.altered)
		}
	}
	torn := ours[:100] + ours[:50] + ours
	for _, want := range []string{ours[:50] + ours, ours, ""} {
		rest := OTLPRest([]byte(torn))
		if string(rest) != want {
			t.Fatalf("the rest of %.60q... is %.60q..., want %.60q...", torn, rest, want)
		}
		torn = string(rest)
	}
}
