package target

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// payload is a request's body that can be taken back. net/http may still be reading a body after the answer came or the
// time-out struck, but the caller of Send reuses its buffer at once; so Send takes it back, and late readers get an error.
type payload struct {
	mu   sync.Mutex
	data []byte
	gone bool
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
	case r.at == len(r.p.data):
		return 0, io.EOF
	}
	n := copy(b, r.p.data[r.at:])
	r.at += n
	return n, nil
}

func (r *payloadReader) Close() error { return nil }

// squeezer compresses bodies into its own buffer.
type squeezer struct {
	buf bytes.Buffer
	w   *gzip.Writer
}

// squeezers keeps writers for reuse: one costs hundreds of KiB to make. The fastest level is used, because the
// harness's CPU is worth more than the loopback's bytes; a decoder sees no difference.
type squeezers struct{ pool sync.Pool }

// squeeze returns body compressed. The result belongs to the squeezer, which the caller gives back by put.
func (s *squeezers) squeeze(body []byte) (*squeezer, error) {
	z, _ := s.pool.Get().(*squeezer)
	if z == nil {
		w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		z = &squeezer{w: w}
	}
	z.buf.Reset()
	z.w.Reset(&z.buf)
	if _, err := z.w.Write(body); err != nil {
		return nil, err
	}
	return z, z.w.Close()
}

func (s *squeezers) put(z *squeezer) { s.pool.Put(z) }
