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

// HashList is a list of sites as Safe Browsing keeps it: by the SHA-256 of expressions. A client holds the first four bytes of
// each and asks for the whole hashes only where those match. It serves both ends, for backends that speak that protocol. It is
// never changed after NewHashList and is safe for concurrent use.
type HashList struct {
	protocol Protocol
	entries  []fullHash // ascending by hash
}

type fullHash struct {
	hash     [sha256.Size]byte
	category event.Category
}

func (h *fullHash) prefix() uint32 { return binary.BigEndian.Uint32(h.hash[:4]) }

// NewHashList makes a list of sites with their categories: a URL in any form, of which host, path and query count. One without a
// path is a whole host, and one whose path ends in a slash all that is below. Of two entries for a site the later one holds. The
// error names the first entry that has no host or no category; there is no list then.
func NewHashList(p Protocol, entries iter.Seq2[string, event.Category]) (*HashList, error) {
	sites := map[[sha256.Size]byte]event.Category{}
	var buf []byte
	for entry, category := range entries {
		buf = Canonicalize(buf[:0], []byte(entry))
		e := expand(buf, p)
		if bytes.IndexByte(e.text, '/') == 0 {
			return nil, fmt.Errorf("list of hashes: %.80q has no host", entry)
		}
		if category >= event.NumCategories {
			return nil, fmt.Errorf("list of hashes: %q: category %d does not exist", entry, category)
		}
		sites[sha256.Sum256(e.text)] = category
	}
	l := &HashList{protocol: p, entries: make([]fullHash, 0, len(sites))}
	for hash, category := range sites {
		l.entries = append(l.entries, fullHash{hash, category})
	}
	slices.SortFunc(l.entries, func(a, b fullHash) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	return l, nil
}

// Len is the number of sites on the list.
func (l *HashList) Len() int { return len(l.entries) }

// Match looks a URL up that Canonicalize made. The longest host decides, and of it the longest path. A hash prefix that is found
// is not enough: the whole hash has to be. By V4 it allocates nothing.
func (l *HashList) Match(canonical []byte) (category event.Category, listed bool) {
	e := expand(canonical, l.protocol)
	for i := range e.nHosts {
		best := -1
		for j := range e.nPaths {
			hash := sha256.Sum256(e.at(i, j))
			for _, h := range l.confirm(binary.BigEndian.Uint32(hash[:4])) {
				if h.hash == hash && e.paths[j] > best {
					category, best = h.category, e.paths[j]
				}
			}
		}
		if best >= 0 {
			return category, true
		}
	}
	return event.Benign, false
}

// confirm returns the entries with a prefix.
func (l *HashList) confirm(prefix uint32) []fullHash {
	from, _ := slices.BinarySearchFunc(l.entries, prefix, func(h fullHash, p uint32) int { return cmp.Compare(h.prefix(), p) })
	to := from
	for to < len(l.entries) && l.entries[to].prefix() == prefix {
		to++
	}
	return l.entries[from:to]
}

// Prefixes yields the four-byte prefixes in ascending order, each once: what a server hands to its clients.
func (l *HashList) Prefixes() iter.Seq[[4]byte] {
	return func(yield func([4]byte) bool) {
		for i := range l.entries {
			if i > 0 && l.entries[i].prefix() == l.entries[i-1].prefix() {
				continue
			}
			if !yield([4]byte(l.entries[i].hash[:4])) {
				return
			}
		}
	}
}

// FullHashes yields the whole hashes that begin with a prefix, with their categories: what a server answers to a client that
// found one.
func (l *HashList) FullHashes(prefix [4]byte) iter.Seq2[[sha256.Size]byte, event.Category] {
	return func(yield func([sha256.Size]byte, event.Category) bool) {
		for _, h := range l.confirm(binary.BigEndian.Uint32(prefix[:])) {
			if !yield(h.hash, h.category) {
				return
			}
		}
	}
}
