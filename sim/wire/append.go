package wire

import (
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

// appendText writes a JSON string with its quotes (RFC 8259 section 7). It escapes only what must be escaped; bytes that
// are not UTF-8 become U+FFFD, as encoding/json does it.
func appendText[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
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
	more := 0
	for _, c := range dst[from:] {
		if c == '"' || c == '\\' || c == '\n' {
			more++
		}
	}
	i := len(dst)
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

func appendUint(dst []byte, n uint32) []byte { return strconv.AppendUint(dst, uint64(n), 10) }

// appendScore writes a number from 0 to 1. What is outside, or not a number and so not JSON, becomes the nearest end.
func appendScore(dst []byte, score float32) []byte {
	if !(score > 0) {
		return append(dst, '0')
	}
	return strconv.AppendFloat(dst, float64(min(score, 1)), 'g', -1, 32)
}

// appendTime writes RFC 3339 with three decimals in UTC, years 0 to 9999. Time.AppendFormat takes three times as long.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	milli := t.Nanosecond() / 1e6
	digit := func(n int) byte { return '0' + byte(n%10) }
	return append(dst,
		digit(year/1000), digit(year/100), digit(year/10), digit(year), '-',
		digit(int(month)/10), digit(int(month)), '-',
		digit(day/10), digit(day), 'T',
		digit(hour/10), digit(hour), ':',
		digit(minute/10), digit(minute), ':',
		digit(second/10), digit(second), '.',
		digit(milli/100), digit(milli/10), digit(milli), 'Z')
}

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
