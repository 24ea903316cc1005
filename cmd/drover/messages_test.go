package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/report"
	"drover/scenarios"
	"drover/sim/scenario"
	"drover/sim/target"
)

// messageScenario is a file like quick for a target of messages.
func messageScenario(t *testing.T, targetBlock string) string {
	t.Helper()
	src, err := os.ReadFile(quick(t))
	if err != nil {
		t.Fatal(err)
	}
	text := string(src)
	from, to := strings.Index(text, "  target:\n"), strings.Index(text, "  fleets:\n")
	text = text[:from] + "  target:\n    " + strings.ReplaceAll(strings.TrimSpace(targetBlock), "\n", "\n    ") + "\n" + text[to:]
	text = strings.Replace(text, "    target: {type: url, default: embedded}\n", "", 1)
	text = text[:strings.Index(text, "    - {name: all-counted")] + "    - {name: private, privacy: {violations: 0}}\n"
	file := filepath.Join(t.TempDir(), "messages.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// countDocuments holds lines against what a run says that it sent: native documents of one event each.
func countDocuments(t *testing.T, lines []string, dir string) {
	t.Helper()
	ids := map[string]bool{}
	for _, l := range lines {
		var doc struct {
			Device, Account map[string]any
			Events          []struct{ ID, Time string }
		}
		if err := json.Unmarshal([]byte(l), &doc); err != nil || len(doc.Events) != 1 || doc.Account["tenant_id"] == nil || doc.Device == nil {
			t.Fatalf("not a document of one event: %v: %.200s", err, l)
		}
		if !strings.HasPrefix(doc.Events[0].Time, "2026-05-0") {
			t.Fatalf("time %s is not that of the device", doc.Events[0].Time)
		}
		ids[doc.Events[0].ID] = true
	}
	var accepted int64
	for _, k := range readRun(t, dir).Kinds {
		accepted += k.Accepted
	}
	if accepted == 0 || int64(len(ids)) != accepted || len(lines) != len(ids) {
		t.Errorf("%d lines with %d events, of %d that were accepted", len(lines), len(ids), accepted)
	}
}

// TestSinks writes a run to a file and to standard output, and to nowhere.
func TestSinks(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		file := messageScenario(t, "url: \"file:events.ndjson\"")
		t.Chdir(t.TempDir())
		want(t, exitPass, "run", file, "--out", "out")
		text, err := os.ReadFile("events.ndjson")
		if err != nil {
			t.Fatal(err)
		}
		countDocuments(t, lines(string(text)), "out")
		if u := readRun(t, "out").Target.URL; u != "file:events.ndjson" {
			t.Errorf("run.json says target %q", u)
		}
		// The file is there now.
		code, _, stderr := drover(t, testEnv(), "run", file, "--out", "again")
		if _, err := os.Stat("again"); code != exitTarget || !strings.Contains(stderr, "existing: append") || err == nil {
			t.Errorf("exit code %d, %q, want %d before anything is made", code, stderr, exitTarget)
		}
		// One device's lines go there once more; and only to a place of this kind.
		text2 := want(t, exitPass, "replay", "out", "--device", "3", "--speed", "0", "--target", "file:device.ndjson")
		if again, err := os.ReadFile("device.ndjson"); err != nil || len(again) == 0 || !strings.Contains(string(text), lines(string(again))[0]) || !strings.Contains(text2, "ok") {
			t.Errorf("replay: %v, %.200q, %s", err, again, text2)
		}
		if code, _, stderr := drover(t, testEnv(), "replay", "out", "--device", "3", "--target", "http://127.0.0.1:1"); code != exitUsage || !strings.Contains(stderr, "messages of file") {
			t.Errorf("exit code %d, %q", code, stderr)
		}
	})
	t.Run("file, read back", func(t *testing.T) {
		file := messageScenario(t, "url: \"file:sent.ndjson\"\nreadback: {adapter: events, url: \"file:got.ndjson\", settle: 0s}")
		t.Chdir(t.TempDir())
		if err := os.Symlink("sent.ndjson", "got.ndjson"); err != nil { // a consumer that writes down all
			t.Skip(err)
		}
		want(t, exitPass, "run", file, "--out", "out")
		c := readRun(t, "out").Reconcile
		if c == nil || c.Once == 0 || c.Once != c.Acknowledged || !c.Contents || !c.Tenants || c.Unexpected > 0 {
			t.Fatalf("settled: %+v", c)
		}
		sent, err := os.ReadFile("sent.ndjson")
		if err != nil {
			t.Fatal(err)
		}
		got := lines(string(sent))
		got[0], got[5] = got[1], strings.Replace(got[5], `"kind":"`, `"kind":"x`, 1) // one is lost, one there twice, one altered
		if os.Remove("got.ndjson") != nil || os.WriteFile("got.ndjson", []byte(strings.Join(got, "\n")), 0o600) != nil {
			t.Fatal("the file cannot be written")
		}
		var again struct{ Reconcile report.Reconcile }
		_, text, stderr := drover(t, testEnv(), "settle", "out", "--again", "-f", "json")
		if err := json.Unmarshal([]byte(text), &again); err != nil {
			t.Fatalf("settle: %v, %s", err, stderr)
		}
		if c := again.Reconcile; c.Lost != 1 || c.Duplicated != 1 || c.Altered != 1 || c.Once != c.Acknowledged-3 {
			t.Errorf("settled again: %+v", c)
		}
	})
	t.Run("stdout", func(t *testing.T) {
		file := messageScenario(t, "url: stdout")
		t.Chdir(t.TempDir())
		code, stdout, stderr := drover(t, testEnv(), "run", file, "--out", "out")
		if code != exitPass && code != exitInconclusive {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		countDocuments(t, lines(stdout), "out")
		if !strings.Contains(stderr, "Load") {
			t.Errorf("no summary on standard error: %s", stderr)
		}
	})
	t.Run("discard, in the closed model", func(t *testing.T) {
		file := messageScenario(t, "url: discard")
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(strings.Replace(string(src), ", speed: 20000", "", 1), "  load:\n", "  load:\n    model: closed\n    concurrency: 2\n", 1)
		text = strings.Replace(text, "  checks:\n", "  timeline: []\n  checks:\n", 1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Chdir(t.TempDir())
		want(t, exitPass, "run", file, "--set", "day=200ms", "--out", "out")
		if c := readRun(t, "out").Connections; c == nil || c.Opened != 0 {
			t.Errorf("connections %+v", c)
		}
	})
}

// TestProtocolPages: every protocol has a page, with a scenario that is there and, run as the page says, goes to that protocol.
func TestProtocolPages(t *testing.T) {
	list := want(t, exitPass, "help", "protocols")
	pages := map[string]protocolPage{}
	for _, p := range protocolPages {
		pages[p.name] = p
	}
	for _, p := range target.Protocols {
		page, ok := pages[p.Name]
		if !ok || !strings.Contains(list, "\n  "+p.Name) {
			t.Errorf("%s has no page, or help protocols does not list it", p.Name)
			continue
		}
		text := want(t, exitPass, "help", p.Name)
		for _, word := range []string{"url: " + p.Schemes[0], "Accepted means", "Traps", "(drover scenarios show " + page.scenario + "; drover run " + page.scenario} {
			if !strings.Contains(text, word) {
				t.Errorf("the page of %s has no %q", p.Name, word)
			}
		}
		for _, s := range p.Schemes {
			if !strings.Contains(page.urls, s) {
				t.Errorf("the page of %s does not list the scheme %s", p.Name, s)
			}
		}
		src, err := scenarios.Files.ReadFile(page.scenario + ".yaml")
		if err != nil || !strings.Contains(text, lines(string(src))[0]) {
			t.Errorf("the page of %s has no scenario %s: %v", p.Name, page.scenario, err)
			continue
		}
		opt := scenario.Options{}
		if page.with != "" {
			opt.Set = map[string]string{"target": page.with}
		}
		if sc, err := scenario.Load(page.scenario, opt); err != nil || sc.Target.Protocol.Name != p.Name {
			t.Errorf("%s: %v, of another protocol than %s", page.scenario, err, p.Name)
		}
	}
}
