package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mqtt5 "github.com/eclipse/paho.golang/packets"

	"drover/sim/measure"
)

// A wrong credential, another version, a QoS that is not there, no broker: the preflight says which.
func TestMQTTPreflight(t *testing.T) {
	one := byte(1)
	for _, tt := range []struct {
		name string
		opt  MQTTOptions
		b    func(*mqttBroker)
		want string
		auth bool
	}{
		{"wrong password", MQTTOptions{Remote: Remote{Password: "wrong"}}, nil, "bad user name or password (0x86)", true},
		{"wrong password, 3.1.1", MQTTOptions{Version: MQTT311, Remote: Remote{Password: "wrong"}}, nil, "not authorised (0x05)", true},
		{"a broker of 3.1.1", MQTTOptions{}, func(b *mqttBroker) { b.refused = 1 }, "say another mqtt.version (0x01)", false},
		{"banned", MQTTOptions{}, func(b *mqttBroker) { b.refused = 0x8a }, "banned (0x8a)", true},
		{"busy", MQTTOptions{}, func(b *mqttBroker) { b.refused = 0x89 }, "server busy (0x89)", false},
		{"a reason of its own", MQTTOptions{}, func(b *mqttBroker) { b.refused = 0xee }, "an unknown reason (0xee)", false},
		{"QoS", MQTTOptions{QoS: 2}, func(b *mqttBroker) { b.maxQoS = &one }, "takes QoS up to 1; say mqtt: {qos: 1}", false},
	} {
		m, _ := openMQTT(t, tt.opt, false, tt.b)
		err := m.Preflight(t.Context())
		no := (*UnauthorisedError)(nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.As(err, &no) != tt.auth {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	// Somebody who is no broker, and nobody.
	g := openGate(t, false, false, func(_ *gate, c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	for _, url := range []string{"mqtt://" + g.addr, "mqtt://127.0.0.1:1"} {
		m, err := NewMQTT(MQTTOptions{ClientID: func(int) string { return "x" }, Remote: Remote{URL: url, Client: Client{Timeout: patient}}})
		m = must(t, m, err)
		if err, no := m.Preflight(t.Context()), (*UnreachableError)(nil); !errors.As(err, &no) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestMQTTURL: the usual ports, and what is none of its URLs.
func TestMQTTURL(t *testing.T) {
	for url, want := range map[string]string{
		"mqtt://127.0.0.1": "127.0.0.1:1883", "mqtt+tls://localhost": "localhost:8883", "mqtts://[::1]:7": "[::1]:7",
		"mqtt://192.0.2.1": "", "mqtt://127.0.0.1/x": "", "mqtt://me@127.0.0.1": "", "nats://127.0.0.1": "",
	} {
		m, err := NewMQTT(MQTTOptions{ClientID: func(int) string { return "x" }, Remote: Remote{URL: url}})
		if (err == nil) != (want != "") {
			t.Errorf("NewMQTT(%s): %v", url, err)
		}
		if err == nil {
			if r := m.carrier.(*mqtt).remote; r.addr != want || r.secure == strings.HasPrefix(url, "mqtt:") {
				t.Errorf("%s is at %s, TLS %t; want %s", url, r.addr, r.secure, want)
			}
		}
	}
}

// Each device has a session of its own, which one upload uses at a time, and MaxOpen bounds the connections.
func TestMQTTSessions(t *testing.T) {
	m, b := openMQTT(t, MQTTOptions{QoS: 1, Remote: Remote{Client: Client{Timeout: patient, MaxOpen: 2}}}, false, nil)
	var all sync.WaitGroup
	for k := range 12 {
		all.Go(func() {
			r := parcelOf(5, fmt.Sprint(k))
			r.Device = k % 3
			expect(t, m, r, measure.OK)
		})
	}
	all.Wait()
	b.mu.Lock()
	ids := slices.Compact(slices.Sorted(slices.Values(b.ids)))
	b.mu.Unlock()
	if !slices.Equal(ids, []string{"device-0", "device-1", "device-2"}) {
		t.Errorf("sessions of %q", ids)
	}
	c := m.carrier.(*mqtt)
	turn, err := c.turn(t.Context(), 7)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, second := c.turn(ended, 7); err != nil || second != context.Canceled {
		t.Errorf("%v; a second upload of a device: %v, want it to wait", err, second)
	}
	c.end(7, turn)
	if _, err := c.turn(ended, 7); err != nil {
		t.Error(err)
	}
	n := m.Connections()
	if n.Open > 2 || n.Evicted == 0 || n.Opened != int64(len(b.ids)) {
		t.Errorf("%d connections, want at most 2 open and some evicted: %+v", len(b.ids), n)
	}
	if got := len(b.messages()); got != 60 {
		t.Errorf("%d messages arrived, want 60", got)
	}
}

// A broker says how many messages may be in flight and how long they may be.
func TestMQTTLimits(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		m, b := openMQTT(t, MQTTOptions{QoS: qos, Remote: Remote{Client: Client{Timeout: patient}}}, false, func(b *mqttBroker) { b.window, b.longest = 3, 100 })
		expect(t, m, parcelOf(50, "a"), measure.OK)
		if got := b.messages(); !slices.Equal(got, messagesOf(50, "a")) || b.most > 3 {
			t.Errorf("QoS %d: %d in flight, want 3 at most; arrived %q", qos, b.most, got)
		}
		long := parcelOf(3, "b")
		long.Body, long.Ends = append(slices.Clone(long.Body), bytes.Repeat([]byte("x"), 100)...), append(long.Ends, len(long.Body)+100)
		ans := expect(t, m, long, measure.Status413)
		if got := b.messages()[50:]; !slices.Equal(got, messagesOf(3, "b")) || ans.Status != 0x95 {
			t.Errorf("QoS %d: of an upload with one that is too long arrived %q, status %d", qos, got, ans.Status)
		}
	}
}

// Of a kept session each message arrives once with QoS 2, whatever breaks, and at least once with QoS 1: what was under way is said again.
func TestMQTTKeptSession(t *testing.T) {
	for _, tt := range []struct {
		version int
		qos     byte
		keep    time.Duration
		want    []string
	}{
		{MQTT5, 2, time.Hour, messagesOf(3, "a", "bb")}, {MQTT311, 2, time.Hour, messagesOf(3, "a", "bb")},
		{MQTT5, 1, time.Hour, append(messagesOf(3, "a", "a"), messagesOf(3, "bb")...)},
		{MQTT5, 2, 0, append(messagesOf(3, "a", "a"), messagesOf(3, "bb")...)},
	} {
		m, b := openMQTT(t, MQTTOptions{Version: tt.version, QoS: tt.qos, Keep: tt.keep, Remote: Remote{Client: Client{Timeout: patient}}}, false, nil)
		a := parcelOf(3, "a")
		a.Faults = &Faults{DropResponse: 1} // all of it arrives, and the device does not hear
		expect(t, m, a, measure.Reset)
		a.Faults = nil
		expect(t, m, parcelOf(3, "bb"), measure.OK) // the other upload ends what was under way
		expect(t, m, a, measure.OK)
		got := b.messages()
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(tt.want))) {
			t.Errorf("version %d, QoS %d, kept %v: arrived %q, want %q", tt.version, tt.qos, tt.keep, got, tt.want)
		}
		if want := map[bool]int{true: 3}[tt.qos == 1]; b.again != want { // of QoS 2 they were released
			t.Errorf("version %d, QoS %d, kept %v: %d messages were said to come again, want %d", tt.version, tt.qos, tt.keep, b.again, want)
		}
		if b.clean[0] != true || b.clean[len(b.clean)-1] != (tt.keep == 0) {
			t.Errorf("version %d, kept %v: clean starts %v", tt.version, tt.keep, b.clean)
		}
		if want := uint32(tt.keep / time.Second); tt.version == MQTT5 && slices.ContainsFunc(b.expiry, func(s uint32) bool { return s != want }) {
			t.Errorf("kept %v: sessions are to expire after %d s", tt.keep, b.expiry)
		}
	}
}

// A broker that broke off in the middle of a kept session gets the rest of it, and nothing twice.
func TestMQTTKeptSessionBreaks(t *testing.T) {
	m, b := openMQTT(t, MQTTOptions{QoS: 2, Keep: time.Hour, Remote: Remote{Client: Client{Timeout: patient}}}, false, nil)
	r := parcelOf(30, "a") // more than are in flight at once
	b.do(acceptsOne)
	for range 5 {
		expect(t, m, r, measure.Reset)
	}
	b.do(accepts)
	expect(t, m, r, measure.OK)
	got := b.messages()
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(messagesOf(30, "a")))) {
		t.Errorf("arrived %q", got)
	}
	if s := m.carrier.(*mqtt).sessions[0]; len(s.open)+len(s.done) > 0 {
		t.Errorf("%d under way, %d done", len(s.open), len(s.done))
	}
}

// A broker that has forgotten a kept session gets what was under way as new messages: that the session is not there says that it has none.
func TestMQTTForgottenSession(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		m, b := openMQTT(t, MQTTOptions{QoS: qos, Keep: time.Hour, Remote: Remote{Client: Client{Timeout: patient}}}, false, nil)
		r := parcelOf(5, "a")
		b.do(acceptsOne)
		expect(t, m, r, measure.Reset)
		b.mu.Lock()
		clear(b.sessions)
		b.mu.Unlock()
		b.do(accepts)
		expect(t, m, r, measure.OK)
		if got := b.messages(); !slices.Equal(got, messagesOf(5, "a")) || b.again > 0 || b.clean[len(b.clean)-1] {
			t.Errorf("QoS %d: arrived %q, %d as if they came again, clean starts %v", qos, got, b.again, b.clean)
		}
	}
}

// What a broker says of a connection holds for it.
func TestMQTTWelcome(t *testing.T) {
	c := &mqttConn{mqtt: &mqtt{opt: &MQTTOptions{Version: MQTT5}}, session: new(mqttSession), window: 20, longest: maxMQTT, every: time.Minute}
	said := []byte{0, 0, 11, mqtt5.PropReceiveMaximum, 0, 5, mqtt5.PropMaximumPacketSize, 0, 0, 0, 99, mqtt5.PropServerKeepAlive, 0, 7}
	said[2] = byte(len(said) - 3)
	if err := c.welcome(said); err != nil || c.window != 5 || c.longest != 99 || c.every != 7*time.Second {
		t.Errorf("%v; %d in flight, %d bytes, a ping each %v", err, c.window, c.longest, c.every)
	}
}

// Identifiers of messages begin anew at 1, since 0 is none, and one that is in use is passed over.
func TestMQTTIdentifiers(t *testing.T) {
	s := mqttSession{open: []mqttFlight{{id: 1}, {id: 9}}}
	for last, want := range map[uint16]uint16{0: 2, 8: 10, 65534: 65535, 65535: 2} {
		if got := s.free(last); got != want {
			t.Errorf("after %d comes %d, want %d", last, got, want)
		}
	}
}

// With QoS 2 a broker that does not know a released message any more has completed it; one that does not take it says so before.
func TestMQTTCompleted(t *testing.T) {
	for _, tt := range []struct {
		rec, comp []byte
		want      measure.Class
	}{
		{[]byte{mqtt5.PUBREC << 4, 2, 0, 1}, []byte{mqtt5.PUBCOMP << 4, 3, 0, 1, 0x92}, measure.OK},
		{[]byte{mqtt5.PUBREC << 4, 3, 0, 1, 0x97}, nil, measure.Status429},
	} {
		b := &mqttBroker{five: true, gate: &gate{t: t}}
		g := openGate(t, false, false, func(_ *gate, c net.Conn) {
			b.read(c)
			c.Write([]byte{mqtt5.CONNACK << 4, 3, 0, 0, 0})
			b.read(c)
			c.Write(tt.rec)
			if s, err := b.read(c); tt.comp != nil && (err != nil || s.typ != mqtt5.PUBREL) {
				t.Errorf("after PUBREC came %+v, %v", s, err)
			}
			c.Write(tt.comp)
			io.Copy(io.Discard, c)
		})
		m, err := NewMQTT(MQTTOptions{QoS: 2, ClientID: func(int) string { return "x" }, Remote: Remote{URL: "mqtt://" + g.addr, User: "me", Run: "r1", Client: Client{Timeout: patient}}})
		m = must(t, m, err)
		expect(t, m, parcelOf(1, "a"), tt.want)
	}
}

// A connection that lies idle pings in time, and one whose broker does not answer is left.
func TestMQTTPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		opt := &MQTTOptions{Version: MQTT5, QoS: 1, KeepAlive: time.Minute}
		c := &mqttConn{mqtt: &mqtt{opt: opt, timeout: time.Second}, session: new(mqttSession), net: newConn(here, new(conns)), every: opt.KeepAlive}
		b := &mqttBroker{five: true, gate: &gate{t: t}}
		c.mu.Lock()
		c.rest(time.Hour)
		start := time.Now()
		for k := 1; k <= 3; k++ {
			if s, err := b.read(there); err != nil || s.typ != mqtt5.PINGREQ || time.Since(start) != time.Duration(k)*45*time.Second {
				t.Errorf("after %v: %+v, %v", time.Since(start), s, err)
			}
			synctest.Wait()
			c.mu.Lock()
			c.in = append(c.in, mqtt5.PINGRESP<<4, 0) // a pipe cannot be looked into
			c.mu.Unlock()
		}
		if s, err := b.read(there); err != nil {
			t.Errorf("%+v, %v", s, err)
		}
		c.mu.Lock()
		other := &mqttConn{mqtt: c.mqtt, net: c.net, in: []byte{mqtt5.DISCONNECT << 4, 1, 0x8b}}
		if !c.look() || other.look() {
			t.Error("who says nothing is not there, or who takes its leave is")
		}
		c.mu.Unlock()
		if s, err := b.read(there); swaps && (err != io.EOF || time.Since(start) != 5*45*time.Second) {
			t.Errorf("after %v without an answer: %+v, %v", time.Since(start), s, err)
		}
	})
}

// Packets that need their length in more than one byte, and a broker that says what nobody asked for.
func TestMQTTAnswers(t *testing.T) {
	m, b := openMQTT(t, MQTTOptions{QoS: 1, Remote: Remote{Client: Client{Timeout: patient}}}, false, nil)
	for _, n := range []int{1, 100, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152} {
		r := parcelOf(1, "a")
		r.Body, r.Ends = bytes.Repeat([]byte("x"), n), []int{n}
		expect(t, m, r, measure.OK)
		if got := b.messages(); len(got[len(got)-1]) != n {
			t.Errorf("of %d bytes %d arrived", n, len(got[len(got)-1]))
		}
	}
	for _, tt := range []struct {
		says []byte
		want measure.Class
		text string
	}{
		{[]byte{mqtt5.PUBACK << 4, 2, 0, 9}, measure.BadAnswer, "not under way"},
		{[]byte{mqtt5.PUBACK << 4, 1, 0}, measure.BadAnswer, "cut short"},
		{[]byte{mqtt5.PUBREC << 4, 2, 0, 1}, measure.BadAnswer, "not under way"},
		{[]byte{mqtt5.PUBLISH << 4, 3, 0, 1, 'x'}, measure.BadAnswer, "nobody asked for"},
		{[]byte{mqtt5.PUBACK << 4, 0xff, 0xff, 0xff, 0xff, 1}, measure.BadAnswer, "longer than any"},
		{[]byte{mqtt5.DISCONNECT << 4, 0}, measure.Reset, ""},
		{[]byte{mqtt5.DISCONNECT << 4, 2, 0x97, 0}, measure.Status429, "ended the connection: quota exceeded"},
		{[]byte{mqtt5.DISCONNECT << 4, 2, 0x8b, 9}, measure.Status5xx, "shutting down"},
		{[]byte{mqtt5.DISCONNECT << 4, 3, 0x8b, 1, 0xee}, measure.BadAnswer, "cannot be read"},
		{[]byte{mqtt5.PUBACK << 4, 4, 0, 1, 0x87, 0}, measure.Status401, "refused the message: not authorised"},
		{[]byte{mqtt5.PUBACK << 4, 4, 0, 1, 0x10, 0}, measure.OK, ""},                        // nobody has subscribed
		{[]byte{mqtt5.PUBACK << 4, 2, 0, 1, mqtt5.DISCONNECT << 4, 1, 0x8b}, measure.OK, ""}, // when all was done
	} {
		g := openGate(t, false, false, func(_ *gate, c net.Conn) {
			b.read(c)
			c.Write([]byte{mqtt5.CONNACK << 4, 3, 0, 0, 0})
			b.read(c)
			c.Write(tt.says)
			io.Copy(io.Discard, c)
		})
		m, err := NewMQTT(MQTTOptions{QoS: 1, ClientID: func(int) string { return "x" }, Remote: Remote{URL: "mqtt://" + g.addr, User: "me", Run: "r1", Client: Client{Timeout: patient}}})
		m = must(t, m, err)
		if ans := expect(t, m, parcelOf(1, "a"), tt.want); ans.Err != nil && !strings.Contains(ans.Err.Error(), tt.text) {
			t.Errorf("% x: %v, want %s", tt.says, ans.Err, tt.text)
		}
	}
}

// Whatever a broker says, it is read without harm.
func FuzzMQTTAnswer(f *testing.F) {
	f.Add([]byte{mqtt5.CONNACK << 4, 3, 0, 0, 0, mqtt5.PUBACK << 4, 2, 0, 1, mqtt5.PUBREC << 4, 4, 0, 2, 0x97, 0, mqtt5.DISCONNECT << 4, 2, 0x8b, 0}, true)
	f.Add([]byte{mqtt5.CONNACK << 4, 2, 0, 0, mqtt5.PUBREC << 4, 2, 0, 1, mqtt5.PUBCOMP << 4, 2, 0, 1}, false)
	f.Add([]byte{mqtt5.CONNACK << 4, 15, 0, 0, 12, mqtt5.PropReceiveMaximum, 0, 0, mqtt5.PropMaximumPacketSize, 0, 0, 0, 9, mqtt5.PropServerKeepAlive, 0, 1, 0x24, 0}, true)
	f.Fuzz(func(t *testing.T, said []byte, five bool) {
		for _, qos := range []byte{1, 2} {
			opt := &MQTTOptions{Version: map[bool]int{true: MQTT5, false: MQTT311}[five], QoS: qos}
			c := &mqttConn{mqtt: &mqtt{opt: opt}, session: new(mqttSession), net: deaf{bytes.NewReader(said)}, window: 20, longest: maxMQTT}
			if c.greet("x", true) != nil {
				continue
			}
			p := parcel{req: parcelOf(3, "a"), n: 3, left: 3}
			if keep, err := c.publish(&p); err == nil && p.left > 0 || keep && len(c.session.open) > 0 {
				t.Errorf("% x: %d left, %d under way, %v", said, p.left, len(c.session.open), err)
			}
		}
	})
}

// deaf is a connection whose other side says what it says.
type deaf struct{ *bytes.Reader }

func (deaf) Write(b []byte) (int, error)      { return len(b), nil }
func (deaf) Close() error                     { return nil }
func (deaf) LocalAddr() net.Addr              { return nil }
func (deaf) RemoteAddr() net.Addr             { return nil }
func (deaf) SetDeadline(time.Time) error      { return nil }
func (deaf) SetReadDeadline(time.Time) error  { return nil }
func (deaf) SetWriteDeadline(time.Time) error { return nil }
