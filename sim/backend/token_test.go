package backend

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drover/sim/wire"
)

var testSecret = []byte("correct horse")

func token(t *testing.T, secret []byte, tenant string) string {
	t.Helper()
	s, err := TenantToken(secret, tenant)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The simulator's side signs by the same words; these bytes are the agreement.
func TestTenantToken(t *testing.T) {
	got := token(t, testSecret, "*")
	head, rest, _ := strings.Cut(got, ".")
	body, _, _ := strings.Cut(rest, ".")
	for part, want := range map[string]string{head: `{"alg":"HS256","typ":"JWT"}`, body: `{"iss":"drover","sub":"*","tid":"*"}`} {
		if b, err := base64.RawURLEncoding.DecodeString(part); err != nil || string(b) != want {
			t.Errorf("part of a token is %s, %v, want %s", b, err, want)
		}
	}
	if again := token(t, testSecret, "*"); again != got {
		t.Errorf("TenantToken differs: %s, then %s", got, again)
	}
	if _, err := TenantToken(nil, "*"); err == nil {
		t.Error("TenantToken without a secret = nil, want an error")
	}
}

func TestAuthorisation(t *testing.T) {
	one, two, admin := tenantID(1).String(), tenantID(2).String(), AllTenants
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		s, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + s
	}
	full := func(tenant string) jwt.MapClaims { return jwt.MapClaims{"iss": "drover", "sub": tenant, "tid": tenant} }
	expired, sound := full(one), full(one)
	expired["exp"] = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	sound["exp"] = time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	const none, invalid = `Bearer realm="drover"`, `Bearer realm="drover", error="invalid_token"`
	// Columns: an upload of tenant 1; audits of all, of tenant 1, of tenant 2; counts of how many tenants.
	for _, tt := range []struct {
		name, header    string
		upload          int
		all, own, else_ int
		challenge       string
		tenants         int
	}{
		{"own tenant", "Bearer " + token(t, testSecret, one), 200, 200, 200, 403, "", 1},
		{"scheme in lower case", "bearer " + token(t, testSecret, one), 200, 200, 200, 403, "", 1},
		{"another tenant", "Bearer " + token(t, testSecret, two), 403, 200, 403, 200, "", 1},
		{"a tenant of which nothing is stored", "Bearer " + token(t, testSecret, tenantID(9).String()), 403, 200, 403, 403, "", 0},
		{"admin", "Bearer " + token(t, testSecret, admin), 200, 200, 200, 200, "", 2},
		{"not expired", sign(jwt.SigningMethodHS256, testSecret, sound), 200, 200, 200, 403, "", 1},
		{"no header", "", 401, 401, 401, 401, none, 0},
		{"no token", "Bearer ", 401, 401, 401, 401, none, 0},
		{"another scheme", "Basic dXNlcjpwYXNz", 401, 401, 401, 401, none, 0},
		{"not a token", "Bearer xyz", 401, 401, 401, 401, invalid, 0},
		{"signed with another secret", "Bearer " + token(t, []byte("battery staple"), one), 401, 401, 401, 401, invalid, 0},
		{"signature cut", "Bearer " + token(t, testSecret, one)[:100], 401, 401, 401, 401, invalid, 0},
		{"alg none", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, full(one)), 401, 401, 401, 401, invalid, 0},
		{"another method", sign(jwt.SigningMethodHS512, testSecret, full(one)), 401, 401, 401, 401, invalid, 0},
		{"expired", sign(jwt.SigningMethodHS256, testSecret, expired), 401, 401, 401, 401, invalid, 0},
		{"another issuer", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"iss": "x", "sub": one, "tid": one}), 401, 401, 401, 401, invalid, 0},
		{"no issuer", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"sub": one, "tid": one}), 401, 401, 401, 401, invalid, 0},
		{"no tenant", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"iss": "drover"}), 401, 401, 401, 401, invalid, 0},
		{"subject is not the tenant", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"iss": "drover", "sub": one, "tid": "*"}), 401, 401, 401, 401, invalid, 0},
		{"tenant is no UUID", "Bearer " + token(t, testSecret, "contoso"), 401, 401, 401, 401, invalid, 0},
	} {
		c := newClient(t, Options{Secret: testSecret})
		c.token = token(t, testSecret, admin)
		c.post("/v1/events", heartbeats(testDevice(1, 1), 0, 1))
		c.post("/v1/events", heartbeats(testDevice(2, 1), 0, 1))
		auth := "Authorization: " + tt.header
		for _, ask := range []struct {
			method, target string
			want           int
		}{
			{"POST", "/v1/events", tt.upload},
			{"POST", "/v1/events/single", tt.upload},
			{"GET", "/v1/audit/counts", tt.all},
			{"GET", "/v1/audit/events", tt.all},
			{"GET", "/v1/audit/events?tenant=" + one, tt.own},
			{"GET", "/v1/audit/events?tenant=" + two, tt.else_},
		} {
			w := c.do(ask.method, ask.target, heartbeats(testDevice(1, 1), 1, 1), auth)
			if w.Code != ask.want {
				t.Errorf("%s: %s %s = %d %s, want %d", tt.name, ask.method, ask.target, w.Code, w.Body, ask.want)
			}
			if got := w.Header().Get("WWW-Authenticate"); got != tt.challenge {
				t.Errorf("%s: %s %s: WWW-Authenticate %q, want %q", tt.name, ask.method, ask.target, got, tt.challenge)
			}
		}
		if tt.all != 200 {
			continue
		}
		_, c.token, _ = strings.Cut(tt.header, " ")
		counts := c.counts("")
		if len(counts.Tenants) != tt.tenants {
			t.Errorf("%s: counts of %d tenants, want %d", tt.name, len(counts.Tenants), tt.tenants)
		}
		docs, _ := c.page("")
		if int64(len(docs)) != counts.Total.Events {
			t.Errorf("%s: sees %d events and counts %d", tt.name, len(docs), counts.Total.Events)
		}
		for _, doc := range docs {
			if got := doc.Account.TenantID.String(); tt.tenants == 1 && got != counts.Tenants[0].Tenant {
				t.Errorf("%s: sees an event of tenant %s", tt.name, got)
			}
		}
	}
}

// page fetches one page of stored events.
func (c *client) page(query string) ([]wire.Upload, wire.PageEnd) {
	c.t.Helper()
	w := c.do(http.MethodGet, "/v1/audit/events"+query, nil)
	if w.Code != http.StatusOK {
		c.t.Fatalf("GET /v1/audit/events%s = %d %s, want 200", query, w.Code, w.Body)
	}
	return parsePage(c.t, w.Body.String())
}
