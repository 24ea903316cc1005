package target

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"drover/sim/measure"
)

// mode is one of the ways in which a target sends. All keep the same promises.
type mode struct {
	name                   string
	secure, library, http2 bool
	perDevice              bool // always; tests can ask for it without
	fibers                 bool // senders are those of a loop, where it has one
	starts                 bool // and go on without a fiber where that can be
}

var (
	http1Modes = []mode{{name: "own"}, {name: "own over TLS", secure: true}, {name: "nethttp", library: true}, {name: "nethttp over TLS", library: true, secure: true},
		{name: "fibers", fibers: true}, {name: "fibers over TLS", fibers: true, secure: true}, {name: "without fibers", fibers: true, starts: true}}
	http2Modes = []mode{{name: "http2", http2: true}, {name: "http2 over TLS", http2: true, secure: true},
		{name: "http2 per device", http2: true, perDevice: true}, {name: "http2 per device over TLS", http2: true, secure: true, perDevice: true}}
)

// eachClient runs a test with every way to speak HTTP/1.1.
func eachClient(t *testing.T, test func(t *testing.T, m mode)) {
	for _, m := range http1Modes {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// everyClient runs a test with every way there is.
func everyClient(t *testing.T, test func(t *testing.T, m mode)) {
	eachClient(t, test)
	for _, m := range http2Modes {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// serve starts a real server and returns its URL.
func (m mode) serve(t *testing.T, handle http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handle)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(!m.http2)
	s.Config.Protocols.SetHTTP2(m.http2)
	s.Config.Protocols.SetUnencryptedHTTP2(m.http2)
	s.EnableHTTP2 = m.http2
	if m.secure {
		s.TLS = &tls.Config{Certificates: testIdentity().certs}
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// identity is a certificate for 127.0.0.1 and who vouches for it.
type identity struct {
	certs []tls.Certificate
	roots *x509.CertPool
}

// testIdentity is that of package httptest.
var testIdentity = sync.OnceValue(func() identity {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	id := identity{s.TLS.Certificates, x509.NewCertPool()}
	id.roots.AddCert(s.Certificate())
	return id
})

// peer is the backend's end of a connection.
type peer struct {
	net.Conn
	tcp *net.TCPConn // below it
}

// reset ends the connection without a farewell.
func (p *peer) reset() {
	p.tcp.SetLinger(0)
	p.tcp.Close()
}

// listen answers each connection with talk, and closes it after that. It returns the base URL.
func (m mode) listen(t *testing.T, talk func(c *peer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				p := &peer{m.server(c), c.(*net.TCPConn)}
				defer p.Close()
				talk(p)
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	if m.secure {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// server is the backend's end of c: TLS on top of it where this way has it.
func (m mode) server(c net.Conn) net.Conn {
	if !m.secure {
		return c
	}
	return tls.Server(c, m.serverTLS())
}

func (m mode) serverTLS() *tls.Config {
	conf := &tls.Config{Certificates: testIdentity().certs, NextProtos: []string{"http/1.1"}}
	if m.http2 {
		conf.NextProtos[0] = "h2"
	}
	return conf
}

// talk is a backend that speaks HTTP/1.1 by hand: next returns a request with its whole body, or an error when the client
// is gone.
type talk = func(c *peer, next func() (*http.Request, error))

// raw starts a backend that talks.
func (m mode) raw(t *testing.T, talk talk) string {
	t.Helper()
	return m.listen(t, func(c *peer) {
		r := bufio.NewReader(c)
		talk(c, func() (*http.Request, error) {
			req, err := http.ReadRequest(r)
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(req.Body)
			req.Body = io.NopCloser(bytes.NewReader(body))
			return req, err
		})
	})
}

// always answers every request of a connection with the same bytes.
func always(answer string) talk {
	return func(c *peer, next func() (*http.Request, error)) {
		for {
			if _, err := next(); err != nil {
				return
			}
			io.WriteString(c, answer)
		}
	}
}

// once answers one request and closes.
func once(answer string) talk {
	return func(c *peer, next func() (*http.Request, error)) {
		if _, err := next(); err == nil {
			io.WriteString(c, answer)
		}
	}
}

// newHTTP returns a target.
func newHTTP(t *testing.T, opt HTTPOptions) *HTTP {
	t.Helper()
	if opt.Paths[measure.Upload] == "" {
		opt.Paths[measure.Upload] = "/v1/events"
	}
	h, err := NewHTTP(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func send(h Target) *Answer {
	ans := new(Answer)
	h.Send(context.Background(), &Request{Op: measure.Upload, Body: []byte(`{"events":[]}`), Key: []byte("k1")}, ans)
	return ans
}

const patient, hasty = 20 * time.Second, 30 * time.Millisecond

// want is how three uploads in a row end.
type want struct {
	timeout time.Duration // of the client
	class   measure.Class
	status  int
	opened  int64 // connections for three uploads; 0: any number
	body    string
}

// conform sends three uploads in a row.
func (m mode) conform(t *testing.T, url string, want want) {
	open := func() *client { return m.open(t, HTTPOptions{URL: url, Client: Client{Timeout: want.timeout}}) }
	m.thrice(t, open, want.opened, func(h *client, i int) {
		ans := send(h)
		if ans.Class != want.class || ans.Status != want.status || string(ans.Body) != want.body {
			t.Errorf("upload %d: class %v, status %d, body %.20q (%d), want %v, %d, %.20q (%d); %v",
				i, ans.Class, ans.Status, ans.Body, len(ans.Body), want.class, want.status, want.body, len(want.body), ans.Err)
		}
		if (ans.Err == nil) != (want.class == measure.OK) {
			t.Errorf("upload %d: Err = %v with class %v", i, ans.Err, ans.Class)
		}
	})
}

// thrice sends three uploads in a row, one after the other, and expects so many connections for them; 0 expects any number.
//
// net/http puts a connection of HTTP/2 where the next upload finds it only after the first upload got it. One that is over by then is
// followed by a dial too many, so where net/http keeps the connections, whoever finds one too many tries again.
func (m mode) thrice(t *testing.T, open func() *client, want int64, upload func(h *client, i int)) {
	t.Helper()
	for try := 1; ; try++ {
		h := open()
		for i := range 3 {
			upload(h, i)
		}
		_, opened := h.Conns()
		if m.http2 && !m.perDevice && want > 0 && opened == want+1 && try < 10 {
			continue
		}
		if want > 0 && opened != want {
			t.Errorf("%d connections for three uploads, want %d", opened, want)
		}
		return
	}
}

// TestConformance sends three uploads in a row to backends of every temper.
func TestConformance(t *testing.T) { eachClient(t, testConformance) }

func testConformance(t *testing.T, m mode) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	status := func(s string) string { return "HTTP/1.1 " + s + "\r\nContent-Length: 0\r\n\r\n" }
	for _, tt := range []struct {
		name string
		talk talk
		want want
	}{
		{"accepts", always(ok), want{patient, measure.OK, 200, 1, "hi"}},
		{"202 chunked", always("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n ho\r\n0\r\n\r\n"), want{patient, measure.OK, 202, 1, "hi ho"}},
		{"204 without body", always("HTTP/1.1 204 No Content\r\n\r\n"), want{patient, measure.OK, 204, 1, ""}},
		{"1xx first", always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok), want{patient, measure.OK, 200, 1, "hi"}},
		{"switches protocols unasked", always("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), want{patient, measure.BadAnswer, 101, 3, ""}},
		{"body up to the close", once("HTTP/1.1 200 OK\r\n\r\nhi"), want{patient, measure.OK, 200, 3, "hi"}},
		{"asks to close", once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), want{patient, measure.OK, 200, 3, "hi"}},
		{"301", always("HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"), want{patient, measure.Status3xx, 301, 1, ""}},
		{"304", always("HTTP/1.1 304 Not Modified\r\n\r\n"), want{patient, measure.Status3xx, 304, 1, ""}},
		{"400", always("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"), want{patient, measure.Status400, 400, 1, "no"}},
		{"401", always(status("401 Unauthorized")), want{patient, measure.Status401, 401, 1, ""}},
		{"403", always(status("403 Forbidden")), want{patient, measure.Status401, 403, 1, ""}},
		{"404", always(status("404 Not Found")), want{patient, measure.Status400, 404, 1, ""}},
		{"413 and closes", once("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), want{patient, measure.Status413, 413, 3, ""}},
		{"429", always(status("429 Too Many Requests")), want{patient, measure.Status429, 429, 1, ""}},
		{"500", always(status("500 Oops")), want{patient, measure.Status5xx, 500, 1, ""}},
		{"599", always(status("599 Odd")), want{patient, measure.Status5xx, 599, 1, ""}},
		{"600 is no HTTP status", always(status("600 Odder")), want{patient, measure.BadAnswer, 600, 1, ""}},
		{"closes without a word", func(c *peer, next func() (*http.Request, error)) { next() }, want{patient, measure.Reset, 0, 3, ""}},
		{"closes within the status line", once("HTTP/1.1 20"), want{patient, measure.Reset, 0, 3, ""}},
		{"closes within the headers", once("HTTP/1.1 200 OK\r\nContent-Le"), want{patient, measure.Reset, 0, 3, ""}},
		{"closes within the body", once("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi"), want{patient, measure.Reset, 0, 3, ""}},
		{"closes within a chunk", once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhi"), want{patient, measure.Reset, 0, 3, ""}},
		{"resets", func(c *peer, next func() (*http.Request, error)) {
			next()
			c.reset()
		}, want{patient, measure.Reset, 0, 3, ""}},
		{"resets within the body", func(c *peer, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
			c.reset()
		}, want{patient, measure.Reset, 0, 3, ""}},
		{"stalls", func(c *peer, next func() (*http.Request, error)) {
			next()
			next() // until the client hangs up
		}, want{hasty, measure.Timeout, 0, 0, ""}},
		{"stalls within the body", func(c *peer, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
			next()
		}, want{hasty, measure.Timeout, 0, 0, ""}},
		{"drips for ever", func(c *peer, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
				if _, err := io.WriteString(c, "."); err != nil {
					tick.Stop()
					return
				}
			}
		}, want{hasty, measure.Timeout, 0, 0, ""}},
		{"1xx for ever", func(c *peer, next func() (*http.Request, error)) {
			next()
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"); err != nil {
					return
				}
			}
		}, want{patient, measure.BadAnswer, 0, 3, ""}},
		{"headers for ever", func(c *peer, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: %0200d\r\n", i, i); err != nil {
					return
				}
			}
		}, want{patient, measure.BadAnswer, 0, 3, ""}},
		{"just below the limit", always("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + strings.Repeat("x", 1<<20)), want{patient, measure.OK, 200, 1, strings.Repeat("x", 1<<20)}},
		{"just above the limit", once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n" + strings.Repeat("x", 1<<20+1)), want{patient, measure.BadAnswer, 200, 3, strings.Repeat("x", 1<<20)}},
		{"endless", func(c *peer, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for b := make([]byte, 1<<16); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}, want{patient, measure.BadAnswer, 200, 3, strings.Repeat("\x00", 1<<20)}},
		{"speaks SSH", once("SSH-2.0-OpenSSH_9.6\r\n\r\n"), want{patient, measure.BadAnswer, 0, 3, ""}},
		{"status that is no number", once("HTTP/1.1 abc OK\r\n\r\n"), want{patient, measure.BadAnswer, 0, 3, ""}},
		{"header without colon", once("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), want{patient, measure.BadAnswer, 0, 3, ""}},
		{"length that is no number", once("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), want{patient, measure.BadAnswer, 0, 3, ""}},
		{"negative length", once("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), want{patient, measure.BadAnswer, 0, 3, ""}},
		{"two lengths", once("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi"), want{patient, measure.BadAnswer, 0, 3, ""}},
		{"chunk size that is no number", once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi"), want{patient, measure.BadAnswer, 0, 3, ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if m.library && m.secure && (tt.name == "closes within the status line" || tt.name == "closes within the headers") {
				tt.want.class = measure.BadAnswer // net/http takes half a line for a whole one, and does not show the end within TLS
			}
			m.conform(t, m.raw(t, tt.talk), tt.want)
		})
	}
}
