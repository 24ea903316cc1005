package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"drover/sim/measure"
)

// NewDiscard returns a target that takes everything and keeps nothing. Accepted means nothing at all.
func NewDiscard(c Client, f *Faults) (*Messages, error) {
	m, err := newMessages("discard", c, f)
	if err != nil {
		return nil, err
	}
	m.carrier = nowhere{}
	return m, nil
}

type nowhere struct{}

func (nowhere) carry(_ context.Context, p *parcel) error {
	p.tookAll()
	return nil
}
func (nowhere) greet(context.Context) error { return nil }
func (nowhere) close() error                { return nil }

// Existing is what becomes of a file that is there and not empty.
type Existing string

// The words that a scenario has for it. The zero value is Refuse.
const (
	Refuse  Existing = "refuse"
	Append  Existing = "append"
	Replace Existing = "replace"
)

// NewFile returns a target that writes messages to a file, a line each. The file is opened by Preflight or the first Send. Accepted
// means that the system took the bytes: they outlive this process, and not a power cut.
func NewFile(path string, existing Existing, c Client, f *Faults) (*Messages, error) {
	m, err := newMessages("file "+path, c, f)
	if err != nil {
		return nil, err
	}
	m.carrier = newLines(func() (io.WriteCloser, error) { return openSink(path, existing) }, false)
	return m, nil
}

// NewWriter returns a target that writes messages to w, a line each, e.g. to standard output. w is not closed.
func NewWriter(name string, w io.Writer, c Client, f *Faults) (*Messages, error) {
	m, err := newMessages(name, c, f)
	if err != nil {
		return nil, err
	}
	m.carrier = newLines(func() (io.WriteCloser, error) { return unclosed{w}, nil }, true)
	return m, nil
}

type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// The codes of refusals by a file.
const (
	cannotOpen = 1
	cannotKeep = 2
)

func openSink(path string, existing Existing) (io.WriteCloser, error) {
	flag := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if existing == Replace {
		flag |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, &refusal{measure.Rejected, cannotOpen, err.Error()}
	}
	if info, err := f.Stat(); err == nil && info.Size() > 0 && existing != Append {
		f.Close()
		return nil, &refusal{measure.Rejected, cannotOpen, fmt.Sprintf("it is there already, with %d bytes; name another, or say file: {existing: append} or replace", info.Size())}
	}
	return f, nil
}

// lines writes messages to one place. Those of an upload stay together.
type lines struct {
	open func() (io.WriteCloser, error)
	pipe bool // a write may wait for ever

	turn   chan struct{}  // holds one: the right to what follows
	w      io.WriteCloser // nil: not opened yet
	buf    []byte
	closed bool
}

func newLines(open func() (io.WriteCloser, error), pipe bool) *lines {
	l := &lines{open: open, pipe: pipe, turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	return l
}

// take waits for the turn and opens the place. Without an error the caller gives the turn back.
func (l *lines) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-l.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := errClosed
	if !l.closed {
		if err = nil; l.w == nil {
			l.w, err = l.open()
		}
	}
	if err != nil {
		l.w = nil
		l.turn <- struct{}{}
	}
	return err
}

func (l *lines) greet(ctx context.Context) error {
	err := l.take(ctx)
	if err == nil {
		l.turn <- struct{}{}
	}
	return err
}

func (l *lines) carry(ctx context.Context, p *parcel) error {
	if err := l.take(ctx); err != nil {
		return err
	}
	l.buf = l.buf[:0]
	for i := range p.n {
		if p.wanted(i) {
			l.buf = append(append(l.buf, p.message(i)...), '\n')
		}
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	p.tookAll()
	return nil
}

// flush writes buf and gives the turn back. Into a pipe that nobody reads that may take longer than the caller waits: then what was
// to be written still will be, and nobody else is let in before.
func (l *lines) flush(ctx context.Context) error {
	if !l.pipe {
		defer func() { l.turn <- struct{}{} }()
		return l.write()
	}
	done := make(chan error, 1)
	go func() {
		err := l.write()
		l.turn <- struct{}{}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lines) write() error {
	n, err := l.w.Write(l.buf)
	if err == nil {
		return nil
	}
	// Half a line must not run into the next one.
	if f, ok := l.w.(*os.File); ok && n > 0 {
		if at, bad := f.Seek(0, io.SeekEnd); bad == nil {
			err = errors.Join(err, f.Truncate(at-int64(n)))
		}
	}
	return &refusal{measure.Rejected, cannotKeep, err.Error()}
}

// close closes the place, unless somebody is still writing to it.
func (l *lines) close() error {
	select {
	case <-l.turn:
	default:
		if !l.pipe {
			<-l.turn
			break
		}
		return nil
	}
	l.closed = true
	defer func() { l.turn <- struct{}{} }()
	if l.w == nil {
		return nil
	}
	return l.w.Close()
}
