package scenario

import (
	"crypto/tls"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

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
	p := b.protocol(t)
	sc.Target = Target{URL: t.URL, Protocol: p, AllowHosts: t.AllowHosts, Auth: b.auth(t), Defects: b.defects(t, sc.Seeds.Faults)}
	b.ofProtocol(t, &sc.Target)
	sc.Target.Sign = b.sign(t.Auth.Sign)
	b.tls(t, &sc.Target)
	sc.Target.Readback = b.readback(t, sc.Target.Auth, p)

	c := &t.Client
	if c.Retry.Cap < c.Retry.Base && b.good(&c.Retry.Cap, &c.Retry.Base) {
		b.errorf(b.at(&c.Retry.Cap, &c.Retry.Base), "", "target.client.retry: cap %s is below base %s", c.Retry.Cap, c.Retry.Base)
	}
	sc.Target.Client = target.Client{
		MaxOpen: c.MaxOpen, Queue: c.Queue, Timeout: time.Duration(c.Timeout), Compression: b.compression(c),
		HTTP2: c.HTTP == "2", Proxy: b.proxy(c, t),
		Retry: target.Retry{
			MaxAttempts: c.Retry.MaxAttempts, Base: time.Duration(c.Retry.Base), Cap: time.Duration(c.Retry.Cap),
			HonorRetryAfter: c.Retry.HonorRetryAfter,
		},
	}
	b.connections(t, &sc.Target)
	sc.Target.Faults = b.faults(c.Faults, sc.Seeds.Faults, "target.client.faults")
	sc.Skew = skewOf(c.Faults, sc.Seeds.Faults)
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
	p, known := target.ProtocolOf(t.URL)
	if known && !p.Host {
		b.place(n, t, p)
		return
	}
	u, err := url.Parse(t.URL)
	switch {
	case err != nil || u.Scheme == "" || u.Opaque != "" || u.Hostname() == "":
		b.errorf(n, mend, "target.url: %q is not a URL", clip(t.URL))
		return
	case !known:
		b.errorf(n, mend+"; drover help protocols lists the others", "target.url: %s is not spoken", clip(u.Scheme))
		return
	case u.User != nil:
		b.errorf(n, "a secret is never written into a scenario: use auth.tokenFrom", "target.url holds a user name or password")
		return
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		b.errorf(n, "end it with the path", "target.url: %q has a query or fragment", clip(t.URL))
		return
	}
	if !p.HTTP && u.Path != "" && u.Path != "/" {
		b.errorf(n, "want e.g. "+p.Schemes[0]+"://127.0.0.1:4242", "target.url: %q has a path, which %s has no use for", clip(t.URL), p.Name)
		return
	}
	b.allowed(n, u.Hostname(), "target.url", t.AllowHosts)
	t.URL = strings.TrimRight(t.URL, "/")
}

// allowed checks that a host is this machine, or named by the file itself.
func (b *builder) allowed(n *yaml.Node, host, path string, allowHosts []string) {
	host = strings.ToLower(host)
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() || slices.Contains(allowHosts, host) {
		return
	}
	b.errorf(n, "if you may send load there, name it: allowHosts: ["+host+"]", "%s: host %q is not on this machine", path, clip(host))
}

// proxy checks the address of a proxy. One that is far from here must be allowed, too.
func (b *builder) proxy(c *rawClient, t *rawTarget) *url.URL {
	if c.Proxy == "" || !b.good(&c.Proxy) {
		return nil
	}
	const mend = "want http://host:port, e.g. http://127.0.0.1:3128"
	u, err := url.Parse(c.Proxy)
	switch {
	case err != nil || u.Scheme != "http" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		b.errorf(b.at(&c.Proxy), mend, "target.client.proxy: %q is not the address of a proxy", clip(c.Proxy))
		return nil
	case u.User != nil:
		b.errorf(b.at(&c.Proxy), mend, "target.client.proxy holds a user name or password, which a proxy is not given")
		return nil
	}
	b.allowed(b.at(&c.Proxy), u.Hostname(), "target.client.proxy", t.AllowHosts)
	return u
}

// tls checks whom to trust and which versions to speak, and that it comes to that.
func (b *builder) tls(t *rawTarget, into *Target) {
	scheme, _, _ := strings.Cut(t.URL, ":")
	into.Secure = slices.Contains(into.Protocol.Secure, strings.ToLower(scheme)) || t.URL == embedded && t.TLS != nil
	if t.TLS == nil {
		return
	}
	c, named := t.TLS, t.TLS.CAFrom != nil || t.TLS.ServerName != ""
	into.TLS = target.TLS{CAFrom: b.secret(c.CAFrom, "target.tls.caFrom"), ServerName: c.ServerName, MinVersion: tlsVersions[c.MinVersion], MaxVersion: tlsVersions[c.MaxVersion]}
	switch {
	case !b.good(&t.URL):
	case !into.Secure:
		mend := "remove it"
		if s := into.Protocol.Secure; len(s) > 0 {
			mend += ", or use a url of " + list(s)
		}
		b.errorf(b.key(&t.TLS), mend, "target.tls: %s is not over TLS", clip(t.URL))
	case named && t.URL == embedded:
		b.errorf(b.key(&t.TLS), "leave caFrom and serverName out", "target.tls: the embedded backend has a certificate of its own, which is trusted")
	}
	b.certificate(t, &into.TLS)
	if c.ServerName != "" && b.good(&c.ServerName) && (!hostName.MatchString(strings.ToLower(c.ServerName)) || net.ParseIP(c.ServerName) != nil) {
		b.errorf(b.at(&c.ServerName), "want a host name, e.g. api.example.com", "target.tls.serverName: %q is not one", clip(c.ServerName))
	}
	if c.MinVersion > c.MaxVersion && b.good(&c.MinVersion, &c.MaxVersion) {
		b.errorf(b.at(&c.MaxVersion, &c.MinVersion), "", "target.tls: maxVersion %s is below minVersion %s", c.MaxVersion, c.MinVersion)
	}
}

var tlsVersions = map[version]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// auth checks that the one secret that is needed is named, and no other.
func (b *builder) auth(t *rawTarget) target.Auth {
	a := &t.Auth
	b.ofOtherTypes(a)
	if a.Type == "oauth2" {
		return b.oauth2(t)
	}
	if a.Type == "token" {
		return b.mappedToken(t)
	}
	if a.Type == "basic" || a.Type == "header" {
		return b.simple(t)
	}
	auth := target.Auth{Type: a.Type, TokenFrom: b.secret(a.TokenFrom, "target.auth.tokenFrom"), SecretFrom: b.secret(a.SecretFrom, "target.auth.secretFrom")}
	if !b.good(&a.Type, &a.TokenPer) {
		return auth
	}
	if a.Type == "bearer" && a.TokenPer == "device" {
		b.errorf(b.at(&a.TokenPer), "use tenant or all, or type: oauth2", "target.auth.tokenPer: a bearer token per device: not supported yet")
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

// secret checks that a reference names one place. path is the field's.
func (b *builder) secret(s *rawSecret, path string) target.SecretRef {
	if s == nil {
		return target.SecretRef{}
	}
	if (s.Env == "") == (s.File == "") && b.good(s, &s.Env, &s.File) {
		b.errorf(b.at(s), "want {env: NAME} or {file: PATH}", "%s names not exactly one place", path)
	}
	if s.Env != "" && !envName.MatchString(s.Env) {
		b.errorf(b.at(&s.Env, s), "want its name alone, e.g. DROVER_TOKEN", "%s.env: this is not the name of an environment variable", path)
	}
	return target.SecretRef{Env: s.Env, File: s.File}
}
