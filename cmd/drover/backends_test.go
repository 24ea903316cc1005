package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drover/sim/scenario"
	"drover/sim/target"
)

// The acceptance on servers that nobody here wrote: `make test-backends`, which sets DROVER_BACKENDS. Each server is built from
// Go modules, of pinned versions, into the user's cache; where that cannot be, its tests are skipped loudly, and in CI they fail.

// realServer is a server under test.
type realServer struct {
	name  string
	goMod string // of a module that has nothing but the server among its tools; "": it is a command of a Debian package
	pkg   string // its command, or the package; "." is main
	main  string // its source, where the module has no command of its own
	parts string // what pkg, the builder of collectors, is to build it of; "": pkg is the server
	args  func(addr, data string) []string
	ready string // path that answers 200 when it is up; "": it takes connections

	prepare func(t *testing.T) // once it is up for the first time; nil: nothing

	rows []realRow
}

// realRow is one way to speak to a server: a row of the table that make test-backends prints.
type realRow struct {
	adapter, path, readback string                         // of an adapter "NAME, gathered" requests have the uploads of several devices
	keep                    func(t *testing.T, x *realRun) // more to look at; nil: nothing

	// Of a target of messages: its URL and more of the target; nil: it is HTTP, by adapter, path and readback.
	target  func(t *testing.T, addr string) (url, block string)
	secure  bool   // over TLS, by REAL_CA; and has a certificate that nobody trusts
	spared  bool   // of a server that is killed in another row
	fewer   bool   // a tenth of the devices, of which each sends ten times as much
	blind   bool   // it shows ids and tenants, and no contents
	refusal string // what a wrong credential is told by; "" is 401 over HTTP, and that there is none otherwise
}

const realUser, realPassword = "drover", "a-password"

// realServers are all of them. Another one is another entry here.
var realServers = []realServer{
	{
		name: "VictoriaLogs",
		goMod: `module backends/victorialogs

go 1.26.0

tool github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs

require github.com/VictoriaMetrics/VictoriaLogs v1.51.1-0.20260624061259-dc94972a8708

replace github.com/VictoriaMetrics/VictoriaMetrics => github.com/VictoriaMetrics/VictoriaMetrics v1.148.8
`,
		pkg: "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs",
		args: func(addr, data string) []string {
			return []string{"-httpListenAddr=" + addr, "-storageDataPath=" + data, "-retentionPeriod=100y", "-futureRetention=100y", "-loggerLevel=ERROR",
				"-httpAuth.username=" + realUser, "-httpAuth.password=" + realPassword}
		},
		ready: "/health",
		rows: []realRow{
			{adapter: "elasticsearch-bulk", path: "/insert/elasticsearch", readback: "victorialogs"},
			{adapter: "jsonlines", path: "/insert/jsonline", readback: "victorialogs"},
			{adapter: "loki", path: "/insert", readback: "victorialogs"},
			{adapter: "splunk-hec", path: "", readback: "victorialogs-hec"},
			{adapter: "otlp-http", path: "/insert/opentelemetry", readback: "victorialogs-otlp", blind: true},
			{adapter: "jsonlines, gathered", path: "/insert/jsonline", readback: "victorialogs"},
			{adapter: "otlp-http, gathered", path: "/insert/opentelemetry", readback: "victorialogs-otlp", blind: true},
		},
	},
}

// TestRealBackends drives 20,000 events of the workday scenario at each server by each adapter and settles them.
func TestRealBackends(t *testing.T) {
	if os.Getenv("DROVER_BACKENDS") == "" {
		t.Skip("make test-backends runs this")
	}
	for _, s := range realServers {
		t.Run(s.name, func(t *testing.T) {
			bin := s.build(t)
			for _, row := range s.rows {
				t.Run(row.adapter, func(t *testing.T) {
					t.Run("settled", func(t *testing.T) { s.settled(t, bin, row) })
					t.Run("killed", func(t *testing.T) { s.killed(t, bin, row) })
					t.Run("wrong credential", func(t *testing.T) { s.wrong(t, bin, row) })
				})
			}
		})
	}
}

// build makes the server's binary, or finds it in the cache.
func (s *realServer) build(t *testing.T) string {
	t.Helper()
	if s.goMod == "" {
		for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") { // which not every user's PATH has
			if bin, err := exec.LookPath(filepath.Join(dir, s.pkg)); err == nil {
				return bin
			}
		}
		s.missing(t, fmt.Errorf("there is no command %s; install the package of that name", s.pkg))
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		s.missing(t, err)
	}
	dir := filepath.Join(cache, "drover", "backends", strings.ToLower(s.name))
	bin := filepath.Join(dir, "server.exe")
	if old, err := os.ReadFile(filepath.Join(dir, "pinned")); err == nil && string(old) == s.goMod+s.main+s.parts {
		if _, err := os.Stat(bin); err == nil {
			return bin
		}
	}
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "go.mod"), []byte(s.goMod), 0o644)); err != nil {
		s.missing(t, err)
	}
	for name, text := range map[string]string{"main.go": s.main, "parts.yaml": s.parts} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			s.missing(t, err)
		}
	}
	start := time.Now()
	steps := [][]string{{"go", "mod", "tidy"}, {"go", "build", "-o", bin, s.pkg}}
	if s.parts != "" { // without tidy, which wants what the tests of all the parts need; and not all of that is to be had
		builder := filepath.Join(dir, "builder.exe")
		steps = [][]string{{"go", "build", "-o", builder, s.pkg}, {builder, "--config", "parts.yaml", "--skip-get-modules", "--skip-compilation"}, {"go", "build", "-o", bin, "."}}
	}
	for _, args := range steps {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			s.missing(t, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out))
		}
	}
	t.Logf("built %s in %v", s.name, time.Since(start).Round(time.Second))
	if err := os.WriteFile(filepath.Join(dir, "pinned"), []byte(s.goMod+s.main+s.parts), 0o644); err != nil {
		s.missing(t, err)
	}
	return bin
}

// missing ends a test whose server cannot be had: in CI that is a failure.
func (s *realServer) missing(t *testing.T, err error) {
	t.Helper()
	say := fmt.Sprintf("*** %s cannot be had, so nothing is proven on it: %v ***", s.name, err)
	if os.Getenv("CI") == "true" {
		t.Fatal(say)
	}
	fmt.Fprintln(os.Stderr, say)
	t.Skip(say)
}

// realProcess is a server that runs.
type realProcess struct {
	s         *realServer
	bin       string
	addr, dir string
	cmd       *exec.Cmd
	log       bytes.Buffer
}

func (s *realServer) start(t *testing.T, bin string) *realProcess {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &realProcess{s: s, bin: bin, addr: l.Addr().String(), dir: t.TempDir()}
	l.Close()
	p.up(t)
	t.Cleanup(p.kill)
	if s.prepare != nil {
		s.prepare(t)
	}
	return p
}

// up starts the process and waits until it answers.
func (p *realProcess) up(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.bin, p.s.args(p.addr, p.dir)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if p.s.ready == "" {
			if c, err := net.Dial("tcp", p.addr); err == nil {
				c.Close()
				return
			}
			time.Sleep(20 * time.Millisecond)
			continue
		}
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+p.s.ready, nil)
		req.SetBasicAuth(realUser, realPassword)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s does not come up:\n%s", p.s.name, p.log.String())
}

// kill ends the process as kill -9 does.
func (p *realProcess) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// realRun is a run at a real server that is over.
type realRun struct {
	code           int
	stdout, stderr string
	dir            string
	took           time.Duration
	doc            struct {
		ElapsedNS int64 `json:"elapsed_ns"`
		Reconcile *struct {
			Acknowledged, Unanswered, Lost, Duplicated, Altered, Unexpected int64
			Once                                                            int64 `json:"stored_once"`
			WrongTenant                                                     int64 `json:"wrong_tenant"`
			Shown                                                           int64
			Contents, Tenants                                               bool
		}
	}
}

// workday is the shipped working day, aimed at a server, of as many minutes of the morning as make 20,000 events.
func (row *realRow) workday(t *testing.T, addr, seconds string) string {
	t.Helper()
	text := want(t, exitPass, "scenarios", "show", "workday")
	swap := func(old, new string) {
		if strings.Count(text, old) != 1 {
			t.Fatalf("the workday scenario has %d times %q", strings.Count(text, old), old)
		}
		text = strings.Replace(text, old, new, 1)
	}
	swap("start: \"2026-05-04T00:00:00Z\", speed: 60", "start: \"2026-05-04T07:00:00Z\", speed: 120")
	url, block := "http://"+addr+row.path, row.adapts(t)+"    auth: {type: basic, user: "+realUser+", passwordFrom: {env: REAL_PASSWORD}}\n    readback: {adapter: "+row.readback+", settle: 30s}\n"
	if row.target != nil {
		url, block = row.target(t, addr)
		if p, _ := target.ProtocolOf(url); p.Messages() {
			text = strings.Replace(text, "      compression: gzip\n", "", 1) // messages are not packed
		}
		if strings.HasPrefix(url, "mqtt") {
			text = strings.Replace(text, "      connections: pooled\n", "", 1)
		}
	}
	swap("    adapter: drover\n", block)
	open := "64"
	if row.fewer {
		swap("speed: 120}", "speed: 1200}")
		swap("devices: 7000", "devices: 700")
		swap("devices: 3000", "devices: 300")
		open = "1000"
	}
	swap("      maxOpen: 4000\n", "      maxOpen: "+open+"\n")
	swap("maxEvents: 25, maxAge: 15m", "maxEvents: 25, maxAge: 2m")
	swap("base: 1s, cap: 60s", "base: 300ms, cap: 3s")
	at, end := strings.Index(text, "    phases:\n"), strings.Index(text, "  timeline:")
	text = text[:at] + "    phases:\n      - {name: day, for: " + seconds + "}\n      - {name: drain, do: drain, for: 20s, measure: false}\n" + text[end:]
	at, end = strings.Index(text, "  timeline:"), strings.Index(text, "  checks:")
	text = text[:at] + text[end:]
	text = text[:strings.Index(text, "  checks:")] + "  checks:\n    - {name: settled, reconcile: {lost: 0, duplicated: 0, altered: 0, wrongTenant: 0, unexpected: 0}}\n    - {name: privacy, privacy: {violations: 0}}\n"
	text = strings.Replace(text, "    canaries: {benignHosts: 200}     # visited, and found nowhere, or the privacy check fails\n", "", 1)
	text = strings.Replace(text, "target: {type: url, default: embedded}", "target: {type: url, default: \""+url+"\"}", 1)
	file := filepath.Join(t.TempDir(), "workday.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// adapts is the adapter as the scenario has it.
func (row *realRow) adapts(t *testing.T) string {
	t.Helper()
	preset, gathers := strings.CutSuffix(row.adapter, ", gathered")
	if !gathers {
		return "    adapter: " + preset + "\n"
	}
	src, err := scenario.AdapterFile(preset)
	if err != nil {
		t.Fatal(err)
	}
	_, spec, _ := strings.Cut(string(src), "\nspec:\n")
	return "    adapter:\n      per: devices\n      gather: {uploads: 50, wait: 200ms}\n    " + strings.ReplaceAll(strings.TrimSuffix(spec, "\n"), "\n", "\n    ") + "\n"
}

func (row *realRow) run(t *testing.T, addr, seconds string) *realRun {
	t.Helper()
	r := &realRun{dir: filepath.Join(t.TempDir(), "out")}
	start := time.Now()
	r.code, r.stdout, r.stderr = drover(t, testEnv(), "run", row.workday(t, addr, seconds), "--out", r.dir)
	r.took = time.Since(start)
	if text, err := os.ReadFile(filepath.Join(r.dir, "run.json")); err == nil {
		if err := json.Unmarshal(text, &r.doc); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// settled: 20,000 events, all of them stored once as sent. That drover itself could not keep up, on a machine that is busy, is no
// matter here.
func (s *realServer) settled(t *testing.T, bin string, row realRow) {
	t.Setenv("REAL_PASSWORD", realPassword)
	p := s.start(t, bin)
	r := row.run(t, p.addr, "35s")
	c := r.doc.Reconcile
	if r.code != exitPass && r.code != exitInconclusive || c == nil || c.Acknowledged < 20_000 || c.Once != c.Acknowledged || c.Contents == row.blind || !c.Tenants {
		t.Fatalf("exit code %d, want %d and 20,000 events, all of them stored once as sent\n%s\n%s", r.code, exitPass, r.stdout, r.stderr)
	}
	how := "as sent"
	if row.blind {
		how = "by its id"
	}
	fmt.Printf("%-14s %-20s settled           %6d events, each stored once, %s; %.0f/s\n", s.name, row.adapter, c.Once, how, float64(c.Acknowledged)/35)
}

// killed: the server dies in the middle without a word and comes back. What it lost, what it holds twice and what it holds once
// adds up to what was acknowledged; that is not held where an upload stayed without an answer, and the server's own counts are
// not asked.
func (s *realServer) killed(t *testing.T, bin string, row realRow) {
	t.Setenv("REAL_PASSWORD", realPassword)
	p := s.start(t, bin)
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(10 * time.Second)
		p.kill()
		time.Sleep(2 * time.Second)
		p.up(t)
	}()
	r := row.run(t, p.addr, "20s")
	<-done
	c := r.doc.Reconcile
	if c == nil || r.code != exitPass && r.code != exitFail && r.code != exitInconclusive {
		t.Fatalf("exit code %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
	if c.Lost+c.Once+c.Duplicated+c.Altered+c.WrongTenant != c.Acknowledged && c.Unanswered == 0 || c.Altered+c.WrongTenant+c.Unexpected != 0 {
		t.Errorf("of %d acknowledged events %d are lost, %d stored once, %d doubled, %d altered, %d elsewhere\n%s", c.Acknowledged, c.Lost, c.Once, c.Duplicated, c.Altered, c.WrongTenant, r.stdout)
	}
	if (c.Lost+c.Duplicated > 0) != (r.code == exitFail) && r.code != exitInconclusive {
		t.Errorf("exit code %d with %d lost and %d doubled", r.code, c.Lost, c.Duplicated)
	}
	if row.keep != nil {
		row.keep(t, r)
	}
	fmt.Printf("%-14s %-20s kill -9, restart  %6d acknowledged, %d lost, %d doubled, %d once, %d without an answer\n", s.name, row.adapter, c.Acknowledged, c.Lost, c.Duplicated, c.Once, c.Unanswered)
}

// wrong: a wrong credential ends drover before the load.
func (s *realServer) wrong(t *testing.T, bin string, row realRow) {
	t.Setenv("REAL_PASSWORD", "another-one")
	s.refuses(t, bin, row, "wrong credential", cmp.Or(row.refusal, "401"))
}

// refuses runs against a server that says no, in these words, and holds that it ends before the load.
func (s *realServer) refuses(t *testing.T, bin string, row realRow, what, words string) {
	p := s.start(t, bin)
	r := row.run(t, p.addr, "20s")
	if r.code != exitTarget || !strings.Contains(r.stderr, words) {
		t.Errorf("exit code %d, %q; want %d and %s", r.code, r.stderr, exitTarget, words)
	}
	if _, err := os.Stat(r.dir); err == nil {
		t.Error("a run's directory was made")
	}
	fmt.Printf("%-14s %-20s %-17s exit code %d before the load\n", s.name, row.adapter, what, r.code)
}
