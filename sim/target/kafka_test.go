package target

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"drover/sim/measure"
	"drover/sim/target/kafkatest"
)

// kafkaBroker is as much of a broker as a producer meets: the requests up to the versions before tagged fields, by franz-go's messages.
type kafkaBroker struct {
	*gate
	acks  int16
	named string // the address by which it says that it is reached; "": its own
	codec int16  // that batches are to be in, as their attributes have it
	says  int16  // the code that each batch is answered by; 0: as is its mood

	mu      sync.Mutex
	seen    map[string]bool // batches by producer and sequence
	batches int             // that came
	shown   string          // the mechanism of the last credential
}

// openKafkaCase is a cluster of one broker, over TCP or TLS.
func openKafkaCase(acks string, secure bool) func(*testing.T, time.Duration) (*Messages, protocolBackend) {
	return func(t *testing.T, timeout time.Duration) (*Messages, protocolBackend) {
		m, b := openKafka(t, KafkaOptions{Acks: acks, Remote: Remote{Client: Client{Timeout: timeout}}}, secure, nil)
		return m, b
	}
}

func openKafka(t *testing.T, opt KafkaOptions, secure bool, change func(*kafkaBroker)) (*Messages, *kafkaBroker) {
	t.Helper()
	b := &kafkaBroker{acks: map[string]int16{"none": 0, "leader": 1, "all": -1, "": -1}[opt.Acks], seen: make(map[string]bool)}
	if change != nil {
		change(b)
	}
	b.gate = openGate(t, secure, secure, func(_ *gate, c net.Conn) { b.talk(c) })
	if opt.URL = "kafka://" + b.addr; secure {
		opt.URL, opt.TLS.RootCAs = "kafka+tls://"+b.addr, testIdentity().roots
	}
	opt.Key, opt.Run, opt.Example = func(d int) string { return fmt.Sprint("device-", d) }, "r1", "place"
	m, err := NewKafka(opt)
	return must(t, m, err), b
}

// talk answers requests in order.
func (b *kafkaBroker) talk(c net.Conn) {
	for {
		req, err := kafkatest.Read(c)
		if err != nil {
			if errors.Is(err, kafkatest.ErrRequest) {
				b.t.Error(err)
			}
			return
		}
		resp, over := b.answer(req.Request)
		if over {
			b.breakOff(c)
			return
		}
		if resp == nil {
			continue
		}
		if _, err := c.Write(req.Answer(resp)); err != nil {
			return
		}
	}
}

func (b *kafkaBroker) answer(req kmsg.Request) (resp kmsg.Response, over bool) {
	switch req := req.(type) {
	case *kmsg.ApiVersionsRequest:
		resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
		for _, v := range [][2]int16{{0, 7}, {3, 7}, {17, 1}, {18, 3}, {22, 1}, {36, 1}} {
			resp.ApiKeys = append(resp.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: v[0], MaxVersion: v[1]})
		}
		return resp, false
	case *kmsg.SASLHandshakeRequest:
		resp := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
		resp.SupportedMechanisms = []string{"PLAIN"}
		b.mu.Lock()
		b.shown = req.Mechanism
		b.mu.Unlock()
		if req.Mechanism != "PLAIN" {
			resp.ErrorCode = kerr.UnsupportedSaslMechanism.Code
		}
		return resp, false
	case *kmsg.SASLAuthenticateRequest:
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		if strings.HasSuffix(string(req.SASLAuthBytes), "rude") {
			return nil, true
		}
		if string(req.SASLAuthBytes) != "\x00me\x00secret" {
			resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		}
		return resp, false
	case *kmsg.MetadataRequest:
		at := b.addr
		if b.named != "" {
			at = b.named
		}
		host, port, _ := net.SplitHostPort(at)
		n, _ := strconv.Atoi(port)
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: host, Port: int32(n)}}
		for _, t := range req.Topics {
			topic := kmsg.MetadataResponseTopic{Topic: t.Topic}
			switch *t.Topic {
			default:
				topic.ErrorCode = kerr.UnknownTopicOrPartition.Code
			case "secret":
				topic.ErrorCode = kerr.TopicAuthorizationFailed.Code
			case "place":
				for p := range int32(4) {
					topic.Partitions = append(topic.Partitions, kmsg.MetadataResponseTopicPartition{Partition: p, Leader: 1, Replicas: []int32{1}, ISR: []int32{1}})
				}
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, false
	case *kmsg.InitProducerIDRequest:
		resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		resp.ProducerID = 7
		return resp, false
	case *kmsg.ProduceRequest:
		return b.produce(req)
	}
	b.t.Errorf("request %T", req)
	return nil, true
}

func (b *kafkaBroker) produce(req *kmsg.ProduceRequest) (kmsg.Response, bool) {
	if req.Acks != b.acks {
		b.t.Errorf("acks %d, want %d", req.Acks, b.acks)
	}
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	silent := b.acks == 0
	for _, t := range req.Topics {
		topic := kmsg.ProduceResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			code, mood := b.store(p.Records)
			switch mood {
			case resets, acceptsOne:
				return nil, true
			case stalls:
				silent = true
			}
			topic.Partitions = append(topic.Partitions, kmsg.ProduceResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
		}
		resp.Topics = append(resp.Topics, topic)
	}
	if silent {
		return nil, false
	}
	return resp, false
}

// store takes a batch, once for each sequence number of an idempotent producer.
func (b *kafkaBroker) store(raw []byte) (code int16, mood temper) {
	batch := kmsg.RecordBatch{}
	if err := batch.ReadFrom(raw); err != nil || batch.Attributes&7 != b.codec || (batch.ProducerID == 7) != (b.acks == -1) {
		b.t.Errorf("batch %+v: %v", batch, err)
	}
	name := fmt.Sprint(batch.ProducerID, batch.ProducerEpoch, batch.FirstSequence)
	b.mu.Lock()
	again := batch.ProducerID == 7 && b.seen[name]
	b.batches++
	b.mu.Unlock()
	if b.says != 0 {
		return b.says, b.temper()
	}
	rest := unpacked(b.t, b.codec, batch.Records)
	for range batch.NumRecords {
		n, size := binary.Varint(rest)
		r := kmsg.Record{}
		if err := r.ReadFrom(rest[:int(n)+size]); err != nil || string(r.Key) != "device-0" || len(r.Headers) != 2 || r.Headers[0].Key != "event-id" || string(r.Headers[1].Value) != "r1" {
			b.t.Errorf("record %+v: %v", r, err)
		}
		rest = rest[int(n)+size:]
		if again {
			continue
		}
		b.note(string(r.Headers[0].Value))
		if mood = b.take(string(r.Value)); mood == refuses {
			code = kerr.PolicyViolation.Code
		}
	}
	if mood == accepts || mood == acceptsOne {
		b.mu.Lock()
		b.seen[name] = true
		b.mu.Unlock()
	}
	return code, mood
}

// A wrong credential, a mechanism that is not there, no topic, nobody: the preflight says which.
func TestKafkaPreflight(t *testing.T) {
	for _, tt := range []struct {
		name, user, password, sasl, topic, want string
		auth                                    bool
	}{
		{"right", "me", "secret", "plain", "place", "", false},
		{"wrong password", "me", "wrong", "plain", "place", "SASL_AUTHENTICATION_FAILED (58)", true},
		{"wrong password, and the broker hangs up", "me", "rude", "plain", "place", "ended the connection when it was shown the credential", true},
		{"a topic that is not for us", "", "", "", "secret", "TOPIC_AUTHORIZATION_FAILED (29)", true},
		{"a mechanism that is not there", "me", "secret", "scram-sha-256", "place", "UNSUPPORTED_SASL_MECHANISM (33)", true},
		{"another", "me", "secret", "scram-sha-512", "place", "UNSUPPORTED_SASL_MECHANISM (33)", true},
		{"no topic", "", "", "", "elsewhere", "there is no topic elsewhere; make it, or name another by kafka.topic", false},
	} {
		m, b := openKafka(t, KafkaOptions{SASL: tt.sasl, Remote: Remote{User: tt.user, Password: tt.password}}, false, nil)
		m.carrier.(*kafka).opt.Example = tt.topic
		err := m.Preflight(t.Context())
		no := (*UnauthorisedError)(nil)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) || errors.As(err, &no) != tt.auth {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		b.mu.Lock()
		if b.shown != strings.ToUpper(tt.sasl) {
			t.Errorf("%s: the credential is shown by %q, want %q", tt.name, b.shown, tt.sasl)
		}
		b.mu.Unlock()
	}
	g := openGate(t, false, false, func(_ *gate, c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	for _, url := range []string{"kafka://" + g.addr, "kafka://127.0.0.1:1"} {
		m, err := NewKafka(KafkaOptions{Key: func(int) string { return "x" }, Remote: Remote{URL: url, Client: Client{Timeout: patient}}})
		m = must(t, m, err)
		if err, no := m.Preflight(t.Context()), (*UnreachableError)(nil); !errors.As(err, &no) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A cluster that names a broker on another machine is not followed there.
func TestKafkaFollowsNobody(t *testing.T) {
	m, b := openKafka(t, KafkaOptions{Remote: Remote{Client: Client{Timeout: patient}}}, false, func(b *kafkaBroker) { b.named = "192.0.2.7:9092" })
	ans := expect(t, m, parcelOf(1, "a"), measure.ConnectFailed)
	if no := (*ForbiddenHostError)(nil); !errors.As(ans.Err, &no) || no.Host != "192.0.2.7" || len(b.messages()) > 0 {
		t.Errorf("%v, want a refusal that names the host", ans.Err)
	}
}

// An idempotent producer whose acknowledgement was lost says its batch again, which is stored once.
func TestKafkaIdempotent(t *testing.T) {
	m, b := openKafka(t, KafkaOptions{Remote: Remote{Client: Client{Timeout: patient}}}, false, nil)
	expect(t, m, parcelOf(1, "a"), measure.OK)
	b.do(acceptsOne) // what it has taken it does not say, and breaks off
	expect(t, m, parcelOf(3, "b"), measure.OK)
	if got := b.messages(); !slices.Equal(got, append(messagesOf(1, "a"), messagesOf(3, "b")...)) {
		t.Errorf("arrived %q", got)
	}
}

// TestKafkaErrors: what an answer of the broker is.
func TestKafkaErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want measure.Class
	}{
		{kerr.TopicAuthorizationFailed, measure.Status401}, {kerr.MessageTooLarge, measure.Status413}, {kerr.ThrottlingQuotaExceeded, measure.Status429},
		{kerr.NotEnoughReplicas, measure.Status5xx}, {kerr.InvalidTopicException, measure.Status400}, {fmt.Errorf("it: %w", kerr.PolicyViolation), measure.Rejected},
	} {
		no := (*refusal)(nil)
		if err := kafkaError(tt.err); !errors.As(err, &no) || no.class != tt.want || no.status == 0 {
			t.Errorf("%v: %v, want class %v", tt.err, err, tt.want)
		}
	}
}

// unpacked is the records of a batch.
func unpacked(t *testing.T, codec int16, b []byte) []byte {
	var r io.Reader = bytes.NewReader(b)
	var err error
	switch codec {
	case 1:
		r, err = gzip.NewReader(r)
	case 4:
		r, err = zstd.NewReader(r)
	}
	if err == nil {
		b, err = io.ReadAll(r)
	}
	if err != nil {
		t.Errorf("a batch of codec %d: %v", codec, err)
	}
	return b
}

// Batches are packed as the scenario says.
func TestKafkaCompression(t *testing.T) {
	for name, codec := range map[string]int16{"gzip": 1, "zstd": 4} {
		m, b := openKafka(t, KafkaOptions{Remote: Remote{Client: Client{Timeout: patient, Compression: name}}}, false, func(b *kafkaBroker) { b.codec = codec })
		long := parcelOf(1, strings.Repeat("a", 1000)) // a short one is sent as it is where that is shorter
		expect(t, m, long, measure.OK)
		if got := b.messages(); !slices.Equal(got, messagesOf(1, strings.Repeat("a", 1000))) {
			t.Errorf("%s: arrived %.100q", name, got)
		}
	}
}

// A broker that cannot take it now is asked three times within an attempt, which then may be made again.
func TestKafkaBusy(t *testing.T) {
	m, b := openKafka(t, KafkaOptions{Remote: Remote{Client: Client{Timeout: patient}}}, false, func(b *kafkaBroker) { b.says = kerr.NotEnoughReplicas.Code })
	expect(t, m, parcelOf(1, "a"), measure.Status5xx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batches != 3 {
		t.Errorf("a batch was sent %d times, want 3", b.batches)
	}
}

// Where a cluster names its broker by another address, that one is spoken to over TLS, too.
func TestKafkaFollowsOverTLS(t *testing.T) {
	m, b := openKafka(t, KafkaOptions{Remote: Remote{Client: Client{Timeout: patient}, TLS: TLS{ServerName: "example.com"}}}, true, nil)
	_, port, _ := net.SplitHostPort(b.addr)
	b.named = "localhost:" + port
	expect(t, m, parcelOf(2, "a"), measure.OK)
	if got := b.messages(); !slices.Equal(got, messagesOf(2, "a")) {
		t.Errorf("arrived %q", got)
	}
}

// What broke before an attempt began is not what it failed by.
func TestKafkaCause(t *testing.T) {
	c, now := new(kafka), time.Now()
	c.broke.Store(&kafkaFailure{now, lost(io.EOF)})
	var attempt Answer
	m := &Messages{carrier: c, timeout: patient}
	if m.fail(t.Context(), t.Context(), c.cause(kgo.ErrRecordRetries, now.Add(-1)), &attempt); attempt.Class != measure.Reset {
		t.Errorf("a connection that broke meanwhile: %v, %v", attempt.Class, attempt.Err)
	}
	if m.fail(t.Context(), t.Context(), c.cause(kgo.ErrRecordRetries, now.Add(1)), &attempt); attempt.Class != measure.Status5xx {
		t.Errorf("brokers that kept refusing: %v, %v", attempt.Class, attempt.Err)
	}
}
