package target

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	mqtt5 "github.com/eclipse/paho.golang/packets"
)

// mqttSession is what a device and the broker know of each other beside a connection. Who uses the connection owns it.
type mqttSession struct {
	kept  bool // it outlives a connection
	begun bool
	open  []mqttFlight // messages without their last acknowledgement, in order
	done  []string     // of a kept one: messages that were acknowledged when no upload of theirs was under way
}

// mqttFlight is a message under way.
type mqttFlight struct {
	id       uint16
	released bool   // of QoS 2: the broker has it (PUBREC)
	i        int    // of the upload that is being sent; not of it: -1
	unheard  bool   // it was acknowledged, and a fault of ours keeps that from the device
	key      string // of a kept session: tells it from all others
	packet   []byte // of a kept session: its PUBLISH
}

// maxDone bounds what a session remembers of uploads that were given up.
const maxDone = 256

// resume begins a connection: what was under way is said again, if the broker has the session.
func (s *mqttSession) resume(dst []byte, present bool) []byte {
	if !present || !s.begun {
		s.open = nil
	}
	for k := range s.open {
		f := &s.open[k]
		if f.i, f.unheard = -1, false; f.released {
			dst = appendRelease(dst, f.id)
		} else {
			f.packet[0] |= 1 << 3 // DUP
			dst = append(dst, f.packet...)
		}
	}
	return dst
}

// known reports whether message i of p need not be sent: it is under way from an earlier attempt, or was acknowledged since.
func (s *mqttSession) known(p *parcel, i int) bool {
	if len(s.open)+len(s.done) == 0 || !s.kept {
		return false
	}
	key := p.id(i)
	if k := slices.Index(s.done, key); k >= 0 {
		s.done = slices.Delete(s.done, k, k+1)
		p.took(i)
		return true
	}
	for k := range s.open {
		if f := &s.open[k]; f.i < 0 && f.key == key {
			f.i = i
			return true
		}
	}
	return false
}

// settle ends a message under way: it was taken or not. Of what stays unheard the device learns with its next connection.
func (s *mqttSession) settle(p *parcel, k int, taken, unheard bool) {
	f := &s.open[k]
	switch {
	case !taken:
	case f.i >= 0:
		p.took(f.i)
	default:
		s.done = append(s.done, f.key)
		s.done = s.done[max(0, len(s.done)-maxDone):]
	}
	if f.unheard = taken && unheard && f.i >= 0; !f.unheard {
		s.open = slices.Delete(s.open, k, k+1)
	}
}

// free is the next packet identifier that no message has.
func (s *mqttSession) free(last uint16) uint16 {
	for {
		if last++; last != 0 && !slices.ContainsFunc(s.open, func(f mqttFlight) bool { return f.id == last }) {
			return last
		}
	}
}

// tell writes messages of QoS 0: who has the bytes is not known.
func (c *mqttConn) tell(p *parcel) (keep bool, err error) {
	c.out, c.ends = c.out[:0], c.ends[:0]
	for i := range p.n {
		if p.wanted(i) {
			if no := c.append(p, i, 0); no != nil {
				err = no
				continue
			}
			c.ends = append(c.ends, [2]int{i, len(c.out)})
		}
	}
	n, broken := c.net.Write(c.out)
	for _, e := range c.ends {
		if e[1] <= n {
			p.took(e[0])
		}
	}
	if broken != nil {
		return false, broken
	}
	return !p.req.cut, err
}

// publish writes messages of QoS 1 and 2 and waits until the broker has acknowledged each. What c.out holds already resumes a session.
func (c *mqttConn) publish(p *parcel) (keep bool, first error) {
	s := c.session
	unheard := p.req.fault == DropResponse && s.kept // to its device all of it is under way still
	for next := 0; ; {
		for ; next < p.n && len(s.open) < c.window && len(c.out) < 1<<16; next++ {
			if !p.wanted(next) || s.known(p, next) {
				continue
			}
			c.last = s.free(c.last)
			from := len(c.out)
			if no := c.append(p, next, c.last); no != nil {
				first = cmp.Or(first, error(no))
				continue
			}
			f := mqttFlight{id: c.last, i: next}
			if s.kept {
				f.key, f.packet = p.id(next), bytes.Clone(c.out[from:])
			}
			s.open = append(s.open, f)
		}
		if len(c.out) > 0 {
			if _, err := c.net.Write(c.out); err != nil {
				return false, err
			}
			c.out = c.out[:0]
		}
		over := func() bool {
			return next == p.n && !slices.ContainsFunc(s.open, func(f mqttFlight) bool { return !f.unheard })
		}
		if over() {
			return !p.req.cut && !unheard, first
		}
		for more := true; more; more = c.waiting() {
			no, err := c.answer(p, unheard)
			switch {
			case err != nil && over():
				return false, first // it took its leave when all was done
			case err != nil:
				return false, err
			}
			if no != nil {
				first = cmp.Or(first, error(no))
			}
		}
	}
}

// answer reads what the broker says of a message under way. The error ends the connection.
func (c *mqttConn) answer(p *parcel, unheard bool) (no *refusal, err error) {
	typ, body, err := c.read()
	if err != nil {
		return nil, err
	}
	s, five := c.session, c.mqtt.opt.Version == MQTT5
	switch typ {
	case mqtt5.PINGRESP:
		c.pings = 0
		return nil, nil
	case mqtt5.DISCONNECT:
		bye := mqtt5.Disconnect{Properties: &mqtt5.Properties{}}
		if five && len(body) > 0 {
			if err := bye.Unpack(bytes.NewBuffer(body)); err != nil {
				return nil, fmt.Errorf("its DISCONNECT cannot be read: %w", err)
			}
		}
		if bye.ReasonCode < 0x80 {
			return nil, io.EOF
		}
		return nil, mqttRefusal(bye.ReasonCode, "the broker ended the connection", bye.Properties.ReasonString)
	case mqtt5.PUBACK, mqtt5.PUBREC, mqtt5.PUBCOMP:
	default:
		return nil, fmt.Errorf("the broker sent a packet of type %d, which nobody asked for", typ)
	}
	if len(body) < 2 {
		return nil, errors.New("an acknowledgement is cut short")
	}
	id := binary.BigEndian.Uint16(body)
	k := slices.IndexFunc(s.open, func(f mqttFlight) bool { return f.id == id })
	if k < 0 || (typ == mqtt5.PUBACK) != (c.mqtt.opt.QoS == 1) || typ == mqtt5.PUBCOMP && !s.open[k].released {
		return nil, fmt.Errorf("the broker acknowledged message %d, which is not under way so", id)
	}
	if five && len(body) > 2 && body[2] >= 0x80 && (typ != mqtt5.PUBCOMP || body[2] != 0x92) { // what it does not know any more it has completed
		s.settle(p, k, false, false)
		return mqttRefusal(body[2], "the broker refused the message", reasonOf(typ, body)), nil
	}
	if typ != mqtt5.PUBREC {
		s.settle(p, k, true, unheard)
		return nil, nil
	}
	s.open[k].released, s.open[k].packet = true, nil
	c.out = appendRelease(c.out, id)
	return nil, nil
}

// reasonOf is what a broker says beside its reason code.
func reasonOf(typ byte, body []byte) string {
	p := mqtt5.Properties{}
	if len(body) < 4 || p.Unpack(bytes.NewBuffer(body[3:]), typ) != nil {
		return ""
	}
	return p.ReasonString
}
