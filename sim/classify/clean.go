package classify

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Most URLs are in canonical form already, but for their scheme. They are not worth taking apart: a look at eight bytes at a time
// tells.

// clean finds the host in a URL that is in canonical form: url[from:to], the path with the query behind it, the scheme with
// "://" before. It is not ok for most URLs that have to change, and for a few that need not: an address, a port, a user, one of
// less than eight bytes.
func clean(url []byte) (from, to int, ok bool) {
	if len(url) > 8 && string(url[:8]) == "https://" {
		from = 8
	} else if len(url) > 8 && string(url[:7]) == "http://" {
		from = 7
	}
	last := len(url) - 8 // where the last eight bytes begin
	if last < from || len(url) > maxURL-maxScheme || url[from] == '.' {
		return 0, 0, false
	}
	// A step of seven has any two neighbours in one word.
	bad := uint64(0)
	for at := from; ; at = min(at+7, last) {
		x := binary.LittleEndian.Uint64(url[at:])
		slashes := equal(x, '/') & tops
		if slashes != 0 {
			x &= slashes&-slashes>>7 - 1 // what stands before the first one
			x |= '-' * ones &^ (slashes&-slashes>>7 - 1)
		}
		dots := equal(x, '.') & tops
		good := least(x, '-')&^least(x, '9'+1) | least(x, 'a')&^least(x, 'z'+1) | equal(x, '_')
		bad |= x | ^good | dots<<8&dots
		if slashes != 0 {
			to = at + bits.TrailingZeros64(slashes)>>3
			break
		}
		if at == last {
			to = len(url)
			break
		}
	}
	if bad&tops != 0 || to == from || url[to-1] == '.' || numberEnds(url[from:to]) {
		return 0, 0, false
	}
	return from, to, to == len(url) || cleanPath(url, to)
}

// cleanPath reports whether what stands from a place on has nothing but printable ASCII without "#", "%" and "\", and neither a slash
// nor a dot behind a slash. Where that is less than eight bytes the host before is looked at, too, which does no harm.
func cleanPath(url []byte, at int) bool {
	last := len(url) - 8
	for at = min(at, last); ; at = min(at+7, last) {
		x := binary.LittleEndian.Uint64(url[at:])
		slashes := equal(x, '/') & tops
		good := least(x, '!') &^ least(x, '~'+1)
		if (x|^good|equal(x, '#')|equal(x, '%')|equal(x, '\\')|slashes<<8&(slashes|equal(x, '.')))&tops != 0 {
			return false
		}
		if at == last {
			return true
		}
	}
}

// numberEnds reports whether the last label of a host may be a number, as that of every address is and that of no public name: whether
// it begins with a digit and does not end in a letter that no number has.
func numberEnds(host []byte) bool {
	if c := host[len(host)-1]; c > 'f' && c != 'x' {
		return false
	}
	c := host[bytes.LastIndexByte(host, '.')+1]
	return '0' <= c && c <= '9'
}
