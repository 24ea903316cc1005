package target

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"drover/sim/measure"
)

// openNATSCase is a NATS server, with JetStream or without, over TCP or TLS.
func openNATSCase(jetstream, secure bool) func(*testing.T, time.Duration) (*Messages, protocolBackend) {
	return func(t *testing.T, timeout time.Duration) (*Messages, protocolBackend) {
		m, g := openNATS(t, NATSOptions{JetStream: jetstream, Example: "place", Remote: Remote{User: "me", Password: "secret", Run: "r1", Client: Client{Timeout: timeout}}}, secure)
		return m, g
	}
}

func openNATS(t *testing.T, opt NATSOptions, secure bool) (*Messages, *gate) {
	t.Helper()
	g := openGate(t, false, secure, func(g *gate, c net.Conn) { talkNATS(g, c, secure) })
	if opt.URL = "nats://" + g.addr; secure {
		opt.URL, opt.TLS.RootCAs = "nats+tls://"+g.addr, testIdentity().roots
	}
	m, err := NewNATS(opt)
	return must(t, m, err), g
}

// natsServer is what is special about a server.
type natsServer struct {
	longest int    // bytes of a payload; 0: many
	names   string // what it says of streams; "": there is one. "503": nobody answers
	denies  bool   // nobody may publish to the place of messages
}

// talkNATS speaks as much of the client protocol (docs.nats.io, "Client Protocol") as a publisher meets.
func talkNATS(g *gate, c net.Conn, secure bool) {
	g.mu.Lock()
	is := g.nats
	g.mu.Unlock()
	fmt.Fprintf(c, "INFO {\"server_id\":\"x\",\"version\":\"2.15.0\",\"proto\":1,\"headers\":true,\"max_payload\":%d,\"auth_required\":true,\"tls_required\":%t}\r\n", cmp.Or(is.longest, 20_000_000), secure)
	if secure {
		c = g.secure(c)
	}
	r := bufio.NewReader(c)
	sids := map[string]string{} // by what the subject of a reply begins with
	answered := 0               // messages since the last PING
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "CONNECT":
			var who struct {
				User, Pass, Name string
				Token            string `json:"auth_token"`
			}
			if json.Unmarshal([]byte(line[len("CONNECT "):]), &who); who.Token != "token" && (who.User != "me" || who.Pass != "secret") || who.Name != "drover" {
				io.WriteString(c, "-ERR 'Authorization Violation'\r\n")
				return
			}
		case "PING":
			if g.temper() == stalls && answered > 0 {
				continue
			}
			answered = 0
			io.WriteString(c, "PONG\r\n")
		case "SUB":
			sids[strings.TrimSuffix(words[1], "*")] = words[len(words)-1]
		case "PUB", "HPUB":
			size, _ := strconv.Atoi(words[len(words)-1])
			head := 0
			if words[0] == "HPUB" {
				head, _ = strconv.Atoi(words[len(words)-2])
			}
			b := make([]byte, size+2)
			if _, err := io.ReadFull(r, b); err != nil {
				return
			}
			reply := ""
			if n := len(words) - map[string]int{"PUB": 3, "HPUB": 4}[words[0]]; n == 1 {
				reply = words[2]
			}
			if words[1] == "$JS.API.STREAM.NAMES" {
				if is.names != "503" {
					say(c, reply, sids, cmp.Or(is.names, `{"streams":["EVENTS"]}`))
					continue
				}
				for prefix, sid := range sids {
					if strings.HasPrefix(reply, prefix) {
						fmt.Fprintf(c, "HMSG %s %s 16 16\r\nNATS/1.0 503\r\n\r\n\r\n", reply, sid)
					}
				}
				continue
			}
			answered++
			header := string(b[:head])
			if words[1] != "place" || !strings.Contains(header, "Drover-Run: r1\r\n") || reply != "" && !strings.Contains(header, "Nats-Msg-Id: ") {
				g.t.Errorf("%q with header %q", line, header)
			}
			if _, id, ok := strings.Cut(header, "Nats-Msg-Id: "); ok {
				id, _, _ = strings.Cut(id, "\r\n")
				g.note(id)
			}
			switch mood := g.take(string(b[head:size])); {
			case mood == resets:
				g.breakOff(c)
				return
			case is.denies, reply == "" && mood == refuses:
				fmt.Fprintf(c, "-ERR 'Permissions Violation for Publish to \"%s\"'\r\n", words[1])
			case reply == "" || mood == stalls:
			case mood == refuses:
				say(c, reply, sids, `{"error":{"code":400,"err_code":10077,"description":"maximum messages exceeded"}}`)
			default:
				say(c, reply, sids, `{"stream":"EVENTS","seq":7}`)
				if mood == acceptsOne {
					// The client has the answer before the connection breaks: it answers a PING.
					io.WriteString(c, "PING\r\n")
					for {
						if line, err := r.ReadString('\n'); err != nil || line == "PONG\r\n" {
							break
						}
					}
					g.breakOff(c)
					return
				}
			}
		}
	}
}

func say(w io.Writer, reply string, sids map[string]string, text string) {
	for prefix, sid := range sids {
		if strings.HasPrefix(reply, prefix) {
			fmt.Fprintf(w, "MSG %s %s %d\r\n%s\r\n", reply, sid, len(text), text)
		}
	}
}

// A wrong credential, no stream, no JetStream: the preflight says which.
func TestNATSPreflight(t *testing.T) {
	m, _ := openNATS(t, NATSOptions{Remote: Remote{User: "me", Password: "wrong"}}, false)
	if err, no := m.Preflight(t.Context()), (*UnauthorisedError)(nil); !errors.As(err, &no) || !strings.Contains(err.Error(), "Authorization Violation") {
		t.Errorf("wrong password: %v", err)
	}
	expect(t, m, parcelOf(1, "a"), measure.Status401)

	m, _ = openNATS(t, NATSOptions{Remote: Remote{Token: "token"}}, false)
	if err := m.Preflight(t.Context()); err != nil {
		t.Errorf("a token: %v", err)
	}
	for names, want := range map[string]string{
		"": "", `{"streams":[]}`: "no stream takes place; make one", `{"error":{"description":"out of order"}}`: "looked up: out of order", "503": "JetStream is not enabled there", "nonsense": "cannot be read",
	} {
		m, g := openNATS(t, NATSOptions{JetStream: true, Example: "place", Remote: Remote{Token: "token", Client: Client{Timeout: patient}}}, false)
		g.is(natsServer{names: names})
		if err := m.Preflight(t.Context()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("asked for streams the server says %s: %v, want %s", names, err, want)
		}
	}

	m, err := NewNATS(NATSOptions{Remote: Remote{URL: "nats://127.0.0.1:1"}})
	m = must(t, m, err)
	if err, no := m.Preflight(t.Context()), (*UnreachableError)(nil); !errors.As(err, &no) {
		t.Errorf("nobody there: %v", err)
	}
	// Somebody who is no NATS server.
	g := openGate(t, false, false, func(_ *gate, c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	m, err = NewNATS(NATSOptions{Remote: Remote{URL: "nats://" + g.addr, Client: Client{Timeout: patient}}})
	m = must(t, m, err)
	if err, no := m.Preflight(t.Context()), (*UnreachableError)(nil); !errors.As(err, &no) {
		t.Errorf("no NATS server: %v", err)
	}
}

// A message that is too long, a subject that is none or not ours: the upload is told which, and no other waits.
func TestNATSRefuses(t *testing.T) {
	for _, jetstream := range []bool{false, true} {
		m, g := openNATS(t, NATSOptions{JetStream: jetstream, Remote: Remote{User: "me", Password: "secret", Run: "r1", Client: Client{Timeout: patient}}}, false)
		g.is(natsServer{longest: 100})
		long := parcelOf(3, "a")
		long.Body, long.Ends = append(long.Body, strings.Repeat("x", 200)...), append(long.Ends, len(long.Body)+200)
		expect(t, m, long, measure.Status413)
		if got := g.messages(); jetstream && !slices.Equal(got, messagesOf(3, "a")) {
			t.Errorf("of an upload with one that is too long arrived %q", got)
		}
		nowhere := parcelOf(1, "b")
		nowhere.Place = nil
		expect(t, m, nowhere, measure.Status400)
		m, g = openNATS(t, NATSOptions{JetStream: jetstream, Remote: Remote{User: "me", Password: "secret", Run: "r1", Client: Client{Timeout: patient}}}, false)
		g.is(natsServer{denies: true})
		for range 2 {
			expect(t, m, parcelOf(3, "c"), measure.Status401)
		}
	}
}

// TestReadPubAck: what an answer of JetStream is.
func TestReadPubAck(t *testing.T) {
	for _, tt := range []struct {
		said, status string
		want         measure.Class
	}{
		{`{"stream":"EVENTS","seq":1}`, "", measure.OK}, {`{"stream":"EVENTS", "seq":12345678}`, "", measure.OK}, {`{"stream":"EVENTS","seq":1`, "", measure.BadAnswer},
		{`{"stream":"","seq":1}`, "", measure.BadAnswer}, {`{"stream":"E","seq":1x}`, "", measure.BadAnswer}, {`{"stream":"E","seq":1,"error":{"code":503}}`, "", measure.Status5xx}, {`{"stream":"EVENTS","seq":1,"duplicate":true}`, "", measure.OK}, {`{}`, "", measure.BadAnswer},
		{`{"error":{"code":400,"err_code":10077}}`, "", measure.Rejected}, {`{"error":{"code":429}}`, "", measure.Status429},
		{`{"error":{"code":503,"err_code":10023}}`, "", measure.Status5xx}, {`{"error":{"code":401}}`, "", measure.Status401}, {`{"error":{"code":403}}`, "", measure.Status401},
		{"", "503", measure.Status5xx}, {"", "408", measure.Status5xx}, {"", "", measure.BadAnswer},
	} {
		no := readPubAck(natsMessage([]byte(tt.said), tt.status))
		if no == nil && tt.want != measure.OK || no != nil && (no.class != tt.want || no.status == 0) {
			t.Errorf("%s %s: %+v, want class %v", tt.status, tt.said, no, tt.want)
		}
	}
}

func FuzzReadPubAck(f *testing.F) {
	for _, s := range []string{`{"stream":"X","seq":1}`, `{"error":{"code":429}}`, `{"error":{"code":503,"err_code":10076,"description":"no"}}`, ``, `[]`, `{"stream":""}`} {
		f.Add([]byte(s), "")
	}
	f.Add([]byte(""), "503")
	f.Add([]byte(`{"stream":"X", "seq":12}`), "")
	f.Fuzz(func(t *testing.T, data []byte, status string) {
		no := readPubAck(natsMessage(data, status))
		var ack struct{ Stream string }
		if err := json.Unmarshal(data, &ack); isPlainAck(data) && (err != nil || ack.Stream == "") {
			t.Errorf("%q: %+v, %v", data, ack, err)
		}
		if no != nil && (no.class == measure.OK || no.status == 0 || no.text == "") {
			t.Errorf("%q: %+v", data, no)
		}
	})
}

func natsMessage(data []byte, status string) *nats.Msg {
	return &nats.Msg{Data: data, Header: nats.Header{"Status": {status}}}
}
