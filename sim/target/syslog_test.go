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
		g := openGate(t, secure, secure, talkSyslog)
		opt := Remote{URL: "syslog://" + g.addr, Client: Client{Timeout: timeout}}
		if secure {
			opt.URL, opt.TLS.RootCAs = "syslog+tls://"+g.addr, testIdentity().roots
		}
		m, err := NewSyslog(opt)
		return must(t, m, err), g
	}
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
