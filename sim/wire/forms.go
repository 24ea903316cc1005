package wire

import (
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// form reads a string with parse, which says whether it is well formed.
func (d *decoder) form(want string, parse func([]byte) bool) {
	d.peek()
	from := d.pos
	if s := d.text(); d.err == nil && !parse(s) {
		d.pos = from
		d.fail(want)
	}
}

func (d *decoder) guid() (g fleet.GUID) {
	d.form("want a UUID in lower case, e.g. 0b7cbb29-3a5e-4a5c-8f0e-7d1a2b3c4d5e", func(s []byte) bool { return parseUUID(s, (*[16]byte)(&g)) })
	return g
}

func (d *decoder) mac() (mac [6]byte) {
	d.form("want a MAC address in lower case, e.g. a4:83:e7:00:00:01", func(s []byte) bool { return parseMAC(s, &mac) })
	return mac
}

func (d *decoder) ipv4() (a [4]byte) {
	d.form("want an IPv4 address, e.g. 192.0.2.1", func(s []byte) bool { return parseIPv4(s, &a) })
	return a
}

func (d *decoder) time() (t time.Time) {
	d.form("want a time in UTC with milliseconds, e.g. 2026-05-04T07:14:03.250Z", func(s []byte) bool { return parseTime(s, &t) })
	return t
}

func (d *decoder) kind() (k event.Kind) {
	d.form("unknown kind of event", func(s []byte) (ok bool) { k, ok = event.ParseKind(string(s)); return ok })
	return k
}

func (d *decoder) category() (c event.Category) {
	d.form("unknown category", func(s []byte) (ok bool) { c, ok = event.ParseCategory(string(s)); return ok })
	return c
}

func (d *decoder) risk() (r event.Risk) {
	d.form("want clear, low, medium or high", func(s []byte) (ok bool) { r, ok = event.ParseRisk(string(s)); return ok })
	return r
}

// oneOf returns the table's own string, so that nothing is allocated.
func (d *decoder) oneOf(want string, words []string) (word string) {
	d.form(want, func(s []byte) bool {
		for _, w := range words {
			if w == string(s) {
				word = w
				return true
			}
		}
		return false
	})
	return word
}

// Each parse function below accepts exactly what the matching append function writes: one value, one form.

func parseUUID(s []byte, id *[16]byte) bool {
	if len(s) != 36 {
		return false
	}
	n := 0
	for i := 0; i < len(s); {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
			i++
			continue
		}
		b, ok := hexByte(s[i], s[i+1])
		if !ok {
			return false
		}
		id[n] = b
		n++
		i += 2
	}
	return true
}

// anyCaseUUID takes capital letters, too.
func anyCaseUUID(s []byte, id *[16]byte) bool {
	var lower [36]byte
	if len(s) != len(lower) {
		return false
	}
	for i, c := range s {
		if lower[i] = c; 'A' <= c && c <= 'F' {
			lower[i] = c | 0x20
		}
	}
	return parseUUID(lower[:], id)
}

func parseMAC(s []byte, mac *[6]byte) bool {
	if len(s) != 17 {
		return false
	}
	for i := range mac {
		b, ok := hexByte(s[3*i], s[3*i+1])
		if !ok || i < 5 && s[3*i+2] != ':' {
			return false
		}
		mac[i] = b
	}
	return true
}

// hexByte takes digits in lower case only.
func hexByte(hi, lo byte) (byte, bool) {
	h, l := nibble(hi), nibble(lo)
	return h<<4 | l, h|l < 16
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

func parseIPv4(s []byte, a *[4]byte) bool {
	i := 0
	for part := range a {
		if part > 0 {
			if i == len(s) || s[i] != '.' {
				return false
			}
			i++
		}
		from, n := i, 0
		for ; i < len(s) && s[i]-'0' <= 9 && i-from < 3; i++ {
			n = n*10 + int(s[i]-'0')
		}
		if i == from || n > 255 || s[from] == '0' && i > from+1 {
			return false
		}
		a[part] = byte(n)
	}
	return i == len(s)
}

func parseTime(s []byte, t *time.Time) bool {
	const form = "0000-00-00T00:00:00.000Z"
	if len(s) != len(form) {
		return false
	}
	for i := range s {
		if form[i] == '0' && s[i]-'0' > 9 || form[i] != '0' && s[i] != form[i] {
			return false
		}
	}
	num := func(from, to int) (n int) {
		for _, c := range s[from:to] {
			n = n*10 + int(c-'0')
		}
		return n
	}
	month, day, hour, minute, second := num(5, 7), num(8, 10), num(11, 13), num(14, 16), num(17, 19)
	if month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return false
	}
	*t = time.Date(num(0, 4), time.Month(month), day, hour, minute, second, num(20, 23)*1e6, time.UTC)
	return t.Day() == day // time.Date turns February 30 into March
}

// ParseGUID is the inverse of fleet.GUID.String; it takes no other form.
func ParseGUID(s string) (g fleet.GUID, ok bool) {
	ok = parseUUID([]byte(s), (*[16]byte)(&g))
	return g, ok
}
