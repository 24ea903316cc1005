package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"drover/sim/event"
)

// payload decodes what AppendMetricKit makes.
func payload(t *testing.T, doc []byte) object {
	t.Helper()
	var p object
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(&p); err != nil || dec.More() {
		t.Fatalf("payload: %v\n%s", err, doc)
	}
	return p
}

// unnest returns the frames of a call stack, the innermost first.
func unnest(t *testing.T, roots any) (frames list) {
	t.Helper()
	for roots != nil {
		l := roots.(list)
		if len(l) != 1 {
			t.Fatalf("%d frames at one level", len(l))
		}
		frames = append(frames, l[0])
		roots = l[0].(object)["subFrames"]
	}
	return frames
}

// A payload tells of the same accident as the .ips file of its crash: exception, signal, termination, images, frames, process,
// versions and device.
func TestMetricKitAgrees(t *testing.T) {
	numbers := map[any]int64{"EXC_BAD_ACCESS": 1, "EXC_BREAKPOINT": 6, "EXC_CRASH": 10, "SIGTRAP": 5, "SIGABRT": 6, "SIGKILL": 9, "SIGSEGV": 11}
	var doc []byte
	for n := range 600 {
		d, e := sample(n)
		d.Locale = []string{"de-DE", "zh-Hans-CN", "en-GB"}[n%3]
		doc = AppendMetricKit(doc[:0], d, e)
		p := payload(t, doc)
		header, body := split(t, appended(d, e))
		same := func(what string, got, want any) {
			t.Helper()
			if got != want {
				t.Fatalf("payload %d (%s, %s, iOS %s): %s = %v, want %v", n, e.Crash.Reason, e.Crash.Process, d.OS.Version, what, got, want)
			}
		}
		begin, end := moment(t, metricTime, p["timeStampBegin"]), moment(t, metricTime, p["timeStampEnd"])
		same("end after the event", end.After(e.At), false)
		if e.Crash.Reason == "jetsam" {
			same("a day", end.Sub(begin), 24*time.Hour)
			_, crashes := p["crashDiagnostics"]
			same("crashes", crashes, false)
			exits := p["applicationExitMetrics"].(object)["backgroundExitData"].(object)
			same("kills", num(exits["cumulativeMemoryResourceLimitExitCount"]), int64(1))
			meta := p["metaData"].(object)
			same("osVersion", meta["osVersion"], header["os_version"])
			same("deviceType", meta["deviceType"], body["product"])
			continue
		}
		same("begin", begin, end)
		same("time of the crash", end, moment(t, bodyTime, body["captureTime"]).UTC().Truncate(time.Second))
		crashes := p["crashDiagnostics"].(list)
		same("crashes", len(crashes), 1)
		c := crashes[0].(object)
		meta := c["diagnosticMetaData"].(object)
		ex, term := body["exception"].(object), body["termination"].(object)
		same("appVersion", meta["appVersion"], header["app_version"])
		same("appBuildVersion", meta["appBuildVersion"], header["build_version"])
		same("osVersion", meta["osVersion"], header["os_version"])
		same("deviceType", meta["deviceType"], body["modelCode"])
		same("regionFormat", meta["regionFormat"], d.Locale[len(d.Locale)-2:])
		same("exceptionType", num(meta["exceptionType"]), numbers[ex["type"]])
		same("exceptionCode", num(meta["exceptionCode"]), num(ex["rawCodes"].(list)[0]))
		same("signal", num(meta["signal"]), numbers[ex["signal"]])
		code := num(term["code"])
		reason := fmt.Sprintf("Namespace %v, Code 0x%x", term["namespace"], code)
		if term["namespace"] == "SIGNAL" && majorOf(d.OS.Version) >= 17 {
			reason = fmt.Sprintf("Namespace SIGNAL, Code %d %v", code, term["indicator"])
		}
		same("terminationReason", meta["terminationReason"], reason)
		same("virtualMemoryRegionInfo", meta["virtualMemoryRegionInfo"], body["vmregioninfo"])
		_, thrown := meta["objectiveCexceptionReason"]
		same("objectiveCexceptionReason", thrown, e.Crash.Reason == "sigabrt" && majorOf(d.OS.Version) >= 17)
		if pid, ok := meta["pid"]; ok || majorOf(d.OS.Version) >= 17 {
			same("pid", pid, body["pid"])
			same("bundleIdentifier", meta["bundleIdentifier"], header["bundleID"])
		}

		tree := c["callStackTree"].(object)
		stacks, threads := tree["callStacks"].(list), body["threads"].(list)
		same("call stacks", len(stacks), len(threads))
		images := body["usedImages"].(list)
		for i := range stacks {
			st, th := stacks[i].(object), threads[i].(object)
			same("threadAttributed", st["threadAttributed"], th["triggered"] == true)
			got, want := unnest(t, st["callStackRootFrames"]), th["frames"].(list)
			same("frames", len(got), len(want))
			for k := range got {
				g, w := got[k].(object), want[k].(object)
				img := images[num(w["imageIndex"])].(object)
				same("binaryName", g["binaryName"], img["name"])
				same("binaryUUID", g["binaryUUID"], strings.ToUpper(img["uuid"].(string)))
				same("offset", g["offsetIntoBinaryTextSegment"], w["imageOffset"])
				same("address", num(g["address"]), num(img["base"])+num(w["imageOffset"]))
			}
		}
	}
}

func TestMetricKitAllocations(t *testing.T) {
	for i, reason := range reasons {
		d, e := sample(i)
		d.Locale, e.Crash.Reason = "de-DE", reason
		buf := AppendMetricKit(nil, d, e)
		if n := testing.AllocsPerRun(100, func() { buf = AppendMetricKit(buf[:0], d, e) }); n != 0 {
			t.Errorf("%s: AppendMetricKit allocates %v times, want 0", reason, n)
		}
	}
}

// FuzzAppendMetricKit: whatever a device and an event say, the payload is one JSON document.
func FuzzAppendMetricKit(f *testing.F) {
	f.Add("26.4.2", "iPhone15,2", "de-DE", "jetsam", event.ProcessTunnel, uint32(5), int64(1_700_000_000), uint64(1))
	f.Add("15.8", "a\"\\/\n\x01\xff", "é\u2028-", "sigabrt", event.ProcessFilter, uint32(1<<32-1), int64(0), uint64(1<<63))
	f.Fuzz(func(t *testing.T, version, model, locale, reason, process string, uptime uint32, at int64, seed uint64) {
		d, e := sample(0)
		os, m := *d.OS, *d.Model
		os.Version, m.ID = version, model
		d.OS, d.Model, d.App, d.Locale = &os, &m, model, locale
		e.At = time.Unix(at%4_000_000_000, 0)
		e.Crash = event.CrashReport{Process: process, Reason: reason, UptimeSec: uptime, Incident: event.ID(uuid(seed))}
		payload(t, AppendMetricKit(nil, d, e))
	})
}

func BenchmarkAppendMetricKit(b *testing.B) {
	for i, reason := range reasons {
		b.Run(reason, func(b *testing.B) {
			d, e := sample(i)
			e.Crash.Reason = reason
			buf := AppendMetricKit(nil, d, e)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendMetricKit(buf[:0], d, e)
			}
		})
	}
}
