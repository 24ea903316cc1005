package target

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// squeezer compresses one body at a time into its own buffer.
type squeezer struct {
	buf  bytes.Buffer // of gzip
	gzip *gzip.Writer
	out  []byte // of zstd
	zstd *zstd.Encoder
}

// squeezers keeps squeezers for reuse: one costs hundreds of KiB to make. The fastest levels are used, because the
// harness's CPU is worth more than the loopback's bytes; a decoder sees no difference.
type squeezers struct {
	encoding string // "gzip" or "zstd"
	pool     sync.Pool
}

// zstdWindow is how far back zstd looks. Most uploads are shorter, and its memory is in proportion.
const zstdWindow = 128 << 10

func newSqueezer(encoding string) (z *squeezer, err error) {
	z = new(squeezer)
	switch encoding {
	case "gzip":
		z.gzip, err = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	case "zstd":
		z.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
	default:
		err = fmt.Errorf("compression %q: want gzip or zstd", encoding)
	}
	return z, err
}

// squeeze returns body compressed, and the squeezer that the result belongs to: the caller gives it back by put.
func (s *squeezers) squeeze(body []byte) (packed []byte, z *squeezer, err error) {
	z, _ = s.pool.Get().(*squeezer)
	if z == nil {
		if z, err = newSqueezer(s.encoding); err != nil {
			return nil, nil, err
		}
	}
	if z.zstd != nil {
		z.out = z.zstd.EncodeAll(body, z.out[:0])
		return z.out, z, nil
	}
	z.buf.Reset()
	z.gzip.Reset(&z.buf)
	if _, err = z.gzip.Write(body); err == nil {
		err = z.gzip.Close()
	}
	return z.buf.Bytes(), z, err
}

func (s *squeezers) put(z *squeezer) { s.pool.Put(z) }
