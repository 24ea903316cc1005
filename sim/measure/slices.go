package measure

import (
	"slices"
	"sort"
	"time"
)

// MaxSlices is how many slices a run may have: Key.Slice counts them.
const MaxSlices = 256

// Slice is a stretch of a run, from From until the next one begins. Selectors pick uploads by the windows that the
// slice of their intended start lies in.
type Slice struct {
	From time.Duration // offset from the run's start
	In   []string      // names of the windows
}

// NamedWindow is a stretch of a run that selectors know by its name.
type NamedWindow struct {
	Name     string
	From, To time.Duration // offsets from the run's start, From <= offset < To
}

// Cut divides a run into slices at the ends of windows: the first from its start on, the last without end. With no windows
// there is one slice in none of them.
func Cut(windows []NamedWindow) []Slice {
	cuts := []time.Duration{0}
	for _, w := range windows {
		cuts = append(cuts, w.From, w.To)
	}
	slices.Sort(cuts)
	var list []Slice
	for _, from := range slices.Compact(cuts) {
		s := Slice{From: from}
		for _, w := range windows {
			if w.From <= from && from < w.To {
				s.In = append(s.In, w.Name)
			}
		}
		list = append(list, s)
	}
	return list
}

// SliceAt is the index of the slice that an offset from the run's start lies in.
func (n *Names) SliceAt(offset time.Duration) uint8 {
	if len(n.Slices) < 2 {
		return 0
	}
	return uint8(max(0, sort.Search(len(n.Slices), func(i int) bool { return n.Slices[i].From > offset })-1))
}

// picks reports whether a slice is what s asks for.
func (n *Names) picks(slice int, s *Selector) bool {
	if len(s.Outside) == 0 && len(s.During) == 0 {
		return true
	}
	var in []string
	if slice < len(n.Slices) {
		in = n.Slices[slice].In
	}
	has := func(name string) bool { return slices.Contains(in, name) }
	return !slices.ContainsFunc(s.Outside, has) && (len(s.During) == 0 || slices.ContainsFunc(s.During, has))
}

// Overlap is how much of the time from an offset to another one a selector's windows leave. took is how long the time between two offsets
// was; nil: their difference.
func (n *Names) Overlap(s *Selector, from, to time.Duration, took func(from, to time.Duration) time.Duration) (sum time.Duration) {
	if took == nil {
		took = func(from, to time.Duration) time.Duration { return max(0, to-from) }
	}
	if len(n.Slices) == 0 && n.picks(0, s) {
		return took(from, to)
	}
	for i := range n.Slices {
		begin, end := max(from, n.Slices[i].From), to
		if i+1 < len(n.Slices) {
			end = min(to, n.Slices[i+1].From)
		}
		if n.picks(i, s) {
			sum += took(begin, end)
		}
	}
	return sum
}
