package target

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"drover/sim/measure"
)

// What a request has beside its body goes out the same way over every client: method, place, headers, credential, signature.
func TestRequestOfAnAdapter(t *testing.T) {
	everyClient(t, func(t *testing.T, m mode) {
		var got *http.Request
		var body []byte
		s := m.serve(t, func(_ http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
		})
		opt := HTTPOptions{
			URL: s.URL + "/base%20path", Tokens: func(int) string { return "secret" }, KeyHeader: "X-Request-Id",
			Credential: Credential{Header: "X-Api-Key", Prefix: "Key "},
			Sign:       &Signature{Key: []byte("k"), Hash: "sha256", Header: "X-Signature", Prefix: "sha256=", Request: true},
		}
		opt.Methods[measure.Upload], opt.ContentTypes[measure.Upload] = http.MethodPut, "application/x-ndjson"
		h := m.open(t, opt)
		var ans Answer
		h.Send(t.Context(), &Request{
			Op: measure.Upload, Body: []byte("{}\n"), Key: []byte("key-1"),
			Place: []byte("/t/a%2Fb?x=1"), Header: []byte("X-Scope-OrgID: contoso\r\nX-Device: 7\r\n"),
		}, &ans)
		if ans.Class != measure.OK || got == nil {
			t.Fatalf("class %v, %v", ans.Class, ans.Err)
		}
		mac := hmac.New(sha256.New, []byte("k"))
		mac.Write([]byte("PUT\n/base%20path/t/a%2Fb?x=1\n{}\n"))
		for name, want := range map[string]string{
			"Content-Type": "application/x-ndjson", "X-Request-Id": "key-1", "X-Api-Key": "Key secret", "Authorization": "", "Idempotency-Key": "",
			"X-Scope-Orgid": "contoso", "X-Device": "7", "X-Signature": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
		} {
			if v := got.Header.Get(name); v != want {
				t.Errorf("%s: %q, want %q", name, v, want)
			}
		}
		if got.Method != http.MethodPut || got.RequestURI != "/base%20path/t/a%2Fb?x=1" || string(body) != "{}\n" {
			t.Errorf("%s %s with %q, want PUT /base%%20path/t/a%%2Fb?x=1 with the body", got.Method, got.RequestURI, body)
		}
	})
}

// A backend that takes nothing without a signature takes all that drover asks, and not uploads alone.
func TestEverythingIsSigned(t *testing.T) {
	everyClient(t, func(t *testing.T, m mode) {
		s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
			mac := hmac.New(sha256.New, []byte("k"))
			io.WriteString(mac, r.Method+"\n"+r.RequestURI+"\n")
			io.Copy(mac, r.Body)
			if r.Header.Get("X-Signature") != hex.EncodeToString(mac.Sum(nil)) {
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
		h := m.open(t, HTTPOptions{URL: s.URL, Sign: &Signature{Key: []byte("k"), Hash: "sha256", Header: "X-Signature", Request: true}})
		if err := h.Preflight(t.Context()); err != nil {
			t.Errorf("Preflight: %v", err)
		}
		if _, err := h.Get(t.Context(), "/audit?after=a%2Fb", Admin); err != nil {
			t.Errorf("Get: %v", err)
		}
		if in, err := h.Open(t.Context(), "/search", []byte("{}"), Admin); err != nil {
			t.Errorf("Open: %v", err)
		} else {
			in.Close()
		}
	})
}

// A refused attempt names the place that the request went to.
func TestRefusalNamesThePlace(t *testing.T) {
	everyClient(t, func(t *testing.T, m mode) {
		s := m.serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
		h := m.open(t, HTTPOptions{URL: s.URL})
		var ans Answer
		h.Send(t.Context(), &Request{Op: measure.Upload, Body: []byte("x"), Place: []byte("/devices/7")}, &ans)
		if ans.Class != measure.Status400 || !strings.Contains(ans.Err.Error(), "/devices/7: 400") {
			t.Errorf("class %v, %v; want a 400 from /devices/7", ans.Class, ans.Err)
		}
	})
}

// The time of an attempt is signed where it is sent.
func TestSignatureOverTime(t *testing.T) {
	s := Signature{Key: []byte("k"), Hash: "sha512", Header: "X-Sig", TimeHeader: "X-Time", Base64: true}
	lines := string(s.append(nil, "POST", "/", []byte("body")))
	at, sig, ok := strings.Cut(strings.TrimSuffix(lines, "\r\n"), "\r\nX-Sig: ")
	if !ok || !strings.HasPrefix(at, "X-Time: 1") || len(sig) != 88 {
		t.Errorf("headers %q, want a time and 64 bytes in base64", lines)
	}
	if other, _ := (&Signature{Key: []byte("k"), Hash: "sha512"}).sum("POST", "/", []byte("body")); other == sig {
		t.Error("the signature is the same with and without the time")
	}
}

// Options that cannot go into a request are refused before any.
func TestBadCredentials(t *testing.T) {
	for _, opt := range []HTTPOptions{
		{Credential: Credential{Header: "X Y"}},
		{Credential: Credential{Prefix: "a\r\nb"}},
		{Sign: &Signature{Hash: "sha256", Header: "X"}},
		{Sign: &Signature{Key: []byte("k"), Hash: "md5", Header: "X"}},
		{Sign: &Signature{Key: []byte("k"), Hash: "sha256", Header: "X:"}},
	} {
		opt.URL = "http://localhost"
		if _, err := NewHTTP(opt); err == nil {
			t.Errorf("NewHTTP(%+v) = nil, want an error", opt)
		}
	}
}
