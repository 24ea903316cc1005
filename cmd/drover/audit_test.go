package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// capture returns the uploads of the quick scenario, a line each.
func capture(t *testing.T) string {
	t.Helper()
	return want(t, exitPass, "events", quick(t), "--format", "uploads", "--limit", "0")
}

// auditOf audits a capture from standard input.
func auditOf(t *testing.T, text string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	e := testEnv()
	e.stdin = strings.NewReader(text)
	return drover(t, e, append([]string{"audit", "-"}, args...)...)
}

func TestAudit(t *testing.T) {
	docs := capture(t)
	code, out, stderr := auditOf(t, docs, "--scenario", quick(t))
	if code != exitPass || !strings.HasPrefix(out, "mde: 0 violations in ") || !strings.Contains(out, "P02   checked ") || stderr != "" {
		t.Errorf("audit of a run: exit code %d, %q, %q; want 0 and no violation, P02 checked", code, out, stderr)
	}
	// The same from a file, with the lines that end the pages of a backend's audit.
	file := filepath.Join(t.TempDir(), "stored.ndjson")
	if err := os.WriteFile(file, []byte(docs+`{"next":"00","more":false}`+"\n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := want(t, exitPass, "audit", file); !strings.Contains(out, "P02   not checked ") {
		t.Errorf("audit without a scenario = %q, want P02 not checked", out)
	}

	// The scenario's own contract is the default with --scenario.
	src, err := os.ReadFile(quick(t))
	if err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(t.TempDir(), "newer.yaml")
	if err := os.WriteFile(newer, []byte(strings.Replace(string(src), "spec:\n", "spec:\n  privacy: {contract: mde-2024}\n", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := auditOf(t, docs, "--scenario", newer); code != exitPass || !strings.HasPrefix(out, "mde-2024: 0 violations") {
		t.Errorf("audit --scenario of contract mde-2024: exit code %d, %q", code, out)
	}

	bad := strings.Replace(docs, `"os_version"`, `"phone_number":"+49","os_version"`, 1)
	code, out, _ = auditOf(t, bad)
	if code != exitFail || !strings.HasPrefix(out, `-:1: P13 device."phone_number": unknown field, device `) {
		t.Errorf("audit of an unknown field: exit code %d, %q", code, out)
	}
	code, out, _ = auditOf(t, bad, "--format", "json")
	var res auditResult
	if err := json.Unmarshal([]byte(out), &res); err != nil {
		t.Fatal(err)
	}
	if code != exitFail || res.Violations != 1 || len(res.First) != 1 || res.First[0].Line != 1 || res.First[0].Invariant != "P13" ||
		len(res.Invariants) != 15 || res.Invariants[12].Violations != 1 || !slices.Equal(res.Kinds, []kindLine{{"upload", 1}}) {
		t.Errorf("audit --format json: exit code %d, %+v", code, res)
	}

	none := "00000000-0000-4000-8000-000000000000"
	code, out, _ = auditOf(t, docs, "--tenant", none, "--limit", "1")
	if n := strings.Count(docs, "\n"); code != exitFail || strings.Count(out, "P11 account.tenant_id") != 1 || n > 1 && !strings.Contains(out, " more; --limit 0") {
		t.Errorf("audit --tenant --limit 1: exit code %d, %q", code, out)
	}
	if code, _, stderr := auditOf(t, "\n"); code != exitInconclusive || !strings.Contains(stderr, "proves nothing") {
		t.Errorf("audit of nothing: exit code %d, %q; want %d", code, stderr, exitInconclusive)
	}
	if code, _, stderr := drover(t, testEnv(), "audit", filepath.Join(t.TempDir(), "none")); code != exitUsage || stderr == "" {
		t.Errorf("audit of no file: exit code %d, %q; want %d", code, stderr, exitUsage)
	}
	if code, _, stderr := auditOf(t, docs, "--contract", "mde2"); code != exitUsage || !strings.Contains(stderr, `did you mean "mde"`) {
		t.Errorf("audit --contract mde2: exit code %d, %q; want %d and a guess", code, stderr, exitUsage)
	}
}

// TestPrivacyTable holds the table to the catalogue, read here without package scenario.
func TestPrivacyTable(t *testing.T) {
	src, err := os.ReadFile(filepath.Join("..", "..", "profiles", "privacy-catalogue.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Profiles []struct{ ID, Seed string }
		Items    []struct {
			ID, Category, Field, Event string
			In, When                   []string
		}
	}
	if err := yaml.Unmarshal(src, &file); err != nil {
		t.Fatal(err)
	}
	notSent := map[string][]string{
		"atp-2020": {"web.connection_info", "web.protocol_type", "opt.admin_features", "opt.browser_info"},
		"mde":      {"opt.admin_features"},
		"mde-2024": {"opt.admin_features"},
	}
	for _, p := range file.Profiles {
		var expect []dataType
		for _, it := range file.Items {
			if !slices.Contains(it.In, p.Seed) {
				continue
			}
			kind := "upload"
			if it.Event != "" {
				kind = it.Event
			} else if it.Field == "device.time" {
				kind = "every"
			}
			expect = append(expect, dataType{it.ID, it.Category, it.When, kind, it.Field, !slices.Contains(notSent[p.ID], it.ID)})
		}
		var got []dataType
		if err := json.Unmarshal([]byte(want(t, exitPass, "privacy", "--contract", p.ID, "--format", "json")), &got); err != nil {
			t.Fatal(err)
		}
		equal := func(a, b dataType) bool {
			return a.ID == b.ID && a.Category == b.Category && slices.Equal(a.When, b.When) && a.Kind == b.Kind && a.Field == b.Field && a.Sent == b.Sent
		}
		if !slices.EqualFunc(got, expect, equal) {
			t.Errorf("privacy --contract %s = %+v, want %+v", p.ID, got, expect)
		}
		for _, format := range []string{"table", "markdown"} {
			if n := strings.Count(want(t, exitPass, "privacy", "--contract", p.ID, "--format", format), "\n"); n < len(expect)+1 || n > len(expect)+2 {
				t.Errorf("privacy --contract %s --format %s has %d lines for %d data types", p.ID, format, n, len(expect))
			}
		}
	}
}
