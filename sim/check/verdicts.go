package check

import (
	"fmt"
	"slices"
	"strings"
)

// Verdicts promises how well the backend judges what devices detected. Agreement is with the reference classifier; Missed and
// FalseAlarms are against the planted truth, where that is known, and so is Precision. A bound with a percentage is
// on the share, one with a plain number on how many. A nil bound promises nothing.
type Verdicts struct {
	Agreement   *Bound
	Missed      *Bound
	FalseAlarms *Bound
	Precision   *Bound
	AtLeast     int // with fewer verdicts the check is inconclusive
}

func (v *Verdicts) evaluate(f Facts) Outcome {
	m := &f.Verdicts.Matrix
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
	proof = append(proof, hollow...)
	if untold := m.Untold(); untold > 0 && v.truthful() {
		proof = append(proof, fmt.Sprintf("the truth of %s judged is not known", FormatCount(untold)))
	}
	if without := m.Total() - judged; without > 0 {
		proof = append(proof, fmt.Sprintf("%s detections without a verdict", FormatCount(without)))
	}
	switch {
	case judged < int64(v.AtLeast):
		o.Result = Inconclusive
		proof = slices.Insert(proof, 0, fmt.Sprintf("only %s verdicts, the check needs %s", FormatCount(judged), FormatCount(int64(v.AtLeast))))
	case o.Result == Pass && len(hollow) > 0:
		o.Result = Inconclusive
	}
	o.Evidence = strings.Join(proof, "; ")
	return o
}

// part is one promise of Verdicts beside the figure it is held against.
type part struct {
	name  string
	bound *Bound
	Proportion
}

func (v *Verdicts) parts(m *VerdictMatrix) (parts []part) {
	truth := m.AgainstTruth()
	for _, p := range [...]part{
		{"agreement", v.Agreement, m.AgainstReference().Agreement()}, {"missed", v.Missed, truth.Missed()},
		{"false alarms", v.FalseAlarms, truth.FalseAlarms()}, {"precision", v.Precision, truth.Precision()},
	} {
		if p.bound != nil {
			parts = append(parts, p)
		}
	}
	return parts
}

// truthful reports whether a promise is about the truth.
func (v *Verdicts) truthful() bool {
	return v.Missed != nil || v.FalseAlarms != nil || v.Precision != nil
}
