package wire

import (
	"bytes"
	"strings"

	"drover/sim/event"
	"drover/sim/fleet"
)

// The two kinds of document inside a crash event, of which the decoder checks what makes them one.

// The two objects of an .ips file. Each iOS has fields of its own, so others are passed over.
var (
	reportHeader = shape{"header", []string{"bug_type", "incident_id"}, 1<<2 - 1, true}
	reportBody   = shape{"body", []string{"bug_type", "incident"}, 1<<2 - 1, true}
)

func (d *decoder) crash(e *Event) {
	c := &e.Crash
	var incident fleet.GUID
	for o := d.object(&crashShape); o.next(d); {
		switch o.field {
		case "incident_id":
			c.Incident = event.ID(d.guid())
		case "process":
			c.Process = d.oneOf("no other process may be named; want Defender, DefenderTunnel or DefenderFilter", event.Processes[:])
		case "exception":
			c.Exception = string(d.text())
		case "signal":
			c.Signal = string(d.text())
		case "reason":
			c.Reason = string(d.text())
		case "uptime_sec":
			c.UptimeSec = d.uint32()
		case "report":
			d.peek()
			from := d.pos
			var ok bool
			if e.Report = d.text(); d.err == nil {
				incident, ok = readReport(e.Report)
			}
			if d.err == nil && !ok {
				d.pos = from
				d.fail("want an .ips file: a line with a JSON object that has bug_type and incident_id, then a JSON object that has bug_type and incident")
			}
		case "metrickit":
			d.peek()
			from := d.pos
			if e.MetricKit = d.text(); d.err == nil && !isMetricKit(e.MetricKit) {
				d.pos = from
				d.fail("want a JSON object with timeStampBegin, timeStampEnd and either crashDiagnostics or applicationExitMetrics")
			}
		}
	}
	switch {
	case d.err != nil:
	case e.Report == nil && e.MetricKit == nil:
		d.failAt(&crashShape, "", "want report or metrickit, or both")
	case e.Report == nil:
		c.Form = event.MetricKit
	case incident != fleet.GUID(c.Incident):
		d.failAt(&crashShape, "report", "is of another incident than incident_id")
	case e.MetricKit != nil:
		c.Form = event.BothForms
	}
}

// metricShape is what a payload of MetricKit must have. It has one of crashDiagnostics and applicationExitMetrics, and more.
var metricShape = shape{"metrickit", []string{"timeStampBegin", "timeStampEnd", "crashDiagnostics", "applicationExitMetrics"}, 1<<2 - 1, true}

func isMetricKit(text []byte) bool {
	doc := decoder{data: text, event: -1}
	d := &doc
	of := 0
	for o := d.object(&metricShape); o.next(d); {
		switch c := d.peek(); {
		case o.field == "crashDiagnostics" && c != '[', o.field == "applicationExitMetrics" && c != '{':
			return false
		case c == '[' || c == '{':
			of++
			d.skip()
		default:
			d.text()
		}
	}
	return d.finish() == nil && of == 1
}

// readReport reports whether a text is an .ips file of a crash or of a kill for want of memory, whose parts agree, and of which
// incident.
func readReport(text []byte) (incident fleet.GUID, ok bool) {
	first, rest, ok := bytes.Cut(text, []byte("\n"))
	if !ok {
		return incident, false
	}
	var kind, ids [2]string
	for i, part := range []struct {
		text []byte
		s    *shape
	}{{first, &reportHeader}, {rest, &reportBody}} {
		doc := decoder{data: part.text, event: -1}
		d := &doc
		for o := d.object(part.s); o.next(d); {
			if o.field == "bug_type" {
				kind[i] = d.oneOf("want 309 or 298", bugTypes)
			} else {
				ids[i] = string(d.text())
			}
		}
		if d.finish() != nil {
			return incident, false
		}
	}
	// iOS writes ids in capitals.
	ok = parseUUID([]byte(strings.ToLower(ids[0])), (*[16]byte)(&incident))
	return incident, ok && kind[0] == kind[1] && ids[0] == ids[1]
}

var bugTypes = []string{"309", "298"}
