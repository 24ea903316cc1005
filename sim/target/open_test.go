package target

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// A server that says nothing for a minute, before its answer or within, is told from a run that ended.
func TestSilentReadback(t *testing.T) {
	for _, said := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"} {
		synctest.Test(t, func(t *testing.T) {
			h := newHTTP(t, HTTPOptions{URL: "http://127.0.0.1:1"})
			h.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					http.ReadRequest(bufio.NewReader(theirs))
					io.WriteString(theirs, said)
					io.Copy(io.Discard, theirs)
				}()
				return ours, nil
			}
			in, err := h.Open(t.Context(), "/q", nil, Admin)
			if err == nil {
				_, err = io.ReadAll(in)
				in.Close()
			}
			if want := "get http://127.0.0.1:1/q: no whole answer within 1m0s"; err == nil || err.Error() != want {
				t.Errorf("after %q: %v, want %s", said, err, want)
			}
		})
	}
}

// A read-back is streamed, however long it is, with the credential of uploads and by POST where it has a body.
func TestOpen(t *testing.T) {
	lines := 230_000 // more than Get takes; one way to send is enough for that
	line := append(bytes.Repeat([]byte("x"), 300), '\n')
	everyClient(t, func(t *testing.T, m mode) {
		s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.Header.Get("X-Key") != "k" || r.URL.RequestURI() != "/base/q?a=%22b%22" || r.Method == http.MethodPost != (string(body) == "{}") {
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, "not so")
				return
			}
			for range lines {
				w.Write(line)
			}
		})
		h := m.open(t, HTTPOptions{URL: s.URL + "/base", Tokens: func(int) string { return "k" }, Credential: Credential{Header: "X-Key"}})
		for _, body := range []string{"", "{}"} {
			r, err := h.Open(t.Context(), "/q?a=%22b%22", []byte(body), Admin)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r); n != int64(lines*len(line)) || err != nil {
				t.Errorf("%d bytes, %v; want %d", n, err, lines*len(line))
			}
			r.Close()
		}
		if _, err := h.Open(t.Context(), "/other", nil, Admin); err == nil || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "not so") {
			t.Errorf("Open of what is refused: %v, want the status and what the server said", err)
		}
		lines = 100
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Open(ctx, "/q", nil, Admin); err == nil {
			t.Error("Open after its context ended = nil, want an error")
		}
	})
}

// A token that is refused each time, while others renew it, is an error as well.
func TestOpenRefusedTwice(t *testing.T) {
	m, a := http1Modes[0], &tokens{}
	var h *client
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			a.ServeHTTP(w, r)
			return
		}
		h.grants.mu.Lock()
		h.grants.all["d"].token += "-renewed"
		h.grants.mu.Unlock()
		w.WriteHeader(http.StatusUnauthorized)
	})
	h = m.open(t, HTTPOptions{URL: s.URL, OAuth2: &OAuth2{TokenURL: s.URL + "/token", Secret: "s3cret", Scope: "a b", Clients: func(int, int) string { return "d" }}})
	if in, err := h.Open(t.Context(), "/q", nil, Admin); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("Open = %v, %v; want the 401", in, err)
	}
}
