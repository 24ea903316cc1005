package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"drover/sim/measure"
)

// natsConn is one connection. Acknowledgements come to subjects below inbox.
type natsConn struct {
	nc     *nats.Conn
	inbox  string
	came   chan *nats.Msg // below inbox
	closed chan struct{}  // with the connection
	gone   chan struct{}  // closed when all that came was read, after that

	mu     sync.Mutex
	next   uint64
	wait   map[uint64]natsWait
	denied map[string]bool // subjects that the server does not let us publish to
}

// natsWait is who waits for an acknowledgement.
type natsWait struct {
	subject string
	i       int
	to      chan<- natsAck // has room
}

type natsAck struct {
	i  int
	no *refusal // nil: it is stored
}

// natsDialer opens connections for nats.go, which keeps only some of what went wrong.
type natsDialer struct {
	remote *remote
	ctx    context.Context
	err    error
	stop   func() bool // the end of ctx no longer ends the connection
}

func (d *natsDialer) Dial(string, string) (net.Conn, error) {
	c, err := d.remote.dial(d.ctx, anyDevice, true)
	if d.err = err; err != nil {
		return nil, err
	}
	d.stop = context.AfterFunc(d.ctx, func() { c.SetDeadline(past) })
	return c, nil
}

// read reads acknowledgements until the connection has ended.
func (n *natsConn) read() {
	defer close(n.gone)
	for {
		select {
		case m := <-n.came:
			n.acknowledged(m)
		case <-n.closed:
			for {
				select {
				case m := <-n.came:
					n.acknowledged(m)
				default:
					return
				}
			}
		}
	}
}

// deny takes note of what the server does not let us publish: it says so on the side, and drops the message.
func (n *natsConn) deny(err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	_, rest, _ := strings.Cut(err.Error(), `"`)
	subject, _, _ := strings.Cut(rest, `"`)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.denied[subject] = true
	for token, w := range n.wait {
		if w.subject == subject {
			delete(n.wait, token)
			w.to <- natsAck{w.i, denial(subject)}
		}
	}
}

func denial(subject string) *refusal {
	return &refusal{measure.Status401, 403, "the server does not let us publish to " + subject}
}

func (n *natsConn) isDenied(subject string) bool {
	if err := n.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), `"`+subject+`"`) {
		return true // before the handler is called
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.denied[subject]
}

// acknowledged reads what came to the inbox: a PubAck of JetStream, or the server's word that nobody listens.
func (n *natsConn) acknowledged(m *nats.Msg) {
	token, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, n.inbox), 10, 64)
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	w, ok := n.wait[token]
	if !ok {
		return // came too late
	}
	delete(n.wait, token)
	w.to <- natsAck{w.i, readPubAck(m)}
}

// readPubAck says whether a stream stored a message. Source: NATS, JetStream wire API, schema pub_ack_response, 2025.
func readPubAck(m *nats.Msg) *refusal {
	if status := m.Header.Get("Status"); len(m.Data) == 0 && status != "" {
		if status == "503" {
			return &refusal{measure.Status5xx, 503, "no stream takes the subject, or JetStream is not there"}
		}
		return &refusal{measure.Status5xx, 500, "status " + status}
	}
	if isPlainAck(m.Data) {
		return nil
	}
	var ack struct {
		Stream string
		Seq    uint64
		Error  *struct {
			Code        int
			ErrCode     int `json:"err_code"`
			Description string
		}
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil || ack.Error == nil && ack.Stream == "" {
		return &refusal{measure.BadAnswer, 1, fmt.Sprintf("this is no acknowledgement: %.100q", m.Data)}
	}
	if ack.Error == nil {
		return nil
	}
	no := &refusal{measure.Rejected, max(1, ack.Error.ErrCode), fmt.Sprintf("the stream refused it: %s (%d)", ack.Error.Description, ack.Error.ErrCode)}
	switch c := ack.Error.Code; {
	case c == 429:
		no.class = measure.Status429
	case c >= 500:
		no.class = measure.Status5xx
	case c == 401 || c == 403:
		no.class = measure.Status401
	}
	return no
}

// isPlainAck tells whether an acknowledgement is {"stream":"NAME", "seq":7} and no more, as nearly all are: to read JSON takes longer than
// all else that is done for a message.
func isPlainAck(data []byte) bool {
	rest, ok := bytes.CutPrefix(data, []byte(`{"stream":"`))
	name, rest, more := bytes.Cut(rest, []byte(`",`))
	rest, numbered := bytes.CutPrefix(bytes.TrimPrefix(rest, []byte(" ")), []byte(`"seq":`))
	digits, ended := bytes.CutSuffix(rest, []byte("}"))
	if !ok || !more || !numbered || !ended || len(name) == 0 || len(digits) == 0 || len(digits) > 19 || digits[0] == '0' {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' { // which a name of a stream may have, but for json to read
			return false
		}
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
