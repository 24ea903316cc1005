package event

import (
	"fmt"
	"strings"
)

// Zone is the reserved zone that every visited host is in, so that nothing real can ever be contacted: a name whose last
// label is test, example or invalid, which no name server knows (RFC 2606, RFC 6761). The zero Zone is sim.test.
type Zone struct{ name string }

// DefaultZone is the name of the zero Zone.
const DefaultZone = "sim.test"

// maxZone leaves room for the longest name that is put before a zone, in bytes.
const maxZone = 60

// ParseZone takes the name of a zone, with or without a dot before it. The error says what is wrong with it.
func ParseZone(name string) (Zone, error) {
	name = strings.TrimPrefix(name, ".")
	if len(name) > maxZone || !isHostName([]byte(name)) {
		return Zone{}, fmt.Errorf("%.80q is not a name of lower-case letters, digits, hyphens and dots with at most %d bytes", name, maxZone)
	}
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "test", "example", "invalid":
		return Zone{name}, nil
	}
	return Zone{}, fmt.Errorf("%.80q does not end in test, example or invalid", name)
}

// String returns the zone's name, e.g. "sim.test".
func (z Zone) String() string {
	if z.name == "" {
		return DefaultZone
	}
	return z.name
}

// Host returns the host called name in the zone. The error is about a name that is no host name, or too long.
func (z Zone) Host(name []byte) (ZoneHost, error) {
	zone := z.String()
	if len(name)+1+len(zone) > maxHostName || !isHostName(name) {
		return ZoneHost{}, fmt.Errorf("%.80q is no name of a host in %s", name, zone)
	}
	var h ZoneHost
	n := copy(h.text[:], name)
	h.text[n] = '.'
	h.size = uint8(n + 1 + copy(h.text[n+1:], zone))
	return h, nil
}

// maxHostName is the longest host name, in bytes (RFC 1035 section 3.1, less the root label and the first length).
const maxHostName = 253

// ZoneHost is the name of a visited host. It cannot hold anything but a name in a reserved zone, or nothing, and only a
// ZoneHost is put on the wire as a visited host. It is a value: copies share nothing.
type ZoneHost struct {
	size uint8
	text [maxHostName]byte
}

// Empty reports whether there is no name.
func (h *ZoneHost) Empty() bool { return h.size == 0 }

// Append appends the name: letters, digits, hyphens and dots, which no format has to escape.
func (h *ZoneHost) Append(dst []byte) []byte { return append(dst, h.text[:h.size]...) }

// String returns the name, "" when there is none.
func (h *ZoneHost) String() string { return string(h.text[:h.size]) }

// Address returns the host's address: a pure function of its name; none without one.
func (h *ZoneHost) Address() DocAddress {
	if h.Empty() {
		return DocAddress{}
	}
	sum := uint64(0xcbf29ce484222325)
	for _, c := range h.text[:h.size] { // FNV-1a
		sum = (sum ^ uint64(c)) * 0x100000001b3
	}
	sum ^= sum >> 29 // its low bits alone are poor
	return DocAddress{net: uint8(1 + sum%numDocNets), last: uint8(1 + sum>>8%254)}
}

// DocAddress is an IPv4 address. It cannot hold anything but one of the networks for documentation, never the first or the
// last of one, or nothing. It is comparable.
type DocAddress struct{ net, last uint8 }

const numDocNets = 3

// docNets are the networks for documentation (RFC 5737).
var docNets = [numDocNets][3]byte{{192, 0, 2}, {198, 51, 100}, {203, 0, 113}}

// IPv4 returns the address; ok is false when there is none.
func (a DocAddress) IPv4() (ip [4]byte, ok bool) {
	if a.net == 0 {
		return ip, false
	}
	n := docNets[a.net-1]
	return [4]byte{n[0], n[1], n[2], a.last}, true
}

// isHostName reports whether s is labels of lower-case letters, digits and inner hyphens with dots between them
// (RFC 1123 section 2.1).
func isHostName(s []byte) bool {
	label := 0 // bytes of the present one
	for i, c := range s {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			label++
		case c == '-' && label > 0 && i+1 < len(s) && s[i+1] != '.':
			label++
		case c == '.' && label > 0:
			label = 0
		default:
			return false
		}
		if label > 63 {
			return false
		}
	}
	return label > 0
}
