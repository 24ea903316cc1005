package wire

import (
	"strconv"
	"sync"

	"drover/sim/event"
	"drover/sim/fleet"
)

// OCSF writes each event as an event of the Open Cybersecurity Schema Framework 1.8.0 (schema.ocsf.io, released 2026-03-16), a line
// each. What no attribute of a class has a place for is in unmapped, by its native name. Classes: Device Inventory Info 5001,
// Software Inventory Info 5020, Detection Finding 2004 with the profile security_control, Application Error 6008, and Base Event 0
// where there is no class that fits.
func OCSF(c *Constants) Format { return lines("ocsf", ocsfTable(), c) }

// ocsfClasses are class and activity by kind, and how severe an event is: of an alert its risk says that.
var ocsfClasses = [event.NumKinds]struct {
	class, activity int
	severity        string
	profiles        string
}{
	event.Enrolment:   {5001, 1, "1", `["host"]`},
	event.Heartbeat:   {5001, 2, "1", `["host"]`},
	event.AppInfo:     {5020, 2, "1", `["host"]`},
	event.AppAction:   {0, 99, "1", `["host"]`},
	event.Memory:      {0, 99, "1", `["host"]`},
	event.WebThreat:   {2004, 1, "$detection.risk|severity", `["host","security_control"]`},
	event.Crash:       {6008, 1, "5", `["host"]`},
	event.Feedback:    {0, 99, "1", `["host"]`},
	event.Diagnostics: {0, 99, "1", `["host"]`},
}

var ocsfRows = []row{
	{"time", "$event.time|unixms"},
	{"metadata.version", `"1.8.0"`},
	{"metadata.uid", "$event.id"},
	{"metadata.sequence", "$event.seq"},
	{"metadata.event_code", "$event.kind"},
	{"metadata.correlation_uid", "$run.id"},
	{"metadata.tenant_uid", "$account.tenant_id"},
	{"metadata.product.vendor_name", `"Microsoft"`},
	{"metadata.product.name", "$app.name"},
	{"metadata.product.version", "$app.version"},
	{"device.uid", "$device.id.guid|guid or $device.id.wifi_mac|mac"},
	{"device.uid_alt", "$account.device_id"},
	{"device.type_id", "$device.cpu.model|ocsf or 0"},
	{"device.vendor_name", `$device.cpu.model|="Apple"`},
	{"device.model", "$device.cpu.model"},
	{"device.os.name", `$device.cpu.model|os or $device.os_version|="iOS"`},
	{"device.os.type_id", "$device.cpu.model|ocsf-os or $device.os_version|=301"},
	{"device.os.version", "$device.os_version"},
	{"device.os.build", "$device.os_build"},
	{"device.hw_info.cpu_type", "$device.cpu.soc"},
	{"device.hw_info.cpu_architecture", "$device.cpu.arch"},
	{"device.hw_info.cpu_cores", "$device.cpu.cores"},
	{"device.network_interfaces[].type_id", "$device.id.wifi_mac|=2"},
	{"device.network_interfaces[].mac", "$device.id.wifi_mac|mac"},
	{"device.org.uid", "$account.org_id"},
	{"actor.user.uid", "$account.user_id"},
	{"actor.user.name", "$account.upn"},
	{"actor.user.email_addr", "$account.upn"},
	{"unmapped.device.locale", "$device.locale"},
	{"unmapped.device.timezone", "$device.timezone"},
}

var ocsfKinds = [event.NumKinds][]row{
	event.AppInfo: {
		{"package.name", "$app.name"},
		{"package.version", "$app.version"},
	},
	event.AppAction: {{"activity_name", "$app.action"}},
	event.Memory:    {{"activity_name", `"memory"`}},
	event.WebThreat: {
		{"finding_info.uid", "$event.id"},
		{"finding_info.title", `"Malicious site"`},
		{"finding_info.types[]", "$detection.category"},
		{"is_alert", "true"},
		{"action_id", "$detection.bypassed|denied"},
		{"disposition_id", "$detection.bypassed|denied"},
		{"risk_level_id", "$detection.risk|risk-level"},
		{"evidences[].data.category", "$detection.category"},
		{"evidences[].data.score", "$detection.score"},
		{"evidences[].data.bypassed", "$detection.bypassed"},
		{"evidences[].data.risk", "$detection.risk"},
		{"evidences[].dst_endpoint.hostname", "$web.domain"},
		{"evidences[].dst_endpoint.ip", "$web.remote_ip"},
		{"evidences[].connection_info.direction_id", "$web.connection.direction|=2"},
	},
	event.Crash: {
		{"message", "$app.crash.reason"},
		{"raw_data", "$app.crash.report"},
	},
	event.Feedback: {
		{"activity_name", `"feedback"`},
		{"message", "$feedback.comments"},
	},
	event.Diagnostics: {{"activity_name", `"diagnostics"`}},
}

var ocsfTable = sync.OnceValue(func() *table {
	// An alert without a site has no other place for these two: an endpoint is one by its name or address alone.
	rows := ownRows("unmapped.", "app.action", "app.crash.reason", "app.crash.report", "feedback.comments", "web.domain", "web.remote_ip",
		"detection.category", "detection.score", "detection.bypassed", "detection.risk")
	for k, c := range ocsfClasses {
		rows[k] = append([]row{
			{"activity_id", strconv.Itoa(c.activity)},
			{"category_uid", strconv.Itoa(c.class / 1000)},
			{"class_uid", strconv.Itoa(c.class)},
			{"type_uid", strconv.Itoa(100*c.class + c.activity)},
			{"severity_id", c.severity},
			{"metadata.profiles", c.profiles},
		}, append(ocsfKinds[k], rows[k]...)...)
	}
	return newTable(".", "metadata.event_code", nil, ocsfRows, &rows)
})

// lines makes the format of a table whose documents go one to a line.
func lines(name string, t *table, c *Constants) Format {
	write := t.events(c)
	return Format{
		Name: name, ContentType: "application/x-ndjson", Then: true,
		Begin: func(dst []byte, _ *fleet.Device, _ event.Fields) []byte { return dst },
		Event: func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
			if n > 0 {
				dst = append(dst, '\n')
			}
			return write(dst, d, e)
		},
		End:    func(dst []byte, _ int) []byte { return append(dst, '\n') },
		Next:   between("\n"),
		Decode: t.decode,
	}
}

// decode reads documents one after another, or in a list.
func (t *table) decode(body []byte, each func(native []byte) error) error {
	var c capture
	return documents(body, func(doc []byte) error {
		native, err := t.document(doc, &c)
		if err != nil {
			return err
		}
		return each(native)
	})
}
