package target

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/sim/measure"
)

// secure are the ways to send over TLS.
func secure(t *testing.T, test func(t *testing.T, m mode)) {
	everyClient(t, func(t *testing.T, m mode) {
		if m.secure {
			test(t, m)
		}
	})
}

func TestTLS(t *testing.T) { secure(t, testTLS) }

func testTLS(t *testing.T, m mode) {
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
		if (r.ProtoMajor == 2) != m.http2 {
			t.Errorf("protocol %s", r.Proto)
		}
	})
	trusting := m.open(t, HTTPOptions{URL: s.URL})
	for range 3 {
		if ans := send(trusting); ans.Class != measure.OK {
			t.Errorf("trusted certificate: %v, %v", ans.Class, ans.Err)
		}
	}
	if open, opened := trusting.Conns(); open != 1 || opened != 1 {
		t.Errorf("%d connections open of %d opened, want 1 of 1", open, opened)
	}
	// fails sends one upload that gets no connection.
	fails := func(what string, url string, opt TLS, client Client, class measure.Class, text string) {
		t.Helper()
		client.HTTP2 = m.http2
		h := newHTTP(t, HTTPOptions{URL: url, TLS: opt, Client: client, Library: m.library})
		if ans := send(h); ans.Class != class || !strings.Contains(ans.Err.Error(), text) {
			t.Errorf("%s: %v, %v, want %v with %q", what, ans.Class, ans.Err, class, text)
		}
		waitFor(t, what+": the connection to close", func() bool { open, _ := h.Conns(); return open == 0 })
	}
	roots := testIdentity().roots
	fails("unknown authority", s.URL, TLS{}, Client{}, measure.ConnectFailed, "TLS handshake: ")
	fails("another name", s.URL, TLS{RootCAs: roots, ServerName: "other.test"}, Client{}, measure.ConnectFailed, "other.test")
	plain := mode{}.listen(t, func(c *peer) { c.Read(make([]byte, 1)) })
	fails("a backend that hangs up on the handshake", strings.Replace(plain, "http:", "https:", 1), TLS{RootCAs: roots}, Client{}, measure.ConnectFailed, "TLS handshake: ")
	mute := mode{}.listen(t, func(c *peer) { io.Copy(io.Discard, c) })
	fails("a backend that says nothing to the handshake", strings.Replace(mute, "http:", "https:", 1), TLS{RootCAs: roots}, Client{Timeout: hasty}, measure.Timeout, "no whole answer")
}

// The versions that a scenario allows are the ones that are offered.
func TestTLSVersions(t *testing.T) { secure(t, testTLSVersions) }

func testTLSVersions(t *testing.T, m mode) {
	var version uint16
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) { version = r.TLS.Version })
	for _, tt := range []struct{ min, max, want uint16 }{
		{0, 0, tls.VersionTLS13},
		{0, tls.VersionTLS12, tls.VersionTLS12},
		{tls.VersionTLS13, tls.VersionTLS13, tls.VersionTLS13},
	} {
		h := m.open(t, HTTPOptions{URL: s.URL, TLS: TLS{MinVersion: tt.min, MaxVersion: tt.max}})
		if ans := send(h); ans.Class != measure.OK || version != tt.want {
			t.Errorf("versions %x to %x: %v, %v, spoke %x, want %x", tt.min, tt.max, ans.Class, ans.Err, version, tt.want)
		}
	}
}

// The name in the certificate counts, not the one in the URL, where the scenario says so.
func TestServerName(t *testing.T) { secure(t, testServerName) }

func testServerName(t *testing.T, m mode) {
	var asked string
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) { asked = r.TLS.ServerName })
	h := m.open(t, HTTPOptions{URL: s.URL, TLS: TLS{ServerName: "example.com"}}) // which httptest's certificate is for, too
	if ans := send(h); ans.Class != measure.OK || asked != "example.com" {
		t.Errorf("%v, %v, asked for %q", ans.Class, ans.Err, asked)
	}
}

func TestAuthoritiesFromFile(t *testing.T) {
	m := http1Modes[1]
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHTTP(t, HTTPOptions{URL: s.URL, TLS: TLS{CAFrom: SecretRef{File: file}}})
	if ans := send(h); ans.Class != measure.OK {
		t.Errorf("%v, %v", ans.Class, ans.Err)
	}
	t.Setenv("DROVER_TEST_CA", "no certificate")
	for _, tt := range []struct {
		from SecretRef
		want string
	}{
		{SecretRef{File: file + ".not"}, "target.tls: certificate: open "},
		{SecretRef{Env: "DROVER_TEST_CA"}, "target.tls: environment variable DROVER_TEST_CA holds no certificate in PEM"},
	} {
		if _, err := NewHTTP(HTTPOptions{URL: s.URL, TLS: TLS{CAFrom: tt.from}}); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("NewHTTP with authorities from %v = %v, want %s", tt.from, err, tt.want)
		}
	}
}

// An answer that lasts up to the close is whole only if the backend says that it closes: else somebody on the way may have
// cut it. net/http takes it for whole.
func TestAnswerCutByNobodyKnowsWhom(t *testing.T) {
	m := http1Modes[1]
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
		next()
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nhi")
		c.tcp.Close()
	})
	if ans := send(m.open(t, HTTPOptions{URL: url})); ans.Class != measure.Reset {
		t.Errorf("%v, %v, want %v", ans.Class, ans.Err, measure.Reset)
	}
}

// A backend that speaks no HTTP/2 is told apart from one that cannot be reached.
func TestNoHTTP2(t *testing.T) {
	s := http1Modes[1].serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("a request came") })
	h := newHTTP(t, HTTPOptions{URL: s.URL, TLS: TLS{RootCAs: testIdentity().roots}, Client: Client{HTTP2: true}})
	if ans := send(h); ans.Class != measure.ConnectFailed {
		t.Errorf("%v, %v, want %v", ans.Class, ans.Err, measure.ConnectFailed)
	}
	silent := mode{secure: true}.listen(t, func(c *peer) { // takes no part in the choice of protocols
		c.Conn = tls.Server(c.tcp, &tls.Config{Certificates: testIdentity().certs})
		c.Read(make([]byte, 1))
	})
	h = newHTTP(t, HTTPOptions{URL: silent, TLS: TLS{RootCAs: testIdentity().roots}, Client: Client{HTTP2: true}})
	if ans := send(h); ans.Class != measure.ConnectFailed || !strings.Contains(ans.Err.Error(), "does not speak HTTP/2") {
		t.Errorf("%v, %v, want %v", ans.Class, ans.Err, measure.ConnectFailed)
	}
	if err := h.Preflight(context.Background()); err == nil {
		t.Error("Preflight = nil, want that the backend does not speak HTTP/2")
	}
}

// Each device shows a certificate with its own name, and the operator's requests one with his.
func TestDevicesShowCertificates(t *testing.T) {
	a, err := NewAuthority("devices")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
		}))
		s.TLS = &tls.Config{Certificates: testIdentity().certs, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool(), MaxVersion: version}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		opt := HTTPOptions{URL: s.URL, TLS: TLS{RootCAs: testIdentity().roots}, Client: Client{PerDevice: true, MaxOpen: 1, Resume: 1},
			Identity: &Identity{a, func(device int) string { return fmt.Sprint("device ", device) }}}
		h := newHTTP(t, opt)
		for range 2 { // the second time with a session that was resumed
			for d := range 3 {
				if got, want := from(t, h, d), fmt.Sprint("device ", d); got != want {
					t.Errorf("device %d is %q, want %q", d, got, want)
				}
			}
		}
		if c := h.Connections(); c.Resumed != 3 {
			t.Errorf("%d sessions were resumed, want 3", c.Resumed)
		}
		if b, err := h.Get(context.Background(), "/", Admin); err != nil || string(b) != "device -1" {
			t.Errorf("the operator is %q, %v", b, err)
		}
		other, err := NewAuthority("devices")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []*Identity{nil, {other, opt.Identity.Name}} {
			opt.Identity = id
			h := newHTTP(t, opt)
			if ans := send(h); ans.Class != measure.ConnectFailed {
				t.Errorf("TLS %x without the right certificate: %v, %v, want %v", version, ans.Class, ans.Err, measure.ConnectFailed)
			}
			if err := h.Preflight(context.Background()); err == nil {
				t.Error("Preflight without the right certificate = nil")
			}
		}
	}
	if _, err := NewHTTP(HTTPOptions{URL: "https://127.0.0.1:9", Identity: &Identity{}}); err == nil {
		t.Error("certificates of devices over shared connections: nil, want an error")
	}
}

// What a certificate of a device costs, beside its handshake.
func BenchmarkClientCertificate(b *testing.B) {
	a, err := NewAuthority("devices")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Client("6f1e1d2c-0000-4000-8000-000000000000"); err != nil {
			b.Fatal(err)
		}
	}
}
