package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPreflight(t *testing.T) {
	for _, tt := range []struct {
		name            string
		healthz, upload int    // statuses
		want            string // of the error, after the URL
	}{
		{"all well", 200, 400, ""},
		{"no health page", 404, 400, ""},
		{"in trouble, but there", 503, 500, ""},
		{"health page wants a credential and refuses ours", 401, 400, "/healthz: 401 Unauthorized; does the token or secret that target.auth names belong to this backend?"},
		{"open health page, but uploads are refused", 200, 401, "/v1/events: 401 Unauthorized; does the token or secret that target.auth names belong to this backend?"},
		{"forbidden", 200, 403, "/v1/events: 403 Forbidden; does the token or secret that target.auth names belong to this backend?"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != "Bearer token-0" {
				t.Errorf("%s: Authorization %q, want Bearer token-0", tt.name, got)
			}
			switch r.Method + " " + r.URL.Path {
			case "GET /healthz":
				w.WriteHeader(tt.healthz)
			case "POST /v1/events":
				if b, _ := io.ReadAll(r.Body); len(b) > 0 {
					t.Errorf("%s: the probe carries %q", tt.name, b)
				}
				w.WriteHeader(tt.upload)
			default:
				t.Errorf("%s: %s %s", tt.name, r.Method, r.URL)
			}
		}))
		h := newHTTP(t, HTTPOptions{URL: s.URL, Tokens: func(tenant int) string { return fmt.Sprint("token-", tenant) }})
		err := h.Preflight(context.Background())
		if u := (*UnauthorisedError)(nil); tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, &u) || !strings.HasSuffix(err.Error(), s.URL+tt.want)) {
			t.Errorf("%s: Preflight = %v, want %q", tt.name, err, tt.want)
		}
		s.Close()
	}
}

func TestPreflightCancelledAndMute(t *testing.T) {
	url := mode{}.raw(t, func(c *peer, _ func() (*http.Request, error)) { io.Copy(io.Discard, c) })
	h := newHTTP(t, HTTPOptions{URL: url, Client: Client{Timeout: hasty}})
	var u *UnreachableError
	if err := h.Preflight(context.Background()); !errors.As(err, &u) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a mute backend: %v, want unreachable after the time-out", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Preflight(ctx); errors.As(err, &u) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, want context.Canceled", err)
	}
}

func TestGet(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/audit/counts" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, r.Method, " ", r.URL.RawQuery, " ", r.Header.Get("Authorization"), strings.Repeat(" ", 2<<20))
	}))
	defer s.Close()
	h := newHTTP(t, HTTPOptions{URL: s.URL, Tokens: func(tenant int) string { return fmt.Sprint("token", tenant) }})
	b, err := h.Get(context.Background(), "/v1/audit/counts?run=a%20b&x=y", Admin)
	if got, want := strings.TrimRight(string(b), " "), "GET run=a%20b&x=y Bearer token-1"; err != nil || got != want || len(b) < 2<<20 {
		t.Errorf("Get = %q (%d bytes), %v, want %q", got, len(b), err, want)
	}
	if _, err := h.Get(context.Background(), "/nope", 0); err == nil || err.Error() != "get "+s.URL+"/nope: 404 Not Found" {
		t.Errorf("Get of nothing = %v, want a 404", err)
	}
}
