package target

import (
	"bytes"
	"io"
	"sync"
)

// payload is a request's body that can be taken back. net/http may still be reading a body after the answer came or the
// time-out struck, but the caller of Send reuses its buffer at once; so Send takes it back, and late readers get an error.
type payload struct {
	mu   sync.Mutex
	data []byte
	gone bool

	broken bool // it ends with errCut
}

// takeBack returns when no reader touches data any more, now or later.
func (p *payload) takeBack() {
	p.mu.Lock()
	p.data, p.gone = nil, true
	p.mu.Unlock()
}

func (p *payload) reader() io.ReadCloser { return &payloadReader{p: p} }

type payloadReader struct {
	p  *payload
	at int
}

func (r *payloadReader) Read(b []byte) (int, error) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	switch {
	case r.p.gone:
		return 0, io.ErrClosedPipe
	case r.at == len(r.p.data) && r.p.broken:
		return 0, errCut
	case r.at == len(r.p.data):
		return 0, io.EOF
	}
	n := copy(b, r.p.data[r.at:])
	r.at += n
	return n, nil
}

func (r *payloadReader) Close() error { return nil }

// mangle is a body, or a message, as a fault of ours leaves it.
func (f Fault) mangle(b []byte) []byte {
	if len(b) == 0 {
		return b // a look-up's, which asks by its address alone
	}
	switch f {
	case Malformed:
		return b[:len(b)/2]
	case Oversized:
		return append(bytes.Repeat([]byte(" "), oversize), b...)
	}
	return b
}
