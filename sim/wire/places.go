package wire

import (
	"slices"
	"strconv"

	"drover/sim/crash"
	"drover/sim/event"
	"drover/sim/fleet"
)

// scope says when a template's field has a value.
type scope uint8

const (
	ofRun    scope = iota // the same for the whole run
	ofUpload              // by device, and by upload
	ofEvent
)

// form is how a field's value is written in JSON.
type form uint8

const (
	asText   form = iota // in quotes
	asNumber             // as it stands, like the next two
	asBool
	asJSON
)

// values are what a template's fields are read from.
type values struct {
	c *Constants
	d *fleet.Device
	e *event.Event // nil outside of events
	k []byte       // idempotency key of the upload; nil in bodies
}

// Constants are what is the same for all requests of a run.
type Constants struct {
	Run  string
	Send event.Fields // data types of the scenario's contract
	Doc  *Format      // what ${event.doc} and ${upload.doc} are; nil: Native

	Secret string // by which devices ask for their tokens
}

// placeField is one field that a template can name. What it appends is its value as plain text, or as JSON where form says so.
type placeField struct {
	name   string
	scope  scope
	form   form
	data   event.Field // the data type that it belongs to; NumFields: none, it is always there
	kind   event.Kind  // of the events that have it; NumKinds: all
	append func(dst []byte, v values) []byte
	has    func(v values) bool // beyond data type and kind; nil: always
	time   bool                // it can be written in the forms of timeForms
	safe   bool                // its text needs no escape, neither in JSON nor in a URL
	key    bool                // it is the upload's key, which look-ups do not have
	tenant bool                // it is the same for all devices of a tenant
}

// there reports whether the field has a value.
func (f *placeField) there(v values) bool {
	if f.kind != event.NumKinds && v.e.Kind != f.kind {
		return false
	}
	if f.data != event.NumFields {
		if k, _ := f.data.Kind(); k < event.NumKinds {
			if !v.e.Has.Has(f.data) {
				return false
			}
		} else if !v.c.Send.Has(f.data) {
			return false
		}
	}
	return (f.has == nil || f.has(v)) && !(f.key && len(v.k) == 0)
}

// sure reports whether every upload, or event, of a run has the field.
func (f *placeField) sure(c *Constants) bool {
	if f.name == "device.id" { // a device has one of the two that its contract has
		return c.Send&event.FieldsOf(event.DeviceGUID, event.DeviceWiFiMAC) != 0
	}
	return f.kind == event.NumKinds && f.has == nil && (f.data == event.NumFields || c.Send.Has(f.data))
}

// ofThreat reports whether every threat that is looked up has the field.
func (f *placeField) ofThreat(c *Constants) bool {
	return f.kind == event.WebThreat && (f.data == none || f.data == event.WebDomain && c.Send.Has(f.data))
}

const (
	none    = event.NumFields
	anyKind = event.NumKinds
)

// placeFields are all fields, in the order in which they are told. Those of devices and events are named as in the native format.
var placeFields = []placeField{
	{name: "run.id", scope: ofRun, data: none, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.c.Run...) }},
	{name: "auth.secret", scope: ofRun, data: none, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.c.Secret...) }},
	{name: "upload.key", scope: ofUpload, data: none, kind: anyKind, safe: true, key: true, append: func(b []byte, v values) []byte { return append(b, v.k...) }},

	{name: "device.id", scope: ofUpload, data: none, kind: anyKind, append: appendDeviceID,
		has: func(v values) bool { return identified(v.d, v.c.Send) }},
	{name: "device.id.guid", scope: ofUpload, data: event.DeviceGUID, kind: anyKind, safe: true, append: appendDeviceID, has: func(v values) bool { return !v.d.HasMAC }},
	{name: "device.id.wifi_mac", scope: ofUpload, data: event.DeviceWiFiMAC, kind: anyKind, append: appendDeviceID, has: func(v values) bool { return v.d.HasMAC }},
	{name: "device.os_version", scope: ofUpload, data: event.DeviceOSVersion, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.d.OS.Version...) }},
	{name: "device.os_build", scope: ofUpload, data: event.DeviceOSVersion, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.d.OS.Build...) }},
	{name: "device.cpu.model", scope: ofUpload, data: event.DeviceCPU, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.d.Model.ID...) }},
	{name: "device.cpu.soc", scope: ofUpload, data: event.DeviceCPU, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.d.Model.SoC...) }},
	{name: "device.cpu.arch", scope: ofUpload, data: event.DeviceCPU, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.d.Model.Arch...) }},
	{name: "device.cpu.cores", scope: ofUpload, form: asNumber, data: event.DeviceCPU, kind: anyKind, append: func(b []byte, v values) []byte { return appendUint(b, uint32(max(0, v.d.Model.Cores))) }},
	{name: "device.locale", scope: ofUpload, data: none, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.d.Locale...) }},
	{name: "device.timezone", scope: ofUpload, data: none, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.d.Timezone.String()...) }},

	{name: "account.device_id", scope: ofUpload, data: none, kind: anyKind, safe: true, append: func(b []byte, v values) []byte { return v.d.EntraID.AppendText(b) }},
	{name: "account.user_id", scope: ofUpload, data: event.AccountUserID, kind: anyKind, safe: true, append: func(b []byte, v values) []byte { return v.d.UserID.AppendText(b) }},
	{name: "account.tenant_id", scope: ofUpload, tenant: true, data: none, kind: anyKind, safe: true, append: func(b []byte, v values) []byte { return v.d.TenantID.AppendText(b) }},
	{name: "account.org_id", scope: ofUpload, tenant: true, data: event.AccountOrgID, kind: anyKind, safe: true, append: func(b []byte, v values) []byte { return v.d.OrgID.AppendText(b) }},
	{name: "account.upn", scope: ofUpload, data: event.AccountUPN, kind: anyKind, append: func(b []byte, v values) []byte { return v.d.UPN.AppendText(b) }},
	{name: "app.name", scope: ofUpload, tenant: true, data: event.AppName, kind: anyKind, append: func(b []byte, _ values) []byte { return append(b, AppName...) }},
	{name: "app.version", scope: ofUpload, data: event.AppVersion, kind: anyKind, append: func(b []byte, v values) []byte { return append(b, v.d.App...) }},

	{name: "event.id", scope: ofEvent, data: none, kind: anyKind, safe: true, append: func(b []byte, v values) []byte { return fleet.GUID(v.e.ID).AppendText(b) }},
	{name: "event.seq", scope: ofEvent, form: asNumber, data: none, kind: anyKind, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Seq) }},
	{name: "event.kind", scope: ofEvent, data: none, kind: anyKind, safe: true, append: func(b []byte, v values) []byte { return append(b, v.e.Kind.String()...) }},
	{name: "event.time", scope: ofEvent, data: none, kind: anyKind, time: true, append: func(b []byte, v values) []byte { return appendTime(b, v.e.At) }},
	{name: "event.json", scope: ofEvent, form: asJSON, data: none, kind: anyKind, append: func(b []byte, v values) []byte { return appendNative(b, 0, v.d, v.e) }},
	{name: "event.upload", scope: ofEvent, form: asJSON, data: none, kind: anyKind, append: func(b []byte, v values) []byte {
		return endNative(appendNative(beginNative(b, v.d, v.c.Send), 0, v.d, v.e), 0)
	}},
	{name: "event.doc", scope: ofEvent, form: asJSON, data: none, kind: anyKind, append: appendDoc},

	{name: "detection.category", scope: ofEvent, data: none, kind: event.WebThreat, safe: true, append: func(b []byte, v values) []byte { return append(b, v.e.Web.Verdict.String()...) }},
	{name: "detection.score", scope: ofEvent, form: asNumber, data: none, kind: event.WebThreat, append: func(b []byte, v values) []byte { return appendScore(b, v.e.Web.Score) }},
	{name: "detection.bypassed", scope: ofEvent, form: asBool, data: none, kind: event.WebThreat, append: func(b []byte, v values) []byte { return strconv.AppendBool(b, v.e.Web.Bypassed) }},
	{name: "detection.risk", scope: ofEvent, data: none, kind: event.WebThreat, safe: true, append: func(b []byte, v values) []byte { return append(b, v.e.Web.Risk.String()...) }},
	{name: "web.connection.remote_port", scope: ofEvent, form: asNumber, data: event.WebConnection, kind: event.WebThreat, append: func(b []byte, v values) []byte { return appendUint(b, uint32(v.e.Web.Port)) }},
	{name: "web.connection.direction", scope: ofEvent, data: event.WebConnection, kind: event.WebThreat, safe: true, append: func(b []byte, _ values) []byte { return append(b, "outbound"...) }},
	{name: "web.protocol", scope: ofEvent, data: event.WebProtocol, kind: event.WebThreat, safe: true, append: func(b []byte, v values) []byte { return append(b, ProtocolOf(v.e.Web.Port)...) }},
	{name: "web.domain", scope: ofEvent, data: event.WebDomain, kind: event.WebThreat, append: func(b []byte, v values) []byte { return v.e.Web.Host.Append(b) }},
	{name: "web.remote_ip", scope: ofEvent, data: event.WebRemoteIP, kind: event.WebThreat, append: func(b []byte, v values) []byte {
		ip, _ := v.e.Web.Address.IPv4()
		return appendIPv4(b, ip)
	}},

	{name: "app.upgrade_status", scope: ofEvent, data: event.AppUpgradeStatus, kind: event.AppInfo, append: func(b []byte, v values) []byte { return append(b, v.e.App.UpgradeStatus...) }},
	{name: "app.action", scope: ofEvent, data: event.AppActions, kind: event.AppAction, append: func(b []byte, v values) []byte { return append(b, v.e.Action...) }},
	{name: "app.memory.app_kib", scope: ofEvent, form: asNumber, data: event.AppMemory, kind: event.Memory, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Mem.AppKiB) }},
	{name: "app.memory.app_peak_kib", scope: ofEvent, form: asNumber, data: event.AppMemory, kind: event.Memory, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Mem.AppPeakKiB) }},
	{name: "app.memory.extension_kib", scope: ofEvent, form: asNumber, data: event.AppMemory, kind: event.Memory, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Mem.ExtensionKiB) }},
	{name: "app.memory.extension_limit_kib", scope: ofEvent, form: asNumber, data: event.AppMemory, kind: event.Memory, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Mem.ExtensionLimitKiB) }},
	{name: "app.crash.incident_id", scope: ofEvent, data: event.AppCrash, kind: event.Crash, safe: true, append: func(b []byte, v values) []byte { return fleet.GUID(v.e.Crash.Incident).AppendText(b) }},
	{name: "app.crash.process", scope: ofEvent, data: event.AppCrash, kind: event.Crash, append: func(b []byte, v values) []byte { return append(b, v.e.Crash.Process...) }},
	{name: "app.crash.exception", scope: ofEvent, data: event.AppCrash, kind: event.Crash, append: func(b []byte, v values) []byte { return append(b, v.e.Crash.Exception...) }},
	{name: "app.crash.signal", scope: ofEvent, data: event.AppCrash, kind: event.Crash, append: func(b []byte, v values) []byte { return append(b, v.e.Crash.Signal...) }},
	{name: "app.crash.reason", scope: ofEvent, data: event.AppCrash, kind: event.Crash, append: func(b []byte, v values) []byte { return append(b, v.e.Crash.Reason...) }},
	{name: "app.crash.uptime_sec", scope: ofEvent, form: asNumber, data: event.AppCrash, kind: event.Crash, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Crash.UptimeSec) }},
	{name: "app.crash.report", scope: ofEvent, data: event.AppCrash, kind: event.Crash, append: func(b []byte, v values) []byte { return crash.Append(b, v.d, v.e) },
		has: func(v values) bool { return v.e.Crash.Form != event.MetricKit }},
	{name: "app.crash.metrickit", scope: ofEvent, data: event.AppCrash, kind: event.Crash, append: func(b []byte, v values) []byte { return crash.AppendMetricKit(b, v.d, v.e) },
		has: func(v values) bool { return v.e.Crash.Form != event.IPS }},

	{name: "feedback.type", scope: ofEvent, data: event.FeedbackType, kind: event.Feedback, append: func(b []byte, v values) []byte { return append(b, v.e.Feedback.Type...) }},
	{name: "feedback.email", scope: ofEvent, data: event.FeedbackEmail, kind: event.Feedback, append: func(b []byte, v values) []byte { return v.d.UPN.AppendText(b) }},
	{name: "feedback.comments", scope: ofEvent, data: event.FeedbackComments, kind: event.Feedback, append: func(b []byte, v values) []byte { return append(b, v.e.Feedback.Comment...) }},

	{name: "diag.app_usage.sessions_per_day", scope: ofEvent, form: asNumber, data: event.DiagAppUsage, kind: event.Diagnostics, append: func(b []byte, v values) []byte { return appendUint(b, uint32(v.e.Diag.SessionsPerDay)) }},
	{name: "diag.app_usage.foreground_sec", scope: ofEvent, form: asNumber, data: event.DiagAppUsage, kind: event.Diagnostics, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Diag.ForegroundSec) }},
	{name: "diag.cpu_usage.cpu_ms", scope: ofEvent, form: asNumber, data: event.DiagCPUUsage, kind: event.Diagnostics, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Diag.CPUMillis) }},
	{name: "diag.network_usage.sent_kib", scope: ofEvent, form: asNumber, data: event.DiagNetworkUsage, kind: event.Diagnostics, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Diag.SentKiB) }},
	{name: "diag.network_usage.received_kib", scope: ofEvent, form: asNumber, data: event.DiagNetworkUsage, kind: event.Diagnostics, append: func(b []byte, v values) []byte { return appendUint(b, v.e.Diag.ReceivedKiB) }},
	{name: "diag.features", scope: ofEvent, form: asJSON, data: event.DiagFeatures, kind: event.Diagnostics, append: func(b []byte, v values) []byte { return appendFeatures(b, &v.e.Diag.Features) }},
	{name: "diag.browsers", scope: ofEvent, form: asJSON, data: event.DiagBrowsers, kind: event.Diagnostics, append: func(b []byte, v values) []byte { return appendBrowsers(b, v.e.Diag.Browsers) }},
}

// slotOf is where a field is in placeFields; below 0: there is none.
func slotOf(name string) int {
	return slices.IndexFunc(placeFields, func(f placeField) bool { return f.name == name })
}

// PlaceNames returns the names of all fields that a template can have.
func PlaceNames() []string {
	names := make([]string, len(placeFields))
	for i, f := range placeFields {
		names[i] = f.name
	}
	return names
}

func appendDeviceID(dst []byte, v values) []byte { return appendIdentifier(dst, v.d) }

// appendDoc writes the event in the target's format: as a document of its own where the format has one for each event.
func appendDoc(dst []byte, v values) []byte {
	if f := v.c.Doc; f != nil {
		return f.Event(dst, 0, v.d, v.e)
	}
	return appendNative(dst, 0, v.d, v.e)
}

// timeForms are the ways to write a time, and whether the result is a number in JSON.
var timeForms = map[string]struct {
	form   form
	append func(dst []byte, v values) []byte
}{
	"rfc3339": {asText, func(b []byte, v values) []byte { return appendTime(b, v.e.At) }},
	"iso7": {asText, func(b []byte, v values) []byte { // seven decimals, as .NET writes them
		b = appendTime(b, v.e.At)
		return append(b[:len(b)-1], "0000Z"...)
	}},
	"unix":   {asNumber, func(b []byte, v values) []byte { return strconv.AppendInt(b, v.e.At.Unix(), 10) }},
	"unixms": {asNumber, func(b []byte, v values) []byte { return strconv.AppendInt(b, v.e.At.UnixMilli(), 10) }},
	"unixns": {asNumber, func(b []byte, v values) []byte { return strconv.AppendInt(b, v.e.At.UnixNano(), 10) }},
	"unixsec": {asNumber, func(b []byte, v values) []byte { // with three decimals
		ms := v.e.At.UnixMilli()
		b = append(strconv.AppendInt(b, ms/1000, 10), '.')
		return append(b, '0'+byte(ms/100%10), '0'+byte(ms/10%10), '0'+byte(ms%10))
	}},
}
