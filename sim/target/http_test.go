package target

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drover/sim/measure"

	"github.com/klauspost/compress/gzip"
)

// rawServer answers each connection with talk, which gets requests by next: the whole of one with its body, or an error
// when the client is gone. It returns the base URL.
func rawServer(t *testing.T, talk func(c *net.TCPConn, next func() (*http.Request, error))) string {
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
				defer c.Close()
				r := bufio.NewReader(c)
				talk(c.(*net.TCPConn), func() (*http.Request, error) {
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
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return "http://" + l.Addr().String()
}

// always answers every request of a connection with the same bytes.
func always(answer string) func(*net.TCPConn, func() (*http.Request, error)) {
	return func(c *net.TCPConn, next func() (*http.Request, error)) {
		for {
			if _, err := next(); err != nil {
				return
			}
			io.WriteString(c, answer)
		}
	}
}

// once answers one request and closes.
func once(answer string) func(*net.TCPConn, func() (*http.Request, error)) {
	return func(c *net.TCPConn, next func() (*http.Request, error)) {
		if _, err := next(); err == nil {
			io.WriteString(c, answer)
		}
	}
}

// newHTTP returns a target, which sends by net/http in the tests that ask for it by their name.
func newHTTP(t *testing.T, opt HTTPOptions) *HTTP {
	t.Helper()
	opt.Library = strings.Contains(t.Name(), "/"+byLibrary)
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

func send(h *HTTP) *Answer {
	ans := new(Answer)
	h.Send(context.Background(), &Request{Op: measure.Upload, Body: []byte(`{"events":[]}`), Key: []byte("k1")}, ans)
	return ans
}

// eachClient runs a test with drover's own client and with net/http: they keep the same promises.
func eachClient(t *testing.T, test func(t *testing.T)) {
	t.Run("own", test)
	t.Run(byLibrary, test)
}

const byLibrary = "nethttp"

const patient, hasty = 20 * time.Second, 30 * time.Millisecond

// TestConformance sends three uploads in a row to backends of every temper.
func TestConformance(t *testing.T) { eachClient(t, testConformance) }

func testConformance(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	status := func(s string) string { return "HTTP/1.1 " + s + "\r\nContent-Length: 0\r\n\r\n" }
	for _, tt := range []struct {
		name    string
		talk    func(c *net.TCPConn, next func() (*http.Request, error))
		timeout time.Duration
		class   measure.Class
		status  int
		opened  int64 // connections for three uploads
		body    string
	}{
		{"accepts", always(ok), patient, measure.OK, 200, 1, "hi"},
		{"202 chunked", always("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n ho\r\n0\r\n\r\n"), patient, measure.OK, 202, 1, "hi ho"},
		{"204 without body", always("HTTP/1.1 204 No Content\r\n\r\n"), patient, measure.OK, 204, 1, ""},
		{"1xx first", always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok), patient, measure.OK, 200, 1, "hi"},
		{"switches protocols unasked", always("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), patient, measure.BadAnswer, 101, 3, ""},
		{"body up to the close", once("HTTP/1.1 200 OK\r\n\r\nhi"), patient, measure.OK, 200, 3, "hi"},
		{"asks to close", once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), patient, measure.OK, 200, 3, "hi"},
		{"301", always("HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"), patient, measure.Status3xx, 301, 1, ""},
		{"304", always("HTTP/1.1 304 Not Modified\r\n\r\n"), patient, measure.Status3xx, 304, 1, ""},
		{"400", always("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"), patient, measure.Status400, 400, 1, "no"},
		{"401", always(status("401 Unauthorized")), patient, measure.Status401, 401, 1, ""},
		{"403", always(status("403 Forbidden")), patient, measure.Status401, 403, 1, ""},
		{"404", always(status("404 Not Found")), patient, measure.Status400, 404, 1, ""},
		{"413 and closes", once("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), patient, measure.Status413, 413, 3, ""},
		{"429", always(status("429 Too Many Requests")), patient, measure.Status429, 429, 1, ""},
		{"500", always(status("500 Oops")), patient, measure.Status5xx, 500, 1, ""},
		{"599", always(status("599 Odd")), patient, measure.Status5xx, 599, 1, ""},
		{"600 is no HTTP status", always(status("600 Odder")), patient, measure.BadAnswer, 600, 1, ""},
		{"closes without a word", func(c *net.TCPConn, next func() (*http.Request, error)) { next() }, patient, measure.Reset, 0, 3, ""},
		{"closes within the status line", once("HTTP/1.1 20"), patient, measure.Reset, 0, 3, ""},
		{"closes within the headers", once("HTTP/1.1 200 OK\r\nContent-Le"), patient, measure.Reset, 0, 3, ""},
		{"closes within the body", once("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi"), patient, measure.Reset, 0, 3, ""},
		{"closes within a chunk", once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhi"), patient, measure.Reset, 0, 3, ""},
		{"resets", func(c *net.TCPConn, next func() (*http.Request, error)) {
			next()
			c.SetLinger(0)
		}, patient, measure.Reset, 0, 3, ""},
		{"resets within the body", func(c *net.TCPConn, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
			c.SetLinger(0)
		}, patient, measure.Reset, 0, 3, ""},
		{"stalls", func(c *net.TCPConn, next func() (*http.Request, error)) {
			next()
			next() // until the client hangs up
		}, hasty, measure.Timeout, 0, 3, ""},
		{"stalls within the body", func(c *net.TCPConn, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
			next()
		}, hasty, measure.Timeout, 0, 3, ""},
		{"drips for ever", func(c *net.TCPConn, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
				if _, err := io.WriteString(c, "."); err != nil {
					tick.Stop()
					return
				}
			}
		}, hasty, measure.Timeout, 0, 3, ""},
		{"1xx for ever", func(c *net.TCPConn, next func() (*http.Request, error)) {
			next()
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"); err != nil {
					return
				}
			}
		}, patient, measure.BadAnswer, 0, 3, ""},
		{"headers for ever", func(c *net.TCPConn, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: %0200d\r\n", i, i); err != nil {
					return
				}
			}
		}, patient, measure.BadAnswer, 0, 3, ""},
		{"just below the limit", always("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + strings.Repeat("x", 1<<20)), patient, measure.OK, 200, 1, strings.Repeat("x", 1<<20)},
		{"just above the limit", once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n" + strings.Repeat("x", 1<<20+1)), patient, measure.BadAnswer, 200, 3, strings.Repeat("x", 1<<20)},
		{"endless", func(c *net.TCPConn, next func() (*http.Request, error)) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for b := make([]byte, 1<<16); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}, patient, measure.BadAnswer, 200, 3, strings.Repeat("\x00", 1<<20)},
		{"speaks SSH", once("SSH-2.0-OpenSSH_9.6\r\n\r\n"), patient, measure.BadAnswer, 0, 3, ""},
		{"status that is no number", once("HTTP/1.1 abc OK\r\n\r\n"), patient, measure.BadAnswer, 0, 3, ""},
		{"header without colon", once("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), patient, measure.BadAnswer, 0, 3, ""},
		{"length that is no number", once("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), patient, measure.BadAnswer, 0, 3, ""},
		{"negative length", once("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), patient, measure.BadAnswer, 0, 3, ""},
		{"two lengths", once("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi"), patient, measure.BadAnswer, 0, 3, ""},
		{"chunk size that is no number", once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi"), patient, measure.BadAnswer, 0, 3, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHTTP(t, HTTPOptions{URL: rawServer(t, tt.talk), Client: Client{Timeout: tt.timeout}})
			for i := range 3 {
				ans := send(h)
				if ans.Class != tt.class || ans.Status != tt.status || string(ans.Body) != tt.body {
					t.Errorf("upload %d: class %v, status %d, body %.20q (%d), want %v, %d, %.20q (%d); %v",
						i, ans.Class, ans.Status, ans.Body, len(ans.Body), tt.class, tt.status, tt.body, len(tt.body), ans.Err)
				}
				if (ans.Err == nil) != (tt.class == measure.OK) {
					t.Errorf("upload %d: Err = %v with class %v", i, ans.Err, ans.Class)
				}
			}
			if _, opened := h.Conns(); opened != tt.opened {
				t.Errorf("%d connections for three uploads, want %d", opened, tt.opened)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) { eachClient(t, testNobodyListens) }

func testNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	h := newHTTP(t, HTTPOptions{URL: url})
	ans := send(h)
	if want := "post " + url + "/v1/events: connection refused"; ans.Class != measure.ConnectRefused || fmt.Sprint(ans.Err) != want {
		t.Errorf("class %v, %v, want %v, %s", ans.Class, ans.Err, measure.ConnectRefused, want)
	}
	err = h.Preflight(context.Background())
	if u := (*UnreachableError)(nil); !errors.As(err, &u) || !strings.HasPrefix(err.Error(), "get "+url+"/healthz: connection refused; is the backend up?") {
		t.Errorf("Preflight = %v, want that the backend is unreachable and what to do", err)
	}
}

// A backend that closes idle connections is an everyday matter; only an upload that it may have seen counts as reset.
func TestIdleConnectionClosedByBackend(t *testing.T) {
	closed := make(chan struct{})
	url := rawServer(t, func(c *net.TCPConn, next func() (*http.Request, error)) {
		next()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") // promises to stay, but leaves
		c.Close()
		closed <- struct{}{}
	})
	for _, library := range []bool{false, true} {
		h, err := NewHTTP(HTTPOptions{URL: url, Library: library})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			if ans := send(h); ans.Class != measure.OK {
				t.Errorf("net/http %t, upload %d: %v, %v", library, i, ans.Class, ans.Err)
			}
			<-closed
			if library { // it has a goroutine that sees the close; drover's own client looks before it sends
				waitFor(t, "the client to see the close", func() bool { open, _ := h.Conns(); return open == 0 })
			}
		}
		h.Close()
	}
}

// A connection that breaks before the first byte of a request was written costs nothing but a new connection.
func TestUnwrittenRequestGoesOverANewConnection(t *testing.T) {
	var seen atomic.Int64
	end := make(chan struct{})
	url := rawServer(t, func(c *net.TCPConn, next func() (*http.Request, error)) {
		for {
			if _, err := next(); err != nil {
				<-end // keeps its side open, so that the client's pool notices nothing
				return
			}
			seen.Add(1)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	defer close(end)
	t.Run("own", func(t *testing.T) {
		h, before := newHTTP(t, HTTPOptions{URL: url}), seen.Load()
		for i := range int64(3) {
			if ans := send(h); ans.Class != measure.OK || seen.Load() != before+i+1 {
				t.Errorf("upload %d: %v, %v; %d requests seen", i, ans.Class, ans.Err, seen.Load()-before)
			}
			if _, opened := h.Conns(); opened != i+1 {
				t.Errorf("%d connections after %d uploads", opened, i+1)
			}
			if err := h.fast.idle[0].net.(*conn).Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
	})
	seen.Store(0)
	h, err := NewHTTP(HTTPOptions{URL: url, Library: true})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var used net.Conn
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { used = i.Conn }})
	for i := range int64(3) {
		var ans Answer
		h.Send(ctx, &Request{Op: measure.Upload, Body: []byte("x"), Key: []byte("k1")}, &ans)
		if _, opened := h.Conns(); ans.Class != measure.OK || seen.Load() != i+1 || opened != i+1 {
			t.Errorf("upload %d: %v, %v; %d requests seen over %d connections", i, ans.Class, ans.Err, seen.Load(), opened)
		}
		if err := used.(*conn).Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
}

// A request that the backend has seen is never sent again behind the caller's back, even though it has an idempotency key.
func TestNothingIsSentTwice(t *testing.T) { eachClient(t, testNothingIsSentTwice) }

func testNothingIsSentTwice(t *testing.T) {
	var seen atomic.Int64
	url := rawServer(t, func(c *net.TCPConn, next func() (*http.Request, error)) {
		for i := 0; ; i++ {
			r, err := next()
			if err != nil {
				return
			}
			if seen.Add(1); r.Header.Get("Idempotency-Key") != "k1" {
				t.Errorf("headers %v, want Idempotency-Key k1", r.Header)
			}
			if i == 1 {
				return // the second request of a connection dies unanswered
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	h := newHTTP(t, HTTPOptions{URL: url})
	var got []measure.Class
	for range 4 {
		got = append(got, send(h).Class)
	}
	if want := []measure.Class{measure.OK, measure.Reset, measure.OK, measure.Reset}; !slices.Equal(got, want) || seen.Load() != 4 {
		t.Errorf("classes %v with %d requests seen, want %v with 4", got, seen.Load(), want)
	}
}

func TestCancelled(t *testing.T) { eachClient(t, testCancelled) }

func testCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	url := rawServer(t, func(c *net.TCPConn, next func() (*http.Request, error)) {
		next()
		cancel(errors.New("the run ended"))
		next()
	})
	h := newHTTP(t, HTTPOptions{URL: url})
	var ans Answer
	h.Send(ctx, &Request{Op: measure.Upload, Body: []byte("x")}, &ans)
	if ans.Class != measure.Cancelled || ans.Err == nil {
		t.Errorf("class %v, %v, want %v", ans.Class, ans.Err, measure.Cancelled)
	}
	h.Close()
	if ans := send(h); ans.Class != measure.Cancelled {
		t.Errorf("after Close: class %v, want %v", ans.Class, measure.Cancelled)
	}
}

// The wait for a free connection is within the time-out too.
func TestMaxOpenIsRespected(t *testing.T) { eachClient(t, testMaxOpenIsRespected) }

func testMaxOpenIsRespected(t *testing.T) {
	var now, most atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		runtime.Gosched()
		now.Add(-1)
	}))
	defer s.Close()
	h := newHTTP(t, HTTPOptions{URL: s.URL, Client: Client{MaxOpen: 3, Timeout: patient}})
	var senders sync.WaitGroup
	for range 20 {
		senders.Go(func() {
			for range 25 {
				if ans := send(h); ans.Class != measure.OK {
					t.Errorf("class %v, %v", ans.Class, ans.Err)
				}
			}
		})
	}
	senders.Wait()
	if _, opened := h.Conns(); most.Load() > 3 || opened > 3 {
		t.Errorf("%d requests at once over %d connections, want 3 at most", most.Load(), opened)
	}
}

// What the backend sees of an upload, with and without compression.
func TestRequest(t *testing.T) { eachClient(t, testRequest) }

func testRequest(t *testing.T) {
	type seen struct{ method, path, ctype, encoding, auth, run, key, body string }
	got := make(chan seen, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Errorf("gzip: %v", err)
				return
			}
			body = z
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		g := r.Header.Get
		got <- seen{r.Method, r.URL.Path, g("Content-Type"), g("Content-Encoding"), g("Authorization"), g("X-Drover-Run"), g("Idempotency-Key"), string(b)}
	}))
	defer s.Close()
	for _, compress := range []bool{false, true} {
		h := newHTTP(t, HTTPOptions{URL: s.URL + "/base/", Client: Client{Gzip: compress}, Run: "r1", ContentType: "application/json",
			Tokens: func(tenant int) string { return fmt.Sprint("token-", tenant) }, Paths: [measure.NumOps]string{"/v1/enroll", "/v1/events"}})
		for i := range 3 { // a squeezer and a connection are reused
			want := seen{"POST", "/base/v1/enroll", "application/json", "", "Bearer token-7", "r1", "k", strings.Repeat("body", 1000*i)}
			if compress {
				want.encoding = "gzip"
			}
			var ans Answer
			h.Send(context.Background(), &Request{Op: measure.Enroll, Body: []byte(want.body), Tenant: 7, Key: []byte("k")}, &ans)
			if ans.Class != measure.OK {
				t.Fatalf("class %v, %v", ans.Class, ans.Err)
			}
			if g := <-got; g != want {
				t.Errorf("gzip %t: the backend saw %.300v, want %.300v", compress, g, want)
			}
		}
	}
}

// lateReader is a transport that answers before it has read the body, as net/http may ("callers wanting to reuse the body for
// subsequent requests must wait for the Close call", http.RoundTripper).
type lateReader struct{ body io.ReadCloser }

func (l *lateReader) RoundTrip(r *http.Request) (*http.Response, error) {
	l.body = r.Body
	if _, err := io.ReadFull(r.Body, make([]byte, 4)); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 413, Body: http.NoBody}, nil
}

// The caller overwrites its buffer as soon as Send returns, and so does the next one who compresses.
func TestBodyIsFreeAfterSend(t *testing.T) {
	for _, compress := range []bool{false, true} {
		late := new(lateReader)
		h, err := NewHTTP(HTTPOptions{URL: "http://localhost", Client: Client{Gzip: compress}, Library: true})
		if err != nil {
			t.Fatal(err)
		}
		h.transport.RegisterProtocol("http", late)
		if ans := send(h); ans.Class != measure.Status413 {
			t.Errorf("class %v, %v", ans.Class, ans.Err)
		}
		if n, err := late.body.Read(make([]byte, 4)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("gzip %t: the transport reads %d bytes more after Send, %v; want an error", compress, n, err)
		}
	}
}

// A backend that answers at length while it still reads: the race detector is half of this test.
func TestAnswerBeforeTheBodyIsRead(t *testing.T) { eachClient(t, testAnswerBeforeTheBodyIsRead) }

func testAnswerBeforeTheBodyIsRead(t *testing.T) {
	url := rawServer(t, func(c *net.TCPConn, next func() (*http.Request, error)) {
		c.Read(make([]byte, 100))
		go io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2000000\r\n\r\n"+strings.Repeat("x", 2000000))
		io.Copy(io.Discard, c)
	})
	h := newHTTP(t, HTTPOptions{URL: url, Client: Client{Timeout: patient}})
	body := make([]byte, 4<<20)
	for range 5 {
		var ans Answer
		h.Send(context.Background(), &Request{Op: measure.Upload, Body: body}, &ans)
		if ans.Class != measure.BadAnswer || len(ans.Body) != 1<<20 {
			t.Errorf("class %v, %d bytes, %v", ans.Class, len(ans.Body), ans.Err)
		}
		for i := range body {
			body[i]++
		}
	}
}

func TestPayloadTakenBack(t *testing.T) {
	p := &payload{data: []byte("abcdef")}
	r, b := p.reader(), make([]byte, 4)
	if n, err := r.Read(b); n != 4 || err != nil {
		t.Errorf("Read = %d, %v, want 4, nil", n, err)
	}
	p.takeBack()
	for _, r := range []io.Reader{r, p.reader()} {
		if n, err := r.Read(b); n != 0 || err == nil || err == io.EOF {
			t.Errorf("Read after takeBack = %d, %v, want an error that is no end", n, err)
		}
	}
}

func TestAnswerBodyIsReused(t *testing.T) { eachClient(t, testAnswerBodyIsReused) }

func testAnswerBodyIsReused(t *testing.T) {
	h := newHTTP(t, HTTPOptions{URL: rawServer(t, always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))})
	ans := Answer{Body: make([]byte, 0, 64), Err: errors.New("old"), RetryAfter: time.Hour}
	before := &ans.Body[:1][0]
	h.Send(context.Background(), &Request{Op: measure.Upload, Body: []byte("x")}, &ans)
	if &ans.Body[0] != before || string(ans.Body) != "hi" || ans.Err != nil || ans.RetryAfter != 0 {
		t.Errorf("answer %+v, want body hi in the old buffer and nothing else of the old", ans)
	}
}

func TestRetryAfterReachesTheCaller(t *testing.T) { eachClient(t, testRetryAfterReachesTheCaller) }

func testRetryAfterReachesTheCaller(t *testing.T) {
	for answer, want := range map[string]time.Duration{
		"429 Slow\r\nRetry-After: 7":           7 * time.Second,
		"503 Busy\r\nRetry-After: 2":           2 * time.Second,
		"429 Slow\r\nRetry-After: -7":          0,
		"429 Slow":                             0,
		"503 Busy\r\nRetry-After: in a moment": 0,
	} {
		h := newHTTP(t, HTTPOptions{URL: rawServer(t, always("HTTP/1.1 "+answer+"\r\nContent-Length: 0\r\n\r\n"))})
		if ans := send(h); ans.RetryAfter != want {
			t.Errorf("after %q: RetryAfter = %v, want %v", answer, ans.RetryAfter, want)
		}
	}
}

func TestGoroutinesEndWithClose(t *testing.T) { eachClient(t, testGoroutinesEndWithClose) }

func testGoroutinesEndWithClose(t *testing.T) {
	before := runtime.NumGoroutine()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	h := newHTTP(t, HTTPOptions{URL: s.URL})
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() { send(h) })
	}
	senders.Wait()
	if open, _ := h.Conns(); open == 0 {
		t.Errorf("no connection was kept")
	}
	h.Close()
	waitFor(t, "all connections to close", func() bool { open, _ := h.Conns(); return open == 0 })
	s.Close()
	waitFor(t, "all goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// waitFor polls until done; it gives up only after a time that no working machine needs.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(patient); !done(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("waited %v for %s", patient, what)
		}
	}
}
