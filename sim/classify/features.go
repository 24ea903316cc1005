package classify

import "math/bits"

// The features of a URL are places in the weight table, found by hashing. One URL has at most maxFeatures of them.
const (
	tableBits   = 19
	tableSize   = 1 << tableBits
	maxGrams    = 3 * (maxURL + 4)
	maxFeatures = maxGrams + maxURL + 64
)

// Multipliers of the hashes, odd and without structure; each kind of feature has its own, so that "com" as part of a host
// and as part of a path are two features. Whoever changes one must train anew.
const (
	hostGram3 = 0x9e3779b97f4a7c15
	hostGram4 = 0xc2b2ae3d27d4eb4f
	hostGram5 = 0xd6e8feb86659fd93
	pathGram3 = 0xa0761d6478bd642f
	pathGram4 = 0xe7037ed1a0b428db
	pathGram5 = 0x8ebc6af09c88c6e3
	hostToken = 0x589965cc75374cc3
	pathToken = 0x1d8e4e27c47d124f
	suffixMul = 0xeb44accab455d165
	shapeMul  = 0x2f5870a5d1f3b9c7
	spread    = 0x9fb21c651e98df25
)

// features writes the features of a URL in the classifier's own form to dst and returns how many there are. host is the
// length of its host with the port. It reads bytes in lower case: only one feature asks whether a path has capitals.
func features(dst *[maxFeatures]uint32, url []byte, host int) int {
	n := grams(dst, 0, url[:host], '^', '$', hostGram3, hostGram4, hostGram5)
	if host < len(url) {
		n = grams(dst, n, url[host+1:], url[host], '$', pathGram3, pathGram4, pathGram5)
		n = tokens(dst, n, url[host+1:], pathToken)
	}
	n = tokens(dst, n, url[:host], hostToken)
	return shape(dst, n, url, host)
}

// fold is a byte in lower case. Bytes from "@" to "_" become others of their own, which does no harm in a hash.
func fold(c byte) byte {
	if c-'A' < 26 {
		c |= 0x20
	}
	return c
}

// grams adds every three, four and five bytes in a row, with a mark at both ends.
func grams(dst *[maxFeatures]uint32, n int, s []byte, first, last byte, m3, m4, m5 uint64) int {
	w := uint64(first)
	out := dst[n:]
	k := 0
	for _, c := range s {
		w = w<<8 | uint64(fold(c))
		if k+3 > len(out) {
			break
		}
		o := out[k : k+3 : k+3]
		o[0] = uint32((w & 0xffffff) * m3 >> (64 - tableBits))
		o[1] = uint32((w & 0xffffffff) * m4 >> (64 - tableBits))
		o[2] = uint32((w & 0xffffffffff) * m5 >> (64 - tableBits))
		k += 3
	}
	w = w<<8 | uint64(last)
	o := out[k : k+3 : k+3]
	o[0] = uint32((w & 0xffffff) * m3 >> (64 - tableBits))
	o[1] = uint32((w & 0xffffffff) * m4 >> (64 - tableBits))
	o[2] = uint32((w & 0xffffffffff) * m5 >> (64 - tableBits))
	return n + k + 3
}

// tokens adds the words between anything that is neither letter nor digit.
func tokens(dst *[maxFeatures]uint32, n int, s []byte, mul uint64) int {
	h := uint64(0)
	for _, c := range s {
		if class[c] != 0 {
			h = (h ^ uint64(fold(c)) ^ 0x100) * spread
			continue
		}
		if h != 0 {
			dst[n] = place(h, mul)
			n++
			h = 0
		}
	}
	if h != 0 {
		dst[n] = place(h, mul)
		n++
	}
	return n
}

func place(h, mul uint64) uint32 { return uint32((h ^ h>>29) * mul >> (64 - tableBits)) }

// class says what a byte is in a name: 0 neither, 1 consonant, 2 vowel, 3 digit.
var class = classes()

func classes() (t [256]uint8) {
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-0x20] = 1, 1
	}
	for _, c := range []byte("aeiouyAEIOUY") {
		t[c] = 2
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = 3
	}
	return t
}

// counts is what shape counts in a run of bytes.
type counts struct {
	length, kinds        int    // kinds: how often the class changes
	by                   [4]int // bytes of each class
	hyphens, dots        int
	longestRun, digitRun int // of consonants, of digits
}

func count(s []byte) counts {
	c := counts{length: len(s)}
	run, digits := 0, 0
	last := uint8(0)
	for _, b := range s {
		k := class[b]
		c.by[k]++
		if k != last {
			c.kinds++
			run, digits = 0, 0
		}
		last = k
		switch k {
		case 0:
			if b == '-' {
				c.hyphens++
			} else if b == '.' {
				c.dots++
			}
		case 1:
			run++
			c.longestRun = max(c.longestRun, run)
		case 3:
			digits++
			c.digitRun = max(c.digitRun, digits)
		}
	}
	return c
}

// vowelShare is the share of vowels among the letters, in eighths.
func (c *counts) vowelShare() int {
	letters := c.by[1] + c.by[2]
	if letters == 0 {
		return 9
	}
	return 8 * c.by[2] / letters
}

// log is a length on a scale that grows slower: 0, 1, 2, 3, 4-5, 6-7, 8-11, ...
func log(n int) int {
	if n < 4 {
		return n
	}
	b := bits.Len(uint(n)) - 1
	return 2*b + n>>(b-1)&1
}

// adder puts shape features in their places; each call has its own number.
type adder struct {
	dst *[maxFeatures]uint32
	n   int
	id  uint64
}

func (a *adder) add(with uint64, values ...int) {
	a.id++
	h := with ^ a.id<<56
	for _, v := range values {
		h = (h ^ uint64(v+1)) * spread
	}
	a.dst[a.n] = place(h, shapeMul)
	a.n++
}

// shape adds the last labels, and what can be counted: lengths, digits, hyphens, vowels, runs, depth, alone and together
// with the last label.
func shape(dst *[maxFeatures]uint32, n int, url []byte, host int) int {
	name, path := url[:host], url[host:]
	for i := len(name) - 1; i >= 0 && len(name)-i < 7; i-- {
		if name[i] == ':' {
			name = name[:i]
		}
	}
	var h, tld uint64
	end, start, labels := len(name), 0, 0 // of the second label from the right
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' || i == 0 {
			if i == 0 && name[i] != '.' {
				h = (h ^ uint64(name[i])) * spread
			}
			if labels++; labels <= 3 {
				dst[n] = place(h, suffixMul)
				n++
			}
			switch labels {
			case 1:
				tld, end = h, i
			case 2:
				start = i
				if name[i] == '.' {
					start++
				}
			}
		}
		h = (h ^ uint64(name[i])) * spread
	}
	site := count(name[min(start, end):end])
	below := count(name[:start])
	all := count(name)
	a := adder{dst: dst, n: n}
	port, deep := 0, min(labels, 7)
	if len(name) != host {
		port = 1
	}
	hasPath := min(len(path), 1)
	a.add(0, min(len(name)/2, 40), hasPath)
	a.add(0, all.dots, all.hyphens)
	a.add(0, log(all.by[3]), hasPath)
	a.add(0, all.vowelShare(), log(len(name)))
	a.add(0, all.digitRun, all.longestRun)
	a.add(0, log(all.kinds), deep)
	a.add(0, port, deep)
	a.add(0, site.length, log(site.by[3]))
	a.add(0, site.hyphens, site.longestRun, log(site.length))
	a.add(0, log(below.length), log(below.by[3]), below.hyphens)
	a.add(tld, log(site.length))
	a.add(tld, site.by[3])
	a.add(tld, site.longestRun)
	a.add(tld, site.hyphens)
	a.add(tld, site.vowelShare())
	a.add(tld, deep, hasPath)
	a.add(tld, log(site.kinds), log(below.length))
	if len(path) == 0 {
		return a.n
	}
	p := pathShape(path)
	a.add(0, log(p.length), p.slashes)
	a.add(0, log(p.digits), log(p.capitals))
	a.add(0, log(p.symbols), p.query)
	a.add(tld, p.slashes, p.query)
	a.add(p.extension)
	a.add(p.extension^tld, 1)
	a.add(p.extension, p.slashes)
	a.add(p.first)
	a.add(p.last)
	return a.n
}

// pathCounts is what shape sees in a path. extension, first and last are hashes of the file's ending and of two segments.
type pathCounts struct {
	length, slashes, digits, capitals, symbols, query int
	extension, first, last                            uint64
}

func pathShape(path []byte) pathCounts {
	p := pathCounts{length: len(path)}
	var segment uint64
	dotted := false
	for _, c := range path {
		switch {
		case c == '?':
			p.query = 1
		case c == '/' && p.query == 0:
			if p.slashes++; p.slashes == 2 {
				p.first = segment
			}
			segment, p.extension, dotted = 0, 0, false
			continue
		case c-'A' < 26:
			p.capitals++
		case class[c] == 3:
			p.digits++
		case class[c] == 0:
			p.symbols++
		}
		if p.query == 0 {
			segment = (segment ^ uint64(fold(c))) * spread
			p.extension = (p.extension ^ uint64(fold(c))) * spread
			if c == '.' {
				p.extension, dotted = 0, true
			}
		}
	}
	if !dotted {
		p.extension = 0
	}
	p.last = segment
	return p
}
