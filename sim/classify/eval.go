package classify

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"drover/sim/event"
)

// Evaluate writes what the model, and the whole classifier without a list, are worth on labelled URLs: the model's table
// over all of them, then the area under the curve by source, by form of the URL, by depth of the name and by
// stratum.
//
// An area under the curve above .98 makes a warning: on sites that the model has not seen it is too good to be true.
func Evaluate(w io.Writer, m *Model, set []Example) error {
	rows := make([]scored, len(set))
	judge := New(Options{Zone: event.DefaultZone, Model: m})
	for i, e := range set {
		s := m.scoreOf(e.URL)
		v := judge.Classify([]byte(e.URL))
		rows[i] = scored{e, s, float64(m.probability(s)), v}
	}
	order(rows)
	positives := 0
	for _, r := range rows {
		if r.Malicious {
			positives++
		}
	}
	negatives := len(rows) - positives
	if positives == 0 || negatives == 0 {
		return fmt.Errorf("%d malicious and %d benign URLs; an evaluation needs both", positives, negatives)
	}
	fmt.Fprintf(w, "urls                   %d malicious, %d benign\n", positives, negatives)
	fmt.Fprintf(w, "AUC                    %.4f\n", auc(rows))
	fmt.Fprintf(w, "recall at 1 %% FPR      %.4f\n", recallAt(rows, 0.01))
	fmt.Fprintf(w, "recall at 0.1 %% FPR    %.4f\n", recallAt(rows, 0.001))
	even := func(r scored) bool { return r.p >= 0.5 }
	c := confusionOf(rows, even)
	fmt.Fprintf(w, "at p >= 0.5            F1 %.4f, MCC %.4f, recall %.4f, FPR %.5f\n", c.f1(), c.mcc(), c.recall(), c.fpr())
	fmt.Fprintf(w, "calibration error      %.4f (15 bins)\n", ece(rows))
	for _, level := range []struct {
		name string
		at   func(scored) bool
	}{
		{"suspicious threshold", func(r scored) bool { return r.score >= m.head.Suspicious }},
		{"block threshold", func(r scored) bool { return r.score >= m.head.Block }},
		{"rules or model", func(r scored) bool { return r.verdict.Malicious() }},
	} {
		c := confusionOf(rows, level.at)
		fmt.Fprintf(w, "%-22s recall %.4f, FPR %.5f\n", level.name, c.recall(), c.fpr())
	}
	right, known := 0, 0
	for _, r := range rows {
		if r.Malicious && r.Category != 0 && r.score >= m.head.Block && r.verdict.Reasons.Len() > 0 && r.verdict.Reasons.At(0).Rule == ModelRule {
			if known++; r.verdict.Category == r.Category {
				right++
			}
		}
	}
	if known > 0 {
		fmt.Fprintf(w, "kind of threat right   %.4f of %d that the model blocks (a hint)\n", float64(right)/float64(known), known)
	}
	var warnings strings.Builder
	warnings.WriteString(leak("all", "URLs", rows))
	for _, by := range []struct {
		name string
		key  func(Example) string
	}{{"source", sourceOf}, {"form", formOf}, {"labels", depthOf}, {"stratum", func(e Example) string { return e.Stratum }}} {
		if by.name == "stratum" && !slices.ContainsFunc(set, func(e Example) bool { return e.Stratum != "" }) {
			continue
		}
		if err := breakdown(w, &warnings, by.name, by.key, rows, m); err != nil {
			return err
		}
	}
	if warnings.Len() > 0 {
		fmt.Fprint(w, "\n", warnings.String())
	}
	return nil
}

type scored struct {
	Example
	score   int64
	p       float64
	verdict Verdict
}

// order puts the highest scores first.
func order(rows []scored) {
	slices.SortStableFunc(rows, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
}

// auc is the chance that a malicious URL scores higher than a benign one; ties count half. rows are in falling order.
func auc(rows []scored) float64 {
	var above, sum, negatives float64
	for i := 0; i < len(rows); {
		var p, n float64
		j := i
		for ; j < len(rows) && rows[j].score == rows[i].score; j++ {
			if rows[j].Malicious {
				p++
			} else {
				n++
			}
		}
		sum += n * (above + p/2)
		above, negatives, i = above+p, negatives+n, j
	}
	return sum / (above * negatives)
}

// recallAt is the recall at the lowest threshold with at most this share of false positives.
func recallAt(rows []scored, fpr float64) float64 {
	negatives, positives := 0, 0
	for _, r := range rows {
		if r.Malicious {
			positives++
		} else {
			negatives++
		}
	}
	allowed, found, best, wrong := int(fpr*float64(negatives)), 0, 0, 0
	for i, r := range rows {
		if r.Malicious {
			found++
		} else if wrong++; wrong > allowed {
			break
		}
		if i+1 == len(rows) || rows[i+1].score != r.score {
			best = found
		}
	}
	return float64(best) / float64(positives)
}

type confusion struct{ tp, fp, fn, tn float64 }

func confusionOf(rows []scored, positive func(scored) bool) confusion {
	var c confusion
	for _, r := range rows {
		switch said := positive(r); {
		case said && r.Malicious:
			c.tp++
		case said:
			c.fp++
		case r.Malicious:
			c.fn++
		default:
			c.tn++
		}
	}
	return c
}

func (c confusion) recall() float64 { return c.tp / (c.tp + c.fn) }
func (c confusion) fpr() float64    { return c.fp / (c.fp + c.tn) }
func (c confusion) f1() float64     { return 2 * c.tp / (2*c.tp + c.fp + c.fn) }

// mcc is Matthews' correlation coefficient, 0 where it is not defined.
func (c confusion) mcc() float64 {
	d := math.Sqrt((c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn))
	if d == 0 {
		return 0
	}
	return (c.tp*c.tn - c.fp*c.fn) / d
}

// ece is the expected calibration error: the mean distance of probability and share, over 15 bins of equal width.
func ece(rows []scored) float64 {
	const bins = 15
	var p, share [bins]float64
	for _, r := range rows {
		b := min(int(r.p*bins), bins-1)
		p[b] += r.p
		if r.Malicious {
			share[b]++
		}
	}
	var sum float64
	for b := range bins {
		sum += math.Abs(p[b] - share[b])
	}
	return sum / float64(len(rows))
}

func sourceOf(e Example) string {
	name, _, _ := strings.Cut(e.Source, ":")
	return name
}

// formOf is the form that an example has, or the one that its URL is seen to have.
func formOf(e Example) string {
	if e.Form != "" {
		return e.Form
	}
	var buf [maxURL]byte
	a := parse(&buf, []byte(e.URL), dotted(event.DefaultZone))
	switch {
	case bytes.IndexByte(a.path, '?') >= 0:
		return "query"
	case len(a.path) > 0:
		return "path"
	}
	return "host"
}

func depthOf(e Example) string {
	var buf [maxURL]byte
	a := parse(&buf, []byte(e.URL), dotted(event.DefaultZone))
	if literal, _ := a.literal(); literal {
		return "address"
	}
	return fmt.Sprint(min(bytes.Count(a.host, []byte("."))+1, 6))
}

// breakdown prints one line for each value of key. A source has often one class only, so that recall and false positives at
// the suspicious threshold stand where the area under the curve would.
func breakdown(w io.Writer, warnings *strings.Builder, name string, key func(Example) string, rows []scored, m *Model) error {
	groups := map[string][]scored{}
	for _, r := range rows {
		groups[key(r.Example)] = append(groups[key(r.Example)], r)
	}
	if _, err := fmt.Fprintf(w, "\n%-22s %8s %8s %8s %10s %10s\n", name, "bad", "good", "AUC", "recall", "FPR"); err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		g := groups[k]
		c := confusionOf(g, func(r scored) bool { return r.score >= m.head.Suspicious })
		if k == "" {
			k = "none"
		}
		warnings.WriteString(leak(name, k, g))
		if _, err := fmt.Fprintf(w, "%-22s %8.0f %8.0f %8s %10s %10s\n", k, c.tp+c.fn, c.fp+c.tn, figure(auc(g)), figure(c.recall()), figure(c.fpr())); err != nil {
			return err
		}
	}
	return nil
}

// figure is a share, or a dash where it is not defined.
func figure(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.4f", v)
}
