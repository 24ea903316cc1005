package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"drover/sim/measure"
)

// wrap sends a body compressed, as a frame of gRPC, or both, where that is asked for. What needs neither and has a client of drover's own does not
// come here: the frame of this function and the next is of some size.
func (h *HTTP) wrap(ctx context.Context, req *Request, body []byte, ans *Answer) {
	var encoding []string
	if h.packs(req.Op) {
		packed, z, err := h.squeezers.squeeze(body)
		if err != nil {
			*ans = Answer{Body: ans.Body[:0], Class: measure.BadAnswer, Err: fmt.Errorf("compress: %w", err)}
			return
		}
		defer h.squeezers.put(z) // runs after exchange has taken the bytes back
		body, encoding = packed, []string{h.opt.Client.Compression}
	}
	if h.calls != nil {
		f := h.calls.frame(body, encoding != nil)
		defer h.calls.frames.Put(f)
		body = *f
	}
	if h.fast != nil {
		h.fast.send(ctx, req, body, ans)
		return
	}
	h.library(ctx, req, body, encoding, ans)
}

// library sends a body with net/http.
func (h *HTTP) library(ctx context.Context, req *Request, body []byte, encoding []string, ans *Answer) {
	header := make(http.Header, 12)
	if h.calls != nil {
		h.calls.dress(header, encoding)
	} else {
		if t := h.contentTypes[req.Op]; t != nil {
			header["Content-Type"] = t
		}
		if encoding != nil {
			header["Content-Encoding"] = encoding
		}
	}
	if len(req.Key) > 0 && h.opt.KeyHeader != NoHeader {
		// The key is lower case on purpose: net/http takes a request with the canonical "Idempotency-Key" for one that
		// it may send again by itself when the connection breaks. Attempts are counted, so only the caller may.
		header[strings.ToLower(h.opt.KeyHeader)] = []string{string(req.Key)}
	}
	addLines(header, req.Header)
	u, err := h.place(req)
	if err != nil {
		*ans = Answer{Body: ans.Body[:0], Class: measure.BadAnswer, Err: err}
		return
	}
	h.exchange(ctx, h.methods[req.Op], u, req.Device, req.token, header, body, req.cut, maxAnswer, ans)
}

// exchange makes one request, over the connection of the device or, for anyDevice, over one of net/http's own, and reads its whole answer, or the first limit bytes of it, into ans.
func (h *HTTP) exchange(ctx context.Context, method string, u *url.URL, device int, token string, header http.Header, body []byte, cut bool, limit int, ans *Answer) {
	*ans = Answer{Body: ans.Body[:0]}
	h.busy.Add(1)
	defer h.idle()
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
		switch {
		case used == nil && (c == measure.BadAnswer || c == measure.Reset):
			c = measure.ConnectFailed // on the way through a proxy
		case c == measure.BadAnswer && used != nil && ended(used):
			c = measure.Reset // net/http takes half a line before the end for a malformed whole one
		}
		act, where := h.named(method, u)
		*ans = Answer{Body: ans.Body[:0], Class: c, Err: &attemptError{act, where, c, h.opt.Client.Timeout, err}}
	}

	h.dress(header, method, u, token, body)
	r := (&http.Request{Method: method, URL: u, Host: u.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(traced)
	if len(body) > 0 {
		p := &payload{data: body}
		if cut {
			p.data, p.broken = body[:len(body)/2], true
		}
		defer p.takeBack()
		r.ContentLength = int64(len(body))
		r.Body = p.reader()
		if !h.opt.Client.HTTP2 { // which would use it to send again what the backend refused: attempts are the caller's
			r.GetBody = func() (io.ReadCloser, error) { return p.reader(), nil }
		}
	}
	var resp *http.Response
	var err error
	if h.own2 != nil && device != anyDevice {
		var done func(bool)
		resp, used, done, err = h.own2.roundTrip(r, device)
		defer func() { done(attempt.Err() == nil) }() // an answer that did not come in time may never come
	} else {
		resp, err = h.transport.RoundTrip(r)
	}
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
	if h.calls != nil && !long {
		_, where := h.named(method, u)
		h.calls.answer(resp, where, ans)
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

// dress adds to a header what every request has: who asks, for which run, by what credential, and the signature.
func (h *HTTP) dress(header http.Header, method string, u *url.URL, token string, body []byte) {
	header["User-Agent"] = userAgent
	if h.run != nil {
		header["X-Drover-Run"] = h.run
	}
	if token != "" {
		header[h.opt.Credential.header()] = []string{h.opt.Credential.prefix() + token}
	}
	if s := h.opt.Sign; s != nil {
		s.fill(header, method, u.RequestURI(), body)
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

// NotFound reports whether the error of a fetch is an answer that there is nothing: 404.
func NotFound(err error) bool {
	var no *statusError
	return errors.As(err, &no) && no.status == http.StatusNotFound
}

// SaysNo reports whether the error of a fetch is an answer that says no to who asks: 401, 403 or 404.
func SaysNo(err error) bool {
	var no *statusError
	if !errors.As(err, &no) {
		return false
	}
	return no.status == http.StatusUnauthorized || no.status == http.StatusForbidden || no.status == http.StatusNotFound
}
