package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drover/scenarios"
	"drover/sim/wire"
)

func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

func TestDevices(t *testing.T) {
	file := quick(t)
	all := lines(want(t, exitPass, "devices", file, "--sample", "0", "--format", "ndjson"))
	if len(all) != 20 {
		t.Fatalf("devices --sample 0 has %d lines, want 20", len(all))
	}
	for i, line := range all {
		var d deviceLine
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		if d.Device != i || d.Cohort != "contoso/phones" || (d.GUID == "") == (d.MAC == "") || d.OS == "" || d.UPN == "" {
			t.Errorf("device %d is %s", i, line)
		}
	}
	if got := lines(want(t, exitPass, "devices", file, "--sample", "3", "--format", "ndjson")); len(got) != 3 || got[0] != all[0] {
		t.Errorf("devices --sample 3 = %q, want 3 of all", got)
	}
	var parts []string
	for i := 1; i <= 4; i++ {
		parts = append(parts, lines(want(t, exitPass, "devices", file, "--sample", "0", "--format", "ndjson", "--shard", fmt.Sprintf("%d/4", i)))...)
	}
	slices.Sort(parts)
	slices.Sort(all)
	if !slices.Equal(parts, all) {
		t.Errorf("the shards have %d devices together that are not the fleet's %d", len(parts), len(all))
	}
	if table := lines(want(t, exitPass, "devices", file, "--sample", "5")); len(table) != 6 || !strings.Contains(table[0], "COHORT") {
		t.Errorf("devices as a table = %q, want a head and 5 rows", table)
	}
}

// TestEventsWorkday: the same scenario and seed give the same bytes, another seed gives others.
func TestEventsWorkday(t *testing.T) {
	first := want(t, exitPass, "events", "workday", "--limit", "10000")
	if n := len(lines(first)); n != 10000 {
		t.Fatalf("events --limit 10000 printed %d lines", n)
	}
	if again := want(t, exitPass, "events", "workday", "--limit", "10000"); again != first {
		t.Error("events workday printed other bytes the second time")
	}
	source, err := fs.ReadFile(scenarios.Files, "workday.yaml")
	if err != nil {
		t.Fatal(err)
	}
	other := regexp.MustCompile(`(?m)^  seed: \d+`).ReplaceAll(source, []byte("  seed: 4711"))
	file := filepath.Join(t.TempDir(), "workday.yaml")
	if err := os.WriteFile(file, other, 0o644); err != nil {
		t.Fatal(err)
	}
	ids := regexp.MustCompile(`"id":"[^"]+"`)
	seen := map[string]bool{}
	for _, id := range ids.FindAllString(first, -1) {
		seen[id] = true
	}
	for _, id := range ids.FindAllString(want(t, exitPass, "events", file, "--limit", "10000"), -1) {
		if seen[id] {
			t.Fatalf("two seeds give the event %s", id)
		}
	}
}

func TestEvents(t *testing.T) {
	file := quick(t)
	whole := want(t, exitPass, "events", file, "--limit", "0")
	if again := want(t, exitPass, "events", file, "--limit", "0"); again != whole {
		t.Error("events printed other bytes the second time")
	}
	all := lines(whole)
	var parts []string
	for i := 1; i <= 4; i++ {
		parts = append(parts, lines(want(t, exitPass, "events", file, "--limit", "0", "--shard", fmt.Sprintf("%d/4", i)))...)
	}
	slices.Sort(parts)
	sorted := slices.Sorted(slices.Values(all))
	if !slices.Equal(parts, sorted) {
		t.Errorf("shards 1/4 to 4/4 print %d lines that are not the %d of the whole", len(parts), len(all))
	}

	type line struct {
		Due    int64
		Phase  string
		Device int
		Truth  string
		Event  struct {
			ID, Kind string
			Seq      int
		}
	}
	parse := func(text string) (list []line) {
		for dec := json.NewDecoder(strings.NewReader(text)); dec.More(); {
			var l struct {
				line
				Due int64 `json:"due_ns"`
			}
			if err := dec.Decode(&l); err != nil {
				t.Fatal(err)
			}
			l.line.Due = l.Due
			list = append(list, l.line)
		}
		return list
	}
	ids := map[string]bool{}
	threats := 0
	for i, l := range parse(whole) {
		if ids[l.Event.ID] {
			t.Errorf("line %d: id %s is there twice", i, l.Event.ID)
		}
		ids[l.Event.ID] = true
		if threat := l.Event.Kind == "web.threat"; threat != (l.Truth != "") {
			t.Errorf("line %d is %+v: a threat, and only a threat, has a truth", i, l)
		} else if threat {
			threats++
		}
	}
	if threats == 0 {
		t.Error("there is no web.threat among the events")
	}

	for _, l := range parse(want(t, exitPass, "events", file, "--limit", "0", "--device", "7")) {
		if l.Device != 7 {
			t.Errorf("--device 7 prints %+v", l)
		}
	}
	got := parse(want(t, exitPass, "events", file, "--limit", "0", "--kind", "web.threat"))
	if len(got) != threats {
		t.Errorf("--kind web.threat prints %d events, want %d", len(got), threats)
	}
	for _, l := range parse(want(t, exitPass, "events", file, "--limit", "0", "--from", "500ms", "--until", "700ms")) {
		if l.Due < 500e6 || l.Due >= 700e6 {
			t.Errorf("--from 500ms --until 700ms prints %+v", l)
		}
	}
	if got := lines(want(t, exitPass, "events", file, "--limit", "5", "--format", "table")); len(got) != 6 {
		t.Errorf("--format table --limit 5 = %q, want a head and 5 rows", got)
	}

	events := 0
	for _, body := range lines(want(t, exitPass, "events", file, "--limit", "0", "--format", "uploads")) {
		var u wire.Upload
		if err := wire.DecodeUpload([]byte(body), &u); err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		events += len(u.Events)
	}
	if events != len(all) {
		t.Errorf("the uploads hold %d events, want %d", events, len(all))
	}
}

func TestPlan(t *testing.T) {
	file := quick(t)
	var doc planDoc
	if err := json.Unmarshal([]byte(want(t, exitPass, "plan", file, "--format", "json")), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Devices != 20 || len(doc.Cohorts) != 1 || len(doc.Tenants) != 2 || len(doc.Phases) != 3 || !doc.Exact {
		t.Errorf("plan = %+v", doc)
	}
	// The fleet is small, so the plan is a count: the same events as drover events prints.
	planned := 0.0
	for _, ph := range doc.Phases {
		for _, n := range ph.Events {
			planned += n
		}
	}
	if n := len(lines(want(t, exitPass, "events", file, "--limit", "0"))); planned != float64(n) {
		t.Errorf("the plan has %v events, drover events prints %d", planned, n)
	}
	text := want(t, exitPass, "plan", file)
	for _, w := range []string{"quick: 20 devices, 2 tenants, open model", "contoso/phones", "enroll", "web.threat", "The largest upload"} {
		if !strings.Contains(text, w) {
			t.Errorf("plan has no %q:\n%s", w, text)
		}
	}
	if strings.Contains(text, "LOOK-UPS") || doc.Phases[0].LookUps != nil {
		t.Errorf("plan has look-ups, which the adapter has not:\n%s", text)
	}
}
