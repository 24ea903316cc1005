package target

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"time"
)

// maxHead is the most bytes of status lines, headers, interim answers, chunk sizes and trailers of one answer.
const maxHead = 256 << 10

var errLong = errors.New("the answer is too long")

// malformed is an answer that is not HTTP/1.1.
type malformed string

func (m malformed) Error() string { return string(m) }

// framing is what the head of an answer says about its body.
type framing struct {
	status     int
	length     int64 // -1: not given
	chunked    bool
	close      bool
	retryAfter string
	date       string
}

// answer reads a whole answer into ans and status: RFC 9112. It sets keep when the connection can be used again. A
// connection that ends too early is io.ErrUnexpectedEOF.
func (c *h1conn) answer(ans *Answer, status *int) error {
	var f framing
	for {
		if err := c.readHead(&f); err != nil {
			return early(err)
		}
		if f.status == http.StatusSwitchingProtocols {
			*status = f.status
			return nil // what follows is not HTTP
		}
		if f.status >= 200 {
			break
		}
	}
	var err error
	switch {
	case f.status == http.StatusNoContent || f.status == http.StatusNotModified:
	case f.chunked:
		err = c.readChunks(ans)
	case f.length >= 0:
		err = c.readLength(ans, f.length)
	default:
		f.close = true
		err = c.readToEnd(ans)
	}
	if err != nil && err != errLong {
		return early(err)
	}
	*status = f.status
	if f.retryAfter != "" {
		ans.RetryAfter = f.retry()
	}
	c.keep = err == nil && !f.close && c.r == c.w
	return err
}

// retry is how long the backend asks to wait.
func (f *framing) retry() time.Duration {
	return retryAfter(http.Header{"Retry-After": {f.retryAfter}, "Date": {f.date}}, time.Now())
}

// early makes the end of a connection within an answer an error of its own.
func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// line returns the next line without its end. It is valid until the next read.
func (c *h1conn) line() ([]byte, error) {
	for from := 0; ; {
		if i := bytes.IndexByte(c.in[c.r+from:c.w], '\n'); i >= 0 {
			line := c.in[c.r : c.r+from+i]
			c.r += from + i + 1
			if c.head += from + i + 1; c.head > maxHead {
				return nil, malformed("the head of the answer is too long")
			}
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return line, nil
		}
		if from = c.w - c.r; c.head+from > maxHead {
			return nil, malformed("the head of the answer is too long")
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// heads is the head that was read last and what it says. Most answers of a backend begin alike to the byte, for a second at least.
type heads struct {
	raw []byte
	framing
}

// mostHead is how long a head may be that is kept.
const mostHead = 1 << 10

// readHead reads a status line and headers, or sees that they are those of the last answer.
func (c *h1conn) readHead(f *framing) error {
	if c.r == c.w {
		if err := c.fill(); err != nil {
			return err
		}
	}
	k := c.known
	if n := len(k.raw); n > 0 && c.head+n <= maxHead && bytes.HasPrefix(c.in[c.r:c.w], k.raw) {
		*f = k.framing
		c.r += n
		c.head += n
		return nil
	}
	from, fills := c.r, c.fills
	if err := c.parseHead(f); err != nil {
		return err
	}
	if c.fills == fills && c.r-from <= mostHead { // it is there in one piece
		k.raw, k.framing = append(k.raw[:0], c.in[from:c.r]...), *f
	}
	return nil
}

func (c *h1conn) parseHead(f *framing) error {
	line, err := c.line()
	if err != nil {
		return err
	}
	// HTTP/1.1 200 OK
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return malformed(fmt.Sprintf("%.40q is not the status line of HTTP/1.1", line))
	}
	old := line[7] == '0'
	*f = framing{length: -1, close: old}
	for _, d := range line[9:12] {
		if d < '0' || d > '9' {
			return malformed(fmt.Sprintf("%.40q has no status", line))
		}
		f.status = f.status*10 + int(d-'0')
	}
	if f.status < 100 {
		return malformed(fmt.Sprintf("%.40q has no status", line))
	}
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return f.check(old)
		}
		if err := f.header(line); err != nil {
			return err
		}
	}
}

// check judges the headers together: RFC 9112 section 6.1 calls chunks in an answer of HTTP/1.0 faulty, and wants a
// connection closed after one that has a length too.
func (f *framing) check(old bool) error {
	if f.chunked && old {
		return malformed("an answer of HTTP/1.0 has no chunks")
	}
	f.close = f.close || f.chunked && f.length >= 0
	return nil
}

// header takes note of a header that matters here.
func (f *framing) header(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || line[colon-1] == ' ' || line[colon-1] == '\t' {
		return malformed(fmt.Sprintf("%.40q is not a header", line))
	}
	name, value := line[:colon], textproto.TrimBytes(line[colon+1:])
	switch len(name) { // most headers are told apart by their length
	case len("Content-Length"):
		if is(name, "content-length") {
			n, ok := decimal(value)
			if !ok || f.length >= 0 && f.length != n {
				return malformed(fmt.Sprintf("content length %.40q is none, or a second one", value))
			}
			f.length = n
		}
	case len("Transfer-Encoding"):
		if is(name, "transfer-encoding") {
			if !is(value, "chunked") || f.chunked {
				return malformed(fmt.Sprintf("transfer encoding %.40q was not asked for", value))
			}
			f.chunked = true
		}
	case len("Connection"):
		if is(name, "connection") {
			f.close = f.close && !is(value, "keep-alive") || is(value, "close")
		}
	case len("Retry-After"):
		if is(name, "retry-after") {
			f.retryAfter = string(value)
		}
	case len("Date"):
		// Its text is needed with a Retry-After that is a date, which may come before or after it.
		if is(name, "date") && (f.status == http.StatusTooManyRequests || f.status >= 500) {
			f.date = string(value)
		}
	}
	return nil
}

// is compares ASCII without regard to case; lower is in lower case.
func is(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func decimal(b []byte) (n int64, ok bool) {
	for _, d := range b {
		if d < '0' || d > '9' || n > 1<<56 {
			return 0, false
		}
		n = n*10 + int64(d-'0')
	}
	return n, len(b) > 0
}

// readLength reads a body of n bytes.
func (c *h1conn) readLength(ans *Answer, n int64) error {
	for n > 0 {
		if c.r == c.w {
			if err := c.fill(); err != nil {
				return err
			}
		}
		part := c.in[c.r:c.w]
		if int64(len(part)) > n {
			part = part[:n]
		}
		c.r += len(part)
		n -= int64(len(part))
		if err := ans.add(part); err != nil {
			return err
		}
	}
	return nil
}

// add appends a part of the body, up to what an answer may have.
func (a *Answer) add(part []byte) error {
	if room := maxAnswer - len(a.Body); len(part) > room {
		a.Body = append(a.Body, part[:room]...)
		return errLong
	}
	a.Body = append(a.Body, part...)
	return nil
}

func (c *h1conn) readToEnd(ans *Answer) error {
	for {
		if err := ans.add(c.in[c.r:c.w]); err != nil {
			return err
		}
		c.r = c.w
		if err := c.fill(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (c *h1conn) readChunks(ans *Answer) error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, ok := chunkSize(line)
		if !ok {
			return malformed(fmt.Sprintf("%.40q is not the size of a chunk", line))
		}
		if size == 0 {
			break
		}
		if err := c.readLength(ans, size); err != nil {
			return err
		}
		if line, err = c.line(); err != nil {
			return err
		}
		if len(line) > 0 {
			return malformed("a chunk is longer than its size")
		}
	}
	for { // trailers
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return err
		}
	}
}

// chunkSize reads a hexadecimal number, before any extension.
func chunkSize(line []byte) (n int64, ok bool) {
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	line = textproto.TrimBytes(line)
	for _, d := range line {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d|0x20 && d|0x20 <= 'f':
			d = d | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		if n > 1<<50 {
			return 0, false
		}
		n = n<<4 | int64(d)
	}
	return n, len(line) > 0
}
