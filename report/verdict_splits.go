package report

import (
	"fmt"

	"drover/sim/check"
	"drover/sim/measure"
)

// VerdictCounts is what the backend made of some of the detections.
type VerdictCounts struct {
	Total     int64     `json:"total"`
	Judged    int64     `json:"judged"` // of them with a verdict
	Truth     Judgement `json:"against_truth"`
	Reference Judgement `json:"against_reference"`
}

// PhaseVerdicts is the verdicts of one phase.
type PhaseVerdicts struct {
	Phase string `json:"phase"`
	VerdictCounts
}

// TenantVerdicts is the verdicts on one tenant's detections, or on those of several.
type TenantVerdicts struct {
	Tenant  string `json:"tenant"`  // "other": all that are not counted apart
	Tenants int    `json:"tenants"` // how many these are: 1, or of "other" how many there are
	VerdictCounts
}

// TimedVerdicts is the verdicts that came in answers of about the same response time.
type TimedVerdicts struct {
	Tenth  int   `json:"tenth"`   // 1 to 10, the fastest first; where many answers took as long as each other some are missing, and others are larger
	FromNS int64 `json:"from_ns"` // response times from here
	ToNS   int64 `json:"to_ns"`   // to below here
	VerdictCounts
}

// SlowVerdicts says that verdicts got worse when answers got slow.
type SlowVerdicts struct {
	Measure string  `json:"measure"` // of Slow and Rest: "recall", of what is malicious in truth, or "agreement" with the reference
	FromNS  int64   `json:"from_ns"` // the slowest are those from this response time on
	Of      Share   `json:"of"`      // how many of all detections these are
	Slow    Share   `json:"slow"`
	Rest    Share   `json:"rest"`
	Chance  float64 `json:"chance"` // of agreement so low among the slowest by bad luck alone: Fisher's exact test, one-sided; below 0.001
}

// Split adds the verdicts by phase, tenant and response time.
func (v *Verdicts) Split(s *check.Splits, names *measure.Names) {
	for i := range s.Phases {
		if s.Phases[i].Total() > 0 {
			v.ByPhase = append(v.ByPhase, PhaseVerdicts{names.Phases[i].Name, verdictCounts(&s.Phases[i])})
		}
	}
	for i := range s.Tenants {
		row := TenantVerdicts{measure.OtherTenant, len(names.Tenants) - len(s.Own), verdictCounts(&s.Tenants[i])}
		if i < len(s.Own) {
			row.Tenant, row.Tenants = names.Tenants[s.Own[i]], 1
		}
		if row.Total > 0 {
			v.ByTenant = append(v.ByTenant, row)
		}
	}
	tenths := s.Tenths()
	for i := range tenths {
		t := &tenths[i]
		v.ByResponse = append(v.ByResponse, TimedVerdicts{t.Number, int64(t.From), int64(t.To), verdictCounts(&t.Votes)})
	}
	if slow, ok := check.SlowestOf(tenths); ok && slow.Falls() {
		v.Slowest = slowVerdicts(&slow)
	}
}

func verdictCounts(v *check.Votes) VerdictCounts {
	return VerdictCounts{Total: v.Total(), Judged: v.Judged(), Truth: judgementOf(v.AgainstTruth()), Reference: judgementOf(v.AgainstReference())}
}

// slowVerdicts tells the fall by what is missed, where that shows it.
func slowVerdicts(s *check.Slowest) *SlowVerdicts {
	n := s.Total()
	out := &SlowVerdicts{FromNS: int64(s.From), Of: shareOf(check.Proportion{N: n, Of: n + s.Rest.Total()}), Chance: s.Chance}
	slow, rest := s.AgainstTruth().Recall(), s.Rest.AgainstTruth().Recall()
	out.Measure = "recall"
	if slow.Of == 0 || slow.Share() >= rest.Share() {
		slow, rest = s.AgainstReference().Agreement(), s.Rest.AgainstReference().Agreement()
		out.Measure = "agreement"
	}
	out.Slow, out.Rest = shareOf(slow), shareOf(rest)
	return out
}

// sentence is the fall in words, without a full stop; "" when there is none.
func (s *SlowVerdicts) sentence() string {
	if s == nil {
		return ""
	}
	which := "the slowest " + ratio(s.Of.N, s.Of.Of)
	if s.Of.N*1000 >= 75*s.Of.Of && s.Of.N*1000 < 125*s.Of.Of {
		which = "the slowest tenth"
	}
	return fmt.Sprintf("verdicts fall when answers are slow: of %s (from %s), %s is %s (%s in the rest)", which, dur(s.FromNS), s.Measure,
		ratio(s.Slow.N, s.Slow.Of), ratio(s.Rest.N, s.Rest.Of))
}

// fewVerdicts is how many it takes for the shares and intervals of a row to be shown, where no check says how few prove nothing.
const fewVerdicts = 20

// guard is how many verdicts each of a table's rows needs for its shares and intervals to be shown: its part of those that a check asks
// for of the whole, and fewVerdicts at the least unless the check is content with less of the whole. A check that asks for one only asks for
// nothing.
func (v *Verdicts) guard(rows int) int64 {
	if v.AtLeast <= 1 || rows == 0 {
		return fewVerdicts
	}
	return max(min(v.AtLeast, fewVerdicts), (v.AtLeast+int64(rows)-1)/int64(rows))
}

// guarded says of a table's rows when they have no figures.
func (v *Verdicts) guarded(rows int) string {
	s := fmt.Sprintf("rows of fewer than %s have no figures", plural(v.guard(rows), "verdict", "verdicts"))
	if v.AtLeast > 1 && rows > 1 {
		s += fmt.Sprintf(" (a check asks for %s in all)", count(v.AtLeast))
	}
	return s
}

// verdictSplits are the tables by tenth of response time, by phase and by tenant, where there is more than one row of them.
func verdictSplits(v *Verdicts) (list []grid) {
	table := func(rows int, caption string, first ...string) grid {
		return grid{
			Caption: fmt.Sprintf("%s. Agreement is with the reference, the others against the truth; %s", caption, v.guarded(rows)),
			Head:    append(first, "detections", "judged", "found / missed / false alarms / rightly benign", "agreement", "recall", "precision", "MCC"),
		}
	}
	t := table(len(v.ByResponse), "By response time, the fastest tenth first: detections by the response time of their upload, counted in bands of 0.8 %, each as a whole in one tenth. "+
		"A backend that has no time left and says benign shows at the end", "Tenth", "response time")
	for _, row := range v.ByResponse {
		t.Rows = append(t.Rows, row.cells(v.guard(len(v.ByResponse)), fmt.Sprint(row.Tenth), dur(row.FromNS)+" to "+dur(row.ToNS)))
	}
	p := table(len(v.ByPhase), "By phase", "Phase")
	for _, row := range v.ByPhase {
		p.Rows = append(p.Rows, row.cells(v.guard(len(v.ByPhase)), row.Phase))
	}
	n := table(len(v.ByTenant), "By tenant, those with the most devices apart", "Tenant")
	for _, row := range v.ByTenant {
		name := row.Tenant
		if name == measure.OtherTenant {
			name = plural(int64(row.Tenants), "other", "others")
		}
		n.Rows = append(n.Rows, row.cells(v.guard(len(v.ByTenant)), name))
	}
	for _, g := range []grid{t, p, n} {
		if len(g.Rows) > 1 {
			list = append(list, g)
		}
	}
	return list
}

func (c *VerdictCounts) cells(guard int64, first ...string) []string {
	j := &c.Truth
	row := append(first, count(c.Total), count(c.Judged), fmt.Sprintf("%s / %s / %s / %s", count(j.TP), count(j.FN), count(j.FP), count(j.TN)))
	if c.Judged < guard {
		return append(row, "–", "–", "–", "–")
	}
	return append(row, interval(c.Reference.Agreement), interval(j.Recall), interval(j.Precision), j.mcc())
}

// mcc writes Matthews' coefficient with its interval.
func (j *Judgement) mcc() string {
	switch {
	case j.MCC == nil:
		return "–"
	case j.MCCLow == nil || j.MCCHigh == nil:
		return fmt.Sprintf("%.3f", *j.MCC)
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f)", *j.MCC, *j.MCCLow, *j.MCCHigh)
}
