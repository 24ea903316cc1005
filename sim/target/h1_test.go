package target

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"drover/sim/measure"
)

// script is a connection on which the backend says what it says and then hangs up.
type script struct {
	net.Conn
	io.Reader
}

func (s script) Read(b []byte) (int, error) { return s.Reader.Read(b) }
func (script) Write(b []byte) (int, error)  { return len(b), nil }
func (script) SetDeadline(time.Time) error  { return nil }
func (script) Close() error                 { return nil }
func said(answer []byte, piece int) (*h1conn, *Answer) {
	r := io.Reader(bytes.NewReader(answer))
	if piece > 0 {
		r = &pieces{r, piece}
	}
	return newH1conn(script{Reader: r}), new(Answer)
}

// pieces reads a few bytes at a time, as networks do.
type pieces struct {
	r io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// What net/http makes of an answer, ours makes of it too, in whatever pieces it comes; what ours refuses is refused for a
// reason of its own, and nothing makes it panic.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\n ho\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 429 Slow\r\nRetry-After: Tue, 24 Nov 2026 00:00:10 GMT\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
		"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, answer []byte, piece int) {
		c, got := said(answer, 0)
		var status int
		err := c.answer(got, &status)
		again, same := said(answer, 1+max(0, piece)%64)
		var status2 int
		if err2 := again.answer(same, &status2); (err == nil) != (err2 == nil) || status != status2 || !bytes.Equal(got.Body, same.Body) {
			t.Fatalf("whole: %d %q %v; in pieces: %d %q %v", status, got.Body, err, status2, same.Body, err2)
		}
		after, third := said(answer, 0)
		after.known = c.known // its head is that of the answer before
		var status3 int
		if err3 := after.answer(third, &status3); (err == nil) != (err3 == nil) || status != status3 || !bytes.Equal(got.Body, third.Body) {
			t.Fatalf("first: %d %q %v; again: %d %q %v", status, got.Body, err, status3, third.Body, err3)
		}
		if err != nil || status < 200 {
			return
		}
		r := bufio.NewReader(bytes.NewReader(answer))
		for {
			resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
			if err != nil {
				return // net/http is stricter about names and values of headers that do not matter here
			}
			if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
				continue
			}
			body, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != status || !bytes.Equal(body, got.Body)) {
				t.Fatalf("net/http reads %d %q, ours %d %q", resp.StatusCode, body, status, got.Body)
			}
			return
		}
	})
}

// What is known of earlier heads changes nothing: each answer after each other one is what it is alone. In pieces of 32 bytes the second piece of the
// last but one begins as the last one does, and is as long as the first piece.
func TestKnownHeads(t *testing.T) {
	answers := []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
		"HTTP/1.1 202 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 2*mostHead) + "\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 204 OK\r\nAAAAAAAA: BBB\r\n" + "HTTP/1.1: 200 OK\r\nAA: \r\n\r\n\r\n\r\n\r\n",
		"HTTP/1.1: 200 OK\r\nAA: \r\n\r\n",
	}
	type result struct {
		status int
		keep   bool
		Answer
	}
	read := func(answer string, piece int, known *heads) (r result, err string) {
		c, ans := said([]byte(answer), piece)
		if known != nil {
			c.known = known
		}
		if e := c.answer(ans, &r.status); e != nil {
			err = e.Error()
		}
		r.keep, r.Answer = c.keep, *ans
		return r, err
	}
	for _, piece := range []int{0, 1, 7, 32} {
		for _, first := range answers {
			for _, then := range answers {
				want, wantErr := read(then, piece, nil)
				known := new(heads)
				read(first, piece, known)
				for range 2 {
					if got, err := read(then, piece, known); !reflect.DeepEqual(got, want) || err != wantErr {
						t.Errorf("%.60q in pieces of %d after %.60q is %+v, %s; want %+v, %s", then, piece, first, got, err, want, wantErr)
					}
				}
			}
		}
	}
}

// An answer with a body and one with what it lacks: nothing of what the one said shows in the other.
func TestAnswersDoNotMix(t *testing.T) {
	c, ans := said([]byte("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0)
	var status int
	if err := c.answer(ans, &status); err != nil || status != 429 || ans.RetryAfter != 7*time.Second || c.keep {
		t.Errorf("status %d, retry after %v, keep %t, %v; want 429, 7s, and the connection not kept: it said more", status, ans.RetryAfter, c.keep, err)
	}
	*ans, c.head = Answer{Body: ans.Body[:0]}, 0
	if err := c.answer(ans, &status); err != nil || status != 200 || ans.RetryAfter != 0 || len(ans.Body) != 0 {
		t.Errorf("status %d, retry after %v, body %q, %v", status, ans.RetryAfter, ans.Body, err)
	}
}

// sink answers each request of a known length with the same few bytes, and allocates nothing.
func sink(tb testing.TB, m mode, length int) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	url := "http://" + l.Addr().String()
	if m.secure {
		url = "https://" + l.Addr().String()
		l = tls.NewListener(l, &tls.Config{Certificates: testIdentity().certs})
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"accepted\":1}")
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, length)
		for {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	}()
	return url
}

// upload is a request as a run makes it.
func upload(tb testing.TB, m mode) (*HTTP, *Request, context.Context) {
	opt := HTTPOptions{ContentType: "application/json", Run: "r", Tokens: func(int) string { return "token" }}
	opt.Paths[measure.Upload] = "/v1/events"
	opt.TLS.RootCAs = testIdentity().roots
	req := &Request{Op: measure.Upload, Body: make([]byte, 763), Key: []byte("0f6c4a4e-0000-8000-8000-000000000000")}
	req.token = opt.Tokens(0)
	opt.URL = "http://127.0.0.1:65535"
	h, err := NewHTTP(opt)
	if err != nil {
		tb.Fatal(err)
	}
	length := len(newH1(h).request(nil, req, req.Body)) + len(req.Body)
	opt.URL = sink(tb, m, length)
	if short := len("127.0.0.1:65535") - len(opt.URL[strings.Index(opt.URL, "//")+2:]); short != 0 { // the port is part of the request
		opt.URL = sink(tb, m, length-short)
	}
	if h, err = NewHTTP(opt); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { h.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	return h, req, ctx
}

// In steady state an upload costs no allocation. Over TLS it costs those of crypto/tls, 24 bytes for each time that it looks
// at the socket: once by the backend, and twice by us, before the request and for the answer.
func TestSendAllocatesNothing(t *testing.T) {
	for _, m := range http1Modes {
		if m.library {
			continue
		}
		want := 0.0
		if m.secure {
			want = 3
		}
		h, req, ctx := upload(t, m)
		ans := Answer{Body: make([]byte, 0, 512)}
		m.sender(t, h, req, func() {
			if n := testing.AllocsPerRun(100, func() { h.Send(ctx, req, &ans) }); n > want && !racing || ans.Class != measure.OK {
				t.Errorf("%s: %v allocations for an upload, class %v, %v; want %v", m.name, n, ans.Class, ans.Err, want)
			}
		})
	}
}

// sender calls f, which sends req, as this way has it: in a fiber, where the target has a loop.
func (m mode) sender(tb testing.TB, h *HTTP, req *Request, f func()) {
	if !m.fibers {
		f()
		return
	}
	l := h.NewLoop(1)
	if l == nil {
		tb.Skip("there are no loops on this system")
	}
	req.Loop = l
	l.Go(f)
	l.Run()
	l.Close()
}

// One upload of 763 bytes and its answer over loopback, the backend's half included.
func BenchmarkSend(b *testing.B) {
	for _, m := range http1Modes {
		if m.library {
			continue
		}
		b.Run(strings.ReplaceAll(m.name, " ", "-"), func(b *testing.B) {
			h, req, ctx := upload(b, m)
			ans := Answer{Body: make([]byte, 0, 512)}
			b.ReportAllocs()
			m.sender(b, h, req, func() {
				for b.Loop() {
					if h.Send(ctx, req, &ans); ans.Class != measure.OK {
						b.Fatal(ans.Err)
					}
				}
			})
		})
	}
}

// After an answer that was too long the connection is not used again, although the backend promised to keep it and all of
// the answer was read: what else it may say belongs to nobody.
func TestLongAnswerEndsTheConnection(t *testing.T) {
	body := bytes.Repeat([]byte("x"), maxAnswer+1)
	for _, n := range []int{maxAnswer, maxAnswer + 1} {
		answer := append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n), body[:n]...)
		c, ans := said(answer, 0)
		var status int
		err := c.answer(ans, &status)
		if long := n > maxAnswer; (err == errLong) != long || c.keep == long || len(ans.Body) != maxAnswer || status != 200 {
			t.Errorf("body of %d: %v, keep %t, %d bytes, status %d; want too long: %t", n, err, c.keep, len(ans.Body), status, long)
		}
	}
}
