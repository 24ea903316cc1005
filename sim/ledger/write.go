package ledger

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	magic     = "DRVLEDG1"
	headLen   = 9        // of a block: size, checksum, kind
	blockLen  = 64 << 10 // a block of uploads is written when it has grown so large, or after flushAfter
	maxBlock  = 16 << 20
	extension = ".ledger"

	flushAfter = time.Second // what a crash can take away
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Writer writes one worker's ledger. Add is safe for concurrent use; everything else is for one goroutine.
//
// Two blocks are enough: one is filled while the other is written. When the disk is so slow that both are full, Add waits,
// and the run falls behind and says so: nothing is left out silently, and memory stays bounded.
type Writer struct {
	file *os.File

	mu      sync.Mutex
	block   []byte // head and payload of the block that is filled
	last    time.Duration
	end     End
	err     atomic.Pointer[error] // the first that writing met; what comes after it is dropped
	full    chan []byte
	empty   chan []byte
	stopped sync.WaitGroup
}

// Create begins the ledger of a worker in folder dir, which it makes. There must not be one already.
func Create(dir string, h Header) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("worker-%d%s", h.Worker, extension)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	first := append([]byte(magic), make([]byte, headLen)...)
	first = append(first, head...)
	seal(first[len(magic):], 'H')
	if _, err := f.Write(first); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: %w", err), f.Close())
	}
	w := &Writer{
		file: f, block: make([]byte, headLen, blockLen+4096),
		full: make(chan []byte, 1), empty: make(chan []byte, 2),
	}
	w.empty <- make([]byte, headLen, blockLen+4096)
	w.stopped.Go(w.write)
	return w, nil
}

// seal fills in the head of a block.
func seal(block []byte, kind byte) {
	block[8] = kind
	binary.LittleEndian.PutUint32(block, uint32(len(block)-headLen))
	binary.LittleEndian.PutUint32(block[4:], crc32.Checksum(block[8:], castagnoli))
}

// Add writes one upload. It keeps nothing of u.
func (w *Writer) Add(u *Upload) {
	w.mu.Lock()
	if w.err.Load() == nil {
		w.block = appendUpload(w.block, u, w.last)
		w.last = u.Intended
		w.end.Uploads++
		w.end.Events += int64(u.Events)
		if len(w.block) >= blockLen {
			w.turn()
		}
	}
	w.mu.Unlock()
}

// turn hands the block over and goes on with an empty one. w.mu is held: whoever else wants to add waits, too.
func (w *Writer) turn() {
	if len(w.block) == headLen {
		return
	}
	w.full <- w.block
	w.block, w.last = <-w.empty, 0
}

// write writes blocks until there are no more, and sees to it that none waits for long.
func (w *Writer) write() {
	tick := time.NewTicker(flushAfter)
	defer tick.Stop()
	var failed error
	put := func(block []byte) {
		if failed == nil {
			seal(block, 'U')
			if _, failed = w.file.Write(block); failed != nil {
				err := fmt.Errorf("ledger: %w", failed) // without w.mu: whoever holds it may be waiting for this very block
				w.err.Store(&err)
			}
		}
		w.empty <- block[:headLen]
	}
	for {
		select {
		case block, ok := <-w.full:
			if !ok {
				return
			}
			put(block)
		case <-tick.C:
			// Only when nobody is at it: a worker that adds turns the block itself soon enough, or the next tick does.
			if w.mu.TryLock() {
				if len(w.block) > headLen && len(w.empty) > 0 {
					block := w.block
					w.block, w.last = <-w.empty, 0
					w.mu.Unlock()
					put(block)
				} else {
					w.mu.Unlock()
				}
			}
		}
	}
}

// Close writes what is left and the end. An error says that the ledger is not whole. Nothing may be added any more.
func (w *Writer) Close() error {
	w.mu.Lock()
	w.turn()
	end := w.end
	w.mu.Unlock()
	close(w.full)
	w.stopped.Wait()
	if err := w.err.Load(); err != nil {
		return errors.Join(*err, w.file.Close())
	}
	text, err := json.Marshal(end)
	if err != nil {
		return errors.Join(err, w.file.Close())
	}
	last := append(make([]byte, headLen), text...)
	seal(last, 'E')
	_, err = w.file.Write(last)
	if err = errors.Join(err, w.file.Close()); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}
