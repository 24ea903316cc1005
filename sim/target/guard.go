package target

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
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

// dialer opens connections to one host, that of a target or of the proxy before it, and counts them. A host that is not
// allowed by name is dialled only at a loopback address.
type dialer struct {
	host    string
	allowed bool
	timeout time.Duration
	tls     *tls.Config
	conns   *conns
	stats   *stats

	sources  sources // addresses to dial from; none: the system's choice
	turn     atomic.Int64
	identity *Identity // of devices; nil: they show no certificate
	tickets  *tickets  // of devices; nil: no session is resumed
}

// aim makes d the dialer of u's host. far says that the host is reached through a proxy, which resolves its name. The error is a
// *ForbiddenHostError: of an address that is neither loopback nor allowed, or of such a name that is far. Another name is held to that
// at each connection.
func (d *dialer) aim(u *url.URL, allowHosts []string, far bool) error {
	d.host, d.allowed = u.Hostname(), allows(allowHosts, u)
	a, err := netip.ParseAddr(d.host)
	if d.allowed || err == nil && a.Unmap().IsLoopback() || err != nil && (!far || d.host == "localhost") {
		return nil
	}
	return &ForbiddenHostError{Host: d.host}
}

// Identity gives each device a certificate of its own, made anew for each handshake that asks for one.
type Identity struct {
	Authority *Authority
	Name      func(device int) string // the subject's common name; of Admin, the operator's. Safe for concurrent use
}

// anyDevice stands for a device where a connection is nobody's own.
const anyDevice = Admin

// conns knows the connections of a target.
type conns struct {
	open, opened atomic.Int64

	keep bool // take note of each
	mu   sync.Mutex
	all  map[*conn]struct{} // open ones
	end  bool               // no new one may stay open
}

// add counts a new connection; false when it comes too late.
func (cs *conns) add(c *conn) bool {
	cs.open.Add(1)
	cs.opened.Add(1)
	if !cs.keep {
		return true
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.all == nil {
		cs.all = make(map[*conn]struct{})
	}
	cs.all[c] = struct{}{}
	return !cs.end
}

func (cs *conns) remove(c *conn) {
	if cs.open.Add(-1); cs.keep {
		cs.mu.Lock()
		defer cs.mu.Unlock()
		delete(cs.all, c)
	}
}

// closeAll closes every connection that it took note of, now and later.
func (cs *conns) closeAll() {
	cs.mu.Lock()
	cs.end = true
	all := slices.Collect(maps.Keys(cs.all))
	cs.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
}

// connectError marks what went wrong before a connection was usable: the name, the dial or the TLS handshake.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// dial opens a plain connection for net/http.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.openFor(ctx, network, addr, false)
}

// dialTLS is dial and a handshake.
func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.openFor(ctx, network, addr, true)
}

// openFor opens a connection for net/http: of the device that the context names, if any.
func (d *dialer) openFor(ctx context.Context, network, addr string, secure bool) (net.Conn, error) {
	by, _ := ctx.Value(dialingKey{}).(*dialing)
	if by == nil {
		return d.open(ctx, network, addr, anyDevice, secure)
	}
	c, err := d.open(ctx, network, addr, by.device, secure)
	by.conn = c
	return c, err
}

// open opens a connection of a device, or of anyDevice.
func (d *dialer) open(ctx context.Context, network, addr string, device int, secure bool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	start := time.Now()
	nd := net.Dialer{Timeout: d.timeout}
	if !d.allowed {
		nd.ControlContext = d.loopbackOnly
	}
	if len(d.sources) > 0 {
		n := device
		if n == anyDevice {
			n = int(d.turn.Add(1) - 1)
		}
		nd.LocalAddr = tcpAddr(d.sources.of(n))
		nd.ControlContext = d.fromSource
	}
	c, err := nd.DialContext(ctx, network, addr)
	if err != nil {
		return nil, &connectError{err}
	}
	d.stats.connected(time.Since(start))
	own := newConn(c, d.conns)
	if !d.conns.add(own) {
		own.Close()
		return nil, &connectError{errClosed}
	}
	if !secure {
		return own, nil
	}
	return d.handshake(ctx, own, device)
}

// handshake is ours, and not net/http's, so that one that failed can be told from a connection that was lost later: both may
// be an EOF.
func (d *dialer) handshake(ctx context.Context, c net.Conn, device int) (net.Conn, error) {
	conf := d.tls
	if d.identity != nil || device != anyDevice && d.tickets != nil {
		conf = conf.Clone()
	}
	if device != anyDevice && d.tickets != nil {
		conf.ClientSessionCache = d.tickets.of(device)
	}
	if d.identity != nil { // made when the backend asks, which one that resumes a session does not
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := d.identity.Authority.Client(d.identity.Name(device))
			return &cert, err
		}
	}
	start := time.Now()
	t := tls.Client(c, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, &connectError{fmt.Errorf("TLS handshake: %w", err)}
	}
	state := t.ConnectionState()
	d.stats.shook(time.Since(start), state.DidResume)
	if slices.Contains(d.tls.NextProtos, "h2") && state.NegotiatedProtocol != "h2" {
		c.Close()
		return nil, &connectError{errors.New("TLS handshake: the backend does not speak HTTP/2")}
	}
	return t, nil
}

// fromSource is loopbackOnly for connections with a source of their own.
func (d *dialer) fromSource(ctx context.Context, network, address string, raw syscall.RawConn) error {
	if !d.allowed {
		if err := d.loopbackOnly(ctx, network, address, raw); err != nil {
			return err
		}
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = lateBind(fd) }); err != nil {
		return err
	}
	return failed
}

// loopbackOnly is called for each address after the name was resolved and before the first packet.
func (d *dialer) loopbackOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !ap.Addr().Unmap().IsLoopback() {
		return &ForbiddenHostError{Host: d.host, Address: address}
	}
	return nil
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
