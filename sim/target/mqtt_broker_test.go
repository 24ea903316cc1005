package target

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	mqtt5 "github.com/eclipse/paho.golang/packets"
	mqtt3 "github.com/eclipse/paho.mqtt.golang/packets"
)

// mqttBroker is as much of a broker as a publisher meets, by the packets of Eclipse Paho.
type mqttBroker struct {
	*gate
	five    bool
	qos     byte
	refused byte // CONNACK's reason; 0: a session is had with the right password
	window  uint16
	maxQoS  *byte
	longest uint32

	mu       sync.Mutex
	ids      []string                   // of clients, as they connected
	clean    []bool                     // as they asked for it
	expiry   []uint32                   // of sessions in seconds, as they asked for it
	sessions map[string]map[uint16]bool // of QoS 2: messages that were not released, by client
	pings    int
	most     int // messages in flight at once
	again    int // messages that were said to come again
	quiet    bool
}

// openMQTTCase is a broker: of MQTT 5 or 3.1.1, over TCP or TLS.
func openMQTTCase(version int, qos byte, secure bool) func(*testing.T, time.Duration) (*Messages, protocolBackend) {
	return func(t *testing.T, timeout time.Duration) (*Messages, protocolBackend) {
		m, b := openMQTT(t, MQTTOptions{Version: version, QoS: qos, Remote: Remote{Client: Client{Timeout: timeout}}}, secure, nil)
		return m, b
	}
}

func openMQTT(t *testing.T, opt MQTTOptions, secure bool, change func(*mqttBroker)) (*Messages, *mqttBroker) {
	t.Helper()
	b := &mqttBroker{five: opt.Version != MQTT311, qos: opt.QoS, sessions: make(map[string]map[uint16]bool)}
	if change != nil {
		change(b)
	}
	b.gate = openGate(t, secure, secure, func(_ *gate, c net.Conn) { b.talk(c) })
	if opt.URL = "mqtt://" + b.addr; secure {
		opt.URL, opt.TLS.RootCAs = "mqtt+tls://"+b.addr, testIdentity().roots
	}
	opt.ClientID, opt.Run, opt.User = func(d int) string { return fmt.Sprint("device-", d) }, "r1", "me"
	opt.Password = cmp.Or(opt.Password, "secret")
	m, err := NewMQTT(opt)
	return must(t, m, err), b
}

// mqttSaid is a packet of either version.
type mqttSaid struct {
	typ              byte
	id               uint16
	client, password string
	expiry           uint32
	clean, again     bool
	qos              byte
	topic            string
	body             []byte
}

func (b *mqttBroker) read(r io.Reader) (s mqttSaid, err error) {
	if b.five {
		cp, err := mqtt5.ReadPacket(r)
		if err != nil {
			return s, err
		}
		s.typ, s.id = cp.Type, cp.PacketID()
		switch p := cp.Content.(type) {
		case *mqtt5.Connect:
			s.client, s.password, s.clean = p.ClientID, string(p.Password), p.CleanStart
			if e := p.Properties.SessionExpiryInterval; e != nil {
				s.expiry = *e
			}
			if p.ProtocolVersion != 5 || p.Username != "me" {
				b.t.Errorf("CONNECT %v", p)
			}
		case *mqtt5.Publish:
			s.topic, s.body, s.qos, s.again = p.Topic, p.Payload, p.QoS, p.Duplicate
			if len(p.Properties.User) != 1 || p.Properties.User[0] != (mqtt5.User{Key: "drover-run", Value: "r1"}) {
				b.t.Errorf("PUBLISH %v", p)
			}
		}
		return s, nil
	}
	cp, err := mqtt3.ReadPacket(r)
	if err != nil {
		return s, err
	}
	s.id = cp.Details().MessageID
	switch p := cp.(type) {
	case *mqtt3.ConnectPacket:
		s.typ, s.client, s.password, s.clean = mqtt5.CONNECT, p.ClientIdentifier, string(p.Password), p.CleanSession
		if code := p.Validate(); code != 0 || p.Username != "me" {
			b.t.Errorf("CONNECT %v: %d", p, code)
		}
	case *mqtt3.PublishPacket:
		s.typ, s.topic, s.body, s.qos, s.again = mqtt5.PUBLISH, p.TopicName, p.Payload, p.Qos, p.Dup
	case *mqtt3.PubrelPacket:
		s.typ = mqtt5.PUBREL
	case *mqtt3.PingreqPacket:
		s.typ = mqtt5.PINGREQ
	case *mqtt3.DisconnectPacket:
		s.typ = mqtt5.DISCONNECT
	}
	return s, nil
}

// say writes an acknowledgement.
func (b *mqttBroker) say(w io.Writer, typ byte, id uint16, reason byte, why string) {
	cp := mqtt5.NewControlPacket(typ)
	switch p := cp.Content.(type) {
	case *mqtt5.Puback:
		p.PacketID, p.ReasonCode, p.Properties.ReasonString = id, reason, why
	case *mqtt5.Pubrec:
		p.PacketID, p.ReasonCode, p.Properties.ReasonString = id, reason, why
	case *mqtt5.Pubcomp:
		p.PacketID, p.ReasonCode = id, reason
	}
	if b.five && reason > 0 {
		cp.WriteTo(w)
		return
	}
	w.Write([]byte{typ << 4, 2, byte(id >> 8), byte(id)}) // as 3.1.1 has it, and 5 may
}

// welcome answers CONNECT and returns what the session has open; nil: the connection is refused.
func (b *mqttBroker) welcome(w io.Writer, s mqttSaid) map[uint16]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	code := b.refused
	if s.password != "secret" {
		code = map[bool]byte{true: 0x86, false: 5}[b.five]
	}
	open, present := b.sessions[s.client]
	if s.clean || !present {
		open, present = make(map[uint16]bool), false
	}
	b.sessions[s.client] = open
	b.ids, b.clean, b.expiry = append(b.ids, s.client), append(b.clean, s.clean), append(b.expiry, s.expiry)
	present = present && code == 0
	if b.five && code != 1 {
		ack := mqtt5.Connack{ReasonCode: code, SessionPresent: present, Properties: &mqtt5.Properties{MaximumQOS: b.maxQoS}}
		if b.window > 0 {
			ack.Properties.ReceiveMaximum = &b.window
		}
		if b.longest > 0 {
			ack.Properties.MaximumPacketSize = &b.longest
		}
		ack.WriteTo(w)
	} else {
		ack := mqtt3.NewControlPacket(mqtt3.Connack).(*mqtt3.ConnackPacket)
		ack.ReturnCode, ack.SessionPresent = code, present
		ack.Write(w)
	}
	if code != 0 {
		return nil
	}
	return open
}

func (b *mqttBroker) talk(c net.Conn) {
	r := bufio.NewReader(c)
	s, err := b.read(r)
	if err != nil || s.typ != mqtt5.CONNECT {
		return
	}
	open := b.welcome(c, s)
	if open == nil {
		return
	}
	var out bytes.Buffer // sent when nothing more is to be read, so that messages in flight add up
	flying, only := 0, uint16(0)
	for {
		if r.Buffered() == 0 {
			c.Write(out.Bytes())
			out.Reset()
		}
		if b.qos == 0 && b.temper() == stalls {
			<-b.t.Context().Done()
			return
		}
		s, err := b.read(r)
		if err != nil {
			return
		}
		switch s.typ {
		case mqtt5.PINGREQ:
			b.mu.Lock()
			b.pings++
			quiet := b.quiet
			b.mu.Unlock()
			if !quiet {
				out.Write([]byte{mqtt5.PINGRESP << 4, 0})
			}
		case mqtt5.PUBREL:
			b.mu.Lock()
			delete(open, s.id)
			b.mu.Unlock()
			flying--
			b.say(&out, mqtt5.PUBCOMP, s.id, 0, "")
			if only == s.id {
				b.leave(c, &out)
				return
			}
		case mqtt5.PUBLISH:
			if s.topic != "place" || s.qos != b.qos || (s.id != 0) != (s.qos > 0) {
				b.t.Errorf("PUBLISH %+v", s)
			}
			if only > 0 {
				continue
			}
			b.mu.Lock()
			flying++
			b.most = max(b.most, flying)
			if s.again {
				b.again++
			}
			have := s.qos == 2 && open[s.id]
			b.mu.Unlock()
			if have { // and it is not taken twice
				b.say(&out, mqtt5.PUBREC, s.id, 0, "")
				continue
			}
			mood := b.take(string(s.body))
			switch {
			case mood == resets:
				b.breakOff(c)
				return
			case mood == stalls || s.qos == 0:
			case mood == refuses:
				flying--
				b.say(&out, map[byte]byte{1: mqtt5.PUBACK, 2: mqtt5.PUBREC}[s.qos], s.id, 0x97, "come back tomorrow")
			case s.qos == 2:
				b.mu.Lock()
				open[s.id] = true
				b.mu.Unlock()
				b.say(&out, mqtt5.PUBREC, s.id, 0, "")
				if mood == acceptsOne {
					only = s.id
				}
			default:
				flying--
				b.say(&out, mqtt5.PUBACK, s.id, 0, "")
				if mood == acceptsOne {
					b.leave(c, &out)
					return
				}
			}
		}
	}
}

// leave ends a connection so that the other side reads what was said before.
func (b *mqttBroker) leave(c net.Conn, out *bytes.Buffer) {
	c.Write(out.Bytes())
	c.(interface{ CloseWrite() error }).CloseWrite()
	io.Copy(io.Discard, c)
}
