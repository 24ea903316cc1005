package classify

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"drover/sim/event"
)

// maxHost is the longest host name, in bytes (RFC 1035 section 3.1, less the root label and the first length).
const maxHost = 253

// List is a set of hosts whose category is known. An entry also speaks for the hosts below it; of several, the most
// specific one decides, so an entry that says event.Benign lets a host through. It is never changed after NewList and is
// safe for concurrent use.
type List struct {
	hosts    map[string]event.Category
	prefixes []fullHash // ascending by hash
}

// fullHash is the SHA-256 of the expression "host/", which is how Safe Browsing names a whole host.
type fullHash struct {
	hash     [sha256.Size]byte
	category event.Category
}

func (h *fullHash) prefix() uint32 { return binary.BigEndian.Uint32(h.hash[:4]) }

// NewList makes a list of hosts with their categories. Hosts are named as Rules sees them, without the zone; scheme, port,
// path, case and "www." do not matter. Of two entries for a host the later one holds. The error names the first entry that
// is no host name or has no category; there is no list then.
func NewList(entries iter.Seq2[string, event.Category]) (*List, error) {
	l := &List{hosts: make(map[string]event.Category)}
	var buf [maxURL]byte
	for entry, category := range entries {
		a := parse(&buf, []byte(entry), "")
		if literal, _ := a.literal(); literal || len(a.host) == 0 || len(a.host) > maxHost {
			return nil, fmt.Errorf("list of hosts: %.80q is not a host name; want 1 to %d bytes and no address", entry, maxHost)
		}
		if category >= event.NumCategories {
			return nil, fmt.Errorf("list of hosts: %q: category %d does not exist", entry, category)
		}
		l.hosts[string(a.host)] = category
	}
	l.prefixes = make([]fullHash, 0, len(l.hosts))
	for host, category := range l.hosts {
		l.prefixes = append(l.prefixes, fullHash{hashHost([]byte(host)), category})
	}
	slices.SortFunc(l.prefixes, func(a, b fullHash) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	return l, nil
}

// Len is the number of hosts on the list.
func (l *List) Len() int { return len(l.hosts) }

// Match looks a host up, lower-case and without "www.", port and zone. listed is false when the list does not speak of it.
// The look-up hashes the host to 64 bits and then compares it whole. It allocates nothing.
func (l *List) Match(host []byte) (category event.Category, listed bool) {
	exprs, n := expressions(host)
	for _, expr := range exprs[:n] {
		if category, listed = l.hosts[string(expr)]; listed {
			return category, true
		}
	}
	return event.Benign, false
}

// MatchPrefix gives the same answer as Match in the way of a Safe Browsing client: the first four bytes of the SHA-256 of
// each expression are looked for, and only where they are found the whole hash is compared. It allocates nothing.
// Source: Safe Browsing v4, "URLs and Hashing" (developers.google.com/safe-browsing/v4/urls-hashing, 2025).
func (l *List) MatchPrefix(host []byte) (category event.Category, listed bool) {
	exprs, n := expressions(host)
	for _, expr := range exprs[:n] {
		hash := hashHost(expr)
		prefix := binary.BigEndian.Uint32(hash[:4])
		i, _ := slices.BinarySearchFunc(l.prefixes, prefix, func(h fullHash, p uint32) int { return cmp.Compare(h.prefix(), p) })
		for ; i < len(l.prefixes) && l.prefixes[i].prefix() == prefix; i++ {
			if l.prefixes[i].hash == hash {
				return l.prefixes[i].category, true
			}
		}
	}
	return event.Benign, false
}

// Prefixes yields the four-byte hash prefixes of the list in ascending order, each once: what a Safe Browsing server
// hands to its clients.
func (l *List) Prefixes() iter.Seq[[4]byte] {
	return func(yield func([4]byte) bool) {
		for i := range l.prefixes {
			if i > 0 && l.prefixes[i].prefix() == l.prefixes[i-1].prefix() {
				continue
			}
			if !yield([4]byte(l.prefixes[i].hash[:4])) {
				return
			}
		}
	}
}

// hashHost is the SHA-256 of the expression "host/".
func hashHost(host []byte) [sha256.Size]byte {
	var buf [maxURL + 1]byte
	n := copy(buf[:maxURL], host)
	buf[n] = '/'
	return sha256.Sum256(buf[:n+1])
}

// expressions returns the n hosts that may stand on a list for host: host itself and then up to four above it, made of its
// last five labels by dropping the first, as Safe Browsing v4 does; never a bare top-level domain. They are parts of host.
func expressions(host []byte) (list [5][]byte, n int) {
	var starts [4]int // of the last two labels, the last three, and so on
	found := 0
	for i, dots := len(host)-1, 0; i >= 0 && found < len(starts); i-- {
		if host[i] == '.' {
			if dots++; dots >= 2 {
				starts[found] = i + 1
				found++
			}
		}
	}
	list[0], n = host, 1
	for k := found - 1; k >= 0; k-- {
		list[n] = host[starts[k]:]
		n++
	}
	return list, n
}
