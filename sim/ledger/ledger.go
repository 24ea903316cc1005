// Package ledger knows what was sent and answered, upload by upload, how that is kept on disk, and how it is settled against
// what a backend shows afterwards. It does not know how anything was sent.
//
// # The files
//
// A ledger is a folder of files worker-N.ledger, one for each worker of the run, written in one go and never changed. All
// numbers are little-endian; a uvarint or varint is that of encoding/binary (varint: zig-zag).
//
//	file   = "DRVLEDG1" block...
//	block  = size uint32, checksum uint32, kind byte, payload [size]byte
//	         the checksum is CRC-32C (Castagnoli) of kind and payload
//	kinds  = 'H' header, first and once: JSON of Header
//	         'U' uploads: one after another, as below
//	         'E' end, last and once: JSON of End; a file without one was cut short
//
// A block of uploads can be read without any other. Each upload in it is
//
//	flags      byte: bits 0-1 measure.Outcome, bit 2 an earlier attempt may have arrived, bit 3 notes follow, bits 4-7 measure.Op
//	class      byte: measure.Class of the last attempt
//	phase      uvarint
//	device     uvarint, over the whole fleet
//	firstSeq   uvarint: sequence number of its first event
//	events     uvarint: how many; the others follow without gaps
//	attempts   uvarint: 0 when it was dropped
//	intended   varint, ns from the run's start, less that of the upload before it in the block (0 at its start)
//	lag        varint, ns: first sent - intended; 0 when it was dropped
//	last       uvarint, ns: last sent - first sent; 0 when it was dropped
//	took       varint, ns: done - last sent; done - intended when it was dropped
//	notes      when bit 3 is set: uvarint count, then for each: uvarint seq - firstSeq, byte Said
//
// Fields and bodies of events are not kept: they are a function of the scenario, the device and the sequence number.
package ledger

import (
	"time"

	"drover/sim/event"
	"drover/sim/measure"
)

// Upload is what became of one upload. Times are offsets from the run's start.
type Upload struct {
	Op       measure.Op
	Phase    int
	Device   int
	FirstSeq uint32
	Events   int
	Outcome  measure.Outcome
	Class    measure.Class // of the last attempt
	Unsure   bool          // an attempt had no answer that says no: the backend may have the upload although it was not accepted
	Attempts int
	Intended time.Duration
	First    time.Duration // first attempt sent
	Sent     time.Duration // last attempt sent
	Done     time.Duration
	Notes    []Note // what the answer said of single events, in any order
}

// Note is what the backend's answer said of one event.
type Note struct {
	Seq  uint32
	Said Said
}

// Said is a verdict or a refusal. The zero value is the verdict benign; the others count up from it as event.Category does.
type Said uint8

const (
	Unheard  Said = 0xfd // nobody knows whether the event was taken while others of its upload were: its last attempts had no answer
	Unjudged Said = 0xfe // a detection without a verdict
	NotTaken Said = 0xff // the event was refused while others of its upload were taken
)

// String returns the category, "unanswered", "unjudged" or "refused".
func (s Said) String() string {
	switch s {
	case Unheard:
		return "unanswered"
	case Unjudged:
		return "unjudged"
	case NotTaken:
		return "refused"
	}
	return event.Category(s).String()
}

// Header says whose ledger a file is.
type Header struct {
	Run        string    `json:"run"`    // run_id of run.json
	Digest     string    `json:"digest"` // of the resolved scenario
	Started    time.Time `json:"started"`
	Worker     int       `json:"worker"`
	Partitions []int     `json:"partitions"` // of the fleet, that the worker drove
}

// End says that nothing is missing.
type End struct {
	Uploads int64 `json:"uploads"`
	Events  int64 `json:"events"`
}
