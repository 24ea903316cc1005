package ledger

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Ledger is the ledger of a run: its files, and what could be read of them.
type Ledger struct {
	Files   []File
	Uploads int64
	Events  int64
	Last    time.Duration // when the last upload that is known had its fate, offset from the run's start
}

// File is one worker's part.
type File struct {
	Name string
	Header
	Whole bool  // the file has its end; else it was cut short, by a crash or because it is being written
	Lost  int64 // bytes behind the last block that is whole
}

// Whole reports whether no file was cut short.
func (l *Ledger) Whole() bool {
	return !slices.ContainsFunc(l.Files, func(f File) bool { return !f.Whole })
}

// ErrNone says that a run has no ledger.
var ErrNone = errors.New("there is no ledger")

// Read reads all files of folder dir, in order of the workers, and calls each for every upload; what it is given is valid
// until it returns, and an error of it ends the reading. A file that breaks off is read up to its last whole block, and that
// is no error: File.Whole says so. Errors are about the folder (ErrNone), files that are not a ledger or of different runs, and each's.
func Read(dir string, each func(*Upload) error) (*Ledger, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+extension))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNone)
	}
	slices.SortFunc(paths, func(a, b string) int {
		if d := len(a) - len(b); d != 0 { // worker-10 after worker-9
			return d
		}
		return strings.Compare(a, b)
	})
	l := new(Ledger)
	for _, path := range paths {
		if err := l.file(path, each); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if first, this := l.Files[0], l.Files[len(l.Files)-1]; this.Run != first.Run || this.Digest != first.Digest {
			return nil, fmt.Errorf("%s is of run %q, but %s of run %q", this.Name, this.Run, first.Name, first.Run)
		}
	}
	return l, nil
}

func (l *Ledger) file(path string, each func(*Upload) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "read", Path: path, Err: errors.New("not a file")}
	}
	file := File{Name: filepath.Base(path)}
	read, err := l.blocks(bufio.NewReaderSize(f, 1<<20), &file, each)
	if err != nil {
		return err
	}
	file.Lost = info.Size() - read
	l.Files = append(l.Files, file)
	return nil
}

var errNotLedger = errors.New("not a ledger of drover")

// blocks reads a file and returns how many bytes of it are whole blocks.
func (l *Ledger) blocks(r io.Reader, file *File, each func(*Upload) error) (int64, error) {
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(r, start); err != nil || string(start) != magic {
		return 0, errNotLedger
	}
	read := int64(len(magic))
	head := make([]byte, headLen)
	var payload []byte
	var u Upload
	for first := true; ; first = false {
		whole, size := false, 0
		if _, err := io.ReadFull(r, head); err == nil {
			if size = int(binary.LittleEndian.Uint32(head)); size <= maxBlock {
				payload = slices.Grow(payload[:0], size)[:size]
				if _, err := io.ReadFull(r, payload); err == nil {
					sum := crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, payload)
					whole = sum == binary.LittleEndian.Uint32(head[4:])
				}
			}
		}
		if !whole {
			if first {
				return read, errNotLedger // its head is written in one go
			}
			return read, nil
		}
		read += int64(headLen + size)
		switch kind := head[8]; {
		case first != (kind == 'H'):
			return read, errNotLedger
		case kind == 'H':
			if err := json.Unmarshal(payload, &file.Header); err != nil {
				return read, errNotLedger
			}
		case kind == 'E':
			file.Whole = true
			return read, nil
		case kind != 'U':
			return read, fmt.Errorf("a block of kind %q: written by a newer drover", kind)
		default:
			c := cursor{left: payload}
			last := time.Duration(0)
			for len(c.left) > 0 {
				if err := c.upload(&u, last); err != nil {
					return read, err
				}
				last = u.Intended
				l.Uploads++
				l.Events += int64(u.Events)
				l.Last = max(l.Last, u.Done)
				if err := each(&u); err != nil {
					return read, err
				}
			}
		}
	}
}
