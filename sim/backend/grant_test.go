package backend

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// form posts to /v1/token.
func (c *client) form(fields ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return c.do(http.MethodPost, "/v1/token", []byte(v.Encode()), "Content-Type: application/x-www-form-urlencoded")
}

func TestGrant(t *testing.T) {
	one, two := tenantID(1).String(), tenantID(2).String()
	for _, tt := range []struct {
		name          string
		fields        []string
		code          int
		err           string
		first, second int // an upload of tenant 1 and of tenant 2 with the token
	}{
		{"a tenant", []string{"grant_type", "client_credentials", "client_id", one, "client_secret", string(testSecret)}, 200, "", 200, 403},
		{"a device of a tenant", []string{"grant_type", "client_credentials", "client_id", two + "/phone", "client_secret", string(testSecret)}, 200, "", 403, 200},
		{"the operator", []string{"grant_type", "client_credentials", "client_id", "*", "client_secret", string(testSecret)}, 200, "", 200, 200},
		{"wrong secret", []string{"grant_type", "client_credentials", "client_id", one, "client_secret", "x"}, 401, "invalid_client", 0, 0},
		{"nobody", []string{"grant_type", "client_credentials", "client_id", "contoso", "client_secret", string(testSecret)}, 401, "invalid_client", 0, 0},
		{"another grant", []string{"grant_type", "password", "client_id", one, "client_secret", string(testSecret)}, 400, "unsupported_grant_type", 0, 0},
		{"too long", []string{"grant_type", strings.Repeat("x", maxForm)}, 400, "invalid_request", 0, 0},
	} {
		c := newClient(t, Options{Secret: testSecret, TokenLife: 5 * time.Minute})
		w := c.form(tt.fields...)
		var got struct {
			Token   string `json:"access_token"`
			Type    string `json:"token_type"`
			Expires int    `json:"expires_in"`
			Error   string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != tt.code || got.Error != tt.err {
			t.Errorf("%s: %d %s, want %d and %q", tt.name, w.Code, w.Body, tt.code, tt.err)
		}
		if tt.code != 200 {
			continue
		}
		if got.Type != "Bearer" || got.Expires != 300 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %+v, want a bearer token of 300 s", tt.name, got)
		}
		for tenant, want := range map[byte]int{1: tt.first, 2: tt.second} {
			if w := c.do("POST", "/v1/events", heartbeats(testDevice(tenant, 1), 0, 1), "Authorization: Bearer "+got.Token); w.Code != want {
				t.Errorf("%s: an upload of tenant %d: %d, want %d", tt.name, tenant, w.Code, want)
			}
		}
	}
	if w := newClient(t, Options{}).form("grant_type", "client_credentials"); w.Code != 404 {
		t.Errorf("a backend without a secret: %d, want 404", w.Code)
	}
}

// A token expires when it says so.
func TestGrantExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(300 * time.Millisecond) // times in a token are whole seconds
		begin := time.Now()
		c := newClient(t, Options{Secret: testSecret, TokenLife: 2 * time.Second})
		w := c.form("grant_type", "client_credentials", "client_id", "*", "client_secret", string(testSecret))
		var got struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{http.StatusOK, http.StatusOK, http.StatusUnauthorized} { // at once, just before two seconds are over, after four
			if w := c.do("GET", "/v1/audit/counts", nil, "Authorization: Bearer "+got.Token); w.Code != want {
				t.Errorf("a token of two seconds after %v: %d, want %d", time.Since(begin), w.Code, want)
			}
			time.Sleep(1999 * time.Millisecond)
		}
	})
}
