package classify

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/net/publicsuffix"
)

// Overlap writes how many registrable domains two sets have, and how many both. Where there is any the second is no test of a model
// that learnt from the first.
func Overlap(w io.Writer, train, dev []Example) error {
	a, b := domains(train), domains(dev)
	both := 0
	for d := range b {
		if a[d] {
			both++
		}
	}
	_, err := fmt.Fprintf(w, "registrable domains    %d to learn from, %d in dev, %d in both\n", len(a), len(b), both)
	return err
}

// domains are the registrable domains of a set, with what hosters have put on the Public Suffix List; a host without one stands for
// itself.
func domains(set []Example) map[string]bool {
	all := map[string]bool{}
	var buf [maxURL]byte
	for _, e := range set {
		a := parse(&buf, []byte(e.URL), "")
		d, err := publicsuffix.EffectiveTLDPlusOne(string(a.host))
		if err != nil {
			d = string(a.host)
		}
		all[d] = true
	}
	return all
}

const (
	leakAUC  = 0.98
	leakRows = 50 // of each class, below which an area under the curve says little
)

// leak is the warning about a group of URLs whose figures are too good, and empty when they are not.
func leak(by, group string, rows []scored) string {
	sides := map[string][2]int{} // of each source, benign and malicious
	var total [2]int
	for _, r := range rows {
		i := btoi(r.Malicious)
		n := sides[sourceOf(r.Example)]
		n[i]++
		total[i]++
		sides[sourceOf(r.Example)] = n
	}
	area := auc(rows)
	if total[0] < leakRows || total[1] < leakRows || !(area > leakAUC) {
		return ""
	}
	one := 0
	for _, n := range sides {
		if n[0] == 0 || n[1] == 0 {
			one += n[0] + n[1]
		}
	}
	text := fmt.Sprintf("warning: %s %s: AUC %.4f, which is a leak until proven otherwise", by, group, area)
	if share := float64(one) / float64(len(rows)); share > 0.5 {
		text += fmt.Sprintf("; %.0f %% of these URLs come from sources of one class only, so what tells the sources apart tells the label", 100*share)
	}
	return text + "\n"
}

// minHeldOut is how many URLs of dev a source must have, of either class, to be held out by itself.
const minHeldOut = 100

// HoldOut writes what a model is worth on sources that it did not learn from. Each source in turn is left out in training, and its URLs
// in dev are told from dev's of the other class, beside what a model makes of them that learnt from all. Then a quarter of all
// sources at a time is left out and judged by itself, which is nearest to URLs of other sources. A source has often one kind of
// threat, or one kind of harmless site, so this is a lower bound. Last, each source is given a label by lot, which says nothing about
// the world: what a model that learnt these is worth on dev is how well sources are told apart by how they look. It trains a model
// for each line: that takes minutes.
func HoldOut(w io.Writer, train, dev []Example) error {
	sizes := map[string]int{}
	for _, e := range dev {
		sizes[sourceOf(e)]++
	}
	names := slices.Sorted(maps.Keys(sizes))
	full := learn(train, func(Example) bool { return true })
	if _, err := fmt.Fprintf(w, "\n%-22s %8s %10s %10s %10s %10s %10s %10s\n", "left out", "urls", "host AUC", "learnt", "path AUC", "learnt", "R@1% host", "R@1% path"); err != nil {
		return err
	}
	line := func(name string, m *Model, pick func(Example) bool) error {
		var cells [2][3]string
		urls := 0
		for i, path := range []bool{false, true} {
			area := func(m *Model) (float64, float64) {
				var rows []scored
				for _, e := range dev {
					if pick(e) && (formOf(e) != "host") == path {
						rows = append(rows, scored{Example: e, score: m.scoreOf(e.URL)})
					}
				}
				urls += len(rows)
				order(rows)
				if a := auc(rows); !math.IsNaN(a) {
					return a, recallAt(rows, 0.01)
				}
				return math.NaN(), math.NaN() // one class only
			}
			a, recall := area(m)
			b, _ := area(full)
			cells[i] = [3]string{figure(a), figure(b), figure(recall)}
		}
		_, err := fmt.Fprintf(w, "%-22s %8d %10s %10s %10s %10s %10s %10s\n", name, urls/2, cells[0][0], cells[0][1], cells[1][0], cells[1][1], cells[0][2], cells[1][2])
		return err
	}
	for _, name := range names {
		if sizes[name] < minHeldOut {
			continue
		}
		var has [2]bool
		for _, e := range dev {
			if sourceOf(e) == name {
				has[btoi(e.Malicious)] = true
			}
		}
		m := learn(train, func(e Example) bool { return sourceOf(e) != name })
		if err := line(name, m, func(e Example) bool {
			return sourceOf(e) == name || has[0] != has[1] && !has[btoi(e.Malicious)]
		}); err != nil {
			return err
		}
	}
	for k := range 4 {
		held := map[string]bool{}
		for i, name := range names {
			held[name] = i%4 == k
		}
		m := learn(train, func(e Example) bool { return !held[sourceOf(e)] })
		if err := line(fmt.Sprintf("quarter %d", k+1), m, func(e Example) bool { return held[sourceOf(e)] }); err != nil {
			return err
		}
	}
	return lots(w, train, dev)
}

// numLots is how often labels are drawn.
const numLots = 5

// lots writes what models are worth that learnt labels drawn by lot, one for each source and class.
func lots(w io.Writer, train, dev []Example) error {
	if _, err := fmt.Fprintf(w, "\n%-22s %8s %10s %10s\n", "labels by lot", "bad", "host AUC", "path AUC"); err != nil {
		return err
	}
	type kind struct {
		source    string
		malicious bool
	}
	of := func(e Example) kind { return kind{sourceOf(e), e.Malicious} }
	var kinds []kind
	seen := map[kind]bool{}
	for _, e := range train {
		if k := of(e); !seen[k] {
			seen[k], kinds = true, append(kinds, k)
		}
	}
	slices.SortFunc(kinds, func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.source, b.source), btoi(a.malicious)-btoi(b.malicious))
	})
	for n := range numLots {
		r := rand.New(rand.NewPCG(uint64(n), 7))
		lot := map[kind]bool{}
		for i, k := range r.Perm(len(kinds)) { // half of them, so that there are both
			lot[kinds[k]] = i%2 == 0
		}
		labelled := func(set []Example) []Example {
			set = slices.Clone(set)
			for i := range set {
				set[i].Malicious = lot[of(set[i])]
			}
			return set
		}
		m := learn(labelled(train), func(Example) bool { return true })
		var rows [2][]scored
		bad := 0
		for _, e := range labelled(dev) {
			i := btoi(formOf(e) != "host")
			rows[i] = append(rows[i], scored{Example: e, score: m.scoreOf(e.URL)})
			bad += btoi(e.Malicious)
		}
		order(rows[0])
		order(rows[1])
		if _, err := fmt.Fprintf(w, "%-22d %8d %10s %10s\n", n+1, bad, figure(auc(rows[0])), figure(auc(rows[1]))); err != nil {
			return err
		}
	}
	return nil
}

// learn is a model for scores alone, of the examples that keep picks.
func learn(train []Example, keep func(Example) bool) *Model {
	var set []Example
	for _, e := range train {
		if keep(e) {
			set = append(set, e)
		}
	}
	m, w, bias := fitted(set)
	m.head.Step, m.head.Bias = quantise(m.weights[:], w), float64(bias)
	return m
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
