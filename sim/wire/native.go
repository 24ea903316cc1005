package wire

import (
	"drover/sim/crash"
	"drover/sim/event"
	"drover/sim/fleet"
)

// AppName is the only app that telemetry ever names (privacy catalogue: app.name).
const AppName = "Microsoft Defender"

// Native is drover's own JSON; the package comment describes it. The device needs a Model and an OS.
var Native = Format{
	Name:        "native",
	ContentType: "application/json",
	Begin:       beginNative,
	Event:       appendNative,
	End:         endNative,
	Decode:      func(body []byte, each func(native []byte) error) error { return each(body) },
}

// AddressFields are the data types that every upload has beside its device identifier: without them a backend knows neither
// whose it is nor when it was. A contract must have them.
const AddressFields event.Fields = 1<<event.DeviceTime | 1<<event.AccountDeviceID | 1<<event.AccountTenantID

func beginNative(dst []byte, d *fleet.Device, send event.Fields) []byte {
	switch {
	case d.HasMAC && send.Has(event.DeviceWiFiMAC):
		dst = append(dst, `{"v":1,"device":{"id":{"wifi_mac":"`...)
		dst = appendMAC(dst, d.MAC)
		dst = append(dst, `"}`...)
	case !d.HasMAC && send.Has(event.DeviceGUID):
		dst = append(dst, `{"v":1,"device":{"id":{"guid":"`...)
		dst = d.GUID.AppendText(dst)
		dst = append(dst, `"}`...)
	default: // no scenario makes such a device
		dst = append(dst, `{"v":1,"device":{"id":{}`...)
	}
	if send.Has(event.DeviceOSVersion) {
		dst = append(dst, `,"os_version":`...)
		dst = appendText(dst, d.OS.Version)
		dst = append(dst, `,"os_build":`...)
		dst = appendText(dst, d.OS.Build)
	}
	if send.Has(event.DeviceCPU) {
		dst = append(dst, `,"cpu":{"model":`...)
		dst = appendText(dst, d.Model.ID)
		dst = append(dst, `,"soc":`...)
		dst = appendText(dst, d.Model.SoC)
		dst = append(dst, `,"arch":`...)
		dst = appendText(dst, d.Model.Arch)
		dst = append(dst, `,"cores":`...)
		dst = appendUint(dst, uint32(max(0, d.Model.Cores)))
		dst = append(dst, '}')
	}
	dst = append(dst, `,"locale":`...)
	dst = appendText(dst, d.Locale)
	dst = append(dst, `,"timezone":`...)
	dst = appendText(dst, d.Timezone.String()) // a nil Location is UTC
	dst = append(dst, `},"account":{"device_id":"`...)
	dst = d.EntraID.AppendText(dst)
	if send.Has(event.AccountUserID) {
		dst = append(dst, `","user_id":"`...)
		dst = d.UserID.AppendText(dst)
	}
	dst = append(dst, `","tenant_id":"`...)
	dst = d.TenantID.AppendText(dst)
	if send.Has(event.AccountOrgID) {
		dst = append(dst, `","org_id":"`...)
		dst = d.OrgID.AppendText(dst)
	}
	if send.Has(event.AccountUPN) {
		dst = append(dst, `","upn":"`...)
		dst = appendUPN(dst, d)
	}
	name, version := send.Has(event.AppName), send.Has(event.AppVersion)
	switch {
	case name && version:
		dst = append(dst, `"},"app":{"name":"`+AppName+`","version":`...)
	case version:
		dst = append(dst, `"},"app":{"version":`...)
	case name:
		return append(dst, `"},"app":{"name":"`+AppName+`"},"events":[`...)
	default:
		return append(dst, `"},"events":[`...)
	}
	dst = appendText(dst, d.App)
	return append(dst, `},"events":[`...)
}

func endNative(dst []byte, _ int) []byte { return append(dst, `]}`...) }

func appendNative(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
	if n > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, `{"id":"`...)
	dst = fleet.GUID(e.ID).AppendText(dst)
	dst = append(dst, `","seq":`...)
	dst = appendUint(dst, e.Seq)
	dst = append(dst, `,"kind":"`...)
	dst = append(dst, e.Kind.String()...)
	dst = append(dst, `","time":"`...)
	dst = appendTime(dst, e.At)
	dst = append(dst, '"')
	switch e.Kind {
	case event.WebThreat:
		dst = appendThreat(dst, e)
	case event.Feedback:
		dst = appendFeedback(dst, d, e)
	case event.Diagnostics:
		dst = appendDiagnostics(dst, e)
	default:
		dst = appendAbout(dst, d, e)
	}
	return append(dst, '}')
}

// appendAbout writes what an event says of the app: one thing, or nothing.
func appendAbout(dst []byte, d *fleet.Device, e *event.Event) []byte {
	switch {
	case e.Kind.Fields()&e.Has == 0:
		return dst
	case e.Kind == event.AppInfo:
		dst = append(dst, `,"app":{"upgrade_status":`...)
		dst = appendText(dst, e.App.UpgradeStatus)
		return append(dst, '}')
	case e.Kind == event.AppAction:
		dst = append(dst, `,"app":{"action":`...)
		dst = appendText(dst, e.Action)
		return append(dst, '}')
	case e.Kind == event.Memory:
		return appendMemory(dst, &e.Mem)
	}
	return appendCrash(dst, d, e)
}

func appendMemory(dst []byte, m *event.MemoryUse) []byte {
	dst = append(dst, `,"app":{"memory":{"app_kib":`...)
	dst = appendUint(dst, m.AppKiB)
	dst = append(dst, `,"app_peak_kib":`...)
	dst = appendUint(dst, m.AppPeakKiB)
	dst = append(dst, `,"extension_kib":`...)
	dst = appendUint(dst, m.ExtensionKiB)
	dst = append(dst, `,"extension_limit_kib":`...)
	dst = appendUint(dst, m.ExtensionLimitKiB)
	return append(dst, `}}`...)
}

// appendCrash makes the report where it goes, so that it is never stored.
func appendCrash(dst []byte, d *fleet.Device, e *event.Event) []byte {
	c := &e.Crash
	dst = append(dst, `,"app":{"crash":{"incident_id":"`...)
	dst = fleet.GUID(c.Incident).AppendText(dst)
	dst = append(dst, `","process":`...)
	dst = appendText(dst, c.Process)
	dst = append(dst, `,"exception":`...)
	dst = appendText(dst, c.Exception)
	dst = append(dst, `,"signal":`...)
	dst = appendText(dst, c.Signal)
	dst = append(dst, `,"reason":`...)
	dst = appendText(dst, c.Reason)
	dst = append(dst, `,"uptime_sec":`...)
	dst = appendUint(dst, c.UptimeSec)
	if c.Form != event.MetricKit {
		dst = append(dst, `,"report":"`...)
		from := len(dst)
		dst = append(escapeTail(crash.Append(dst, d, e), from), '"')
	}
	if c.Form != event.IPS {
		dst = append(dst, `,"metrickit":"`...)
		from := len(dst)
		dst = append(escapeTail(crash.AppendMetricKit(dst, d, e), from), '"')
	}
	return append(dst, `}}`...)
}

// appendUPN writes the inside of a JSON string.
func appendUPN(dst []byte, d *fleet.Device) []byte {
	from := len(dst)
	return escapeJSON(d.UPN.AppendText(dst), from)
}
