package backend

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"drover/sim/wire"
)

const (
	maxBody  = 8 << 20  // bytes as sent
	maxPlain = 32 << 20 // bytes unpacked: a gzip bomb grows a thousandfold

	// What a scratch may keep for the next request; one huge upload must not hold its memory for ever.
	keepBytes  = 1 << 20
	keepEvents = 1 << 10
)

// scratch is the memory of one upload, kept for the next.
type scratch struct {
	sent, plain []byte
	source      bytes.Reader
	unzip       gzip.Reader   // klauspost's is about twice as fast as the standard library's
	unzstd      *zstd.Decoder // made when it is needed
	upload      wire.Upload
	answer      wire.Answer
	total       wire.Answer // of an upload whose events are documents of their own
	out         []byte
}

// giveBack gives sc back to the pool unless it has grown too large.
func (h *handler) giveBack(sc *scratch) {
	if max(cap(sc.sent), cap(sc.plain), cap(sc.out)) <= keepBytes && cap(sc.upload.Events) <= keepEvents {
		h.scratches.Put(sc)
	}
}

var errTooLarge = &refusal{status: http.StatusRequestEntityTooLarge, msg: "the body is too large; want at most 8 MiB, and 32 MiB unpacked"}

// read returns the unpacked body, of a media type. It points into sc.
func (sc *scratch) read(c *call, mediaType string) ([]byte, error) {
	if !isMedia(c.r.Header.Get("Content-Type"), mediaType) {
		return nil, &refusal{http.StatusUnsupportedMediaType, "want Content-Type: " + mediaType}
	}
	var packed string
	switch enc := c.r.Header.Get("Content-Encoding"); {
	case enc == "" || strings.EqualFold(enc, "identity"):
	case strings.EqualFold(enc, "gzip"):
		packed = "gzip"
	case strings.EqualFold(enc, "zstd"):
		packed = "zstd"
	default:
		return nil, &refusal{http.StatusUnsupportedMediaType, "want Content-Encoding: gzip, zstd or none"}
	}
	if c.r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	var err error
	if sc.sent, err = readAll(sc.sent[:0], http.MaxBytesReader(c.w, c.r.Body, maxBody), maxBody); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, errTooLarge
		}
		return nil, &refusal{http.StatusBadRequest, "the body breaks off"}
	}
	if packed == "" {
		return sc.sent, nil
	}
	sc.source.Reset(sc.sent)
	var plain io.Reader = &sc.unzip
	if packed == "gzip" {
		err = sc.unzip.Reset(&sc.source)
	} else {
		plain, err = sc.zstd()
	}
	if err == nil {
		sc.plain, err = readAll(sc.plain[:0], plain, maxPlain)
	}
	switch {
	case err == errTooLarge || errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, errTooLarge
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "the body is not " + packed + ": " + err.Error()}
	}
	return sc.plain, nil
}

// zstd unpacks sc.source. With one goroutine, the reader's own, nothing of a decoder outlives it.
func (sc *scratch) zstd() (io.Reader, error) {
	if sc.unzstd == nil {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxPlain))
		if err != nil {
			return nil, err
		}
		sc.unzstd = d
	}
	return sc.unzstd, sc.unzstd.Reset(&sc.source)
}

// readAll appends all of r to dst, or says errTooLarge when that is more than limit bytes.
func readAll(dst []byte, r io.Reader, limit int) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, make([]byte, max(4096, len(dst)))...)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, errTooLarge
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}

func isMedia(contentType, want string) bool {
	if contentType == want {
		return true
	}
	name, params, err := mime.ParseMediaType(contentType)
	charset, has := params["charset"]
	return err == nil && name == want && (!has || strings.EqualFold(charset, "utf-8"))
}
