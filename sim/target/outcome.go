package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"drover/sim/measure"
)

// classOfStatus is the class of a whole answer.
func classOfStatus(status int) measure.Class {
	switch {
	case status >= 200 && status < 300:
		return measure.OK
	case status >= 300 && status < 400:
		return measure.Status3xx
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return measure.Status401
	case status == http.StatusRequestEntityTooLarge:
		return measure.Status413
	case status == http.StatusTooManyRequests:
		return measure.Status429
	case status >= 400 && status < 500:
		return measure.Status400
	case status >= 500 && status < 600:
		return measure.Status5xx
	}
	return measure.BadAnswer
}

// classOfError is the class of an attempt without a whole answer. run is the caller's context, attempt the one with the
// time-out.
func classOfError(err error, run, attempt context.Context) measure.Class {
	// First who ended it: the transport tears a connection down when a context ends, and then says anything.
	if run.Err() != nil {
		return measure.Cancelled
	}
	if attempt.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return measure.Timeout
	}
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		return measure.Timeout
	}
	if ce := (*connectError)(nil); errors.As(err, &ce) {
		if isRefused(err) {
			return measure.ConnectRefused
		}
		return measure.ConnectFailed
	}
	if isAlert(err) {
		return measure.ConnectFailed // TLS 1.3 tells a client after its handshake that its certificate was refused
	}
	if isReset(err) || isReset2(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "server closed idle connection") { // net/http has no name for it
		return measure.Reset
	}
	return measure.BadAnswer
}

// isAlert tells whether an error is what the other side said of TLS.
func isAlert(err error) bool {
	op := (*net.OpError)(nil)
	return errors.As(err, &op) && op.Op == "remote error" // crypto/tls's name for it
}

// attemptError says in one line what an attempt was and how it ended.
type attemptError struct {
	method, url string
	class       measure.Class
	timeout     time.Duration
	err         error
}

// Error leaves out what net and net/http wrap around the cause, which is known from the class.
func (e *attemptError) Error() string {
	text := e.err.Error()
	switch e.class {
	case measure.ConnectRefused:
		text = "connection refused"
	case measure.Reset:
		text = "connection closed before a whole answer"
	case measure.Timeout:
		text = fmt.Sprintf("no whole answer within %v", e.timeout)
	}
	return strings.ToLower(e.method) + " " + e.url + ": " + text
}

func (e *attemptError) Unwrap() error { return e.err }

// statusError is an answer that says no.
type statusError struct {
	method, url string
	status      int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s %s: %d %s", strings.ToLower(e.method), e.url, e.status, http.StatusText(e.status))
}
