package check

import (
	"math"

	"drover/sim/event"
)

// VerdictMatrix counts detections by the truth that was planted, by the embedded reference classifier's verdict and by
// the backend's: m[truth][reference][backend]. The indices are those of event.Category, 0 being benign; truth
// event.Unknown counts sites about which nobody knows the truth, backend event.Unknown the answers in which the backend gave no
// verdict or did not know.
type VerdictMatrix [event.Unknown + 1][event.NumCategories][event.Unknown + 1]int64

// votes are the same detections by whether each of the three says malicious or benign. Which kind of threat the backend sees is not
// compared: the categories of two products seldom match.
func (m *VerdictMatrix) votes() (v Votes) {
	for truth := range m {
		for ref := range m[truth] {
			for backend, n := range m[truth][ref] {
				v[side(event.Category(truth))][side(event.Category(ref))][side(event.Category(backend))] += n
			}
		}
	}
	return v
}

// Total is how many detections were counted, with or without a verdict of the backend.
func (m *VerdictMatrix) Total() int64 {
	v := m.votes()
	return v.Total()
}

// Judged is how many of them the backend judged.
func (m *VerdictMatrix) Judged() int64 {
	v := m.votes()
	return v.Judged()
}

// Untold is how many of the judged ones have no known truth.
func (m *VerdictMatrix) Untold() int64 {
	v := Votes{2: m.votes()[2]}
	return v.Judged()
}

// AgainstTruth is how the backend's verdicts stand to the truth, where that is known.
func (m *VerdictMatrix) AgainstTruth() Confusion {
	v := m.votes()
	return v.AgainstTruth()
}

// AgainstReference is how the backend's verdicts stand to the reference's, whatever the truth.
func (m *VerdictMatrix) AgainstReference() Confusion {
	v := m.votes()
	return v.AgainstReference()
}

// OneAgainstRest is how one category stands to the truth, where that is known: TP are the detections that are of it and are called so, FN
// those that are of it and are called anything else, FP those that are called so and are not.
func (m *VerdictMatrix) OneAgainstRest(of event.Category) (c Confusion) {
	for truth := range event.NumCategories {
		for ref := range m[truth] {
			for said := range event.NumCategories {
				n := m[truth][ref][said]
				switch {
				case truth == of && said == of:
					c.TP += n
				case truth == of:
					c.FN += n
				case said == of:
					c.FP += n
				default:
					c.TN += n
				}
			}
		}
	}
	return c
}

// Disagreements counts the judged ones in which the backend and the reference disagree on malicious or benign, by truth
// (benign, malicious, unknown) and by the reference's verdict (benign, malicious). Where truth and reference differ, the backend
// was right.
func (m *VerdictMatrix) Disagreements() (d [3][2]int64) {
	for truth, by := range m.votes() {
		for ref, said := range by {
			d[truth][ref] = said[1-ref]
		}
	}
	return d
}

// Judgements counts the judged ones, whether backend and reference agree or not, as Disagreements counts those of them in which
// they do not.
func (m *VerdictMatrix) Judgements() (d [3][2]int64) {
	for truth, by := range m.votes() {
		for ref, said := range by {
			d[truth][ref] = said[0] + said[1]
		}
	}
	return d
}

// side is 0 for benign, 1 for malicious and 2 for unknown.
func side(c event.Category) int {
	switch c {
	case event.Benign:
		return 0
	case event.Unknown:
		return 2
	}
	return 1
}

// Confusion counts verdicts that are malicious or benign against what should have been said.
type Confusion struct{ TP, FP, FN, TN int64 }

// Recall is how many of what is malicious are called so.
func (c Confusion) Recall() Proportion { return Proportion{c.TP, c.TP + c.FN} }

// Missed is how many of what is malicious are called benign.
func (c Confusion) Missed() Proportion { return Proportion{c.FN, c.TP + c.FN} }

// Precision is how many of what is called malicious are.
func (c Confusion) Precision() Proportion { return Proportion{c.TP, c.TP + c.FP} }

// FalseAlarms is how many of what is benign are called malicious.
func (c Confusion) FalseAlarms() Proportion { return Proportion{c.FP, c.FP + c.TN} }

// Agreement is how many of all are called what they should be.
func (c Confusion) Agreement() Proportion { return Proportion{c.TP + c.TN, c.TP + c.FP + c.FN + c.TN} }

// MCC is Matthews' correlation coefficient, (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)): 1 is right always, 0 no better
// than chance, -1 wrong always. ok is false where it is not defined: when one of the sums is 0.
// Source: B. W. Matthews, Biochimica et Biophysica Acta 405 (1975), 442-451.
func (c Confusion) MCC() (v float64, ok bool) {
	tp, fp, fn, tn := float64(c.TP), float64(c.FP), float64(c.FN), float64(c.TN)
	d := math.Sqrt(tp+fp) * math.Sqrt(tp+fn) * math.Sqrt(tn+fp) * math.Sqrt(tn+fn)
	if d == 0 {
		return 0, false
	}
	return (tp*tn - fp*fn) / d, true
}

// MCCInterval is the 95 % interval of MCC by the delta method on Fisher's scale. With r = MCC, n verdicts, p_i the shares of the four cells
// and g_i the derivative of r by p_i, it is tanh(atanh r ± z sqrt((sum p_i g_i^2 - (sum p_i g_i)^2) / n) / (1 - r^2)), z = 1.959964.
// ok is false where MCC is not defined, and where it is 1 or -1: then this says nothing of how far the truth may be from it.
// Source: Y. Itaya, J. Tamura, K. Hayashi, K. Yamamoto, Asymptotic properties of Matthews correlation coefficient, Statistics in
// Medicine 44 (2025), doi 10.1002/sim.10303.
func (c Confusion) MCCInterval() (low, high float64, ok bool) {
	r, ok := c.MCC()
	if !ok || math.Abs(r) > 1-1e-12 {
		return 0, 0, false
	}
	n := float64(c.TP + c.FP + c.FN + c.TN)
	tp, fp, fn, tn := float64(c.TP)/n, float64(c.FP)/n, float64(c.FN)/n, float64(c.TN)/n
	said, is, isNot, saidNot := tp+fp, tp+fn, tn+fp, tn+fn
	d := math.Sqrt(said * is * isNot * saidNot)
	var mean, square float64
	for _, cell := range [...]struct{ p, top, a, b float64 }{
		{tp, tn, said, is}, {fp, -fn, said, isNot}, {fn, -fp, is, saidNot}, {tn, tp, isNot, saidNot},
	} {
		g := cell.top/d - r/2*(1/cell.a+1/cell.b)
		mean += cell.p * g
		square += cell.p * g * g
	}
	half := z95 * math.Sqrt(max(0, square-mean*mean)/n) / (1 - r*r)
	return math.Tanh(math.Atanh(r) - half), math.Tanh(math.Atanh(r) + half), true
}
