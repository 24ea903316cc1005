package report

import (
	"maps"
	"math"
	"slices"
)

// heatColumns is the heat map of response times: N[i] uploads were intended within the i-th of columns At, Step seconds wide,
// and took between 10^(Row/heatRows) and 10^((Row+1)/heatRows) nanoseconds.
type heatColumns struct {
	Step float64   `json:"step"`
	At   []float64 `json:"at"`
	Row  []int     `json:"row"`
	N    []int64   `json:"n"`
}

const (
	heatRows = 8   // per factor of ten: a cell is 33 % high
	heatMost = 240 // columns: more are narrower than a few pixels, and make the page heavy
)

func heatData(r *Run) heatColumns {
	h := heatColumns{At: []float64{}, Row: []int{}, N: []int64{}}
	group := max(1, (len(r.Timeline)+heatMost-1)/heatMost)
	for points := range slices.Chunk(r.Timeline, group) {
		column := map[int]int64{}
		for _, p := range points {
			for _, c := range p.Heat {
				column[int(math.Floor(heatRows*math.Log10(float64(max(1, c.UpToNS)))))] += c.N
			}
		}
		for _, row := range slices.Sorted(maps.Keys(column)) {
			h.At = append(h.At, float64(points[0].FromNS)/1e9)
			h.Row = append(h.Row, row)
			h.N = append(h.N, column[row])
		}
		h.Step = max(h.Step, float64(int64(group)*points[0].WidthNS)/1e9)
	}
	return h
}
