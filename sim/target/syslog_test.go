package target

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
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
