package ledger

import (
	"encoding/binary"
	"errors"
	"time"

	"drover/sim/event"
	"drover/sim/measure"
)

const (
	unsureBit = 1 << 2
	notesBit  = 1 << 3
	opShift   = 4
)

// appendUpload writes u to dst. last is the intended start of the upload before it in the same block.
func appendUpload(dst []byte, u *Upload, last time.Duration) []byte {
	flags := byte(u.Outcome) | byte(u.Op)<<opShift
	if u.Unsure {
		flags |= unsureBit
	}
	if len(u.Notes) > 0 {
		flags |= notesBit
	}
	lag, again, took := u.First-u.Intended, u.Sent-u.First, u.Done-u.Sent
	if u.Attempts == 0 {
		lag, again, took = 0, 0, u.Done-u.Intended
	}
	dst = append(dst, flags, byte(u.Class))
	for _, v := range [...]uint64{
		uint64(u.Phase), uint64(u.Device), uint64(u.FirstSeq), uint64(u.Events), uint64(u.Attempts),
		zigZag(u.Intended - last), zigZag(lag), uint64(again), zigZag(took),
	} {
		dst = binary.AppendUvarint(dst, v)
	}
	if len(u.Notes) > 0 {
		dst = binary.AppendUvarint(dst, uint64(len(u.Notes)))
		for _, n := range u.Notes {
			dst = binary.AppendUvarint(dst, uint64(n.Seq-u.FirstSeq))
			dst = append(dst, byte(n.Said))
		}
	}
	return dst
}

// zigZag is what binary.AppendVarint writes as a uvarint.
func zigZag(d time.Duration) uint64 { return uint64(d<<1) ^ uint64(d>>63) }

// errUpload is a block whose checksum holds and whose content does not: it was not written by this package.
var errUpload = errors.New("an upload that cannot be")

// cursor reads the payload of a block.
type cursor struct {
	left []byte
	bad  bool
}

func (c *cursor) byte() byte {
	if len(c.left) == 0 {
		c.bad = true
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return b
}

// uint reads a uvarint of at most most.
func (c *cursor) uint(most uint64) uint64 {
	v, n := binary.Uvarint(c.left)
	if n <= 0 || v > most {
		c.bad = true
		return 0
	}
	c.left = c.left[n:]
	return v
}

func (c *cursor) duration() time.Duration {
	v, n := binary.Varint(c.left)
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.left = c.left[n:]
	return time.Duration(v)
}

const (
	maxSeq    = 1<<32 - 1
	maxDevice = 1<<31 - 1
	maxEvents = 1 << 20 // of one upload
)

// upload reads one upload into u, whose Notes are used again.
func (c *cursor) upload(u *Upload, last time.Duration) error {
	notes := u.Notes[:0]
	flags := c.byte()
	*u = Upload{Outcome: measure.Outcome(flags & 3), Op: measure.Op(flags >> opShift), Unsure: flags&unsureBit != 0, Class: measure.Class(c.byte())}
	u.Phase = int(c.uint(maxDevice))
	u.Device = int(c.uint(maxDevice))
	u.FirstSeq = uint32(c.uint(maxSeq))
	u.Events = int(c.uint(maxEvents))
	u.Attempts = int(c.uint(maxDevice))
	u.Intended = last + c.duration()
	first, again, took := c.duration(), time.Duration(c.uint(1<<63-1)), c.duration()
	if u.Attempts == 0 {
		u.Done = u.Intended + took
	} else {
		u.First = u.Intended + first
		u.Sent = u.First + again
		u.Done = u.Sent + took
	}
	if flags&notesBit != 0 {
		for range c.uint(maxEvents) {
			n := Note{Seq: u.FirstSeq + uint32(c.uint(maxEvents)), Said: Said(c.byte())}
			if c.bad || n.Said >= Said(event.NumCategories) && n.Said < Unheard {
				return errUpload
			}
			notes = append(notes, n)
		}
	}
	u.Notes = notes
	if c.bad || u.Op >= measure.NumOps || u.Class >= measure.NumClasses || (u.Attempts == 0) != (u.Outcome == measure.Dropped) {
		return errUpload
	}
	return nil
}
