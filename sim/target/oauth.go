package target

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"drover/sim/measure"
)

// OAuth2 says how devices get tokens: by the client credentials grant (RFC 6749 section 4.4).
type OAuth2 struct {
	TokenURL string // http or https; its host is held to AllowHosts as the target's is
	Secret   string // of every client
	Scope    string // space-separated; may be empty
	// Clients is the id of the client that asks for the token of a device of a tenant, or for Admin's. Those with the same
	// id share a token. It is safe for concurrent use.
	Clients func(tenant, device int) string
	// Mapped is another way to ask, below TokenURL; nil: it is the grant.
	Mapped *MappedToken
}

// MappedToken is a request for a token. Its functions are safe for concurrent use.
type MappedToken struct {
	Method, ContentType string
	Make                func(tenant, device int) (place string, header, body []byte) // place is path and query, escaped; header is lines of one
	// Read understands the answer. The token has no end where it lasts 0; the error says why there is none, and nothing of what the answer holds.
	Read func(class measure.Class, status int, body []byte) (token string, lasts time.Duration, _ measure.Class, _ error)
}

// The exchange with the token endpoint is golang.org/x/oauth2's. Its TokenSource is not used: it has no way to say that a
// token was refused, and its waiters do not honour their contexts.

// grants keeps the tokens of clients. It is safe for concurrent use.
type grants struct {
	opt     OAuth2
	http    *http.Client
	timeout time.Duration

	failed atomic.Int64
	mu     sync.Mutex
	all    map[string]*grant // by client
	took   measure.Histogram // of those that were fetched
}

// grant is the token of one client; guarded by grants.mu, but for proven.
type grant struct {
	token   string
	renew   time.Time     // from when on a new one is fetched, while the old one may still be used
	expires time.Time     // zero: never
	pending chan struct{} // closed when the fetch that is under way has ended; nil: there is none
	err     error         // of the last fetch
	proven  atomic.Bool   // the backend has taken the token
}

// maxGrants bounds the tokens that are kept; one takes about a kilobyte.
const maxGrants = 1 << 17

// of returns the token of a device, fetched if need be, by one caller for all that wait for it.
func (g *grants) of(ctx context.Context, tenant, device int) (*grant, string, error) {
	client := g.opt.Clients(tenant, device)
	g.mu.Lock()
	defer g.mu.Unlock()
	for waited := false; ; waited = true {
		t := g.all[client]
		if t == nil {
			t = g.add(client)
		}
		now := time.Now()
		switch live := t.token != "" && (t.expires.IsZero() || now.Before(t.expires)); {
		case live && (t.pending != nil || t.renew.IsZero() || now.Before(t.renew)):
			return t, t.token, nil
		case t.pending != nil:
			pending := t.pending
			g.mu.Unlock()
			select {
			case <-pending:
			case <-ctx.Done():
			}
			g.mu.Lock()
			if ctx.Err() != nil {
				return nil, "", ctx.Err()
			}
		case waited && t.err != nil:
			return nil, "", t.err
		default:
			g.fetch(ctx, client, t, tenant, device)
			switch {
			case t.err == nil:
				return t, t.token, nil
			case live: // the old one still serves
				return t, t.token, nil
			}
			return nil, "", t.err
		}
	}
}

// add makes room for a client. g.mu is held.
func (g *grants) add(client string) *grant {
	if len(g.all) >= maxGrants {
		for other, t := range g.all { // any that nobody waits for
			if t.pending == nil {
				delete(g.all, other)
				break
			}
		}
	}
	t := new(grant)
	g.all[client] = t
	return t
}

// fetch asks for a new token. g.mu is held when it is called and when it returns, but not meanwhile.
func (g *grants) fetch(ctx context.Context, client string, t *grant, tenant, device int) {
	t.pending = make(chan struct{})
	g.mu.Unlock()
	start := time.Now()
	ask := func() (*oauth2.Token, error) { return g.ask(ctx, client) }
	if g.opt.Mapped != nil {
		ask = func() (*oauth2.Token, error) { return g.mapped(ctx, tenant, device) }
	}
	got, err := ask()
	now := time.Now()
	g.mu.Lock()
	close(t.pending)
	t.pending, t.err = nil, err
	if err != nil {
		t.renew = now.Add(time.Second) // an old token that still serves is not renewed at every upload
		g.failed.Add(1)
		return
	}
	g.took.Record(now.Sub(start))
	t.token, t.expires, t.renew = got.AccessToken, got.Expiry, time.Time{}
	t.proven.Store(false)
	if !t.expires.IsZero() {
		life := t.expires.Sub(now)
		t.renew = t.expires.Add(-min(life/10, time.Minute))
	}
}

func (g *grants) ask(ctx context.Context, client string) (*oauth2.Token, error) {
	attempt, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, g.http), g.timeout)
	defer cancel()
	conf := clientcredentials.Config{ClientID: client, ClientSecret: g.opt.Secret, TokenURL: g.opt.TokenURL, AuthStyle: oauth2.AuthStyleInParams}
	if g.opt.Scope != "" {
		conf.Scopes = strings.Fields(g.opt.Scope)
	}
	t, err := conf.Token(attempt)
	if err != nil {
		return nil, g.explain(err, ctx, attempt)
	}
	return g.sound(t)
}

// sound refuses a token that cannot be used.
func (g *grants) sound(t *oauth2.Token) (*oauth2.Token, error) {
	switch {
	case strings.ContainsFunc(t.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, &tokenError{g.opt.TokenURL, measure.BadAnswer, 0, "the token has a character that cannot be in a header"}
	case !t.Expiry.IsZero() && !t.Expiry.After(time.Now()):
		return nil, &tokenError{g.opt.TokenURL, measure.BadAnswer, 0, "the token has expired already"}
	}
	return t, nil
}

// explain says in one line, and without the body of an answer, what went wrong.
func (g *grants) explain(err error, run, attempt context.Context) error {
	e := &tokenError{url: g.opt.TokenURL}
	var no *oauth2.RetrieveError
	if errors.As(err, &no) && no.Response != nil {
		e.class, e.retryAfter = classOfStatus(no.Response.StatusCode), retryAfter(no.Response.Header, time.Now())
		e.text = fmt.Sprintf("%d %s", no.Response.StatusCode, http.StatusText(no.Response.StatusCode))
		if strings.Contains(" invalid_client unauthorized_client invalid_grant ", " "+no.ErrorCode+" ") && no.ErrorCode != "" {
			e.text += ", " + no.ErrorCode
			e.class = measure.Status401 // RFC 6749 section 5.2 lets a backend say it with a 400
		}
		if e.class == measure.OK {
			e.class, e.text = measure.BadAnswer, "the answer holds no token"
		}
		return e
	}
	e.class = classOfError(err, run, attempt)
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	e.text = strings.TrimPrefix((&attemptError{"post", "", e.class, g.timeout, err}).Error(), "post : ")
	var forbidden *ForbiddenHostError
	if errors.As(err, &forbidden) {
		e.text = forbidden.Error()
	}
	return e
}

// tokenError is that a device got no token.
type tokenError struct {
	url        string
	class      measure.Class
	retryAfter time.Duration
	text       string
}

func (e *tokenError) Error() string { return "token from " + e.url + ": " + e.text }

// credential returns the token for a request; "" sends none. With a failure it fills ans.
func (h *HTTP) credential(ctx context.Context, tenant, device int, ans *Answer) (token string, by *grant, ok bool) {
	if h.grants == nil {
		if h.opt.Tokens != nil {
			token = h.opt.Tokens(tenant)
		}
		return token, nil, true
	}
	by, token, err := h.grants.of(ctx, tenant, device)
	if err == nil {
		return token, by, true
	}
	*ans = Answer{Body: ans.Body[:0], Class: measure.Cancelled, Err: err}
	var e *tokenError
	if errors.As(err, &e) && ctx.Err() == nil {
		ans.Class, ans.RetryAfter = e.class, e.retryAfter
	}
	return "", nil, false
}

// heard learns from an answer what the backend makes of a token. One that was taken before and is refused now has expired or
// was revoked: the next request fetches a new one, and the answer says so. One that was never taken is wrong.
func (h *HTTP) heard(by *grant, token string, ans *Answer) {
	switch {
	case by == nil || ans.Status == 0:
	case ans.Status != http.StatusUnauthorized && (h.calls == nil || ans.Status != grpcUnauthenticated):
		by.proven.Store(true)
	default:
		h.grants.mu.Lock()
		defer h.grants.mu.Unlock()
		if by.token != token { // it is renewed already
			ans.Again = true
		} else if by.proven.Load() {
			ans.Again, by.token = true, ""
		}
	}
}

// newGrants makes the client of the token endpoint.
func (h *HTTP) newGrants() error {
	o := h.opt.OAuth2
	u, err := url.Parse(o.TokenURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("token url %q: want http://host:port/path or https://host:port/path", o.TokenURL)
	}
	d := new(dialer)
	if err := h.guard(d, u, false); err != nil {
		return fmt.Errorf("token url %s: %w", u.Redacted(), err)
	}
	if d.tls, err = h.opt.TLS.config(u.Hostname(), false); err != nil {
		return err
	}
	if u.Hostname() != h.base.Hostname() {
		d.tls.ServerName = u.Hostname() // the name of the target's certificate is not this one's
	}
	h.grants = &grants{opt: *o, timeout: h.opt.Client.Timeout, all: make(map[string]*grant), http: &http.Client{
		Transport:     &http.Transport{DialContext: d.dial, DialTLSContext: d.dialTLS, MaxConnsPerHost: h.opt.Client.Senders(), MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a secret goes nowhere else
	}}
	return nil
}
