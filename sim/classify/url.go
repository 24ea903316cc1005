package classify

import (
	"bytes"
	"strings"
)

// maxURL is how much of a URL is looked at, in bytes. What is longer is cut and judged on what fits: a host has at most
// 253 bytes (RFC 1035), and the rest is enough of a path to tell.
const maxURL = 512

// address is a URL in the classifier's own form. Its slices point into the caller's buffer or into the URL.
type address struct {
	url      []byte // host, port and path: all that a verdict is made of
	host     []byte // lower case, without leading "www.", surplus dots and the zone
	path     []byte // path and query, from the first "/" or "?" on, with their case; empty for a lone "/"
	userinfo bool   // something stood before an "@"
	brackets bool   // host is an IPv6 literal, without its brackets
	name     bool   // host is surely a name
	odd      bool   // the host was an IPv4 address written in a way that people do not
}

// parse gives the classifier's own form of a URL, in buf where it is not part of the URL. It is that of Canonicalize, except that
// scheme, "www." and zone go, a port that is neither 80 nor 443 stays, a lone "/" goes, and "\" is "/", as browsers have it
// (WHATWG URL Standard, section 4.4, 2025). The form of the form is itself. zone has a leading dot, or is empty.
func parse(buf *[maxURL]byte, url []byte, zone string) address {
	a, ok := direct(url, zone)
	switch {
	case ok:
	case a.name: // host and path have to come together
		n := copy(buf[:], a.host)
		m := n + copy(buf[n:], a.path)
		a.url, a.host, a.path = buf[:m], buf[:n], buf[n:m]
	default:
		a = dissect(buf, url, zone)
	}
	return a
}

// direct is parse for a URL that has its own form within it, as most have. When it is not ok, but the host surely is a name, then only
// the zone stands between host and path.
func direct(url []byte, zone string) (a address, ok bool) {
	from, to, ok := clean(url)
	if !ok {
		return address{}, false
	}
	name, path := trimZone(url[from:to], zone), url[to:]
	zoned := len(name) < to-from
	if zoned && numberEnds(name) { // "1.2.3.4" in the zone
		return address{}, false
	}
	if len(path) == 1 {
		path = nil
	}
	name = trimWWW(name)
	a = address{url: name, host: name, path: path, name: true}
	if len(path) > 0 {
		a.url = url[to-len(name):]
	}
	return a, !zoned || len(path) == 0
}

// dissect is parse for any URL: it takes it apart and puts it together again in buf.
func dissect(buf *[maxURL]byte, url []byte, zone string) address {
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
		h.name = trimWWW(trimZone(h.name, zone))
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
		if len(path) == 0 {
			w.plain("/")
		}
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

// trimZone drops the zone.
func trimZone(host []byte, zone string) []byte {
	for zone != "" {
		n := len(host) - len(zone)
		if n <= 0 || string(host[n:]) != zone {
			break
		}
		host = host[:n]
	}
	return host
}

// trimWWW drops a leading "www.", which does not distinguish names.
func trimWWW(host []byte) []byte {
	for len(host) > 4 && string(host[:4]) == "www." && bytes.IndexByte(host[4:], '.') >= 0 && host[4] != '[' {
		host = host[4:]
	}
	return host
}
