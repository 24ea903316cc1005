package behavior

import (
	"bytes"
	"time"
)

// apart has the rare times of those devices on which one of them comes, of six bytes each. In a day nothing crashes on most devices,
// so a million of them need not each have room for that. It grows by a block at a time and moves nothing, as arena does; a device keeps
// its place. Place 0 is not used: it means none.
type apart struct {
	blocks [][]byte
	used   uint32 // places that were ever in use
}

const (
	apartSize  = len(rareClocks) * shortWidth
	apartBlock = 127 // places; with what the word of the last time needs, Go's runtime hands out 2,304 bytes for them, and that is nearly all
)

// of returns the times at a place, up to where the word of the last one ends.
func (a *apart) of(n uint32) []byte {
	return a.blocks[n/apartBlock][n%apartBlock*uint32(apartSize):][:apartSize+8-shortWidth]
}

// add returns a new place and the times there, of which none comes.
func (a *apart) add() (n uint32, times []byte) {
	a.used++
	n = a.used
	for int(n/apartBlock) >= len(a.blocks) {
		a.blocks = append(a.blocks, bytes.Repeat([]byte{0xff}, apartBlock*apartSize+8-shortWidth))
	}
	return n, a.of(n)
}

// seldom reports whether the rare clocks are expected to ring on few devices before a time: then the devices take less memory when
// they have room for that only where it comes. Where all need it, they take four bytes more.
func (cfg *Config) seldom(before time.Duration) bool {
	const few = 0.25
	for i := range cfg.Plans {
		var rings float64
		rates := cfg.Plans[i].clocks()
		for _, c := range rareClocks {
			if r := rates[c]; r.Every > 0 {
				rings += float64(before) / float64(r.Every)
			} else {
				rings += r.PerDay * before.Hours() / 24
			}
		}
		if rings > few {
			return false
		}
	}
	return true
}
