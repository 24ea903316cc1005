package target

import (
	"bytes"
	"drover/sim/measure"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fileCase is a file that can become unwritable.
type fileCase struct {
	t    *testing.T
	path string
	m    *Messages
}

func openFileCase(t *testing.T, timeout time.Duration) (*Messages, protocolBackend) {
	path := filepath.Join(t.TempDir(), "events.ndjson")
	m, err := NewFile(path, Refuse, Client{Timeout: timeout}, nil)
	return must(t, m, err), &fileCase{t, path, m}
}

func (f *fileCase) do(x temper) {
	l := f.m.carrier.(*lines)
	<-l.turn
	defer func() { l.turn <- struct{}{} }()
	if x == refuses {
		r, err := os.Open(os.DevNull) // what was opened to be read refuses to be written
		if err != nil {
			f.t.Fatal(err)
		}
		l.w = r
		return
	}
	l.w.Close()
	l.w = nil
}

func (f *fileCase) messages() []string {
	b, err := os.ReadFile(f.path)
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}
func (f *fileCase) down() {}
func (f *fileCase) up()   {}

// pipeCase is a reader that may stop to read.
type pipeCase struct {
	w     *io.PipeWriter
	mu    sync.Mutex
	stall sync.Mutex
	got   bytes.Buffer
}

func openPipeCase(t *testing.T, timeout time.Duration) (*Messages, protocolBackend) {
	r, w := io.Pipe()
	p := &pipeCase{w: w}
	var reader sync.WaitGroup
	reader.Go(func() {
		b := make([]byte, 1<<10)
		for {
			n, err := r.Read(b)
			p.stall.Lock()
			p.mu.Lock()
			p.got.Write(b[:n])
			p.mu.Unlock()
			p.stall.Unlock()
			if err != nil {
				return
			}
		}
	})
	m, err := NewWriter("stdout", w, Client{Timeout: timeout}, nil)
	m = must(t, m, err)
	t.Cleanup(func() {
		p.stall.TryLock()
		p.stall.Unlock()
		w.Close()
		reader.Wait()
	})
	return m, p
}

func (p *pipeCase) do(x temper) {
	if x == stalls {
		p.stall.Lock()
		p.w.Write(nil) // the reader is now before the lock, and a write waits
	}
}

func (p *pipeCase) messages() []string {
	p.w.Write(nil) // what was read before is in got
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.got.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(p.got.String(), "\n"), "\n")
}
func (p *pipeCase) down() {}
func (p *pipeCase) up()   {}

// TestFileThatIsThere: what becomes of a file with something in it.
func TestFileThatIsThere(t *testing.T) {
	for existing, want := range map[Existing]string{Refuse: "", "": "", Append: "old\n{\"a\":0}\n", Replace: "{\"a\":0}\n"} {
		path := filepath.Join(t.TempDir(), "events.ndjson")
		if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := NewFile(path, existing, Client{}, nil)
		m = must(t, m, err)
		err = m.Preflight(t.Context())
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "existing: append") {
				t.Errorf("existing %q: %v, want a refusal", existing, err)
			}
			continue
		}
		expect(t, m, parcelOf(1, "a"), measure.OK)
		if got, _ := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("existing %q: %q, %v, want %q", existing, got, err, want)
		}
	}
}
