package classify

import (
	"bytes"
	"slices"

	"golang.org/x/net/publicsuffix"
)

// Protocol is a version of Safe Browsing, as far as it decides which hosts above a URL's own may stand on a list for it.
type Protocol int

const (
	V4 Protocol = iota // up to four hosts: the last five labels, less their first, and so on, never a top-level domain
	V5                 // up to four hosts: the registrable domain, and that with one more label, two, three
)

const (
	maxHosts  = 5 // that may stand on a list for one URL
	maxPaths  = 6
	maxLabels = 5 // of the hosts that V4 makes
)

// expressions are the host-suffix and path-prefix expressions of a URL: every host of it with every path. text[:host] is its
// host; an expression is text[hosts[i]:paths[j]].
type expressions struct {
	text           []byte
	hosts          [maxHosts]int // where each begins, the exact one first and then from long to short
	paths          [maxPaths]int // where each ends: with the query, without, then "/", "/a/" and so on
	nHosts, nPaths int
}

// Expressions appends the expressions of a URL that Canonicalize made, at most 30: "a.example/b?c", "a.example/b",
// "a.example/", and the same for the hosts above it. A list names sites by the SHA-256 of such texts; scheme, user and port
// have no part in them. It allocates.
//
// Source: Safe Browsing v4 and v5, "URLs and Hashing" (developers.google.com/safe-browsing/reference/URLs.and.Hashing, 2026).
// V5 goes by the whole Public Suffix List of golang.org/x/net/publicsuffix, with what hosters have put there.
func Expressions(dst []string, canonical []byte, p Protocol) []string {
	e := expand(canonical, p)
	for i := range e.nHosts {
		for j := range e.nPaths {
			dst = append(dst, string(e.at(i, j)))
		}
	}
	return dst
}

// expand finds the expressions of a canonical URL.
func expand(canonical []byte, p Protocol) expressions {
	if i := bytes.Index(canonical, []byte("://")); i >= 0 {
		canonical = canonical[i+3:]
	}
	host := bytes.IndexByte(canonical, '/')
	if host < 0 {
		host = len(canonical)
	}
	e := expressions{text: canonical}
	name := canonical[:host]
	switch {
	case len(name) > 0 && (name[0] == '[' || endsInNumber(name)):
		e.nHosts = 1
	case p == V5:
		e.registrable(name)
	default:
		e.lastLabels(name)
	}
	e.prefixes(host)
	return e
}

func (e *expressions) at(host, path int) []byte { return e.text[e.hosts[host]:e.paths[path]] }

// lastLabels adds a host and up to four above it that have two to five labels.
func (e *expressions) lastLabels(host []byte) {
	var starts [maxLabels - 1]int // of the last two labels, the last three, and so on
	found := 0
	for i, dots := len(host)-1, 0; i >= 0 && found < len(starts); i-- {
		if host[i] == '.' {
			if dots++; dots >= 2 {
				starts[found] = i + 1
				found++
			}
		}
	}
	e.nHosts = 1
	for k := found - 1; k >= 0; k-- {
		e.hosts[e.nHosts] = starts[k]
		e.nHosts++
	}
}

// registrable adds a host, and of its registrable domain and the hosts between the two the four shortest.
func (e *expressions) registrable(host []byte) {
	e.nHosts = 1
	suffix, _ := publicsuffix.PublicSuffix(string(host))
	for i := len(host) - len(suffix) - 2; i >= 0 && e.nHosts < maxHosts; i-- {
		if host[i] == '.' {
			e.hosts[e.nHosts] = i + 1
			e.nHosts++
		}
	}
	slices.Sort(e.hosts[1:e.nHosts])
}

// prefixes adds the paths: as they are, and up to four that end in a slash.
func (e *expressions) prefixes(host int) {
	add := func(end int) {
		if !slices.Contains(e.paths[:e.nPaths], end) {
			e.paths[e.nPaths] = end
			e.nPaths++
		}
	}
	add(len(e.text))
	path := e.text[host:]
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
		add(host + i)
	}
	for i, n := 0, 0; i < len(path) && n < maxPaths-2; i++ {
		if path[i] == '/' {
			add(host + i + 1)
			n++
		}
	}
}
