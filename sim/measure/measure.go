// Package measure knows samples, histograms, counters and snapshots. It does not know who made the traffic, what the
// numbers should be, or what time it is: every duration is given to it.
package measure

import "time"

// Op is what a request asks of the backend.
type Op uint8

const (
	Enroll  Op = iota
	Upload     // of anything else that devices report
	Single     // the same, of one event, where a backend takes that another way
	Config     // a device fetches its configuration
	Verdict    // a device asks what the backend makes of a site
	NumOps
)

// String returns "enroll", "upload", "single", "config" or "verdict".
func (o Op) String() string { return [...]string{"enroll", "upload", "single", "config", "verdict"}[o] }

// LookUp reports whether requests of the operation bring the backend no events: it is asked for something. What is said of uploads
// is without them, except where they are named.
func (o Op) LookUp() bool { return o > Single }

// LookUps are the operations of which LookUp is true.
func LookUps() []Op { return []Op{Config, Verdict} }

// Outcome is the final fate of an upload as the client saw it. Every upload that falls due ends in exactly one:
// due = Dropped + sent; sent = Accepted + Refused + Failed.
type Outcome uint8

const (
	Accepted Outcome = iota // the backend said yes
	Refused                 // the backend answered no, and no retry was left
	Failed                  // no answer: connection refused, reset, time-out; and no retry was left
	Dropped                 // never sent: the queue was full or the run ended first
	NumOutcomes
)

// String returns the outcome's name, e.g. "accepted".
func (o Outcome) String() string { return [...]string{"accepted", "refused", "failed", "dropped"}[o] }

// Class says how one attempt ended: a bounded set for tables and metrics.
type Class uint8

const (
	OK             Class = iota // 2xx
	Status3xx                   // redirects are not followed: they count as refused
	Status400                   // 400 and other 4xx not named below
	Status401                   // 401 and 403
	Status413                   // payload too large
	Status429                   // told to slow down
	Status5xx                   // 5xx
	ConnectRefused              // connection refused
	ConnectFailed               // other dial errors: no route, TLS handshake, name not found
	Reset                       // connection reset, or closed before a whole answer
	Timeout                     // no whole answer within the client's time-out
	BadAnswer                   // an answer that is not HTTP, or not what the adapter understands
	Cancelled                   // the run ended while the attempt was under way
	Overflow                    // dropped: the queue was full
	NotStarted                  // dropped: the run ended before it was sent
	Rejected                    // a status of success whose body, or whose number, says no
	NumClasses
)

// String returns a short name for tables and labels, e.g. "timeout".
func (c Class) String() string {
	return [...]string{"ok", "3xx", "4xx", "unauthorised", "too large", "429", "5xx", "connection refused",
		"connect failed", "reset", "timeout", "bad answer", "cancelled", "queue full", "not started", "rejected"}[c]
}

// Key says where a sample belongs. The indices are those of Names.
type Key struct {
	Op     Op
	Phase  uint8
	Cohort uint16
	Tenant uint32
	Slice  uint8 // of the intended start; Names.SliceAt tells it
}

// Names gives the words behind the indices of Key, in order.
type Names struct {
	Phases  []PhaseName
	Cohorts []string // "fleet/cohort"
	Tenants []string
	Slices  []Slice // as Cut makes them; at most MaxSlices. None: one slice, in no window

	Versions []string // that devices run: of Sample.Version
	Kinds    []string // of events, at most MaxKinds: of Sample.Kinds
}

// MaxKinds is how many kinds of events a Sample tells apart.
const MaxKinds = 12

// PhaseName is one phase of the load.
type PhaseName struct {
	Name    string
	Measure bool // false for warm-up, enrolment and drain
}

// Sample is the whole story of one upload, recorded once, when its fate is final. Times are offsets from the run's
// start. Response time is Done-Intended, service time Done-Sent, send lag FirstSent-Intended-Held.
type Sample struct {
	Key
	Outcome   Outcome
	Class     Class // of the last attempt; OK when accepted
	Intended  time.Duration
	Held      time.Duration // after Intended it waited so long for others to go out with, as it was meant to
	FirstSent time.Duration // first attempt
	Sent      time.Duration // last attempt
	Done      time.Duration
	Attempts  int  // 0 when dropped
	Told      bool // Recorder.Attempt was told of the last attempt, because another was to follow
	Events    int
	Bytes     int // of one encoded body, before compression

	Version int              // index into Names.Versions of what its device ran when it fell due, plus one; 0: unknown, as of an upload that was never made
	Kinds   [MaxKinds]uint16 // Events by kind
}
