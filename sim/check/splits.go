package check

import (
	"maps"
	"slices"
	"time"

	"drover/sim/event"
	"drover/sim/measure"
)

// Votes counts detections by the truth (benign, malicious, unknown), by the reference's verdict (benign, malicious) and by what the
// backend says (benign, malicious, nothing).
type Votes [3][2][3]int64

func (v *Votes) add(d *Detection, backend event.Category) {
	v[side(d.Truth)][side(d.Reference)][side(backend)]++
}

// Merge adds what another one has counted.
func (v *Votes) Merge(other *Votes) {
	for t := range v {
		for r := range v[t] {
			for b, n := range other[t][r] {
				v[t][r][b] += n
			}
		}
	}
}

// Total is how many detections there are.
func (v *Votes) Total() (n int64) {
	for t := range v {
		for r := range v[t] {
			n += v[t][r][0] + v[t][r][1] + v[t][r][2]
		}
	}
	return n
}

// Judged is how many of them the backend judged.
func (v *Votes) Judged() (n int64) {
	for t := range v {
		for r := range v[t] {
			n += v[t][r][0] + v[t][r][1]
		}
	}
	return n
}

// AgainstTruth is how the backend's verdicts stand to the truth, where that is known.
func (v *Votes) AgainstTruth() (c Confusion) {
	for r := range v[0] {
		c.TN += v[0][r][0]
		c.FP += v[0][r][1]
		c.FN += v[1][r][0]
		c.TP += v[1][r][1]
	}
	return c
}

// AgainstReference is how the backend's verdicts stand to the reference's, whatever the truth.
func (v *Votes) AgainstReference() (c Confusion) {
	for t := range v {
		c.TN += v[t][0][0]
		c.FP += v[t][0][1]
		c.FN += v[t][1][0]
		c.TP += v[t][1][1]
	}
	return c
}

// Splits are the backend's verdicts by phase, by tenant and by response time. Their memory does not grow with the run. They are owned
// by one goroutine.
type Splits struct {
	Phases  []Votes // by index of the phase
	Own     []int   // tenants that are counted apart, by index; the same slice in all that are merged
	Tenants []Votes // by place in Own, and last all the others
	Bands   map[measure.Band]*Votes
}

// NewSplits returns splits that have counted nothing. own is only read.
func NewSplits(phases int, own []int) *Splits {
	return &Splits{Phases: make([]Votes, phases), Own: own, Tenants: make([]Votes, len(own)+1), Bands: make(map[measure.Band]*Votes)}
}

// Add counts a detection with the backend's verdict, event.Unknown for none, in an answer with this response time.
func (s *Splits) Add(phase, tenant int, response time.Duration, d *Detection, backend event.Category) {
	s.Phases[phase].add(d, backend)
	at := slices.Index(s.Own, tenant)
	if at < 0 {
		at = len(s.Own)
	}
	s.Tenants[at].add(d, backend)
	s.band(measure.BandOf(response)).add(d, backend)
}

func (s *Splits) band(b measure.Band) *Votes {
	v := s.Bands[b]
	if v == nil {
		v = new(Votes)
		s.Bands[b] = v
	}
	return v
}

// Merge adds what another one of the same run has counted.
func (s *Splits) Merge(other *Splits) {
	for i := range s.Phases {
		s.Phases[i].Merge(&other.Phases[i])
	}
	for i := range s.Tenants {
		s.Tenants[i].Merge(&other.Tenants[i])
	}
	for b, v := range other.Bands {
		s.band(b).Merge(v)
	}
}

// Tenth is the detections of about a tenth of all, by the response time of the upload that they came in.
type Tenth struct {
	Number   int           // 1 to 10; 1 is the fastest
	From, To time.Duration // From <= response time < To
	Votes
}

// Tenths divides the detections by response time, the fastest first. What is known of a response time is the band that it lies in, of less
// than 0.8 % of its value; a band goes as a whole to the tenth in which its middle detection lies. So tenths differ in size
// where many answers took as long as each other, and one in which no band has its middle is left out.
func (s *Splits) Tenths() (tenths []Tenth) {
	var total, before int64
	for _, v := range s.Bands {
		total += v.Total()
	}
	for _, b := range slices.Sorted(maps.Keys(s.Bands)) {
		v := s.Bands[b]
		n := v.Total()
		number := 1 + int((before+n/2)*10/total)
		before += n
		from, to := b.Range()
		if k := len(tenths); k == 0 || tenths[k-1].Number != number {
			tenths = append(tenths, Tenth{Number: number, From: from})
		}
		last := &tenths[len(tenths)-1]
		last.To = to
		last.Merge(v)
	}
	return tenths
}

// Slowest holds the last of some tenths against all the others.
type Slowest struct {
	Tenth
	Rest Votes
	// Chance is how likely the slowest agree with the reference this seldom, or more seldom, although the response time has
	// nothing to do with it: Fisher's exact test, one-sided.
	Chance float64
}

// mustFall is the chance below which a fall is none.
const mustFall = 0.001

// SlowestOf compares; ok is false when there is nothing to compare.
func SlowestOf(tenths []Tenth) (s Slowest, ok bool) {
	if len(tenths) < 2 {
		return s, false
	}
	last := len(tenths) - 1
	s.Tenth = tenths[last]
	for i := range tenths[:last] {
		s.Rest.Merge(&tenths[i].Votes)
	}
	slow, rest := s.AgainstReference().Agreement(), s.Rest.AgainstReference().Agreement()
	if slow.Of == 0 || rest.Of == 0 {
		return s, false
	}
	s.Chance = slow.ByChance(rest)
	return s, true
}

// Falls reports whether verdicts get worse when answers get slow. The reference tells: sites that are harder to judge, and came when the
// backend was slow, are as hard for it.
func (s *Slowest) Falls() bool { return s.Chance < mustFall }
