package check

import (
	"fmt"
	"strings"

	"drover/sim/measure"
)

// Generator promises that the harness itself kept up, with uploads and look-ups, in all measured phases together. A nil member promises nothing.
type Generator struct {
	SendLag  *Expectation // of metric send_lag
	Dropped  *int64       // uploads never sent, at most
	Achieved *Bound       // uploads sent, of those due: their share, or with a plain number how many
}

func (g *Generator) evaluate(f Facts) Outcome {
	s := f.Totals.Select(measure.Selector{})
	for _, op := range measure.LookUps() { // the harness sends them, too
		asked := f.Totals.Select(measure.Selector{Op: op.String()})
		s.Add(&asked)
	}
	var wants []string
	if g.SendLag != nil {
		wants = append(wants, "send_lag "+g.SendLag.String())
	}
	if g.Dropped != nil {
		wants = append(wants, fmt.Sprintf("dropped <= %d", *g.Dropped))
	}
	if g.Achieved != nil {
		wants = append(wants, "achieved "+g.Achieved.String())
	}
	o := Outcome{Want: strings.Join(wants, ", "), Result: Pass, Samples: s.Due}
	if s.Due == 0 {
		return empty(o.Want, "uploads", f)
	}
	var gots []string
	if g.SendLag != nil {
		lag := judge("send_lag", *g.SendLag, &s, f, 0)
		o.worsen(lag.Result)
		if lag.Got != "" {
			gots = append(gots, "send_lag "+lag.Got)
		}
	}
	if g.Dropped != nil {
		o.worsen(passIf(s.Dropped <= *g.Dropped))
		gots = append(gots, "dropped "+FormatCount(s.Dropped))
	}
	if g.Achieved != nil {
		held := passIf(g.Achieved.holdsOf(s.Sent, s.Due))
		o.worsen(held)
		if g.Achieved.Unit == Share {
			gots = append(gots, "achieved "+share(float64(s.Sent)/float64(s.Due), *g.Achieved, held))
		} else {
			gots = append(gots, "achieved "+FormatCount(s.Sent))
		}
	}
	o.Got = strings.Join(gots, ", ")
	o.Evidence = fmt.Sprintf("%s of %s uploads due were sent, %s dropped", FormatCount(s.Sent), FormatCount(s.Due), FormatCount(s.Dropped))
	if s.SendLag.Count() > 0 {
		o.Evidence += fmt.Sprintf("; send lag median %s, p99 %s, max %s",
			FormatDuration(s.SendLag.Quantile(0.5)), FormatDuration(s.SendLag.Quantile(0.99)), FormatDuration(s.SendLag.Max()))
	}
	return o
}

// worsen keeps the worse of two results.
func (o *Outcome) worsen(r Result) {
	if severity(r) > severity(o.Result) {
		o.Result = r
	}
}
