package target

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"drover/sim/measure"
)

// h1 posts uploads over HTTP/1.1, plain or over TLS. net/http spends 12 µs of user time and 70 allocations on what is one
// write and one read here: no goroutines beside the caller's, no map of headers, buffers that stay with their connection.
// It keeps the promises of HTTP and passes the same conformance suite.
type h1 struct {
	http       *HTTP
	addr       string
	base       string                 // path of the target, escaped
	paths      [measure.NumOps]string // where the request does not say it
	heads      [measure.NumOps][]byte // the rest of the request line and the headers that all uploads share
	begins     [measure.NumOps]string // all of that, of requests that do not say where they go
	key        string                 // the header that Request.Key goes in, up to its value; empty: none
	credential string                 // that of the token, likewise

	slots slots // one for each connection in use

	calm    calm
	devices *devices  // keeps idle connections where each device has its own; nil: they are in idle
	spare   sync.Pool // of *buffers, that idle connections of devices do without

	mu     sync.Mutex
	idle   []*h1conn // the last one used is the first to be used again
	closed bool
}

func newH1(h *HTTP) *h1 {
	f := &h1{http: h, slots: newSlots(h.opt.Client.MaxOpen)}
	if h.opt.Client.PerDevice {
		f.devices = newDevices(h.opt.Client.MaxOpen, cmp.Or(h.opt.Client.Idle, DefaultIdle))
	}
	f.spare.New = func() any { return newBuffers() }
	f.addr = h.addr()
	f.base = h.base.EscapedPath()
	for op, u := range h.urls {
		f.paths[op] = u.RequestURI()
		head := fmt.Appendf(nil, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", u.Host, userAgent[0])
		if t := h.contentTypes[op]; t != nil {
			head = fmt.Appendf(head, "Content-Type: %s\r\n", t[0])
		}
		if h.opt.Run != "" {
			head = fmt.Appendf(head, "X-Drover-Run: %s\r\n", h.opt.Run)
		}
		if h.packs(measure.Op(op)) {
			head = fmt.Appendf(head, "Content-Encoding: %s\r\n", h.opt.Client.Compression)
		}
		f.heads[op] = head
		f.begins[op] = h.methods[op] + " " + f.paths[op] + string(head)
	}
	if h.opt.KeyHeader != NoHeader {
		f.key = h.opt.KeyHeader + ": "
	}
	f.credential = h.opt.Credential.header() + ": " + h.opt.Credential.prefix()
	return f
}

// send makes one attempt. body is on the wire as it stands.
func (f *h1) send(ctx context.Context, req *Request, body []byte, ans *Answer) {
	if req.Loop != nil && len(body) > oneWrite {
		f.sendLong(ctx, req, body, ans)
		return
	}
	*ans = Answer{Body: ans.Body[:0]}
	status := 0
	err := f.attempt(ctx, req, body, ans, &status)
	f.judge(ctx, req, status, err, ans)
}

// judge makes of how an attempt ended what its answer says.
func (f *h1) judge(ctx context.Context, req *Request, status int, err error, ans *Answer) {
	if ans.Status = status; err != nil {
		f.failed(ctx, req, err, ans)
		return
	}
	if ans.Class = classOfStatus(status); status == http.StatusSwitchingProtocols {
		ans.Class = measure.BadAnswer
	}
	if ans.Class != measure.OK {
		ans.Err = &statusError{f.http.methods[req.Op], f.url(req), status}
	}
}

// failed says in an answer why there is none, or none that could be read.
func (f *h1) failed(ctx context.Context, req *Request, err error, ans *Answer) {
	if err == errLong {
		ans.Class = measure.BadAnswer
		ans.Err = &attemptError{f.http.methods[req.Op], f.url(req), measure.BadAnswer, 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)}
		return
	}
	c := classOfError(err, ctx, ctx)
	*ans = Answer{Body: ans.Body[:0], Class: c, Err: &attemptError{f.http.methods[req.Op], f.url(req), c, f.http.opt.Client.Timeout, err}}
}

// sendLong is send where writing and reading take a goroutine each, and so no loop. There is a connection for each sender, so where there are as
// many as may be the one that the loop keeps for this sender makes room.
func (f *h1) sendLong(ctx context.Context, req *Request, body []byte, ans *Answer) {
	if f.full() {
		req.Loop.drop()
	}
	req.away(func() { f.send(ctx, req, body, ans) })
}

// url is where a request goes, for a message.
func (f *h1) url(req *Request) string {
	u, err := f.http.place(req)
	if err != nil {
		u = f.http.base
	}
	return u.String()
}

// attempt is an exchange, as soon as one more may be under way.
func (f *h1) attempt(ctx context.Context, req *Request, body []byte, ans *Answer, status *int) error {
	now := time.Now()
	if !f.slots.try() {
		if err := f.acquire(ctx, req, now.Add(f.http.opt.Client.Timeout)); err != nil {
			return err
		}
	}
	defer f.slots.release()
	return f.exchange(ctx, req, body, now, ans, status)
}

// exchange gets a connection, writes the request and reads the answer. A connection that was idle may have been closed by
// the backend in the meantime: if nothing of the request could be written, or it came to nobody, a new one is tried. The time-out runs from now, when
// the attempt began.
func (f *h1) exchange(ctx context.Context, req *Request, body []byte, now time.Time, ans *Answer, status *int) error {
	deadline := now.Add(f.http.opt.Client.Timeout)
	for {
		c, reused, err := f.conn(ctx, req, now, deadline)
		if err != nil {
			return err
		}
		c.began = now
		c.uses++
		head := &c.top
		if req.Loop != nil {
			head = &req.Loop.head // one that stays in the processor's caches
		}
		*head = f.request((*head)[:0], req, body)
		if req.cut {
			c.cutShort(*head, body)
			f.leave(c, false)
			return errCut
		}
		written, err := c.exchange(*head, body, req.headed(*head, body), ans, status)
		missed := f.part(req, c, reused, err)
		if err == nil || !reused || written > 0 && !missed || ctx.Err() != nil {
			return err
		}
	}
}

// part keeps a connection after an exchange, or closes it, and reports whether the request came to nobody, because the backend had hung up before.
func (f *h1) part(req *Request, c *h1conn, reused bool, err error) (missed bool) {
	if err == nil && c.keep {
		f.put(req.Loop, c)
		return false
	}
	if err == nil && c.r < c.w {
		f.calm.surprised()
	}
	missed = err != nil && reused && f.missed(c)
	f.leave(c, err == nil)
	return missed
}

// request appends the head of a request. A token is checked to be one line when it is read.
func (f *h1) request(dst []byte, req *Request, body []byte) []byte {
	opt, method := &f.http.opt, f.http.methods[req.Op]
	if req.Place == nil {
		dst = append(dst, f.begins[req.Op]...)
	} else {
		dst = append(append(append(append(append(dst, method...), ' '), f.base...), req.Place...), f.heads[req.Op]...)
	}
	if req.token != "" {
		dst = append(append(append(dst, f.credential...), req.token...), "\r\n"...)
	}
	if len(req.Key) > 0 && f.key != "" {
		dst = append(append(append(dst, f.key...), req.Key...), "\r\n"...)
	}
	dst = append(dst, req.Header...)
	if opt.Sign != nil {
		place := f.paths[req.Op]
		if req.Place != nil {
			place = f.base + string(req.Place)
		}
		dst = opt.Sign.append(dst, method, place, body)
	}
	if len(body) == 0 && method == http.MethodGet {
		return append(dst, "\r\n"...)
	}
	dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(len(body)), 10)
	return append(dst, "\r\n\r\n"...)
}

// acquire waits for a slot.
func (f *h1) acquire(ctx context.Context, req *Request, deadline time.Time) (err error) {
	req.away(func() { err = f.slots.acquire(ctx, deadline) })
	return err
}

// conn returns an idle connection that the backend has not closed, or a new one, ready for one exchange until deadline.
func (f *h1) conn(ctx context.Context, req *Request, now, deadline time.Time) (c *h1conn, reused bool, err error) {
	for c = f.take(req.Loop, req.Device); c != nil; c = f.take(req.Loop, req.Device) {
		if c.ready(ctx, deadline) && f.usable(c, now) {
			return c, true, nil
		}
		f.leave(c, false)
	}
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	if c, err = f.dial(ctx, req, deadline); err != nil {
		return nil, false, err
	}
	if !c.ready(ctx, deadline) {
		f.leave(c, false)
		return nil, false, ctx.Err()
	}
	return c, false, nil
}

// dial opens a connection.
func (f *h1) dial(ctx context.Context, req *Request, deadline time.Time) (*h1conn, error) {
	device := anyDevice
	if f.devices != nil {
		f.devices.reserve()
		device = req.Device
	}
	dialing, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var nc net.Conn
	var err error
	loop := req.Loop
	req.away(func() {
		if loop != nil && f.full() {
			f.drop()
		}
		nc, err = f.http.dialer.open(dialing, "tcp", f.addr, device, f.http.base.Scheme == "https")
	})
	if own := ownConn(nc); err == nil && loop != nil && own != nil {
		if err = loop.adopt(own); err != nil {
			own.Close()
			err = &connectError{err}
		}
	}
	if err != nil {
		if f.devices != nil {
			f.devices.gone()
		}
		return nil, err
	}
	c := newH1conn(nc)
	if loop != nil {
		c.share(loop)
	}
	c.kept = kept{conn: c, device: device, stats: &f.http.stats}
	return c, nil
}

// full reports whether as many connections are open as may be.
func (f *h1) full() bool { return f.http.conns.open.Load() >= int64(f.http.opt.Client.MaxOpen) }

// drop closes an idle connection that is no loop's, if there is one.
func (f *h1) drop() {
	f.mu.Lock()
	c := pop(&f.idle)
	f.mu.Unlock()
	if c != nil {
		c.close()
	}
}

// take returns an idle connection, of a loop's where there is one; nil when there is none that this device may use.
func (f *h1) take(l *Loop, device int) *h1conn {
	if l != nil {
		return pop(&l.idle)
	}
	if f.devices != nil {
		k := f.devices.take(device)
		if k == nil {
			return nil
		}
		c := k.conn.(*h1conn)
		c.buffers = f.spare.Get().(*buffers)
		return c
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return pop(&f.idle)
}

// pop takes the last one; nil when there is none.
func pop(idle *[]*h1conn) *h1conn {
	n := len(*idle)
	if n == 0 {
		return nil
	}
	c := (*idle)[n-1]
	*idle = (*idle)[:n-1]
	return c
}

// put keeps a connection for later, where it came from.
func (f *h1) put(l *Loop, c *h1conn) {
	if l != nil {
		if f.http.closed.Load() {
			c.close()
			return
		}
		l.idle = append(l.idle, c)
		return
	}
	if f.devices != nil {
		f.spare.Put(c.buffers)
		c.buffers = nil
		f.devices.put(&c.kept)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		c.close()
		return
	}
	f.idle = append(f.idle, c)
}

// leave closes a connection after an exchange: in good order, or because it is of no use any more.
func (f *h1) leave(c *h1conn, good bool) {
	if good {
		c.close()
	} else {
		c.abort()
	}
	if f.devices != nil {
		f.spare.Put(c.buffers)
		f.devices.gone()
	}
}

// close closes idle connections now, but for those of loops, and busy ones when they are put back.
func (f *h1) close() {
	if f.devices != nil {
		f.devices.end()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, c := range f.idle {
		c.close()
	}
	f.idle = nil
}
