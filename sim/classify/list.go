package classify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"strings"

	"drover/sim/event"
)

// maxHost is the longest host name, in bytes (RFC 1035 section 3.1, less the root label and the first length).
const maxHost = 253

// List is a set of sites whose category is known: hosts, and paths on hosts. An entry also speaks for what is below it: a host
// for the hosts below and all their paths, a path that ends in a slash for all that begins so, another one for every query. Of
// several, that of the longest host decides, and of it that of the longest path, so an entry that says event.Benign lets a site
// through. It is never changed after NewList and is safe for concurrent use.
//
// As with Safe Browsing, a host is looked for under its own name and four names above it, a path under its own and the four
// uppermost folders (see Expressions).
type List struct {
	hosts map[string]event.Category
	paths map[string]event.Category // by host and path
	tails tails
}

// tails says of most hosts that nothing on a list ends like them. It is a bit for each hash of eight last bytes.
type tails struct {
	bits  []uint64
	shift int
	short bool // a host has less than eight bytes: no look at the tails tells
}

func newTails(hosts int) tails {
	size := max(bits.Len(uint(16*hosts)), 6) // sixteen bits for each host
	return tails{bits: make([]uint64, 1<<(size-6)), shift: 64 - size}
}

func (t *tails) add(host string) {
	if len(host) < 8 {
		t.short = true
		return
	}
	h := tailHash([]byte(host)) >> t.shift
	t.bits[h>>6] |= 1 << (h & 63)
}

func (t *tails) has(host []byte) bool {
	if t.short {
		return true
	}
	if len(host) < 8 {
		return false
	}
	h := tailHash(host) >> t.shift
	return t.bits[h>>6]>>(h&63)&1 != 0
}

func tailHash(host []byte) uint64 {
	return binary.LittleEndian.Uint64(host[len(host)-8:]) * 0x9e3779b97f4a7c15
}

// NewList makes a list of sites with their categories. Sites are named as Rules sees them, without the zone; scheme, user, port,
// case of the host and "www." do not matter. Of two entries for a site the later one holds. The error names the first entry that
// is no site with a host name or has no category; there is no list then.
func NewList(entries iter.Seq2[string, event.Category]) (*List, error) {
	l := &List{hosts: make(map[string]event.Category), paths: make(map[string]event.Category)}
	var buf [maxURL]byte
	for entry, category := range entries {
		a := parse(&buf, []byte(entry), "")
		if literal, _ := a.literal(); literal || len(a.host) == 0 || len(a.host) > maxHost {
			return nil, fmt.Errorf("list of hosts: %.80q is not a host name; want 1 to %d bytes and no address", entry, maxHost)
		}
		if category >= event.NumCategories {
			return nil, fmt.Errorf("list of hosts: %q: category %d does not exist", entry, category)
		}
		if len(a.path) > 0 {
			l.paths[string(a.host)+string(a.path)] = category
		} else {
			l.hosts[string(a.host)] = category
		}
	}
	l.tails = newTails(l.Len())
	for host := range l.hosts {
		l.tails.add(host)
	}
	for expr := range l.paths {
		l.tails.add(expr[:strings.IndexByte(expr, '/')])
	}
	return l, nil
}

// Len is the number of sites on the list.
func (l *List) Len() int { return len(l.hosts) + len(l.paths) }

// Match looks a host up, lower-case and without "www.", port and zone. listed is false when the list does not speak of it. It
// allocates nothing.
func (l *List) Match(host []byte) (category event.Category, listed bool) {
	if !l.tails.has(host) {
		return event.Benign, false
	}
	if category, listed = l.hosts[string(host)]; listed {
		return category, true
	}
	dots := bytes.Count(host, []byte("."))
	for ; dots > 1; dots-- {
		host = host[bytes.IndexByte(host, '.')+1:]
		if dots > maxLabels {
			continue
		}
		if category, listed = l.hosts[string(host)]; listed {
			return category, true
		}
	}
	return event.Benign, false
}

// match looks a URL up.
func (l *List) match(a *address) (category event.Category, listed bool) {
	if len(l.paths) == 0 || len(a.path) == 0 || !l.tails.has(a.host) {
		return l.Match(a.host)
	}
	var buf [maxURL]byte
	text := a.url
	if len(a.host)+len(a.path) != len(text) { // a port stands between
		n := copy(buf[:], a.host)
		text = buf[:n+copy(buf[n:], a.path)]
	}
	e := expressions{text: text}
	e.lastLabels(a.host)
	e.prefixes(len(a.host))
	for i := range e.nHosts {
		best := -1
		for j := range e.nPaths {
			expr := e.at(i, j)
			if c, ok := l.paths[string(expr)]; ok && e.paths[j] > best {
				category, best = c, e.paths[j]
			}
		}
		if best >= 0 {
			return category, true
		}
		if category, listed = l.hosts[string(a.host[e.hosts[i]:])]; listed {
			return category, true
		}
	}
	return event.Benign, false
}
