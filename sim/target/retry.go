package target

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"drover/sim/measure"
)

// Client is how a device's app sends: limits and patience. The caller of Send honours Queue and Retry, because only it
// knows what waits; NewHTTP honours the rest.
type Client struct {
	MaxOpen int           // most connections open at once; 0 means DefaultMaxOpen
	Queue   int           // most uploads that wait for a free sender; one more is dropped
	Timeout time.Duration // for one attempt, from its start to the whole answer; 0 means DefaultTimeout
	HTTP2   bool          // speak HTTP/2, over TLS or with prior knowledge; else HTTP/1.1
	Proxy   *url.URL      // http proxy that the target is reached through; nil: none

	// PerDevice gives each device a connection of its own, which it opens when it has something to send and closes when
	// it was idle for Idle; 0 means DefaultIdle. MaxOpen bounds all of them: where one more would be too many, the one
	// that was idle the longest is closed. Only without a proxy.
	PerDevice bool
	Idle      time.Duration
	Resume    float64 // share of TLS handshakes, 0 to 1, that offer to resume the device's last session; with PerDevice

	// Sources are addresses and prefixes of this machine that connections come from, so that more of them fit than one
	// address has ports; empty: the system's choice. With PerDevice a device has always the same.
	Sources []netip.Prefix
	Retry   Retry

	// Compression of bodies, as Content-Encoding says it: "gzip", "zstd" or "" for none.
	Compression string
}

// maxSenders is how many uploads may be under way when connections are the devices' own: most of those are idle.
const maxSenders = 1024

// Senders is how many uploads may be under way at once.
func (c Client) Senders() int {
	n := c.MaxOpen
	if n <= 0 {
		n = DefaultMaxOpen
	}
	if c.PerDevice {
		n = min(n, maxSenders)
	}
	return n
}

// Defaults of Client.
const (
	DefaultMaxOpen = 256
	DefaultTimeout = 10 * time.Second
	DefaultIdle    = 30 * time.Second
)

// Retry says when an upload is tried again. The zero value never does.
type Retry struct {
	MaxAttempts     int           // attempts of one upload at most, the first included; 0 and 1 both mean no retry
	Base            time.Duration // bound of the first delay; it doubles with each attempt
	Cap             time.Duration // bound of all delays; 0 means none
	HonorRetryAfter bool          // wait at least as long as the backend asks
}

// Delay returns how long to wait after an upload's attempt number attempt (from 1) failed; false means that none is left.
// The delay is "full jitter":
//
//	u * min(Cap, Base * 2^(attempt-1))
//
// with u drawn from 0 <= u < 1 by the caller, so that the herd does not come back as one. With HonorRetryAfter it is
// retryAfter at least, even beyond Cap. Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015,
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
func (r Retry) Delay(attempt int, retryAfter time.Duration, u float64) (time.Duration, bool) {
	if attempt >= r.MaxAttempts {
		return 0, false
	}
	const longest = 1 << 62 * time.Nanosecond
	bound := max(0, r.Base)
	for range attempt - 1 {
		if bound == 0 || bound > longest/2 || r.Cap > 0 && bound >= r.Cap {
			break
		}
		bound *= 2
	}
	if r.Cap > 0 {
		bound = min(bound, r.Cap)
	}
	delay := time.Duration(u * float64(bound))
	if r.HonorRetryAfter {
		delay = max(delay, retryAfter)
	}
	return delay, true
}

// Retryable reports whether an attempt that ended in c may go better next time: the backend asked for patience (429), had
// trouble of its own (5xx), or no whole answer came. Other answers stay the same however often one asks.
func Retryable(c measure.Class) bool {
	switch c {
	case measure.Status429, measure.Status5xx, measure.ConnectRefused, measure.ConnectFailed, measure.Reset, measure.Timeout:
		return true
	}
	return false
}

// maxRetryAfter bounds what a backend can ask for, so that a nonsensical number does not overflow.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads a Retry-After header (RFC 9110 section 10.2.3): whole seconds or a date. A date is taken relative to the
// answer's own Date where there is one, so that a backend's wrong clock does no harm, and to now otherwise. Nonsense, a
// negative number and a date in the past are 0; nothing is above 24 h.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if strings.Trim(v, "0123456789") == "" {
		sec, err := strconv.ParseInt(v, 10, 64)
		if err != nil || sec > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(sec) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(maxRetryAfter, max(0, at.Sub(now)))
}
