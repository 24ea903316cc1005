package scenario

import (
	"net/netip"
	"time"

	"drover/sim/target"
)

// compression names how bodies are packed.
func (b *builder) compression(c *rawClient) string {
	if c.Compression == "none" {
		return ""
	}
	return c.Compression
}

// Defaults of connections that are a device's own. They are written into the resolved file.
const (
	defaultIdle   = duration(target.DefaultIdle)
	defaultResume = share(0.8)
)

// connections checks how devices hold their connections, and builds it.
func (b *builder) connections(t *rawTarget, into *Target) {
	c := &t.Client
	for i := range c.Sources {
		text := &c.Sources[i]
		p, err := netip.ParsePrefix(*text)
		if a, bad := netip.ParseAddr(*text); bad == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if (err != nil || p != p.Masked()) && b.good(text) {
			b.errorf(b.at(text), "want an address or a prefix of this machine, e.g. 127.0.0.0/8", "target.client.sourceAddresses: %q is neither", clip(*text))
			continue
		}
		into.Client.Sources = append(into.Client.Sources, p)
	}
	b.identities(t, into)
	const only = "remove it, or use connections: per-device"
	if c.Connections != "per-device" {
		if c.Idle != nil && b.good(&c.Connections) {
			b.errorf(b.key(&c.Idle), only, "target.client.idle: pooled connections stay open")
		}
		if c.Resume != nil && b.good(&c.Connections) {
			b.errorf(b.key(&c.Resume), only, "target.client.resume: pooled connections stay open, and handshake once")
		}
		return
	}
	into.Client.PerDevice = true
	if c.Proxy != "" {
		b.errorf(b.at(&c.Connections), "remove the proxy, or use connections: pooled", "target.client.connections: per-device through a proxy: not supported yet")
	}
	if c.Idle == nil {
		c.Idle = new(duration)
		*c.Idle = defaultIdle
	}
	into.Client.Idle = time.Duration(*c.Idle)
	switch {
	case !into.Secure && c.Resume != nil:
		b.errorf(b.key(&c.Resume), "remove it, or use an https url, or tls: {} with url: embedded", "target.client.resume: without TLS there is no session to resume")
	case into.Secure && c.Resume == nil:
		c.Resume = new(share)
		*c.Resume = defaultResume
	}
	if c.Resume != nil {
		into.Client.Resume = float64(*c.Resume)
	}
}

// certificate checks where the one certificate that drover shows is.
func (b *builder) certificate(t *rawTarget, into *target.TLS) {
	c := t.TLS.ClientCertificate
	if c == nil || !b.good(t.TLS) {
		return
	}
	const path = "target.tls.clientCertificate"
	into.CertFrom, into.KeyFrom = b.secret(c.CertFrom, path+".certFrom"), b.secret(c.KeyFrom, path+".keyFrom")
	at := b.key(&t.TLS.ClientCertificate)
	switch {
	case t.TLS.ClientCertificates != nil:
		b.errorf(at, "leave one of them out", "target.tls has both clientCertificate, which is one for all, and clientCertificates, which is one for each device")
	case t.URL == embedded && b.good(&t.URL):
		b.errorf(at, "write clientCertificates: {}", "%s: the embedded backend trusts an authority that is made for the run", path)
	case c.CertFrom == nil || c.KeyFrom == nil:
		b.errorf(at, "want e.g. certFrom: {file: client.pem}, keyFrom: {file: client-key.pem}", "%s: the certificate or its key is not named", path)
	}
}

// identities checks who issues the certificates of devices.
func (b *builder) identities(t *rawTarget, into *Target) {
	if t.TLS == nil || t.TLS.ClientCertificates == nil || !b.good(t.TLS) {
		return
	}
	c := t.TLS.ClientCertificates
	const path = "target.tls.clientCertificates"
	into.Identity = &Identity{b.secret(c.CAFrom, path+".caFrom"), b.secret(c.KeyFrom, path+".keyFrom")}
	at := b.key(&t.TLS.ClientCertificates)
	switch {
	case !b.good(&t.URL, &t.Client.Connections):
	case t.Client.Connections != "per-device":
		b.errorf(at, "use connections: per-device, or clientCertificate for one that all show", "%s: devices share pooled connections, and a connection has one certificate", path)
	case t.URL == embedded && (c.CAFrom != nil || c.KeyFrom != nil):
		b.errorf(at, "write clientCertificates: {}", "%s: the embedded backend trusts an authority that is made for the run", path)
	case t.URL != embedded && (c.CAFrom == nil || c.KeyFrom == nil):
		b.errorf(at, "add caFrom and keyFrom, e.g. caFrom: {file: ca.pem}, keyFrom: {file: ca-key.pem}", "%s: the authority that issues them is not named", path)
	}
}
