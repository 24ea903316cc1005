package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"drover/sim/check"
	"drover/sim/event"
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

	// CloudEvents hold as many events, each a document; and nothing may hide in their attributes.
	for _, format := range []string{"cloudevents", "cloudevents-batch"} {
		events := want(t, exitPass, "events", quick(t), "--limit", "0", "--format", format)
		each := fmt.Sprintf("mde: 0 violations in %s documents with %[1]s events ", check.FormatCount(int64(strings.Count(events, `"specversion"`))))
		if code, out, _ := auditOf(t, events, "--scenario", quick(t)); code != exitPass || !strings.HasPrefix(out, each) {
			t.Errorf("audit of %s: exit code %d, %q; want %q", format, code, out, each)
		}
		bad := strings.Replace(events, `"subject":"`, `"subject":"https://a.sim.test/`, 1)
		if code, out, _ := auditOf(t, bad); code != exitFail || !strings.Contains(out, `P07 "subject": `) {
			t.Errorf("audit of a URL in an attribute, %s: exit code %d, %q", format, code, out)
		}
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
	if code, _, stderr := drover(t, testEnv(), "audit", t.TempDir()); code != exitUsage || !strings.Contains(stderr, "is a folder") {
		t.Errorf("audit of a folder: exit code %d, %q; want %d", code, stderr, exitUsage)
	}
	if code, _, stderr := drover(t, testEnv(), "audit", "--contract", "../../sim/scenario/testdata/contracts/mistakes.yaml", file); code != exitUsage ||
		!strings.HasPrefix(stderr, "../../sim/scenario/testdata/contracts/mistakes.yaml:2:71: ") {
		t.Errorf("audit with a contract of mistakes: exit code %d, %q; want %d and a position", code, stderr, exitUsage)
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
			expect = append(expect, dataType{it.ID, it.Category, it.When, kind, it.Field, true})
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
		// The other way round: which events carry what, as events of the kind say themselves.
		var kinds []kindFields
		if err := json.Unmarshal([]byte(want(t, exitPass, "privacy", "--contract", p.ID, "--by", "event", "--format", "json")), &kinds); err != nil {
			t.Fatal(err)
		}
		carried := 0
		for _, k := range kinds {
			var names []string
			for _, r := range expect {
				if r.Kind == k.Kind {
					names = append(names, r.Field)
				}
			}
			carried += len(names)
			if !slices.Equal(k.Fields, names) {
				t.Errorf("%s: %s carries %q, want %q", p.ID, k.Kind, k.Fields, names)
			}
			if kind, ok := event.ParseKind(k.Kind); ok && len(kind.Fields().List()) < len(names) {
				t.Errorf("%s: events of kind %v carry %v, want %q at least", p.ID, kind, kind.Fields().List(), names)
			}
		}
		if len(kinds) != 2+int(event.NumKinds) || carried != len(expect) {
			t.Errorf("%s: %d kinds with %d data types, want %d with %d", p.ID, len(kinds), carried, 2+event.NumKinds, len(expect))
		}
		if n := strings.Count(want(t, exitPass, "privacy", "--contract", p.ID, "--by", "event"), "\n"); n != len(kinds)+1 {
			t.Errorf("privacy --by event has %d lines, want %d", n, len(kinds)+1)
		}
		for _, format := range []string{"table", "markdown"} {
			if n := strings.Count(want(t, exitPass, "privacy", "--contract", p.ID, "--format", format), "\n"); n < len(expect)+1 || n > len(expect)+2 {
				t.Errorf("privacy --contract %s --format %s has %d lines for %d data types", p.ID, format, n, len(expect))
			}
		}
	}
}

// TestCapture takes documents out of streams that were put together in several ways.
func TestCapture(t *testing.T) {
	const a, b = `{"v":1,"x":"}{[","y":[{"z":"\""}]}`, `{"v":2}`
	zip := func(parts ...string) string {
		var out bytes.Buffer
		for _, p := range parts { // each member is a request of its own
			z := gzip.NewWriter(&out)
			z.Write([]byte(p))
			z.Close()
		}
		return out.String()
	}
	var indented bytes.Buffer
	json.Indent(&indented, []byte(a), "", "  ")
	for _, tt := range []struct {
		name, text string
		docs       []string // compact where they are JSON
		lines      []int
	}{
		{"lines", a + "\n" + b + "\r\n", []string{a, b}, []int{1, 2}},
		{"blank lines and no last one", "\n\n" + a + "\n \n" + b, []string{a, b}, []int{3, 5}},
		{"one after another", a + b + " " + a, []string{a, b, a}, []int{1, 1, 1}},
		{"an array", "[" + a + "," + b + "]", []string{a, b}, []int{1, 1}},
		{"an array over lines", "[\n  " + a + ",\n  " + b + "\n]\n" + b, []string{a, b, b}, []int{2, 3, 5}},
		{"two arrays", "[" + a + "]\n[" + b + "]", []string{a, b}, []int{1, 2}},
		{"an empty array", "[]", nil, nil},
		{"indented", indented.String() + "\n" + indented.String() + b, []string{a, a, b}, []int{1, 10, 18}},
		{"gzip", zip(a + "\n" + b), []string{a, b}, []int{1, 2}},
		{"bodies that were compressed one by one", zip(a, b, a), []string{a, b, a}, []int{1, 1, 1}},
		{"not JSON", "hello\n" + a, []string{"hello", a}, []int{1, 2}},
		{"cut off in a text", `{"v":1,"x":"y` + "\n" + b, []string{`{"v":1,"x":"y`, b}, []int{1, 2}},
		{"cut off elsewhere", `{"v":1,"x":{` + "\n" + b + "\n" + a, []string{`{"v":1,"x":{`, b, a}, []int{1, 2, 3}},
		{"cut off at the end", a + "\n" + `{"v":1,`, []string{a, `{"v":1,`}, []int{1, 2}},
		{"one brace too many", b + "}\n" + a, []string{b, "}", a}, []int{1, 1, 2}},
	} {
		var docs []string
		var lines []int
		c := splitter{each: func(line int, doc []byte) {
			var out bytes.Buffer
			if json.Compact(&out, doc) != nil {
				out.Reset()
				out.Write(bytes.TrimSpace(doc))
			}
			docs, lines = append(docs, out.String()), append(lines, line)
		}}
		if err := c.read(strings.NewReader(tt.text)); err != nil || !slices.Equal(docs, tt.docs) || !slices.Equal(lines, tt.lines) {
			t.Errorf("%s: %q in lines %v (%v), want %q in %v", tt.name, docs, lines, err, tt.docs, tt.lines)
		}
	}
	// A data type that devices cannot send is in the table, and says so.
	if out := want(t, exitPass, "privacy", "--contract", "../../sim/scenario/testdata/contracts/unfit.yaml"); strings.Count(out, " no\n") != 5 || strings.Count(out, " yes\n") != 3 {
		t.Errorf("privacy of a contract that devices cannot keep:\n%s", out)
	}
	for name, text := range map[string]string{"half of a gzip file": zip(a)[:20], "a long document": strings.Repeat("{\n 1", 50), "a long line": strings.Repeat("{ ", 80)} {
		if err := (&splitter{each: func(int, []byte) {}, max: 100}).read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzCapture: every byte that is not white space, or what holds an array together, is given, in order.
func FuzzCapture(f *testing.F) {
	for _, s := range []string{"{}{}", "[{},{}]", "{\n}\n{", "x\n{\"a\":\"b\n}", "\x1f\x8b", "[[]]", "{\"a\":[\n{\"b\":1}\n]}", "}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.HasPrefix(text, []byte("\x1f\x8b")) {
			return
		}
		var given []byte
		last := 0
		c := splitter{each: func(line int, doc []byte) {
			if len(doc) == 0 || line < last {
				t.Errorf("document %q in line %d after line %d", doc, line, last)
			}
			given, last = append(given, doc...), line
		}}
		if err := c.read(bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		rest := bytes.Join(bytes.Fields(given), nil)
		for _, ch := range bytes.Join(bytes.Fields(text), nil) {
			if len(rest) > 0 && rest[0] == ch {
				rest = rest[1:]
			} else if !strings.ContainsRune("[],", rune(ch)) {
				t.Fatalf("%q is lost: given %q of %q", ch, given, text)
			}
		}
		if len(rest) > 0 {
			t.Fatalf("%q is not in %q", rest, text)
		}
	})
}
