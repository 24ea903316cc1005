package scenario

import (
	"strings"

	"drover/sim/target"
)

// readAuth builds the credential that a backend is read back by.
func (b *builder) readAuth(a *rawReadAuth) *target.Auth {
	const path = "target.readback.auth"
	auth := &target.Auth{Type: a.Type, User: a.User, Header: a.Header, Prefix: a.Prefix, TokenFrom: b.secret(a.TokenFrom, path+".tokenFrom"), SecretFrom: b.secret(a.PasswordFrom, path+".passwordFrom")}
	if !b.good(a, &a.Type) {
		return auth
	}
	for _, f := range []struct {
		ptr   any
		given bool
		name  string
		types string
	}{
		{&a.TokenFrom, a.TokenFrom != nil, "tokenFrom", "bearer header"}, {&a.User, a.User != "", "user", "basic"},
		{&a.PasswordFrom, a.PasswordFrom != nil, "passwordFrom", "basic"}, {&a.Header, a.Header != "", "header", "header"}, {&a.Prefix, a.Prefix != "", "prefix", "header"},
	} {
		if types := strings.Fields(f.types); f.given && !strings.Contains(" "+f.types+" ", " "+a.Type+" ") {
			b.errorf(b.key(f.ptr), "remove it, or use type: "+list(types), "%s: type %s has no use for %s", path, a.Type, f.name)
		}
	}
	switch {
	case a.Type == "basic" && (a.PasswordFrom == nil || a.User == "" || strings.Contains(a.User, ":")):
		b.errorf(b.at(a), "add user: NAME, without a colon, and passwordFrom: {env: NAME} or {file: PATH}", "%s: basic needs a user and a password", path)
	case a.Type == "bearer" && a.TokenFrom == nil:
		b.errorf(b.at(a), "add tokenFrom: {env: NAME} or {file: PATH}", "%s: the token is not named", path)
	case a.Type == "header" && (a.TokenFrom == nil || !target.IsHeaderName(a.Header)):
		b.errorf(b.at(a), "add header: X-Api-Key, and tokenFrom: {env: NAME} or {file: PATH}", "%s: header needs the name of a header and a token", path)
	}
	if strings.ContainsFunc(a.Prefix, func(r rune) bool { return r < ' ' || r > '~' }) {
		b.errorf(b.at(&a.Prefix), "want visible ASCII", "%s.prefix cannot be in a header", path)
	}
	return auth
}
