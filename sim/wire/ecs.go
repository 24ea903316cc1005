package wire

import (
	"sync"

	"drover/sim/event"
)

// ECS writes each event as a document of the Elastic Common Schema 9.4, a line each. What no field of it has a place for is in
// defender, by its native name.
func ECS(c *Constants) Format { return lines("ecs", ecsTable(), c) }

var ecsRows = []row{
	{"@timestamp", "$event.time"},
	{"ecs.version", `"9.4.0"`},
	{"event.id", "$event.id"},
	{"event.sequence", "$event.seq"},
	{"event.code", "$event.kind"},
	{"event.module", `"defender"`},
	{"labels.run_id", "$run.id"},
	{"labels.entra_device_id", "$account.device_id"},
	{"organization.id", "$account.tenant_id"},
	{"device.id", "$device.id.guid|guid or $device.id.wifi_mac|mac"},
	{"device.manufacturer", `$device.cpu.model|="Apple"`},
	{"device.model.identifier", "$device.cpu.model"},
	{"host.id", "$device.id.guid|guid or $device.id.wifi_mac|mac"},
	{"host.mac[]", "$device.id.wifi_mac|MAC"},
	{"host.type", "$device.cpu.model|host"},
	{"host.architecture", `$device.cpu.arch|="arm64"`},
	{"host.os.type", `$device.os_version|="ios"`},
	{"host.os.name", `$device.cpu.model|os or $device.os_version|="iOS"`},
	{"host.os.version", "$device.os_version"},
	{"observer.vendor", `"Microsoft"`},
	{"observer.product", "$app.name"},
	{"observer.version", "$app.version"},
	{"user.id", "$account.user_id"},
	{"user.name", "$account.upn"},
	{"user.email", "$account.upn"},
	{"defender.device.os_build", "$device.os_build"},
	{"defender.device.cpu.soc", "$device.cpu.soc"},
	{"defender.device.cpu.arch", "$device.cpu.arch"},
	{"defender.device.cpu.cores", "$device.cpu.cores"},
	{"defender.device.locale", "$device.locale"},
	{"defender.device.timezone", "$device.timezone"},
	{"defender.account.org_id", "$account.org_id"},
}

var ecsKinds = [event.NumKinds][]row{
	event.Enrolment: ecsEvent("state", `["host"]`, `["info"]`, `"enrolment"`, "info"),
	event.Heartbeat: ecsEvent("state", `["host"]`, `["info"]`, `"heartbeat"`, "info"),
	event.AppInfo: append(ecsEvent("state", `["package"]`, `["info"]`, `"app-info"`, "info"),
		row{"package.name", "$app.name"},
		row{"package.version", "$app.version"},
	),
	event.AppAction: ecsEvent("event", `["configuration"]`, `["info"]`, "$app.action", "info"),
	event.Memory:    ecsEvent("metric", `["process"]`, `["info"]`, `"memory"`, "info"),
	event.WebThreat: append(ecsEvent("alert", `["web","threat"]`, "$detection.bypassed|ecs-type", "$detection.bypassed|ecs-action", "warning"),
		row{"event.outcome", `"success"`},
		row{"event.severity", "$detection.risk|severity"},
		row{"event.risk_score", "$detection.score"},
		row{"rule.name", "$detection.category"},
		row{"url.domain", "$web.domain"},
		row{"destination.domain", "$web.domain"},
		row{"destination.ip", "$web.remote_ip"},
		row{"destination.port", "$web.connection.remote_port"},
		row{"network.direction", "$web.connection.direction"},
		row{"network.protocol", "$web.protocol|lower"},
		row{"threat.indicator.type", `$web.domain|="domain-name"`},
		row{"threat.indicator.url.domain", "$web.domain"},
		row{"related.hosts[]", "$web.domain"},
		row{"related.ip[]", "$web.remote_ip"},
	),
	event.Crash: append(ecsEvent("event", `["process"]`, `["end","error"]`, `"crash"`, "error"),
		row{"error.id", "$app.crash.incident_id"},
		row{"error.type", "$app.crash.exception"},
		row{"error.code", "$app.crash.signal"},
		row{"error.message", "$app.crash.reason"},
		row{"process.name", "$app.crash.process"},
		row{"process.uptime", "$app.crash.uptime_sec"},
		row{"event.original", "$app.crash.report"},
	),
	event.Feedback: append(ecsEvent("event", `["web"]`, `["info"]`, `"feedback"`, "info"),
		row{"message", "$feedback.comments"},
		row{"labels.feedback_type", "$feedback.type"},
	),
	event.Diagnostics: ecsEvent("metric", `["process"]`, `["info"]`, `"diagnostics"`, "info"),
}

// ecsEvent are the fields that sort an event; kind, category and type take words of closed lists.
func ecsEvent(kind, category, types, action, level string) []row {
	return []row{
		{"event.kind", `"` + kind + `"`}, {"event.category", category}, {"event.type", types}, {"event.action", action}, {"log.level", `"` + level + `"`},
	}
}

var ecsTable = sync.OnceValue(func() *table {
	rows := ownRows("defender.", "app.action", "app.crash.incident_id", "app.crash.exception", "app.crash.signal", "app.crash.reason", "app.crash.process",
		"app.crash.uptime_sec", "app.crash.report", "feedback.comments", "feedback.type", "web.domain", "web.remote_ip", "web.connection.remote_port",
		"web.connection.direction", "web.protocol", "detection.category", "detection.score")
	for k := range rows {
		rows[k] = append(ecsKinds[k][:len(ecsKinds[k]):len(ecsKinds[k])], rows[k]...)
	}
	return newTable(".", "event.code", nil, ecsRows, &rows)
})
