package backend

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"drover/sim/event"
)

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct {
	head http.Header
	code int
}

func (n *nowhere) Header() http.Header         { return n.head }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(code int)        { n.code = code }

// fresh is an upload of 25 events of many kinds, which next makes new ones.
type fresh struct {
	doc    []byte
	places []int // of ids
}

func newFresh() *fresh {
	d := testDevice(1, 1)
	var events []event.Event
	for i := range uint32(25) {
		kind := event.Kinds()[1:][i%8]
		events = append(events, testEvent(d, i, kind))
	}
	f := &fresh{doc: encode(d, events...)}
	for at := bytes.Index(f.doc, []byte(`"events"`)); ; {
		i := bytes.Index(f.doc[at:], []byte(`{"id":"`))
		if i < 0 {
			return f
		}
		at += i + 7
		f.places = append(f.places, at)
	}
}

// next writes numbers that nobody had into the first hexadecimal digits of the ids.
func (f *fresh) next(used *atomic.Uint32) []byte {
	n := used.Add(uint32(len(f.places)))
	for _, at := range f.places {
		n--
		var raw [4]byte
		binary.BigEndian.PutUint32(raw[:], n)
		for i, c := range raw {
			f.doc[at+2*i], f.doc[at+2*i+1] = "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15]
		}
	}
	return f.doc
}

// sender posts to a handler as one connection does.
type sender struct {
	h    http.Handler
	r    *http.Request
	w    nowhere
	body bytes.Reader
}

func newSender(b *testing.B, h http.Handler, token string) *sender {
	s := &sender{h: h, w: nowhere{head: make(http.Header), code: http.StatusOK}}
	var err error
	if s.r, err = http.NewRequest(http.MethodPost, "/v1/events", nil); err != nil {
		b.Fatal(err)
	}
	s.r.Header.Set("Content-Type", "application/json")
	if token != "" {
		s.r.Header.Set("Authorization", "Bearer "+token)
	}
	s.r.Body = io.NopCloser(&s.body)
	return s
}

func (s *sender) post(b *testing.B, doc []byte) {
	s.body.Reset(doc)
	if s.h.ServeHTTP(&s.w, s.r); s.w.code != http.StatusOK {
		b.Errorf("status %d", s.w.code)
	}
}

// An upload of 25 new events of many kinds, from the request to the answer, without the socket.
func BenchmarkIngest(b *testing.B) {
	for _, bench := range []struct {
		name   string
		secret []byte
	}{{"open", nil}, {"token", testSecret}} {
		b.Run(bench.name, func(b *testing.B) {
			h, err := newHandler(Options{Classifier: phishy{}, MaxEvents: 1 << 30, Secret: bench.secret})
			if err != nil {
				b.Fatal(err)
			}
			tok := ""
			if bench.secret != nil {
				if tok, err = TenantToken(bench.secret, tenantID(1).String()); err != nil {
					b.Fatal(err)
				}
			}
			s, f := newSender(b, h, tok), newFresh()
			var used atomic.Uint32
			b.SetBytes(int64(len(f.doc)))
			b.ReportAllocs()
			for b.Loop() {
				s.post(b, f.next(&used))
			}
			if held := h.store.held.Load(); held != int64(used.Load()) {
				b.Fatalf("%d of %d events stored", held, used.Load())
			}
		})
	}
}

// Uploads is the same from many connections at once, to a backend with a journal or none.
func Uploads(b *testing.B, senders int, j Journal) {
	h, err := newHandler(Options{Classifier: phishy{}, MaxEvents: 1 << 30, Journal: j})
	if err != nil {
		b.Fatal(err)
	}
	var used atomic.Uint32
	b.SetParallelism(max(1, senders/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		s, f := newSender(b, h, ""), newFresh()
		for pb.Next() {
			s.post(b, f.next(&used))
		}
	})
	if held := h.store.held.Load(); held != int64(used.Load()) {
		b.Fatalf("%d of %d events stored", held, used.Load())
	}
	if err := h.scribe.close(); err != nil {
		b.Error(err)
	}
}
