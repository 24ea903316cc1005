package target

import (
	"context"
	"net"
	"net/http"
)

// h2 gives each device a connection of HTTP/2 of its own, spoken by net/http. A device that sends two uploads at once has two
// for as long.
type h2 struct {
	http    *HTTP
	slots   slots
	devices *devices
}

// h2conn is one connection of an h2. It is owned by one goroutine at a time.
type h2conn struct {
	kept
	cc  *http.ClientConn
	net net.Conn // below cc
}

func (c *h2conn) close() { c.cc.Close() }

// dialing is what a dial on behalf of a device knows, and what came of it: net/http hands it on in the context.
type dialing struct {
	device int
	conn   net.Conn
}

type dialingKey struct{}

// roundTrip sends a request over the device's connection. done, which is never nil, ends the use of the connection after the
// body of the answer was read: it is kept when that is good. used is nil when there was no connection.
func (f *h2) roundTrip(r *http.Request, device int) (resp *http.Response, used net.Conn, done func(good bool), err error) {
	ctx := r.Context()
	deadline, _ := ctx.Deadline()
	done = func(bool) {}
	if err := f.slots.acquire(ctx, deadline); err != nil {
		return nil, nil, done, err
	}
	c, err := f.conn(ctx, device)
	if err != nil {
		f.slots.release()
		return nil, nil, done, err
	}
	done = func(good bool) {
		f.put(c, good)
		f.slots.release()
	}
	resp, err = c.cc.RoundTrip(r)
	return resp, c.net, done, err
}

// conn returns the device's idle connection, if the backend has not ended it, or a new one.
func (f *h2) conn(ctx context.Context, device int) (*h2conn, error) {
	for k := f.devices.take(device); k != nil; k = f.devices.take(device) {
		c := k.conn.(*h2conn)
		if c.cc.Available() > 0 {
			return c, nil
		}
		f.put(c, false)
	}
	f.devices.reserve()
	d := &dialing{device: device}
	cc, err := f.http.transport.NewClientConn(context.WithValue(ctx, dialingKey{}, d), f.http.base.Scheme, f.http.addr())
	if err != nil {
		f.devices.gone()
		return nil, err
	}
	c := &h2conn{cc: cc, net: d.conn}
	c.kept = kept{conn: c, device: device, stats: &f.http.stats}
	return c, nil
}

// put keeps a connection for later, or closes it.
func (f *h2) put(c *h2conn, good bool) {
	if good && c.cc.Err() == nil {
		f.devices.put(&c.kept)
		return
	}
	c.close()
	f.devices.gone()
}
