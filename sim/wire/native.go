package wire

import (
	"strconv"

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
}

func beginNative(dst []byte, d *fleet.Device) []byte {
	if d.HasMAC {
		dst = append(dst, `{"v":1,"device":{"id":{"wifi_mac":"`...)
		dst = appendMAC(dst, d.MAC)
	} else {
		dst = append(dst, `{"v":1,"device":{"id":{"guid":"`...)
		dst = d.GUID.AppendText(dst)
	}
	dst = append(dst, `"},"os_version":`...)
	dst = appendText(dst, d.OS.Version)
	dst = append(dst, `,"os_build":`...)
	dst = appendText(dst, d.OS.Build)
	dst = append(dst, `,"cpu":{"model":`...)
	dst = appendText(dst, d.Model.ID)
	dst = append(dst, `,"soc":`...)
	dst = appendText(dst, d.Model.SoC)
	dst = append(dst, `,"arch":`...)
	dst = appendText(dst, d.Model.Arch)
	dst = append(dst, `,"cores":`...)
	dst = appendUint(dst, uint32(max(0, d.Model.Cores)))
	dst = append(dst, `},"locale":`...)
	dst = appendText(dst, d.Locale)
	dst = append(dst, `,"timezone":`...)
	dst = appendText(dst, d.Timezone.String()) // a nil Location is UTC
	dst = append(dst, `},"account":{"device_id":"`...)
	dst = d.EntraID.AppendText(dst)
	dst = append(dst, `","user_id":"`...)
	dst = d.UserID.AppendText(dst)
	dst = append(dst, `","tenant_id":"`...)
	dst = d.TenantID.AppendText(dst)
	dst = append(dst, `","org_id":"`...)
	dst = d.OrgID.AppendText(dst)
	dst = append(dst, `","upn":`...)
	dst = appendText(dst, d.UPN)
	dst = append(dst, `},"app":{"name":"`+AppName+`","version":`...)
	dst = appendText(dst, d.App)
	return append(dst, `},"events":[`...)
}

func endNative(dst []byte) []byte { return append(dst, `]}`...) }

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
	case event.AppInfo:
		dst = append(dst, `,"app":{"upgrade_status":`...)
		dst = appendText(dst, e.App.UpgradeStatus)
		dst = append(dst, '}')
	case event.AppAction:
		dst = append(dst, `,"app":{"action":`...)
		dst = appendText(dst, e.Action)
		dst = append(dst, '}')
	case event.Memory:
		dst = appendMemory(dst, &e.Mem)
	case event.WebThreat:
		dst = appendThreat(dst, &e.Web)
	case event.Crash:
		dst = appendCrash(dst, d, e)
	case event.Feedback:
		dst = appendFeedback(dst, d, &e.Feedback)
	case event.Diagnostics:
		dst = appendDiagnostics(dst, &e.Diag)
	}
	return append(dst, '}')
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

// appendThreat reads every member of w but Truth.
func appendThreat(dst []byte, w *event.Web) []byte {
	dst = append(dst, `,"detection":{"category":"`...)
	dst = append(dst, w.Verdict.String()...)
	dst = append(dst, `","score":`...)
	dst = appendScore(dst, w.Score)
	dst = append(dst, `,"bypassed":`...)
	dst = strconv.AppendBool(dst, w.Bypassed)
	dst = append(dst, '}')
	hasHost, hasAddress := len(w.Host) > 0, w.Address != [4]byte{}
	if !hasHost && !hasAddress {
		return dst
	}
	dst = append(dst, `,"web":{`...)
	if hasHost {
		dst = append(dst, `"domain":`...)
		dst = appendText(dst, w.Host)
	}
	if hasAddress {
		if hasHost {
			dst = append(dst, ',')
		}
		dst = append(dst, `"remote_ip":"`...)
		dst = appendIPv4(dst, w.Address)
		dst = append(dst, '"')
	}
	return append(dst, '}')
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
	dst = append(dst, `,"report":"`...)
	from := len(dst)
	dst = escapeTail(crash.Append(dst, d, e), from)
	return append(dst, `"}}`...)
}

func appendFeedback(dst []byte, d *fleet.Device, f *event.Comment) []byte {
	dst = append(dst, `,"feedback":{"type":`...)
	dst = appendText(dst, f.Type)
	if f.Email {
		dst = append(dst, `,"email":`...)
		dst = appendText(dst, d.UPN)
	}
	if f.Comment != "" {
		dst = append(dst, `,"comments":`...)
		dst = appendText(dst, f.Comment)
	}
	return append(dst, '}')
}

func appendDiagnostics(dst []byte, g *event.Diagnostic) []byte {
	dst = append(dst, `,"diag":{"app_usage":{"sessions_per_day":`...)
	dst = appendUint(dst, uint32(g.SessionsPerDay))
	dst = append(dst, `,"foreground_sec":`...)
	dst = appendUint(dst, g.ForegroundSec)
	dst = append(dst, `},"cpu_usage":{"cpu_ms":`...)
	dst = appendUint(dst, g.CPUMillis)
	dst = append(dst, `},"network_usage":{"sent_kib":`...)
	dst = appendUint(dst, g.SentKiB)
	dst = append(dst, `,"received_kib":`...)
	dst = appendUint(dst, g.ReceivedKiB)
	return append(dst, `}}`...)
}
