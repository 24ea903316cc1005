package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drover/sim/measure"
)

// tokens is a backend with a token endpoint. A token is the client's name and a number.
type tokens struct {
	mu      sync.Mutex
	asked   []string // clients, in order
	revoked map[string]bool
	answer  func(w http.ResponseWriter) bool // of the token endpoint; true: it has answered
	expires string                           // the field of the answer
	seen    []string                         // tokens of uploads
}

func (a *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.URL.Path != "/token" {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		a.seen = append(a.seen, token)
		if a.revoked[token] {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return
	}
	client := r.PostFormValue("client_id")
	a.asked = append(a.asked, client)
	if a.answer != nil && a.answer(w) {
		return
	}
	if r.PostFormValue("client_secret") != "s3cret" || r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("scope") != "a b" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":"invalid_client","error_description":"`+r.PostFormValue("client_secret")+`"}`)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"%s-%d","token_type":"Bearer"%s}`, client, len(a.asked), a.expires)
}

// withTokens starts such a backend and a target that gets tokens per device from it.
func withTokens(t *testing.T, m mode, a *tokens) *client {
	t.Helper()
	s := m.serve(t, a.ServeHTTP)
	return m.open(t, HTTPOptions{URL: s.URL, OAuth2: &OAuth2{TokenURL: s.URL + "/token", Secret: "s3cret", Scope: "a b",
		Clients: func(tenant, device int) string { return fmt.Sprint("d", device) }}})
}

func TestOAuth2(t *testing.T) { eachClient(t, testOAuth2) }

func testOAuth2(t *testing.T, m mode) {
	a := &tokens{revoked: map[string]bool{}, expires: `,"expires_in":3600`}
	h := withTokens(t, m, a)
	upload := func(device int) *Answer {
		ans := new(Answer)
		h.Send(context.Background(), &Request{Op: measure.Upload, Device: device, Body: []byte("x")}, ans)
		return ans
	}
	for _, d := range []int{1, 1, 2, 1} {
		if ans := upload(d); ans.Class != measure.OK {
			t.Fatalf("device %d: %v, %v", d, ans.Class, ans.Err)
		}
	}
	if want := []string{"d1", "d2"}; !slices.Equal(a.asked, want) {
		t.Errorf("asked for tokens of %v, want %v", a.asked, want)
	}
	if want := []string{"d1-1", "d1-1", "d2-2", "d1-1"}; !slices.Equal(a.seen, want) {
		t.Errorf("uploads with tokens %v, want %v", a.seen, want)
	}
	// A token that was good is revoked: the device gets a new one and sends again.
	a.revoked["d1-1"] = true
	if ans := upload(1); ans.Class != measure.Status401 || !ans.Again {
		t.Errorf("a revoked token: %v, again %t, want %v and another attempt", ans.Class, ans.Again, measure.Status401)
	}
	if ans := upload(1); ans.Class != measure.OK || a.seen[len(a.seen)-1] != "d1-3" {
		t.Errorf("after a revoked token: %v with %s", ans.Class, a.seen[len(a.seen)-1])
	}
	// One that never was any good is not fetched again and again.
	a.revoked["d3-4"] = true
	for range 3 {
		if ans := upload(3); ans.Class != measure.Status401 || ans.Again {
			t.Errorf("a token that nobody takes: %v, again %t, want %v for good", ans.Class, ans.Again, measure.Status401)
		}
	}
	if len(a.asked) != 4 {
		t.Errorf("%d tokens were asked for, want 4", len(a.asked))
	}
	if c := h.Connections(); c.Tokens.Count() != 4 || c.TokensFailed != 0 {
		t.Errorf("%d tokens fetched and %d not, want 4 and 0", c.Tokens.Count(), c.TokensFailed)
	}
}

// Many who need the same token at once cause one fetch, and one who gives up does not disturb the others.
func TestOneFetchForAll(t *testing.T) {
	asked, release := make(chan struct{}, 100), make(chan struct{})
	a := &tokens{answer: func(http.ResponseWriter) bool { asked <- struct{}{}; <-release; return false }}
	h := withTokens(t, http1Modes[0], a)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if ans := send(h); ans.Class != measure.OK {
				t.Errorf("%v, %v", ans.Class, ans.Err)
			}
		})
	}
	<-asked
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var ans Answer
	if h.Send(ctx, &Request{Op: measure.Upload, Body: []byte("x")}, &ans); ans.Class != measure.Cancelled {
		t.Errorf("one who gave up: %v, want %v", ans.Class, measure.Cancelled)
	}
	close(release)
	all.Wait()
	if len(a.asked) != 1 {
		t.Errorf("%d fetches, want 1", len(a.asked))
	}
}

// A token is renewed before it expires, and an old one serves as long as it lasts when no new one is to be had.
func TestTokensAreRenewed(t *testing.T) {
	a := &tokens{expires: `,"expires_in":"3600"`}
	h := withTokens(t, http1Modes[0], a)
	send(h)
	g := h.grants.all["d0"]
	if left := time.Until(g.renew); left < 58*time.Minute || left > 59*time.Minute {
		t.Errorf("a token of an hour is renewed after %v, want a minute before its end", left)
	}
	g.renew = time.Now()
	if ans := send(h); ans.Class != measure.OK || len(a.asked) != 2 || a.seen[1] != "d0-2" {
		t.Errorf("after the time to renew: %v, %d fetches, token %s", ans.Class, len(a.asked), a.seen[1])
	}
	g.renew = time.Now()
	a.answer = func(w http.ResponseWriter) bool { w.WriteHeader(503); return true }
	for range 3 {
		if ans := send(h); ans.Class != measure.OK || a.seen[len(a.seen)-1] != "d0-2" {
			t.Errorf("while no token is to be had: %v, %v", ans.Class, ans.Err)
		}
	}
	if len(a.asked) != 3 {
		t.Errorf("%d fetches, want one more and no other within a second", len(a.asked))
	}
	g.expires = time.Now()
	if ans := send(h); ans.Class != measure.Status5xx || ans.Status != 0 || !strings.HasSuffix(ans.Err.Error(), "/token: 503 Service Unavailable") {
		t.Errorf("without a token: %v, %d, %v", ans.Class, ans.Status, ans.Err)
	}
}

// What token endpoints say when they say no, or nonsense; no message holds the secret.
func TestTokenAnswers(t *testing.T) {
	say := func(status int, body string, header ...string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "application/json")
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
			return true
		}
	}
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter) bool
		class  measure.Class
		text   string
		retry  time.Duration
	}{
		{"wrong client", say(401, `{"error":"invalid_client","error_description":"s3cret"}`), measure.Status401, "401 Unauthorized, invalid_client", 0},
		{"wrong client as 400", say(400, `{"error":"unauthorized_client"}`), measure.Status401, "400 Bad Request, unauthorized_client", 0},
		{"wrong scope", say(400, `{"error":"invalid_scope"}`), measure.Status400, "400 Bad Request", 0},
		{"busy", say(429, ``, "Retry-After", "7"), measure.Status429, "429 Too Many Requests", 7 * time.Second},
		{"in trouble", say(500, `s3cret`), measure.Status5xx, "500 Internal Server Error", 0},
		{"elsewhere", say(302, ``, "Location", "http://192.0.2.1/"), measure.Status3xx, "302 Found", 0},
		{"nothing", say(200, ``), measure.BadAnswer, "", 0},
		{"not JSON", say(200, `access_token=x`), measure.BadAnswer, "", 0},
		{"no token", say(200, `{"token_type":"Bearer"}`), measure.BadAnswer, "", 0},
		{"a token with a line end", say(200, `{"access_token":"a\r\nb","token_type":"Bearer"}`), measure.BadAnswer, "cannot be in a header", 0},
		{"a token of the past", say(200, `{"access_token":"a","token_type":"Bearer","expires_in":-5}`), measure.BadAnswer, "has expired already", 0},
		{"hangs up", func(w http.ResponseWriter) bool { panic(http.ErrAbortHandler) }, measure.Reset, "connection closed", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := withTokens(t, http1Modes[0], &tokens{answer: tt.answer})
			ans := send(h)
			if ans.Class != tt.class || ans.RetryAfter != tt.retry || tt.class != measure.OK && (ans.Status != 0 || !strings.Contains(ans.Err.Error(), "/token: ") || !strings.Contains(ans.Err.Error(), tt.text) || strings.Contains(ans.Err.Error(), "s3cret") || strings.Contains(ans.Err.Error(), "\n")) {
				t.Errorf("%v, %d, %v after %v, want %v with %q", ans.Class, ans.Status, ans.Err, ans.RetryAfter, tt.class, tt.text)
			}
			var no *UnauthorisedError
			if err := h.Preflight(context.Background()); errors.As(err, &no) != (tt.class == measure.Status401) || (err == nil) != (tt.class == measure.OK) {
				t.Errorf("Preflight = %v", err)
			}
		})
	}
}

// The secret goes to nobody who was not named.
func TestTokenURLIsGuarded(t *testing.T) {
	for url, want := range map[string]string{
		"http://192.0.2.1/token":       "token url http://192.0.2.1/token: host 192.0.2.1 is not on this machine; name it in target.allowHosts if you may load it",
		"ftp://127.0.0.1/token":        `token url "ftp://127.0.0.1/token": want http://host:port/path or https://host:port/path`,
		"http://u:p@127.0.0.1/token":   `token url "http://u:p@127.0.0.1/token": want http://host:port/path or https://host:port/path`,
		"https://[2001:db8::1]/token/": "token url https://[2001:db8::1]/token/: host 2001:db8::1 is not on this machine; name it in target.allowHosts if you may load it",
	} {
		if _, err := NewHTTP(HTTPOptions{URL: "http://127.0.0.1:9", OAuth2: &OAuth2{TokenURL: url}}); err == nil || err.Error() != want {
			t.Errorf("NewHTTP with tokens from %s = %v, want %s", url, err, want)
		}
	}
}

// Whatever a token endpoint answers, nothing panics, and what is taken for a token can be in a header.
func FuzzTokenAnswer(f *testing.F) {
	for _, s := range []string{`{"access_token":"a","token_type":"Bearer","expires_in":3600}`, `{"access_token":"a","expires_in":"1e99"}`, `{"error":"invalid_client"}`, `access_token=a&expires_in=5`, `{"access_token":["a"]}`, `null`} {
		f.Add(s, 200, "application/json")
	}
	f.Add(`access_token=a&expires_in=5`, 200, "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body string, status int, ctype string) {
		g := &grants{opt: OAuth2{TokenURL: "http://127.0.0.1/token", Clients: func(int, int) string { return "c" }}, timeout: patient, all: map[string]*grant{},
			http: &http.Client{Transport: answers(func(r *http.Request) *http.Response {
				return &http.Response{StatusCode: 200 + max(0, status)%400, Header: http.Header{"Content-Type": {ctype}, "Retry-After": {body}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
			})}}
		_, token, err := g.of(context.Background(), 0, 0)
		if err == nil && (token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })) {
			t.Errorf("token %q of %q", token, body)
		}
		var e *tokenError
		if err != nil && (!errors.As(err, &e) || e.class == measure.OK || strings.Contains(err.Error(), "\n")) {
			t.Errorf("error %q of %q", err, body)
		}
	})
}

// answers is a network in one function.
type answers func(r *http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }
