package target

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"drover/sim/measure"
)

// Messages is a Target whose protocol carries messages, each of which is taken or not. An upload is a message for each of its events
// where the format writes them one after another with nothing around them, and one message otherwise.
//
// Send returns within Client.Timeout, which includes the time to connect. Where only some messages of an upload were taken the
// attempt fails, and with Request.Taken the next one sends the others alone, as a device would that keeps what was not acknowledged.
type Messages struct {
	name    string // of the target, for messages
	timeout time.Duration
	bare    bool // over TLS, without a certificate of its own
	carrier carrier
	rig     rig
	conns   conns
	stats   stats
	closed  atomic.Bool
}

// carrier is what a protocol does for Messages. It is safe for concurrent use.
type carrier interface {
	// carry sends the messages of p that are wanted and calls p.took for each that was taken. The error says why not all of them
	// were; the end of ctx is one. It keeps nothing of p.
	carry(ctx context.Context, p *parcel) error
	// greet connects and shows the credential, and sends nothing else.
	greet(ctx context.Context) error
	// close ends all connections. It may be called while carry is under way, which then fails.
	close() error
}

func newMessages(name string, c Client, f *Faults) (*Messages, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	m := &Messages{name: name, timeout: c.Timeout}
	if m.timeout <= 0 {
		m.timeout = DefaultTimeout
	}
	m.rig = rig{faults: f, timeout: m.timeout, method: "send to", where: func(*Request) string { return name }}
	return m, nil
}

// Send sends one upload; see Target.
func (m *Messages) Send(ctx context.Context, req *Request, ans *Answer) {
	if f := m.rig.of(req); f.any() && !m.closed.Load() {
		m.rig.misbehave(ctx, f, req, ans, m.attempt)
		return
	}
	m.attempt(ctx, req, ans)
}

// attempt is Send over a network without faults of ours.
func (m *Messages) attempt(ctx context.Context, req *Request, ans *Answer) {
	*ans = Answer{Body: ans.Body[:0]}
	if m.closed.Load() {
		ans.Class, ans.Err = measure.Cancelled, errClosed
		return
	}
	limited, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	p := parcel{req: req, n: req.messages(), taken: req.Taken}
	if req.fault != NoFault && p.taken != nil {
		p.taken = &Taken{slices.Clone(p.taken.set)} // of what arrives now the device learns nothing
	}
	if req.cut {
		p.n /= 2
	}
	var err error
	for i := range p.n {
		if p.wanted(i) {
			p.left++
		}
	}
	if p.left > 0 {
		err = m.carrier.carry(limited, &p)
	}
	if req.cut && err == nil {
		err = errCut
	}
	if err == nil && p.left > 0 {
		err = errors.New("not every message was taken") // no carrier does this
	}
	if err != nil {
		m.fail(ctx, limited, err, ans)
	}
}

// fail fills the answer of an attempt that failed.
func (m *Messages) fail(run, attempt context.Context, err error, ans *Answer) {
	if m.closed.Load() || run.Err() != nil {
		ans.Class, ans.Err = measure.Cancelled, fmt.Errorf("%s: %w", m.name, err)
		return
	}
	if no := (*refusal)(nil); errors.As(err, &no) {
		ans.Class, ans.Status, ans.Err = no.class, no.status, fmt.Errorf("%s: %w", m.name, err)
		return
	}
	ans.Class = classOfError(err, run, attempt)
	if errors.Is(err, errCut) {
		ans.Class = measure.Reset
	}
	ans.Err = &attemptError{m.rig.method, m.name, ans.Class, m.timeout, err}
}

// Preflight asks whether the backend is there and takes the credential. No message is sent.
func (m *Messages) Preflight(ctx context.Context) error {
	attempt, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	err := m.carrier.greet(attempt)
	if err == nil {
		return nil
	}
	var ans Answer
	m.fail(ctx, attempt, err, &ans)
	switch {
	case ans.Class == measure.Cancelled:
		return ans.Err
	case ans.Class == measure.Status401:
		return &UnauthorisedError{Err: ans.Err, Status: ans.Status}
	case errors.As(err, new(*refusal)):
		return &UnreachableError{Err: ans.Err, Plain: true} // it says itself what to do
	}
	mend, is := trustMend(err)
	switch {
	case is:
	case errors.As(err, new(*ForbiddenHostError)): // says it itself
	case m.bare:
		mend = "; " + isItUp + " Does it want a certificate of ours, target.tls.clientCertificate?"
	default:
		mend = "; " + isItUp
	}
	ans.Err = fmt.Errorf("%w%s", ans.Err, mend)
	return &UnreachableError{Err: ans.Err, Plain: true}
}

// Connections returns what became of the connections so far.
func (m *Messages) Connections() Connections { return m.stats.connections(&m.conns) }

// Struck returns how often faults struck so far.
func (m *Messages) Struck() Struck { return m.rig.struck() }

// Close closes all connections; a later Send is Cancelled.
func (m *Messages) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	return m.carrier.close()
}

// refusal is an answer that says no.
type refusal struct {
	class  measure.Class
	status int // the protocol's own code; not 0
	text   string
}

func (r *refusal) Error() string { return r.text }

// parcel is the messages of one attempt.
type parcel struct {
	req   *Request
	n     int
	taken *Taken // nil: none was before, and nobody asks
	left  int    // not yet taken
}

// wanted reports whether message i is to be sent.
func (p *parcel) wanted(i int) bool { return p.taken == nil || !p.taken.Has(i) }

// took counts message i as taken. It is called once for each, from one goroutine.
func (p *parcel) took(i int) {
	p.left--
	if p.taken != nil {
		p.taken.Add(i)
	}
}

// tookAll counts all that are wanted as taken.
func (p *parcel) tookAll() {
	for i := range p.n {
		if p.wanted(i) {
			p.took(i)
		}
	}
}

// id tells message i from all others, and is the same for each attempt: the event's id, or the upload's key.
func (p *parcel) id(i int) string {
	if p.req.messages() == 1 || i >= len(p.req.IDs) {
		return string(p.req.Key)
	}
	id, text := p.req.IDs[i], [36]byte{8: '-', 13: '-', 18: '-', 23: '-'}
	hex.Encode(text[:], id[:4])
	hex.Encode(text[9:], id[4:6])
	hex.Encode(text[14:], id[6:8])
	hex.Encode(text[19:], id[8:10])
	hex.Encode(text[24:], id[10:])
	return string(text[:])
}

// message is the i-th one.
func (p *parcel) message(i int) []byte {
	b := p.req.message(i)
	if p.req.fault == Oversized && i > 0 {
		return b // one is enough
	}
	return p.req.fault.mangle(b)
}

// messages is how many the upload is.
func (r *Request) messages() int {
	if n := len(r.Ends); n > 0 && r.Head == 0 && r.Ends[n-1] == len(r.Body) {
		return n
	}
	return 1
}

// message is the i-th one, without the line feeds that stand between events.
func (r *Request) message(i int) []byte {
	b := r.Body
	if r.messages() > 1 {
		from := 0
		if i > 0 {
			from = r.Ends[i-1]
		}
		b = b[from:r.Ends[i]]
	}
	return bytes.Trim(b, "\n")
}

// Taken is which messages of an upload were taken by earlier attempts. The zero value says none. It is owned by whoever owns the upload.
type Taken struct{ set []uint64 }

// Reset empties it and keeps its memory.
func (t *Taken) Reset() { clear(t.set) }

// Any reports whether any was taken.
func (t *Taken) Any() bool { return slices.ContainsFunc(t.set, func(w uint64) bool { return w != 0 }) }

// Has reports whether number i, from 0, was taken.
func (t *Taken) Has(i int) bool { return i/64 < len(t.set) && t.set[i/64]>>(i%64)&1 == 1 }

// Add notes that number i was taken.
func (t *Taken) Add(i int) {
	for i/64 >= len(t.set) {
		t.set = append(t.set, 0)
	}
	t.set[i/64] |= 1 << (i % 64)
}
