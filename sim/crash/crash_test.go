package crash

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"drover/sim/event"
	"drover/sim/fleet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// oses are the first and a last release of each major, and models the oldest and newest chips and both kinds of device.
var oses = []fleet.Release{
	{Version: "15.8.4", Build: "19H386"}, {Version: "16.7.11", Build: "20H360"}, {Version: "17.7.10", Build: "21H450"}, {Version: "18.6", Build: "22G86"},
	{Version: "26.4.2", Build: "23E261"}, {Version: "27.0", Build: "24A437"},
	{Version: "15.0", Build: "19A346"}, {Version: "16.0", Build: "20A362"}, {Version: "17.0", Build: "21A329"}, {Version: "18.0", Build: "22A3354"},
	{Version: "26.0", Build: "23A341", Date: time.Date(2025, 9, 15, 0, 0, 0, 0, time.UTC)}, {Version: "27.0.1", Build: "24A446"},
}

var models = []fleet.Model{
	{ID: "iPhone10,4", SoC: "A11 Bionic", Arch: "arm64", Cores: 6, RAMMiB: 2048},
	{ID: "iPhone15,2", SoC: "A16 Bionic", Arch: "arm64e", Cores: 6, RAMMiB: 6144},
	{ID: "iPad14,3", SoC: "M2", Arch: "arm64e", Cores: 8, RAMMiB: 8192},
	{ID: "iPhone9,1", SoC: "A10 Fusion", Arch: "arm64", Cores: 4, RAMMiB: 2048},
	{ID: "iPad5,3", SoC: "A8X", Arch: "arm64", Cores: 3},
}

var reasons = []string{"jetsam", "sigabrt", "sigsegv", "sigtrap", "watchdog"}

// sample makes the n-th device and crash; all majors, models, reasons and both processes come round.
func sample(n int) (*fleet.Device, *event.Event) {
	d := &fleet.Device{
		Model: &models[n%len(models)], OS: &oses[n/len(models)%len(oses)], App: "1.1.5001010" + string(rune('0'+n%2)),
		Timezone: time.FixedZone("", []int{0, 7200, -16200, 20700}[n%4]), EntraID: fleet.GUID{byte(n), byte(n >> 8), 7},
	}
	e := &event.Event{Kind: event.Crash, At: time.Date(2026, 5, 4, 7, 14, n%60, n%1000*1_000_000, time.UTC)}
	e.Crash = event.CrashReport{Process: event.ProcessApp, Reason: reasons[n%len(reasons)], UptimeSec: uint32(n * n % 90_000)}
	if n/7%2 == 1 && e.Crash.Reason != "watchdog" {
		e.Crash.Process = event.Processes[1+n/14%2]
	}
	if e.Crash.Reason == "jetsam" && e.Crash.Process == event.ProcessApp {
		e.Crash.Process = event.ProcessTunnel
	}
	e.Crash.Incident = event.ID(uuid(uint64(n)))
	return d, e
}

type (
	object = map[string]any
	list   = []any
)

// split decodes both documents of a report.
func split(t *testing.T, doc []byte) (header, body object) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(&header); err != nil {
		t.Fatalf("header: %v\n%s", err, doc)
	}
	if err := dec.Decode(&body); err != nil {
		t.Fatalf("body: %v\n%s", err, doc)
	}
	if dec.More() {
		t.Fatalf("more follows the body")
	}
	if i := bytes.IndexByte(doc, '\n'); !json.Valid(doc[:i]) || !json.Valid(doc[i:]) {
		t.Fatalf("the report does not split at its first line")
	}
	return header, body
}

func num(v any) int64 {
	n, ok := v.(json.Number)
	if !ok {
		return -1
	}
	i, err := n.Int64()
	if err != nil {
		return -1
	}
	return i
}

func moment(t *testing.T, layout string, v any) time.Time {
	t.Helper()
	at, err := time.Parse(layout, fmt.Sprint(v))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestReports holds thousands of reports of all majors, reasons and processes to what real ones keep.
func TestReports(t *testing.T) {
	codes := map[int64]int{}
	sizes := [2]int{1 << 30, 0}
	var doc []byte
	for n := range 600 {
		d, e := sample(n)
		doc = Append(doc[:0], d, e)
		if !utf8.Valid(doc) || bytes.ContainsFunc(doc, func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Fatalf("report %d has control characters or is not UTF-8", n)
		}
		sizes[0], sizes[1] = min(sizes[0], len(doc)), max(sizes[1], len(doc))
		header, body := split(t, doc)
		same := func(what string, got, want any) {
			t.Helper()
			if got != want {
				t.Fatalf("report %d (%s, %s, iOS %s): %s = %v, want %v", n, e.Crash.Reason, e.Crash.Process, d.OS.Version, what, got, want)
			}
		}
		same("incident", body["incident"], header["incident_id"])
		same("incident", body["incident"], strings.ToUpper(fleet.GUID(e.Crash.Incident).String()))
		same("bug_type", body["bug_type"], header["bug_type"])
		same("os_version", header["os_version"], "iPhone OS "+d.OS.Version+" ("+d.OS.Build+")")
		written := moment(t, headerTime, header["timestamp"])
		same("written after the event", written.After(e.At), false)
		if e.Crash.Reason == "jetsam" {
			checkJetsam(same, d, e, body, header)
			continue
		}
		checkCrash(t, same, d, e, header, body, written)
		codes[num(body["termination"].(object)["code"])]++
	}
	for _, code := range []int64{5, 6, 11, 2343432205, 3735883980, 562215634} {
		if codes[code] == 0 {
			t.Errorf("no report has termination code %d", code)
		}
	}
	if len(queues) != 3 {
		t.Errorf("threads of one process only: %v, want some of each", queues)
	}
	if sizes[0] < 10_000 || sizes[1] > 120_000 {
		t.Errorf("reports have %d to %d bytes, want tens of thousands", sizes[0], sizes[1])
	}
	t.Logf("reports have %d to %d bytes", sizes[0], sizes[1])
}

// queues counts the threads that only one process has.
var queues = map[string]int{}

func checkCrash(t *testing.T, same func(string, any, any), d *fleet.Device, e *event.Event, header, body object, written time.Time) {
	t.Helper()
	same("header bug_type", header["bug_type"], "309")
	os, bundle := body["osVersion"].(object), body["bundleInfo"].(object)
	same("osVersion", fmt.Sprintf("%v (%v)", os["train"], os["build"]), header["os_version"])
	same("build_version", header["build_version"], bundle["CFBundleVersion"])
	same("app_version", header["app_version"], bundle["CFBundleShortVersionString"])
	same("bundleID", header["bundleID"], bundle["CFBundleIdentifier"])
	id, path, name := "com.microsoft.scmx", "/Defender.app/Defender", e.Crash.Process
	if name != event.ProcessApp {
		id, path = id+"."+name, "/Defender.app/PlugIns/"+name+".appex/"+name
	}
	same("bundleID", header["bundleID"], id)
	same("coalitionName", body["coalitionName"], "com.microsoft.scmx")
	same("procName", body["procName"], e.Crash.Process)
	same("name", header["name"], e.Crash.Process)
	same("end of procPath", strings.HasSuffix(body["procPath"].(string), path), true)
	same("Non UI", body["procRole"] == "Non UI", e.Crash.Process != event.ProcessApp)

	captured, launched := moment(t, bodyTime, body["captureTime"]), moment(t, bodyTime, body["procLaunch"])
	same("procLaunch before captureTime", launched.Before(captured), true)
	same("captureTime after the header", captured.After(written), false)
	life := captured.Sub(launched)
	same("seconds of life", int64(life/time.Second), int64(e.Crash.UptimeSec))
	same("ticks of life", num(body["procExitAbsTime"])-num(body["procStartAbsTime"]), int64(life/100e3)*2400)
	up, exit := num(body["uptime"]), num(body["procExitAbsTime"])/24_000_000
	same("uptime", up == int64(roundTwo(uint64(exit))), true)
	same("seconds since the device started", int64(captured.Sub(d.Booted(launched))/time.Second) == exit, true)

	images := body["usedImages"].(list)
	main := images[0].(object)
	same("slice_uuid", header["slice_uuid"], main["uuid"])
	same("path of image 0", main["path"], body["procPath"])
	same("arch of image 0", main["arch"], "arm64")
	cache := body["sharedCache"].(object)
	for i, img := range images[1 : len(images)-1] {
		img := img.(object)
		same("arch", img["arch"], d.Model.Arch)
		from, to := num(img["base"]), num(img["base"])+num(img["size"])
		same(fmt.Sprint("image in the cache ", i), from >= num(cache["base"]) && to <= num(cache["base"])+num(cache["size"]), true)
		if i > 0 {
			before := images[i].(object)
			same("image above the one before", from >= num(before["base"])+num(before["size"]), true)
		}
	}
	same("base of the app", num(main["base"]) >= 4295000000 && num(main["base"]) <= 4450000000 && num(main["base"])%page == 0, true)
	same("base of the cache", num(cache["base"]) >= 6442450944 && num(cache["base"]) <= 7200000000, true)
	same("last image", images[len(images)-1].(object)["source"], "A")

	threads := body["threads"].(list)
	fault := num(body["faultingThread"])
	same("faultingThread", fault >= 0 && fault < int64(len(threads)), true)
	triggered, ids := 0, map[int64]bool{}
	inImages := func(frames list) {
		for _, f := range frames {
			f := f.(object)
			i := num(f["imageIndex"])
			same("imageIndex", i >= 0 && i < int64(len(images)-1), true)
			same("offset in the image", num(f["imageOffset"]) < num(images[i].(object)["size"]), true)
			_, symbol := f["symbol"]
			same("symbol", symbol, i > 0)
		}
	}
	for i, th := range threads {
		th := th.(object)
		ids[num(th["id"])] = true
		if th["triggered"] == true {
			triggered++
			same("triggered thread", int64(i), fault)
		}
		same("has frames", len(th["frames"].(list)) > 0, true)
		for name, queue := range map[string]string{event.ProcessTunnel: "NEFlow queue", event.ProcessFilter: "NEFilterExtensionProviderContext queue", event.ProcessApp: "NEConfigurationManager queue"} {
			if th["queue"] == queue {
				same("process with the "+queue, e.Crash.Process, name)
				queues[name]++
			}
		}
		inImages(th["frames"].(list))
	}
	same("triggered threads", triggered, 1)
	same("ids", len(ids), len(threads))
	hit := threads[fault].(object)
	same("queue", body["legacyInfo"].(object)["threadTriggered"].(object)["queue"], hit["queue"])
	frames, state := hit["frames"].(list), hit["threadState"].(object)
	address := func(i int) int64 {
		f := frames[i].(object)
		return num(images[num(f["imageIndex"])].(object)["base"]) + num(f["imageOffset"])
	}
	same("pc", num(state["pc"].(object)["value"]), address(0))
	same("lr", num(state["lr"].(object)["value"]), address(1))
	same("registers", len(state["x"].(list)), 29)

	ex, term := body["exception"].(object), body["termination"].(object)
	raw := ex["rawCodes"].(list)
	same("codes", ex["codes"], fmt.Sprintf("0x%016x, 0x%016x", num(raw[0]), num(raw[1])))
	forms := map[string]string{"sigabrt": "EXC_CRASH SIGABRT SIGNAL", "sigsegv": "EXC_BAD_ACCESS SIGSEGV SIGNAL", "sigtrap": "EXC_BREAKPOINT SIGTRAP SIGNAL"}
	form := fmt.Sprint(ex["type"], " ", ex["signal"], " ", term["namespace"])
	if want := forms[e.Crash.Reason]; want != "" {
		same("form", form, want)
		same("indicator", strings.HasSuffix(term["indicator"].(string), fmt.Sprint(": ", num(term["code"]))), true)
		if by := term["byProc"]; by == e.Crash.Process {
			same("byPid", num(term["byPid"]), num(body["pid"]))
		}
	} else {
		same("form", form == "EXC_CRASH SIGKILL FRONTBOARD" || form == "EXC_CRASH SIGKILL RUNNINGBOARD", true)
		same("flags", num(term["flags"]), int64(6))
		_, said := term["reasons"]
		same("reasons", said, term["namespace"] == "FRONTBOARD")
		if said {
			same("ThermalInfo", strings.Contains(fmt.Sprint(term["reasons"]), "ThermalInfo"), majorOf(d.OS.Version) >= 17)
			same("foreground", strings.Contains(fmt.Sprint(term["reasons"]), "ProcessVisibility: "+fmt.Sprint(body["procRole"])), true)
		}
	}
	if e.Crash.Reason == "sigsegv" {
		same("subtype", ex["subtype"], fmt.Sprintf("KERN_INVALID_ADDRESS at 0x%016x", num(raw[1])))
		same("far", num(state["far"].(object)["value"]), num(raw[1]))
	}
	if e.Crash.Reason == "sigtrap" {
		same("code 1", num(raw[1]), address(0))
	}
	_, asi := body["asi"]
	same("asi", asi, e.Crash.Reason == "sigabrt")
	if asi {
		inImages(body["lastExceptionBacktrace"].(list))
	}

	// Fields that came and went.
	for key, r := range map[string][2]int{
		"crashReporterKey": {15, 16}, "storeInfo": {16, 99}, "trialInfo": {16, 99}, "codeSigningID": {17, 99}, "codeSigningMonitor": {17, 99},
		"bootSessionUUID": {17, 99}, "appleIntelligenceStatus": {18, 99}, "bootProgressRegister": {18, 99}, "codeSigningAuxiliaryInfo": {18, 99},
		"sandboxProfileName": {26, 99}, "trmStatus": {26, 99},
	} {
		major := majorOf(d.OS.Version)
		_, has := body[key]
		same(key, has, major >= r[0] && major <= r[1])
	}
	if store, ok := body["storeInfo"].(object); ok {
		same("applicationVariant", store["applicationVariant"], fmt.Sprintf("1:%s:%d", d.Model.ID, majorOf(d.OS.Version)))
		same("cohort", store["storeCohortMetadata"], header["app_cohort"])
		ids := body["trialInfo"].(object)["rollouts"].(list)[0].(object)["factorPackIds"]
		_, isList := ids.(list)
		same("factorPackIds are a list", isList, majorOf(d.OS.Version) >= 26)
	}
}

func TestDeterministic(t *testing.T) {
	for n := range 100 {
		d, e := sample(n)
		first := appended(d, e)
		if again := Append([]byte("x"), d, e); string(again) != "x"+string(first) {
			t.Fatalf("report %d is not the same when made again", n)
		}
		e.Crash.Incident[3]++
		if bytes.Equal(appended(d, e), first) {
			t.Fatalf("two incidents have one report")
		}
	}
}

func TestGolden(t *testing.T) {
	for i, reason := range reasons {
		d, e := sample(16 + i)
		d.Model, d.OS, e.Crash.Reason, e.Crash.Process = &models[1], &oses[4], reason, event.ProcessApp
		if reason == "jetsam" || reason == "sigsegv" {
			e.Crash.Process = event.ProcessTunnel
		}
		file := filepath.Join("testdata", reason+".ips")
		got := appended(d, e)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not as the report is now; see the difference after go test -update", file)
		}
	}
}

// FuzzAppend: whatever a device and an event say, the report is two JSON documents.
func FuzzAppend(f *testing.F) {
	f.Add("26.4.2", "23E261", "iPhone15,2", "1.1.5", "jetsam", event.ProcessApp, uint32(5), int64(1_700_000_000), uint64(1))
	f.Add("15.8", "", "a\"\\/\n\x01\xff", "é\u2028", "sigabrt", event.ProcessTunnel, uint32(1<<32-1), int64(0), uint64(1<<63))
	f.Fuzz(func(t *testing.T, version, build, model, app, reason, process string, uptime uint32, at int64, seed uint64) {
		d := &fleet.Device{OS: &fleet.Release{Version: version, Build: build}, Model: &fleet.Model{ID: model, SoC: model, Arch: "arm64", Cores: int(seed)}, App: app}
		e := &event.Event{At: time.Unix(at%4_000_000_000, 0), Crash: event.CrashReport{Process: process, Reason: reason, UptimeSec: uptime, Incident: event.ID(uuid(seed))}}
		split(t, appended(d, e))
	})
}

func TestAllocations(t *testing.T) {
	for i, reason := range reasons {
		d, e := sample(i)
		e.Crash.Reason = reason
		buf := appended(d, e)
		if n := testing.AllocsPerRun(100, func() { buf = Append(buf[:0], d, e) }); n != 0 {
			t.Errorf("%s: Append allocates %v times, want 0", reason, n)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for i, reason := range reasons {
		b.Run(reason, func(b *testing.B) {
			d, e := sample(i)
			e.Crash.Reason = reason
			buf := appended(d, e)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf = Append(buf[:0], d, e)
			}
		})
	}
}
