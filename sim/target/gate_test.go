package target

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// gate is a backend of messages that listens, and may vanish and come back at the same address.
type gate struct {
	t     *testing.T
	talk  func(g *gate, c net.Conn) // until the connection ends
	tls   bool
	by    *x509.CertPool // clients need a certificate of these; nil: none
	mu    sync.Mutex
	mood  temper
	got   []string
	nats  natsServer
	ids   []string // of messages that carry one, in order, whatever became of them
	addr  string
	l     net.Listener
	conns map[net.Conn]struct{}
	all   sync.WaitGroup
}

// openGate starts one. Its address is one of many loopback ones where there are such, so that nobody takes its port while it is away.
// With a certificate of tests it is 127.0.0.1, whatever talk does with that.
func openGate(t *testing.T, secure, certified bool, talk func(g *gate, c net.Conn)) *gate {
	t.Helper()
	g := &gate{t: t, talk: talk, tls: secure, conns: map[net.Conn]struct{}{}, addr: "127.0.0.1:0"}
	if runtime.GOOS == "linux" && !secure && !certified {
		g.addr = fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
	}
	g.up()
	t.Cleanup(func() {
		g.down()
		g.all.Wait()
	})
	return g
}

func (g *gate) up() {
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	g.l, g.addr = l, l.Addr().String()
	g.mu.Unlock()
	g.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if g.tls {
				c = g.secure(c)
			}
			g.mu.Lock()
			g.conns[c] = struct{}{}
			g.mu.Unlock()
			g.all.Go(func() {
				defer func() {
					g.mu.Lock()
					delete(g.conns, c)
					g.mu.Unlock()
					c.Close()
				}()
				g.talk(g, c)
			})
		}
	})
}

// down closes the listener and breaks every connection.
func (g *gate) down() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.l.Close()
	for c := range g.conns {
		g.breakOff(c)
	}
}

// breakOff ends a connection without a farewell.
func (g *gate) breakOff(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func (g *gate) do(x temper) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mood = x
}

// take is what becomes of a message; under accepts it is kept.
func (g *gate) take(m string) temper {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mood == accepts || g.mood == acceptsOne {
		g.got = append(g.got, m)
	}
	return g.mood
}

// note keeps the id that a message carries.
func (g *gate) note(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ids = append(g.ids, id)
}

func (g *gate) temper() temper {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mood
}

func (g *gate) messages() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.got)
}

// demand makes clients need a certificate of one of these authorities.
func (g *gate) demand(by *x509.CertPool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.by = by
}

// is makes a NATS server special, for connections to come.
func (g *gate) is(n natsServer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nats = n
}

// secure is the server's end of a connection over TLS.
func (g *gate) secure(c net.Conn) net.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	conf := &tls.Config{Certificates: testIdentity().certs, ClientCAs: g.by}
	if g.by != nil {
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return tls.Server(c, conf)
}
