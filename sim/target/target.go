// Package target knows where uploads go: connections, requests, answers, credentials. It does not know what the bytes mean.
package target

import (
	"context"
	"time"

	"drover/sim/measure"
)

// Request is one upload on its way. It is owned by the caller and may be reused after Send returns.
type Request struct {
	Op      measure.Op
	Body    []byte
	Device  int     // index of the device, for its connection
	Tenant  int     // index of the tenant, for its credential
	Seq     uint32  // of the upload among its device's; with Attempt it decides on faults
	Attempt int     // of the upload, from 0
	Faults  *Faults // instead of the target's own, e.g. for a while; nil: those
	Key     []byte  // idempotency key, the same for every attempt of an upload; sent as Idempotency-Key

	// What depends on the upload beside its body. Nil: nothing does.
	Place  []byte     // path and query of HTTP, escaped, instead of the operation's own; a topic, a subject
	Header []byte     // more lines of a header, each ended by CRLF
	Head   int        // where the first event begins in Body
	Ends   []int      // where the bytes of each event end in Body, for protocols that carry one event in a message
	IDs    [][16]byte // of the events, for those that tell messages apart by them; nil: they are not known
	Taken  *Taken     // which of its messages earlier attempts got taken; an attempt adds to it. Nil: each attempt sends all

	// Loop is that of the fiber which calls Send; nil: a goroutine does. Only the target that made a loop looks at it.
	Loop *Loop

	raw   []byte  // Body after room for what goes before it; see Reset
	conn  *h1conn // of what Start began
	token string  // its credential
	fault Fault   // of ours, that this attempt has
	cut   bool    // of it half is sent, and the connection breaks
}

// room is how much of a request's memory is before its body: a usual head of HTTP, which goes out with the body in one piece.
const room = 512

// Reset makes the slices of a request empty, for the next upload.
func (r *Request) Reset() {
	if cap(r.Body) > cap(r.raw)-room { // it has grown elsewhere
		r.raw = make([]byte, room+cap(r.Body))
	}
	r.Body, r.Key, r.Ends, r.IDs = r.raw[room:room], r.Key[:0], r.Ends[:0], r.IDs[:0]
}

// headed is a head and Body in one piece; nil: there is no room for it, or body is another one.
func (r *Request) headed(head, body []byte) []byte {
	if len(head) > room || len(body) == 0 || cap(r.raw) < room+len(body) || &body[0] != &r.raw[:room+1][room] {
		return nil
	}
	from := room - copy(r.raw[room-len(head):room], head)
	return r.raw[from : room+len(body)]
}

// away calls f, which has nothing to do with the request's loop, while others of that have their turns.
func (r *Request) away(f func()) {
	l := r.Loop
	r.Loop = nil
	l.Away(f)
	r.Loop = l
}

// Answer is what came back. It is owned by the caller; Body is reused by the next Send with the same Answer.
type Answer struct {
	Class      measure.Class
	Status     int           // HTTP status, or the protocol's own code; 0 when there was no answer
	Again      bool          // the credential was refused and is renewed: what Retryable does not retry may go better now
	Final      bool          // the backend says that it would go no better another time, whatever Retryable says
	RetryAfter time.Duration // 0 when the backend did not say; from Retry-After in seconds or as a date
	Body       []byte        // at most 1 MiB; a longer one is cut and Class is BadAnswer
	Err        error         // the error behind a Class that is not OK, for a message; nil when OK
}

// Target is our handle on the backend. Send makes one attempt and returns when its fate is known or ctx ends. It is safe
// for concurrent use.
type Target interface {
	Send(ctx context.Context, req *Request, ans *Answer)
	Close() error
}

// Looper is a Target with a way to send that takes less than a goroutine for each attempt under way; see HTTP.NewLoop.
type Looper interface {
	Target
	NewLoop(senders int) *Loop
	Start(ctx context.Context, req *Request, answered func()) bool
	Finish(ctx context.Context, req *Request, ans *Answer) bool
}
