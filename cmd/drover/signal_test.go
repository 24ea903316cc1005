//go:build unix

package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// start runs drover as a process and returns when its standard error has a line with the word.
func start(t *testing.T, word string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), "DROVER_BE_DROVER=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), word) {
			return cmd
		}
	}
	t.Fatalf("drover %v ended without a line with %q: %v", args, word, cmd.Wait())
	return nil
}

// TestSignals: the first SIGINT or SIGTERM ends a run in order.
func TestSignals(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		dir := t.TempDir()
		cmd := start(t, "accepted", "run", quick(t), "--set", "day=1h", "--out", dir)
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
			t.Errorf("%v: %v, want exit code %d", signal, err, exitInterrupted)
		}
		if _, err := os.Stat(filepath.Join(dir, "run.json")); err != nil {
			t.Errorf("%v: no report: %v", signal, err)
		}
	}
}

// TestSecondSignal: a second one ends it at once, although the backend never answers.
func TestSecondSignal(t *testing.T) {
	dir := t.TempDir()
	released := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 0 { // an upload; what comes before the run is answered
			io.Copy(io.Discard, r.Body)
			<-released
		}
	}))
	defer srv.Close()
	defer close(released)
	t.Setenv("DROVER_TEST_SECRET", "secret")
	cmd := start(t, "open", "run", quick(t), "--set", "target="+srv.URL, "--set", "day=1h", "--out", dir)
	var exit *exec.ExitError
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		// A signal that comes before the first was handled is the same one, so they are sent until it has an effect.
		select {
		case err := <-done:
			if !errors.As(err, &exit) || exit.Exited() {
				t.Errorf("ended with %v, want by the signal", err)
			}
			return
		default:
			cmd.Process.Signal(os.Interrupt)
		}
	}
}
