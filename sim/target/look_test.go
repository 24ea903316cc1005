package target

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"drover/sim/measure"
)

const calmUploads = calmAfter + 2*lookEvery + 3 // after which a connection is used without a look at it

// A backend that hangs up unannounced costs no upload, also where nobody looked, and is looked at from then on.
func TestHangUpThatNoLookSaw(t *testing.T) {
	if !tellsHangUp {
		t.Skip("every connection is looked at")
	}
	m := http1Modes[0]
	closed := make(chan int)
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
		for n := 1; ; n++ {
			if _, err := next(); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			if n == calmUploads {
				break
			}
		}
		c.Close()
		closed <- calmUploads
	})
	h := m.open(t, HTTPOptions{URL: url})
	for i := range calmUploads {
		if ans := send(h); ans.Class != measure.OK {
			t.Fatalf("upload %d: %v, %v", i, ans.Class, ans.Err)
		}
	}
	<-closed
	c := h.fast.idle[0]
	if !h.fast.trusts(c, c.began) {
		t.Fatal("the connection would be looked at, so that this test shows nothing")
	}
	if ans := send(h); ans.Class != measure.OK {
		t.Errorf("the upload after the end: %v, %v", ans.Class, ans.Err)
	}
	if _, opened := h.Conns(); opened != 2 {
		t.Errorf("%d connections were opened, want 2", opened)
	}
	if c := h.fast.idle[0]; h.fast.trusts(c, c.began) {
		t.Error("a backend that hung up is still trusted")
	}
}

// An upload that the backend has read is not sent again when it hangs up then, whether it was looked at or not.
func TestNothingIsSentTwiceWithoutALook(t *testing.T) {
	m := http1Modes[0]
	var seen atomic.Int64
	done := make(chan struct{})
	url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
		for {
			if _, err := next(); err != nil {
				return
			}
			if seen.Add(1) > calmUploads {
				c.Close()
				done <- struct{}{}
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	h := m.open(t, HTTPOptions{URL: url})
	for range calmUploads {
		send(h)
	}
	go func() { <-done }()
	if ans := send(h); ans.Class != measure.Reset || seen.Load() != calmUploads+1 {
		t.Errorf("%v, %v; the backend saw %d uploads, want %d", ans.Class, ans.Err, seen.Load(), calmUploads+1)
	}
}

// What a backend says unasked is found after a pause, and ends the trust in it also when it comes with an answer.
func TestUnaskedAnswerWithoutALook(t *testing.T) {
	const once, twice = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nboo"
	for _, pause := range []time.Duration{0, lookAfter} {
		said := make(chan bool)
		m := http1Modes[0]
		url := m.raw(t, func(c *peer, next func() (*http.Request, error)) {
			for n := 1; ; n++ {
				if _, err := next(); err != nil {
					return
				}
				switch {
				case n != calmUploads:
					io.WriteString(c, once)
				case pause == 0:
					io.WriteString(c, twice)
				default:
					io.WriteString(c, once)
					said <- true
					io.WriteString(c, twice[len(once):])
					said <- true
				}
			}
		})
		h := m.open(t, HTTPOptions{URL: url})
		for range calmUploads {
			send(h)
		}
		if pause > 0 {
			<-said
			<-said
			h.fast.idle[0].began = time.Now().Add(-pause)
		}
		if ans := send(h); ans.Class != measure.OK || len(ans.Body) > 0 {
			t.Errorf("after %v: %v with body %q, the answer to nobody", pause, ans.Class, ans.Body)
		}
		if _, opened := h.Conns(); opened != 2 || h.fast.calm.looks.Load() >= calmAfter {
			t.Errorf("after %v: %d connections, %d quiet looks; want a second connection and no more trust", pause, opened, h.fast.calm.looks.Load())
		}
	}
}
