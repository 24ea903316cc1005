package wire

import (
	"bytes"
	"testing"

	"drover/sim/crash"
	"drover/sim/event"
)

// TestCrashReport: what a backend decodes is the report as iOS wrote it, whatever the device, the reason and the form.
func TestCrashReport(t *testing.T) {
	for _, reason := range []string{"jetsam", "sigabrt", "sigsegv", "sigtrap", "watchdog"} {
		for form := range event.CrashForms {
			e := testEvents()[7]
			e.Crash.Reason, e.Crash.Form = reason, event.CrashForm(form)
			var u Upload
			if err := DecodeUpload(encode(testDevice(), e), &u); err != nil {
				t.Fatal(err)
			}
			var report, payload []byte
			if e.Crash.Form != event.MetricKit {
				report = crash.Append(nil, testDevice(), &e)
			}
			if e.Crash.Form != event.IPS {
				payload = crash.AppendMetricKit(nil, testDevice(), &e)
			}
			got := &u.Events[0]
			if !bytes.Equal(got.Report, report) || (got.Report == nil) != (report == nil) {
				t.Errorf("%s, %s: the report is not as it was sent:\n%s", reason, event.CrashForms[form], got.Report)
			}
			if !bytes.Equal(got.MetricKit, payload) || (got.MetricKit == nil) != (payload == nil) {
				t.Errorf("%s, %s: the payload is not as it was sent:\n%s", reason, event.CrashForms[form], got.MetricKit)
			}
			if got.Crash != e.Crash {
				t.Errorf("%s, %s: decoded as %+v", reason, event.CrashForms[form], got.Crash)
			}
		}
	}
}
