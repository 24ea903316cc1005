package privacy

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"drover/sim/event"
)

// fits reports whether a text has the form.
func (f Form) fits(t []byte) bool {
	switch f {
	case GUID:
		return len(t) == 36 && t[8] == '-' && t[13] == '-' && t[18] == '-' && t[23] == '-' && parseHex(t, make([]byte, 16))
	case MAC:
		return len(t) == 17 && bytes.Count(t, []byte(":")) == 5 && parseHex(t, make([]byte, 6))
	case IP:
		_, err := netip.ParseAddr(string(t))
		return err == nil
	case Email:
		at := bytes.IndexByte(t, '@')
		return at > 0 && at < len(t)-1 && !hasAny(t, " \t\n")
	case Timestamp:
		_, err := time.Parse(time.RFC3339, string(t))
		return err == nil
	case Action:
		return slices.ContainsFunc(event.Actions[:], func(a string) bool { return a == string(t) })
	case Host:
		return len(t) > 0
	}
	return true
}

// parseHex reads lower-case digits into out and passes over - and :. It reports whether they fill it exactly.
func parseHex(t, out []byte) bool {
	n := 0
	for _, c := range t {
		var d byte
		switch {
		case c >= '0' && c <= '9':
			d = c - '0'
		case c >= 'a' && c <= 'f':
			d = c - 'a' + 10
		case c == '-' || c == ':':
			continue
		default:
			return false
		}
		if n/2 == len(out) {
			return false
		}
		out[n/2] = out[n/2]<<4 | d
		n++
	}
	return n == 2*len(out)
}

// hasAny reports whether t has one of the bytes in set.
func hasAny(t []byte, set string) bool { return bytes.ContainsAny(t, set) }
