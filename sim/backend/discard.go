package backend

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// DiscardOptions are the settings of a Discard server. The zero value is one on a free loopback port that answers at once.
type DiscardOptions struct {
	Addr  string        // host:port, as Options.Addr
	TLS   *tls.Config   // nil: plain
	Delay time.Duration // before each answer

	// Freeze makes the server stand still for so long, beginning FreezeAfter after the first upload: whatever it has read or
	// will read by then is answered when it is over. 0: never.
	Freeze, FreezeAfter time.Duration

	// Waiter makes what a connection waits with, for the Delay above all; nil: time.Sleep, which on Linux takes up to a
	// millisecond longer than it is told.
	Waiter func() func(time.Duration)

	Log int // keep the times of the first so many uploads, for Exchanges
}

// Exchange is one upload as a Discard server saw it.
type Exchange struct {
	Read     time.Time // the upload had been read
	Answered time.Time // its answer is about to be written
}

// Discard is a server that answers every upload with "accepted" and keeps nothing: what is left of the time and the CPU that a
// run takes against it is the client's own. It reads HTTP/1.1 as drover and the usual load generators write it, with a
// Content-Length, and judges nothing. A request without a body is
// answered too, so that the server can be found reachable, but is no upload.
type Discard struct {
	opt    DiscardOptions
	ln     net.Listener
	url    string
	served sync.WaitGroup

	first   atomic.Int64 // when the first upload came, unix nanoseconds
	uploads atomic.Int64
	log     []Exchange

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	most   int
	opened int
	closed bool
}

// StartDiscard listens and serves until Close. ctx bounds the start alone.
func StartDiscard(ctx context.Context, opt DiscardOptions) (*Discard, error) {
	ln, err := listen(ctx, opt.Addr)
	if err != nil {
		return nil, err
	}
	d := &Discard{opt: opt, ln: ln, url: urlOf(ln.Addr(), opt.TLS != nil), conns: make(map[net.Conn]struct{}), log: make([]Exchange, opt.Log)}
	if opt.TLS != nil {
		d.ln = tls.NewListener(ln, opt.TLS)
	}
	d.served.Go(d.accept)
	return d, nil
}

// URL is where it listens.
func (d *Discard) URL() string { return d.url }

// Uploads is how many uploads were answered so far. Safe for concurrent use.
func (d *Discard) Uploads() int64 { return d.uploads.Load() }

// Conns is how many connections were ever opened, and how many were open at once at most. Safe for concurrent use.
func (d *Discard) Conns() (opened, most int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opened, d.most
}

// Exchanges is the uploads that were logged, in order of their arrival. No upload may be under way.
func (d *Discard) Exchanges() []Exchange { return d.log[:min(int64(len(d.log)), d.uploads.Load())] }

// Close ends all connections and waits until nothing of the server runs any more. It returns nil.
func (d *Discard) Close() error {
	d.ln.Close()
	d.mu.Lock()
	d.closed = true
	for c := range d.conns {
		c.Close()
	}
	d.mu.Unlock()
	d.served.Wait()
	return nil
}

func (d *Discard) accept() {
	for {
		c, err := d.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors; a connection that ends gives one back
			continue
		}
		d.mu.Lock()
		if d.closed {
			c.Close()
		} else {
			d.conns[c] = struct{}{}
			d.opened++
			d.most = max(d.most, len(d.conns))
			d.served.Go(func() {
				d.serve(c)
				c.Close()
				d.mu.Lock()
				delete(d.conns, c)
				d.mu.Unlock()
			})
		}
		d.mu.Unlock()
	}
}

// discarded is the answer to every request: that of drover's own backend to one event.
var discarded = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"accepted\":1}")

// maxDiscardHead is the most bytes of a request's head.
const maxDiscardHead = 64 << 10

func (d *Discard) serve(c net.Conn) {
	sleep := time.Sleep
	if d.opt.Waiter != nil {
		sleep = d.opt.Waiter()
	}
	buf := make([]byte, 16<<10)
	r, w := 0, 0 // buf[r:w] is not used up
	for {
		end := bytes.Index(buf[r:w], []byte("\r\n\r\n"))
		for end < 0 {
			if w-r > maxDiscardHead {
				return
			}
			if w == len(buf) {
				if r == 0 {
					buf = append(buf, make([]byte, len(buf))...)
				}
				w = copy(buf, buf[r:w])
				r = 0
			}
			n, err := c.Read(buf[w:])
			if n == 0 && err != nil {
				return
			}
			w += n
			end = bytes.Index(buf[r:w], []byte("\r\n\r\n"))
		}
		head := buf[r : r+end+4]
		left := contentLength(head)
		upload := left > 0
		r += len(head)
		n := min(left, w-r)
		r, left = r+n, left-n
		if r == w {
			r, w = 0, 0
		}
		for left > 0 { // then buf is empty
			n, err := c.Read(buf[:min(len(buf), left)])
			if n == 0 && err != nil {
				return
			}
			left -= n
		}
		if upload {
			d.wait(sleep)
		}
		if _, err := c.Write(discarded); err != nil {
			return
		}
	}
}

// wait is what lies between an upload and its answer.
func (d *Discard) wait(sleep func(time.Duration)) {
	n := d.uploads.Add(1)
	if d.opt.Delay <= 0 && d.opt.Freeze <= 0 && n > int64(len(d.log)) {
		return
	}
	now := time.Now()
	read := now
	if d.opt.Delay > 0 {
		sleep(d.opt.Delay)
		now = time.Now()
	}
	if d.opt.Freeze > 0 {
		d.first.CompareAndSwap(0, read.UnixNano())
		from := time.Unix(0, d.first.Load()).Add(d.opt.FreezeAfter)
		if until := from.Add(d.opt.Freeze); !now.Before(from) && now.Before(until) {
			sleep(until.Sub(now))
			now = time.Now()
		}
	}
	if n <= int64(len(d.log)) {
		d.log[n-1] = Exchange{Read: read, Answered: now}
	}
}

// contentLength is the value of the header in the head of a request; 0 without one.
func contentLength(head []byte) int {
	const name = "content-length:"
	for i := bytes.IndexByte(head, '\n') + 1; i > 0 && i+len(name) < len(head); {
		line := head[i:]
		if next := bytes.IndexByte(line, '\n'); next >= 0 {
			line, i = line[:next], i+next+1
		}
		if len(line) > len(name) && line[len(name)-1] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			n, err := strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
			if err != nil || n < 0 {
				return 0
			}
			return n
		}
	}
	return 0
}

// listen opens a listener at host:port, where no host means 127.0.0.1.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		addr = ":0"
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("backend address %q: want host:port: %w", addr, err)
	}
	if host == "" {
		host = "127.0.0.1" // an empty host would open the port to the whole network
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("start the backend: %w", err)
	}
	return ln, nil
}
