package target

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/measure"
)

// The time-out of an attempt includes the wait for a connection.
func TestTimeoutIncludesTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10 * time.Second
		h := newHTTP(t, HTTPOptions{URL: "http://127.0.0.1:1", Client: Client{MaxOpen: 1, Timeout: limit}})
		client, server := net.Pipe()
		defer server.Close()
		go io.Copy(io.Discard, server) // and no answer
		h.fast.idle = append(h.fast.idle, newH1conn(newConn(client, &h.conns)))
		h.fast.slots.try()
		time.AfterFunc(limit/2, h.fast.slots.release)
		begin, ans := time.Now(), new(Answer)
		h.Send(t.Context(), &Request{Op: measure.Upload, Body: []byte("x")}, ans)
		if took := time.Since(begin); ans.Class != measure.Timeout || took != limit {
			t.Errorf("class %v, %v after %v, want a time-out after %v", ans.Class, ans.Err, took, limit)
		}
	})
}
