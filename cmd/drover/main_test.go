package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/report"
	"drover/scenarios"
	"drover/sim/check"
	"drover/sim/scenario"
)

// TestMain makes the test binary drover itself, or what it sends to, when it is asked to: for tests that need a process.
func TestMain(m *testing.M) {
	if os.Getenv("DROVER_BE_DROVER") != "" {
		main()
	}
	if dir := os.Getenv(costSinksIn); dir != "" {
		beCostSinks(dir)
	}
	os.Exit(m.Run())
}

// testEnv is a process without terminal or signals, on 4 May 2026.
func testEnv() env {
	return env{
		stdin:         strings.NewReader(""),
		getenv:        func(string) string { return "" },
		now:           func() time.Time { return time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC) },
		width:         func(io.Writer) int { return 0 },
		interruptible: func(ctx context.Context) (context.Context, func()) { return context.WithCancel(ctx) },
	}
}

// drover runs the command.
func drover(t *testing.T, e env, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs, e)
	return code, out.String(), errs.String()
}

// want runs the command, which has to end with the given code, and returns its standard output. A run that should have passed
// but for a machine that did not keep up with it is as good as one that passed: the tests' own load is no fault of what they
// look at.
func want(t *testing.T, code int, args ...string) string {
	t.Helper()
	got, stdout, stderr := drover(t, testEnv(), args...)
	if code == exitPass && got == exitInconclusive && outpaced(args) {
		t.Logf("drover %s: this machine did not keep up", strings.Join(args, " "))
		return stdout
	}
	if got != code {
		t.Fatalf("drover %s: exit code %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout
}

// outpaced reports whether the command was a run whose report says that drover itself did not keep up, and that no check failed
// or was left out.
func outpaced(args []string) bool {
	at := slices.Index(args, "--out")
	if args[0] != "run" || at < 0 {
		return false
	}
	doc, _, err := openRun(args[at+1])
	return err == nil && doc.Generator.Behind != "" && !slices.ContainsFunc(doc.Checks, func(c report.Check) bool {
		return c.Result == check.Fail || c.Result == check.NotChecked
	})
}

// quick is the path of a scenario that runs for a second and a half. Tests change the working directory.
func quick(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "quick.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUsage(t *testing.T) {
	file := quick(t)
	tests := []struct {
		args string // split at spaces
		want string // part of the one line
	}{
		{"", "want a command"},
		{"rnu", `unknown command "rnu"; did you mean "run"?`},
		{"scenarios shwo", `did you mean "show"?`},
		{"help exit-code", `unknown command "exit-code"`},
		{"help frobnicate", `unknown command "frobnicate"`},
		{"help scenarios shwo", `did you mean "show"?`},
		{"frobnicate", `unknown command "frobnicate"`},
		{"run", "want one scenario"},
		{"run a b", "want one scenario"},
		{"run smoke --frobnicate", "unknown flag: --frobnicate"},
		{"run smoke --workers many", "--workers"},
		{"run smoke --workers -1", "--workers -1: want 0 or more"},
		{"run smoke --format xml", "want text, json or markdown"},
		{"run smoke --set target", "want name=value"},
		{"run smoke --set a=1 --set a=2", "a is set twice"},
		{"run smoke --shard 5/4", "--shard"},
		{"run smoke --shard x", "--shard"},
		{"validate", "want at least one scenario"},
		{"classify", "want at least one URL"},
		{"audit", "want at least one file"},
		{"audit - --limit -1", "--limit -1"},
		{"audit - --tenant X", "--tenant X"},
		{"audit - --variant x", "belong to --scenario"},
		{"privacy x", "want no argument"},
		{"scenarios show", "want the name of one shipped scenario"},
		{"scenarios show nothing", `no shipped scenario is named "nothing"`},
		{"schema x", `want scenario or run, got ["x"]`},
		{"schema run scenario", "want scenario or run"},
		{"version x", "want no argument"},
		{"serve x", "want no argument"},
		{"serve --addr 8080", `--addr 8080: want host:port`},
		{"serve --max-events -1", "--max-events -1: want 0 or more"},
		{"serve --ca x.pem", "--ca is of use with --tls only"},
		{"serve --token-life 5m", "--token-life: want a second or more, and --secret-env"},
		{"serve --secret-env NOT_SET", "environment variable NOT_SET is empty"},
		{"report", "want one run"},
		{"devices " + file + " --sample -1", "--sample -1"},
		{"events " + file + " --limit -1", "--limit -1"},
		{"events " + file + " --kind virus", "--kind virus: want enrolment,"},
		{"events " + file + " --device 20", "the fleet has 20 devices"},
		{"events " + file + " --device -2", "--device -2"},
		{"events " + file + " --from 2s --until 1s", "--until 1s is not after --from 2s"},
	}
	for _, tt := range tests {
		code, stdout, stderr := drover(t, testEnv(), strings.Fields(tt.args)...)
		if code != exitUsage {
			t.Errorf("drover %s: exit code %d, want %d", tt.args, code, exitUsage)
		}
		if stdout != "" {
			t.Errorf("drover %s: stdout %q, want nothing", tt.args, stdout)
		}
		if !strings.Contains(stderr, tt.want) || !strings.HasPrefix(stderr, "drover: ") || !strings.Contains(stderr, "; see drover") ||
			!strings.HasSuffix(stderr, " -h\n") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("drover %s: stderr %q, want one line with %q that says where to read on", tt.args, stderr, tt.want)
		}
	}
}

// TestMistakes is about files, not flags: the lines say themselves how to mend them.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	src, err := os.ReadFile(quick(t))
	if err != nil {
		t.Fatal(err)
	}
	src = bytes.Replace(src, []byte("devices: 20"), []byte("devises: 20"), 1)
	src = bytes.Replace(src, []byte("seed: 1"), []byte("seed: x"), 1)
	if err := os.WriteFile(bad, src, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"run", "validate", "plan", "devices", "events"} {
		code, stdout, stderr := drover(t, testEnv(), command, bad)
		if code != exitUsage || stdout != "" {
			t.Errorf("%s of a bad file: exit code %d, stdout %q, want %d and nothing", command, code, stdout, exitUsage)
		}
		if !strings.HasPrefix(stderr, bad+":6:9: ") || !strings.Contains(stderr, "\n"+bad+":19:7: ") || !strings.Contains(stderr, `did you mean "devices"?`) {
			t.Errorf("%s of a bad file: stderr %q, want both mistakes, each with its position at the start of a line", command, stderr)
		}
		code, _, stderr = drover(t, testEnv(), command, filepath.Join(dir, "none.yaml"))
		if code != exitUsage || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s of no file: exit code %d, stderr %q, want %d and one line", command, code, stderr, exitUsage)
		}
	}
	code, stdout, stderr := drover(t, testEnv(), "validate", quick(t), bad)
	if code != exitUsage || stdout != quick(t)+": ok\n" || !strings.Contains(stderr, bad) {
		t.Errorf("validate of a good and a bad file: %d, %q, %q; want %d, ok for the first, mistakes for the second", code, stdout, stderr, exitUsage)
	}
}

func TestValidateShipped(t *testing.T) {
	names := scenario.Shipped()
	out := want(t, exitPass, append([]string{"validate"}, names...)...)
	for _, name := range names {
		if !strings.Contains(out, name+": ok\n") {
			t.Errorf("validate = %q, want %s: ok", out, name)
		}
	}
}

func TestHelp(t *testing.T) {
	root := want(t, exitPass, "help")
	for _, name := range strings.Fields("run calibrate validate plan devices events visits serve classify audit privacy scenarios adapters formats schema report verdicts compare metrics ledger settle replay version completion help") {
		if !strings.Contains(root, "\n  "+name+" ") {
			t.Errorf("help does not list %s:\n%s", name, root)
		}
		h := want(t, exitPass, "help", name)
		if short := want(t, exitPass, name, "-h"); h != short {
			t.Errorf("help %s = %q, but %s -h = %q", name, h, name, short)
		}
		if !strings.Contains(h, "Usage:\n  drover "+name) || strings.Contains(h, "drover [command]") {
			t.Errorf("help %s has no usage:\n%s", name, h)
		}
	}
	if !strings.Contains(root, "Usage:\n  drover COMMAND\n") {
		t.Errorf("help has no usage:\n%s", root)
	}
	codes := want(t, exitPass, "help", "exit-codes")
	for _, code := range []string{"0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "130 "} {
		if !strings.Contains(codes, "\n  "+code) {
			t.Errorf("help exit-codes does not tell %s:\n%s", code, codes)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := want(t, exitPass, "completion", shell); !strings.Contains(out, "drover") {
			t.Errorf("completion %s = %q", shell, out)
		}
	}
	tests := []struct {
		args []string
		want []string
	}{
		{[]string{"run", ""}, scenario.Shipped()},
		{[]string{"scenarios", "show", ""}, scenario.Shipped()},
		{[]string{"run", "smoke", "--format", ""}, []string{"text", "json", "markdown"}},
		{[]string{"events", "smoke", "--kind", ""}, kindNames()},
	}
	for _, tt := range tests {
		lines := strings.Split(want(t, exitPass, append([]string{"__complete"}, tt.args...)...), "\n")
		for _, w := range tt.want {
			if !slices.Contains(lines, w) {
				t.Errorf("completion of %q = %q, want %q among it", tt.args, lines, w)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	if out := want(t, exitPass, "version"); !strings.HasPrefix(out, "drover "+versionOf()+" (go") {
		t.Errorf("version = %q", out)
	}
}

func TestSchema(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(want(t, exitPass, "schema")), &doc); err != nil {
		t.Fatal(err)
	}
	if _, ok := doc["$schema"]; !ok {
		t.Errorf("schema has no $schema, only %d members", len(doc))
	}
	if want(t, exitPass, "schema") != want(t, exitPass, "schema", "scenario") {
		t.Error("schema is not that of scenarios")
	}
}

func TestScenarios(t *testing.T) {
	list := want(t, exitPass, "scenarios")
	for _, name := range scenario.Shipped() {
		if !strings.Contains("\n"+list, "\n"+name+" ") {
			t.Errorf("scenarios = %q, want %s among it", list, name)
		}
		source, err := fs.ReadFile(scenarios.Files, name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if got := want(t, exitPass, "scenarios", "show", name); got != string(source) {
			t.Errorf("scenarios show %s is not the file", name)
		}
	}
}

func TestClassify(t *testing.T) {
	bad, good := "secure-login-verify-account.contoso-support.top.sim.test", "weather.example.sim.test"
	out := want(t, exitPass, "classify", bad, good)
	lines := strings.Split(out, "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "malicious ") || !strings.HasPrefix(lines[1], "benign ") {
		t.Errorf("classify = %q, want malicious and benign", out)
	}
	e := testEnv()
	e.stdin = strings.NewReader(bad + "\n\n" + good)
	code, out, stderr := drover(t, e, "classify", "--format", "json", "-")
	if code != exitPass {
		t.Fatalf("classify -: exit code %d, stderr %q", code, stderr)
	}
	var got []judgement
	for dec := json.NewDecoder(strings.NewReader(out)); dec.More(); {
		var j judgement
		if err := dec.Decode(&j); err != nil {
			t.Fatal(err)
		}
		got = append(got, j)
	}
	if len(got) != 2 || got[0].URL != bad || got[0].Verdict != "malicious" || len(got[0].Reasons) == 0 || got[1].Verdict != "benign" {
		t.Errorf("classify --format json = %+v", got)
	}
}
