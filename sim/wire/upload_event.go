package wire

import (
	"bytes"
	"strings"

	"drover/sim/event"
	"drover/sim/fleet"
)

// The parts an event may have besides id, seq, kind and time.
const (
	partUpgrade = 1 << iota
	partAction
	partMemory
	partCrash
	partDetection
	partWeb
	partFeedback
	partDiag
)

// parts says which parts each kind must have. A web threat may have partWeb besides.
var parts = [event.NumKinds]uint{
	event.AppInfo:     partUpgrade,
	event.AppAction:   partAction,
	event.Memory:      partMemory,
	event.WebThreat:   partDetection,
	event.Crash:       partCrash,
	event.Feedback:    partFeedback,
	event.Diagnostics: partDiag,
}

var (
	eventShape     = shape{"events[]", []string{"id", "seq", "kind", "time", "detection", "web", "app", "feedback", "diag"}, 1<<4 - 1, false}
	detectionShape = shape{"events[].detection", []string{"category", "score", "bypassed"}, 1<<3 - 1, false}
	webShape       = shape{"events[].web", []string{"domain", "remote_ip"}, 0, false}
	eventAppShape  = shape{"events[].app", []string{"upgrade_status", "action", "memory", "crash"}, 0, false}
	memoryShape    = shape{"events[].app.memory", []string{"app_kib", "app_peak_kib", "extension_kib", "extension_limit_kib"}, 1<<4 - 1, false}
	crashShape     = shape{"events[].app.crash", []string{"incident_id", "process", "exception", "signal", "reason", "uptime_sec", "report"}, 1<<7 - 1, false}
	feedbackShape  = shape{"events[].feedback", []string{"type", "email", "comments"}, 1 << 0, false}
	diagShape      = shape{"events[].diag", []string{"app_usage", "cpu_usage", "network_usage"}, 1<<3 - 1, false}
	appUsageShape  = shape{"events[].diag.app_usage", []string{"sessions_per_day", "foreground_sec"}, 1<<2 - 1, false}
	cpuUsageShape  = shape{"events[].diag.cpu_usage", []string{"cpu_ms"}, 1, false}
	netUsageShape  = shape{"events[].diag.network_usage", []string{"sent_kib", "received_kib"}, 1<<2 - 1, false}
)

var (
	upgradeWords  = []string{"unchanged", "upgraded", "fresh_install"}
	feedbackWords = []string{"smile", "frown", "idea"}
	processWords  = []string{"Defender", "DefenderTunnel"}
)

func (d *decoder) readEvent(e *Event) {
	*e = Event{}
	d.peek()
	from := d.pos
	var have uint
	for o := d.object(&eventShape); o.next(d); {
		switch o.field {
		case "id":
			e.ID = event.ID(d.guid())
		case "seq":
			e.Seq = d.uint32()
		case "kind":
			e.Kind = d.kind()
		case "time":
			e.At = d.time()
		case "detection":
			have |= partDetection
			d.detection(&e.Web)
		case "web":
			have |= partWeb
			d.web(&e.Web)
		case "app":
			have |= d.eventApp(e)
		case "feedback":
			have |= partFeedback
			d.feedback(e)
		case "diag":
			have |= partDiag
			d.diag(&e.Diag)
		}
	}
	if d.err != nil {
		return
	}
	e.Raw = d.data[from:d.pos:d.pos]
	need := parts[e.Kind]
	may := need
	if e.Kind == event.WebThreat {
		may |= partWeb
	}
	if have&^may != 0 || need&^have != 0 {
		d.failAt(&eventShape, "", "the fields do not fit kind "+e.Kind.String())
	}
}

func (d *decoder) detection(w *event.Web) {
	for o := d.object(&detectionShape); o.next(d); {
		switch o.field {
		case "category":
			w.Verdict = d.category()
		case "score":
			w.Score = d.score()
		case "bypassed":
			w.Bypassed = d.bool()
		}
	}
}

// web wants no empty object and no empty value: what is withheld is left out.
func (d *decoder) web(w *event.Web) {
	for o := d.object(&webShape); o.next(d); {
		switch o.field {
		case "domain":
			if w.Host = d.text(); len(w.Host) == 0 {
				d.fail("is empty; leave it out")
			}
		case "remote_ip":
			if w.Address = d.ipv4(); w.Address == [4]byte{} {
				d.fail("is 0.0.0.0; leave it out")
			}
		}
	}
	if d.err == nil && len(w.Host) == 0 && w.Address == [4]byte{} {
		d.failAt(&webShape, "", "is empty; leave it out")
	}
}

// eventApp takes exactly one of the things an event can say about the app.
func (d *decoder) eventApp(e *Event) (have uint) {
	n := 0
	for o := d.object(&eventAppShape); o.next(d); n++ {
		switch o.field {
		case "upgrade_status":
			have = partUpgrade
			e.App.UpgradeStatus = d.oneOf("want fresh_install, upgraded or unchanged", upgradeWords)
		case "action":
			have = partAction
			e.Action = d.oneOf("unknown action", event.Actions[:])
		case "memory":
			have = partMemory
			d.memory(&e.Mem)
		case "crash":
			have = partCrash
			d.crash(e)
		}
	}
	if d.err == nil && n != 1 {
		d.failAt(&eventAppShape, "", "want exactly one of upgrade_status, action, memory and crash")
	}
	return have
}

func (d *decoder) memory(m *event.MemoryUse) {
	for o := d.object(&memoryShape); o.next(d); {
		switch o.field {
		case "app_kib":
			m.AppKiB = d.uint32()
		case "app_peak_kib":
			m.AppPeakKiB = d.uint32()
		case "extension_kib":
			m.ExtensionKiB = d.uint32()
		case "extension_limit_kib":
			m.ExtensionLimitKiB = d.uint32()
		}
	}
}

func (d *decoder) crash(e *Event) {
	c := &e.Crash
	var incident fleet.GUID
	for o := d.object(&crashShape); o.next(d); {
		switch o.field {
		case "incident_id":
			c.Incident = event.ID(d.guid())
		case "process":
			c.Process = d.oneOf("no other process may be named; want Defender or DefenderTunnel", processWords)
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
		}
	}
	if d.err == nil && incident != fleet.GUID(c.Incident) {
		d.failAt(&crashShape, "report", "is of another incident than incident_id")
	}
}

// The two objects of an .ips file. Each iOS has fields of its own, so others are passed over.
var (
	reportHeader = shape{"header", []string{"bug_type", "incident_id"}, 1<<2 - 1, true}
	reportBody   = shape{"body", []string{"bug_type", "incident"}, 1<<2 - 1, true}
)

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

func (d *decoder) feedback(e *Event) {
	for o := d.object(&feedbackShape); o.next(d); {
		switch o.field {
		case "type":
			e.Feedback.Type = d.oneOf("want smile, frown or idea", feedbackWords)
		case "email":
			e.Feedback.Email, e.Email = true, d.text()
		case "comments":
			if e.Feedback.Comment = string(d.text()); e.Feedback.Comment == "" {
				d.fail("is empty; leave it out")
			}
		}
	}
}

func (d *decoder) diag(g *event.Diagnostic) {
	for o := d.object(&diagShape); o.next(d); {
		switch o.field {
		case "app_usage":
			for o := d.object(&appUsageShape); o.next(d); {
				switch o.field {
				case "sessions_per_day":
					g.SessionsPerDay = d.uint16()
				case "foreground_sec":
					g.ForegroundSec = d.uint32()
				}
			}
		case "cpu_usage":
			for o := d.object(&cpuUsageShape); o.next(d); {
				g.CPUMillis = d.uint32()
			}
		case "network_usage":
			for o := d.object(&netUsageShape); o.next(d); {
				switch o.field {
				case "sent_kib":
					g.SentKiB = d.uint32()
				case "received_kib":
					g.ReceivedKiB = d.uint32()
				}
			}
		}
	}
}
