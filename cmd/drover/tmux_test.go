//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// pane is a shell in a terminal of tmux's, where drover is the test binary.
type pane struct {
	t      *testing.T
	socket string
	dir    string
}

// newPane starts a shell in a terminal of 80 columns with the test's own environment and a little more.
func newPane(t *testing.T, more ...string) *pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("there is no tmux on this machine, so nothing looks at the live view as a terminal shows it")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &pane{t: t, dir: t.TempDir()}
	p.socket = filepath.Join(p.dir, "s")
	if err := os.Symlink(self, filepath.Join(p.dir, "drover")); err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"CI", "NO_COLOR", "TMUX", "TERM", "ENV"}, name)
	})
	env = append(append(env, "DROVER_BE_DROVER=1", "DROVER_TEST_SECRET=secret", "PATH="+p.dir+":"+os.Getenv("PATH")), more...)
	start := exec.Command("tmux", "-S", p.socket, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-c", p.dir, "sh -i -m")
	start.Env = env
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("start tmux: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", p.socket, "kill-server").Run() }) // it may have ended with its shell
	p.until("prompt", prompt)
	return p
}

// prompt reports whether the shell waits for a line.
func prompt(screen string) bool {
	screen = strings.TrimSpace(screen)
	return strings.HasSuffix(screen, "$") || strings.HasSuffix(screen, "#")
}

// tmux asks tmux something.
func (p *pane) tmux(args ...string) string {
	p.t.Helper()
	out, err := exec.CommandContext(p.t.Context(), "tmux", append([]string{"-S", p.socket}, args...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}

// line types a line.
func (p *pane) line(text string) { p.tmux("send-keys", text, "Enter") }

// settings writes down the terminal's settings, as the shell has them for others.
func (p *pane) settings(name string) string {
	p.t.Helper()
	file := filepath.Join(p.dir, name)
	p.line("stty -a > " + file + ".new; mv " + file + ".new " + file)
	var text []byte
	p.until("the settings of the terminal in "+name, func(string) bool {
		var err error
		text, err = os.ReadFile(file)
		return err == nil
	})
	// The size is no setting, and is changed on the way.
	return regexp.MustCompile(`(rows|columns) \d+; `).ReplaceAllString(string(text), "")
}

// until looks at the screen until it is as wanted, and returns it.
func (p *pane) until(what string, ok func(screen string) bool, capture ...string) string {
	p.t.Helper()
	var screen string
	end := time.Now().Add(2 * time.Minute)
	for time.Now().Before(end) {
		if screen = p.tmux(append([]string{"capture-pane", "-p"}, capture...)...); ok(screen) {
			return screen
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatalf("no %s on the screen:\n%s", what, screen)
	return ""
}

// shows waits for a text.
func (p *pane) shows(text string) string {
	p.t.Helper()
	return p.until(text, func(screen string) bool { return strings.Contains(screen, text) })
}

// TestTerminalOutlivesDrover: one that is killed, or crashes, leaves the terminal as it was, too.
func TestTerminalOutlivesDrover(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT} { // the second has the runtime of Go crash, as a panic does
		p := newPane(t)
		tty := strings.TrimSpace(p.tmux("display-message", "-p", "#{pane_tty}"))
		settings := func() string {
			f, err := os.Open(tty)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd := exec.CommandContext(t.Context(), "stty", "-g")
			cmd.Stdin = f
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("stty: %v: %s", err, out)
			}
			return string(out)
		}
		before := settings()
		// The shell starts drover in its own place: no shell puts anything right afterwards.
		p.line("clear; sh -c 'echo pid $$; exec drover run " + quick(t) + " --set day=1h --out out'")
		screen := p.until("upload", someAccepted.MatchString)
		if settings() == before {
			t.Fatal("the view does not change the terminal, so this test proves nothing")
		}
		pid, err := strconv.Atoi(regexp.MustCompile(`pid (\d+)`).FindStringSubmatch(screen)[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
		p.until("terminal as it was", func(string) bool { return settings() == before })
	}
}

var someAccepted = regexp.MustCompile(`Uploads +[1-9]`)

// TestTerminal: the live view as a user of a terminal meets it. It moves, follows the size, makes way for Ctrl-Z, ends the run at q, and
// leaves the terminal as it was.
func TestTerminal(t *testing.T) {
	t.Parallel()
	p := newPane(t)
	before := p.settings("before")
	p.line("clear; drover run " + quick(t) + " --set day=1h --out out")
	screen := p.until("upload", someAccepted.MatchString)
	for _, want := range []string{"quick day 2/3", "━", "Load ", "Response ", "p99", "Harness", "connection", "CPU ", "q quit"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the view has no %q:\n%s", want, screen)
		}
	}
	p.until("colour", regexp.MustCompile(`\x1b\[[0-9;]*32m[━▁▂▃▄▅▆▇█]`).MatchString, "-e")
	p.until("small chart", regexp.MustCompile(`[▁▂▃▄▅▆▇█]{3}`).MatchString) // three seconds of it

	p.tmux("resize-window", "-x", "40", "-y", "24")
	p.until("view of 40 columns", func(screen string) bool {
		lines := strings.Split(screen, "\n")
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "quick day 2/3") })
		return i >= 0 && utf8.RuneCountInString(lines[i]) == 39 && strings.Contains(screen, "q quit")
	})
	p.tmux("resize-window", "-x", "100", "-y", "24")

	flows := regexp.MustCompile(`Load +[1-9]`)
	p.tmux("send-keys", "p")
	p.shows("quick day 2/3 PAUSED")
	p.until("second without an upload", regexp.MustCompile(`Load +0/s due`).MatchString)
	p.tmux("send-keys", "+")
	p.shows("quick day 2/3 speed x2 PAUSED")
	p.tmux("send-keys", "p")
	p.until("flow of uploads", func(screen string) bool {
		return flows.MatchString(screen) && strings.Contains(screen, "speed x2 ") && !strings.Contains(screen, "PAUSED")
	})
	p.tmux("send-keys", "-")
	p.until("speed as it was", func(screen string) bool { return !strings.Contains(screen, "speed x") })

	p.tmux("send-keys", "C-z")
	p.until("stop", regexp.MustCompile(`(?i)stopped|suspended`).MatchString)
	if stopped := p.settings("stopped"); stopped != before {
		t.Errorf("after Ctrl-Z the terminal's settings are\n%s\nwant\n%s", stopped, before)
	}
	p.line("clear; fg")
	p.until("view after fg", func(screen string) bool {
		return someAccepted.MatchString(screen) && strings.Contains(screen, "q quit")
	})
	p.tmux("send-keys", "q")
	screen = p.until("prompt", prompt)
	if !strings.Contains(screen, "Report ") || strings.Contains(screen, "q quit") {
		t.Errorf("at the end there is the view or no summary:\n%s", screen)
	}
	p.line("echo code $?")
	p.shows("code 130")
	if after := p.settings("after"); after != before {
		t.Errorf("after the run the terminal's settings are\n%s\nwant\n%s", after, before)
	}
	doc := readRun(t, filepath.Join(p.dir, "out"))
	if len(doc.Pauses) != 2 || doc.Pauses[0].ForNS <= 0 { // the second for as long as the process was stopped
		t.Errorf("run.json has the pauses %v, want two", doc.Pauses)
	}
	if len(doc.Speeds) != 1 || doc.Speeds[0].Times != 2 || len(doc.Warnings) < 2 {
		t.Errorf("run.json has the speeds %v and the warnings %q, want one of 2, and a warning of either", doc.Speeds, doc.Warnings)
	}
}

// TestTerminalEndsAtOnce: a second q does not wait for a backend that never answers, and the terminal is as it was all the same.
func TestTerminalEndsAtOnce(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 0 { // an upload; what comes before the run is answered
			<-release
		}
	}))
	defer srv.Close()
	defer close(release)
	p := newPane(t, "NO_COLOR=1")
	before := p.settings("before")
	// The second q comes before the first one's grace is over, or the run would end in order.
	p.line("clear; drover run " + quick(t) + " --set day=1h --set target=" + srv.URL + " --out out")
	p.until("upload without an answer", regexp.MustCompile(`[1-9]\d* open`).MatchString)
	if screen := p.tmux("capture-pane", "-p", "-e"); regexp.MustCompile(`\x1b\[[0-9;]*3\dm`).MatchString(screen) {
		t.Errorf("colours in spite of NO_COLOR: %q", screen)
	}
	p.tmux("send-keys", "q", "q")
	p.until("prompt", prompt)
	p.line("echo code $?")
	p.shows("code 130")
	if _, err := os.Stat(filepath.Join(p.dir, "out", "run.json")); err == nil {
		t.Error("there is a report: the second q waited for the end in order")
	}
	if after := p.settings("after"); after != before {
		t.Errorf("after the run the terminal's settings are\n%s\nwant\n%s", after, before)
	}
}
