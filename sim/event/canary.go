package event

import "bytes"

// Canary is the name of a site that is only there to be looked for: one device visits it, always benignly, so no trace of it
// may ever leave that device.
type Canary [6]byte

const (
	canaryMark = "canary-"
	canaryTail = ".com"
	canaryLen  = len(canaryMark) + 2*len(Canary{})
)

// Append appends the name of the site, without a zone, e.g. "canary-0123456789ab.com".
func (c Canary) Append(dst []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, canaryMark...)
	for _, b := range c {
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return append(dst, canaryTail...)
}

// FindCanaries calls found with each canary in a text, wherever and in whatever case it stands, and where it begins.
func FindCanaries(text []byte, found func(c Canary, at int)) {
	const hyphen = len(canaryMark) - 1
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '-')
		if i < 0 {
			return
		}
		at += i + 1
		from := at - 1 - hyphen
		if from < 0 || from+canaryLen > len(text) || !bytes.EqualFold(text[from:at], []byte(canaryMark)) {
			continue
		}
		var c Canary
		ok := true
		for n := range c {
			hi, lo := hexDigit(text[at+2*n]), hexDigit(text[at+2*n+1])
			c[n], ok = hi<<4|lo, ok && hi|lo < 16
		}
		if ok {
			found(c, from)
		}
	}
}

// hexDigit is the value of a digit, or 255.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
