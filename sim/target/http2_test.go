package target

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"drover/sim/measure"
)

// speaker is a backend that speaks HTTP/2 by hand on one connection.
type speaker struct {
	*peer
	*http2.Framer
	id uint32 // the stream of the request that came last
}

// next waits for a whole request; false when the client is gone.
func (s *speaker) next() bool {
	for {
		f, err := s.ReadFrame()
		if err != nil {
			return false
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				s.WriteSettingsAck()
			}
		case *http2.PingFrame: // net/http asks after each stream that it gave up, and keeps the connection until it knows
			if !f.IsAck() {
				s.WritePing(true, f.Data)
			}
		case *http2.MetaHeadersFrame:
			s.id = f.StreamID
		case *http2.DataFrame:
			if f.StreamEnded() {
				return true
			}
		}
	}
}

// head sends headers, given as name and value in turn.
func (s *speaker) head(end bool, fields ...string) error {
	var b bytes.Buffer
	enc := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	block, first := b.Bytes(), true
	for { // frames are 16 KiB at most
		part := block[:min(len(block), 16<<10)]
		block = block[len(part):]
		var err error
		if first {
			err = s.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: part, EndStream: end, EndHeaders: len(block) == 0})
		} else {
			err = s.WriteContinuation(s.id, len(block) == 0, part)
		}
		if first = false; err != nil || len(block) == 0 {
			return err
		}
	}
}

func (s *speaker) data(end bool, text string) error {
	for {
		part := text[:min(len(text), 16<<10)]
		text = text[len(part):]
		if err := s.WriteData(s.id, end && text == "", []byte(part)); err != nil || text == "" {
			return err
		}
	}
}

// speak starts a backend that answers each request with reply, as long as that is true.
func (m mode) speak(t *testing.T, reply func(s *speaker) bool) string {
	return m.listen(t, func(c *peer) {
		if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		s := &speaker{peer: c, Framer: http2.NewFramer(c, c)}
		s.AllowIllegalWrites, s.ReadMetaHeaders = true, hpack.NewDecoder(4096, nil)
		s.WriteSettings()
		for s.next() && reply(s) {
		}
	})
}

// TestConformanceHTTP2 is TestConformance in another language: what the caller sees is the same, but for connections, which
// outlive a request that went wrong.
func TestConformanceHTTP2(t *testing.T) {
	for _, m := range http2Modes {
		t.Run(m.name, func(t *testing.T) { testConformanceHTTP2(t, m) })
	}
}

func testConformanceHTTP2(t *testing.T, m mode) {
	status := func(code string) func(*speaker) bool {
		return func(s *speaker) bool { return s.head(true, ":status", code) == nil }
	}
	whole := func(s *speaker, text string) bool {
		return s.head(false, ":status", "200") == nil && s.data(true, text) == nil
	}
	for _, tt := range []struct {
		name  string
		reply func(s *speaker) bool
		want  want
	}{
		{"accepts", func(s *speaker) bool { return whole(s, "hi") }, want{patient, measure.OK, 200, 1, "hi"}},
		{"in pieces, with trailers", func(s *speaker) bool {
			return s.head(false, ":status", "202") == nil && s.data(false, "hi") == nil && s.data(false, " ho") == nil && s.head(true, "x-sum", "5") == nil
		}, want{patient, measure.OK, 202, 1, "hi ho"}},
		{"204 without body", status("204"), want{patient, measure.OK, 204, 1, ""}},
		{"1xx first", func(s *speaker) bool {
			return s.head(false, ":status", "100") == nil && s.head(false, ":status", "103", "link", "</a>") == nil && whole(s, "hi")
		}, want{patient, measure.OK, 200, 1, "hi"}},
		{"301", func(s *speaker) bool { return s.head(true, ":status", "301", "location", "http://192.0.2.1/") == nil }, want{patient, measure.Status3xx, 301, 1, ""}},
		{"401", status("401"), want{patient, measure.Status401, 401, 1, ""}},
		{"413", status("413"), want{patient, measure.Status413, 413, 1, ""}},
		{"429", status("429"), want{patient, measure.Status429, 429, 1, ""}},
		{"500", status("500"), want{patient, measure.Status5xx, 500, 1, ""}},
		{"600 is no HTTP status", status("600"), want{patient, measure.BadAnswer, 600, 1, ""}},
		{"closes without a word", func(s *speaker) bool { return false }, want{patient, measure.Reset, 0, 3, ""}},
		{"closes within the body", func(s *speaker) bool { return s.head(false, ":status", "200") == nil && s.data(false, "hi") != nil }, want{patient, measure.Reset, 0, 3, ""}},
		{"resets the connection", func(s *speaker) bool { s.reset(); return false }, want{patient, measure.Reset, 0, 3, ""}},
		{"resets the stream", func(s *speaker) bool { return s.WriteRSTStream(s.id, http2.ErrCodeInternal) == nil }, want{patient, measure.Reset, 0, 1, ""}},
		{"resets the stream within the body", func(s *speaker) bool {
			return s.head(false, ":status", "200") == nil && s.data(false, "hi") == nil && s.WriteRSTStream(s.id, http2.ErrCodeInternal) == nil
		}, want{patient, measure.Reset, 0, 1, ""}},
		// net/http would send it again by itself.
		{"refuses the stream", func(s *speaker) bool { return s.WriteRSTStream(s.id, http2.ErrCodeRefusedStream) == nil }, want{patient, measure.Reset, 0, 1, ""}},
		{"goes away", func(s *speaker) bool { s.WriteGoAway(0, http2.ErrCodeNo, nil); return false }, want{patient, measure.Reset, 0, 3, ""}},
		{"goes away in anger", func(s *speaker) bool { s.WriteGoAway(s.id, http2.ErrCodeEnhanceYourCalm, nil); return false }, want{patient, measure.Reset, 0, 3, ""}},
		{"stalls", func(s *speaker) bool { return true }, want{hasty, measure.Timeout, 0, 0, ""}},
		{"stalls within the body", func(s *speaker) bool { return s.head(false, ":status", "200") == nil && s.data(false, "hi") == nil }, want{hasty, measure.Timeout, 0, 0, ""}},
		{"drips for ever", func(s *speaker) bool {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			s.head(false, ":status", "200")
			for range 200 {
				if <-tick.C; s.data(false, ".") != nil {
					return false
				}
			}
			return true
		}, want{hasty, measure.Timeout, 0, 0, ""}},
		{"1xx for ever", func(s *speaker) bool {
			for range 1000 {
				if s.head(false, ":status", "103", "link", strings.Repeat("x", 1000)) != nil {
					return false
				}
			}
			return true
		}, want{patient, measure.BadAnswer, 0, 0, ""}},
		{"headers without measure", func(s *speaker) bool {
			fields := []string{":status", "200"}
			for i := range 2000 {
				fields = append(fields, fmt.Sprint("x-", i), strings.Repeat("x", 200))
			}
			return s.head(true, fields...) == nil
		}, want{patient, measure.BadAnswer, 0, 0, ""}},
		{"just below the limit", func(s *speaker) bool { return whole(s, strings.Repeat("x", 1<<20)) }, want{patient, measure.OK, 200, 1, strings.Repeat("x", 1<<20)}},
		{"just above the limit", func(s *speaker) bool { return whole(s, strings.Repeat("x", 1<<20+1)) }, want{patient, measure.BadAnswer, 200, 1, strings.Repeat("x", 1<<20)}},
		{"status that is no number", status("abc"), want{patient, measure.BadAnswer, 0, 0, ""}},
		{"no status", func(s *speaker) bool { return s.head(true, "x", "y") == nil }, want{patient, measure.BadAnswer, 0, 0, ""}},
		{"body without headers", func(s *speaker) bool { return s.data(true, "hi") == nil }, want{patient, measure.BadAnswer, 0, 0, ""}},
		{"broken headers", func(s *speaker) bool {
			return s.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff}, EndHeaders: true}) == nil
		}, want{patient, measure.BadAnswer, 0, 0, ""}},
		{"speaks HTTP/1.1", func(s *speaker) bool {
			io.WriteString(s.peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			return false
		}, want{patient, measure.BadAnswer, 0, 0, ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m.conform(t, m.speak(t, tt.reply), tt.want)
		})
	}
}

// Over HTTP/2 uploads share a connection.
func TestHTTP2SharesAConnection(t *testing.T) {
	const together = 20
	arrived, release := make(chan struct{}, 1+together), make(chan struct{}, 1+together)
	m := http2Modes[1]
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	h := m.open(t, HTTPOptions{URL: s.URL})
	release <- struct{}{}
	send(h) // without a connection net/http would open one for each, and close all but the first
	<-arrived
	answers := make(chan *Answer)
	for range together {
		go func() { answers <- send(h) }()
	}
	for range together {
		<-arrived
	}
	close(release)
	for range together {
		if ans := <-answers; ans.Class != measure.OK {
			t.Errorf("%v, %v", ans.Class, ans.Err)
		}
	}
	if open, _ := h.Conns(); open != 1 {
		t.Errorf("%d connections, want 1", open)
	}
}

func TestStreamError(t *testing.T) {
	for err, want := range map[error]bool{
		errors.New("http2: server sent GOAWAY and closed the connection"): true,
		errors.New("net/http: cannot rewind body after connection loss"):  true,
		errors.New("http2: server sent something else"):                   false,
		io.EOF: false,
	} {
		if got := isReset2(err); got != want {
			t.Errorf("isReset2(%v) = %t, want %t", err, got, want)
		}
	}
}
