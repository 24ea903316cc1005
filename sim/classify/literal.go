package classify

import "bytes"

// literal reports whether the host is an IP address, and whether one that no stranger can be behind, which is never judged:
// private, loopback, link-local, shared or unspecified (RFC 1918, 1122, 3927, 6598; RFC 4193, 4291). The documentation networks
// count as public: they stand for the Internet here.
func (a *address) literal() (literal, private bool) {
	if a.name {
		return false, false
	}
	if a.brackets {
		ip, ok := sixteen(a.host)
		return true, ok && privateV6(ip)
	}
	if !endsInNumber(a.host) {
		return false, false
	}
	ip, ok := quad(a.host)
	if !ok {
		return true, false // another legal form of an IPv4 address, or none at all: no name ends in a number
	}
	switch {
	case ip[0] == 0, ip[0] == 10, ip[0] == 127, ip[0] == 192 && ip[1] == 168, ip[0] == 172 && ip[1]&0xf0 == 16,
		ip[0] == 169 && ip[1] == 254, ip[0] == 100 && ip[1]&0xc0 == 64:
		return true, true
	}
	return true, false
}

func privateV6(ip [16]byte) bool {
	switch {
	case ip[0]&0xfe == 0xfc, ip[0] == 0xfe && ip[1]&0xc0 == 0x80:
		return true
	}
	last := ip[15]
	ip[15] = 0
	return ip == [16]byte{} && last <= 1
}

// endsInNumber reports whether the last label is a number, decimal or 0x...: then browsers read the host as an IPv4
// address or refuse it (WHATWG URL Standard, section 3.5, 2025).
func endsInNumber(host []byte) bool {
	label := host[bytes.LastIndexByte(host, '.')+1:]
	if hex, ok := bytes.CutPrefix(label, []byte("0x")); ok {
		for _, c := range hex {
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
				return false
			}
		}
		return true
	}
	return len(label) > 0 && digits(label) == len(label)
}

// quad reads four decimal numbers of 0 to 255 without leading zeros.
func quad(host []byte) (ip [4]byte, ok bool) {
	part, n, width := 0, 0, 0
	for i := 0; ; i++ {
		if i == len(host) || host[i] == '.' {
			if width == 0 || part > 3 {
				return ip, false
			}
			ip[part] = byte(n)
			if i == len(host) {
				return ip, part == 3
			}
			part, n, width = part+1, 0, 0
			continue
		}
		c := host[i]
		if c < '0' || c > '9' || width > 0 && n == 0 {
			return ip, false
		}
		n = 10*n + int(c-'0')
		if width++; n > 255 {
			return ip, false
		}
	}
}

func digits(s []byte) int {
	n := 0
	for _, c := range s {
		if '0' <= c && c <= '9' {
			n++
		}
	}
	return n
}
