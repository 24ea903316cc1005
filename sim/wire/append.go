package wire

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"drover/sim/event"
	"drover/sim/fleet"
)

const hexDigits = "0123456789abcdef"

// plain tells which bytes stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\'
	}
	return t
}()

// plainTo is where in s, from i on, the first byte is that does not stand for itself in a JSON string; len(s): there is none.
func plainTo[S string | []byte](s S, i int) int {
	rest := s[i:]
	for ; len(rest) > 8; rest = rest[8:] {
		if odd := odd(eight(rest)); odd != 0 {
			return len(s) - len(rest) + bits.TrailingZeros64(odd)/8
		}
	}
	i = len(s) - len(rest)
	if left := 8 * len(rest); left > 0 && len(s) >= 8 {
		// The last eight bytes without those that were looked at: behind the others there is then a 0, which is odd.
		return i + bits.TrailingZeros64(odd(eight(s[len(s)-8:])>>(64-left)))/8
	}
	for i < len(s) && plain[s[i]] {
		i++
	}
	return i
}

// odd has the highest bit of the first byte of x that is below a space, a quote, a backslash or no ASCII. Those of bytes behind it may
// be wrong, since they lend (graphics.stanford.edu/~seander/bithacks.html, hasless); 0: there is none.
func odd(x uint64) uint64 {
	return (x | (x - ' '*ones) | (x ^ '"'*ones - ones) | (x ^ '\\'*ones - ones)) & (0x80 * ones)
}

const ones = 0x0101010101010101 // in each of eight bytes

// eight is the first eight bytes of s, the first in the lowest, and four the first four. The compiler makes one load of each.
func eight[S string | []byte](s S) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func four(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// appendText writes a JSON string with its quotes (RFC 8259 section 7). It escapes only what must be escaped; bytes that
// are not UTF-8 become U+FFFD, as encoding/json does it.
//
// The texts of an upload are short; mostly there is room for them, and nothing in them is to be escaped.
func appendText(dst []byte, s string) []byte {
	if end := len(dst) + len(s) + 2; end <= cap(dst) && quotePlain(dst[len(dst):end], s) {
		return dst[:end]
	}
	return appendEscaped(dst, s)
}

// quotePlain writes s with its quotes to all of dst, and tells whether that is right: each byte stands for itself in a JSON string. Bytes in
// the midst are written twice.
func quotePlain(dst []byte, s string) bool {
	dst[0], dst[len(s)+1] = '"', '"'
	dst = dst[1 : len(s)+1]
	if len(s) >= 8 {
		last := eight(s[len(s)-8:])
		binary.LittleEndian.PutUint64(dst[len(s)-8:], last)
		odds := odd(last)
		for i := 0; i < len(s)-8; i += 8 {
			x := eight(s[i:])
			binary.LittleEndian.PutUint64(dst[i:], x)
			odds |= odd(x)
		}
		return odds == 0
	}
	if len(s) >= 4 {
		x, last := four(s), four(s[len(s)-4:])
		binary.LittleEndian.PutUint32(dst, x)
		binary.LittleEndian.PutUint32(dst[len(s)-4:], last)
		return odd(uint64(x)|uint64(last)<<32) == 0
	}
	for i := range len(s) {
		if dst[i] = s[i]; !plain[s[i]] {
			return false
		}
	}
	return true
}

// appendEscaped is appendText of whatever text.
func appendEscaped[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	from := 0
	for i := plainTo(s, 0); i < len(s); i = plainTo(s, i) {
		c := s[i]
		if c >= utf8.RuneSelf {
			// The conversion copies at most four bytes, on the stack.
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, s[from:i]...)
				dst = append(dst, `\ufffd`...)
				from = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// escapeTail turns dst[from:], which is UTF-8 without control characters but line feeds, into the inside of a JSON string. It works
// in place from the end, so that a text of tens of kilobytes needs no second buffer.
func escapeTail(dst []byte, from int) []byte {
	i, more := len(dst), 0
	at := from
	for ; at+8 <= i; at += 8 {
		more += bits.OnesCount64(escapes(eight(dst[at:])))
	}
	for _, c := range dst[at:] {
		if c == '"' || c == '\\' || c == '\n' {
			more++
		}
	}
	dst = slices.Grow(dst, more)[:i+more]
	for to := len(dst); to > i; {
		i--
		c := dst[i]
		if c == '\n' {
			c = 'n'
		} else if c != '"' && c != '\\' {
			to--
			dst[to] = c
			continue
		}
		to -= 2
		dst[to], dst[to+1] = '\\', c
	}
	return dst
}

// escapes is the highest bits of those bytes of x that are a quote, a backslash or a line feed.
func escapes(x uint64) uint64 {
	return zeros(x^'"'*ones) | zeros(x^'\\'*ones) | zeros(x^'\n'*ones)
}

// zeros is the highest bits of those bytes of x that are 0 (Hacker's Delight, 2nd edition, section 6-1).
func zeros(x uint64) uint64 {
	const low = 0x7f * ones
	return ^((x&low + low) | x | low)
}

func appendUint(dst []byte, n uint32) []byte { return strconv.AppendUint(dst, uint64(n), 10) }

// appendScore writes a number from 0 to 1. What is outside, or not a number and so not JSON, becomes the nearest end.
func appendScore(dst []byte, score float32) []byte {
	if !(score > 0) {
		return append(dst, '0')
	}
	return strconv.AppendFloat(dst, float64(min(score, 1)), 'g', -1, 32)
}

// appendTime writes RFC 3339 with three decimals in UTC, years 0 to 9999. Time.AppendFormat takes six times as long.
func appendTime(dst []byte, t time.Time) []byte {
	year, month, day := t.UTC().Date()
	milli := t.UnixMilli() % dayMillis
	if milli < 0 {
		milli += dayMillis // before 1970
	}
	second := uint32(milli) / 1000
	n := len(dst)
	dst = slices.Grow(dst, 24)[:n+24]
	text := (*[24]byte)(dst[n:])
	pair := func(at int, n uint32, next byte) {
		text[at], text[at+1], text[at+2] = '0'+byte(n/10), '0'+byte(n%10), next
	}
	pair(0, uint32(year)/100, 0)
	pair(2, uint32(year)%100, '-')
	pair(5, uint32(month), '-')
	pair(8, uint32(day), 'T')
	pair(11, second/3600, ':')
	pair(14, second/60%60, ':')
	pair(17, second%60, '.')
	pair(20, uint32(milli)%1000/10, '0'+byte(milli%10))
	text[23] = 'Z'
	return dst
}

const dayMillis = 24 * 60 * 60 * 1000

func appendMAC(dst []byte, mac [6]byte) []byte {
	for i, b := range mac {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}

// identified tells whether a device has the identifier that send has.
func identified(d *fleet.Device, send event.Fields) bool {
	if d.HasMAC {
		return send.Has(event.DeviceWiFiMAC)
	}
	return send.Has(event.DeviceGUID)
}

// appendIdentifier writes the device identifier, whatever a contract has of it.
func appendIdentifier(dst []byte, d *fleet.Device) []byte {
	if d.HasMAC {
		return appendMAC(dst, d.MAC)
	}
	return d.GUID.AppendText(dst)
}

func appendIPv4(dst []byte, a [4]byte) []byte {
	for i, b := range a {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return dst
}
