package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// text reads a string. The result points into the document, or into scratch when it had escapes.
func (d *decoder) text() []byte {
	if !d.expect('"', "a string") {
		return nil
	}
	from := d.pos
	for ; d.pos < len(d.data); d.pos++ {
		switch c := d.data[d.pos]; {
		case c == '"':
			s := d.data[from:d.pos:d.pos]
			d.pos++
			return s
		case c == '\\':
			return d.escaped(from)
		case c < 0x20:
			d.fail("a control character in a string; want an escape")
			return nil
		}
	}
	d.fail("the string does not end")
	return nil
}

func (d *decoder) escaped(from int) []byte {
	start := len(d.scratch)
	d.scratch = append(d.scratch, d.data[from:d.pos]...)
	for d.pos < len(d.data) {
		c := d.data[d.pos]
		switch {
		case c == '"':
			d.pos++
			return d.scratch[start:len(d.scratch):len(d.scratch)]
		case c < 0x20:
			d.fail("a control character in a string; want an escape")
			return nil
		case c != '\\':
			d.scratch = append(d.scratch, c)
			d.pos++
			continue
		}
		if d.pos+1 == len(d.data) {
			break
		}
		switch e := d.data[d.pos+1]; e {
		case '"', '\\', '/':
			d.scratch = append(d.scratch, e)
		case 'b':
			d.scratch = append(d.scratch, '\b')
		case 'f':
			d.scratch = append(d.scratch, '\f')
		case 'n':
			d.scratch = append(d.scratch, '\n')
		case 'r':
			d.scratch = append(d.scratch, '\r')
		case 't':
			d.scratch = append(d.scratch, '\t')
		case 'u':
			if !d.unicode() {
				return nil
			}
			continue
		default:
			d.fail("an escape that JSON does not have")
			return nil
		}
		d.pos += 2
	}
	d.fail("the string does not end")
	return nil
}

// unicode takes \uXXXX or a pair of surrogates. Half a pair is refused, not replaced: what is stored must be what was sent.
func (d *decoder) unicode() bool {
	hi := hex4(d.data[d.pos+2:])
	if hi < 0 {
		d.fail(`want four hexadecimal digits after \u`)
		return false
	}
	r, size := rune(hi), 6
	if hi >= 0xd800 && hi < 0xe000 {
		rest := d.data[d.pos+6:]
		lo := -1
		if len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			lo = hex4(rest[2:])
		}
		if hi >= 0xdc00 || lo < 0xdc00 || lo >= 0xe000 {
			d.fail("half of a surrogate pair")
			return false
		}
		r, size = rune(hi-0xd800)<<10|rune(lo-0xdc00)+0x10000, 12
	}
	d.scratch = utf8.AppendRune(d.scratch, r)
	d.pos += size
	return true
}

func hex4(b []byte) int {
	if len(b) < 4 {
		return -1
	}
	n := 0
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return n
}

// number takes a number as written (RFC 8259 section 6).
func (d *decoder) number() []byte {
	d.peek()
	from := d.pos
	digits := func() int {
		n := 0
		for ; d.pos < len(d.data) && d.data[d.pos]-'0' <= 9; d.pos++ {
			n++
		}
		return n
	}
	at := func(set string) bool { return d.pos < len(d.data) && strings.IndexByte(set, d.data[d.pos]) >= 0 }
	if at("-") {
		d.pos++
	}
	whole := d.pos
	ok := digits() > 0 && (d.data[whole] != '0' || d.pos == whole+1)
	if ok && at(".") {
		d.pos++
		ok = digits() > 0
	}
	if ok && at("eE") {
		d.pos++
		if at("+-") {
			d.pos++
		}
		ok = digits() > 0
	}
	if !ok || d.err != nil {
		d.pos = min(from, len(d.data))
		d.fail("want a number")
		return nil
	}
	return d.data[from:d.pos]
}

func (d *decoder) uint32() uint32 {
	c := d.peek()
	from := d.pos
	n := uint64(0)
	for ; d.pos < len(d.data) && d.data[d.pos]-'0' <= 9 && n <= 1<<32; d.pos++ {
		n = n*10 + uint64(d.data[d.pos]-'0')
	}
	more := d.pos < len(d.data) && strings.IndexByte(".eE", d.data[d.pos]) >= 0
	if d.pos == from || c == '0' && d.pos > from+1 || n >= 1<<32 || more || d.err != nil {
		d.pos = from
		d.fail("want a whole number from 0 to 4294967295")
		return 0
	}
	return uint32(n)
}

func (d *decoder) uint16() uint16 {
	d.peek()
	from := d.pos
	n := d.uint32()
	if n > 1<<16-1 {
		d.pos = from
		d.fail("want a whole number from 0 to 65535")
		return 0
	}
	return uint16(n)
}

func (d *decoder) score() float32 {
	d.peek()
	from := d.pos
	f, err := strconv.ParseFloat(string(d.number()), 32)
	if d.err == nil && (err != nil || f < 0 || f > 1) {
		d.pos = from
		d.fail("want a number from 0 to 1")
	}
	if d.err != nil {
		return 0
	}
	return float32(f)
}

func (d *decoder) bool() bool {
	d.peek()
	for _, word := range [...]string{"true", "false"} {
		if rest := d.data[d.pos:]; d.err == nil && len(rest) >= len(word) && string(rest[:len(word)]) == word {
			d.pos += len(word)
			return word == "true"
		}
	}
	d.fail("want true or false")
	return false
}
