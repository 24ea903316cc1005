package check

import (
	"time"

	"drover/sim/event"
)

// Oracle is all that is counted of the backend's verdicts on detections. The zero Oracle has counted nothing. It is owned by one
// goroutine.
type Oracle struct {
	Matrix   VerdictMatrix
	Patterns [event.NumPatterns][2]Answers // sites that are easy to tell, and hard ones
	Late     [len(LateAges) + 1]Answers    // sites that turned malicious during the run, by how long ago; the last is older than all LateAges
}

// LateAges are the bounds of Oracle.Late, in device time.
var LateAges = [...]time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour}

// Answers counts verdicts by truth (benign, malicious, unknown) and by what the backend says (benign, malicious, nothing).
type Answers [3][3]int64

// Detection is what is known about one detection, beside what the backend makes of it.
type Detection struct {
	Truth     event.Category // event.Unknown: nobody knows
	Reference event.Category
	Pattern   event.Pattern
	Hard      bool
	Age       time.Duration // since the site turned malicious; negative: it always was
}

// Add counts a detection with the backend's verdict, event.Unknown for none.
func (o *Oracle) Add(d Detection, backend event.Category) {
	o.Matrix[d.Truth][d.Reference][backend]++
	hard := 0
	if d.Hard {
		hard = 1
	}
	o.Patterns[d.Pattern][hard][side(d.Truth)][side(backend)]++
	if d.Age >= 0 {
		i := 0
		for i < len(LateAges) && d.Age >= LateAges[i] {
			i++
		}
		o.Late[i][side(d.Truth)][side(backend)]++
	}
}

// Merge adds what another one has counted.
func (o *Oracle) Merge(other *Oracle) {
	for t := range o.Matrix {
		for r := range o.Matrix[t] {
			for b, n := range other.Matrix[t][r] {
				o.Matrix[t][r][b] += n
			}
		}
	}
	for p := range o.Patterns {
		for h := range o.Patterns[p] {
			o.Patterns[p][h].merge(&other.Patterns[p][h])
		}
	}
	for i := range o.Late {
		o.Late[i].merge(&other.Late[i])
	}
}

func (a *Answers) merge(other *Answers) {
	for t := range a {
		for b, n := range other[t] {
			a[t][b] += n
		}
	}
}

// Confusion is how they stand to the truth.
func (a *Answers) Confusion() Confusion {
	return Confusion{TP: a[1][1], FP: a[0][1], FN: a[1][0], TN: a[0][0]}
}

// Total is how many there are, and Judged how many of them the backend judged.
func (a *Answers) Total() (n int64) {
	for t := range a {
		for _, c := range a[t] {
			n += c
		}
	}
	return n
}

// Judged is how many the backend judged.
func (a *Answers) Judged() int64 { return a.Total() - a[0][2] - a[1][2] - a[2][2] }
