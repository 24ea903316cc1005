package ledger

import (
	"cmp"
	"slices"
	"time"

	"drover/sim/measure"
)

// Index finds the fate of an upload by its device and first sequence number. It holds 32 bytes for each: 13 MB for ten
// million events in uploads of 25.
type Index struct {
	Ledger *Ledger
	rows   []indexed
	taken  map[uint64][]uint32 // sequence numbers of refused events of uploads that were accepted, by key
	doubt  map[uint64][]uint32 // and of those that nobody knows about
	phases map[[2]int]int      // how many uploads are known, by partition and phase
}

type indexed struct {
	key      uint64
	intended time.Duration
	done     time.Duration
	phase    uint16
	outcome  measure.Outcome
	unsure   bool
	attempts uint8
}

// Fate is what the ledger knows of an upload.
type Fate struct {
	Outcome  measure.Outcome
	Unsure   bool
	Attempts int // 255 stands for as many or more
	Intended time.Duration
	Done     time.Duration
	refused  []uint32
	unheard  []uint32
}

// Refused reports whether an event was refused while others of its upload were taken.
func (f *Fate) Refused(seq uint32) bool { return slices.Contains(f.refused, seq) }

// Unheard reports whether nobody knows what became of an event while others of its upload were taken.
func (f *Fate) Unheard(seq uint32) bool { return slices.Contains(f.unheard, seq) }

func keyOf(device int, firstSeq uint32) uint64 { return uint64(device)<<32 | uint64(firstSeq) }

// ReadIndex reads the ledger in folder dir. partition says which partition a device belongs to. Errors are those of Read.
func ReadIndex(dir string, partition func(device int) int) (*Index, error) {
	x := &Index{taken: map[uint64][]uint32{}, doubt: map[uint64][]uint32{}, phases: map[[2]int]int{}}
	var err error
	x.Ledger, err = Read(dir, func(u *Upload) error {
		key := keyOf(u.Device, u.FirstSeq)
		x.rows = append(x.rows, indexed{key, u.Intended, u.Done, uint16(u.Phase), u.Outcome, u.Unsure, uint8(min(u.Attempts, 255))})
		for _, n := range u.Notes {
			switch n.Said {
			case NotTaken:
				x.taken[key] = append(x.taken[key], n.Seq)
			case Unheard:
				x.doubt[key] = append(x.doubt[key], n.Seq)
			}
		}
		x.phases[[2]int{partition(u.Device), u.Phase}]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(x.rows, func(a, b indexed) int { return cmp.Compare(a.key, b.key) })
	return x, nil
}

// Find returns the fate of an upload; ok is false when the ledger does not know it.
func (x *Index) Find(device int, firstSeq uint32) (f Fate, ok bool) {
	key := keyOf(device, firstSeq)
	i, ok := slices.BinarySearchFunc(x.rows, key, func(r indexed, key uint64) int { return cmp.Compare(r.key, key) })
	if !ok {
		return Fate{}, false
	}
	r := &x.rows[i]
	return Fate{r.outcome, r.unsure, int(r.attempts), r.intended, r.done, x.taken[key], x.doubt[key]}, true
}

// Len is how many uploads the ledger knows.
func (x *Index) Len() int { return len(x.rows) }

// Known is how many uploads of a partition the ledger knows in a phase.
func (x *Index) Known(partition, phase int) int { return x.phases[[2]int{partition, phase}] }
