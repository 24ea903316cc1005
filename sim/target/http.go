package target

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"drover/sim/measure"
)

// HTTPOptions describes a target over HTTP.
type HTTPOptions struct {
	URL         string   // http, https, grpc or grpcs, with host, optionally with port and, but for gRPC, path; no user, query or fragment
	AllowHosts  []string // hosts that may be reached although they are not this machine: a name or address, or host:port
	Client      Client
	Tokens      func(tenant int) string // bearer token by tenant and for Admin, see Tokens; nil or "" sends none
	OAuth2      *OAuth2                 // instead of Tokens: where tokens are fetched; nil: they are not
	Run         string                  // sent as X-Drover-Run; empty sends none
	ContentType string                  // of bodies, e.g. "application/json", where ContentTypes has none
	Paths       [measure.NumOps]string  // by operation, after URL's own path; Request.Place goes before

	Methods      [measure.NumOps]string // by operation; "" is POST
	ContentTypes [measure.NumOps]string // by operation
	KeyHeader    string                 // that Request.Key goes in; "" is Idempotency-Key, NoHeader is none
	Credential   Credential             // how Tokens and OAuth2's go into a header
	Sign         *Signature             // of each request; nil: none
	TLS          TLS                    // over https
	Identity     *Identity              // over https: certificates of devices; nil: they show none. Only with Client.PerDevice
	Faults       *Faults                // of the network before the backend; nil: none
	Mapped       bool                   // requests are not those of drover's own API, so that no backend of drover's can stand in
	Library      bool                   // send with net/http also where drover's own client would do: HTTP/1.1 without a proxy
}

// HTTP is a Target over HTTP/1.1 with keep-alive, over HTTP/2, or of gRPC over that: one pool of connections for all devices. One Send is one
// request, however it ends: redirects are not followed and nothing is sent twice, except that a request of which not one
// byte could be written, because the backend had closed an idle connection, goes over a new one. Proxy settings of the
// environment are ignored.
type HTTP struct {
	opt       HTTPOptions
	base      *url.URL
	urls      [measure.NumOps]*url.URL
	methods   [measure.NumOps]string
	conns     conns
	stats     stats
	dialer    dialer
	transport *http.Transport
	squeezers squeezers
	fast      *h1     // sends uploads over HTTP/1.1 without a proxy; nil: the transport does
	own2      *h2     // sends uploads over HTTP/2 where each device has a connection of its own
	grants    *grants // nil: no token is fetched
	calls     *calls  // of gRPC; nil: uploads are requests as they stand
	rig       rig
	closed    atomic.Bool
	busy      atomic.Int64 // exchanges under way

	// Header values that every request shares; net/http only reads them.
	contentTypes [measure.NumOps][]string
	run          []string
}

var _ Target = (*HTTP)(nil)

// maxAnswer is the most of an answer's body that Send reads.
const maxAnswer = 1 << 20

var (
	userAgent = []string{"drover"}
	errClosed = errors.New("the target is closed")
)

// NewHTTP returns a target without opening a connection. The error is about the options: a URL that is none, an address
// that is neither loopback nor allowed (*ForbiddenHostError), or authorities that cannot be read. A name is checked when it
// is resolved, at each connection; behind a proxy, which resolves it elsewhere, it must be allowed.
func NewHTTP(opt HTTPOptions) (*HTTP, error) {
	base, err := url.Parse(opt.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("target url: %w", err)
	case base.Scheme != "http" && base.Scheme != "https" && grpcSchemes[base.Scheme] == "" || base.Hostname() == "":
		return nil, fmt.Errorf("target url %q: want http://host:port or https://host:port", opt.URL)
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("target url %q: want no user, query or fragment", base.Redacted())
	}
	for _, v := range append([]string{opt.Run, opt.ContentType, opt.Credential.Prefix}, opt.ContentTypes[:]...) {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, fmt.Errorf("header value %q: want visible ASCII", v)
		}
	}
	if err := opt.Credential.check(); err != nil {
		return nil, err
	}
	if err := opt.Sign.check(); err != nil {
		return nil, err
	}
	opt.KeyHeader = cmp.Or(opt.KeyHeader, "Idempotency-Key")
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	if opt.Client.MaxOpen <= 0 {
		opt.Client.MaxOpen = DefaultMaxOpen
	}
	if opt.Client.Timeout <= 0 {
		opt.Client.Timeout = DefaultTimeout
	}

	h := new(HTTP)
	if grpcSchemes[base.Scheme] != "" {
		if h.calls, err = newCalls(&opt, base); err != nil {
			return nil, err
		}
	}
	h.opt, h.base = opt, base
	if err := h.guard(&h.dialer, base, opt.Client.Proxy != nil); err != nil {
		return nil, fmt.Errorf("target url %s: %w", base, err)
	}
	if h.dialer.tls, err = opt.TLS.config(base.Hostname(), opt.Client.HTTP2); err != nil {
		return nil, err
	}
	for op, path := range opt.Paths {
		h.urls[op], h.methods[op] = h.at(path), cmp.Or(opt.Methods[op], http.MethodPost)
		if t := cmp.Or(opt.ContentTypes[op], opt.ContentType); t != "" {
			h.contentTypes[op] = []string{t}
		}
	}
	if opt.Run != "" {
		h.run = []string{opt.Run}
	}
	if h.squeezers.encoding = opt.Client.Compression; opt.Client.Compression != "" {
		if _, err := newSqueezer(opt.Client.Compression); err != nil {
			return nil, err
		}
	}
	if err := opt.Faults.check(); err != nil {
		return nil, err
	}
	h.rig.faults, h.rig.timeout = opt.Faults, opt.Client.Timeout
	h.rig.method, _ = h.named("post", base)
	h.rig.where = func(req *Request) string { _, where := h.named("post", h.urls[req.Op]); return where }
	if err := h.dialer.sources.check(); err != nil {
		return nil, err
	}
	if opt.Client.PerDevice && (opt.Client.Proxy != nil || opt.Library) {
		return nil, errors.New("a connection per device: only without a proxy")
	}
	if h.dialer.identity = opt.Identity; opt.Identity != nil && !opt.Client.PerDevice {
		return nil, errors.New("certificates of devices: only where each device has a connection of its own")
	}
	if opt.Client.PerDevice && opt.Client.Resume > 0 {
		h.dialer.tickets = newTickets(opt.Client.Resume)
	}
	if err := h.newTransport(); err != nil {
		return nil, err
	}
	if opt.OAuth2 != nil {
		if err := h.newGrants(); err != nil {
			return nil, err
		}
	}
	if !opt.Library && !opt.Client.HTTP2 && opt.Client.Proxy == nil {
		h.fast = newH1(h)
	}
	if opt.Client.PerDevice && opt.Client.HTTP2 {
		h.own2 = &h2{http: h, slots: newSlots(opt.Client.MaxOpen), devices: newDevices(opt.Client.MaxOpen, cmp.Or(opt.Client.Idle, DefaultIdle))}
	}
	return h, nil
}

// guard makes d the dialer of u's host, see aim.
func (h *HTTP) guard(d *dialer, u *url.URL, far bool) error {
	d.timeout, d.conns, d.stats, d.sources = h.opt.Client.Timeout, &h.conns, &h.stats, h.opt.Client.Sources
	return d.aim(u, h.opt.AllowHosts, far)
}

// newTransport makes what sends by net/http.
func (h *HTTP) newTransport() error {
	var protocols http.Protocols
	if protocols.SetHTTP1(true); h.opt.Client.HTTP2 {
		protocols = http.Protocols{}
		protocols.SetHTTP2(true)
		protocols.SetUnencryptedHTTP2(true)
		h.conns.keep = true
	}
	h.transport = &http.Transport{
		DialContext:         h.dialer.dial,
		DialTLSContext:      h.dialer.dialTLS,
		TLSClientConfig:     h.dialer.tls.Clone(),
		Protocols:           &protocols,
		DisableCompression:  true, // an answer is read as it comes
		MaxConnsPerHost:     h.opt.Client.MaxOpen,
		MaxIdleConnsPerHost: h.opt.Client.MaxOpen,
		IdleConnTimeout:     90 * time.Second,

		MaxResponseHeaderBytes: 256 << 10,
	}
	proxy := h.opt.Client.Proxy
	if proxy == nil {
		return nil
	}
	if proxy.Scheme != "http" || proxy.Hostname() == "" || proxy.User != nil {
		return fmt.Errorf("proxy %s: want http://host:port", proxy.Redacted())
	}
	d := new(dialer)
	if err := h.guard(d, proxy, false); err != nil {
		return fmt.Errorf("proxy %s: %w", proxy, err)
	}
	h.transport.Proxy, h.transport.DialContext = http.ProxyURL(proxy), d.dial
	return nil
}

// addr is the host and port of the target.
func (h *HTTP) addr() string {
	port := "80"
	if h.base.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(h.base.Hostname(), cmp.Or(h.base.Port(), port))
}

// at is the URL of a path, unescaped, below the base, optionally with a query, escaped.
func (h *HTTP) at(path string) *url.URL {
	u := *h.base
	path, u.RawQuery, _ = strings.Cut(path, "?")
	if path != "" {
		u.Path += "/" + strings.TrimLeft(path, "/")
	}
	return &u
}

// packs reports whether bodies of an operation are compressed. A GET has none.
func (h *HTTP) packs(op measure.Op) bool {
	return h.opt.Client.Compression != "" && h.methods[op] != http.MethodGet
}

// place is the URL of a request.
func (h *HTTP) place(req *Request) (*url.URL, error) {
	if req.Place == nil {
		return h.urls[req.Op], nil
	}
	u, err := url.Parse(h.base.Scheme + "://" + h.base.Host + h.base.EscapedPath() + string(req.Place))
	if err != nil {
		return nil, fmt.Errorf("place of a request: %w", err)
	}
	return u, nil
}

// Send sends one upload; see Target. It returns within the client's time-out, which includes the wait for a free
// connection; so callers that want honest service times keep no more than MaxOpen calls under way.
func (h *HTTP) Send(ctx context.Context, req *Request, ans *Answer) {
	if f := h.rig.of(req); f.any() && !h.closed.Load() {
		req.away(func() { h.rig.misbehave(ctx, f, req, ans, h.attempt) })
		return
	}
	h.attempt(ctx, req, ans)
}

// NewLoop returns a loop whose fibers may call Send, each with Request.Loop; senders is how many there are in all loops of this target.
// A loop's connections are closed with it, and not by Close. nil: there is none for so many senders or for the way in which this target sends, or
// on this system.
func (h *HTTP) NewLoop(senders int) *Loop {
	if h.fast == nil || h.fast.devices != nil || h.grants != nil || h.opt.Faults.any() || senders > h.opt.Client.MaxOpen {
		return nil
	}
	return newLoop()
}

// attempt is Send over a network without faults of ours.
func (h *HTTP) attempt(ctx context.Context, req *Request, ans *Answer) {
	if h.closed.Load() {
		*ans = Answer{Body: ans.Body[:0], Class: measure.Cancelled, Err: errClosed}
		return
	}
	token, by, ok := h.credential(ctx, req.Tenant, req.Device, ans)
	if !ok {
		return
	}
	req.token = token
	switch body := req.fault.mangle(req.Body); {
	case h.fast != nil && !h.packs(req.Op):
		h.fast.send(ctx, req, body, ans)
	default:
		h.wrap(ctx, req, body, ans)
	}
	h.heard(by, token, ans)
}

// Conns returns how many connections are open now and how many were ever opened. Safe for concurrent use.
func (h *HTTP) Conns() (open, opened int64) { return h.conns.open.Load(), h.conns.opened.Load() }

// Close closes idle connections at once, but for those of loops, and busy ones when their attempts end; a later Send is Cancelled. It returns nil.
func (h *HTTP) Close() error {
	h.busy.Add(1)
	h.closed.Store(true)
	if h.fast != nil {
		h.fast.close()
	}
	if h.own2 != nil {
		h.own2.devices.end()
	}
	h.transport.CloseIdleConnections()
	if h.grants != nil {
		h.grants.http.CloseIdleConnections()
	}
	h.idle()
	return nil
}

// idle ends an exchange, and after Close, with the last one, all connections of HTTP/2: net/http leaves those open on which
// it gave a request up.
func (h *HTTP) idle() {
	if h.busy.Add(-1) == 0 && h.closed.Load() {
		h.conns.closeAll()
	}
}
