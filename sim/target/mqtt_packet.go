package target

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	mqtt5 "github.com/eclipse/paho.golang/packets"

	"drover/sim/measure"
)

// The packets of which there is one for each message are written and read here, without an allocation; Paho does the others. Source:
// MQTT Version 5.0, OASIS Standard, 2019, section 3; where MQTT 3.1.1 differs is said.

// maxMQTT is the longest packet there can be, with its header.
const maxMQTT = 1<<28 - 1 + 5

// append appends PUBLISH of message i to what is written next.
func (c *mqttConn) append(p *parcel, i int, id uint16) *refusal {
	o, topic, body := c.mqtt.opt, p.req.Place, p.message(i)
	if len(topic) == 0 || len(topic) > math.MaxUint16 {
		return &refusal{measure.Status400, 0x90, fmt.Sprintf("a topic of %d bytes; want 1 to 65535", len(topic))}
	}
	rest := 2 + len(topic) + len(body)
	if o.QoS > 0 {
		rest += 2
	}
	props := 0
	if o.Version == MQTT5 { // and 3.1.1 has none
		if o.Run != "" {
			props = 1 + 2 + len(runProperty) + 2 + len(o.Run)
		}
		rest += lengthOf(props) + props
	}
	if size := 1 + lengthOf(rest) + rest; size > c.longest {
		return &refusal{measure.Status413, 0x95, fmt.Sprintf("a message makes a packet of %d bytes, and the longest that the broker takes has %d", size, c.longest)}
	}
	b := appendLength(append(c.out, mqtt5.PUBLISH<<4|o.QoS<<1), rest)
	b = appendMQTT(b, topic)
	if o.QoS > 0 {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	if o.Version == MQTT5 {
		if b = appendLength(b, props); props > 0 {
			b = append(b, mqtt5.PropUser)
			b = appendMQTT(appendMQTT(b, runProperty), o.Run)
		}
	}
	c.out = append(b, body...)
	return nil
}

// runProperty is the user property that has the run's id.
const runProperty = "drover-run"

// appendRelease appends PUBREL, of either version.
func appendRelease(dst []byte, id uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, mqtt5.PUBREL<<4|2, 2), id)
}

// appendMQTT appends a text or binary data with its length.
func appendMQTT[T string | []byte](dst []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// appendLength appends a variable byte integer.
func appendLength(dst []byte, n int) []byte {
	for ; n > 127; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

// lengthOf is how many bytes appendLength appends.
func lengthOf(n int) int {
	size := 1
	for ; n > 127; n >>= 7 {
		size++
	}
	return size
}

// mqttPacket cuts the first packet off b. Its size is 0 where it has not come whole.
func mqttPacket(b []byte) (typ byte, body []byte, size int, err error) {
	n := 0
	for k := 1; k < len(b); k++ {
		n |= int(b[k]&127) << (7 * (k - 1))
		if n > maxFromBroker || k == 4 && b[k] > 127 {
			return 0, nil, 0, errors.New("its packet is longer than any that was asked for; is it an MQTT broker?")
		}
		if b[k] <= 127 {
			if k++; len(b)-k < n {
				return 0, nil, 0, nil
			}
			return b[0] >> 4, b[k : k+n], k + n, nil
		}
	}
	return 0, nil, 0, nil
}
