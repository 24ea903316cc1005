package wire

import (
	"strconv"

	"drover/sim/event"
	"drover/sim/fleet"
)

// SyslogHeader is what is the same in the headers of all messages of a run.
type SyslogHeader struct {
	Facility int    // 0 to 23
	App      string // APP-NAME: 1 to 48 visible ASCII characters
	Run      string // visible ASCII without a quote, a backslash or a bracket
	Send     event.Fields
}

// Syslog puts the header of RFC 5424 before each event of a format that has nothing around its events:
//
//	<PRI>1 TIME DEVICE APP - KIND [drover@32473 run="…" event="…" seq="7" tenant="…"] EVENT
//
// TIME is the event's, and DEVICE the device identifier as far as Send has it, else "-". The severity is error of a crash, warning of
// a threat, and informational of all else. 32473 is the enterprise number for examples (RFC 5612). A message ends with a line feed,
// which no framing keeps.
func Syslog(f Format, h SyslogHeader) Format {
	inner := f.Event
	f.Name = "syslog"
	f.Begin = func(dst []byte, _ *fleet.Device, _ event.Fields) []byte { return dst }
	f.End = func(dst []byte, _ int) []byte { return dst }
	f.Event = func(dst []byte, _ int, d *fleet.Device, e *event.Event) []byte {
		dst = h.append(dst, d, e)
		if dst = inner(dst, 0, d, e); dst[len(dst)-1] != '\n' {
			dst = append(dst, '\n')
		}
		return dst
	}
	return f
}

// Severities of RFC 5424 section 6.2.1.
const (
	severityError   = 3
	severityWarning = 4
	severityInfo    = 6
)

func (h *SyslogHeader) append(dst []byte, d *fleet.Device, e *event.Event) []byte {
	severity := severityInfo
	switch e.Kind {
	case event.Crash:
		severity = severityError
	case event.WebThreat:
		severity = severityWarning
	}
	dst = strconv.AppendInt(append(dst, '<'), int64(h.Facility*8+severity), 10)
	dst = append(dst, ">1 "...)
	dst = append(appendTime(dst, e.At), ' ')
	if identified(d, h.Send) {
		dst = appendIdentifier(dst, d)
	} else {
		dst = append(dst, '-')
	}
	dst = append(append(append(dst, ' '), h.App...), " - "...)
	dst = append(append(dst, e.Kind.String()...), ` [drover@32473 run="`...)
	dst = append(append(dst, h.Run...), `" event="`...)
	dst = append(fleet.GUID(e.ID).AppendText(dst), `" seq="`...)
	dst = append(strconv.AppendUint(dst, uint64(e.Seq), 10), `" tenant="`...)
	return append(d.TenantID.AppendText(dst), `"] `...)
}
