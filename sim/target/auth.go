package target

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

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
func (s SecretRef) Read() (string, error) { return s.read("secret", maxSecret) }

// read returns what is there, at most max bytes of it, and calls it by what.
func (s SecretRef) read(what string, max int) (string, error) {
	switch {
	case s.Env != "" && s.File != "":
		return "", fmt.Errorf("a %s is in the environment variable %s or in the file %s, not in both", what, s.Env, s.File)
	case s.Env != "":
		if v := os.Getenv(s.Env); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("%s is empty; set it to the %s", s, what)
	case s.File == "":
		return "", fmt.Errorf("no %s is named; want an environment variable or a file", what)
	}
	f, err := os.Open(s.File)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(max)+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	v := strings.TrimRight(string(b), "\r\n")
	switch {
	case v == "":
		return "", fmt.Errorf("%s file %s is empty", what, s.File)
	case len(b) > max:
		return "", fmt.Errorf("%s file %s is larger than %d bytes", what, s.File, max)
	}
	return v, nil
}

// String names the place, e.g. "environment variable TOKEN".
func (s SecretRef) String() string {
	if s.Env != "" {
		return "environment variable " + s.Env
	}
	return "file " + s.File
}

// Auth says how uploads are authorised.
type Auth struct {
	Type string // "none" (or empty), "bearer", "oauth2", "basic", "header" or "token"
	// Per is empty when the token in TokenFrom serves all, and "tenant" when each tenant has a JWT of its own, signed
	// with the key in SecretFrom. Of oauth2 it is "all", "tenant" or "device"; of token it is "device".
	Per                   string
	TokenFrom, SecretFrom SecretRef

	User           string // of basic, whose password is in SecretFrom
	Header, Prefix string // of header, whose token is in TokenFrom, and of token: where it goes, and what stands before it

	// Of oauth2, whose secret is in SecretFrom, and of token, which may have one there.
	TokenURL string        // empty: the embedded backend's; of token it is what its path is below, and empty the target's
	ClientID string        // with {tenant} and {device} for their ids
	Scope    string        // space-separated
	Lifetime time.Duration // of the embedded backend's tokens; 0: its own choice
}

// Secret reads the one secret that a needs: the token or the signing key; "" for Type "none".
func (a Auth) Secret() (string, error) {
	switch {
	case a.none(), a.Type == "token" && a.SecretFrom == SecretRef{}:
		return "", nil
	case a.Per == "tenant" || a.Type == "oauth2" || a.Type == "basic" || a.Type == "token":
		return a.SecretFrom.Read()
	}
	return a.TokenFrom.Read()
}

// Credential is how its tokens go into a request.
func (a Auth) Credential() Credential {
	switch a.Type {
	case "basic":
		return Credential{Prefix: "Basic "}
	case "token":
		return Credential{Header: a.Header, Prefix: a.Prefix, Bare: a.Header != ""}
	case "header":
		return Credential{Header: a.Header, Prefix: a.Prefix, Bare: true}
	}
	return Credential{}
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
	if a.none() || a.Type == "oauth2" || a.Type == "token" { // whose tokens are fetched: see OAuth2
		return func(int) string { return "" }, nil
	}
	if a.Type != "bearer" && a.Type != "basic" && a.Type != "header" {
		return nil, fmt.Errorf("auth type %q is not known; want none, bearer, basic, header or oauth2", a.Type)
	}
	if secret == "" {
		return nil, fmt.Errorf("auth type %s needs a secret; it is empty", a.Type)
	}
	if a.Type == "basic" {
		token := Basic(a.User, secret)
		return func(int) string { return token }, nil
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
