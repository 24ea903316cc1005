package measure

import "time"

// Band is a stretch of durations that are counted together: less than 0.8 % of its value wide above 256 ns, and 1 ns below. There are less
// than 4,700 up to Ceiling.
type Band uint16

// BandOf returns the band that a duration lies in. A negative one counts as 0 and one above Ceiling as Ceiling.
func BandOf(d time.Duration) Band {
	return Band(cellOf(uint64(min(max(d, 0), Ceiling)), coarseBits))
}

// Range is from its lowest value to the lowest one of the next band.
func (b Band) Range() (from, to time.Duration) {
	low, width := cellRange(int(b), coarseBits)
	return time.Duration(low), time.Duration(low + width)
}
