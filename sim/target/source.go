package target

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// sources are the addresses of this machine that connections come from.
type sources []netip.Prefix

// check refuses prefixes that stand for no address. net and broadcast addresses of a prefix are not used.
func (s sources) check() error {
	for _, p := range s {
		if !p.IsValid() || p != p.Masked() {
			return fmt.Errorf("source addresses %v: want an address or a prefix, e.g. 127.0.0.0/8", p)
		}
	}
	return nil
}

// of returns the source of the n-th connection or device: prefixes in turn, and addresses spread over each, so that those
// of neighbours differ. It is a function of n alone.
func (s sources) of(n int) netip.Addr {
	p := s[n%len(s)]
	n /= len(s)
	free := p.Addr().BitLen() - p.Bits()
	if free == 0 {
		return p.Addr()
	}
	free = min(free, 30)        // of IPv6 the last 30 bits are enough
	size := uint64(1)<<free - 2 // without the first and the last
	if free == 1 {
		size = 2
	}
	i := uint64(n) * 0x9e3779b1 % size // odd: neighbours are far apart
	if free > 1 {
		i++
	}
	b := p.Addr().AsSlice()
	low := b[len(b)-4:]
	binary.BigEndian.PutUint32(low, binary.BigEndian.Uint32(low)+uint32(i))
	a, _ := netip.AddrFromSlice(b)
	return a
}

func tcpAddr(a netip.Addr) *net.TCPAddr { return net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0)) }
