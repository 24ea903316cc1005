package target

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// SecretRef says where a secret is: scenarios hold no secrets, only references. Exactly one of the two is set.
type SecretRef struct {
	Env  string // name of an environment variable
	File string // path of a file; line ends after the secret are cut off
}

// maxSecret is far more than any token or key needs; a larger file is a wrong file.
const maxSecret = 64 << 10

// Read returns the secret. An error names the variable or the file, never what it holds.
func (s SecretRef) Read() (string, error) {
	switch {
	case s.Env != "" && s.File != "":
		return "", fmt.Errorf("a secret is in the environment variable %s or in the file %s, not in both", s.Env, s.File)
	case s.Env != "":
		if v := os.Getenv(s.Env); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("environment variable %s is empty; set it to the secret", s.Env)
	case s.File == "":
		return "", errors.New("no secret is named; want an environment variable or a file")
	}
	f, err := os.Open(s.File)
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	v := strings.TrimRight(string(b), "\r\n")
	switch {
	case v == "":
		return "", fmt.Errorf("secret file %s is empty", s.File)
	case len(b) > maxSecret:
		return "", fmt.Errorf("secret file %s is larger than %d bytes", s.File, maxSecret)
	}
	return v, nil
}

// Auth says how uploads are authorised.
type Auth struct {
	Type string // "none" (or empty) or "bearer"
	// Per is empty when the token in TokenFrom serves all, and "tenant" when each tenant has a JWT of its own, signed
	// with the key in SecretFrom.
	Per                   string
	TokenFrom, SecretFrom SecretRef
}

// Secret reads the one secret that a needs: the token or the signing key; "" for Type "none".
func (a Auth) Secret() (string, error) {
	switch {
	case a.none():
		return "", nil
	case a.Per == "tenant":
		return a.SecretFrom.Read()
	}
	return a.TokenFrom.Read()
}

func (a Auth) none() bool { return a.Type == "" || a.Type == "none" }

// Admin stands for a tenant's index where the credential of the operator is meant, who sees all tenants.
const Admin = -1

// Tokens returns the bearer token by index into tenantIDs, or for Admin; "" means that no credential is sent. secret is
// what Auth.Secret read.
//
// With Per "tenant" a token is a JWT (RFC 7519) with the header {"alg":"HS256","typ":"JWT"} and the claims
// {"iss":"drover","sub":id,"tid":id}, where Admin's id is "*"; there is no time in it, so that it is the same in every
// run. The tokens are made once; the function is safe for concurrent use and panics for an index outside tenantIDs.
func Tokens(a Auth, secret string, tenantIDs []string) (func(tenant int) string, error) {
	if a.none() {
		return func(int) string { return "" }, nil
	}
	if a.Type != "bearer" {
		return nil, fmt.Errorf("auth type %q is not supported yet; want none or bearer", a.Type)
	}
	if secret == "" {
		return nil, errors.New("auth type bearer needs a secret; it is empty")
	}
	switch a.Per {
	case "":
		if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, errors.New("the bearer token has a character that cannot be in a header: want visible ASCII without spaces")
		}
		return func(int) string { return secret }, nil
	case "tenant":
	default:
		return nil, fmt.Errorf("a token per %q is not supported yet; want one for all, or one per tenant", a.Per)
	}
	tokens := make([]string, 1+len(tenantIDs)) // Admin's first
	for i := range tokens {
		id := "*"
		if i > 0 {
			id = tenantIDs[i-1]
		}
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "drover", "sub": id, "tid": id}).SignedString([]byte(secret))
		if err != nil {
			return nil, fmt.Errorf("sign the token of tenant %s: %w", id, err)
		}
		tokens[i] = token
	}
	return func(tenant int) string { return tokens[tenant-Admin] }, nil
}
