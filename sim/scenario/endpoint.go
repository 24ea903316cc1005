package scenario

import (
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/target"
)

var (
	hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9_])?)*\.?$`)
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// target checks where uploads go and how, and builds it.
func (b *builder) target(sc *Scenario) {
	t := &b.spec.Target
	for i := range t.AllowHosts {
		host := strings.ToLower(t.AllowHosts[i])
		if b.good(&t.AllowHosts[i]) && !hostName.MatchString(host) && net.ParseIP(host) == nil {
			b.errorf(b.at(&t.AllowHosts[i]), "want a host name or an address alone, e.g. staging.example.com", "target.allowHosts: %q is not a host", clip(host))
		}
		t.AllowHosts[i] = host
	}
	b.url(t)
	sc.Target = Target{URL: t.URL, Adapter: t.Adapter, AllowHosts: t.AllowHosts, Auth: b.auth(&t.Auth)}

	c := &t.Client
	if c.Retry.Cap < c.Retry.Base && b.good(&c.Retry.Cap, &c.Retry.Base) {
		b.errorf(b.at(&c.Retry.Cap, &c.Retry.Base), "", "target.client.retry: cap %s is below base %s", c.Retry.Cap, c.Retry.Base)
	}
	sc.Target.Client = target.Client{
		MaxOpen: c.MaxOpen, Queue: c.Queue, Timeout: time.Duration(c.Timeout), Gzip: c.Compression == "gzip",
		Retry: target.Retry{
			MaxAttempts: c.Retry.MaxAttempts, Base: time.Duration(c.Retry.Base), Cap: time.Duration(c.Retry.Cap),
			HonorRetryAfter: c.Retry.HonorRetryAfter,
		},
	}
	sc.Batch = behavior.Batch{MaxEvents: c.Batch.MaxEvents, MaxAge: time.Duration(c.Batch.MaxAge)}
	for i := range c.Batch.Urgent {
		name := &c.Batch.Urgent[i]
		if k, ok := event.ParseKind(*name); ok {
			sc.Batch.Urgent[k] = true
		} else if b.good(name) {
			var kinds []string
			for _, k := range event.Kinds() {
				kinds = append(kinds, k.String())
			}
			b.errorf(b.at(name), didYouMean(*name, kinds, "want "+list(kinds)), "target.client.batch.urgent: %q is not a kind of event", clip(*name))
		}
	}
	sc.Spool = behavior.Spool{MaxEvents: c.Spool.MaxEvents, DropOldest: c.Spool.WhenFull == "drop-oldest"}
}

// url checks the address, and that it is a loopback one or allowed by the file itself.
func (b *builder) url(t *rawTarget) {
	n := b.at(&t.URL)
	if n == nil || !b.good(&t.URL) || t.URL == embedded {
		return
	}
	const mend = `want "embedded" or e.g. http://127.0.0.1:8080`
	u, err := url.Parse(t.URL)
	switch {
	case err != nil || u.Scheme == "" || u.Opaque != "" || u.Hostname() == "":
		b.errorf(n, mend, "target.url: %q is not a URL", clip(t.URL))
		return
	case u.Scheme != "http" && u.Scheme != "https":
		b.errorf(n, mend, "target.url: %s is not spoken", clip(u.Scheme))
		return
	case u.User != nil:
		b.errorf(n, "a secret is never written into a scenario: use auth.tokenFrom", "target.url holds a user name or password")
		return
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		b.errorf(n, "end it with the path", "target.url: %q has a query or fragment", clip(t.URL))
		return
	}
	host := strings.ToLower(u.Hostname())
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		allowed := false
		for _, h := range t.AllowHosts {
			allowed = allowed || h == host
		}
		if !allowed {
			b.errorf(n, "if you may send load there, name it: allowHosts: ["+host+"]", "target.url: host %q is not on this machine", clip(host))
		}
	}
	t.URL = strings.TrimRight(t.URL, "/")
}

// auth checks that the one secret that is needed is named, and no other.
func (b *builder) auth(a *rawAuth) target.Auth {
	auth := target.Auth{Type: a.Type, TokenFrom: b.secret(a.TokenFrom, "tokenFrom"), SecretFrom: b.secret(a.SecretFrom, "secretFrom")}
	if !b.good(&a.Type, &a.TokenPer) {
		return auth
	}
	if a.Type == "bearer" && a.TokenPer == "" {
		a.TokenPer = "all"
	}
	needToken, needSecret := a.Type == "bearer" && a.TokenPer == "all", a.Type == "bearer" && a.TokenPer == "tenant"
	if needSecret {
		auth.Per = "tenant"
	}
	const with = "target.auth: %s has no use for %s"
	mode := "type " + a.Type
	if a.Type == "bearer" {
		mode = "tokenPer: " + a.TokenPer
	}
	if a.TokenFrom != nil && !needToken {
		b.errorf(b.key(&a.TokenFrom), "remove it, or use type: bearer with tokenPer: all", with, mode, "tokenFrom")
	}
	if a.SecretFrom != nil && !needSecret {
		b.errorf(b.key(&a.SecretFrom), "remove it, or use type: bearer with tokenPer: tenant", with, mode, "secretFrom")
	}
	if a.Type == "none" && a.TokenPer != "" {
		b.errorf(b.key(&a.TokenPer), "remove it, or use type: bearer", with, mode, "tokenPer")
	}
	if !b.good(a) {
		return auth
	}
	if needToken && a.TokenFrom == nil {
		b.errorf(b.at(a), "add tokenFrom: {env: NAME} or {file: PATH}", "target.auth: the token is not named")
	}
	if needSecret && a.SecretFrom == nil {
		b.errorf(b.at(a), "add secretFrom: {env: NAME} or {file: PATH}", "target.auth: the signing key of the tenants' tokens is not named")
	}
	return auth
}

func (b *builder) secret(s *rawSecret, name string) target.SecretRef {
	if s == nil {
		return target.SecretRef{}
	}
	if (s.Env == "") == (s.File == "") && b.good(s, &s.Env, &s.File) {
		b.errorf(b.at(s), "want {env: NAME} or {file: PATH}", "target.auth.%s names not exactly one place", name)
	}
	if s.Env != "" && !envName.MatchString(s.Env) {
		b.errorf(b.at(&s.Env, s), "want its name alone, e.g. DROVER_TOKEN", "target.auth.%s.env: this is not the name of an environment variable", name)
	}
	return target.SecretRef{Env: s.Env, File: s.File}
}
