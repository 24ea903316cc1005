package target

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"drover/sim/measure"
)

// UnreachableError says that the backend did not answer before the run.
type UnreachableError struct {
	Err   error
	Plain bool // Err says itself what to do
}

// Error is one line that says what to do.
func (e *UnreachableError) Error() string {
	if f := (*ForbiddenHostError)(nil); e.Plain || errors.As(e.Err, &f) {
		return e.Err.Error() // it says itself what to do
	}
	if mend, ok := trustMend(e.Err); ok {
		return e.Err.Error() + mend
	}
	return e.Err.Error() + "; is the backend up? \"drover serve\" starts one, and target url \"embedded\" needs none"
}

// trustMend says how to mend that a certificate is not trusted; false: that is not what is wrong.
func trustMend(err error) (mend string, ok bool) {
	switch {
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "; if you trust it, name who issued it by target.tls.caFrom", true
	case errors.As(err, new(x509.HostnameError)):
		return "; name what it is for by target.tls.serverName", true
	}
	return "", errors.As(err, new(*tls.CertificateVerificationError))
}

// Unwrap returns the cause, e.g. a *ForbiddenHostError.
func (e *UnreachableError) Unwrap() error { return e.Err }

// UnauthorisedError says that the backend refused the credential before the run.
type UnauthorisedError struct {
	Err    error
	Status int // 401 or 403, or the protocol's own code
}

// Error is one line that says what to do.
func (e *UnauthorisedError) Error() string {
	return e.Err.Error() + "; does the token or secret that target.auth names belong to this backend?"
}

// Unwrap returns the answer as an error.
func (e *UnauthorisedError) Unwrap() error { return e.Err }

// Preflight asks, before a run, whether the backend is there and takes the credential of tenant 0: GET /healthz, and then
// a POST without a body to the path of uploads, which a backend that knows the caller refuses as malformed; of gRPC a call with
// an empty message alone. Any other answer than 401 or 403 will do. The error is nil, *UnreachableError, *UnauthorisedError, or, when ctx ended, one that
// wraps the context's own.
func (h *HTTP) Preflight(ctx context.Context) error {
	var ans Answer
	probes := []struct {
		method string
		path   string
	}{
		{http.MethodGet, "/healthz"},
		{http.MethodPost, h.opt.Paths[measure.Upload]},
	}
	if h.calls != nil {
		probes = probes[:0]
		h.attempt(ctx, &Request{Op: measure.Upload, Device: anyDevice}, &ans)
		if err := h.judged(&ans); err != nil {
			return err
		}
	}
	for _, probe := range probes {
		header := make(http.Header, 4)
		if t := h.contentTypes[measure.Upload]; probe.method == http.MethodPost && t != nil {
			header["Content-Type"] = t
		}
		if token, by, ok := h.credential(ctx, 0, 0, &ans); ok {
			h.exchange(ctx, probe.method, h.at(probe.path), anyDevice, token, header, nil, false, maxAnswer, &ans)
			h.heard(by, token, &ans)
		}
		if err := h.judged(&ans); err != nil {
			return err
		}
	}
	return nil
}

// Unreachable is that a backend gave no answer before a run.
func (h *HTTP) Unreachable(err error) error {
	if _, is := trustMend(err); is || h.calls == nil && !h.opt.Mapped || errors.As(err, new(*ForbiddenHostError)) {
		return &UnreachableError{Err: err}
	}
	return &UnreachableError{Err: fmt.Errorf("%w; %s", err, isItUp), Plain: true}
}

// isItUp is what to do about a server that is not drover's own kind.
const isItUp = "is the server up, and does it speak this protocol there?"

// judged is the error of Preflight that an answer stands for, or nil.
func (h *HTTP) judged(ans *Answer) error {
	switch {
	case ans.Class == measure.Cancelled:
		return ans.Err
	case ans.Class == measure.Status401:
		return &UnauthorisedError{Err: ans.Err, Status: ans.Status}
	case ans.Status == 0:
		return h.Unreachable(ans.Err)
	}
	return nil
}

// Open asks for a path as Get does, by POST with a body of JSON where there is one, and returns the answer as it comes, however long it
// is. Its head has to come within the client's time-out, or a minute where that is shorter; so has each part of it after the other.
func (h *HTTP) Open(ctx context.Context, path string, body []byte, tenant int) (io.ReadCloser, error) {
	var ans Answer
	for range 2 { // as in Get
		token, by, ok := h.credential(ctx, tenant, 0, &ans)
		if !ok {
			return nil, ans.Err
		}
		s, err := h.stream(ctx, path, body, token)
		ans = Answer{Status: s.status, Err: err}
		if h.heard(by, token, &ans); err == nil {
			return s, nil
		}
		if !ans.Again {
			break
		}
	}
	return nil, ans.Err
}

// stream is an answer that is read as it comes.
type stream struct {
	io.ReadCloser
	status int
	end    context.CancelFunc
	quiet  *time.Timer // ends it when nothing comes
	within time.Duration
	why    func(error) error // says what an error of the transport means
}

func (s *stream) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.quiet.Reset(s.within)
	if err != nil && err != io.EOF {
		err = s.why(err)
	}
	return n, err
}

func (s *stream) Close() error {
	s.quiet.Stop()
	defer s.end()
	return s.ReadCloser.Close()
}

// stream returns one even with an error, which then has the status alone.
func (h *HTTP) stream(run context.Context, path string, body []byte, token string) (*stream, error) {
	u, method := h.at(path), http.MethodGet
	header := make(http.Header, 4)
	var in io.Reader
	if len(body) > 0 {
		method, in = http.MethodPost, bytes.NewReader(body)
		header["Content-Type"] = []string{"application/json"}
	}
	h.dress(header, method, u, token, body)
	ctx, end := context.WithCancel(run)
	s := &stream{end: end, within: max(h.opt.Client.Timeout, time.Minute)}
	s.why = func(err error) error {
		return &attemptError{method, u.String(), classOfError(err, run, ctx), s.within, err}
	}
	s.quiet = time.AfterFunc(s.within, end)
	fail := func(err error) (*stream, error) {
		s.quiet.Stop()
		end()
		return s, err
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), in)
	if err != nil {
		return fail(err)
	}
	r.Header = header
	resp, err := h.transport.RoundTrip(r)
	if err != nil {
		return fail(s.why(err))
	}
	if s.status = resp.StatusCode; classOfStatus(s.status) != measure.OK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		resp.Body.Close()
		return fail(fmt.Errorf("%w: %q", &statusError{method, u.String(), s.status}, said))
	}
	s.ReadCloser = resp.Body
	return s, nil
}

// maxGet is the most that Get reads.
const maxGet = 64 << 20

// Get fetches a path that is not an upload, such as an audit; tenant may be Admin. The path is not escaped, a query after
// it is. The error says what the answer was unless it is a 2xx of at most 64 MiB that came whole.
func (h *HTTP) Get(ctx context.Context, path string, tenant int) ([]byte, error) {
	var ans Answer
	for range 2 { // the second time with a new token where the old one had expired
		token, by, ok := h.credential(ctx, tenant, 0, &ans)
		if !ok {
			return nil, ans.Err
		}
		h.exchange(ctx, http.MethodGet, h.at(path), anyDevice, token, make(http.Header, 3), nil, false, maxGet, &ans)
		if h.heard(by, token, &ans); !ans.Again {
			break
		}
	}
	if ans.Err != nil {
		return nil, ans.Err
	}
	return ans.Body, nil
}
