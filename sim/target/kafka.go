package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"drover/sim/measure"
)

// KafkaOptions describes a target that is a cluster of Kafka brokers.
type KafkaOptions struct {
	Remote // URL is that of a broker, which names the others

	// Acks says who has to have a message for it to be accepted: "none", nobody, its bytes were written; "leader", the leader of its
	// partition; "all", all replicas in sync, and then the producer is idempotent.
	Acks    string
	SASL    string                  // of User and Password: "plain", "scram-sha-256" or "scram-sha-512"
	Key     func(device int) string // of a device's messages, by which they are in one partition; safe for concurrent use
	Example string                  // a topic that messages will have; the preflight looks whether it is there
}

// NewKafka returns a target that produces messages at the topic of Request.Place.
//
// The producer says a batch again twice within an attempt, for which an idempotent one has the same sequence numbers, so that it is stored
// once. What is not known when the attempt ends is left: the next one is a message of its own.
func NewKafka(opt KafkaOptions) (*Messages, error) {
	m, r, err := newRemote(&opt.Remote, "kafka", "9092", "9093")
	if err != nil {
		return nil, err
	}
	c := &kafka{remote: r, opt: &opt, others: make(map[string]*dialer)}
	acks, known := map[string]kgo.Acks{"none": kgo.NoAck(), "leader": kgo.LeaderAck(), "": kgo.AllISRAcks(), "all": kgo.AllISRAcks()}[opt.Acks]
	if !known || opt.Key == nil {
		return nil, errors.New("target: Kafka wants acks none, leader or all, and keys")
	}
	timeout := max(100*time.Millisecond, m.timeout) // the least that it takes
	opts := []kgo.Opt{
		kgo.SeedBrokers(r.addr), kgo.ClientID("drover"), kgo.Dialer(c.dial), kgo.RequiredAcks(acks), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ProducerLinger(0), kgo.ProduceRequestTimeout(timeout), kgo.RequestTimeoutOverhead(100 * time.Millisecond), kgo.WithHooks(c),
		kgo.RecordRetries(2), kgo.UnknownTopicRetries(2), kgo.RequestRetries(1), kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		kgo.MetadataMinAge(50 * time.Millisecond), kgo.ProducerBatchCompression(kafkaCodecs[opt.Client.Compression]),
	}
	if acks == kgo.AllISRAcks() {
		opts = append(opts, kgo.AllowIdempotentProduceCancellation())
	} else {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	switch opt.SASL {
	case "plain":
		opts = append(opts, kgo.SASL(plain.Auth{User: opt.User, Pass: opt.Password}.AsMechanism()))
	case "scram-sha-256":
		opts = append(opts, kgo.SASL(scram.Auth{User: opt.User, Pass: opt.Password}.AsSha256Mechanism()))
	case "scram-sha-512":
		opts = append(opts, kgo.SASL(scram.Auth{User: opt.User, Pass: opt.Password}.AsSha512Mechanism()))
	}
	if c.client, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	m.carrier = c
	return m, nil
}

var kafkaCodecs = map[string]kgo.CompressionCodec{"": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "zstd": kgo.ZstdCompression()}

// kafka is one client, which has a connection to each broker that it needs.
type kafka struct {
	remote *remote
	opt    *KafkaOptions
	client *kgo.Client

	mu     sync.Mutex
	others map[string]*dialer // to brokers that the first one named, by their address

	broke atomic.Pointer[kafkaFailure] // the last one
}

// kafkaFailure is why a connection was of no use, of which the producer says only that it has tried often enough.
type kafkaFailure struct {
	at  time.Time
	err error
}

// OnBrokerConnect is called by the client.
func (c *kafka) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if errors.As(err, new(*connectError)) { // of what came after the dial OnBrokerE2E was told
		c.broke.Store(&kafkaFailure{time.Now(), err})
	}
}

// OnBrokerE2E is called by the client.
func (c *kafka) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e kgo.BrokerE2E) {
	err := e.Err()
	switch {
	case err == nil:
		return
	case errors.Is(err, os.ErrDeadlineExceeded), isAlert(err):
	case key == int16(kmsg.SASLAuthenticate):
		err = &refusal{measure.Status401, int(kerr.SaslAuthenticationFailed.Code), "the broker ended the connection when it was shown the credential"}
	default:
		err = lost(err) // in whatever words the client has it
	}
	c.broke.Store(&kafkaFailure{time.Now(), err})
}

// dial opens a connection to a broker. A cluster names its brokers itself: each is held against the hosts that are allowed.
func (c *kafka) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	r := c.remote
	if addr == r.addr {
		return r.dial(ctx, anyDevice, false)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &connectError{err}
	}
	c.mu.Lock()
	d := c.others[addr]
	if d == nil {
		first := &r.dialer
		d = &dialer{host: host, allowed: allows(c.opt.AllowHosts, &url.URL{Host: addr}), timeout: first.timeout, conns: first.conns, stats: first.stats, sources: first.sources, identity: first.identity}
		if d.tls, err = c.opt.TLS.config(host, false); err == nil {
			d.tls.NextProtos = nil
			c.others[addr] = d
		}
	}
	c.mu.Unlock()
	if err != nil {
		return nil, &connectError{err}
	}
	return d.open(ctx, network, addr, anyDevice, r.secure)
}

// kafkaAck is what became of message i.
type kafkaAck struct {
	i   int
	err error
}

func (c *kafka) carry(ctx context.Context, p *parcel) (first error) {
	acks, start := make(chan kafkaAck, p.n), time.Now()
	topic, key := string(p.req.Place), []byte(c.opt.Key(p.req.Device))
	sent := 0
	for i := range p.n {
		if !p.wanted(i) {
			continue
		}
		sent++
		// A copy: the producer may hold it for longer than this attempt lasts.
		r := &kgo.Record{Topic: topic, Key: key, Value: append([]byte(nil), p.message(i)...), Headers: []kgo.RecordHeader{{Key: "event-id", Value: []byte(p.id(i))}}}
		if c.opt.Run != "" {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "drover-run", Value: []byte(c.opt.Run)})
		}
		c.client.TryProduce(ctx, r, func(_ *kgo.Record, err error) { acks <- kafkaAck{i, err} })
	}
	for range sent {
		select {
		case a := <-acks:
			if a.err == nil {
				p.took(a.i)
			} else if first == nil {
				first = c.cause(a.err, start)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return first
}

// cause is why the client could not do what was begun at start.
func (c *kafka) cause(err error, start time.Time) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err // whatever the end of the attempt has broken
	case errors.As(err, new(*kerr.Error)), errors.Is(err, kgo.ErrClientClosed):
		return kafkaError(err)
	}
	if f := c.broke.Load(); f != nil && f.at.After(start) {
		return kafkaError(f.err)
	}
	if !errors.Is(err, kgo.ErrRecordRetries) {
		return err
	}
	return &refusal{measure.Status5xx, 1, "the brokers kept saying that they cannot take it now"}
}

// greet connects, shows the credential, and looks whether there is a topic for the messages.
func (c *kafka) greet(ctx context.Context) error {
	ask := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(c.opt.Example)
	ask.Topics = append(ask.Topics, topic)
	start := time.Now()
	said, err := ask.RequestWith(ctx, c.client)
	if err != nil {
		return c.cause(err, start)
	}
	if len(said.Topics) != 1 {
		return &refusal{measure.BadAnswer, 1, "the broker does not say anything of the topic"}
	}
	switch err := kerr.ErrorForCode(said.Topics[0].ErrorCode); {
	case err == nil:
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return &refusal{measure.Status400, int(kerr.UnknownTopicOrPartition.Code), fmt.Sprintf("there is no topic %s; make it, or name another by kafka.topic", c.opt.Example)}
	default:
		return kafkaError(err)
	}
}

func (c *kafka) close() error {
	c.client.Close()
	return nil
}

// kafkaError says what an error of the client is: a broker's answer, or that there was none.
func kafkaError(err error) error {
	no := (*kerr.Error)(nil)
	switch {
	case errors.As(err, &no):
	case errors.Is(err, kgo.ErrClientClosed):
		return errClosed
	default:
		return err
	}
	r := &refusal{measure.Rejected, int(no.Code), fmt.Sprintf("the broker refused it: %s (%d): %s", no.Message, no.Code, no.Description)}
	switch no {
	case kerr.SaslAuthenticationFailed, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState:
		r.class = measure.Status401
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		r.class = measure.Status413
	case kerr.ThrottlingQuotaExceeded:
		r.class = measure.Status429
	case kerr.InvalidTopicException, kerr.UnknownTopicOrPartition, kerr.InvalidRecord, kerr.CorruptMessage, kerr.InvalidRequiredAcks, kerr.UnsupportedVersion:
		r.class = measure.Status400
	default:
		if no.Retriable {
			r.class = measure.Status5xx
		}
	}
	return r
}
