package target

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim/measure"
)

// A protocolCase is a protocol under the suite that all protocols of messages pass: what a backend does, and how uploads end. What a
// protocol has no case of it leaves out.
type protocolCase struct {
	name string
	open func(t *testing.T, timeout time.Duration) (*Messages, protocolBackend)

	refusal measure.Class // how a refused upload ends; OK: nobody refuses
	stalls  bool          // a backend may take without an answer, and then the upload times out
	wire    bool          // there is a connection, which breaks
	again   bool          // what the backend took of an upload that failed is not sent again
	blind   bool          // there is no answer: what is written is accepted, and a reset is seen afterwards
	sticky  bool          // a refusal lasts as long as the connection
	big     int           // bytes of a message that a backend which does not read cannot have taken; 0: any
}

// protocolBackend is the other side.
type protocolBackend interface {
	do(temper)          // from now on
	messages() []string // that it took, in order
	down()              // it vanishes: its connections break and no new one comes about
	up()                // it is back, where it was
}

// temper is how a backend takes messages.
type temper int

const (
	accepts temper = iota
	refuses
	stalls
	resets
	acceptsOne // of each upload, and is then reset
)

// protocolCases are all of them.
var protocolCases = []protocolCase{
	{name: "discard", open: func(t *testing.T, timeout time.Duration) (*Messages, protocolBackend) {
		m, err := NewDiscard(Client{Timeout: timeout}, nil)
		return must(t, m, err), nil
	}},
	{name: "file", open: openFileCase, refusal: measure.Rejected},
	{name: "stdout", open: openPipeCase, stalls: true},
	{name: "syslog", open: openSyslogCase(false), stalls: true, wire: true, blind: true, big: 16 << 20},
	{name: "syslog over TLS", open: openSyslogCase(true), stalls: true, wire: true, blind: true, big: 16 << 20},
	{name: "nats", open: openNATSCase(false, false), refusal: measure.Status401, sticky: true, stalls: true, wire: true},
	{name: "jetstream", open: openNATSCase(true, false), refusal: measure.Rejected, stalls: true, wire: true, again: true},
	{name: "mqtt 3.1.1, QoS 0", open: openMQTTCase(MQTT311, 0, false), stalls: true, wire: true, blind: true, big: 16 << 20},
	{name: "mqtt 3.1.1, QoS 2", open: openMQTTCase(MQTT311, 2, false), stalls: true, wire: true, again: true},
	{name: "mqtt 5, QoS 1", open: openMQTTCase(MQTT5, 1, false), refusal: measure.Status429, stalls: true, wire: true, again: true},
	{name: "mqtt 5, QoS 2 over TLS", open: openMQTTCase(MQTT5, 2, true), refusal: measure.Status429, stalls: true, wire: true, again: true},
	{name: "kafka, acks none", open: openKafkaCase("none", false), wire: true, blind: true},
	{name: "kafka, acks leader", open: openKafkaCase("leader", false), refusal: measure.Rejected, stalls: true, wire: true},
	{name: "kafka, acks all, over TLS", open: openKafkaCase("all", true), refusal: measure.Rejected, stalls: true, wire: true},
	{name: "jetstream over TLS", open: openNATSCase(true, true), refusal: measure.Rejected, stalls: true, wire: true, again: true},
}

func must(t *testing.T, m *Messages, err error) *Messages {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// parcelOf is an upload of n messages.
func parcelOf(n int, from string) *Request {
	r := &Request{Op: measure.Upload, Key: []byte(from), Place: []byte("place"), Taken: new(Taken)}
	for i := range n {
		r.Body = fmt.Appendf(r.Body, "{%q:%d}\n", from, i)
		r.Ends = append(r.Ends, len(r.Body))
		r.IDs = append(r.IDs, [16]byte{byte(i), byte(len(from))})
	}
	return r
}

// messagesOf are the messages of uploads as they should arrive.
func messagesOf(n int, from ...string) (list []string) {
	for _, f := range from {
		for i := range n {
			list = append(list, fmt.Sprintf("{%q:%d}", f, i))
		}
	}
	return list
}

// arrived waits until a backend has what is wanted, for where nothing tells when it has read, and returns what it has.
func arrived(t *testing.T, b protocolBackend, enough func([]string) bool) []string {
	t.Helper()
	for deadline := time.Now().Add(patient); ; {
		got := b.messages()
		if enough(got) || time.Now().After(deadline) {
			return got
		}
		time.Sleep(time.Millisecond)
	}
}

// expect sends an upload and holds how it ends.
func expect(t *testing.T, m *Messages, r *Request, want ...measure.Class) *Answer {
	t.Helper()
	ans := new(Answer)
	m.Send(t.Context(), r, ans)
	if !slices.Contains(want, ans.Class) || (ans.Err == nil) != (ans.Class == measure.OK) {
		t.Errorf("upload %s: class %v, %v; want %v", r.Key, ans.Class, ans.Err, want)
	}
	return ans
}

// TestProtocols holds every protocol of messages to the same suite.
func TestProtocols(t *testing.T) {
	for _, c := range protocolCases {
		t.Run(c.name, func(t *testing.T) {
			t.Run("accepts", func(t *testing.T) {
				m, b := c.open(t, patient)
				if err := m.Preflight(t.Context()); err != nil {
					t.Fatal(err)
				}
				for _, from := range []string{"a", "b", "c"} {
					expect(t, m, parcelOf(3, from), measure.OK)
				}
				whole := parcelOf(2, "d") // with something around its events: one message
				whole.Head = 1
				expect(t, m, whole, measure.OK)
				if b == nil {
					return
				}
				want := append(messagesOf(3, "a", "b", "c"), "{\"d\":0}\n{\"d\":1}")
				if got := arrived(t, b, func(got []string) bool { return len(got) >= len(want) }); !slices.Equal(got, want) && !slices.Equal(strings.Split(strings.Join(got, "\n"), "\n"), strings.Split(strings.Join(want, "\n"), "\n")) {
					t.Errorf("%d messages arrived: %q, want %q", len(got), got, want)
				}
			})
			t.Run("refuses", func(t *testing.T) {
				if c.refusal == measure.OK {
					t.Skip("nobody refuses")
				}
				m, b := c.open(t, patient)
				b.do(refuses)
				if ans := expect(t, m, parcelOf(3, "a"), c.refusal); ans.Status == 0 {
					t.Error("a refusal is an answer; status 0 says that there was none")
				}
				if c.sticky {
					return
				}
				b.do(accepts)
				expect(t, m, parcelOf(3, "b"), measure.OK)
				if got := b.messages(); !slices.Equal(got, messagesOf(3, "b")) {
					t.Errorf("arrived: %q", got)
				}
			})
			t.Run("stalls", func(t *testing.T) {
				if !c.stalls {
					t.Skip("nothing is waited for")
				}
				m, b := c.open(t, hasty)
				b.do(stalls)
				for _, from := range []string{"a", "b"} {
					r := parcelOf(3, from)
					if c.big > 0 {
						r.Body, r.Ends = make([]byte, c.big), []int{c.big}
					}
					expect(t, m, r, measure.Timeout)
				}
			})
			t.Run("the run ends", func(t *testing.T) {
				if !c.stalls {
					t.Skip("nothing is waited for")
				}
				m, b := c.open(t, patient)
				b.do(stalls)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				var ans Answer
				if m.Send(ctx, parcelOf(1, "a"), &ans); ans.Class != measure.Cancelled {
					t.Errorf("class %v, want cancelled: %v", ans.Class, ans.Err)
				}
			})
			t.Run("resets, vanishes and comes back", func(t *testing.T) {
				if !c.wire {
					t.Skip("there is no connection")
				}
				m, b := c.open(t, patient)
				expect(t, m, parcelOf(1, "a"), measure.OK)
				b.do(resets)
				broken := []measure.Class{measure.Reset}
				if c.blind {
					broken = append(broken, measure.OK)
				}
				expect(t, m, parcelOf(2, "b"), broken...)
				b.down()
				// Until it is known here that the connection is gone, uploads end as if it had just broken.
				broken = append(broken, measure.ConnectRefused)
				for expect(t, m, parcelOf(2, "c"), broken...).Class != measure.ConnectRefused && !t.Failed() {
				}
				b.do(accepts)
				b.up()
				expect(t, m, parcelOf(2, "d"), measure.OK)
				got := arrived(t, b, func(got []string) bool { return len(got) >= 2 && got[len(got)-1] == `{"d":1}` })
				if !slices.Equal(got[len(got)-2:], messagesOf(2, "d")) {
					t.Errorf("arrived: %q", got)
				}
				if n := m.Connections(); n.Opened < 2 || n.Connect.Count() != n.Opened {
					t.Errorf("connections %+v", n)
				}
			})
			t.Run("takes a part", func(t *testing.T) {
				if !c.again {
					t.Skip("an upload is taken whole or not at all")
				}
				m, b := c.open(t, patient)
				b.do(acceptsOne)
				r := parcelOf(3, "a")
				expect(t, m, r, measure.Reset)
				if !r.Taken.Any() {
					t.Error("nothing was taken")
				}
				b.do(accepts)
				expect(t, m, r, measure.OK)
				if got := b.messages(); !slices.Equal(got, messagesOf(3, "a")) {
					t.Errorf("arrived: %q", got)
				}
			})
			t.Run("after Close", func(t *testing.T) {
				m, _ := c.open(t, patient)
				m.Close()
				expect(t, m, parcelOf(1, "a"), measure.Cancelled)
			})
			t.Run("faults", func(t *testing.T) { protocolFaults(t, c) })
		})
	}
}

// protocolFaults: each of drover's own faults does to messages what it does to requests.
func protocolFaults(t *testing.T, c protocolCase) {
	for _, tt := range []struct {
		name   string
		faults Faults
		want   []measure.Class
		kept   func(got []string) bool
	}{
		{"blackhole", Faults{Blackhole: 1}, []measure.Class{measure.Timeout}, func(got []string) bool { return len(got) == 0 }},
		{"reset", Faults{Reset: 1, Seed: 3}, []measure.Class{measure.Reset}, func(got []string) bool { return len(got) < 4 }},
		{"dropped answer", Faults{DropResponse: 1}, []measure.Class{measure.Reset}, func(got []string) bool { return slices.Equal(got, messagesOf(4, "a")) }},
		{"malformed", Faults{Malformed: 1}, []measure.Class{measure.OK}, func(got []string) bool { return len(got) == 4 && got[0] == `{"a` }},
	} {
		m, b := c.open(t, hasty)
		if tt.want[0] != measure.Timeout {
			m, b = c.open(t, patient)
		}
		r := parcelOf(4, "a")
		r.Faults = &tt.faults
		expect(t, m, r, tt.want...)
		if b != nil && !tt.kept(arrived(t, b, tt.kept)) {
			t.Errorf("%s: arrived: %q", tt.name, b.messages())
		}
		if n := m.Struck().Faults; slices.Max(n[:]) != 1 {
			t.Errorf("%s: struck %v", tt.name, n)
		}
		if tt.faults.DropResponse > 0 && r.Taken.Any() {
			t.Error("the device knows of messages whose acknowledgement was thrown away")
		}
	}
}

// Where messages carry an id it is the event's own, by which a server, or who reads there, tells one that comes again. An upload that is one
// message has the upload's.
func TestMessagesCarryTheirIDs(t *testing.T) {
	jetstream, stream := openNATS(t, NATSOptions{JetStream: true, Remote: Remote{User: "me", Password: "secret", Run: "r1", Client: Client{Timeout: patient}}}, false)
	topic, broker := openKafka(t, KafkaOptions{Remote: Remote{Client: Client{Timeout: patient}}}, false, nil)
	want := []string{"00010000-0000-0000-0000-000000000000", "01010000-0000-0000-0000-000000000000", "02010000-0000-0000-0000-000000000000", "bb"}
	for m, g := range map[*Messages]*gate{jetstream: stream, topic: broker.gate} {
		expect(t, m, parcelOf(3, "a"), measure.OK)
		expect(t, m, parcelOf(1, "bb"), measure.OK)
		g.mu.Lock()
		if !slices.Equal(g.ids, want) {
			t.Errorf("%s: ids %q, want %q", m.name, g.ids, want)
		}
		g.mu.Unlock()
	}
}
