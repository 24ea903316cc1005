package behavior

import (
	"drover/sim/classify"
	"drover/sim/event"
)

// Expectation is what a classifier makes of sites of one pattern and difficulty, as shares of Samples sites that nobody has on a
// list: of malicious patterns its recall, of benign ones its false alarms.
type Expectation struct {
	Pattern event.Pattern
	Hard    bool    // of benign patterns always false: they have no difficulty
	ByHost  Flagged // seen as an unsupervised device and a backend see it: the host alone
	ByURL   Flagged // seen as a supervised device sees it
}

// Flagged is the share of sites that are found malicious, and of those that are at least suspicious.
type Flagged struct{ Malicious, Suspicious float64 }

// Samples is how many sites of each sort Expect looks at. The standard error of a share is 1.6 percentage points at most.
const Samples = 1000

// Expect asks a classifier about sites of every pattern and difficulty, the benign ones first. The sites are always the same.
func Expect(c classify.Classifier) (list []Expectation) {
	for p := range event.NumPatterns {
		for _, hard := range []bool{false, true} {
			if p.Malicious() || !hard {
				list = append(list, expect(c, p, hard))
			}
		}
	}
	return list
}

func expect(c classify.Classifier, p event.Pattern, hard bool) Expectation {
	e := Expectation{Pattern: p, Hard: hard}
	var fitting []event.Category
	for category := event.Benign + 1; category < event.NumCategories; category++ {
		if Fits(category, p) {
			fitting = append(fitting, category)
		}
	}
	var url []byte
	for i := range uint64(Samples) {
		var host int
		if p.Malicious() {
			d := newDraws(uint64(p), drawVisit, 4, i)
			url, host = malicious(url[:0], &d, fitting[i%uint64(len(fitting))], p, hard)
		} else {
			url = benign(url[:0], i, 0, p)
			host = len(url)
			d := newDraws(i, drawVisit, 5, uint64(p))
			url = page(url, &d, p)
		}
		e.ByHost.add(c.Classify(url[:host]))
		e.ByURL.add(c.Classify(url))
	}
	for _, f := range []*Flagged{&e.ByHost, &e.ByURL} { // counts until now
		f.Malicious /= Samples
		f.Suspicious /= Samples
	}
	return e
}

func (f *Flagged) add(v classify.Verdict) {
	if v.Malicious() {
		f.Malicious++
	}
	if v.Malicious() || v.Suspicious {
		f.Suspicious++
	}
}
