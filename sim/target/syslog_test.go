package target

import (
	"bufio"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drover/sim/measure"
)

// openSyslogCase is a syslog server: over TCP, or over TLS.
func openSyslogCase(secure bool) func(*testing.T, time.Duration) (*Messages, protocolBackend) {
	return func(t *testing.T, timeout time.Duration) (*Messages, protocolBackend) {
		m, g := openSyslog(t, Remote{Client: Client{Timeout: timeout}}, secure)
		return m, g
	}
}

func openSyslog(t *testing.T, opt Remote, secure bool) (*Messages, *gate) {
	t.Helper()
	g := openGate(t, secure, secure, talkSyslog)
	if opt.URL = "syslog://" + g.addr; secure {
		opt.URL, opt.TLS.RootCAs = "syslog+tls://"+g.addr, testIdentity().roots
	}
	m, err := NewSyslog(opt)
	return must(t, m, err), g
}

// talkSyslog reads frames by octet counting, as RFC 6587 section 3.4.1 has it.
func talkSyslog(g *gate, c net.Conn) {
	r := bufio.NewReader(c)
	for {
		if g.temper() == stalls {
			<-g.t.Context().Done()
			return
		}
		text, err := r.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(text, " "))
		if err != nil || n <= 0 || text[0] == '0' {
			g.t.Errorf("%q is no length of a frame", text)
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		if g.take(string(b)) == resets {
			g.breakOff(c)
			return
		}
	}
}

// TestPorts: the usual ones, however the scheme is written.
func TestPorts(t *testing.T) {
	for url, want := range map[string]string{
		"MQTT://localhost": "1883", "mqtt+tls://localhost": "8883", "MQTTS://localhost": "8883", "kafka://localhost": "9092", "Kafka+TLS://localhost": "9093",
		"nats://localhost": "4222", "nats+tls://localhost": "4222", "SYSLOG+TLS://localhost": "6514",
	} {
		opt, r := Remote{URL: url}, (*remote)(nil)
		switch p, _ := ProtocolOf(url); p.Name {
		case "mqtt":
			m, err := NewMQTT(MQTTOptions{Remote: opt, ClientID: func(int) string { return "x" }})
			r = must(t, m, err).carrier.(*mqtt).remote
		case "kafka":
			m, err := NewKafka(KafkaOptions{Remote: opt, Key: func(int) string { return "x" }})
			r = must(t, m, err).carrier.(*kafka).remote
		case "nats":
			m, err := NewNATS(NATSOptions{Remote: opt})
			r = must(t, m, err).carrier.(*natsCarrier).remote
		default:
			m, err := NewSyslog(opt)
			r = must(t, m, err).carrier.(*syslog).remote
		}
		if r.addr != "localhost:"+want {
			t.Errorf("%s is at %s, want port %s", url, r.addr, want)
		}
	}
}

// TestSyslogURL: the usual ports, and what is none of its URLs.
func TestSyslogURL(t *testing.T) {
	for url, want := range map[string]string{
		"syslog://127.0.0.1": "127.0.0.1:601", "syslog+tls://localhost": "localhost:6514", "syslog://[::1]:514": "[::1]:514",
		"syslog://192.0.2.1": "", "syslog://127.0.0.1/x": "", "syslog://me@127.0.0.1": "", "http://127.0.0.1": "", "syslog:x": "",
	} {
		m, err := NewSyslog(Remote{URL: url})
		if (err == nil) != (want != "") {
			t.Errorf("NewSyslog(%s): %v", url, err)
		}
		if err == nil {
			if got := m.carrier.(*syslog).remote.addr; got != want {
				t.Errorf("%s is at %s, want %s", url, got, want)
			}
		}
	}
}

// partial is a connection that takes so many bytes and then breaks.
type partial struct {
	deaf
	takes int
}

func (p partial) Write([]byte) (int, error) { return p.takes, net.ErrClosed }

// Of an upload that broke in the middle those messages were taken whose bytes all were, and the next attempt sends the others alone.
func TestSyslogTakesAPart(t *testing.T) {
	for takes, want := range map[int]int{0: 0, 8: 0, 9: 1, 17: 1, 18: 2, 26: 2, 27: 3} { // a frame is 7 bytes, and 2 that say so
		s, r := &syslog{idle: []*syslogConn{{net: partial{takes: takes}}}}, parcelOf(3, "a")
		p := parcel{req: r, n: 3, taken: r.Taken, left: 3}
		if err := s.carry(t.Context(), &p); err != net.ErrClosed || len(s.idle) > 0 {
			t.Errorf("%v, %d connections are used again", err, len(s.idle))
		}
		for i := range 3 {
			if r.Taken.Has(i) != (i < want) {
				t.Errorf("of %d bytes: message %d is taken: %t", takes, i, r.Taken.Has(i))
			}
		}
		there, far := net.Pipe()
		s.idle = []*syslogConn{{net: there}}
		go func() {
			s.carry(t.Context(), &p)
			there.Close()
		}()
		var all string
		for i := want; i < 3; i++ {
			all += "7 " + messagesOf(3, "a")[i]
		}
		if got, err := io.ReadAll(far); err != nil || string(got) != all {
			t.Errorf("after %d bytes comes %q, %v, want %q", takes, got, err, all)
		}
	}
}

// A connection that the server has closed while it lay idle is not written to: what is lost on it would count as accepted.
func TestSyslogLeavesClosedConnections(t *testing.T) {
	if !swaps {
		t.Skip("here nobody can look whether a connection is open")
	}
	m, g := openSyslog(t, Remote{Client: Client{Timeout: patient}}, false)
	expect(t, m, parcelOf(1, "a"), measure.OK)
	arrived(t, g, func(got []string) bool { return len(got) == 1 })
	g.down()
	g.up()
	idle := m.carrier.(*syslog).idle[0]
	waitFor(t, "the end of a connection to be known", func() bool { return !quiet(idle.net) })
	expect(t, m, parcelOf(2, "b"), measure.OK)
	want := append(messagesOf(1, "a"), messagesOf(2, "b")...)
	if got := arrived(t, g, func(got []string) bool { return len(got) == 3 }); !slices.Equal(got, want) {
		t.Errorf("arrived %q, want %q", got, want)
	}
}
