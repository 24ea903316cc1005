package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	"github.com/klauspost/compress/zstd"
)

func TestNobodyListens(t *testing.T) { everyClient(t, testNobodyListens) }

func testNobodyListens(t *testing.T, m mode) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	if l.Close(); m.secure {
		url = "https://" + l.Addr().String()
	}
	h := m.open(t, HTTPOptions{URL: url})
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
	eachClient(t, testIdleConnectionClosedByBackend)
}

func testIdleConnectionClosedByBackend(t *testing.T, m mode) {
	closed := make(chan struct{})
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
		next()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") // promises to stay, but leaves
		c.Close()
		closed <- struct{}{}
	})
	h := m.open(t, HTTPOptions{URL: url})
	for i := range 5 {
		if ans := send(h); ans.Class != measure.OK {
			t.Errorf("upload %d: %v, %v", i, ans.Class, ans.Err)
		}
		<-closed
		if m.library { // it has a goroutine that sees the close; drover's own client looks before it sends
			waitFor(t, "the client to see the close", func() bool { open, _ := h.Conns(); return open == 0 })
		}
	}
}

// What a backend says unasked on an idle connection is no answer to the next upload.
func TestUnaskedAnswer(t *testing.T) { eachClient(t, testUnaskedAnswer) }

func testUnaskedAnswer(t *testing.T, m mode) {
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
		next()
		// The first answer fills the client's buffer, so that the rest is where it does not see it: in the socket, or decrypted
		// within TLS.
		first := "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\nX-Pad: "
		first += strings.Repeat("p", 4096-4000-len(first)-4) + "\r\n\r\n" + strings.Repeat("h", 4000)
		io.WriteString(c, first+"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nboo")
		next()
	})
	h := m.open(t, HTTPOptions{URL: url})
	for i := range 3 {
		if ans := send(h); ans.Class != measure.OK || string(ans.Body) != strings.Repeat("h", 4000) {
			t.Errorf("upload %d: %v, %v, body %.20q", i, ans.Class, ans.Err, ans.Body)
		}
		if m.library {
			waitFor(t, "the client to give the connection up", func() bool { open, _ := h.Conns(); return open == 0 })
		}
	}
}

// A connection that breaks before the first byte of a request was written costs nothing but a new connection.
func TestUnwrittenRequestGoesOverANewConnection(t *testing.T) {
	eachClient(t, testUnwrittenRequestGoesOverANewConnection)
}

func testUnwrittenRequestGoesOverANewConnection(t *testing.T, m mode) {
	var seen atomic.Int64
	end := make(chan struct{})
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
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
	h := m.open(t, HTTPOptions{URL: url})
	var used net.Conn // by net/http
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { used = i.Conn }})
	for i := range int64(3) {
		var ans Answer
		h.Send(ctx, &Request{Op: measure.Upload, Body: []byte("x"), Key: []byte("k1")}, &ans)
		if _, opened := h.Conns(); ans.Class != measure.OK || seen.Load() != i+1 || opened != i+1 {
			t.Errorf("upload %d: %v, %v; %d requests seen over %d connections", i, ans.Class, ans.Err, seen.Load(), opened)
		}
		switch {
		case h.loop != nil:
			used = h.loop.idle[0].net
		case h.fast != nil:
			used = h.fast.idle[0].net
		}
		if err := endWrites(ownConn(used)); err != nil {
			t.Fatal(err)
		}
	}
}

// A request that the backend has seen is never sent again behind the caller's back, even though it has an idempotency key.
func TestNothingIsSentTwice(t *testing.T) { eachClient(t, testNothingIsSentTwice) }

func testNothingIsSentTwice(t *testing.T, m mode) {
	var seen atomic.Int64
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
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
	h := m.open(t, HTTPOptions{URL: url})
	var got []measure.Class
	for range 4 {
		got = append(got, send(h).Class)
	}
	if want := []measure.Class{measure.OK, measure.Reset, measure.OK, measure.Reset}; !slices.Equal(got, want) || seen.Load() != 4 {
		t.Errorf("classes %v with %d requests seen, want %v with 4", got, seen.Load(), want)
	}
}

func TestCancelled(t *testing.T) { eachClient(t, testCancelled) }

func testCancelled(t *testing.T, m mode) {
	ctx, cancel := context.WithCancelCause(context.Background())
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
		next()
		cancel(errors.New("the run ended"))
		next()
	})
	h := m.open(t, HTTPOptions{URL: url})
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

func testMaxOpenIsRespected(t *testing.T, m mode) {
	var now, most atomic.Int64
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		runtime.Gosched()
		now.Add(-1)
	})
	h := m.open(t, HTTPOptions{URL: s.URL, Client: Client{MaxOpen: 3, Timeout: patient}})
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
func TestRequest(t *testing.T) { everyClient(t, testRequest) }

func testRequest(t *testing.T, m mode) {
	type seen struct{ method, path, ctype, encoding, auth, run, key, body string }
	got := make(chan seen, 1)
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		switch r.Header.Get("Content-Encoding") {
		case "gzip":
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Errorf("gzip: %v", err)
				return
			}
			body = z
		case "zstd":
			z, err := zstd.NewReader(r.Body)
			if err != nil {
				t.Errorf("zstd: %v", err)
				return
			}
			defer z.Close()
			body = z
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		g := r.Header.Get
		got <- seen{r.Method, r.URL.Path, g("Content-Type"), g("Content-Encoding"), g("Authorization"), g("X-Drover-Run"), g("Idempotency-Key"), string(b)}
	})
	for _, compress := range []string{"", "gzip", "zstd"} {
		h := m.open(t, HTTPOptions{URL: s.URL + "/base/", Client: Client{Compression: compress}, Run: "r1", ContentType: "application/json",
			Tokens: func(tenant int) string { return fmt.Sprint("token-", tenant) }, Paths: [measure.NumOps]string{"/v1/enroll", "/v1/events"}})
		for i := range 3 { // a squeezer and a connection are reused
			want := seen{"POST", "/base/v1/enroll", "application/json", compress, "Bearer token-7", "r1", "k", strings.Repeat("body", 1000*i)}
			var ans Answer
			h.Send(context.Background(), &Request{Op: measure.Enroll, Body: []byte(want.body), Tenant: 7, Key: []byte("k")}, &ans)
			if ans.Class != measure.OK {
				t.Fatalf("class %v, %v", ans.Class, ans.Err)
			}
			if g := <-got; g != want {
				t.Errorf("compression %q: the backend saw %.300v, want %.300v", compress, g, want)
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
	for _, compress := range []string{"", "gzip", "zstd"} {
		late := new(lateReader)
		h, err := NewHTTP(HTTPOptions{URL: "http://localhost", Client: Client{Compression: compress}, Library: true})
		if err != nil {
			t.Fatal(err)
		}
		h.transport.RegisterProtocol("http", late)
		if ans := send(h); ans.Class != measure.Status413 {
			t.Errorf("class %v, %v", ans.Class, ans.Err)
		}
		if n, err := late.body.Read(make([]byte, 4)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("compression %q: the transport reads %d bytes more after Send, %v; want an error", compress, n, err)
		}
	}
}

// A backend that answers at length while it still reads: the race detector is half of this test.
func TestAnswerBeforeTheBodyIsRead(t *testing.T) { eachClient(t, testAnswerBeforeTheBodyIsRead) }

func testAnswerBeforeTheBodyIsRead(t *testing.T, m mode) {
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
		c.Read(make([]byte, 100))
		go io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2000000\r\n\r\n"+strings.Repeat("x", 2000000))
		io.Copy(io.Discard, c)
	})
	h := m.open(t, HTTPOptions{URL: url, Client: Client{Timeout: patient}})
	body := make([]byte, 4<<20)
	for range 3 {
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

func testAnswerBodyIsReused(t *testing.T, m mode) {
	h := m.open(t, HTTPOptions{URL: m.raw(t, always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))})
	ans := Answer{Body: make([]byte, 0, 64), Err: errors.New("old"), RetryAfter: time.Hour}
	before := &ans.Body[:1][0]
	h.Send(context.Background(), &Request{Op: measure.Upload, Body: []byte("x")}, &ans)
	if &ans.Body[0] != before || string(ans.Body) != "hi" || ans.Err != nil || ans.RetryAfter != 0 {
		t.Errorf("answer %+v, want body hi in the old buffer and nothing else of the old", ans)
	}
}

func TestRetryAfterReachesTheCaller(t *testing.T) { eachClient(t, testRetryAfterReachesTheCaller) }

func testRetryAfterReachesTheCaller(t *testing.T, m mode) {
	for answer, want := range map[string]time.Duration{
		"429 Slow\r\nRetry-After: 7":           7 * time.Second,
		"503 Busy\r\nRetry-After: 2":           2 * time.Second,
		"429 Slow\r\nRetry-After: -7":          0,
		"429 Slow":                             0,
		"503 Busy\r\nRetry-After: in a moment": 0,
		// A date counts from the backend's own clock, which may be wrong; RFC 9110 has three forms of it.
		"429 Slow\r\nDate: Tue, 24 Nov 2020 00:00:00 GMT\r\nRetry-After: Tue, 24 Nov 2020 00:00:10 GMT":   10 * time.Second,
		"503 Busy\r\nRetry-After: Tuesday, 24-Nov-20 00:01:00 GMT\r\nDate: Tue, 24 Nov 2020 00:00:00 GMT": time.Minute,
		"503 Busy\r\nRetry-After: Tue Nov 24 01:00:00 2020\r\nDate: Tue, 24 Nov 2020 00:00:00 GMT":        time.Hour,
		"429 Slow\r\nDate: Tue, 24 Nov 2020 00:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2020 00:00:00 GMT":   0,
		"429 Slow\r\nDate: Tue, 24 Nov 2020 00:00:00 GMT\r\nRetry-After: 24 Nov 2020":                     0,
	} {
		h := m.open(t, HTTPOptions{URL: m.raw(t, always("HTTP/1.1 "+answer+"\r\nContent-Length: 0\r\n\r\n"))})
		if ans := send(h); ans.RetryAfter != want {
			t.Errorf("after %q: RetryAfter = %v, want %v", answer, ans.RetryAfter, want)
		}
	}
}

func TestGoroutinesEndWithClose(t *testing.T) { everyClient(t, testGoroutinesEndWithClose) }

func testGoroutinesEndWithClose(t *testing.T, m mode) {
	before := runtime.NumGoroutine()
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {})
	h := m.open(t, HTTPOptions{URL: s.URL})
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
