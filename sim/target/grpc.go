package target

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"drover/sim/measure"
)

// calls makes uploads unary calls of gRPC: requests of HTTP/2 whose body is one message with a prefix, and whose outcome is in
// trailers. Everything below that is HTTP's: connections, TLS, tokens, faults, deadlines. It is safe for concurrent use.
// Source: gRPC over HTTP2, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (2025).
type calls struct {
	timeout []string  // of each call, told to the backend
	frames  sync.Pool // of *[]byte
	gzips   sync.Pool // of *gzip.Reader
	zstd    *zstd.Decoder
}

// grpcSchemes are those of URLs, and what is below them.
var grpcSchemes = map[string]string{"grpc": "http", "grpcs": "https"}

// grpcPort is where OTLP over gRPC is, unless a URL says another.
const grpcPort = "4317"

var (
	grpcContent = []string{"application/grpc"}
	grpcAccept  = []string{"gzip, zstd"}
	grpcTE      = []string{"trailers"}
)

// newCalls turns the options of a target of gRPC into those of HTTP/2 below it.
func newCalls(opt *HTTPOptions, base *url.URL) (*calls, error) {
	if base.Path != "" && base.Path != "/" {
		return nil, fmt.Errorf("target url %q: want %s://host:port without a path: it is the name of a method, in Paths", base, base.Scheme)
	}
	if opt.Client.Proxy != nil || opt.Sign != nil {
		return nil, errors.New("gRPC goes through no proxy, and its calls are not signed")
	}
	base.Scheme = grpcSchemes[base.Scheme]
	if base.Port() == "" {
		base.Host += ":" + grpcPort
	}
	opt.Client.HTTP2 = true
	c := &calls{timeout: []string{strconv.FormatInt(min(max(opt.Client.Timeout.Milliseconds(), 1), 99_999_999), 10) + "m"}} // 8 digits at most
	c.frames.New = func() any { return new([]byte) }
	c.gzips.New = func() any { return new(gzip.Reader) }
	var err error
	c.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxAnswer), zstd.WithDecoderLowmem(true))
	return c, err
}

// frame is a body as one message. The caller gives it back by c.frames.Put.
func (c *calls) frame(body []byte, packed bool) *[]byte {
	f := c.frames.Get().(*[]byte)
	b := append((*f)[:0], 0)
	if packed {
		b[0] = 1
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	*f = append(b, body...)
	return f
}

// dress adds what a call has beside any request's header.
func (c *calls) dress(header http.Header, encoding []string) {
	header["Content-Type"], header["Te"], header["Grpc-Timeout"], header["Grpc-Accept-Encoding"] = grpcContent, grpcTE, c.timeout, grpcAccept
	if encoding != nil {
		header["Grpc-Encoding"] = encoding
	}
}

// named is a request as messages call it.
func (h *HTTP) named(method string, u *url.URL) (string, string) {
	if h.calls == nil {
		return method, u.String()
	}
	as := *u
	for scheme, below := range grpcSchemes {
		if below == u.Scheme {
			as.Scheme = scheme
		}
	}
	return "call", as.String()
}

// answer reads what a call came to. resp was read to its end, into ans.Body, which becomes the message alone. Status is 200 of a call
// that was OK, and the code of gRPC otherwise.
func (c *calls) answer(resp *http.Response, where string, ans *Answer) {
	from, code := resp.Trailer, resp.Trailer.Get("Grpc-Status")
	if code == "" {
		from, code = resp.Header, resp.Header.Get("Grpc-Status") // of an answer that is trailers alone
	}
	bad := func(err error) {
		ans.Class, ans.Status, ans.Body = measure.BadAnswer, 0, ans.Body[:0]
		ans.Err = &attemptError{"call", where, measure.BadAnswer, 0, err}
	}
	n, err := strconv.ParseUint(code, 10, 32)
	switch {
	case code == "" && resp.StatusCode != http.StatusOK: // of a proxy, or of a server that does not speak gRPC
		ans.RetryAfter = retryAfter(resp.Header, time.Now())
		c.refused(&callError{where, codeOfStatus(resp.StatusCode), fmt.Sprintf("status %d of HTTP", resp.StatusCode)}, ans.RetryAfter > 0, ans)
		return
	case code == "":
		bad(errors.New("the answer has no grpc-status: is this a server of gRPC?"))
		return
	case err != nil:
		bad(fmt.Errorf("the answer's grpc-status is %.20q", code))
		return
	case n != grpcOK:
		after, told := retryInfo(from.Get("Grpc-Status-Details-Bin"))
		ans.RetryAfter = after
		c.refused(&callError{where, int(n), unescape(from.Get("Grpc-Message"))}, told, ans)
		return
	}
	if err := c.unframe(ans, resp.Header.Get("Grpc-Encoding")); err != nil {
		bad(err)
		return
	}
	ans.Class, ans.Status = measure.OK, http.StatusOK
}

// refused fills the answer of a call whose code is not OK. told is whether it says when to try again.
func (c *calls) refused(e *callError, told bool, ans *Answer) {
	ans.Body, ans.Err, ans.Status = ans.Body[:0], e, e.code
	ans.Class, ans.Final = classOfCode(e.code, e.text, told)
	if ans.Class == measure.Timeout {
		ans.Status = 0 // who ran out of time does not say what became of the upload
	}
}

// unframe makes ans.Body the one message in it.
func (c *calls) unframe(ans *Answer, encoding string) error {
	const prefix = 5
	b := ans.Body
	if len(b) < prefix || uint64(len(b)-prefix) != uint64(binary.BigEndian.Uint32(b[1:])) || b[0] > 1 {
		return fmt.Errorf("the answer is not one message: %d bytes, %.8q", len(b), b)
	}
	packed, b := b[0] == 1, b[prefix:]
	if !packed {
		ans.Body = ans.Body[:copy(ans.Body, b)]
		return nil
	}
	f := c.frames.Get().(*[]byte)
	defer c.frames.Put(f)
	*f = append((*f)[:0], b...)
	ans.Body = ans.Body[:0]
	switch encoding {
	case "gzip":
		z := c.gzips.Get().(*gzip.Reader)
		defer c.gzips.Put(z)
		if err := z.Reset(bytes.NewReader(*f)); err != nil {
			return fmt.Errorf("the answer is not gzip: %w", err)
		}
		long, err := ans.read(z, maxAnswer)
		if long {
			err = fmt.Errorf("it is longer than %d bytes", maxAnswer)
		}
		if err != nil {
			return fmt.Errorf("the answer in gzip: %w", err)
		}
		return nil
	case "zstd":
		b, err := c.zstd.DecodeAll(*f, ans.Body)
		if err != nil {
			return fmt.Errorf("the answer in zstd: %w", err)
		}
		ans.Body = b
		return nil
	}
	return fmt.Errorf("the answer is compressed by %.20q", encoding)
}

// callError is a call whose code is not OK.
type callError struct {
	where string
	code  int
	text  string // of the backend
}

func (e *callError) Error() string {
	name := fmt.Sprintf("code %d", e.code)
	if e.code < len(grpcCodes) {
		name = fmt.Sprintf("%s (%d)", grpcCodes[e.code].name, e.code)
	}
	if e.text == "" {
		return fmt.Sprintf("call %s: %s", e.where, name)
	}
	return fmt.Sprintf("call %s: %s: %.300s", e.where, name, e.text)
}

// Codes of gRPC that have a meaning of their own here.
const (
	grpcOK                = 0
	grpcResourceExhausted = 8
	grpcUnauthenticated   = 16
)

// grpcCodes are all of them. Which may go better when tried again: OpenTelemetry Protocol 1.10, "OTLP/gRPC Response", failures.
// Source of the names: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md (2025).
var grpcCodes = [...]struct {
	name  string
	class measure.Class
	final bool
}{
	{"OK", measure.OK, false},
	{"CANCELLED", measure.Status5xx, false},
	{"UNKNOWN", measure.Status5xx, true},
	{"INVALID_ARGUMENT", measure.Status400, true},
	{"DEADLINE_EXCEEDED", measure.Timeout, false},
	{"NOT_FOUND", measure.Status400, true},
	{"ALREADY_EXISTS", measure.Status400, true},
	{"PERMISSION_DENIED", measure.Status401, true},
	{"RESOURCE_EXHAUSTED", measure.Status429, true}, // unless it says when
	{"FAILED_PRECONDITION", measure.Status400, true},
	{"ABORTED", measure.Status5xx, false},
	{"OUT_OF_RANGE", measure.Status5xx, false},
	{"UNIMPLEMENTED", measure.Status400, true},
	{"INTERNAL", measure.Status5xx, true},
	{"UNAVAILABLE", measure.Status5xx, false},
	{"DATA_LOSS", measure.Status5xx, false},
	{"UNAUTHENTICATED", measure.Status401, true},
}

// tooLong are words in which the libraries of gRPC refuse a message above the server's limit. They have the same code as a quota that
// is used up: those of Go and of C, of Java, and of Rust.
var tooLong = []string{"larger than max", "exceeds maximum size", "message length too large"}

// classOfCode is the class of a call whose code is not OK, and whether it would go no better another time.
func classOfCode(code int, text string, told bool) (measure.Class, bool) {
	if code >= len(grpcCodes) {
		return measure.BadAnswer, true
	}
	c := grpcCodes[code]
	if code == grpcResourceExhausted {
		for _, words := range tooLong {
			if strings.Contains(text, words) {
				return measure.Status413, true
			}
		}
		return c.class, !told
	}
	return c.class, c.final
}

// codeOfStatus is the code of an answer without one, by its status of HTTP.
// Source: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md (2025).
func codeOfStatus(status int) int {
	switch status {
	case http.StatusBadRequest:
		return 13
	case http.StatusUnauthorized:
		return grpcUnauthenticated
	case http.StatusForbidden:
		return 7
	case http.StatusNotFound:
		return 12
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return 14
	}
	return 2
}

// retryInfo finds in a google.rpc.Status, in base64, how long the backend wants to be left alone, at most maxRetryAfter; false where it
// does not say.
// Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto and error_details.proto (2025).
func retryInfo(details string) (time.Duration, bool) {
	status, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(details, "="))
	if err != nil {
		return 0, false
	}
	for _, detail := range protoParts(status, 3) { // of type google.protobuf.Any
		kind, value := protoParts(detail, 1), protoParts(detail, 2)
		if len(kind) != 1 || len(value) > 1 || string(kind[0]) != "type.googleapis.com/google.rpc.RetryInfo" {
			continue
		}
		var delay time.Duration
		for _, v := range value {
			for _, d := range protoParts(v, 1) { // a google.protobuf.Duration
				delay = time.Duration(min(protoNumber(d, 1), int64(maxRetryAfter/time.Second)))*time.Second + time.Duration(protoNumber(d, 2))
			}
		}
		return min(maxRetryAfter, max(0, delay)), true
	}
	return 0, false
}

// protoParts are the values of a field of messages or texts; none where b is no message.
func protoParts(b []byte, field protowire.Number) (parts [][]byte) {
	protoFields(b, field, protowire.BytesType, func(v []byte) {
		part, _ := protowire.ConsumeBytes(v)
		parts = append(parts, part)
	})
	return parts
}

// protoNumber is the value of a field of numbers; 0 without one.
func protoNumber(b []byte, field protowire.Number) (n int64) {
	protoFields(b, field, protowire.VarintType, func(v []byte) {
		u, _ := protowire.ConsumeVarint(v)
		n = int64(u)
	})
	return n
}

func protoFields(b []byte, field protowire.Number, kind protowire.Type, found func(value []byte)) {
	for len(b) > 0 {
		num, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return
		}
		n := protowire.ConsumeFieldValue(num, typ, b[tag:])
		if n < 0 {
			return
		}
		if num == field && typ == kind {
			found(b[tag : tag+n])
		}
		b = b[tag+n:]
	}
}

// unescape reads a grpc-message, in which all but visible ASCII is percent-encoded. What is not well encoded stays as it is.
func unescape(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return text
	}
	return s
}
