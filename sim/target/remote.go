package target

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"
)

// Remote describes a target of messages at a host.
type Remote struct {
	URL            string   // scheme://host[:port]
	AllowHosts     []string // hosts that may be reached although they are not this machine
	Client         Client
	TLS            TLS       // over TLS
	Identity       *Identity // over TLS: certificates of devices; nil: they show none
	Faults         *Faults   // of the network before the backend; nil: none
	User, Password string    // of auth type basic
	Token          string    // of auth type bearer
	Run            string    // the run's id, where messages have a place for it beside their body
}

// remote opens connections for a carrier, to the target's host and to no other that is not allowed.
type remote struct {
	dialer dialer
	opt    *Remote
	addr   string // host:port
	secure bool
}

// newRemote makes what carriers of a protocol at a host share. plain is the usual port, and secure that over TLS.
func newRemote(opt *Remote, protocol, plain, secure string) (*Messages, *remote, error) {
	u, err := url.Parse(opt.URL)
	if err != nil {
		return nil, nil, fmt.Errorf("target url: %w", err)
	}
	p, ok := ProtocolOf(opt.URL)
	if !ok || p.Name != protocol || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, nil, fmt.Errorf("target url %q: want %s://host:port", u.Redacted(), protocol)
	}
	m, err := newMessages(opt.URL, opt.Client, opt.Faults)
	if err != nil {
		return nil, nil, err
	}
	r := &remote{opt: opt, secure: slices.Contains(p.Secure, u.Scheme)}
	port := plain
	if r.secure {
		port = secure
	}
	r.addr = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
	d := &r.dialer
	d.timeout, d.conns, d.stats, d.sources, d.identity = m.timeout, &m.conns, &m.stats, opt.Client.Sources, opt.Identity
	if err := d.aim(u, opt.AllowHosts, false); err != nil {
		return nil, nil, fmt.Errorf("target url %s: %w", opt.URL, err)
	}
	if d.tls, err = opt.TLS.config(d.host, false); err != nil {
		return nil, nil, err
	}
	d.tls.NextProtos = nil
	m.bare = r.secure && opt.Identity == nil && opt.TLS.CertFrom == SecretRef{}
	return m, r, d.sources.check()
}

// dial opens a connection of a device, or of anyDevice. Over TLS it shakes hands, unless bare.
func (r *remote) dial(ctx context.Context, device int, bare bool) (net.Conn, error) {
	return r.dialer.open(ctx, "tcp", r.addr, device, r.secure && !bare)
}

// bound makes reads and writes of c end with ctx. The caller calls free when it is done with c for now; then c waits for ever again.
func bound(ctx context.Context, c net.Conn) (free func()) {
	if deadline, ok := ctx.Deadline(); ok {
		c.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(past) })
	return func() {
		if stop() {
			c.SetDeadline(time.Time{})
		}
	}
}

// quiet reports whether the other side has neither closed c nor said anything unasked.
func quiet(c net.Conn) bool {
	own := ownConn(c)
	if own == nil {
		return true
	}
	var b [1]byte
	own.peeking = true
	n, err := c.Read(b[:])
	own.peeking = false
	return n == 0 && err == errQuiet
}

// lost is a connection that broke.
func lost(err error) error { return fmt.Errorf("%w: %v", net.ErrClosed, err) }

// abort ends c at once: a farewell over TLS could wait for who does not read.
func abort(c net.Conn) {
	if own := ownConn(c); own != nil {
		own.Close()
	}
	c.Close()
}
