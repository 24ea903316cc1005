package wire

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"drover/sim/event"
	"drover/sim/fleet"
)

// The grammar of RFC 5424 section 6, as far as these messages use it.
var rfc5424 = regexp.MustCompile(`^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) ([!-~]{1,48}) - ([!-~]{1,32}) \[drover@32473 run="([^"\\\]]*)" event="([0-9a-f-]{36})" seq="(\d+)" tenant="([0-9a-f-]{36})"\] (.*)$`)

// TestSyslog: each event is a message whose header says what the event says, and whose text is the event as the format inside has it.
func TestSyslog(t *testing.T) {
	mac := testDevice()
	mac.HasMAC, mac.MAC = true, [6]byte{0xa4, 0x83, 0xe7, 0, 0xff, 1}
	for _, d := range []*fleet.Device{testDevice(), mac} {
		for _, send := range []event.Fields{event.AllFields, AddressFields &^ event.FieldsOf(event.DeviceGUID, event.DeviceWiFiMAC)} {
			inner := CloudEvents(&Constants{Send: send})
			f := Syslog(inner, SyslogHeader{Facility: 16, App: "defender", Run: "r1", Send: send})
			events := testEvents()
			text := string(encodeWith(&f, nil, d, send, events))
			lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			if len(lines) != len(events) {
				t.Fatalf("%d lines for %d events", len(lines), len(events))
			}
			for i, line := range lines {
				m := rfc5424.FindStringSubmatch(line)
				if m == nil {
					t.Fatalf("not of RFC 5424: %s", line)
				}
				e := &events[i]
				severity := map[event.Kind]int{event.Crash: 3, event.WebThreat: 4}[e.Kind]
				if severity == 0 {
					severity = 6
				}
				host := DeviceID{HasMAC: d.HasMAC, GUID: d.GUID, MAC: d.MAC}.String()
				if send != event.AllFields {
					host = "-"
				}
				want := []string{fmt.Sprint(16*8 + severity), string(appendTime(nil, e.At)), host, "defender", e.Kind.String(), "r1",
					fleet.GUID(e.ID).String(), fmt.Sprint(e.Seq), d.TenantID.String(), string(encodeWith(&inner, nil, d, send, events[i:i+1]))}
				for j, w := range want {
					if m[1+j] != w {
						t.Errorf("part %d is %q, want %q", j, m[1+j], w)
					}
				}
			}
		}
	}
}

// TestNameText: what a name cannot have becomes _ in the values of fields, and stays as it is in the text around them.
func TestNameText(t *testing.T) {
	d := testDevice()
	d.OS.Version = "26.4*2 é"
	name, bad := ParseTemplate("drover.>.${device.os_version}$[.x${device.id}].${run.id}")
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	got := string(NameText(&Constants{Run: "r.1", Send: event.AllFields}, name, ".*>")(nil, d, nil, nil))
	if want := "drover.>.26_4_2___.x" + d.GUID.String() + ".r_1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
