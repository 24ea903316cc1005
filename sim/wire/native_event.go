package wire

import (
	"strconv"

	"drover/sim/event"
	"drover/sim/fleet"
)

// appendThreat reads every member of the detection but Truth.
func appendThreat(dst []byte, e *event.Event) []byte {
	w := &e.Web
	dst = append(dst, `,"detection":{"category":"`...)
	dst = append(dst, w.Verdict.String()...)
	dst = append(dst, `","score":`...)
	dst = appendScore(dst, w.Score)
	dst = append(dst, `,"bypassed":`...)
	dst = strconv.AppendBool(dst, w.Bypassed)
	dst = append(dst, `,"risk":"`...)
	dst = append(dst, w.Risk.String()...)
	dst = append(dst, `"}`...)
	if e.Has&event.WebThreat.Fields() == 0 {
		return dst
	}
	dst = append(dst, `,"web":`...)
	sep := byte('{')
	if e.Has.Has(event.WebConnection) {
		dst = append(dst, sep)
		dst = append(dst, `"connection":{"remote_port":`...)
		dst = appendUint(dst, uint32(w.Port))
		dst = append(dst, `,"direction":"outbound"}`...)
		sep = ','
	}
	if e.Has.Has(event.WebProtocol) {
		dst = append(dst, sep)
		dst = append(dst, `"protocol":"`...)
		dst = append(dst, ProtocolOf(w.Port)...)
		dst = append(dst, '"')
		sep = ','
	}
	if e.Has.Has(event.WebDomain) {
		dst = append(dst, sep)
		dst = append(dst, `"domain":"`...)
		dst = w.Host.Append(dst)
		dst = append(dst, '"')
		sep = ','
	}
	if e.Has.Has(event.WebRemoteIP) {
		dst = append(dst, sep)
		dst = append(dst, `"remote_ip":"`...)
		ip, _ := w.Address.IPv4()
		dst = appendIPv4(dst, ip)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// ProtocolOf is the protocol that a browser speaks on a port: HTTPS on 443 and 8443, else HTTP.
func ProtocolOf(port uint16) string {
	if port == 443 || port == 8443 {
		return "HTTPS"
	}
	return "HTTP"
}

// appendFeedback writes a type always: a contract with any of the three has it.
func appendFeedback(dst []byte, d *fleet.Device, e *event.Event) []byte {
	if !e.Has.Has(event.FeedbackType) {
		return dst
	}
	dst = append(dst, `,"feedback":{"type":`...)
	dst = appendText(dst, e.Feedback.Type)
	if e.Has.Has(event.FeedbackEmail) {
		dst = append(dst, `,"email":"`...)
		dst = append(appendUPN(dst, d), '"')
	}
	if e.Has.Has(event.FeedbackComments) {
		dst = append(dst, `,"comments":`...)
		dst = appendText(dst, e.Feedback.Comment)
	}
	return append(dst, '}')
}

func appendDiagnostics(dst []byte, e *event.Event) []byte {
	if e.Has&event.Diagnostics.Fields() == 0 {
		return dst
	}
	g := &e.Diag
	dst = append(dst, `,"diag":`...)
	sep := byte('{')
	if e.Has.Has(event.DiagAppUsage) {
		dst = append(dst, sep)
		dst = append(dst, `"app_usage":{"sessions_per_day":`...)
		dst = appendUint(dst, uint32(g.SessionsPerDay))
		dst = append(dst, `,"foreground_sec":`...)
		dst = appendUint(dst, g.ForegroundSec)
		dst = append(dst, '}')
		sep = ','
	}
	if e.Has.Has(event.DiagCPUUsage) {
		dst = append(dst, sep)
		dst = append(dst, `"cpu_usage":{"cpu_ms":`...)
		dst = appendUint(dst, g.CPUMillis)
		dst = append(dst, '}')
		sep = ','
	}
	if e.Has.Has(event.DiagNetworkUsage) {
		dst = append(dst, sep)
		dst = append(dst, `"network_usage":{"sent_kib":`...)
		dst = appendUint(dst, g.SentKiB)
		dst = append(dst, `,"received_kib":`...)
		dst = appendUint(dst, g.ReceivedKiB)
		dst = append(dst, '}')
		sep = ','
	}
	if e.Has.Has(event.DiagFeatures) {
		dst = append(dst, sep)
		dst = append(dst, `"features":`...)
		dst = appendFeatures(dst, &g.Features)
		sep = ','
	}
	if e.Has.Has(event.DiagBrowsers) {
		dst = append(dst, sep)
		dst = append(dst, `"browsers":`...)
		dst = appendBrowsers(dst, g.Browsers)
	}
	return append(dst, '}')
}

func appendFeatures(dst []byte, values *event.Features) []byte {
	for f := range event.NumFeatures {
		dst = append(dst, "{,"[min(f, 1)], '"')
		dst = append(dst, f.Key()...)
		dst = append(dst, `":`...)
		switch f.Form() {
		case event.TextBool:
			dst = append(dst, '"')
			dst = strconv.AppendBool(dst, values[f] != 0)
			dst = append(dst, '"')
		case event.Bool:
			dst = strconv.AppendBool(dst, values[f] != 0)
		default:
			dst = appendUint(dst, uint32(values[f]))
		}
	}
	return append(dst, '}')
}

func appendBrowsers(dst []byte, set event.Browsers) []byte {
	dst = append(dst, '[')
	n := 0
	for i, name := range event.BrowserNames {
		if set&(1<<i) == 0 {
			continue
		}
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, '"')
	}
	return append(dst, ']')
}
