package classify

import (
	"bytes"
	"strings"
)

// maxURL is how much of a URL is looked at, in bytes. What is longer is cut and judged on what fits: a host has at most
// 253 bytes (RFC 1035), and the rest is enough of a path to tell.
const maxURL = 512

// address is a URL in the classifier's own form. Its slices point into the caller's buffer.
type address struct {
	url      []byte // host, port and path: all that a verdict is made of
	host     []byte // lower case, without leading "www.", surplus dots and the zone
	path     []byte // path and query, from the first "/" or "?" on, with their case; empty for a lone "/"
	userinfo bool   // something stood before an "@"
	brackets bool   // host is an IPv6 literal, without its brackets
	odd      bool   // the host was an IPv4 address written in a way that people do not
}

// parse writes the classifier's own form of a URL to buf. It is that of Canonicalize, except that scheme, "www." and zone
// go, a port that is neither 80 nor 443 stays, a lone "/" goes, and "\" is "/", as browsers have it (WHATWG URL Standard,
// section 4.4, 2025). The form of the form is itself. zone has a leading dot, or is empty.
func parse(buf *[maxURL]byte, url []byte, zone string) address {
	var work [maxURL]byte
	s := unescape(work[:0], url)
	for i, c := range s {
		if c == '\\' {
			s[i] = '/'
		}
	}
	u := divide(s)
	var name [maxURL]byte
	h := canonicalHost(name[:0], u.host)
	a := address{userinfo: u.userinfo, brackets: h.brackets, odd: h.odd}
	if !h.brackets && !h.ipv4 {
		h.name = trimHost(h.name, zone)
		if ip, ok := anyIPv4(h.name); ok { // "www.1" or "1.2.3.4" in the zone
			h.name = appendQuad(name[:0], ip)
		}
	}
	w := writer{buf: buf}
	w.host(h)
	a.host = w.done()
	if h.brackets {
		a.host = bytes.TrimSuffix(a.host[1:], []byte("]"))
	}
	w.port(u.port)
	from := w.n
	path, query := resolve(u.path)
	if len(path) > 1 || len(query) > 0 {
		w.escaped(path)
		w.escaped(query)
	}
	a.url = w.done()
	a.path = a.url[min(from, len(a.url)):]
	return a
}

// dotted is a zone with its leading dot, in lower case.
func dotted(zone string) string {
	if zone = strings.ToLower(strings.Trim(zone, ".")); zone == "" {
		return ""
	}
	return "." + zone
}

// trimHost drops what does not distinguish names: the zone and a leading "www.".
func trimHost(host []byte, zone string) []byte {
	for zone != "" {
		rest, ok := bytes.CutSuffix(host, []byte(zone))
		if !ok || len(rest) == 0 {
			break
		}
		host = rest
	}
	for {
		rest, ok := bytes.CutPrefix(host, []byte("www."))
		if !ok || bytes.IndexByte(rest, '.') < 0 || rest[0] == '[' {
			return host
		}
		host = rest
	}
}
