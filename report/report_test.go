package report

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"drover/sim/check"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got), run with -update if this is meant:\n%s", name, d)
	}
}

func TestGolden(t *testing.T) {
	r := stalled(t)
	for _, tt := range []struct {
		name  string
		write func(io.Writer, *Run) error
	}{
		{"stalled.txt", func(w io.Writer, r *Run) error {
			return Text(w, r, TextOptions{Dir: "runs/ramp-with-stall-20260504T091400Z"})
		}},
		{"stalled-60.txt", func(w io.Writer, r *Run) error { return Text(w, r, TextOptions{Width: 60}) }},
		{"stalled-24.txt", func(w io.Writer, r *Run) error { return Text(w, r, TextOptions{Width: 80, Height: 24, Dir: "runs/x"}) }},
		{"stalled-color.txt", func(w io.Writer, r *Run) error { return Text(w, r, TextOptions{Color: true}) }},
		{"stalled.md", Markdown},
		{"stalled.xml", JUnit},
		{"stalled.json", JSON},
	} {
		var b bytes.Buffer
		if err := tt.write(&b, r); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		golden(t, tt.name, b.Bytes())
	}
}

// Whatever there is to say, the summary fits one screen.
func TestTextFitsTheScreen(t *testing.T) {
	many := stalled(t)
	for i := range 60 {
		many.Checks = append(many.Checks, Check{Name: fmt.Sprintf("check-%d-with-a-name-that-goes-on-and-on", i), Result: check.Pass, Got: "rate 0%", Want: strings.Repeat("want ", 30)})
		many.Warnings = append(many.Warnings, strings.Repeat("warning ", 30))
		many.Classes = append(many.Classes, Class{Class: "another way to end", Final: 1e12, Attempts: 1e13})
		many.Kinds = append(many.Kinds, Kind{Kind: "some.kind.of.event", Accepted: 1e15})
	}
	many.Scenario.Name = strings.Repeat("long", 50)
	many.Generator.Behind = strings.Repeat("behind ", 40)
	allFail := stalled(t)
	for i := range 60 {
		allFail.Checks = append(allFail.Checks, Check{Name: fmt.Sprint(i), Result: check.Fail, Got: "got", Want: "want", Evidence: "evidence"})
	}
	for name, r := range map[string]*Run{"as it is": stalled(t), "too much of everything": many, "all fail": allFail, "nothing": {}} {
		for _, size := range [][2]int{{0, 0}, {1, 0}, {40, 0}, {60, 0}, {80, 0}, {200, 0}, {80, 24}, {120, 24}, {80, 1}, {80, 32}, {200, 100}} {
			width, height := size[0], size[1]
			var b bytes.Buffer
			if err := Text(&b, r, TextOptions{Width: width, Height: height, Dir: "runs/x"}); err != nil {
				t.Fatal(err)
			}
			most := 40
			if height > 0 {
				most = min(40, max(24, height)-1) // the prompt's line
			}
			limit := max(40, width)
			if width == 0 {
				limit = math.MaxInt // a file: nothing is cut
			}
			lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
			if len(lines) > most {
				t.Errorf("%s at %d columns and %d lines: %d lines, want %d at most\n%s", name, width, height, len(lines), most, b.String())
			}
			for _, l := range lines {
				if n := utf8.RuneCountInString(l); n > limit {
					t.Errorf("%s at %d columns: a line of %d: %q", name, width, n, l)
				}
			}
		}
	}
}

// When checks must be left out, it is those that passed, and the summary says how many.
func TestTextKeepsFailedChecks(t *testing.T) {
	r := &Run{Result: check.Fail}
	for i := range 100 {
		r.Checks = append(r.Checks, Check{Name: fmt.Sprintf("ok-%d", i), Result: check.Pass})
	}
	r.Checks = append(r.Checks, Check{Name: "the-bad-one", Result: check.Fail, Got: "p99 1s", Want: "p99 <= 1ms"})
	var b bytes.Buffer
	if err := Text(&b, r, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	shown := strings.Count(b.String(), "✓")
	if !strings.Contains(b.String(), "the-bad-one") || !strings.Contains(b.String(), fmt.Sprintf("… and %d more", 100-shown)) {
		t.Errorf("the failed check or the number left out is missing:\n%s", b.String())
	}
}

// A scenario's own words move no cursor, hide no text and break no table.
func TestTextOfHostileNames(t *testing.T) {
	r := hostile(t)
	var b bytes.Buffer
	if err := Text(&b, r, TextOptions{Width: 200}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\r\u202e\x00\a") {
		t.Errorf("control characters came through: %q", b.String())
	}
	b.Reset()
	if err := Markdown(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(b.String(), "\n") {
		if strings.Contains(l, "<script") || strings.Contains(l, "@everyone") || strings.ContainsAny(l, "\x1b\r\u202e") {
			t.Errorf("Markdown let through %q", l)
		}
		if strings.HasPrefix(l, "| ✓") && strings.Count(strings.ReplaceAll(l, `\|`, ""), "|") != 6 {
			t.Errorf("a name broke the table: %q", l)
		}
	}
}

const evil = "x</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)> | ]]> @everyone \x1b[2J\r\n\u202e\x00 {{.}} <!--"

// hostile is a run whose every word is an attack.
func hostile(t testing.TB) *Run {
	r := stalled(t)
	r.Scenario = Scenario{Name: evil, Description: evil, File: evil, Digest: evil, Variant: evil, Params: []string{evil}, Command: evil}
	r.ID, r.Drover, r.Target = evil, Build{Version: evil, Go: evil, OS: evil, Arch: evil}, Target{URL: "javascript:" + evil, Adapter: evil}
	r.Load.Model, r.Load.Arrivals, r.Load.Shard, r.Exit.Reason = evil, evil, evil, evil
	r.Generator.Behind, r.Generator.Timer, r.Warnings = evil, evil, []string{evil}
	r.Result = check.Result(evil)
	for i := range r.Checks {
		r.Checks[i] = Check{Name: evil, Result: check.Result(evil), Got: evil, Want: evil, Evidence: evil}
	}
	r.Checks[0].Result = check.Pass
	for _, rows := range [][]Row{r.Operations, r.Cohorts, r.Tenants} {
		for i := range rows {
			rows[i].Name = evil
		}
	}
	for i := range r.Phases {
		r.Phases[i].Name, r.Phases[i].Do = evil, evil
	}
	for i := range r.Kinds {
		r.Kinds[i].Kind = evil
	}
	for i := range r.Classes {
		r.Classes[i].Class = evil
	}
	for i := range r.Verdicts.Categories {
		r.Verdicts.Categories[i] = evil
	}
	r.Verdicts.Disputes = []Dispute{{Event: evil, URL: evil, Pattern: evil, Truth: evil, Reference: evil, Backend: evil, Reasons: evil}}
	r.Files = []File{{evil, evil}}
	return r
}

func TestJUnitIsWellFormed(t *testing.T) {
	broke := &Run{Exit: Exit{Code: 1, Reason: "the target went away"}}
	for name, tt := range map[string]struct {
		run                              *Run
		tests, failures, errors, skipped int
	}{
		"stalled": {stalled(t), 9, 2, 3, 0},
		"hostile": {hostile(t), 9, 0, 8, 0},
		"broke":   {broke, 1, 0, 1, 0},
		"empty":   {&Run{}, 0, 0, 0, 0},
	} {
		var b bytes.Buffer
		if err := JUnit(&b, tt.run); err != nil {
			t.Fatal(err)
		}
		var got junitSuites
		if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
			t.Errorf("%s: %v in\n%s", name, err, b.String())
			continue
		}
		if got.Tests != tt.tests || got.Failures != tt.failures || got.Errors != tt.errors || got.Suites[0].Skipped != tt.skipped || len(got.Suites[0].Cases) != tt.tests {
			t.Errorf("%s: %d tests, %d failures, %d errors, %d skipped; want %d, %d, %d, %d", name, got.Tests, got.Failures, got.Errors,
				got.Suites[0].Skipped, tt.tests, tt.failures, tt.errors, tt.skipped)
		}
	}
}
