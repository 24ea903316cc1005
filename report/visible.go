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
	return fmt.Sprintf("From the acknowledgement to visible: %s (%s).", quantilesBetween(&v.AtLeast, &v.AtMost), v.Caption())
}

func between(least, most int64) string {
	return check.FormatBetween(time.Duration(least), time.Duration(most))
}

// Sampled is how long some events took from their acknowledgement until the backend showed them, which were looked for while the run went on.
// Each quantile of those that were seen lies between that of AtLeast and that of AtMost.
type Sampled struct {
	AtLeast    Quantiles `json:"at_least"`
	AtMost     Quantiles `json:"at_most"`
	PatienceNS int64     `json:"patience_ns"` // how long each was looked for
	Unseen     int64     `json:"unseen"`      // not shown within that
	Failed     int64     `json:"failed"`      // a look had no answer, or one that could not be understood
	Why        string    `json:"why"`         // the last of these; "" where there was none
	Skipped    int64     `json:"skipped"`     // not looked for, because too many were already
	Cut        int64     `json:"cut"`         // still looked for when the run was interrupted
}

// FromSampled writes what was sampled as it stands in the document.
func FromSampled(s *check.Sampled) *Sampled {
	if s == nil {
		return nil
	}
	return &Sampled{
		AtLeast: QuantilesOf(&s.AtLeast), AtMost: QuantilesOf(&s.AtMost), PatienceNS: int64(s.Patience), Unseen: s.Unseen, Failed: s.Failed,
		Why: s.Why, Skipped: s.Skipped, Cut: s.Cut,
	}
}

// Sentence says all of it; "" when there is nothing to say.
func (s *Sampled) Sentence() string {
	if s == nil {
		return ""
	}
	n := s.AtMost.Count
	text := "Sampled while the run went on: " + plural(n, "event was seen", "events were seen")
	if n > 0 {
		text += ", visible after " + quantilesBetween(&s.AtLeast, &s.AtMost)
	}
	for _, p := range []struct {
		n    int64
		what string
	}{
		{s.Unseen, "not visible within " + dur(s.PatienceNS)}, {s.Failed, "without an answer, e.g. " + s.Why}, {s.Skipped, "not looked for, as too many were already"},
		{s.Cut, "still looked for when the run was interrupted"},
	} {
		if p.n > 0 {
			text += fmt.Sprintf("; %s %s", count(p.n), p.what)
		}
	}
	return text + "."
}

func quantilesBetween(l, m *Quantiles) string {
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s", between(l.P50NS, m.P50NS), between(l.P90NS, m.P90NS), between(l.P99NS, m.P99NS), between(l.MaxNS, m.MaxNS))
}

// lateness says how long late events took; "" when there were none.
func (r *Reconcile) lateness() string {
	if r.Freshness == nil {
		return ""
	}
	return fmt.Sprintf("Late events were shown after p50 %s, p99 %s, max %s at most.", dur(r.Freshness.P50NS), dur(r.Freshness.P99NS), dur(r.Freshness.MaxNS))
}
