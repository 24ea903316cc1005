package report

import (
	"fmt"

	"drover/sim/check"
)

// grid is a small table; its first column names the rows, the others hold numbers.
type grid struct {
	Words   bool // or words
	Caption string
	Head    []string
	Rows    [][]string
}

// verdictSummary holds the backend against the truth and against the reference, a row each.
func verdictSummary(v *Verdicts) grid {
	g := grid{Caption: "The backend's verdicts, malicious or benign, with 95 % Wilson intervals", Head: []string{"against", "judged", "agreement", "recall", "precision", "MCC"}}
	for _, side := range []struct {
		name string
		j    *Judgement
	}{{"truth", &v.Truth}, {"reference", &v.Reference}} {
		j := side.j
		g.Rows = append(g.Rows, []string{side.name, count(j.TP + j.FP + j.FN + j.TN), interval(j.Agreement), interval(j.Recall), interval(j.Precision), j.mcc()})
	}
	if v.Judged < v.AtLeast {
		g.Caption += fmt.Sprintf(". A check asks for at least %s judged: these are too few to prove anything", count(v.AtLeast))
	}
	return g
}

// verdictMatrices are the two confusion matrices by category.
func verdictMatrices(v *Verdicts) []grid {
	if len(v.Categories) != len(v.Matrix[0]) { // of another drover
		return nil
	}
	columns := append(append([]string{""}, v.Categories...), "no verdict")
	truth := grid{Caption: "Detections by the planted truth (rows) and the backend's verdict (columns)", Head: append([]string{"Truth"}, columns[1:]...)}
	ref := grid{Caption: "Detections by the reference classifier's verdict (rows) and the backend's (columns)", Head: append([]string{"Reference"}, columns[1:]...)}
	for t := range v.Matrix {
		row := []string{"unknown"}
		if t < len(v.Categories) {
			row[0] = v.Categories[t]
		}
		for b := range v.Matrix[t][0] {
			var n int64
			for r := range v.Matrix[t] {
				n += v.Matrix[t][r][b]
			}
			row = append(row, count(n))
		}
		truth.Rows = append(truth.Rows, row)
	}
	for r := range v.Matrix[0] {
		row := []string{v.Categories[r]}
		for b := range v.Matrix[0][r] {
			var n int64
			for t := range v.Matrix {
				n += v.Matrix[t][r][b]
			}
			row = append(row, count(n))
		}
		ref.Rows = append(ref.Rows, row)
	}
	return []grid{truth, ref}
}

// verdictDetails are the tables behind the summary: disagreements, categories, patterns, and sites that turned malicious.
func verdictDetails(v *Verdicts) (list []grid) {
	d := grid{Caption: "Where backend and reference disagree, of those judged: by the truth (rows) and the reference's verdict (columns), with 95 % Wilson intervals. Where those two differ the backend is right",
		Head: []string{"Truth", "reference: benign", "reference: malicious"}}
	for i, name := range [...]string{"harmless", "malicious", "unknown"} {
		row := []string{name}
		for ref, n := range v.Disagreements[i] {
			row = append(row, among(n, v.Judgements[i][ref]))
		}
		d.Rows = append(d.Rows, row)
	}
	if v.disagreements() > 0 {
		list = append(list, d)
	}
	if len(v.Disputes) > 0 {
		list = append(list, disputeGrid(v))
	}
	c := grid{Caption: "By category of the truth: called malicious of whatever kind, and called just this; of those called so, how many are, and Matthews' coefficient of this category against all others; " +
		v.guarded(len(v.ByCategory)),
		Head: []string{"Category", "detections", "judged", "called malicious", "called so", "are so", "MCC"}}
	for _, row := range v.ByCategory {
		cells := []string{row.Category, count(row.Total), count(row.Judged), "–", "–", "–", "–"}
		if row.Judged >= v.guard(len(v.ByCategory)) {
			cells = append(cells[:3], interval(row.Found), interval(row.Named), interval(row.Rest.Precision), row.Rest.mcc())
		}
		c.Rows = append(c.Rows, cells)
	}
	p := grid{Caption: "By pattern of the site. The model alone is what the reference's rules and model find of such sites by the host, without a list: what to expect of a classifier that only reads names",
		Head: []string{"Pattern", "easy or hard", "detections", "judged", "found of malicious", "model alone"}}
	for _, row := range v.Patterns {
		difficulty, model := "easy", "–"
		if row.Hard {
			difficulty = "hard"
		}
		if row.ModelRecall >= 0 {
			model = check.FormatShare(row.ModelRecall)
		}
		p.Rows = append(p.Rows, []string{row.Pattern, difficulty, count(row.Total), count(row.Judged), interval(row.Found), model})
	}
	l := grid{Caption: "Sites that turned malicious during the run, by how long ago", Head: []string{"Age", "judged", "found of malicious"}}
	for _, row := range v.Late {
		age := "older"
		if row.BelowNS > 0 {
			age = "below " + dur(row.BelowNS)
		}
		l.Rows = append(l.Rows, []string{age, count(row.Judged), interval(row.Found)})
	}
	for _, g := range []grid{c, p, l} {
		if len(g.Rows) > 0 {
			list = append(list, g)
		}
	}
	return append(list, verdictSplits(v)...)
}

// devicesSentence says what devices detected of what they visited, or "".
func devicesSentence(v *Verdicts) string {
	m := v.Visits.Malicious
	if m.Of == 0 {
		return ""
	}
	s := fmt.Sprintf("devices detected %s of %s", count(m.N), plural(m.Of, "malicious visit", "malicious visits"))
	if v.Visits.Harmless > 0 {
		s += fmt.Sprintf(" and %s", plural(v.Visits.Harmless, "harmless one", "harmless ones"))
	}
	if u := v.Visits.Unknown; u.Of > 0 {
		s += fmt.Sprintf("; of %s the truth is not known", plural(u.Of, "visit", "visits"))
	}
	return s
}

// disagreements is on how many the backend and the reference disagree.
func (v *Verdicts) disagreements() (n int64) {
	for _, row := range v.Disagreements {
		n += row[0] + row[1]
	}
	return n
}

// among writes how many of how many, with the interval of the share.
func among(n, of int64) string {
	if of == 0 { // or a document of an earlier drover, which did not say of how many
		return count(n)
	}
	low, high := check.Proportion{N: n, Of: of}.Wilson()
	return fmt.Sprintf("%s of %s (%s to %s)", count(n), count(of), check.FormatShare(low), check.FormatShare(high))
}

// disputeGrid are the examples.
func disputeGrid(v *Verdicts) grid {
	g := grid{Words: true,
		Caption: "Some of the detections about which the backend disagrees with the reference or with the truth on malicious or benign, with the reference's reasons",
		Head:    []string{"Site", "pattern", "truth", "reference", "backend", "the reference's reasons", "device", "seq", "event"}}
	for _, d := range v.Disputes {
		if d.Hard {
			d.Pattern = "hard " + d.Pattern
		}
		if !d.HostSent {
			d.Backend += ", host not sent"
		}
		g.Rows = append(g.Rows, []string{d.URL, d.Pattern, d.Truth, d.Reference, d.Backend, d.Reasons, fmt.Sprint(d.Device), fmt.Sprint(d.Seq), d.Event})
	}
	return g
}

// interval writes a share with how many it is of and its interval.
func interval(s Share) string {
	if s.Of == 0 {
		return "–"
	}
	return fmt.Sprintf("%s of %s (%s to %s)", ratio(s.N, s.Of), count(s.Of), check.FormatShare(s.Low), check.FormatShare(s.High))
}
