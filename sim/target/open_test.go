package target

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

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
