package target

import (
	"context"
	"errors"
	"net/http"

	"drover/sim/measure"
)

// UnreachableError says that the backend did not answer before the run.
type UnreachableError struct{ Err error }

// Error is one line that says what to do.
func (e *UnreachableError) Error() string {
	if f := (*ForbiddenHostError)(nil); errors.As(e.Err, &f) {
		return e.Err.Error() // it says itself what to do
	}
	return e.Err.Error() + "; is the backend up? \"drover serve\" starts one, and target url \"embedded\" needs none"
}

// Unwrap returns the cause, e.g. a *ForbiddenHostError.
func (e *UnreachableError) Unwrap() error { return e.Err }

// UnauthorisedError says that the backend refused the credential before the run.
type UnauthorisedError struct {
	Err    error
	Status int // 401 or 403
}

// Error is one line that says what to do.
func (e *UnauthorisedError) Error() string {
	return e.Err.Error() + "; does the token or secret that target.auth names belong to this backend?"
}

// Unwrap returns the answer as an error.
func (e *UnauthorisedError) Unwrap() error { return e.Err }

// Preflight asks, before a run, whether the backend is there and takes the credential of tenant 0: GET /healthz, and then
// a POST without a body to the path of uploads, which a backend that knows the caller refuses as malformed. Any other
// answer than 401 or 403 will do. The error is nil, *UnreachableError, *UnauthorisedError, or, when ctx ended, one that
// wraps the context's own.
func (h *HTTP) Preflight(ctx context.Context) error {
	var ans Answer
	for _, probe := range []struct {
		method string
		path   string
	}{
		{http.MethodGet, "/healthz"},
		{http.MethodPost, h.opt.Paths[measure.Upload]},
	} {
		header := make(http.Header, 4)
		if probe.method == http.MethodPost && h.contentType != nil {
			header["Content-Type"] = h.contentType
		}
		h.exchange(ctx, probe.method, h.at(probe.path), 0, header, nil, maxAnswer, &ans)
		switch {
		case ans.Class == measure.Cancelled:
			return ans.Err
		case ans.Class == measure.Status401:
			return &UnauthorisedError{Err: ans.Err, Status: ans.Status}
		case ans.Status == 0:
			return &UnreachableError{Err: ans.Err}
		}
	}
	return nil
}

// maxGet is the most that Get reads.
const maxGet = 64 << 20

// Get fetches a path that is not an upload, such as an audit; tenant may be Admin. The path is not escaped, a query after
// it is. The error says what the answer was unless it is a 2xx of at most 64 MiB that came whole.
func (h *HTTP) Get(ctx context.Context, path string, tenant int) ([]byte, error) {
	var ans Answer
	h.exchange(ctx, http.MethodGet, h.at(path), tenant, make(http.Header, 3), nil, maxGet, &ans)
	if ans.Err != nil {
		return nil, ans.Err
	}
	return ans.Body, nil
}
