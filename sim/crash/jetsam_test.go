package crash

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

func checkJetsam(same func(string, any, any), d *fleet.Device, e *event.Event, body, header object) {
	same("header bug_type", header["bug_type"], "298")
	same("date", body["date"], header["timestamp"])
	same("build", body["build"], header["os_version"])
	memory := body["memoryStatus"].(object)
	darwin := map[int]int{15: 21, 16: 22, 17: 23, 18: 24, 26: 25, 27: 27}[majorOf(d.OS.Version)]
	same("kernel", strings.HasPrefix(body["kernel"].(string), fmt.Sprintf("Darwin Kernel Version %d.%d.0: ", darwin, minorOf(d.OS.Version))), true)
	in := memory["memoryPages"].(object)
	pageable := num(in["active"]) + num(in["inactive"]) + num(in["speculative"])
	same("pages of files and of processes", num(in["fileBacked"])+num(in["anonymous"]), pageable)
	if all := pageable + num(in["wired"]) + num(in["free"]) + num(memory["compressorSize"]); d.Model.RAMMiB > 0 {
		same("pages in the device", all <= int64(d.Model.RAMMiB)*64, true)
	}
	same("pageSize", num(memory["pageSize"]), int64(16384))
	var killed object
	most, pages, pids := int64(0), map[any]int64{}, map[int64]bool{}
	for _, p := range body["processes"].(list) {
		p := p.(object)
		pids[num(p["pid"])] = true
		pages[p["name"]] = num(p["rpages"])
		most = max(most, num(p["rpages"]))
		if _, ok := p["reason"]; ok {
			same("only one was killed", killed == nil, true)
			killed = p
		}
		same("name of 32 bytes", len(p["name"].(string)) <= 32, true)
	}
	same("pids", len(pids), len(body["processes"].(list)))
	same("pages of largestProcess", pages[body["largestProcess"]], most)
	same("processes of their own names", len(pages), len(pids))
	same("killed", killed["name"], e.Crash.Process)
	same("reason", killed["reason"], "per-process-limit")
	kib := num(killed["rpages"]) * 16
	same("memory at the limit", kib >= 51200 && kib <= 51440, true)
	same("most memory", num(killed["lifetimeMax"]), num(killed["rpages"]))
	same("seconds of life", num(killed["age"])/24_000_000, int64(e.Crash.UptimeSec))
	cpu, err := killed["cpuTime"].(json.Number).Float64()
	same("CPU time within the life", err == nil && cpu < float64(e.Crash.UptimeSec)+1, true)
}

// A device has one boot session until it starts anew, whatever crashes, and another one afterwards; an update of iOS restarts it.
func TestBootSession(t *testing.T) {
	d, e := sample(13)
	session := func(at time.Time, build string) string {
		d, e, os := *d, *e, *d.OS
		os.Version, os.Build = "26.4.2", build
		d.OS, e.At, e.Crash.UptimeSec = &os, at, 60
		e.Crash.Reason, e.Crash.Incident = "sigabrt", event.ID(uuid(uint64(at.Unix())))
		_, body := split(t, appended(&d, &e))
		return body["bootSessionUUID"].(string)
	}
	boot := d.Booted(e.At)
	first := session(boot.Add(10*time.Minute), "23E261")
	next := boot
	for !next.After(boot) {
		e.At = e.At.Add(time.Hour)
		next = d.Booted(e.At)
	}
	if again := session(next.Add(-time.Minute), "23E261"); again != first {
		t.Errorf("sessions %s and %s although the device did not restart", first, again)
	}
	if after := session(next.Add(10*time.Minute), "23E261"); after == first {
		t.Errorf("session %s before and after a restart", first)
	}
	if updated := session(boot.Add(10*time.Minute), "23E262"); updated == first {
		t.Errorf("session %s before and after an update of iOS", first)
	}
}
