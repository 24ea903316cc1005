package report

import (
	"fmt"
	"time"

	"drover/sim/check"
)

// Visible is how long events took from their acknowledgement until the backend showed them. The backend is looked at from time to time
// and only after the run, so each quantile lies between that of AtLeast and that of AtMost.
type Visible struct {
	AtLeast Quantiles `json:"at_least"` // until the last look began that did not show the event; 0 where the first look showed it
	AtMost  Quantiles `json:"at_most"`  // until the look was over that first showed it
	AtOnce  int64     `json:"at_once"`  // events that the first look showed
}

func visibleOf(v *check.Visible) *Visible {
	if v == nil {
		return nil
	}
	return &Visible{AtLeast: QuantilesOf(&v.AtLeast), AtMost: QuantilesOf(&v.AtMost), AtOnce: v.AtOnce}
}

// Caption says what the bounds are of, and what they cannot tell.
func (v *Visible) Caption() string {
	n := v.AtMost.Count
	of := plural(n, "event", "events")
	switch v.AtOnce {
	case 0:
		return of
	case n:
		return of + ", all there at the first look, after the run: how much sooner is not known"
	}
	return fmt.Sprintf("%s, %s of them there at the first look, after the run: how much sooner is not known", of, count(v.AtOnce))
}

// Bounds are one side of the bounds.
type Bounds struct {
	Name string
	Quantiles
}

// Rows are the bounds that say something.
func (v *Visible) Rows() []Bounds {
	most := Bounds{"at most", v.AtMost}
	if v.AtLeast.MaxNS == 0 {
		return []Bounds{most}
	}
	return []Bounds{{"at least", v.AtLeast}, most}
}

// Sentence says all of it; "" when there is nothing to say.
func (v *Visible) Sentence() string {
	if v == nil {
		return ""
	}
	l, m := &v.AtLeast, &v.AtMost
	return fmt.Sprintf("From the acknowledgement to visible: p50 %s, p90 %s, p99 %s, max %s (%s).", between(l.P50NS, m.P50NS), between(l.P90NS, m.P90NS),
		between(l.P99NS, m.P99NS), between(l.MaxNS, m.MaxNS), v.Caption())
}

func between(least, most int64) string {
	return check.FormatBetween(time.Duration(least), time.Duration(most))
}

// lateness says how long late events took; "" when there were none.
func (r *Reconcile) lateness() string {
	if r.Freshness == nil {
		return ""
	}
	return fmt.Sprintf("Late events were shown after p50 %s, p99 %s, max %s at most.", dur(r.Freshness.P50NS), dur(r.Freshness.P99NS), dur(r.Freshness.MaxNS))
}
