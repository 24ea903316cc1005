package target

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// ForbiddenHostError says that a host is neither this machine nor named in AllowHosts. It was sent no packet.
type ForbiddenHostError struct {
	Host    string // as in the target's URL
	Address string // what the name resolved to; empty when Host is an address itself
}

// Error names the host and says how to allow it.
func (e *ForbiddenHostError) Error() string {
	if e.Address == "" {
		return fmt.Sprintf("host %s is not on this machine; name it in target.allowHosts if you may load it", e.Host)
	}
	return fmt.Sprintf("host %s is %s, not on this machine; name it in target.allowHosts if you may load it", e.Host, e.Address)
}

// dialer opens connections to the one host of a target and counts them. A host that is not allowed by name is dialled only
// at a loopback address.
type dialer struct {
	host    string
	allowed bool
	timeout time.Duration
	tls     *tls.Config

	open, opened atomic.Int64
}

// connectError marks what went wrong before a connection was usable: the name, the dial or the TLS handshake.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	nd := net.Dialer{Timeout: d.timeout}
	if !d.allowed {
		nd.ControlContext = d.loopbackOnly
	}
	c, err := nd.DialContext(ctx, network, addr)
	if err != nil {
		return nil, &connectError{err}
	}
	d.open.Add(1)
	d.opened.Add(1)
	return &conn{Conn: c, dialer: d}, nil
}

// dialTLS is dial and a handshake. It is ours, and not the transport's, so that a failed handshake can be told from a
// connection that was lost later: both may be an EOF.
func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	c, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	t := tls.Client(c, d.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, &connectError{fmt.Errorf("TLS handshake: %w", err)}
	}
	return t, nil
}

// loopbackOnly is called for each address after the name was resolved and before the first packet.
func (d *dialer) loopbackOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !ap.Addr().Unmap().IsLoopback() {
		return &ForbiddenHostError{Host: d.host, Address: address}
	}
	return nil
}

// conn counts itself as closed, once, and remembers whether the backend hung up.
type conn struct {
	net.Conn
	dialer *dialer
	closed atomic.Bool
	ended  atomic.Bool // Read reported the end of what the backend sends
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == io.EOF {
		c.ended.Store(true)
	}
	return n, err
}

// ended reports whether the backend had hung up on c, which may be the TLS on top of a conn.
func ended(c net.Conn) bool {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	own, ok := c.(*conn)
	return ok && own.ended.Load()
}

func (c *conn) Close() error {
	if !c.closed.Swap(true) {
		c.dialer.open.Add(-1)
	}
	return c.Conn.Close()
}

// allows reports whether an entry of allowHosts names u's host: a name or address, alone or with the port.
func allows(allowHosts []string, u *url.URL) bool {
	host, withPort := normalHost(u.Hostname()), normalHost(u.Host)
	for _, a := range allowHosts {
		if a = normalHost(a); a != "" && (a == host || a == withPort) {
			return true
		}
	}
	return false
}

// normalHost is lower case, without the brackets of a bare IPv6 address and without a root dot.
func normalHost(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	return strings.TrimSuffix(s, ".")
}
