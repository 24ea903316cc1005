package target

import "golang.org/x/sys/unix"

// lateBind makes a bind to an address choose the port when the connection is made. Else it would take a port that is free
// towards everybody, of which an address has some 28,000.
func lateBind(fd uintptr) error {
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}
