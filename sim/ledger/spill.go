package ledger

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
)

// spill is a table in parts by event id, so that a part fits into memory when the whole does not: what a part has of more than
// partBuffer bytes is on disk. An event's id is as good as random, so the parts are equal.
type spill struct {
	dir   string
	parts [spillParts]spilled
}

// spilled is one part: a file, which is made when it is first needed, as most settlements are small, and what follows it.
type spilled struct {
	file  *os.File
	named bool // the file still has its name
	tail  []byte
}

const (
	spillParts = 64       // divides ten million events into parts of about 160,000
	partBuffer = 16 << 10 // bytes
)

func (s *spill) put(id event.ID, row []byte) error {
	p := &s.parts[partOf(id)]
	if len(p.tail)+len(row) > partBuffer {
		if err := p.flush(s.dir); err != nil {
			return err
		}
	}
	p.tail = append(p.tail, row...)
	return nil
}

// partOf uses a byte of the id that holds no version bits.
func partOf(id event.ID) int { return int(id[0]) % spillParts }

// flush moves what is in memory to the end of the file.
func (p *spilled) flush(dir string) (err error) {
	if p.file == nil {
		if p.file, err = os.CreateTemp(dir, "settle-*"); err != nil {
			return err
		}
		// Without its name the file is gone with the process, however that ends. Where the system refuses, close removes it.
		p.named = os.Remove(p.file.Name()) != nil
	}
	_, err = p.file.Write(p.tail)
	p.tail = p.tail[:0]
	return err
}

// part reads one part whole.
func (s *spill) part(n int, dst []byte) ([]byte, error) {
	p := &s.parts[n]
	dst = dst[:0]
	if p.file != nil {
		size, err := p.file.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, err
		}
		dst = slices.Grow(dst, int(size))[:size]
		if _, err := p.file.ReadAt(dst, 0); err != nil {
			return nil, err
		}
	}
	return append(dst, p.tail...), nil
}

func (s *spill) close() error {
	var errs []error
	for _, p := range s.parts {
		if p.file == nil {
			continue
		}
		errs = append(errs, p.file.Close())
		if p.named {
			errs = append(errs, os.Remove(p.file.Name()))
		}
	}
	return errors.Join(errs...)
}

// State is what the client knows of an event.
type State uint8

const (
	Acknowledged State = iota // the backend said that it has it
	Unanswered                // sent at least once without an answer: the backend may have it
	Rejected                  // every answer said no
	NeverSent
	Unrecorded // due before the ledger was cut short, which does not have its fate
	Erased     // sent, and the backend was told to erase it
	NotDue     // due only after the last entry of a ledger that was cut short
)

// Expected is an event that a device had to report.
type Expected struct {
	Print  Print
	State  State
	Kind   event.Kind
	Op     measure.Op
	Device int
	Seq    uint32
	Done   time.Duration // when its upload had its fate, offset from the run's start
}

const expectedLen = 16 + 8 + 8 + 16 + 3 + 4 + 4 + 8 + 8

func (e *Expected) append(dst []byte) []byte {
	dst = append(dst, e.Print.ID[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, e.Print.Envelope)
	dst = binary.LittleEndian.AppendUint64(dst, e.Print.Event)
	dst = append(dst, e.Print.Tenant[:]...)
	dst = append(dst, byte(e.State), byte(e.Kind), byte(e.Op))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e.Device))
	dst = binary.LittleEndian.AppendUint32(dst, e.Seq)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Done))
	return binary.LittleEndian.AppendUint64(dst, e.Print.Hash)
}

func (e *Expected) read(row []byte) {
	*e = Expected{
		Print: Print{
			ID: event.ID(row[:16]), Envelope: binary.LittleEndian.Uint64(row[16:]), Event: binary.LittleEndian.Uint64(row[24:]),
			Tenant: fleet.GUID(row[32:48]), Hash: binary.LittleEndian.Uint64(row[67:]), Has: HasID | HasTenant | HasEnvelope | HasEvent,
		},
		State: State(row[48]), Kind: event.Kind(row[49]), Op: measure.Op(row[50]),
		Device: int(binary.LittleEndian.Uint32(row[51:])), Seq: binary.LittleEndian.Uint32(row[55:]),
		Done: time.Duration(binary.LittleEndian.Uint64(row[59:])),
	}
}

// stored is an event as one look at the backend showed it.
type stored struct {
	print Print
	look  uint8
}

const storedLen = 16 + 8 + 8 + 16 + 2 + 8 + 8

func (s *stored) append(dst []byte) []byte {
	dst = append(dst, s.print.ID[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, s.print.Envelope)
	dst = binary.LittleEndian.AppendUint64(dst, s.print.Event)
	dst = append(dst, s.print.Tenant[:]...)
	dst = append(dst, byte(s.print.Has), s.look)
	dst = binary.LittleEndian.AppendUint64(dst, s.print.Hash)
	return binary.LittleEndian.AppendUint64(dst, s.print.Device)
}

func (s *stored) read(row []byte) {
	*s = stored{Print{
		ID: event.ID(row[:16]), Envelope: binary.LittleEndian.Uint64(row[16:]), Event: binary.LittleEndian.Uint64(row[24:]),
		Tenant: fleet.GUID(row[32:48]), Has: Parts(row[48]), Hash: binary.LittleEndian.Uint64(row[50:]), Device: binary.LittleEndian.Uint64(row[58:]),
	}, row[49]}
}
