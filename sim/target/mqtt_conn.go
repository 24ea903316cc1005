package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"sync"
	"time"

	mqtt5 "github.com/eclipse/paho.golang/packets"
	mqtt3 "github.com/eclipse/paho.mqtt.golang/packets"

	"drover/sim/measure"
)

// mqttConn is a device's connection. Who uses it holds mu, as does the timer that pings while it is idle.
type mqttConn struct {
	kept
	mqtt    *mqtt
	session *mqttSession
	net     net.Conn

	mu    sync.Mutex
	in    []byte   // read
	seen  int      // bytes of in that were looked at
	out   []byte   // to be written
	ends  [][2]int // of QoS 0: messages and where they end in out
	every time.Duration
	timer *time.Timer // pings; nil: nobody would notice
	pings int         // without an answer

	window  int // most messages in flight
	longest int // bytes of a packet that the broker takes
	last    uint16
}

// maxFromBroker is the longest packet that a broker may send: nothing is published to us.
const maxFromBroker = 1 << 16

// connect makes a connection and shows the credential. The caller has room for it, and it is in use.
func (m *mqtt) connect(ctx context.Context, device int) (*mqttConn, error) {
	s := m.session(device)
	clean := !s.begun
	if clean && s.kept && m.opt.Version == MQTT311 {
		// It cannot say that a session begins anew and is kept, but that one ends.
		c, err := m.open(ctx, device, s, true)
		if err != nil {
			return nil, err
		}
		c.mu.Unlock()
		c.close()
		clean = false
	}
	c, err := m.open(ctx, device, s, clean)
	if err == nil {
		s.begun = true
	}
	return c, err
}

func (m *mqtt) open(ctx context.Context, device int, s *mqttSession, clean bool) (*mqttConn, error) {
	nc, err := m.remote.dial(ctx, device, false)
	if err != nil {
		return nil, err
	}
	c := &mqttConn{mqtt: m, session: s, net: nc, window: min(m.opt.InFlight, math.MaxUint16), longest: maxMQTT, every: m.opt.KeepAlive}
	c.kept = kept{conn: c, device: device, stats: m.stats}
	c.mu.Lock()
	free := bound(ctx, nc)
	err = c.greet(m.opt.ClientID(device), clean)
	free()
	if err != nil {
		abort(nc)
		return nil, err
	}
	return c, nil
}

// greet writes CONNECT and reads CONNACK.
func (c *mqttConn) greet(id string, clean bool) error {
	o := c.mqtt.opt
	var b bytes.Buffer
	alive := uint16(min(math.MaxUint16, seconds(o.KeepAlive)))
	if o.Version == MQTT311 {
		p := mqtt3.NewControlPacket(mqtt3.Connect).(*mqtt3.ConnectPacket)
		p.ProtocolName, p.ProtocolVersion, p.CleanSession, p.Keepalive, p.ClientIdentifier = "MQTT", MQTT311, clean, alive, id
		p.UsernameFlag, p.Username, p.PasswordFlag, p.Password = o.User != "", o.User, o.User != "", []byte(o.Password)
		p.Write(&b) // a buffer has no way to fail
	} else {
		most, expiry := uint32(maxFromBroker), uint32(min(math.MaxUint32, seconds(o.Keep)))
		p := mqtt5.Connect{ProtocolName: "MQTT", ProtocolVersion: MQTT5, CleanStart: clean, KeepAlive: alive, ClientID: id, Properties: &mqtt5.Properties{MaximumPacketSize: &most}}
		p.UsernameFlag, p.Username, p.PasswordFlag, p.Password = o.User != "", o.User, o.User != "", []byte(o.Password)
		if expiry > 0 {
			p.Properties.SessionExpiryInterval = &expiry
		}
		p.WriteTo(&b)
	}
	if _, err := c.net.Write(b.Bytes()); err != nil {
		return err
	}
	typ, body, err := c.read()
	switch {
	case err != nil:
		return err
	case typ != mqtt5.CONNACK || len(body) < 2:
		return errors.New("its answer to CONNECT is none of MQTT")
	}
	return c.welcome(body)
}

// seconds is d, rounded up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// welcome reads CONNACK.
func (c *mqttConn) welcome(body []byte) error {
	ack := mqtt5.Connack{SessionPresent: body[0]&1 == 1, ReasonCode: body[1], Properties: &mqtt5.Properties{}}
	if c.mqtt.opt.Version == MQTT5 && len(body) > 2 { // one that does not speak it has no properties
		if err := ack.Unpack(bytes.NewBuffer(body)); err != nil {
			return fmt.Errorf("its CONNACK cannot be read: %w", err)
		}
	}
	p := ack.Properties
	if ack.ReasonCode != 0 {
		return mqttRefusal(ack.ReasonCode, "the broker refused the connection", p.ReasonString)
	}
	if p.MaximumQOS != nil && *p.MaximumQOS < c.mqtt.opt.QoS {
		return &refusal{measure.Status400, 0x9b, fmt.Sprintf("the broker takes QoS up to %d; say mqtt: {qos: %[1]d}", *p.MaximumQOS)}
	}
	if p.ReceiveMaximum != nil {
		c.window = max(1, min(c.window, int(*p.ReceiveMaximum)))
	}
	if p.MaximumPacketSize != nil {
		c.longest = min(c.longest, int(*p.MaximumPacketSize))
	}
	if p.ServerKeepAlive != nil {
		c.every = time.Duration(*p.ServerKeepAlive) * time.Second
	}
	c.out = c.session.resume(c.out[:0], ack.SessionPresent)
	return nil
}

// read waits for the next packet. body is valid until the next call.
func (c *mqttConn) read() (typ byte, body []byte, err error) {
	for {
		typ, body, size, err := mqttPacket(c.in[c.seen:])
		if err != nil {
			return 0, nil, err
		}
		if size > 0 {
			c.seen += size
			return typ, body, nil
		}
		if _, err := c.more(); err != nil {
			return 0, nil, err
		}
	}
}

// waiting reports whether a whole packet was read already.
func (c *mqttConn) waiting() bool {
	_, _, size, err := mqttPacket(c.in[c.seen:])
	return size > 0 || err != nil
}

// more reads what there is.
func (c *mqttConn) more() (int, error) {
	c.in = append(c.in[:0], c.in[c.seen:]...)
	c.seen = 0
	c.in = slices.Grow(c.in, 256)
	n, err := c.net.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if n > 0 {
		return n, nil
	}
	return n, err
}

// look reads what came while the connection was idle, without waiting, and reports whether it is still open.
func (c *mqttConn) look() bool {
	for own := ownConn(c.net); own != nil; {
		own.peeking = true
		n, err := c.more()
		own.peeking = false
		if n == 0 && err != errQuiet {
			return false
		}
		if n == 0 {
			break
		}
	}
	for c.waiting() {
		typ, _, err := c.read()
		if err != nil || typ != mqtt5.PINGRESP {
			return false // it takes its leave
		}
		c.pings = 0
	}
	return true
}

// rest puts the connection down, to lie idle for so long.
func (c *mqttConn) rest(idle time.Duration) {
	if often := c.every * 3 / 4; often > 0 && often < idle {
		if c.timer == nil {
			c.timer = time.AfterFunc(often, c.ping)
		} else {
			c.timer.Reset(often)
		}
	}
	c.mu.Unlock()
}

// wake takes the connection up, and reports whether it is still open.
func (c *mqttConn) wake() bool {
	c.mu.Lock()
	if c.timer != nil {
		c.timer.Stop()
	}
	return c.look()
}

// ping says that the device is still there. A broker that did not answer the last time is not.
func (c *mqttConn) ping() {
	if !c.mu.TryLock() {
		return // it is in use, and is put down again
	}
	defer c.mu.Unlock()
	if !c.look() || c.pings > 0 && swaps {
		abort(c.net) // which is seen when it is taken up
		return
	}
	c.pings++
	c.net.SetWriteDeadline(time.Now().Add(c.mqtt.timeout))
	c.net.Write([]byte{mqtt5.PINGREQ << 4, 0})
	c.net.SetWriteDeadline(time.Time{})
	c.timer.Reset(c.every * 3 / 4)
}

// close ends an idle connection in good order.
func (c *mqttConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.look() { // and nothing stays unread, which would reset the connection, and what the broker has not read were lost
		c.net.SetWriteDeadline(time.Now().Add(time.Second))
		c.net.Write([]byte{mqtt5.DISCONNECT << 4, 0})
	}
	c.net.Close()
}

// abort ends a connection in use at once.
func (c *mqttConn) abort() {
	defer c.mu.Unlock()
	abort(c.net)
}
