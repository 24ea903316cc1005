package wire

import (
	"slices"
	"strings"

	"drover/sim/event"
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

// parts says which parts each kind must have: what it is about. A web threat may have partWeb besides.
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
	detectionShape = shape{"events[].detection", []string{"category", "score", "bypassed", "risk"}, 1<<4 - 1, false}
	webShape       = shape{"events[].web", []string{"connection", "protocol", "domain", "remote_ip"}, 0, false}
	connShape      = shape{"events[].web.connection", []string{"remote_port", "direction"}, 1<<2 - 1, false}
	eventAppShape  = shape{"events[].app", []string{"upgrade_status", "action", "memory", "crash"}, 0, false}
	memoryShape    = shape{"events[].app.memory", []string{"app_kib", "app_peak_kib", "extension_kib", "extension_limit_kib"}, 1<<4 - 1, false}
	crashShape     = shape{"events[].app.crash", []string{"incident_id", "process", "exception", "signal", "reason", "uptime_sec", "report", "metrickit"}, 1<<6 - 1, false}
	feedbackShape  = shape{"events[].feedback", []string{"type", "email", "comments"}, 1 << 0, false}
	diagShape      = shape{"events[].diag", []string{"app_usage", "cpu_usage", "network_usage", "features", "browsers"}, 0, false}
	appUsageShape  = shape{"events[].diag.app_usage", []string{"sessions_per_day", "foreground_sec"}, 1<<2 - 1, false}
	cpuUsageShape  = shape{"events[].diag.cpu_usage", []string{"cpu_ms"}, 1, false}
	netUsageShape  = shape{"events[].diag.network_usage", []string{"sent_kib", "received_kib"}, 1<<2 - 1, false}
	featuresShape  = shape{"events[].diag.features", featureKeys(), 1<<event.NumFeatures - 1, false}
)

func featureKeys() (keys []string) {
	for f := range event.NumFeatures {
		keys = append(keys, f.Key())
	}
	return keys
}

var (
	upgradeWords  = []string{"unchanged", "upgraded", "fresh_install"}
	feedbackWords = []string{"smile", "frown", "idea"}
	protocolWords = []string{"HTTP", "HTTPS"}
	outbound      = []string{"outbound"}
	boolWords     = []string{"false", "true"}
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
			d.web(e)
		case "app":
			have |= d.eventApp(e)
		case "feedback":
			have |= partFeedback
			d.feedback(e)
		case "diag":
			have |= partDiag
			d.diag(e)
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
		case "risk":
			w.Risk = d.risk()
		}
	}
}

// web wants no empty object and no empty value: what is withheld is left out. A protocol must be the port's, if that is
// there: what an Event holds is the port alone.
func (d *decoder) web(e *Event) {
	w := &e.Web
	protocol := ""
	for o := d.object(&webShape); o.next(d); {
		switch o.field {
		case "connection":
			e.Has |= event.FieldsOf(event.WebConnection)
			for o := d.object(&connShape); o.next(d); {
				switch o.field {
				case "remote_port":
					w.Port = d.uint16()
				case "direction":
					d.oneOf("want outbound", outbound)
				}
			}
		case "protocol":
			e.Has |= event.FieldsOf(event.WebProtocol)
			protocol = d.oneOf("want HTTP or HTTPS", protocolWords)
		case "domain":
			e.Has |= event.FieldsOf(event.WebDomain)
			if e.Domain = d.text(); len(e.Domain) == 0 {
				d.fail("is empty; leave it out")
			}
		case "remote_ip":
			e.Has |= event.FieldsOf(event.WebRemoteIP)
			if e.RemoteIP = d.ipv4(); e.RemoteIP == [4]byte{} {
				d.fail("is 0.0.0.0; leave it out")
			}
		}
	}
	if d.err != nil {
		return
	}
	switch {
	case e.Has&event.WebThreat.Fields() == 0:
		d.failAt(&webShape, "", "is empty; leave it out")
	case protocol == "":
	case !e.Has.Has(event.WebConnection):
		if w.Port = 80; protocol == "HTTPS" {
			w.Port = 443
		}
	case ProtocolOf(w.Port) != protocol:
		d.failAt(&webShape, "protocol", "is not what is spoken on connection.remote_port")
	}
}

// eventApp takes exactly one of the things an event can say about the app.
func (d *decoder) eventApp(e *Event) (have uint) {
	n := 0
	for o := d.object(&eventAppShape); o.next(d); n++ {
		switch o.field {
		case "upgrade_status":
			have, e.Has = partUpgrade, e.Has|event.FieldsOf(event.AppUpgradeStatus)
			e.App.UpgradeStatus = d.oneOf("want fresh_install, upgraded or unchanged", upgradeWords)
		case "action":
			have, e.Has = partAction, e.Has|event.FieldsOf(event.AppActions)
			e.Action = d.oneOf("unknown action", event.Actions[:])
		case "memory":
			have, e.Has = partMemory, e.Has|event.FieldsOf(event.AppMemory)
			d.memory(&e.Mem)
		case "crash":
			have, e.Has = partCrash, e.Has|event.FieldsOf(event.AppCrash)
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

func (d *decoder) feedback(e *Event) {
	for o := d.object(&feedbackShape); o.next(d); {
		switch o.field {
		case "type":
			e.Has |= event.FieldsOf(event.FeedbackType)
			e.Feedback.Type = d.oneOf("want smile, frown or idea", feedbackWords)
		case "email":
			e.Has |= event.FieldsOf(event.FeedbackEmail)
			e.Feedback.Email, e.Email = true, d.text()
		case "comments":
			e.Has |= event.FieldsOf(event.FeedbackComments)
			if e.Feedback.Comment = string(d.text()); e.Feedback.Comment == "" {
				d.fail("is empty; leave it out")
			}
		}
	}
}

func (d *decoder) diag(e *Event) {
	g := &e.Diag
	for o := d.object(&diagShape); o.next(d); {
		switch o.field {
		case "app_usage":
			e.Has |= event.FieldsOf(event.DiagAppUsage)
			for o := d.object(&appUsageShape); o.next(d); {
				switch o.field {
				case "sessions_per_day":
					g.SessionsPerDay = d.uint16()
				case "foreground_sec":
					g.ForegroundSec = d.uint32()
				}
			}
		case "cpu_usage":
			e.Has |= event.FieldsOf(event.DiagCPUUsage)
			for o := d.object(&cpuUsageShape); o.next(d); {
				g.CPUMillis = d.uint32()
			}
		case "network_usage":
			e.Has |= event.FieldsOf(event.DiagNetworkUsage)
			for o := d.object(&netUsageShape); o.next(d); {
				switch o.field {
				case "sent_kib":
					g.SentKiB = d.uint32()
				case "received_kib":
					g.ReceivedKiB = d.uint32()
				}
			}
		case "features":
			e.Has |= event.FieldsOf(event.DiagFeatures)
			d.features(&g.Features)
		case "browsers":
			e.Has |= event.FieldsOf(event.DiagBrowsers)
			g.Browsers = d.browsers()
		}
	}
	if d.err == nil && e.Has&event.Diagnostics.Fields() == 0 {
		d.failAt(&diagShape, "", "is empty; leave the event out")
	}
}

func (d *decoder) features(values *event.Features) {
	for o := d.object(&featuresShape); o.next(d); {
		f := event.Feature(o.index)
		switch f.Form() {
		case event.TextBool:
			if d.oneOf(`want "true" or "false"`, boolWords) == "true" {
				values[f] = 1
			}
		case event.Bool:
			if d.bool() {
				values[f] = 1
			}
		default:
			d.peek()
			from := d.pos
			n := d.uint32()
			if values[f] = uint8(n); n > 2 {
				d.pos = from
				d.fail("want 0, 1 or 2")
			}
		}
	}
}

// browsers wants the names in order, each once: one set, one form.
func (d *decoder) browsers() (set event.Browsers) {
	if !d.expect('[', "an array") {
		return 0
	}
	for last := -1; d.peek() != ']' && d.err == nil; {
		if set != 0 && !d.expect(',', "a comma or the end of the array") {
			break
		}
		d.peek()
		from := d.pos
		i := slices.Index(event.BrowserNames[:], d.oneOf("want the name of a browser", event.BrowserNames[:]))
		if d.err == nil && i <= last {
			d.pos = from
			d.fail("want each browser once, in the order " + strings.Join(event.BrowserNames[:], ", "))
		}
		if d.err == nil {
			set |= 1 << i
			last = i
		}
	}
	d.pos++
	return set
}
