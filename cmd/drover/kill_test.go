//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"drover/report"
	"drover/sim/check"
	"drover/sim/wire"
)

// What kill -9 leaves, of drover and of the backend. Nothing here waits for a time: a process is killed when so much was seen to
// happen, and runs are long enough for any machine and are then interrupted.

// patient writes testdata/fates.yaml with devices that try again for as long as a backend may take to come back, and returns the flags of a run of it.
func patient(t *testing.T, target, lasting, rate string) (args []string, out string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "fates.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const hasty = "maxAttempts: 20, base: 5ms, cap: 20ms"
	if !bytes.Contains(text, []byte(hasty)) {
		t.Fatalf("fates.yaml has no %s", hasty)
	}
	text = bytes.Replace(text, []byte(hasty), []byte("maxAttempts: 100, base: 20ms, cap: 1s"), 1)
	text = bytes.Replace(text, []byte("maxEvents: 25"), []byte("maxEvents: 5"), 1)
	dir := t.TempDir()
	secret, file, out := filepath.Join(dir, "secret"), filepath.Join(dir, "fates.yaml"), filepath.Join(dir, "out")
	for name, b := range map[string][]byte{secret: []byte(fatesSecret), file: text} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"run", file, "--set", "target=" + target, "--set", "secret=" + secret, "--set", "lasting=" + lasting, "--set", "rate=" + rate, "--set", "timeout=5m", "--out", out, "-q"}, out
}

// liveRun is a run that goes on until it is interrupted.
type liveRun struct {
	out       string
	interrupt context.CancelFunc
	ended     chan int
	errs      bytes.Buffer
}

func runAt(t *testing.T, target string) *liveRun {
	t.Helper()
	args, out := patient(t, target, "1h", "40/s")
	ctx, cancel := context.WithCancel(t.Context())
	r := &liveRun{out: out, interrupt: cancel, ended: make(chan int, 1)}
	go func() { r.ended <- run(ctx, args, io.Discard, &r.errs, testEnv()) }()
	t.Cleanup(func() { cancel(); <-r.ended })
	return r
}

// settled interrupts the run and returns what became of its events.
func (r *liveRun) settled(t *testing.T) *report.Reconcile {
	t.Helper()
	r.interrupt()
	code := <-r.ended
	r.ended <- code
	doc, _, err := openRun(r.out)
	if err != nil || code != exitInterrupted {
		t.Fatalf("the run ended with %d: %s, %v", code, &r.errs, err)
	}
	if doc.Reconcile == nil || doc.Reconcile.Blind != "" {
		t.Fatalf("not settled: %+v", doc.Reconcile)
	}
	return doc.Reconcile
}

// enough is how many events are to be stored before, and how many after.
const enough = 300

// A backend with a database is killed in the middle of a run and started again on its file: nothing that it acknowledged is lost,
// nothing is stored twice, and what a defect planted before and after is found in that very number.
func TestBackendKilledAndRestarted(t *testing.T) {
	for _, tt := range []struct{ name, defects string }{
		{"honest", ""},
		{"lose and ignore idempotency", "{lose: {share: 5%}, ignoreIdempotency: {share: 100%}, dropAnswer: {share: 20%}}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			db := filepath.Join(dir, "backend.db")
			args := []string{"--addr", steadyAddr(t), "--db", db}
			if tt.defects != "" {
				file := filepath.Join(dir, "defects.yaml")
				if err := os.WriteFile(file, []byte(tt.defects+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--defects", file)
			}
			first, url := launchBackend(t, args...)
			r := runAt(t, url)
			until(t, r.ended, "events are stored", func() bool { return storedAt(url) >= enough })
			first.kill()
			second, _ := launchBackend(t, args...)
			before := storedAt(url) // fewer than there were in the first one's memory, where its last ones were not written yet
			if before == 0 {
				t.Error("the second backend begins with nothing")
			}
			until(t, r.ended, "events are stored again", func() bool { return storedAt(url) >= before+enough })
			got := r.settled(t)
			planted := plantedAt(t, url)
			if got.Acknowledged == 0 || got.Altered+got.WrongTenant+got.Unexpected+got.Leaked != 0 {
				t.Errorf("settled: %+v", got)
			}
			// What had no answer when the run was interrupted is nobody's loss, but may have been hit.
			lost, copies := planted["lose"], planted["ignoreIdempotency"]
			if got.Lost > lost || lost > got.Lost+got.Missing {
				t.Errorf("%d lost and %d neither acknowledged nor stored, %d planted", got.Lost, got.Missing, lost)
			}
			if got.Copies > copies || got.Unacknowledged == 0 && got.Copies != copies || (got.Copies == 0) != (got.Duplicated == 0) {
				t.Errorf("%d copies of %d events and %d stored without an answer, %d planted", got.Copies, got.Duplicated, got.Unacknowledged, copies)
			}
			if planted := tt.defects != ""; planted != (lost > 0) || planted != (copies > 0) {
				t.Errorf("planted %d lost and %d copies", lost, copies)
			}
			if err := second.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := second.cmd.Wait(); err != nil {
				t.Errorf("the second backend: %v, %s", err, &second.err)
			}
			// What had no answer may have been stored after the run looked.
			if n, seen := int64(rows(t, db, "SELECT DISTINCT id FROM events")), got.Shown-got.Copies; n < seen || n > seen+got.Missing {
				t.Errorf("%d events in the file, the run saw %d and misses %d", n, seen, got.Missing)
			}
		})
	}
}

// between stands between drover and a backend whose address changes, and counts what is acknowledged.
type between struct {
	to   atomic.Pointer[url.URL]
	acks atomic.Int64 // events
}

func (b *between) proxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(b.to.Load()) },
		ModifyResponse: func(resp *http.Response) error {
			if resp.Request.Method != http.MethodPost || resp.StatusCode != http.StatusOK {
				return nil
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(body))
			var a wire.Answer
			if err := wire.DecodeAnswer(body, &a); err != nil {
				return err
			}
			b.acks.Add(int64(a.Accepted))
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // as the kernel resets the dead one's connections
	}
}

// A backend that has memory alone is killed and another one started: lost is just what the first one acknowledged.
func TestBackendKilledWithoutDatabase(t *testing.T) {
	t.Parallel()
	var b between
	at := func(raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		b.to.Store(u)
	}
	first, where := launchBackend(t, "--addr", "127.0.0.1:0")
	at(where)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: b.proxy()}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	r := runAt(t, "http://"+l.Addr().String())
	until(t, r.ended, "events are stored", func() bool { return storedAt(where) >= enough })
	first.kill()
	_, where = launchBackend(t, "--addr", "127.0.0.1:0")
	lost := b.acks.Load() // nobody acknowledges anything now
	at(where)
	until(t, r.ended, "events are stored again", func() bool { return storedAt(where) >= enough })
	got := r.settled(t)
	if got.Lost != lost || lost == 0 || got.Duplicated+got.Altered+got.WrongTenant+got.Unexpected != 0 || got.Once != got.Acknowledged-got.Lost {
		t.Errorf("the first backend acknowledged %d events; settled: %+v", lost, got)
	}
}

// drover is killed in the middle of a run, alone or, where the backend is embedded, with it: settle says what the ledger has, and
// never that all is well.
func TestDroverKilled(t *testing.T) {
	for _, tt := range []struct {
		name, defects string
		embedded      bool
		code          int
	}{
		{"a backend that loses", "lose: {share: 50%}", false, exitFail},
		{"embedded backend with a database", "", true, exitInconclusive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			db, defects := filepath.Join(dir, "run.db"), filepath.Join(dir, "defects.yaml")
			serve := []string{"--addr", "127.0.0.1:0"}
			if tt.defects != "" {
				if err := os.WriteFile(defects, []byte(tt.defects+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				serve = append(serve, "--defects", defects)
			}
			var url string
			if !tt.embedded {
				_, url = launchBackend(t, serve...)
			}
			target := url
			if tt.embedded {
				target = embedded
			}
			// Ten minutes are for ever, and settled fast: what is not due yet is made anew from the seed, too.
			args, out := patient(t, target, "10m", "10/s")
			if tt.embedded {
				args = append(args, "--db", db)
			}
			k := launch(t, args...)
			ended := make(chan int, 1)
			go func() {
				for range k.say { // until it ends
				}
				ended <- -1
			}()
			var size int64 // of the ledger: its blocks are written about once a second
			until(t, ended, "the ledger has uploads", func() bool {
				before := size
				size = 0
				files, _ := filepath.Glob(filepath.Join(out, ledgerDir, "*"))
				for _, f := range files {
					if info, err := os.Stat(f); err == nil {
						size += info.Size()
					}
				}
				if size == before {
					return false
				}
				code, stdout, _ := drover(t, testEnv(), "ledger", out)
				return code == exitPass && strings.Count(stdout, "\n") >= 20
			})
			k.kill()
			if tt.embedded {
				_, url = launchBackend(t, append(serve, "--db", db)...)
			}
			code, stdout, stderr := drover(t, testEnv(), "settle", out, "--target", url, "--format", "json")
			var got settledRun
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Reconcile == nil {
				t.Fatalf("settle: %d, %s, %v", code, stderr, err)
			}
			r := got.Reconcile
			if code != tt.code || got.Whole || got.Uploads < 20 || r.Acknowledged == 0 || r.NotDue == 0 {
				t.Errorf("settle: code %d, want %d; the ledger is whole: %v, %d uploads; %+v", code, tt.code, got.Whole, got.Uploads, r)
			}
			if r.Duplicated+r.Altered+r.WrongTenant+r.Unexpected != 0 || (r.Lost > 0) != (tt.code == exitFail) || r.Once < r.Acknowledged-r.Lost || r.Missing+r.Unacknowledged > r.Unanswered {
				t.Errorf("settled: %+v", r)
			}
			if !strings.HasPrefix(r.Blind, "the ledger was cut short: it knows ") || got.Result == check.Pass {
				t.Errorf("settle: %s, %q", got.Result, r.Blind)
			}
		})
	}
}
