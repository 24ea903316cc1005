package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"drover/sim/check"
)

// Outcome says in a sentence what the comparison of the first head is worth.
func (c *Comparison) Outcome() (string, check.Result) { return c.outcome(&c.Versus[0]) }

// CompareText writes a comparison for a terminal: a table for each head, and what follows from it.
func CompareText(w io.Writer, c *Comparison, opt TextOptions) error {
	var b strings.Builder
	put := func(l line) {
		cut := math.MaxInt
		if opt.Width > 0 {
			cut = max(40, opt.Width)
		}
		l.render(&b, cut, opt.Color)
		b.WriteByte('\n')
	}
	for i, v := range c.Versus {
		if i > 0 {
			b.WriteByte('\n')
		}
		var l line
		l.add(bold, c.Scenario)
		l.add(plain, ": "+v.title(c))
		put(l)
		l = line{}
		l.add(faint, v.Method.words())
		put(l)
		put(nil)
		l = line{}
		l.add(faint, fmt.Sprintf("  %-15s%10s%10s%10s   %-20s", "", "base", "head", "change", "95 % interval"))
		put(l)
		for _, d := range v.Differences {
			put(d.line())
		}
		for _, n := range v.Notes {
			for _, piece := range wrap(n, 78) {
				l = line{}
				l.add(yellow, "  "+piece)
				put(l)
			}
		}
		put(nil)
		l = line{}
		sentence, result := c.outcome(&v)
		sign, look := mark(result)
		l.add(look, sign+" ")
		l.add(plain, sentence)
		put(l)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line is a row of the table.
func (d *Difference) line() line {
	var l line
	look := plain
	switch {
	case d.TooMuch:
		look = loud
	case d.Finding == Worse:
		look = red
	case d.Finding == Better:
		look = green
	case d.Finding == TooFew:
		look = faint
	}
	l.add(plain, fmt.Sprintf("  %-15s%10s%10s", d.Metric, d.unit.show(d.Base), d.unit.show(d.Head)))
	l.add(look, fmt.Sprintf("%10s   %-20s  %s", d.change(), d.interval(), d.Finding))
	return l
}

func (d *Difference) change() string {
	if math.IsNaN(d.Change) {
		return "–"
	}
	return d.signed(d.Change)
}

func (d *Difference) interval() string {
	if math.IsNaN(d.Low) {
		return "–"
	}
	return d.signed(d.Low) + " to " + d.signed(d.High)
}

// String is the metric, its change and its interval, e.g. "response p99 +4.1% (-1.0% to +9.3%)".
func (d *Difference) String() string {
	return fmt.Sprintf("%s %s (%s)", d.Metric, d.change(), d.interval())
}

// signed writes a change with its sign and one decimal; of shares in percentage points.
func (d *Difference) signed(v float64) string {
	unit := "%"
	if d.difference {
		unit = "pp"
	}
	s := fmt.Sprintf("%+.1f", 100*v)
	if d.difference {
		s = fmt.Sprintf("%+.2f", 100*v)
	}
	if strings.Trim(s, "+-0.") == "" {
		s = strings.TrimLeft(s, "+-")
	}
	return s + unit
}

// title says who is held against whom.
func (v *Versus) title(c *Comparison) string {
	return fmt.Sprintf("%s (%s) against %s (%s)", v.Head.Name, plural(int64(len(v.Head.Runs)), "run", "runs"),
		c.Base.Name, plural(int64(len(c.Base.Runs)), "run", "runs"))
}

// words says how the method works, in a sentence.
func (m Method) words() string {
	if m == ByRanks {
		return "each run is a sample: Hodges-Lehmann estimates with exact rank intervals, each row at 95 % by itself"
	}
	return "time blocks inside the runs are samples: circular block bootstrap, each row at 95 % by itself"
}

// outcome is what follows for one head, as a sentence and as the result of a check.
func (c *Comparison) outcome(v *Versus) (sentence string, result check.Result) {
	var worse, better, undecided []string
	gated := 0
	for _, d := range v.Differences {
		if d.TooMuch {
			worse = append(worse, fmt.Sprintf("%s is worse by at least %s", d.Metric, strings.TrimLeft(d.signed(d.atLeastWorse()), "+")))
		}
		if d.Finding == Better {
			better = append(better, d.Metric)
		}
		if d.Gated {
			gated++
			if d.Finding == TooFew {
				undecided = append(undecided, d.Metric)
			}
		}
	}
	allowed := ""
	if c.Within > 0 {
		allowed = " beyond the " + check.FormatShare(c.Within) + " that are allowed"
	}
	switch {
	case len(worse) > 0:
		return "regression" + allowed + ": " + strings.Join(worse, ", "), check.Fail
	case len(undecided) == gated:
		return "nothing can be said: too few samples", check.Inconclusive
	}
	sentence = "no regression found" + allowed
	if len(better) > 0 {
		sentence += "; better: " + strings.Join(better, ", ")
	}
	if len(undecided) > 0 {
		sentence += "; too few samples of: " + strings.Join(undecided, ", ")
	}
	return sentence, check.Pass
}

// CompareMarkdown writes a comparison for a pull request.
func CompareMarkdown(w io.Writer, c *Comparison) error {
	var b strings.Builder
	for _, v := range c.Versus {
		sentence, result := c.outcome(&v)
		sign, _ := mark(result)
		fmt.Fprintf(&b, "## %s %s: %s\n\n%s\n\n", sign, md(c.Scenario), md(v.title(c)), md(sentence))
		b.WriteString("| metric | base | head | change | 95 % interval | |\n|---|---:|---:|---:|---|---|\n")
		for _, d := range v.Differences {
			mdRow(&b, d.Metric, d.unit.show(d.Base), d.unit.show(d.Head), d.change(), d.interval(), string(d.Finding))
		}
		fmt.Fprintf(&b, "\n<sub>%s</sub>\n", md(v.Method.words()))
		for _, n := range v.Notes {
			fmt.Fprintf(&b, "\n> **Note** %s\n", md(n))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// CompareJSON writes a comparison for programs. What could not be computed is null.
func CompareJSON(w io.Writer, c *Comparison) error {
	type row struct {
		Metric  string   `json:"metric"`
		Base    *float64 `json:"base"` // durations in ns, rates per second, shares as fractions
		Head    *float64 `json:"head"`
		Change  *float64 `json:"change"`
		Low     *float64 `json:"low"`
		High    *float64 `json:"high"`
		Points  bool     `json:"difference"` // change is head - base; else head / base - 1
		Finding Finding  `json:"finding"`
		Gated   bool     `json:"gated"`
		TooMuch bool     `json:"regression"`
	}
	type head struct {
		Head   string   `json:"head"`
		Runs   []string `json:"runs"`
		Method Method   `json:"method"`
		Rows   []row    `json:"metrics"`
		Notes  []string `json:"notes"`
	}
	doc := struct {
		Schema     string       `json:"schema"`
		Scenario   string       `json:"scenario"`
		Base       string       `json:"base"`
		Runs       []string     `json:"runs"`
		Confidence float64      `json:"confidence"`
		Within     float64      `json:"within"`
		Result     check.Result `json:"result"`
		Heads      []head       `json:"heads"`
	}{"drover.comparison/v1", c.Scenario, c.Base.Name, ids(c.Base), Confidence, c.Within, c.Result(), nil}
	finite := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	for _, v := range c.Versus {
		h := head{Head: v.Head.Name, Runs: ids(v.Head), Method: v.Method, Notes: v.Notes}
		list(&h.Notes)
		for _, d := range v.Differences {
			h.Rows = append(h.Rows, row{d.Metric, finite(d.Base), finite(d.Head), finite(d.Change), finite(d.Low), finite(d.High),
				d.difference, d.Finding, d.Gated, d.TooMuch})
		}
		doc.Heads = append(doc.Heads, h)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

func ids(s Side) (list []string) {
	for _, r := range s.Runs {
		list = append(list, r.ID)
	}
	return list
}
