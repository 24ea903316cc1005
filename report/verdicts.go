package report

import (
	"drover/sim/check"
	"drover/sim/event"
)

// Verdicts is what the backend made of the detections, held against the planted truth and, apart from it, against the
// reference classifier that found them.
type Verdicts struct {
	Categories []string            `json:"categories"` // the indices of Matrix; the last truth index is "unknown", the last backend index "no verdict"
	Matrix     check.VerdictMatrix `json:"matrix"`     // [truth][reference][backend]
	Total      int64               `json:"total"`      // detections
	Judged     int64               `json:"judged"`     // of them with a verdict
	Untold     int64               `json:"untold"`     // of them without a known truth
	AtLeast    int64               `json:"at_least"`   // the most judged ones that a check asks for; 0: none is about verdicts

	Agreement  Share `json:"agreement"`    // with the reference
	Missed     Share `json:"missed"`       // of what is malicious in truth
	FalseAlarm Share `json:"false_alarms"` // of what is harmless in truth

	Truth         Judgement     `json:"against_truth"`
	Reference     Judgement     `json:"against_reference"`
	ByCategory    []CategoryRow `json:"by_category"`   // by the category of the truth
	Disagreements [3][2]int64   `json:"disagreements"` // of backend and reference, [truth: benign, malicious, unknown][reference: benign, malicious]
	Judgements    [3][2]int64   `json:"judgements"`    // what Disagreements are of: the judged ones by the same two
	Disputes      []Dispute     `json:"disputes"`      // some detections about which the backend disagrees with the reference or with the truth
	Patterns      []PatternRow  `json:"patterns"`      // those that occurred
	Late          []LateRow     `json:"late"`          // sites that turned malicious during the run; null: there were none

	ByPhase    []PhaseVerdicts  `json:"by_phase"`         // those with detections
	ByTenant   []TenantVerdicts `json:"by_tenant"`        // the tenants with the most devices, and last all others together
	ByResponse []TimedVerdicts  `json:"by_response_time"` // by tenth of response time, the fastest first
	Slowest    *SlowVerdicts    `json:"slowest"`          // null: verdicts do not get worse when answers get slow

	Visits PlantedVisits `json:"planted_visits"`
}

// Dispute is one detection about which the backend disagrees with the reference, or with the truth, on malicious or benign.
type Dispute struct {
	Event     string `json:"event"`
	Device    int    `json:"device"`
	Seq       uint32 `json:"seq"`
	URL       string `json:"url"`       // as the reference on the device saw it: unsupervised devices see the host alone
	HostSent  bool   `json:"host_sent"` // false: privacy kept the host on the device, so that the backend did not see it
	Pattern   string `json:"pattern"`
	Hard      bool   `json:"hard"`
	Truth     string `json:"truth"`
	Reference string `json:"reference"`
	Backend   string `json:"backend"`
	Reasons   string `json:"reasons"` // of the reference, as drover classify shows them; of a listed site also what it would say without its list
}

// Judgement is malicious or benign, against what should have been said.
type Judgement struct {
	TP         int64    `json:"tp"`
	FP         int64    `json:"fp"`
	FN         int64    `json:"fn"`
	TN         int64    `json:"tn"`
	Agreement  Share    `json:"agreement"`
	Recall     Share    `json:"recall"`
	Precision  Share    `json:"precision"`
	FalseAlarm Share    `json:"false_alarms"`
	MCC        *float64 `json:"mcc"`     // Matthews' correlation coefficient; null where it is not defined
	MCCLow     *float64 `json:"mcc_low"` // its 95 % interval; null where there is none: where it is not defined, and where it is 1 or -1
	MCCHigh    *float64 `json:"mcc_high"`
}

// CategoryRow is the detections of one category of the truth.
type CategoryRow struct {
	Category string `json:"category"`
	Total    int64  `json:"total"`
	Judged   int64  `json:"judged"`
	Found    Share  `json:"found"` // called malicious, of whatever kind
	Named    Share  `json:"named"` // called just this category

	Rest Judgement `json:"one_against_rest"` // called just this category or anything else, against the truth, where that is known
}

// PatternRow is the detections of sites of one pattern and difficulty.
type PatternRow struct {
	Pattern string `json:"pattern"`
	Hard    bool   `json:"hard"`
	Total   int64  `json:"total"`
	Judged  int64  `json:"judged"`
	Found   Share  `json:"found"` // of what is malicious in truth
	// ModelRecall is the reference line: the share of such sites that the reference's rules and model find by the host alone, without
	// a list; -1 when nobody asked.
	ModelRecall float64 `json:"model_recall"`
}

// LateRow is the detections of sites that turned malicious during the run, by how long ago.
type LateRow struct {
	BelowNS int64 `json:"below_ns"` // younger than this, in device time; 0: older than all
	Judged  int64 `json:"judged"`
	Found   Share `json:"found"` // of what is malicious in truth
}

// PlantedVisits is how many visits devices made to planted sites, over all phases, and how many they detected: the reference
// against the truth.
type PlantedVisits struct {
	Malicious Share `json:"malicious"` // detected, of the visits to sites that are malicious in truth
	Harmless  int64 `json:"harmless"`  // detected although the site is harmless
	Unknown   Share `json:"unknown"`   // detected, of those to sites about which nobody knows
}

// Visits counts the visits of devices by truth, event.Unknown included, and by the reference's verdict.
type Visits = [event.Unknown + 1][event.NumCategories]int64

// ModelRecall is what the reference finds of sites of a pattern and difficulty by the host alone.
type ModelRecall func(p event.Pattern, hard bool) float64

// FromVerdicts writes what was counted of verdicts as it stands in the document; nil when nothing was detected. recall may be
// nil. Disputes are the caller's to fill.
func FromVerdicts(o *check.Oracle, visits *Visits, recall ModelRecall) *Verdicts {
	m := &o.Matrix
	if m.Total() == 0 {
		return nil
	}
	truth, ref := m.AgainstTruth(), m.AgainstReference()
	v := &Verdicts{
		Matrix: *m, Total: m.Total(), Judged: m.Judged(), Untold: m.Untold(),
		Agreement: shareOf(ref.Agreement()), Missed: shareOf(truth.Missed()), FalseAlarm: shareOf(truth.FalseAlarms()),
		Truth: judgementOf(truth), Reference: judgementOf(ref), Disagreements: m.Disagreements(), Judgements: m.Judgements(), Disputes: []Dispute{},
	}
	for c := range event.NumCategories {
		v.Categories = append(v.Categories, c.String())
		if row := categoryOf(m, c); row.Total > 0 {
			v.ByCategory = append(v.ByCategory, row)
		}
	}
	for p := range event.NumPatterns {
		for hard := range o.Patterns[p] {
			a := &o.Patterns[p][hard]
			if a.Total() == 0 {
				continue
			}
			row := PatternRow{Pattern: p.String(), Hard: hard == 1, Total: a.Total(), Judged: a.Judged(), Found: shareOf(a.Confusion().Recall()), ModelRecall: -1}
			if recall != nil {
				row.ModelRecall = recall(p, hard == 1)
			}
			v.Patterns = append(v.Patterns, row)
		}
	}
	v.Late = lateRows(o)
	var all, found [3]int64
	for t := range visits {
		for c, n := range visits[t] {
			i := 1
			switch event.Category(t) {
			case event.Benign:
				i = 0
			case event.Unknown:
				i = 2
			}
			all[i] += n
			if event.Category(c) != event.Benign {
				found[i] += n
			}
		}
	}
	v.Visits = PlantedVisits{
		Malicious: shareOf(check.Proportion{N: found[1], Of: all[1]}), Harmless: found[0], Unknown: shareOf(check.Proportion{N: found[2], Of: all[2]}),
	}
	return v
}

func judgementOf(c check.Confusion) Judgement {
	j := Judgement{
		TP: c.TP, FP: c.FP, FN: c.FN, TN: c.TN, Agreement: shareOf(c.Agreement()), Recall: shareOf(c.Recall()), Precision: shareOf(c.Precision()),
		FalseAlarm: shareOf(c.FalseAlarms()),
	}
	if mcc, ok := c.MCC(); ok {
		j.MCC = &mcc
	}
	if low, high, ok := c.MCCInterval(); ok {
		j.MCCLow, j.MCCHigh = &low, &high
	}
	return j
}

// categoryOf sums up the detections of one category of the truth.
func categoryOf(m *check.VerdictMatrix, c event.Category) CategoryRow {
	row := CategoryRow{Category: c.String(), Rest: judgementOf(m.OneAgainstRest(c))}
	var found, named int64
	for ref := range m[c] {
		for backend, n := range m[c][ref] {
			row.Total += n
			switch said := event.Category(backend); {
			case said == event.Unknown:
				continue
			case said == c:
				named += n
			}
			row.Judged += n
			if event.Category(backend) != event.Benign {
				found += n
			}
		}
	}
	row.Found, row.Named = shareOf(check.Proportion{N: found, Of: row.Judged}), shareOf(check.Proportion{N: named, Of: row.Judged})
	return row
}

func lateRows(o *check.Oracle) []LateRow {
	var rows []LateRow
	var total int64
	for i := range o.Late {
		a := &o.Late[i]
		row := LateRow{Judged: a.Judged(), Found: shareOf(a.Confusion().Recall())}
		if i < len(check.LateAges) {
			row.BelowNS = int64(check.LateAges[i])
		}
		rows = append(rows, row)
		total += a.Total()
	}
	if total == 0 {
		return nil
	}
	return rows
}

func shareOf(p check.Proportion) Share {
	low, high := p.Wilson()
	return Share{N: p.N, Of: p.Of, Low: low, High: high}
}
