package wire

import (
	"bytes"
	"strconv"
	"time"

	"drover/sim/event"
)

// cellForm is a way in which a foreign format writes a field.
type cellForm struct {
	as   form
	odd  bool                                  // its text may need an escape
	to   func(dst, native []byte) []byte       // appends what stands for a native value
	from func(dst, text []byte) ([]byte, bool) // the way back; false: no native value is written so. Nil: what is written does not say all
	live func(dst []byte, v values) []byte     // the same as to, faster; nil
	same bool                                  // a native value is written as it is
}

// keep is the form of a value that is written as it is natively, where only values of one shape may be.
func keep(is func(text []byte) bool) *cellForm {
	return &cellForm{
		same: true,
		to:   func(dst, native []byte) []byte { return append(dst, native...) },
		from: func(dst, text []byte) ([]byte, bool) { return append(dst, text...), is(text) },
	}
}

// words is the form of a value that is one of few.
func words(as form, pairs ...string) *cellForm {
	return &cellForm{as: as, to: func(dst, native []byte) []byte {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == string(native) {
				return append(dst, pairs[i+1]...)
			}
		}
		return append(dst, pairs[len(pairs)-1]...) // the last one stands for what a stranger writes, too
	}}
}

// byModel is the form of what follows from a device being an iPhone or an iPad.
func byModel(as form, phone, pad string) *cellForm {
	return &cellForm{as: as,
		to: func(dst, native []byte) []byte {
			if bytes.HasPrefix(native, []byte("iPad")) {
				return append(dst, pad...)
			}
			return append(dst, phone...)
		},
	}
}

var cellForms = map[string]*cellForm{
	"guid": keep(func(text []byte) bool { var id [16]byte; return parseUUID(text, &id) }),
	"mac":  keep(func(text []byte) bool { var mac [6]byte; return parseMAC(text, &mac) }),
	"app":  keep(func(text []byte) bool { return string(text) == AppName }),
	"MAC": {to: appendUpperMAC, from: func(dst, text []byte) ([]byte, bool) { // IEEE 802, with hyphens
		from := len(dst)
		for _, c := range bytes.ToLower(text) {
			if c == '-' {
				c = ':'
			}
			dst = append(dst, c)
		}
		var mac [6]byte
		return dst, parseMAC(dst[from:], &mac)
	}},
	"unixms": {as: asNumber, live: timeForms["unixms"].append, to: inUnix(time.Time.UnixMilli), from: fromUnix(1)},
	"unixns": {live: timeForms["unixns"].append, to: inUnix(time.Time.UnixNano), from: fromUnix(1e6)},
	"iso7": {live: timeForms["iso7"].append, // seven decimals, as .NET writes them
		to: func(dst, native []byte) []byte {
			return append(append(dst, bytes.TrimSuffix(native, []byte("Z"))...), "0000Z"...)
		},
		from: func(dst, text []byte) ([]byte, bool) {
			head, ok := bytes.CutSuffix(text, []byte("0000Z"))
			return append(append(dst, head...), 'Z'), ok
		}},
	"lower": {to: func(dst, native []byte) []byte { return append(dst, bytes.ToLower(native)...) },
		live: func(dst []byte, v values) []byte { // the only field that is written so
			if ProtocolOf(v.e.Web.Port) == "HTTPS" {
				return append(dst, "https"...)
			}
			return append(dst, "http"...)
		},
		from: func(dst, text []byte) ([]byte, bool) { return append(dst, bytes.ToUpper(text)...), true }},
	"json": {odd: true, same: true, to: func(dst, native []byte) []byte { return append(dst, native...) },
		from: func(dst, text []byte) ([]byte, bool) { return append(dst, text...), wellFormed(text) == nil }},

	"os":       byModel(asText, "iOS", "iPadOS"),
	"ocsf-os":  byModel(asNumber, "301", "302"),
	"ocsf":     byModel(asNumber, "5", "4"), // device.type_id
	"host":     byModel(asText, "phone", "tablet"),
	"mde-type": byModel(asText, "Smartphone", "Tablet"),

	"severity":    words(asNumber, "clear", "1", "low", "2", "medium", "3", "high", "4"),
	"risk-level":  words(asNumber, "clear", "0", "low", "1", "medium", "2", "high", "3"),
	"denied":      words(asNumber, "true", "1", "false", "2"), // OCSF: 1 Allowed, 2 Denied, and 2 Blocked as a disposition
	"ecs-type":    words(asJSON, "true", `["allowed","connection"]`, "false", `["denied","connection"]`),
	"ecs-action":  words(asText, "true", "site-bypassed", "false", "site-blocked"),
	"mde-action":  words(asText, "true", "SmartScreenUserOverride", "false", "SmartScreenUrlWarning"),
	"otlp-number": words(asNumber, "clear", "9", "low", "13", "medium", "13", "high", "17"),
	"otlp-text":   words(asText, "clear", "INFO", "low", "WARN", "medium", "WARN", "high", "ERROR"),
}

func appendUpperMAC(dst, native []byte) []byte {
	for _, c := range native {
		switch {
		case c == ':':
			c = '-'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func inUnix(of func(time.Time) int64) func(dst, native []byte) []byte {
	return func(dst, native []byte) []byte {
		var t time.Time
		parseTime(native, &t)
		return strconv.AppendInt(dst, of(t), 10)
	}
}

// fromUnix reads a time in so many parts of a millisecond.
func fromUnix(parts int64) func(dst, text []byte) ([]byte, bool) {
	return func(dst, text []byte) ([]byte, bool) {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || n%parts != 0 {
			return dst, false
		}
		t := time.UnixMilli(n / parts).UTC()
		return appendTime(dst, t), t.Year() >= 0 && t.Year() <= 9999
	}
}

// nativeRows are the native document of one event, as far as it is not its events.
var nativeRows = []row{
	{"device.id.guid", "$device.id.guid"},
	{"device.id.wifi_mac", "$device.id.wifi_mac"},
	{"device.os_version", "$device.os_version"},
	{"device.os_build", "$device.os_build"},
	{"device.cpu.model", "$device.cpu.model"},
	{"device.cpu.soc", "$device.cpu.soc"},
	{"device.cpu.arch", "$device.cpu.arch"},
	{"device.cpu.cores", "$device.cpu.cores"},
	{"device.locale", "$device.locale"},
	{"device.timezone", "$device.timezone"},
	{"account.device_id", "$account.device_id"},
	{"account.user_id", "$account.user_id"},
	{"account.tenant_id", "$account.tenant_id"},
	{"account.org_id", "$account.org_id"},
	{"account.upn", "$account.upn"},
	{"app.name", "$app.name"},
	{"app.version", "$app.version"},
	{"events[].id", "$event.id"},
	{"events[].seq", "$event.seq"},
	{"events[].kind", "$event.kind"},
	{"events[].time", "$event.time"},
}

// ownRows are the fields of each kind of event by their native names, below a place.
func ownRows(below string, leave ...string) (rows [event.NumKinds][]row) {
	for _, f := range placeFields {
		if f.scope != ofEvent || f.kind == event.NumKinds {
			continue
		}
		left := false
		for _, l := range leave {
			left = left || l == f.name
		}
		if left {
			continue
		}
		rows[f.kind] = append(rows[f.kind], row{below + f.name, "$" + f.name})
	}
	return rows
}
