package target

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"drover/sim/measure"
)

// MQTTOptions describes a target that is an MQTT broker.
type MQTTOptions struct {
	Remote
	Version int // MQTT311 or MQTT5; 0 means MQTT5

	// QoS is how far a message has to come to be accepted: 0, its bytes were written; 1, the broker acknowledged it (PUBACK), and
	// it may arrive twice; 2, the broker has it once (PUBCOMP).
	QoS byte

	ClientID func(device int) string // names a device's session; safe for concurrent use

	// Keep is how long the broker is asked to keep a session without a connection; 0: each connection begins a new one. MQTT 3.1.1
	// can only say that, and not how long. Over the connections of a kept session what was not acknowledged is completed, as
	// section 4.4 of both versions has it. A device's first connection begins a new session in any case: of an older one its
	// device knows nothing.
	Keep      time.Duration
	KeepAlive time.Duration // an idle connection says at least so often that it is there; 0: it need not
	InFlight  int           // most messages of a device without their acknowledgement; 0 means DefaultInFlight. A broker may want fewer
}

// Versions of MQTT, as CONNECT has them.
const (
	MQTT311 = 4
	MQTT5   = 5
)

// DefaultInFlight is what brokers and clients have by default, e.g. max_inflight_messages of Mosquitto.
const DefaultInFlight = 20

// NewMQTT returns a target that publishes messages at the topic of Request.Place. Each device has a session, and a connection while
// it sends and up to Client.Idle after that; Client.MaxOpen bounds all of them.
//
// It speaks by the packets of Eclipse Paho and not by its clients: the one for MQTT 5 waits for each message's acknowledgement before
// the next, and both keep several goroutines for each connection, of which there may be thousands.
func NewMQTT(opt MQTTOptions) (*Messages, error) {
	opt.Version, opt.InFlight = cmp.Or(opt.Version, MQTT5), cmp.Or(opt.InFlight, DefaultInFlight)
	opt.Client.MaxOpen, opt.Client.Idle = cmp.Or(opt.Client.MaxOpen, DefaultMaxOpen), cmp.Or(opt.Client.Idle, DefaultIdle)
	if opt.QoS > 2 || opt.Version != MQTT311 && opt.Version != MQTT5 || opt.ClientID == nil || opt.InFlight < 1 {
		return nil, errors.New("target: MQTT wants a QoS of 0 to 2, version 4 or 5, names for sessions, and room for messages in flight")
	}
	m, r, err := newRemote(&opt.Remote, "mqtt", "1883", "8883") // mqtt, secure-mqtt
	if err != nil {
		return nil, err
	}
	if opt.Client.Resume > 0 {
		r.dialer.tickets = newTickets(opt.Client.Resume)
	}
	m.carrier = &mqtt{
		remote: r, opt: &opt, timeout: m.timeout, stats: &m.stats, slots: newSlots(opt.Client.MaxOpen), devices: newDevices(opt.Client.MaxOpen, opt.Client.Idle),
		busy: make(map[int]*mqttTurn), sessions: make(map[int]*mqttSession),
	}
	return m, nil
}

// mqtt keeps connections, each of which is a device's own and in use by one upload at a time: a second one of the same session would
// take it over.
type mqtt struct {
	remote  *remote
	opt     *MQTTOptions
	timeout time.Duration
	stats   *stats
	slots   slots // one for each connection in use
	devices *devices

	mu       sync.Mutex
	busy     map[int]*mqttTurn    // by device
	sessions map[int]*mqttSession // that are kept, by device
	closed   bool
}

// mqttTurn is the right of one upload to its device's session.
type mqttTurn struct {
	over chan struct{}
	conn *mqttConn // once there is one
}

// turn waits until no other upload uses a device's session.
func (m *mqtt) turn(ctx context.Context, device int) (*mqttTurn, error) {
	for {
		m.mu.Lock()
		t := m.busy[device]
		closed := m.closed
		if t == nil && !closed {
			t = &mqttTurn{over: make(chan struct{})}
			m.busy[device] = t
			m.mu.Unlock()
			return t, nil
		}
		m.mu.Unlock()
		if closed {
			return nil, errClosed
		}
		select {
		case <-t.over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (m *mqtt) end(device int, t *mqttTurn) {
	m.mu.Lock()
	delete(m.busy, device)
	m.mu.Unlock()
	close(t.over)
}

// with does something by a device's connection. It ends the connection when do says that it is of no use any more.
func (m *mqtt) with(ctx context.Context, device int, do func(*mqttConn) (keep bool, err error)) error {
	t, err := m.turn(ctx, device)
	if err != nil {
		return err
	}
	defer m.end(device, t)
	if err := m.slots.acquire(ctx, time.Now().Add(m.timeout)); err != nil {
		return err
	}
	defer m.slots.release()
	c, err := m.take(ctx, device)
	if err != nil {
		return err
	}
	m.mu.Lock()
	t.conn = c
	if m.closed {
		c.net.SetDeadline(past)
	}
	m.mu.Unlock()
	free := bound(ctx, c.net)
	keep, err := do(c)
	free()
	if !keep {
		c.abort()
		m.devices.gone()
		return err
	}
	c.rest(m.opt.Client.Idle)
	m.devices.put(&c.kept)
	return err
}

// take returns a device's connection, as far as can be told an open one.
func (m *mqtt) take(ctx context.Context, device int) (*mqttConn, error) {
	if k := m.devices.take(device); k != nil {
		c := k.conn.(*mqttConn)
		if c.wake() {
			return c, nil
		}
		c.abort()
		m.devices.gone()
	}
	m.devices.reserve()
	c, err := m.connect(ctx, device)
	if err != nil {
		m.devices.gone()
	}
	return c, err
}

func (m *mqtt) carry(ctx context.Context, p *parcel) error {
	return m.with(ctx, p.req.Device, func(c *mqttConn) (bool, error) {
		if m.opt.QoS == 0 {
			return c.tell(p)
		}
		return c.publish(p)
	})
}

// greet connects as the first device.
func (m *mqtt) greet(ctx context.Context) error {
	return m.with(ctx, 0, func(*mqttConn) (bool, error) { return true, nil })
}

// close ends the idle connections in order, and those in use at once.
func (m *mqtt) close() error {
	m.mu.Lock()
	m.closed = true
	for _, t := range m.busy {
		if t.conn != nil {
			t.conn.net.SetDeadline(past)
		}
	}
	m.mu.Unlock()
	m.devices.end()
	return nil
}

// session is a device's.
func (m *mqtt) session(device int) *mqttSession {
	if m.opt.Keep == 0 {
		return new(mqttSession)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[device]
	if s == nil {
		s = &mqttSession{kept: true}
		m.sessions[device] = s
	}
	return s
}

// mqttRefusal is a reason code that says no. Sources: MQTT Version 5.0, OASIS Standard, 2019, section 2.4; MQTT Version 3.1.1, OASIS
// Standard, 2014, section 3.2.2.3, whose five codes are below 0x80.
func mqttRefusal(code byte, what, more string) *refusal {
	r, known := mqttReasons[code]
	if !known {
		r = mqttReason{measure.BadAnswer, "an unknown reason"}
	}
	text := fmt.Sprintf("%s: %s (0x%02x)", what, r.text, code)
	if more != "" {
		text += ": " + more
	}
	return &refusal{r.class, int(code), text}
}

type mqttReason struct {
	class measure.Class
	text  string
}

var mqttReasons = map[byte]mqttReason{
	0x01: {measure.Status400, "it does not speak this version of MQTT; say another mqtt.version"},
	0x02: {measure.Status400, "the client identifier is not allowed"},
	0x03: {measure.Status5xx, "server unavailable"},
	0x04: {measure.Status401, "bad user name or password"},
	0x05: {measure.Status401, "not authorised"},
	0x80: {measure.Status5xx, "unspecified error"},
	0x81: {measure.Status400, "malformed packet"},
	0x82: {measure.Status400, "protocol error"},
	0x83: {measure.Status5xx, "implementation specific error"},
	0x84: {measure.Status400, "it does not speak this version of MQTT; say another mqtt.version"},
	0x85: {measure.Status400, "the client identifier is not allowed"},
	0x86: {measure.Status401, "bad user name or password"},
	0x87: {measure.Status401, "not authorised"},
	0x88: {measure.Status5xx, "server unavailable"},
	0x89: {measure.Status5xx, "server busy"},
	0x8a: {measure.Status401, "banned"},
	0x8b: {measure.Status5xx, "server shutting down"},
	0x8c: {measure.Status401, "bad authentication method"},
	0x8d: {measure.Status5xx, "keep alive timeout"},
	0x8e: {measure.Status5xx, "session taken over; is another client running under this identifier?"},
	0x90: {measure.Status400, "topic name invalid"},
	0x91: {measure.Status5xx, "packet identifier in use"},
	0x92: {measure.Status5xx, "packet identifier not found"},
	0x93: {measure.Status5xx, "receive maximum exceeded"},
	0x95: {measure.Status413, "packet too large"},
	0x96: {measure.Status429, "message rate too high"},
	0x97: {measure.Status429, "quota exceeded"},
	0x98: {measure.Status5xx, "administrative action"},
	0x99: {measure.Status400, "payload format invalid"},
	0x9a: {measure.Status400, "retain not supported"},
	0x9b: {measure.Status400, "this QoS is not supported"},
	0x9c: {measure.Status3xx, "use another server"},
	0x9d: {measure.Status3xx, "server moved"},
	0x9f: {measure.Status429, "connection rate exceeded"},
}
