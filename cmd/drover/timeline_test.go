package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"drover/sim/check"
)

// moving is the quick scenario with a timeline: 1 s of the phase is 20,000 s of the devices' time.
func moving(t *testing.T) string {
	t.Helper()
	return variant(t, `      - {name: drain, do: drain, for: 1s, measure: false}
  checks:
`, `      - {name: drain, do: drain, for: 20s, measure: false}
  timeline:
    - {name: wave, at: day + 500ms, for: 300ms, select: {percent: 50}, change: {webVisit.maliciousShare: 60%, DefenderExcludeURLInReport: {true: 100, false: 0}}}
    - {name: build, at: day + 250ms, release: {app: "1.1.71010101", uptake: at-once}}
    - {name: ios, at: day + 250ms, select: {fleet: contoso}, release: {os: "26.6.2", uptake: at-once}}
    - {name: withdrawal, at: day + 500ms, change: {optionalDiagnostics: {true: 0, false: 100}}}
  checks:
    - {name: outside, metric: accepted, where: {phase: day, outside: [wave]}, expect: count >= 20}
    - {name: during, metric: accepted, where: {phase: day, during: [wave]}, expect: count >= 20}
    - {name: always, metric: accepted, where: {phase: day}, expect: count >= 20}
    - {name: privacy, privacy: {violations: 0}}
`)
}

// What the timeline does shows wherever one looks at a scenario without running it.
func TestTimelineIsShown(t *testing.T) {
	file := moving(t)
	var plan struct {
		Timeline []struct {
			Name, What, Who      string
			Devices              int
			AtNS                 int64  `json:"at_ns"`
			UntilNS              *int64 `json:"until_ns"`
			DeviceFrom, DeviceTo *int64
			FromNS               *int64 `json:"device_from_ns"`
			ToNS                 *int64 `json:"device_until_ns"`
		}
	}
	if err := json.Unmarshal([]byte(want(t, exitPass, "plan", file, "--format", "json")), &plan); err != nil {
		t.Fatal(err)
	}
	if len(plan.Timeline) != 4 {
		t.Fatalf("plan has %d entries, want 4", len(plan.Timeline))
	}
	wave, build := plan.Timeline[0], plan.Timeline[1]
	if wave.Name != "wave" || wave.Who != "percent: 50" || wave.Devices < 1 || wave.Devices > 19 || wave.AtNS != 700e6 || wave.UntilNS == nil || *wave.UntilNS != 1000e6 ||
		wave.FromNS == nil || *wave.FromNS != 10_000e9 || wave.ToNS == nil || *wave.ToNS != 16_000e9 {
		t.Errorf("plan has wave %+v", wave)
	}
	if build.What != "app 1.1.71010101" || build.Who != "all devices" || build.Devices != 20 || build.UntilNS != nil || build.ToNS != nil {
		t.Errorf("plan has build %+v", build)
	}
	if text := want(t, exitPass, "plan", file); !strings.Contains(text, "wave        700ms  1s     2h46m40s") {
		t.Errorf("plan as text is\n%s", text)
	}

	table := want(t, exitPass, "events", file, "--limit", "0", "--format", "table")
	if n := strings.Count(table, "1.1.71010101 upgraded"); n != 20 {
		t.Errorf("events has %d devices that take the build, want 20", n)
	}
	if !strings.Contains(table, "iOS 26.6.2") {
		t.Error("events does not show the new iOS")
	}
	newer := 0
	for _, l := range lines(want(t, exitPass, "events", file, "--limit", "0", "--kind", "heartbeat")) {
		if strings.Contains(l, `"app_version":"1.1.71010101"`) {
			newer++
		}
	}
	if newer < 20 {
		t.Errorf("%d heartbeats carry the new build, want one of each device at least", newer)
	}

	all := want(t, exitPass, "devices", file, "--sample", "0", "--format", "ndjson")
	if n := strings.Count(all, `"wave"`); n != wave.Devices {
		t.Errorf("devices has %d in the wave, plan %d", n, wave.Devices)
	}
	if text := want(t, exitPass, "devices", file); !strings.Contains(text, "  TIMELINE\n") || !strings.Contains(text, "  build ios withdrawal\n") {
		t.Errorf("devices as text is\n%s", text)
	}
	if text := want(t, exitPass, "devices", quick(t)); strings.Contains(text, "TIMELINE") {
		t.Error("devices of a scenario without a timeline shows one")
	}
}

// A run under a timeline holds its contract, checks know the windows, and the report lists what changed and what was withdrawn.
func TestTimelineRun(t *testing.T) {
	file, dir := moving(t), filepath.Join(t.TempDir(), "out")
	want(t, exitPass, "run", file, "--out", dir, "--quiet")
	run := readRun(t, dir)
	var names []string
	for _, c := range run.Changes {
		names = append(names, c.Name+" "+c.Kind)
	}
	if want := []string{"build release", "ios release", "wave change", "withdrawal change"}; !slices.Equal(names, want) {
		t.Errorf("changes are %q, want %q", names, want)
	}
	samples := map[string]int64{}
	for _, c := range run.Checks {
		samples[c.Name] = c.Samples
		if c.Result != check.Pass {
			t.Errorf("check %s: %s, %s", c.Name, c.Result, c.Evidence)
		}
	}
	if samples["outside"]+samples["during"] != samples["always"] || samples["during"] == 0 {
		t.Errorf("%d uploads outside the wave and %d during it, want %d together", samples["outside"], samples["during"], samples["always"])
	}
}

// An audit with the scenario does not pretend to know settings that the timeline changes.
func TestAuditUnderATimeline(t *testing.T) {
	file := moving(t)
	code, out, stderr := auditOf(t, want(t, exitPass, "events", file, "--limit", "0", "--format", "uploads"), "--scenario", file)
	if code != exitPass || !strings.HasPrefix(out, "mde: 0 violations in ") || stderr != "" {
		t.Errorf("exit code %d, %s%s", code, out, stderr)
	}
	if strings.Contains(out, "P02   checked ") {
		t.Errorf("P02 is said to be checked, though no device's settings are known:\n%s", out)
	}
}
