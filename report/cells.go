package report

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"drover/sim/measure"
)

// Cells is a small histogram of durations, ascending. In run.json it is one text, "1043:5 1051:17": five durations of at
// most 1,043 ns and 17 more of at most 1,051 ns. A list of numbers would take a line for each of them, and a long run has a
// quarter of a million.
type Cells []Cell

// Cell is N durations that do not exceed UpToNS, and come to within 0.8 % of it.
type Cell struct{ UpToNS, N int64 }

func cellsOf(heat []measure.Heat) Cells {
	cells := make(Cells, len(heat))
	for i, h := range heat {
		cells[i] = Cell{int64(h.To) - 1, h.N}
	}
	return cells
}

// MarshalJSON writes the text.
func (c Cells) MarshalJSON() ([]byte, error) {
	b := []byte{'"'}
	for i, cell := range c {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, cell.UpToNS, 10)
		b = append(b, ':')
		b = strconv.AppendInt(b, cell.N, 10)
	}
	return append(b, '"'), nil
}

// UnmarshalJSON reads the text. It is an error if a cell is not above the one before it, or counts nothing.
func (c *Cells) UnmarshalJSON(src []byte) error {
	var text string
	if err := json.Unmarshal(src, &text); err != nil {
		return fmt.Errorf("cells: %w", err)
	}
	words := strings.Fields(text)
	out := make(Cells, len(words))
	last := int64(-1)
	for i, w := range words {
		to, n, ok := strings.Cut(w, ":")
		cell := &out[i]
		var err, err2 error
		cell.UpToNS, err = strconv.ParseInt(to, 10, 64)
		cell.N, err2 = strconv.ParseInt(n, 10, 64)
		if !ok || err != nil || err2 != nil || cell.UpToNS <= last || cell.N < 1 {
			return fmt.Errorf("cells: %.40q: want ns:count, ascending", w)
		}
		last = cell.UpToNS
	}
	*c = out
	return nil
}
