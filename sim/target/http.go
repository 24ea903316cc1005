package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"drover/sim/measure"
)

// HTTPOptions describes a target over HTTP/1.1.
type HTTPOptions struct {
	URL         string   // http or https, with host, optionally with port and path; no user, query or fragment
	AllowHosts  []string // hosts that may be reached although they are not this machine: a name or address, or host:port
	Client      Client
	Tokens      func(tenant int) string // bearer token by tenant and for Admin, see Tokens; nil or "" sends none
	Run         string                  // sent as X-Drover-Run; empty sends none
	ContentType string                  // of bodies, e.g. "application/json"
	Paths       [measure.NumOps]string  // by operation, after URL's own path
	RootCAs     *x509.CertPool          // whom to trust over https; nil: whom the system trusts
	Library     bool                    // send with net/http also where drover's own client would do, which is over plain http
}

// HTTP is a Target over HTTP/1.1 with keep-alive: one pool of connections for all devices. One Send is one request,
// however it ends: redirects are not followed and nothing is sent twice, except that a request of which not one byte could
// be written, because the backend had closed an idle connection, goes over a new one. Proxy settings of the environment
// are ignored.
type HTTP struct {
	opt       HTTPOptions
	base      *url.URL
	urls      [measure.NumOps]*url.URL
	dialer    dialer
	transport *http.Transport
	squeezers squeezers
	fast      *h1 // sends uploads over plain http; nil: the transport does
	closed    atomic.Bool

	// Header values that every request shares; net/http only reads them.
	contentType, run []string
}

var _ Target = (*HTTP)(nil)

// maxAnswer is the most of an answer's body that Send reads.
const maxAnswer = 1 << 20

var (
	userAgent  = []string{"drover"}
	encodeGzip = []string{"gzip"}
	errClosed  = errors.New("the target is closed")
)

// NewHTTP returns a target without opening a connection. The error is about the options: a URL that is none, or an address
// that is neither loopback nor allowed (*ForbiddenHostError). A name is checked when it is resolved, at each connection.
func NewHTTP(opt HTTPOptions) (*HTTP, error) {
	base, err := url.Parse(opt.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("target url: %w", err)
	case base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "":
		return nil, fmt.Errorf("target url %q: want http://host:port or https://host:port", opt.URL)
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("target url %q: want no user, query or fragment", base.Redacted())
	}
	for _, v := range []string{opt.Run, opt.ContentType} {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, fmt.Errorf("header value %q: want visible ASCII", v)
		}
	}
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	if opt.Client.MaxOpen <= 0 {
		opt.Client.MaxOpen = DefaultMaxOpen
	}
	if opt.Client.Timeout <= 0 {
		opt.Client.Timeout = DefaultTimeout
	}

	h := &HTTP{opt: opt, base: base}
	h.dialer.host = base.Hostname()
	h.dialer.allowed = allows(opt.AllowHosts, base)
	h.dialer.timeout = opt.Client.Timeout
	h.dialer.tls = &tls.Config{ServerName: base.Hostname(), RootCAs: opt.RootCAs, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	if a, err := netip.ParseAddr(base.Hostname()); err == nil && !a.Unmap().IsLoopback() && !h.dialer.allowed {
		return nil, fmt.Errorf("target url %s: %w", base, &ForbiddenHostError{Host: base.Hostname()})
	}
	for op, path := range opt.Paths {
		h.urls[op] = h.at(path)
	}
	if opt.ContentType != "" {
		h.contentType = []string{opt.ContentType}
	}
	if opt.Run != "" {
		h.run = []string{opt.Run}
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	h.transport = &http.Transport{
		DialContext:         h.dialer.dial,
		DialTLSContext:      h.dialer.dialTLS,
		Protocols:           &protocols,
		DisableCompression:  true, // an answer is read as it comes
		MaxConnsPerHost:     opt.Client.MaxOpen,
		MaxIdleConnsPerHost: opt.Client.MaxOpen,
		IdleConnTimeout:     90 * time.Second,

		MaxResponseHeaderBytes: 256 << 10,
	}
	if base.Scheme == "http" && !opt.Library {
		h.fast = newH1(h)
	}
	return h, nil
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

// Send posts one upload; see Target. It returns within the client's time-out, which includes the wait for a free
// connection; so callers that want honest service times keep no more than MaxOpen calls under way.
func (h *HTTP) Send(ctx context.Context, req *Request, ans *Answer) {
	body, encoding := req.Body, []string(nil)
	if h.closed.Load() {
		*ans = Answer{Body: ans.Body[:0], Class: measure.Cancelled, Err: errClosed}
		return
	}
	if h.opt.Client.Gzip {
		z, err := h.squeezers.squeeze(body)
		if err != nil {
			*ans = Answer{Body: ans.Body[:0], Class: measure.BadAnswer, Err: fmt.Errorf("compress: %w", err)}
			return
		}
		defer h.squeezers.put(z) // runs after exchange has taken the bytes back
		body, encoding = z.buf.Bytes(), encodeGzip
	}
	if h.fast != nil {
		h.fast.send(ctx, req, body, ans)
		return
	}
	header := make(http.Header, 6)
	if h.contentType != nil {
		header["Content-Type"] = h.contentType
	}
	if encoding != nil {
		header["Content-Encoding"] = encoding
	}
	if len(req.Key) > 0 {
		// The key is lower case on purpose: net/http takes a request with the canonical "Idempotency-Key" for one that
		// it may send again by itself when the connection breaks. Attempts are counted, so only the caller may.
		header["idempotency-key"] = []string{string(req.Key)}
	}
	h.exchange(ctx, http.MethodPost, h.urls[req.Op], req.Tenant, header, body, maxAnswer, ans)
}

// exchange makes one request and reads its whole answer, or the first limit bytes of it, into ans.
func (h *HTTP) exchange(ctx context.Context, method string, u *url.URL, tenant int, header http.Header, body []byte, limit int, ans *Answer) {
	*ans = Answer{Body: ans.Body[:0]}
	if h.closed.Load() {
		ans.Class, ans.Err = measure.Cancelled, errClosed
		return
	}
	attempt, cancel := context.WithTimeout(ctx, h.opt.Client.Timeout)
	defer cancel()
	var used net.Conn // the connection of this attempt; nil before there is one
	traced := httptrace.WithClientTrace(attempt, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { used = i.Conn }})
	fail := func(err error) {
		c := classOfError(err, ctx, attempt)
		if c == measure.BadAnswer && used != nil && ended(used) {
			c = measure.Reset // net/http takes half a line before the end for a malformed whole one
		}
		*ans = Answer{Body: ans.Body[:0], Class: c, Err: &attemptError{method, u.String(), c, h.opt.Client.Timeout, err}}
	}

	header["User-Agent"] = userAgent
	if h.run != nil {
		header["X-Drover-Run"] = h.run
	}
	if h.opt.Tokens != nil {
		if token := h.opt.Tokens(tenant); token != "" {
			header["Authorization"] = []string{"Bearer " + token}
		}
	}
	r := (&http.Request{Method: method, URL: u, Host: u.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(traced)
	if len(body) > 0 {
		p := &payload{data: body}
		defer p.takeBack()
		r.ContentLength = int64(len(body))
		r.Body = p.reader()
		r.GetBody = func() (io.ReadCloser, error) { return p.reader(), nil }
	}
	resp, err := h.transport.RoundTrip(r)
	if err != nil {
		fail(err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// Its body is the raw connection, which has no end.
		*ans = Answer{Body: ans.Body, Class: measure.BadAnswer, Status: resp.StatusCode, Err: &statusError{method, u.String(), resp.StatusCode}}
		return
	}
	long, err := ans.read(resp.Body, limit)
	if err != nil {
		fail(err)
		return
	}
	ans.Status, ans.Class = resp.StatusCode, classOfStatus(resp.StatusCode)
	ans.RetryAfter = retryAfter(resp.Header, time.Now())
	if long {
		ans.Class, ans.Err = measure.BadAnswer, &attemptError{method, u.String(), measure.BadAnswer, 0, fmt.Errorf("the answer is longer than %d bytes", limit)}
	} else if ans.Class != measure.OK {
		ans.Err = &statusError{method, u.String(), resp.StatusCode}
	}
}

// read fills Body from r up to its end, or up to limit bytes: then long is true. Reading to the end is what lets the
// connection be used again.
func (a *Answer) read(r io.Reader, limit int) (long bool, err error) {
	if cap(a.Body) == 0 {
		a.Body = make([]byte, 0, 512)
	}
	for {
		n, err := r.Read(a.Body[len(a.Body):cap(a.Body)])
		a.Body = a.Body[:len(a.Body)+n]
		switch {
		case len(a.Body) > limit:
			a.Body = a.Body[:limit]
			return true, nil
		case err == io.EOF:
			return false, nil
		case err != nil:
			return false, err
		}
		if len(a.Body) == cap(a.Body) {
			a.Body = append(a.Body, 0)[:len(a.Body)]
		}
	}
}

// Conns returns how many connections are open now and how many were ever opened. Safe for concurrent use.
func (h *HTTP) Conns() (open, opened int64) { return h.dialer.open.Load(), h.dialer.opened.Load() }

// Close closes idle connections at once and busy ones when their attempts end; a later Send is Cancelled. It returns nil.
func (h *HTTP) Close() error {
	h.closed.Store(true)
	h.transport.CloseIdleConnections()
	if h.fast != nil {
		h.fast.close()
	}
	return nil
}
