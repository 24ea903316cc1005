//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// killable is drover as a process of its own.
type killable struct {
	t   *testing.T
	cmd *exec.Cmd
	say chan string // lines of standard output
	err bytes.Buffer
}

func launch(t *testing.T, args ...string) *killable {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	k := &killable{t: t, cmd: exec.Command(self, args...), say: make(chan string, 100)}
	k.cmd.Env = append(os.Environ(), "DROVER_BE_DROVER=1", "SECRET="+fatesSecret)
	k.cmd.Stderr = &k.err
	stdout, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.kill()
		if t.Failed() {
			t.Logf("drover %s said: %s", args[0], &k.err)
		}
	})
	go func() {
		defer close(k.say)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			select {
			case k.say <- lines.Text():
			default:
			}
		}
	}()
	return k
}

// kill ends the process as kill -9 does.
func (k *killable) kill() {
	k.cmd.Process.Signal(syscall.SIGKILL)
	k.cmd.Wait()
}

var listening = regexp.MustCompile(`listens at (http://[^;]+);`)

// launchBackend starts drover serve and returns when it listens, and where.
func launchBackend(t *testing.T, args ...string) (*killable, string) {
	t.Helper()
	k := launch(t, append([]string{"serve", "--secret-env", "SECRET"}, args...)...)
	for line := range k.say {
		if m := listening.FindStringSubmatch(line); m != nil {
			return k, m[1]
		}
	}
	k.kill()
	t.Fatalf("drover serve %v ended: %s", args, &k.err)
	return nil, ""
}

// steadyAddr is an address that can be listened at again: below the ports that systems give to connections.
func steadyAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(10000)))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// until waits for something to become true, as long as the test may take, unless what should make it true ends before.
func until(t *testing.T, ended <-chan int, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case code := <-ended:
			t.Fatalf("the run ended with %d before %s", code, what)
		case <-t.Context().Done():
			t.Fatal(what)
		case <-time.After(5 * time.Millisecond): // not to take the machine from those that are waited for
		}
	}
}

var storedMetric = regexp.MustCompile(`(?m)^drover_backend_stored_events (.+)$`)

// storedAt is how many events a backend holds; 0 when it does not answer.
func storedAt(url string) int64 {
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	m := storedMetric.FindSubmatch(b)
	if err != nil || m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return int64(n)
}
