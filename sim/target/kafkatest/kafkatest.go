// Package kafkatest is the broker's side of Kafka's framing, for tests that play a broker: requests up to the versions before tagged
// fields, https://kafka.apache.org/protocol (2025).
package kafkatest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Request is one request of a client.
type Request struct {
	kmsg.Request
	id []byte // by which the client knows the answer
}

// ErrRequest says that what came is no request of its version; any other error is the connection's.
var ErrRequest = errors.New("not a request of its version")

// Read reads one request. The fields of ApiVersions, whose head has tags, it leaves alone.
func Read(r io.Reader) (*Request, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	key, version := int16(binary.BigEndian.Uint16(body)), int16(binary.BigEndian.Uint16(body[2:]))
	rest := body[10:]
	if n := int16(binary.BigEndian.Uint16(body[8:])); n > 0 {
		rest = rest[n:]
	}
	req := &Request{kmsg.RequestForKey(key), body[4:8]}
	req.SetVersion(version)
	if key == int16(kmsg.ApiVersions) {
		return req, nil
	}
	if err := req.ReadFrom(rest); err != nil {
		return nil, fmt.Errorf("request %d, version %d: %w: %v", key, version, ErrRequest, err)
	}
	return req, nil
}

// Answer is the bytes of an answer to the request.
func (q *Request) Answer(resp kmsg.Response) []byte {
	resp.SetVersion(q.GetVersion())
	out := resp.AppendTo(append(make([]byte, 4), q.id...))
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out
}
