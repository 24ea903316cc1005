package check

import (
	"fmt"
	"math"
	"strings"
)

const (
	categories = 5 // as event.NumCategories; category 0 is benign, all others are malicious
	noVerdict  = categories
)

// VerdictMatrix counts detections by the truth that was planted, by the embedded reference classifier's verdict and by
// the backend's: m[truth][reference][backend]. The indices are those of event.Category, 0 being benign; backend index 5
// counts the answers in which the backend gave no verdict or did not know.
type VerdictMatrix [categories][categories][categories + 1]int64

// Proportion is N of Of.
type Proportion struct{ N, Of int64 }

// Share is N/Of, or 0 when there is nothing to divide by.
func (p Proportion) Share() float64 {
	if p.Of == 0 {
		return 0
	}
	return float64(p.N) / float64(p.Of)
}

// Wilson is the 95 % score interval of the proportion: with n = Of, p = N/Of and z = 1.959964, it is
// (p + z^2/2n ± z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). Without samples it is 0 to 1.
// Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212.
func (p Proportion) Wilson() (low, high float64) {
	if p.Of == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	n, share := float64(p.Of), p.Share()
	centre := share + z*z/(2*n)
	half := z * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	low, high = (centre-half)/scale, (centre+half)/scale
	// At the ends the interval touches 0 or 1 exactly; only rounding says otherwise.
	if p.N == 0 {
		low = 0
	}
	if p.N == p.Of {
		high = 1
	}
	return low, high
}

// Total is how many detections were counted, with or without a verdict of the backend.
func (m *VerdictMatrix) Total() int64 {
	return m.sum(func(_, _ int) bool { return true }) + m.unjudged()
}

// Judged is how many of them the backend judged.
func (m *VerdictMatrix) Judged() int64 { return m.sum(func(_, _ int) bool { return true }) }

// Agreement is in how many of the judged ones the backend and the reference agree on malicious or benign. Which kind of
// threat they see is not compared: the categories of two products seldom match.
func (m *VerdictMatrix) Agreement() Proportion {
	return Proportion{m.sum(func(ref, backend int) bool { return (ref == 0) == (backend == 0) }), m.Judged()}
}

// Missed is how many of the judged ones that are malicious to the reference the backend calls benign.
func (m *VerdictMatrix) Missed() Proportion {
	return Proportion{
		m.sum(func(ref, backend int) bool { return ref != 0 && backend == 0 }),
		m.sum(func(ref, _ int) bool { return ref != 0 }),
	}
}

// FalseAlarms is how many of the judged ones that are benign to the reference the backend calls malicious.
func (m *VerdictMatrix) FalseAlarms() Proportion {
	return Proportion{
		m.sum(func(ref, backend int) bool { return ref == 0 && backend != 0 }),
		m.sum(func(ref, _ int) bool { return ref == 0 }),
	}
}

// sum adds up what the backend judged and want picks, over all truths.
func (m *VerdictMatrix) sum(want func(reference, backend int) bool) (n int64) {
	for truth := range m {
		for ref := range m[truth] {
			for backend := range noVerdict {
				if want(ref, backend) {
					n += m[truth][ref][backend]
				}
			}
		}
	}
	return n
}

func (m *VerdictMatrix) unjudged() (n int64) {
	for truth := range m {
		for ref := range m[truth] {
			n += m[truth][ref][noVerdict]
		}
	}
	return n
}

// Verdicts promises how well the backend's verdicts match the reference classifier's. A bound with a percentage is on
// the share, one with a plain number on how many. A nil bound promises nothing.
type Verdicts struct {
	Agreement   *Bound
	Missed      *Bound
	FalseAlarms *Bound
	AtLeast     int // with fewer verdicts the check is inconclusive
}

func (v *Verdicts) evaluate(f Facts) Outcome {
	m := &f.Verdicts
	judged := m.Judged()
	parts := v.parts(m)
	var wants []string
	for _, p := range parts {
		wants = append(wants, p.name+" "+p.bound.String())
	}
	if v.AtLeast > 0 {
		wants = append(wants, fmt.Sprintf("at least %s judged", FormatCount(int64(v.AtLeast))))
	}
	o := Outcome{Want: strings.Join(wants, ", "), Samples: judged}
	switch {
	case m.Total() == 0:
		return empty(o.Want, "detections", f)
	case judged == 0:
		o.Result = NotChecked
		o.Evidence = fmt.Sprintf("the backend gave no verdict on any of %s detections", FormatCount(m.Total()))
		return o
	}

	o.Result = Pass
	var gots, proof, hollow []string
	for _, p := range parts {
		if p.Of == 0 {
			hollow = append(hollow, fmt.Sprintf("%s: 0 verdicts to count among", p.name))
			continue
		}
		held := passIf(p.bound.holdsOf(p.N, p.Of))
		if held == Fail {
			o.Result = Fail
		}
		low, high := p.Wilson()
		if p.bound.Unit == Share {
			gots = append(gots, p.name+" "+share(p.Share(), *p.bound, held))
		} else {
			gots = append(gots, p.name+" "+FormatCount(p.N))
		}
		proof = append(proof, fmt.Sprintf("%s %s of %s (95%% interval %s to %s)", p.name, FormatCount(p.N), FormatCount(p.Of),
			FormatShare(low), FormatShare(high)))
	}
	o.Got = strings.Join(gots, ", ")
	o.Evidence = strings.Join(append(proof, hollow...), "; ")
	if without := m.unjudged(); without > 0 {
		o.Evidence += fmt.Sprintf("; %s detections without a verdict", FormatCount(without))
	}
	switch {
	case judged < int64(v.AtLeast):
		o.Result = Inconclusive
		o.Evidence = fmt.Sprintf("only %s verdicts, the check needs %s; %s", FormatCount(judged), FormatCount(int64(v.AtLeast)), o.Evidence)
	case o.Result == Pass && len(hollow) > 0:
		o.Result = Inconclusive
	}
	o.Evidence = strings.TrimSuffix(o.Evidence, "; ")
	return o
}

// part is one promise of Verdicts beside the figure it is held against.
type part struct {
	name  string
	bound *Bound
	Proportion
}

func (v *Verdicts) parts(m *VerdictMatrix) (parts []part) {
	for _, p := range [...]part{
		{"agreement", v.Agreement, m.Agreement()}, {"missed", v.Missed, m.Missed()}, {"false alarms", v.FalseAlarms, m.FalseAlarms()},
	} {
		if p.bound != nil {
			parts = append(parts, p)
		}
	}
	return parts
}
