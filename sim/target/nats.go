package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"drover/sim/measure"
)

// NATSOptions describes a target that is a NATS server.
type NATSOptions struct {
	Remote
	// JetStream makes accepted mean that a stream has stored the message (PubAck), and gives each message its event's id as
	// Nats-Msg-Id, by which a stream drops what it has already. Without it accepted means that the server has read the message: it
	// answered a PING after it.
	JetStream bool
	Example   string // a subject that messages will have; with JetStream the preflight asks for a stream that takes it
}

// NewNATS returns a target that publishes messages over one connection, at the subject of Request.Place.
func NewNATS(opt NATSOptions) (*Messages, error) {
	m, r, err := newRemote(&opt.Remote, "nats", "4222", "4222")
	if err != nil {
		return nil, err
	}
	c := &natsCarrier{remote: r, opt: &opt, timeout: m.timeout, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	m.carrier = c
	return m, nil
}

// natsCarrier connects when it is needed, and again when the connection broke: never by itself, so that an upload that finds nobody
// is told so, and is tried again as its scenario says.
type natsCarrier struct {
	remote  *remote
	opt     *NATSOptions
	timeout time.Duration

	turn   chan struct{} // holds one: the right to connect, and to cur and closed
	cur    *natsConn
	closed bool
}

// get returns the connection.
func (c *natsCarrier) get(ctx context.Context) (*natsConn, error) {
	select {
	case <-c.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { c.turn <- struct{}{} }()
	switch {
	case c.closed:
		return nil, errClosed
	case c.cur != nil && c.cur.nc.IsConnected():
		return c.cur, nil
	case c.cur != nil:
		c.cur.nc.Close()
		c.cur = nil
	}
	n, err := c.connect(ctx)
	if err == nil {
		c.cur = n
	}
	return n, err
}

func (c *natsCarrier) connect(ctx context.Context) (*natsConn, error) {
	n := &natsConn{closed: make(chan struct{}), gone: make(chan struct{}), wait: make(map[uint64]natsWait), denied: make(map[string]bool)}
	d := &natsDialer{remote: c.remote, ctx: ctx}
	var once sync.Once
	opts := []nats.Option{
		nats.Name("drover"), nats.NoReconnect(), nats.DontRandomize(), nats.IgnoreDiscoveredServers(), nats.SetCustomDialer(d),
		nats.Timeout(c.timeout), nats.FlusherTimeout(c.timeout),
		nats.ClosedHandler(func(*nats.Conn) { once.Do(func() { close(n.closed) }) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { n.deny(err) }),
	}
	scheme := "nats://"
	if c.remote.secure {
		scheme = "tls://"
		opts = append(opts, nats.Secure(c.remote.dialer.tls.Clone()))
	}
	if o := c.opt; o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	} else if o.Token != "" {
		opts = append(opts, nats.Token(o.Token))
	}
	var err error
	n.nc, err = nats.Connect(scheme+c.remote.addr, opts...)
	if d.stop != nil {
		d.stop()
	}
	switch text := fmt.Sprint(err); {
	case err == nil:
	case d.err != nil:
		return nil, d.err
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), strings.Contains(strings.ToLower(text), "authorization"):
		return nil, &refusal{measure.Status401, 401, "the server refused the credential: " + strings.TrimPrefix(text, "nats: ")}
	default:
		return nil, &connectError{err}
	}
	if !c.opt.JetStream {
		return n, nil
	}
	// A channel and not a callback, which a connection that breaks would no longer call for what it had read.
	n.inbox, n.came = nats.NewInbox()+".", make(chan *nats.Msg, maxUnread)
	if _, err := n.nc.ChanSubscribe(n.inbox+"*", n.came); err != nil {
		n.nc.Close()
		return nil, &connectError{err}
	}
	go n.read()
	return n, nil
}

// maxUnread is how many acknowledgements may wait to be read; those beyond are lost, and their messages time out.
const maxUnread = 1 << 16

func (c *natsCarrier) carry(ctx context.Context, p *parcel) error {
	n, err := c.get(ctx)
	if err != nil {
		return err
	}
	subject := string(p.req.Place)
	if n.isDenied(subject) {
		return denial(subject)
	}
	if c.opt.JetStream {
		return c.store(ctx, n, p, subject)
	}
	for i := range p.n {
		if p.wanted(i) {
			if err := c.publish(n, p, i, subject, ""); err != nil {
				return err
			}
		}
	}
	if err := n.nc.FlushWithContext(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return lost(err)
	}
	if n.isDenied(subject) {
		return denial(subject)
	}
	p.tookAll()
	return nil
}

// publish hands a message to the connection.
func (c *natsCarrier) publish(n *natsConn, p *parcel, i int, subject, reply string) error {
	m := &nats.Msg{Subject: subject, Reply: reply, Data: p.message(i)}
	if n.nc.HeadersSupported() {
		m.Header = nats.Header{}
		if c.opt.Run != "" {
			m.Header["Drover-Run"] = []string{c.opt.Run}
		}
		if reply != "" {
			m.Header[nats.MsgIdHdr] = []string{p.id(i)}
		}
	}
	err := n.nc.PublishMsg(m)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return &refusal{measure.Status413, 413, fmt.Sprintf("a message of %d bytes is longer than the %d that the server takes", len(m.Data), n.nc.MaxPayload())}
	case errors.Is(err, nats.ErrBadSubject):
		return &refusal{measure.Status400, 400, fmt.Sprintf("%q is no subject", subject)}
	}
	return lost(err)
}

// store publishes messages and waits until a stream has stored each.
func (c *natsCarrier) store(ctx context.Context, n *natsConn, p *parcel, subject string) (first error) {
	acks := make(chan natsAck, p.n)
	var tokens []uint64
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, t := range tokens {
			delete(n.wait, t)
		}
	}()
	for i := range p.n {
		if !p.wanted(i) {
			continue
		}
		n.mu.Lock()
		n.next++
		token := n.next
		n.wait[token] = natsWait{subject, i, acks}
		n.mu.Unlock()
		if err := c.publish(n, p, i, subject, n.inbox+strconv.FormatUint(token, 10)); err != nil {
			n.mu.Lock()
			delete(n.wait, token)
			n.mu.Unlock()
			if first = err; errors.As(err, new(*refusal)) {
				continue
			}
			n.nc.Close() // it is of no use any more; what was acknowledged until now counts
			break
		}
		tokens = append(tokens, token)
	}
	for range tokens {
		select {
		case a := <-acks:
			if a.no == nil {
				p.took(a.i)
			} else if first == nil {
				first = a.no
			}
		case <-n.gone:
			for { // those that came before the end
				select {
				case a := <-acks:
					if a.no == nil {
						p.took(a.i)
					}
					continue
				default:
				}
				return lost(errors.New("the server closed the connection")) // even where one was refused: of the others nothing is known
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return first
}

// greet connects and, with JetStream, looks whether there is a stream for the messages.
func (c *natsCarrier) greet(ctx context.Context) error {
	n, err := c.get(ctx)
	if err != nil || !c.opt.JetStream || c.opt.Example == "" {
		return err
	}
	ask, _ := json.Marshal(map[string]string{"subject": c.opt.Example}) // a text has no way to fail
	m, err := n.nc.RequestWithContext(ctx, "$JS.API.STREAM.NAMES", ask)
	switch {
	case n.isDenied("$JS.API.STREAM.NAMES"):
		return nil // one that may publish need not be one that may look
	case errors.Is(err, nats.ErrNoResponders):
		return &refusal{measure.Status5xx, 503, "JetStream is not enabled there; enable it, or say nats: {jetstream: false}"}
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return lost(err)
	}
	var said struct {
		Streams []string
		Error   *struct{ Description string }
	}
	if err := json.Unmarshal(m.Data, &said); err != nil {
		return fmt.Errorf("the answer about streams cannot be read: %w", err)
	}
	switch {
	case said.Error != nil:
		return &refusal{measure.Status5xx, 503, "no stream can be looked up: " + said.Error.Description}
	case len(said.Streams) == 0:
		return &refusal{measure.Status400, 404, fmt.Sprintf("no stream takes %s; make one with such subjects, or say nats: {jetstream: false}", c.opt.Example)}
	}
	return nil
}

func (c *natsCarrier) close() error {
	<-c.turn
	defer func() { c.turn <- struct{}{} }()
	c.closed = true
	if c.cur != nil {
		c.cur.nc.Close()
		if c.opt.JetStream {
			<-c.cur.gone
		}
	}
	return nil
}
