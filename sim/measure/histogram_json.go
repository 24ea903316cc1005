package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
)

// histogramHead is the JSON form of a Histogram without its cells. Durations are whole nanoseconds.
type histogramHead struct {
	Count   int64  `json:"count"`
	Min     uint64 `json:"min"`
	Max     uint64 `json:"max"`
	Sum     uint64 `json:"sum"`
	SumHigh uint64 `json:"sumHigh,omitempty"` // times 2^64
	Clamped int64  `json:"clamped,omitempty"`
}

// MarshalJSON writes h as an object: count, min, max, sum, clamped and cells. Durations are whole nanoseconds. cells lists
// the cells in use, two numbers each: the distance of its index from the one before (from 0 for the first), and its count.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(histogramHead{h.n, h.min, h.max, h.sum.lo, h.sum.hi, h.clamped})
	if err != nil {
		return nil, err
	}
	b = append(b[:len(b)-1], `,"cells":[`...)
	last := 0
	h.each(func(i int, n int64) bool {
		if b[len(b)-1] != '[' {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(i-last), 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, n, 10)
		last = i
		return true
	})
	return append(b, "]}"...), nil
}

// UnmarshalJSON replaces h by what MarshalJSON wrote. It returns an error, and leaves h as it was, unless all parts agree
// with each other, so that a Histogram from a file is as sound as one that was recorded.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var in struct {
		histogramHead
		Cells []int64 `json:"cells"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	if len(in.Cells)%2 != 0 {
		return errors.New("histogram: cells: want pairs of numbers")
	}
	var got Histogram
	index, lowest := int64(0), int64(0)
	for i := 0; i < len(in.Cells); i += 2 {
		step, n := in.Cells[i], in.Cells[i+1]
		if step < 0 || step == 0 && i > 0 || step >= int64(numCells) || index+step >= int64(numCells) {
			return fmt.Errorf("histogram: cells[%d]: %d leads past the %d cells, or back", i, step, numCells)
		}
		if n <= 0 || got.n+n < got.n {
			return fmt.Errorf("histogram: cells[%d]: a count of %d is out of range", i+1, n)
		}
		index += step
		if i == 0 {
			lowest = index
		}
		got.n += n
		got.add(int(index), n)
	}
	got.min, got.max, got.sum, got.clamped = in.Min, in.Max, uint128{in.SumHigh, in.Sum}, in.Clamped
	switch {
	case got.n != in.Count:
		return fmt.Errorf("histogram: count is %d, but the cells hold %d", in.Count, got.n)
	case got.clamped < 0 || got.clamped > got.n:
		return fmt.Errorf("histogram: clamped is %d of %d", got.clamped, got.n)
	case got.n == 0 && got.max|got.min|got.sum.lo|got.sum.hi != 0:
		return errors.New("histogram: min, max or sum of nothing")
	case got.n > 0 && (got.min > got.max || got.max > ceiling || cellOf(got.min, fineBits) != int(lowest) || cellOf(got.max, fineBits) != int(index)):
		return fmt.Errorf("histogram: min %d and max %d are not in the first and last cell", got.min, got.max)
	case got.sum.less(product(got.n, got.min)) || product(got.n, got.max).less(got.sum):
		return errors.New("histogram: the sum is not between count x min and count x max")
	}
	*h = got
	return nil
}

func product(n int64, v uint64) uint128 {
	hi, lo := bits.Mul64(uint64(n), v)
	return uint128{hi, lo}
}
