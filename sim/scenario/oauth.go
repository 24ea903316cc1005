package scenario

import (
	"net/url"
	"strings"
	"time"

	"drover/sim/target"
)

// ofOtherTypes refuses what is for one type of auth alone, and not for that of a.
func (b *builder) ofOtherTypes(a *rawAuth) {
	for _, f := range []struct {
		ptr   any
		given bool
		name  string
		of    string
	}{
		{&a.TokenURL, a.TokenURL != "" && a.Type != "token", "tokenURL", "oauth2"}, {&a.ClientID, a.ClientID != "", "clientId", "oauth2"},
		{&a.ClientSecretFrom, a.ClientSecretFrom != nil, "clientSecretFrom", "oauth2"}, {&a.Scope, a.Scope != "", "scope", "oauth2"},
		{&a.Lifetime, a.Lifetime != nil, "lifetime", "oauth2"},
		{&a.User, a.User != "", "user", "basic"}, {&a.PasswordFrom, a.PasswordFrom != nil, "passwordFrom", "basic"},
		{&a.Header, a.Header != "" && a.Type != "token", "header", "header"}, {&a.Prefix, a.Prefix != "" && a.Type != "token", "prefix", "header"},
	} {
		if f.given && a.Type != f.of && b.good(&a.Type) {
			b.errorf(b.key(f.ptr), "remove it, or use type: "+f.of, "target.auth: type %s has no use for %s", a.Type, f.name)
		}
	}
}

// simple builds a user with a password, or a token in a header.
func (b *builder) simple(t *rawTarget) target.Auth {
	a := &t.Auth
	auth := target.Auth{Type: a.Type, User: a.User, Header: a.Header, Prefix: a.Prefix}
	for _, f := range []struct {
		ptr   any
		given bool
		name  string
	}{{&a.TokenPer, a.TokenPer != "", "tokenPer"}, {&a.SecretFrom, a.SecretFrom != nil, "secretFrom"}, {&a.TokenFrom, a.TokenFrom != nil && a.Type == "basic", "tokenFrom"}} {
		if f.given {
			b.errorf(b.key(f.ptr), "remove it", "target.auth: type %s has no use for %s", a.Type, f.name)
		}
	}
	if t.URL == embedded && b.good(&t.URL) {
		b.errorf(b.at(&a.Type), "use none, bearer or oauth2", "target.auth.type: the embedded backend does not know %s", a.Type)
	}
	if a.Type == "basic" {
		auth.SecretFrom = b.secret(a.PasswordFrom, "target.auth.passwordFrom")
		if a.PasswordFrom == nil || a.User == "" || strings.Contains(a.User, ":") {
			b.errorf(b.at(a), "add user: NAME, without a colon, and passwordFrom: {env: NAME} or {file: PATH}", "target.auth: basic needs a user and a password")
		}
		return auth
	}
	auth.TokenFrom = b.secret(a.TokenFrom, "target.auth.tokenFrom")
	if a.TokenFrom == nil || !target.IsHeaderName(a.Header) {
		b.errorf(b.at(a), "add header: X-Api-Key, and tokenFrom: {env: NAME} or {file: PATH}", "target.auth: header needs the name of a header and a token")
	}
	if strings.ContainsFunc(a.Prefix, func(r rune) bool { return r < ' ' || r > '~' }) {
		b.errorf(b.at(&a.Prefix), "want visible ASCII", "target.auth.prefix cannot be in a header")
	}
	return auth
}

// sign builds the signature of requests, whose key is read later.
func (b *builder) sign(s *rawSign) *Sign {
	if s == nil {
		return nil
	}
	for _, h := range []*string{&s.Header, &s.TimeHeader} {
		if *h != "" && !target.IsHeaderName(*h) {
			b.errorf(b.at(h), "want e.g. X-Signature", "target.auth.sign: %q is not the name of a header", clip(*h))
		}
	}
	return &Sign{KeyFrom: b.secret(s.KeyFrom, "target.auth.sign.keyFrom"), Signature: target.Signature{
		Hash: s.Hash, Header: s.Header, Prefix: s.Prefix, Base64: s.Encoding == "base64", TimeHeader: s.TimeHeader, Request: s.Request,
	}}
}

// oauth2 checks where tokens come from and who asks for them, and builds it.
func (b *builder) oauth2(t *rawTarget) target.Auth {
	a := &t.Auth
	auth := target.Auth{Type: a.Type, SecretFrom: b.secret(a.ClientSecretFrom, "target.auth.clientSecretFrom"), TokenURL: a.TokenURL, ClientID: a.ClientID, Scope: a.Scope}
	if !b.good(a) || !b.good(&t.URL) {
		return auth
	}
	if a.TokenPer == "" {
		a.TokenPer = "all"
	}
	auth.Per = a.TokenPer
	for _, f := range []struct {
		ptr  any
		ref  *rawSecret
		name string
	}{{&a.TokenFrom, a.TokenFrom, "tokenFrom"}, {&a.SecretFrom, a.SecretFrom, "secretFrom"}} {
		if f.ref != nil {
			b.errorf(b.key(f.ptr), "remove it; the secret of the clients is clientSecretFrom", "target.auth: type oauth2 has no use for %s", f.name)
		}
	}
	if a.ClientSecretFrom == nil {
		b.errorf(b.at(a), "add clientSecretFrom: {env: NAME} or {file: PATH}", "target.auth: the secret of the clients is not named")
	}
	if a.Lifetime != nil {
		auth.Lifetime = time.Duration(*a.Lifetime)
	}
	if t.URL == embedded {
		if a.TokenURL != "" || a.ClientID != "" || a.Scope != "" {
			b.errorf(b.at(a), "leave tokenURL, clientId and scope out", "target.auth: the embedded backend has a token endpoint of its own, and clients that it knows")
		}
		auth.ClientID = map[string]string{"all": "*", "tenant": "{tenant}", "device": "{tenant}/{device}"}[a.TokenPer]
		return auth
	}
	if a.Lifetime != nil {
		b.errorf(b.key(&a.Lifetime), "remove it, or use url: embedded", "target.auth.lifetime: only the embedded backend can be told")
	}
	b.client(a)
	if a.TokenURL == "" {
		b.errorf(b.at(a), "add it, e.g. tokenURL: http://127.0.0.1:8080/v1/token", "target.auth: there is no tokenURL")
		return auth
	}
	b.tokenURL(t)
	return auth
}

// tokenURL checks where tokens come from.
func (b *builder) tokenURL(t *rawTarget) {
	a := &t.Auth
	u, err := url.Parse(a.TokenURL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" || u.User != nil:
		b.errorf(b.at(&a.TokenURL), "want e.g. http://127.0.0.1:8080/v1/token", "target.auth.tokenURL: %q is not the address of a token endpoint", clip(a.TokenURL))
	default:
		b.allowed(b.at(&a.TokenURL), u.Hostname(), "target.auth.tokenURL", t.AllowHosts)
	}
}

// client checks that the id of a client tells those apart that have tokens of their own.
func (b *builder) client(a *rawAuth) {
	switch {
	case a.ClientID == "":
		b.errorf(b.at(a), "add it, e.g. clientId: drover", "target.auth: there is no clientId")
	case a.TokenPer == "tenant" && !strings.Contains(a.ClientID, "{tenant}"):
		b.errorf(b.at(&a.ClientID), "use {tenant} in it, or tokenPer: all", "target.auth.clientId: all tenants are the client %q", clip(a.ClientID))
	case a.TokenPer == "device" && !strings.Contains(a.ClientID, "{device}"):
		b.errorf(b.at(&a.ClientID), "use {device} in it, or tokenPer: tenant or all", "target.auth.clientId: all devices are the client %q", clip(a.ClientID))
	case a.TokenPer != "device" && strings.Contains(a.ClientID, "{device}"), a.TokenPer == "all" && strings.Contains(a.ClientID, "{tenant}"):
		b.errorf(b.at(&a.ClientID), "set tokenPer to device or tenant", "target.auth.clientId: with tokenPer: %s one client asks for all, but %q names more", a.TokenPer, clip(a.ClientID))
	}
}

// mappedToken builds that each device asks for its credential as the adapter says.
func (b *builder) mappedToken(t *rawTarget) target.Auth {
	a := &t.Auth
	auth := target.Auth{Type: a.Type, Per: "device", SecretFrom: b.secret(a.SecretFrom, "target.auth.secretFrom"), TokenURL: strings.TrimRight(a.TokenURL, "/"), Header: a.Header, Prefix: a.Prefix}
	if !b.good(a) || !b.good(&t.URL) {
		return auth
	}
	if a.TokenPer != "" && a.TokenPer != "device" {
		b.errorf(b.at(&a.TokenPer), "remove it, or use type: oauth2", "target.auth.tokenPer: with type token each device asks for its own")
	}
	a.TokenPer = "device"
	if a.TokenFrom != nil {
		b.errorf(b.key(&a.TokenFrom), "remove it; what devices ask by is secretFrom", "target.auth: type token has no use for tokenFrom")
	}
	if a.Header != "" && !target.IsHeaderName(a.Header) {
		b.errorf(b.at(&a.Header), "want e.g. X-Session", "target.auth.header: %q is not the name of a header", clip(a.Header))
	}
	if strings.ContainsFunc(a.Prefix, func(r rune) bool { return r < ' ' || r > '~' }) {
		b.errorf(b.at(&a.Prefix), "want visible ASCII", "target.auth.prefix cannot be in a header")
	}
	if t.URL == embedded {
		b.errorf(b.at(&a.Type), "use oauth2, or drover serve --secret-env and its url", "target.auth.type: the embedded backend does not know token")
	}
	if a.TokenURL != "" {
		b.tokenURL(t)
	}
	return auth
}
