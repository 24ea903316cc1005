package classify

import (
	"encoding/binary"
	"math/bits"
)

// The features of a URL are places in the weight table, found by hashing: every three, four and five bytes in a row, the words, the
// last labels, and what can be counted. Where each kind of them lies is for ever: whoever changes it must train anew.
const (
	tableBits = 19
	tableSize = 1 << tableBits
	toPlace   = 64 - tableBits // shifts a hash to a place

	// maxText is how much of a host or path the model looks at, in bytes; maxFeatures is how many features a URL can have.
	maxText     = 255
	maxFeatures = 2047
)

// Multipliers of the hashes, odd and without structure; each kind of feature has its own, so that "com" as part of a host
// and as part of a path are two features.
const (
	hostGram3 = 0x9e3779b97f4a7c15
	hostGram4 = 0xc2b2ae3d27d4eb4f
	hostGram5 = 0xd6e8feb86659fd93
	pathGram3 = 0xa0761d6478bd642f
	pathGram4 = 0xe7037ed1a0b428db
	pathGram5 = 0x8ebc6af09c88c6e3
	wordMul   = 0x1d8e4e27c47d124f // of the hash of a word, letter by letter

	lastLabelMul   = 0xeb44accab455d165
	lastTwoMul     = 0x9fb21c651e98df25
	rowMul         = 0x3c79ac492ba7b653
	depthMul       = 0x1c69b3f74ac4ae35
	extensionMul   = 0xff51afd7ed558ccd
	extensionTLD   = 0xc4ceb9fe1a85ec53
	extensionDepth = 0x62a9d9ed799705f5
	hostWord       = 0xa24baed4963ee407
	pathWord       = 0x9fb21c651e98df27
	portMul        = 0xcb24d0a5c88c35b3
)

// What is counted has places of its own, close together: the table's first few thousand, some for each count. And each last label
// has a row of rowSize places for what is counted of the name before it. A site is the second label, below is what stands before.
const (
	lengthPath    = 0                    // length of the host, with or without a path
	labelsHyphens = lengthPath + 32*2    // labels, hyphens
	digitsPath    = labelsHyphens + 8*8  // digits, with or without a path
	vowelsLength  = digitsPath + 16*2    // share of vowels, length
	siteShape     = vowelsLength + 16*16 // of the site: hyphens, share of vowels, length
	siteRare      = siteShape + 4*16*16  // of the site: rare letters, length
	belowShape    = siteRare + 8*16      // of what is below: length, digits, hyphens
	pathLength    = belowShape + 16*8*4  // length of the path, slashes
	pathDigits    = pathLength + 16*8    // digits, capitals
	pathSymbols   = pathDigits + 16*16   // symbols, with or without a query

	rowSize    = 128
	rowLength  = 0              // of the site
	rowDigits  = rowLength + 16 // in it
	rowHyphens = rowDigits + 8  // in it
	rowVowels  = rowHyphens + 4 // their share in it
	rowLabels  = rowVowels + 12 // with or without a path
	rowRare    = rowLabels + 16 // of the site
	rowBelow   = rowRare + 8    // digits of the site, length of what is below
)

const (
	numHostPlaces = 16
	numPathPlaces = 7
)

// counts are numbers of bytes, up to 255 of each kind, one above the other.
type counts uint64

const (
	countAll = 8 * iota
	countVowels
	countLetters
	countDigits
	countDots
	countHyphens
	countRare // j, q, v, x and z, which few words of European languages have

	// In a path, in their stead:
	countSlashes  = countHyphens
	countCapitals = countRare
)

func (c counts) of(kind int) int { return int(c >> kind & 255) }

// symbols are bytes that are neither letters nor digits.
func (c counts) symbols() int { return c.of(countAll) - c.of(countLetters) - c.of(countDigits) }

// hostCounts and pathCounts are what each byte adds.
var hostCounts, pathCounts = func() (host, path [256]counts) {
	for i := range host {
		c := byte(i)
		var capital counts
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
			capital = 1 << countCapitals
		}
		both := counts(1 << countAll)
		switch {
		case 'a' <= c && c <= 'z':
			both += 1 << countLetters
		case '0' <= c && c <= '9':
			both += 1 << countDigits
		}
		host[i], path[i] = both, both+capital
		switch c {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			host[i] += 1 << countVowels
		case 'j', 'q', 'v', 'x', 'z':
			host[i] += 1 << countRare
		case '-':
			host[i] += 1 << countHyphens
		case '.':
			host[i] += 1 << countDots
		case '/':
			path[i] += 1 << countSlashes
		}
	}
	return host, path
}()

// lastBytes is the last n of eight bytes, the very last one lowest.
func lastBytes(end uint64, n int) uint64 { return end & (1<<(8*n) - 1) }

// lastTwo hashes the last n bytes of a name, of which end are the last eight, as far as they are its last sixteen.
func lastTwo(name []byte, end uint64, n int) uint64 {
	if n <= 8 {
		return lastBytes(end, n)
	}
	var before uint64
	if at := len(name) - 16; at >= 0 {
		before = binary.BigEndian.Uint64(name[at:])
	} else {
		before = binary.BigEndian.Uint64(name) >> (8 * -at)
	}
	return end + lastBytes(before, n-8)*wordMul
}

// hostPlaces finds the features of a host but for its bytes in a row and words. dot and dot2 are what was counted before its last
// dot and the one before that, tld and two the hashes of the last label and the last two.
func hostPlaces(at *[numHostPlaces]uint32, all, dot, dot2 counts, tld, two uint64, hasPath int) {
	site, below := dot-dot2, dot2
	length := site.of(countAll)
	hyphens := min(site.of(countHyphens), 3)
	vowels := share(site)
	labels := min(all.of(countDots), 7)
	belowLength := log(below.of(countAll))
	siteDigits := site.of(countDigits)
	rare := min(site.of(countRare), 7)
	row := uint32(tld*rowMul>>toPlace) &^ (rowSize - 1)
	*at = [...]uint32{
		uint32(tld * lastLabelMul >> toPlace),
		uint32(two * lastTwoMul >> toPlace),
		uint32(lengthPath + min(all.of(countAll)>>1, 31)<<1 + hasPath),
		uint32(labelsHyphens + labels<<3 + min(all.of(countHyphens), 7)),
		uint32(digitsPath + log(all.of(countDigits))<<1 + hasPath),
		uint32(vowelsLength + share(all)<<4 + log(all.of(countAll))),
		uint32(siteShape + hyphens<<8 + vowels<<4 + log(length)),
		uint32(siteRare + rare<<4 + log(length)),
		uint32(belowShape + belowLength<<5 + min(log(below.of(countDigits)), 7)<<2 + min(below.of(countHyphens), 3)),
		row + uint32(rowLength+min(length, 15)),
		row + uint32(rowDigits+min(siteDigits, 7)),
		row + uint32(rowHyphens+hyphens),
		row + uint32(rowVowels+vowels),
		row + uint32(rowLabels+labels<<1+hasPath),
		row + uint32(rowRare+rare),
		row + uint32(rowBelow+min(log(siteDigits), 7)<<3+min(belowLength, 7)),
	}
}

// pathPlaces finds the features of a path but for its bytes in a row and words. end are the last eight bytes of its file name, the very last
// one lowest.
func pathPlaces(at *[numPathPlaces]uint32, all counts, end, tld uint64, query int) {
	depth := min(all.of(countSlashes), 7)
	ext := extension(end)
	*at = [...]uint32{
		uint32(pathLength + log(all.of(countAll))<<3 + depth),
		uint32(pathDigits + log(all.of(countDigits))<<4 + log(all.of(countCapitals))),
		uint32(pathSymbols + log(all.symbols())<<1 + query),
		uint32(tld*depthMul>>toPlace)&^15 + uint32(depth<<1+query),
		uint32((ext + 1) * extensionMul >> toPlace),
		uint32((ext*extensionMul ^ tld) * extensionTLD >> toPlace),
		uint32((ext<<3 + uint64(depth)) * extensionDepth >> toPlace),
	}
}

// inWord is all ones for letters and digits, and lowers are the bytes in lower case.
var inWord = func() (t [256]uint64) {
	for i, c := range pathCounts {
		if c.symbols() == 0 {
			t[i] = ^uint64(0)
		}
	}
	return t
}()

var lowers = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] |= 0x20
		}
	}
	return t
}()

// extension is what stands behind the last dot, when no slash does: at most seven bytes of a file name's last eight.
func extension(end uint64) uint64 {
	dot := bits.TrailingZeros64(equal(end, '.') & tops)
	if dot >= bits.TrailingZeros64(equal(end, '/')&tops) {
		return 0
	}
	return end & (1<<(dot-7) - 1)
}

// Eight bytes of ASCII are looked at in one word: least sets the top bit of each that is at least c, equal of each that is c; of the
// other bits nothing is said.
const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

func least(x, c uint64) uint64 { return x + (0x80-c)*ones }
func equal(x, c uint64) uint64 { return tops - (x ^ c*ones) }

// log is a number below 256 on a scale that grows slower, up to 15: 0, 1, 2, 3, 4-5, 6-7, 8-11, ...
func log(n int) int { return int(logs[n&255]) }

var logs = func() (t [256]uint8) {
	for n := range t {
		v := n
		if n >= 4 {
			b := bits.Len(uint(n)) - 1
			v = min(2*b+n>>(b-1)&1, 15)
		}
		t[n] = uint8(v)
	}
	return t
}()

// share is how many eighths of the letters are vowels, at most 8, and 9 where there is none.
func share(c counts) int { return int(shares[c>>countVowels&0xffff]) }

var shares = func() (t [1 << 16]uint8) {
	for i := range t {
		vowels, letters := i&255, i>>8
		t[i] = 9
		if letters > 0 {
			t[i] = uint8(min(8*vowels/letters, 8))
		}
	}
	return t
}()
