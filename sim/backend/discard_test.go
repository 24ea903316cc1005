package backend

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func discardServer(t *testing.T, opt DiscardOptions) *Discard {
	t.Helper()
	d, err := StartDiscard(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// Requests in any pieces are told apart and answered in order; those without a body are no uploads.
func TestDiscardReadsRequests(t *testing.T) {
	var all bytes.Buffer
	want := 0
	for _, n := range []int{0, 1, 700, 20_000, 3, 0, 100_000} {
		fmt.Fprintf(&all, "POST /v1/events HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: %d\r\nX-Y: Content-Length: 5\r\n\r\n%s", n, strings.Repeat("\r\n", (n+1)/2)[:n])
		if n > 0 {
			want++
		}
	}
	all.WriteString("GET /healthz HTTP/1.1\r\n\r\n")
	for _, piece := range []int{1 << 20, 7000, 13} {
		d := discardServer(t, DiscardOptions{})
		c, err := net.Dial("tcp", strings.TrimPrefix(d.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for b := all.Bytes(); len(b) > 0; {
				n, err := c.Write(b[:min(piece, len(b))])
				if err != nil {
					return
				}
				b = b[n:]
			}
		}()
		r := bufio.NewReader(c)
		for i := range 8 {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("pieces of %d, answer %d: %v", piece, i, err)
			}
			if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(b) != `{"accepted":1}` {
				t.Errorf("answer %d: %d %q", i, resp.StatusCode, b)
			}
		}
		c.Close()
		if opened, most := d.Conns(); d.Uploads() != int64(want) || opened != 1 || most != 1 {
			t.Errorf("pieces of %d: %d uploads over %d connections, %d at once; want %d, 1, 1", piece, d.Uploads(), opened, most, want)
		}
	}
}

// A frozen server answers nothing until it thaws, and the log tells both times of each upload.
func TestDiscardFreezes(t *testing.T) {
	const delay, freeze = time.Millisecond, 50 * time.Millisecond
	waits := 0
	d := discardServer(t, DiscardOptions{Delay: delay, Freeze: freeze, Log: 2,
		Waiter: func() func(time.Duration) { waits++; return time.Sleep }})
	for range 3 {
		resp, err := http.Post(d.URL(), "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	log := d.Exchanges()
	if len(log) != 2 || d.Uploads() != 3 || waits != 1 {
		t.Fatalf("%d in the log of %d uploads, %d waiters", len(log), d.Uploads(), waits)
	}
	for i, e := range log {
		if e.Answered.Sub(e.Read) < delay || e.Answered.Sub(log[0].Read) < freeze {
			t.Errorf("upload %d was answered after %v, %v after the freeze began", i, e.Answered.Sub(e.Read), e.Answered.Sub(log[0].Read))
		}
	}
}

// Close ends what is under way and waits for it.
func TestDiscardCloses(t *testing.T) {
	d := discardServer(t, DiscardOptions{})
	c, err := net.Dial("tcp", strings.TrimPrefix(d.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345")
	d.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still served")
	}
	if _, err := StartDiscard(context.Background(), DiscardOptions{Addr: "nowhere"}); err == nil {
		t.Error("an address without a port was taken")
	}
}
