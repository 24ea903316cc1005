// Package target knows where uploads go: connections, requests, answers, credentials. It does not know what the bytes mean.
package target

import (
	"context"
	"time"

	"drover/sim/measure"
)

// Request is one upload on its way. It is owned by the caller and may be reused after Send returns.
type Request struct {
	Op     measure.Op
	Body   []byte
	Tenant int    // index of the tenant, for its credential
	Key    []byte // idempotency key, the same for every attempt of an upload; sent as Idempotency-Key
}

// Answer is what came back. It is owned by the caller; Body is reused by the next Send with the same Answer.
type Answer struct {
	Class      measure.Class
	Status     int           // HTTP status; 0 when there was no answer
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
