//go:build !linux

package target

import "net"

// endWrites ends what is written to a connection.
func endWrites(c *conn) error { return c.Conn.(*net.TCPConn).CloseWrite() }
