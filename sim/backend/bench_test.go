package backend

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
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

// An upload of 25 new events of many kinds, from the request to the answer, without the socket.
func BenchmarkIngest(b *testing.B) {
	d := testDevice(1, 1)
	var events []event.Event
	for i := range uint32(25) {
		kind := event.Kinds()[1:][i%8]
		events = append(events, testEvent(d, i, kind))
	}
	doc := encode(d, events...)
	for _, bench := range []struct {
		name   string
		secret []byte
	}{{"open", nil}, {"token", testSecret}} {
		b.Run(bench.name, func(b *testing.B) {
			h, err := newHandler(Options{Classifier: phishy{}, MaxEvents: 1 << 30, Secret: bench.secret})
			if err != nil {
				b.Fatal(err)
			}
			r, err := http.NewRequest(http.MethodPost, "/v1/events", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if bench.secret != nil {
				tok, err := TenantToken(bench.secret, d.TenantID.String())
				if err != nil {
					b.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+tok)
			}
			body := bytes.NewReader(nil)
			r.Body = io.NopCloser(body)
			w := &nowhere{head: make(http.Header), code: http.StatusOK}
			// The ids must be new each time: the last hexadecimal digits of each are counted up in place.
			var places []int
			for at := 0; ; {
				i := bytes.Index(doc[at:], []byte(`{"id":"`))
				if i < 0 {
					break
				}
				if at += i + 7; at > bytes.Index(doc, []byte(`"events"`)) {
					places = append(places, at)
				}
			}
			n := uint64(0)
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				for _, at := range places {
					n++
					var raw [4]byte
					binary.BigEndian.PutUint32(raw[:], uint32(n))
					for i, c := range raw {
						doc[at+2*i], doc[at+2*i+1] = "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15]
					}
				}
				body.Reset(doc)
				h.ServeHTTP(w, r)
			}
			if held := h.store.held.Load(); w.code != http.StatusOK || uint64(held) != n {
				b.Fatalf("status %d, %d of %d events stored", w.code, held, n)
			}
		})
	}
}
