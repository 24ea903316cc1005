package backend

import (
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"drover/sim/fleet"
	"drover/sim/wire"
)

const issuer = "drover"

// AllTenants is the tenant of the admin's token.
const AllTenants = "*"

// TenantToken makes the bearer token of a tenant, or of AllTenants: a JWT (RFC 7519), signed with HS256, with the claims
// iss "drover" and sub and tid, the tenant's id. It holds no time, so that the same secret and tenant give the same token
// in every process. The secret must not be empty.
func TenantToken(secret []byte, tenantID string) (string, error) {
	if len(secret) == 0 {
		return "", errors.New("sign a tenant token: the secret is empty")
	}
	claims := jwt.MapClaims{"iss": issuer, "sub": tenantID, "tid": tenantID}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
}

// principal is who asks.
type principal struct {
	all    bool // the admin, or anybody where tokens are not required
	tenant fleet.GUID
}

func (p principal) may(tenant fleet.GUID) bool { return p.all || p.tenant == tenant }

// keyring checks tokens. It is safe for concurrent use.
type keyring struct {
	secret []byte
	parser *jwt.Parser
}

func newKeyring(secret []byte) *keyring {
	return &keyring{
		secret: append([]byte(nil), secret...),
		// One method: a token must not choose how it is checked. Expiry, where a token has one, is honoured.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer)),
	}
}

var (
	errNoToken  = errors.New("want Authorization: Bearer and a token")
	errBadToken = errors.New("the token is not valid for this backend")
)

type tokenClaims struct {
	Tenant string `json:"tid"`
	jwt.RegisteredClaims
}

// identify reads an Authorization header. A nil keyring lets everybody in. The error does not say what is wrong with a
// token: that would help only those who make them up.
func (k *keyring) identify(header string) (principal, error) {
	if k == nil {
		return principal{all: true}, nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return principal{}, errNoToken
	}
	var claims tokenClaims
	_, err := k.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return k.secret, nil })
	if err != nil || claims.Subject != claims.Tenant {
		return principal{}, errBadToken
	}
	if claims.Tenant == AllTenants {
		return principal{all: true}, nil
	}
	tenant, ok := wire.ParseGUID(claims.Tenant)
	if !ok {
		return principal{}, errBadToken
	}
	return principal{tenant: tenant}, nil
}
