package classify

import (
	"bytes"
	"strings"
)

// maxURL is how much of a URL is looked at, in bytes. What is longer is cut and judged on what fits: a host has at most
// 253 bytes (RFC 1035), and the rest is enough of a path to tell.
const maxURL = 512

// address is a URL taken apart. Its slices point into the caller's buffer.
type address struct {
	host     []byte // lower case, without leading "www.", trailing dots and the zone
	path     []byte // lower case, path and query, from the first "/" or "?" on; may be empty
	userinfo bool   // something stood before an "@"
	brackets bool   // host is an IPv6 literal, without its brackets
}

// parse takes url apart in buf. zone has a leading dot, or is empty.
// Scheme, user and password, port and fragment do not matter to a verdict; tabs and line breaks are dropped and "\" is "/",
// as browsers have it (WHATWG URL Standard, section 4.4, 2025).
func parse(buf *[maxURL]byte, url []byte, zone string) address {
	n := 0
	for _, c := range bytes.TrimSpace(url[:min(len(url), 2*maxURL)]) {
		switch {
		case c == '\t' || c == '\r' || c == '\n':
			continue
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == '\\':
			c = '/'
		case c == '#':
			return split(buf[:n], zone)
		}
		if n == len(buf) {
			break
		}
		buf[n] = c
		n++
	}
	return split(buf[:n], zone)
}

// dotted is a zone with its leading dot, in lower case.
func dotted(zone string) string {
	if zone = strings.ToLower(strings.Trim(zone, ".")); zone == "" {
		return ""
	}
	return "." + zone
}

func split(s []byte, zone string) address {
	var a address
	scheme := 0
	for scheme < len(s) && s[scheme] != ':' && s[scheme] != '/' && s[scheme] != '?' && s[scheme] != '@' {
		scheme++
	}
	if bytes.HasPrefix(s[scheme:], []byte("://")) {
		s = s[scheme+3:]
	} else {
		s = bytes.TrimPrefix(s, []byte("//"))
	}
	end := len(s)
	for i, c := range s {
		if c == '/' || c == '?' {
			end = i
			break
		}
	}
	host := s[:end]
	a.path = s[end:]
	if i := bytes.LastIndexByte(host, '@'); i >= 0 {
		a.userinfo = true
		host = host[i+1:]
	}
	if len(host) > 0 && host[0] == '[' {
		host = host[1:]
		if i := bytes.IndexByte(host, ']'); i >= 0 {
			host = host[:i]
		}
		a.host, a.brackets = host, true
		return a
	}
	if i := bytes.IndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	a.host = trimHost(host, zone)
	return a
}

// trimHost drops what does not distinguish hosts: surplus dots, the zone and a leading "www.". It changes host in place.
func trimHost(host []byte, zone string) []byte {
	host = bytes.Trim(host, ".")
	if bytes.Contains(host, []byte("..")) {
		n := 0
		for i, c := range host {
			if c == '.' && host[i-1] == '.' { // host starts with another byte
				continue
			}
			host[n] = c
			n++
		}
		host = host[:n]
	}
	if rest, ok := bytes.CutSuffix(host, []byte(zone)); ok && len(rest) > 0 {
		host = rest
	}
	if rest, ok := bytes.CutPrefix(host, []byte("www.")); ok && bytes.IndexByte(rest, '.') >= 0 {
		host = rest
	}
	return host
}
