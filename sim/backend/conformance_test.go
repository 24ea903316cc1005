package backend

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// opener makes a client of a new backend.
type opener func(t *testing.T, opt Options) *client

// conformance is what holds wherever a backend keeps what it stores, and whatever becomes of its process.
var conformance = map[string]func(*testing.T, opener){
	"Idempotency": testIdempotency, "Enrolment": testEnrolment, "RunNames": testRunNames, "Full": testFull, "Verdicts": testVerdicts,
	"AuditShowsWhatWasSent": testAuditShowsWhatWasSent, "AuditOfOne": testAuditOfOne, "Paging": testPaging, "Blocks": testBlocks,
	"StoredDefects": testStoredDefects, "Leak": testLeak, "VerdictDefects": testVerdictDefects, "Withdraw": testWithdraw,
	"ConcurrentDuplicates": testConcurrentDuplicates,
}

func TestConformance(t *testing.T) {
	for name, test := range conformance {
		t.Run(name, func(t *testing.T) { test(t, newClient) })
	}
}

// Conformance runs the same tests over a journal in a file, of a backend whose process is killed between two requests, again and
// again.
func Conformance(t *testing.T, open func(path string) (Journal, error)) {
	for name, test := range conformance {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(t *testing.T, opt Options) *client {
				m := &mortal{t: t, opt: opt, open: open}
				m.start(filepath.Join(t.TempDir(), "db"))
				t.Cleanup(m.stop)
				return &client{t: t, h: m}
			})
		})
	}
}

// mortal is a backend whose process is killed and started again on what is left of its files, after 1, 2, 4, 8, ... requests and
// after each withdrawal.
type mortal struct {
	t    *testing.T
	opt  Options
	open func(path string) (Journal, error)

	mu   sync.RWMutex
	path string
	n    int // requests so far
	now  *handler
}

func (m *mortal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.RLock()
	m.now.ServeHTTP(w, r)
	m.mu.RUnlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n++; m.n&(m.n-1) == 0 || r.URL.Path == "/v1/withdrawals" {
		m.die()
	}
}

// die goes on with a copy of the files as they are at this moment, which is what a killed process leaves.
func (m *mortal) die() {
	left := filepath.Join(m.t.TempDir(), "db")
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(left+suffix, m.path+suffix); err != nil {
			m.t.Error(err)
		}
	}
	m.stop()
	m.start(left)
}

func (m *mortal) start(path string) {
	j, err := m.open(path)
	if err != nil {
		m.t.Fatal(err)
	}
	m.opt.Journal = j
	if m.now, err = newHandler(m.opt); err != nil {
		m.t.Fatal(err)
	}
	m.path = path
}

func (m *mortal) stop() {
	if err := m.now.scribe.close(); err != nil {
		m.t.Error(err)
	}
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return dst.Close()
}

// store is what the backend behind c holds.
func (c *client) store() *store {
	if m, ok := c.h.(*mortal); ok {
		return m.now.store
	}
	return c.h.(*handler).store
}
