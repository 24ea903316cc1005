package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestSecretRef(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("DROVER_TEST_TOKEN", "from-env")
	t.Setenv("DROVER_TEST_EMPTY", "")
	missing := filepath.Join(dir, "missing")
	for _, tt := range []struct {
		ref       SecretRef
		want, err string // err: what the message must contain
	}{
		{SecretRef{Env: "DROVER_TEST_TOKEN"}, "from-env", ""},
		{SecretRef{File: file("plain", "from-file")}, "from-file", ""},
		{SecretRef{File: file("newline", " from file\r\n")}, " from file", ""},
		{SecretRef{}, "", "no secret is named"},
		{SecretRef{Env: "DROVER_TEST_TOKEN", File: "x"}, "", "not in both"},
		{SecretRef{Env: "DROVER_TEST_EMPTY"}, "", "environment variable DROVER_TEST_EMPTY is empty"},
		{SecretRef{Env: "DROVER_TEST_UNSET"}, "", "environment variable DROVER_TEST_UNSET is empty"},
		{SecretRef{File: missing}, "", missing},
		{SecretRef{File: file("empty", "\n")}, "", "is empty"},
		{SecretRef{File: file("huge", strings.Repeat("hush", 1<<15))}, "", "is larger than 65536 bytes"},
	} {
		got, err := tt.ref.Read()
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && (!strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%+v.Read() = %q, %v, want %q, error with %q", tt.ref, got, err, tt.want, tt.err)
		}
	}
	a := Auth{Type: "bearer", TokenFrom: SecretRef{Env: "DROVER_TEST_TOKEN"}, SecretFrom: SecretRef{File: file("key", "k")}}
	for per, want := range map[string]string{"": "from-env", "tenant": "k"} {
		if a.Per = per; true {
			if got, err := a.Secret(); got != want || err != nil {
				t.Errorf("Secret() per %q = %q, %v, want %q", per, got, err, want)
			}
		}
	}
	if got, err := (Auth{Type: "none"}).Secret(); got != "" || err != nil {
		t.Errorf("Secret() of none = %q, %v", got, err)
	}
}

func TestTokens(t *testing.T) {
	ids := []string{"6f1e", "77aa"}
	for _, tt := range []struct {
		a      Auth
		secret string
		want   [3]string // Admin, 0, 1
	}{
		{Auth{}, "", [3]string{}},
		{Auth{Type: "none"}, "ignored", [3]string{}},
		{Auth{Type: "bearer"}, "one-for-all", [3]string{"one-for-all", "one-for-all", "one-for-all"}},
		// Made with another implementation: base64url of header and claims, and openssl dgst -sha256 -hmac.
		{Auth{Type: "bearer", Per: "tenant"}, "s3cret", [3]string{adminToken, tenantToken0, tenantToken1}},
	} {
		tokens, err := Tokens(tt.a, tt.secret, ids)
		if err != nil {
			t.Errorf("Tokens(%+v) = %v", tt.a, err)
			continue
		}
		for i, want := range tt.want {
			if got := tokens(i + Admin); got != want {
				t.Errorf("Tokens(%+v)(%d) = %q, want %q", tt.a, i+Admin, got, want)
			}
		}
	}
	for _, tt := range []struct {
		a      Auth
		secret string
		want   string
	}{
		{Auth{Type: "oauth1"}, "s", "not known"},
		{Auth{Type: "bearer", Per: "device"}, "s", "not supported yet"},
		{Auth{Type: "bearer"}, "", "it is empty"},
		{Auth{Type: "bearer"}, "two words", "cannot be in a header"},
		{Auth{Type: "bearer"}, "li\nne", "cannot be in a header"},
	} {
		if _, err := Tokens(tt.a, tt.secret, ids); err == nil || !strings.Contains(err.Error(), tt.want) || tt.secret != "s" && tt.secret != "" && strings.Contains(err.Error(), tt.secret) {
			t.Errorf("Tokens(%+v, %q) = %v, want %q and no secret", tt.a, tt.secret, err, tt.want)
		}
	}
}

// The backend must be able to read what we sign: with the key and no other.
func TestTenantTokenVerifies(t *testing.T) {
	tokens, err := Tokens(Auth{Type: "bearer", Per: "tenant"}, "s3cret", []string{"6f1e"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"s3cret": true, "other": false} {
		var c jwt.MapClaims
		_, err := jwt.ParseWithClaims(tokens(0), &c, func(*jwt.Token) (any, error) { return []byte(key), nil }, jwt.WithValidMethods([]string{"HS256"}))
		if (err == nil) != want || want && (c["tid"] != "6f1e" || c["sub"] != "6f1e" || c["iss"] != "drover" || len(c) != 3) {
			t.Errorf("with key %q: %v, claims %v, want valid %t", key, err, c, want)
		}
	}
}

const (
	adminToken   = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJkcm92ZXIiLCJzdWIiOiIqIiwidGlkIjoiKiJ9.l1jThpoGZ2LuNUe_jwZVz-USLJzm54QUvrW3hYL6A38"
	tenantToken0 = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJkcm92ZXIiLCJzdWIiOiI2ZjFlIiwidGlkIjoiNmYxZSJ9.uPscpYV-8mWP1_UzEONsqQJrZLqQRXPItzV2Vg6tqhU"
	tenantToken1 = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJkcm92ZXIiLCJzdWIiOiI3N2FhIiwidGlkIjoiNzdhYSJ9.IoP0jpk9FB9SOfkH6_z8wiLlKbzc01KbAhijRDGw248"
)
