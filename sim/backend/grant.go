package backend

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drover/sim/wire"
)

const (
	defaultTokenLife = time.Hour
	maxForm          = 16 << 10 // bytes
)

// grant answers a request for a token: RFC 6749 sections 4.4 and 5.
func (h *handler) grant(c *call) error {
	c.w.Header().Set("Cache-Control", "no-store")
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxForm)
	if err := c.r.ParseForm(); err != nil {
		return h.noGrant(c, http.StatusBadRequest, "invalid_request")
	}
	client, secret := c.r.PostForm.Get("client_id"), c.r.PostForm.Get("client_secret")
	if id, key, ok := c.r.BasicAuth(); ok {
		client, secret = id, key
	}
	tenant, _, _ := strings.Cut(client, "/")
	_, isID := wire.ParseGUID(tenant)
	switch {
	case h.keys == nil:
		return &refusal{http.StatusNotFound, "this backend asks for no tokens"}
	case c.r.PostForm.Get("grant_type") != "client_credentials":
		return h.noGrant(c, http.StatusBadRequest, "unsupported_grant_type")
	case subtle.ConstantTimeCompare([]byte(secret), h.keys.secret) != 1, !isID && tenant != AllTenants:
		return h.noGrant(c, http.StatusUnauthorized, "invalid_client")
	}
	// Times in a JWT are whole seconds: rounded up, so that a token lasts as long as expires_in says.
	expires := time.Now().Add(h.tokenLife + time.Second - 1).Unix()
	claims := jwt.MapClaims{"iss": issuer, "sub": tenant, "tid": tenant, "exp": expires, "jti": rand.Text()}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(h.keys.secret)
	if err != nil {
		return err
	}
	b, err := json.Marshal(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(h.tokenLife.Seconds())})
	if err != nil {
		return err
	}
	return reply(c, "application/json", b)
}

// noGrant answers no as RFC 6749 section 5.2 wants it.
func (h *handler) noGrant(c *call, status int, code string) error {
	c.w.Header().Set("Content-Type", "application/json")
	if status == http.StatusUnauthorized {
		c.w.Header().Set("WWW-Authenticate", `Basic realm="drover"`)
	}
	c.w.WriteHeader(status)
	json.NewEncoder(c.w).Encode(map[string]string{"error": code})
	return nil
}
