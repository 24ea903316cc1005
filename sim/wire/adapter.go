package wire

import (
	"fmt"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
)

// Adapter says how uploads become requests of a backend, and how its answers are read. It knows no connection: which protocol
// carries the bytes is for a target to know. An adapter is made for one run and not changed; it is safe for concurrent use.
type Adapter struct {
	Name string
	Ops  [measure.NumOps]Exchange // an operation that it does not have has no Read

	Every  time.Duration // of device time, that a device's configuration is fetched anew after
	Token  *Token        // nil: devices ask for none
	Gather Gather
}

// Gather says how the uploads of several devices of a tenant become one request. The zero value: each upload is a request.
type Gather struct {
	Uploads int           // most in one request
	Wait    time.Duration // longest that the first one waits for others, in wall time
}

// Has reports whether the adapter has an operation. Uploads and enrolments it always has.
func (a *Adapter) Has(op measure.Op) bool { return a.Ops[op].Read != nil }

// Exchange is one request and its answer. The bytes are the Format's: Begin, Event for each event, End. What else depends on the
// upload is appended to the caller's buffers; a nil Place or Header adds nothing.
type Exchange struct {
	Format
	Method string // of HTTP
	Path   string // of HTTP, unescaped, below the target's own; "" where Place says it
	Place  Text   // path and query of HTTP, escaped; a topic, a subject
	Header Text   // lines of a header, each ended by CRLF
	Read   Reader
	LookUp bool // it has no idempotency key
	Part   bool // answers may ask for single events of an upload again: those alone are then sent
}

// Text appends what a request has outside of its body. e is the event of a look-up that is about one, and else of no use; key is the
// idempotency key of the upload.
type Text func(dst []byte, d *fleet.Device, e *event.Event, key []byte) []byte

// Reply is what came back on an upload, before anybody understood it.
type Reply struct {
	Class    measure.Class // by the protocol alone
	Status   int           // of HTTP, or the protocol's own code
	Body     []byte
	FirstSeq uint32     // of the upload; 0 of several, whose events are numbered through
	Events   int        // that were sent
	Seqs     []uint32   // of those where they are not all of the upload; nil: they follow FirstSeq
	IDs      [][16]byte // of its events, as in target.Request
}

// seq is that of number i of the events that were sent.
func (r *Reply) seq(i int) uint32 {
	if r.Seqs != nil {
		return r.Seqs[i]
	}
	return r.FirstSeq + uint32(i)
}

// Reader understands a reply: it fills a, whose memory it uses again, and returns how the attempt really ended. OK says that the
// backend took the upload, but for what is in a.Refused. The error says what is wrong where the class is another than the protocol's,
// in words that follow "upload: ". What a holds may point into the reply's body.
type Reader func(r *Reply, a *Answer) (measure.Class, error)

// Drover is the adapter of drover's own API: native bodies, and answers that say what became of each event.
var Drover = Adapter{Name: "drover", Ops: [measure.NumOps]Exchange{
	measure.Enroll: {Format: Native, Method: "POST", Path: "/v1/enroll", Read: readDrover},
	measure.Upload: {Format: Native, Method: "POST", Path: "/v1/events", Read: readDrover},
}}

func readDrover(r *Reply, a *Answer) (measure.Class, error) {
	if r.Class != measure.OK {
		a.reset()
		return r.Class, nil
	}
	if err := DecodeAnswer(r.Body, a); err != nil {
		return measure.BadAnswer, fmt.Errorf("status %d with a body that is no answer, %.60q: %w", r.Status, r.Body, err)
	}
	return measure.OK, nil
}

// Trust is the Reader of a protocol whose acknowledgement says all there is to say.
func Trust(r *Reply, a *Answer) (measure.Class, error) {
	a.reset()
	if r.Class == measure.OK {
		a.Accepted = r.Events
	}
	return r.Class, nil
}

// reset empties a and keeps its memory.
func (a *Answer) reset() {
	a.Accepted, a.Duplicates, a.Unsure = 0, 0, false
	a.Verdicts, a.Refused, a.Again = a.Verdicts[:0], a.Refused[:0], a.Again[:0]
}
