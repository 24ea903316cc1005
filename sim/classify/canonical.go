package classify

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Canonicalize appends the canonical form of a URL to dst, at most 512 bytes of it: scheme, host, path and query, in the
// order of steps that Safe Browsing gives. Tabs, line breaks and the fragment go; percent-escapes are undone until none is
// left; user, password and port go; the host is in lower case and punycode, without surplus dots, an IPv4 address in any
// legal form becomes dotted decimal and an IPv6 address short; the path's dots are resolved; and what is not printable ASCII
// is escaped again. The canonical form of a canonical form is itself. It allocates only for a host beyond ASCII.
//
// Source: Safe Browsing v4 "URLs and Hashing", v5 the same (developers.google.com/safe-browsing/reference/URLs.and.Hashing,
// 2026). Where it is silent, "http" is the scheme of a URL without one.
func Canonicalize(dst, raw []byte) []byte {
	from, to, ok := clean(raw)
	if !ok {
		return canonicalize(dst, raw)
	}
	if from == 0 {
		dst = append(dst, "http://"...)
	}
	dst = append(dst, raw...)
	if to == len(raw) {
		dst = append(dst, '/')
	}
	return dst
}

// canonicalize is Canonicalize for any URL.
func canonicalize(dst, raw []byte) []byte {
	var work [maxURL]byte
	u := divide(unescape(work[:0], raw))
	var out [maxURL]byte
	room := writer{buf: &out}
	if len(u.scheme) == 0 {
		u.scheme = []byte("http")
	}
	room.lower(u.scheme)
	room.plain("://")
	var name [maxURL]byte
	h := canonicalHost(name[:0], u.host)
	room.host(h)
	path, query := resolve(u.path)
	if len(path) == 0 {
		room.plain("/")
	}
	room.escaped(path)
	room.escaped(query)
	return append(dst, room.done()...)
}

// parts is an unescaped URL taken apart; the slices point into it.
type parts struct {
	scheme, host, port []byte
	path               []byte // with the query
	userinfo           bool
}

// unescape appends raw to dst, up to cap(dst), without the spaces around it, tabs, line breaks and fragment, and without
// any percent-escape. An escape that only appears when another one is undone is undone with the byte that completes it;
// as no two escapes overlap, the order does not matter.
func unescape(dst, raw []byte) []byte {
	for _, c := range bytes.Trim(raw, " \t\r\n") {
		switch c {
		case '\t', '\r', '\n':
			continue
		case '#':
			return dst
		}
		if len(dst) == cap(dst) {
			break
		}
		dst = append(dst, c)
		for n := len(dst); n >= 3 && dst[n-3] == '%'; n = len(dst) {
			hi, lo := hex(dst[n-2]), hex(dst[n-1])
			if hi < 0 || lo < 0 {
				break
			}
			dst[n-3] = byte(hi<<4 | lo)
			dst = dst[:n-2]
		}
	}
	return dst
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// maxScheme is the longest scheme that is taken for one, in bytes.
const maxScheme = 16

func divide(s []byte) parts {
	var u parts
	n := 0
	for n < len(s) && schemeByte(s[n]) {
		n++
	}
	if n > 0 && n <= maxScheme && bytes.HasPrefix(s[n:], []byte("://")) {
		u.scheme, s = s[:n], s[n+3:]
	} else {
		s = bytes.TrimPrefix(s, []byte("//"))
	}
	end := bytes.IndexAny(s, "/?")
	if end < 0 {
		end = len(s)
	}
	u.host, u.path = s[:end], s[end:]
	if i := bytes.LastIndexByte(u.host, '@'); i >= 0 {
		u.host, u.userinfo = u.host[i+1:], true
	}
	u.host = bytes.Trim(u.host, ".")
	from := 0
	if len(u.host) > 0 && u.host[0] == '[' {
		from = max(bytes.IndexByte(u.host, ']'), 0)
		if from == 0 {
			return u
		}
	}
	if i := bytes.IndexByte(u.host[from:], ':'); i >= 0 {
		u.port, u.host = u.host[from+i+1:], u.host[:from+i]
	}
	return u
}

func schemeByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'
}

// hostForm is a canonical host.
type hostForm struct {
	name     []byte // without brackets
	brackets bool   // an IPv6 literal, or what claims to be one
	ipv4     bool
	odd      bool // an IPv4 address in another form than dotted decimal
}

// canonicalHost appends the canonical form of an unescaped host, at most as long as dst has room for.
func canonicalHost(dst, host []byte) hostForm {
	if len(host) > 0 && host[0] == '[' {
		host = host[1:]
		if i := bytes.IndexByte(host, ']'); i >= 0 {
			host = host[:i]
		}
		if ip, ok := sixteen(host); ok {
			if v4, ok := embeddedV4(ip); ok {
				return hostForm{name: appendQuad(dst, v4), ipv4: true, odd: true}
			}
			return hostForm{name: appendV6(dst, ip), brackets: true}
		}
		return hostForm{name: appendLower(dst, host), brackets: true}
	}
	if beyondASCII(host) && utf8.Valid(host) {
		if ascii, err := idna.New(idna.MapForLookup(), idna.Transitional(false)).ToASCII(string(host)); err == nil && isName(ascii) {
			host = []byte(ascii)
		}
	}
	name := collapseDots(appendLower(dst, bytes.Trim(host, ".")))
	if ip, ok := anyIPv4(name); ok {
		_, plain := quad(name)
		return hostForm{name: appendQuad(dst, ip), ipv4: true, odd: !plain}
	}
	return hostForm{name: name}
}

// isName reports whether a mapped host is a name still: some letters beyond ASCII stand for "/", ":" or "%".
func isName(s string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

func beyondASCII(s []byte) bool {
	for _, c := range s {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

func appendLower(dst, s []byte) []byte {
	for _, c := range s[:min(len(s), cap(dst)-len(dst))] {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

func collapseDots(host []byte) []byte {
	n := 0
	for i, c := range host {
		if c == '.' && i > 0 && host[i-1] == '.' {
			continue
		}
		host[n] = c
		n++
	}
	return host[:n]
}

// resolve resolves "/./" and "/../" in the path and then makes runs of slashes one, in place; the query stays as it is.
func resolve(s []byte) (path, query []byte) {
	path = s
	if i := bytes.IndexByte(s, '?'); i >= 0 {
		path, query = s[:i], s[i:]
	}
	n := 0
	for i := 0; i < len(path); {
		end := len(path)
		if j := bytes.IndexByte(path[i+1:], '/'); j >= 0 {
			end = i + 1 + j
		}
		switch segment := path[i:end]; string(segment) { // with the slash before it
		case "/.", "/..":
			if len(segment) == 3 {
				n = max(bytes.LastIndexByte(path[:n], '/'), 0)
			}
			if end == len(path) {
				path[n] = '/'
				n++
			}
		default:
			n += copy(path[n:], segment)
		}
		i = end
	}
	path = path[:n]
	n = 0
	for i, c := range path {
		if c == '/' && i > 0 && path[i-1] == '/' {
			continue
		}
		path[n] = c
		n++
	}
	return path[:n], query
}

// writer fills a buffer, and then no more. It keeps a count and not a slice, so that the buffer can live on the stack.
type writer struct {
	buf  *[maxURL]byte
	n    int
	full bool // something did not fit
}

func (w *writer) plain(s string) {
	for i := range len(s) {
		w.byte(s[i])
	}
}

func (w *writer) lower(s []byte) {
	for _, c := range s {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		w.byte(c)
	}
}

func (w *writer) host(h hostForm) {
	if h.brackets {
		w.plain("[")
	}
	// A host is cut well before the end, so that what follows it fits whether the host was cut or not.
	w.escapedTo(len(w.buf)-16, h.name)
	if w.full {
		w.full = false
		for w.buf[w.n-1] == '.' {
			w.n--
		}
	}
	if h.brackets {
		w.plain("]")
	}
}

// port writes a port that is a number and not the one that goes without saying.
func (w *writer) port(digits []byte) {
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return
		}
	}
	if n == 0 || n == 80 || n == 443 || w.full || w.n+len(":65535") > len(w.buf) {
		return
	}
	w.byte(':')
	w.n = len(strconv.AppendInt(w.buf[:w.n], int64(n), 10))
}

func (w *writer) escaped(s []byte) { w.escapedTo(len(w.buf), s) }

// escapedTo writes s with its escapes, up to a place in the buffer.
func (w *writer) escapedTo(end int, s []byte) {
	const digits = "0123456789ABCDEF"
	for _, c := range s {
		if c > ' ' && c < 0x7f && c != '#' && c != '%' {
			if w.n == end {
				w.full = true
				return
			}
			w.byte(c)
			continue
		}
		if w.full || w.n+3 > end {
			w.full = true
			return
		}
		w.n += copy(w.buf[w.n:], []byte{'%', digits[c>>4], digits[c&15]})
	}
}

func (w *writer) byte(c byte) {
	if w.full || w.n == len(w.buf) {
		w.full = true
		return
	}
	w.buf[w.n] = c
	w.n++
}

// done is what was written. What was cut short does not end in dots, which would now mean something else.
func (w *writer) done() []byte {
	for w.full && w.n > 0 && w.buf[w.n-1] == '.' {
		w.n--
	}
	return w.buf[:w.n]
}
