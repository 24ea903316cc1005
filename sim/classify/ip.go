package classify

import (
	"bytes"
	"net/netip"
	"strconv"
)

// anyIPv4 reads an IPv4 address in any form that inet_aton takes: one to four numbers, decimal, octal (0...) or hexadecimal
// (0x...), of which the last one fills the bytes that are left (WHATWG URL Standard, section 3.5, 2025).
func anyIPv4(host []byte) (ip [4]byte, ok bool) {
	if len(host) == 0 || !endsInNumber(host) {
		return ip, false
	}
	var parts [4]uint64
	n := 0
	for rest, more := host, true; more; n++ {
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte("."))
		if n == len(parts) {
			return ip, false
		}
		if parts[n], ok = number(part); !ok {
			return ip, false
		}
	}
	for i, p := range parts[:n-1] {
		if p > 255 {
			return ip, false
		}
		ip[i] = byte(p)
	}
	last := parts[n-1]
	if last>>(8*(5-n)) != 0 {
		return ip, false
	}
	for i := 3; i >= n-1; i-- {
		ip[i] = byte(last)
		last >>= 8
	}
	return ip, true
}

// number reads a number of at most 32 bits; "0x" is zero.
func number(s []byte) (uint64, bool) {
	base := uint64(10)
	switch {
	case len(s) == 0:
		return 0, false
	case bytes.HasPrefix(s, []byte("0x")):
		base, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, s = 8, s[1:]
	}
	var n uint64
	for _, c := range s {
		d := hex(c)
		if d < 0 || uint64(d) >= base {
			return 0, false
		}
		if n = n*base + uint64(d); n > 1<<32-1 {
			return 0, false
		}
	}
	return n, true
}

func appendQuad(dst []byte, ip [4]byte) []byte {
	for i, b := range ip {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return dst
}

func appendV6(dst []byte, ip [16]byte) []byte { return netip.AddrFrom16(ip).AppendTo(dst) }

// embeddedV4 is the IPv4 address in ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2) or 64:ff9b::/96 (NAT64, RFC 6052).
func embeddedV4(ip [16]byte) (v4 [4]byte, ok bool) {
	mapped := [12]byte{10: 0xff, 11: 0xff}
	nat64 := [12]byte{0, 0x64, 0xff, 0x9b}
	switch [12]byte(ip[:12]) {
	case mapped, nat64:
		return [4]byte(ip[12:]), true
	}
	return v4, false
}

// sixteen reads an IPv6 address without a zone (RFC 4291, section 2.2). netip.ParseAddr does, but allocates.
func sixteen(s []byte) (ip [16]byte, ok bool) {
	gap, n := -1, 0 // where "::" stands, and the bytes read so far
	if bytes.HasPrefix(s, []byte("::")) {
		gap, s = 0, s[2:]
	}
	for len(s) > 0 {
		if n == 16 {
			return ip, false
		}
		end := bytes.IndexByte(s, ':')
		group := s
		if end >= 0 {
			group = s[:end]
		}
		if end < 0 && bytes.IndexByte(group, '.') >= 0 { // the last four bytes as IPv4
			v4, ok := quad(group)
			if !ok || n > 12 {
				return ip, false
			}
			n += copy(ip[n:], v4[:])
			s = nil
			break
		}
		if len(group) == 0 || len(group) > 4 {
			return ip, false
		}
		v := 0
		for _, c := range group {
			d := hex(c)
			if d < 0 {
				return ip, false
			}
			v = v<<4 | d
		}
		ip[n], ip[n+1] = byte(v>>8), byte(v)
		n += 2
		if end < 0 {
			break
		}
		if s = s[end+1:]; len(s) == 0 {
			return ip, false // ends in one colon
		}
		if s[0] == ':' {
			if gap >= 0 {
				return ip, false
			}
			gap, s = n, s[1:]
		}
	}
	if gap < 0 {
		return ip, n == 16
	}
	if n == 16 {
		return ip, false
	}
	shift := 16 - n
	copy(ip[gap+shift:], ip[gap:n])
	clear(ip[gap : gap+shift])
	return ip, true
}
