package target

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

const shortAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

// The deadline of an earlier exchange does not end a later one, and no exchange has more than its own time.
func TestDeadlinesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10 * time.Second
		client, server := net.Pipe()
		defer server.Close()
		waits := make(chan time.Duration)
		go func() {
			buf := make([]byte, 1<<10)
			for wait := range waits {
				server.Read(buf)
				time.Sleep(wait)
				io.WriteString(server, shortAnswer)
			}
		}()
		defer close(waits)
		c := newH1conn(newConn(client, new(conns)))
		defer c.close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, tt := range []struct{ idle, wait, want time.Duration }{
			{0, 4 * time.Second, 0}, {0, 4 * time.Second, 0}, {0, 9 * time.Second, 0}, // the first deadline strikes within the third
			{time.Hour, 0, 0}, {time.Hour, 9 * time.Second, 0}, // and before these
			{3 * time.Second, time.Minute, limit}, // this one takes too long
		} {
			time.Sleep(tt.idle)
			begin := time.Now()
			if !c.ready(ctx, begin.Add(limit)) {
				t.Fatal("not ready")
			}
			waits <- tt.wait
			var status int
			_, err := c.exchange([]byte("POST / HTTP/1.1\r\n\r\n"), nil, nil, new(Answer), &status)
			switch took := time.Since(begin); {
			case tt.want == 0 && (err != nil || status != 200 || took != tt.wait):
				t.Errorf("%+v: status %d, %v after %v", tt, status, err, took)
			case tt.want > 0 && (!errors.Is(err, os.ErrDeadlineExceeded) || took != tt.want):
				t.Errorf("%+v: %v after %v", tt, err, took)
			}
		}
		time.Sleep(time.Hour) // the answer that came too late is written
	})
}

// The end of a run interrupts an exchange at once, however its deadline was set.
func TestEndOfRunInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer server.Close()
		c := newH1conn(newConn(client, new(conns)))
		defer c.close()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			buf := make([]byte, 1<<10)
			server.Read(buf)
			io.WriteString(server, shortAnswer)
			server.Read(buf)
			cancel()
		}()
		begin := time.Now()
		var status int
		for range 2 { // the second one runs on the deadline of the first
			if !c.ready(ctx, begin.Add(time.Hour)) {
				t.Fatal("not ready")
			}
			_, err := c.exchange([]byte("POST / HTTP/1.1\r\n\r\n"), nil, nil, new(Answer), &status)
			if ended := ctx.Err() != nil; ended != (err != nil) || time.Since(begin) > 0 {
				t.Errorf("%v after %v, run over: %t", err, time.Since(begin), ended)
			}
		}
		if c.ready(ctx, begin.Add(time.Hour)) {
			t.Error("ready after the end")
		}
	})
}

// A request that the system takes in pieces arrives whole, and one to a connection that is gone is known to be unsent.
func TestSwap(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc.(*net.TCPConn).SetWriteBuffer(4 << 10)
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server.(*net.TCPConn).SetReadBuffer(4 << 10)
	c := newH1conn(newConn(nc, new(conns)))
	defer c.close()
	body := bytes.Repeat([]byte("0123456789abcde\n"), oneWrite/16)
	for range 3 {
		got := make(chan []byte)
		go func() {
			all := make([]byte, len("head")+len(body))
			io.ReadFull(server, all)
			io.WriteString(server, shortAnswer)
			got <- all
		}()
		if !c.ready(t.Context(), time.Now().Add(time.Minute)) {
			t.Fatal("not ready")
		}
		var status int
		ans := new(Answer)
		if n, err := c.exchange([]byte("head"), body, nil, ans, &status); err != nil || n != 4+len(body) || !c.keep || string(ans.Body) != "hi" {
			t.Fatalf("exchange = %d, %v, keep %t, %q", n, err, c.keep, ans.Body)
		}
		if all := <-got; string(all) != "head"+string(body) {
			t.Error("the backend did not get what was sent")
		}
	}
	if !swaps {
		return // where the write is a call of its own, its error is, too
	}
	server.(*net.TCPConn).SetLinger(0)
	server.Close()
	for c.alive() { // until the reset has come
		time.Sleep(time.Millisecond)
	}
	if !c.ready(t.Context(), time.Now().Add(time.Minute)) {
		t.Fatal("not ready")
	}
	var status int
	if n, err := c.exchange([]byte("head"), nil, nil, new(Answer), &status); n != 0 || err == nil || c.keep {
		t.Errorf("exchange on a connection that is gone = %d, %v, keep %t; want nothing written and an error", n, err, c.keep)
	}
}
