package report

import (
	_ "embed" // the parts of the page
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

var (
	//go:embed assets/compare.html.tmpl
	comparePageSource string
	//go:embed assets/compare.js
	comparePageJS string
)

var comparePage = template.Must(template.New("compare").Parse(comparePageSource))

// compareHead is a head on the page.
type compareHead struct {
	Title, Sentence, Sign, Class, Method string
	Rows                                 []compareRow
	Notes                                []string
}

type compareRow struct {
	Metric, Base, Head, Change, Interval string
	Finding                              Finding
	Gated, TooMuch                       bool
}

type compareRun struct{ Side, ID, Started, Target, Version, Machine string }

// compareData is what the page's script draws, a column for each side, the base first; as chartData.
type compareData struct {
	Sides   []string      `json:"sides"`
	Phases  []chartPhase  `json:"phases"`
	Changes []chartChange `json:"changes"`
	Curve   struct {
		X     []float64    `json:"x"`
		Sides [][]*float64 `json:"sides"`
	} `json:"curve"`
	Time struct {
		At    []float64    `json:"at"`
		Sides [][]*float64 `json:"sides"`
	} `json:"time"`
}

// CompareHTML writes a comparison as one file that needs nothing else, as HTML does a run.
func CompareHTML(w io.Writer, c *Comparison) error {
	css, js := plotCSS+"\n"+pageCSS, script(comparePageJS)
	sign, _ := mark(c.Result())
	var heads []compareHead
	runs := compareRuns(c.Base)
	sides := []Side{c.Base}
	for i := range c.Versus {
		v := &c.Versus[i]
		sentence, result := c.outcome(v)
		h := compareHead{Title: v.title(c), Sentence: sentence, Class: resultClass(result), Method: v.Method.words(), Notes: v.Notes}
		h.Sign, _ = mark(result)
		for _, d := range v.Differences {
			h.Rows = append(h.Rows, compareRow{d.Metric, d.unit.show(d.Base), d.unit.show(d.Head), d.change(), d.interval(), d.Finding, d.Gated, d.TooMuch})
		}
		heads = append(heads, h)
		runs = append(runs, compareRuns(v.Head)...)
		sides = append(sides, v.Head)
	}
	var out strings.Builder
	err := comparePage.Execute(&out, struct {
		C         *Comparison
		CSP, Sign string
		CSS       template.CSS
		JS        template.JS
		Heads     []compareHead
		Runs      []compareRun
		Data      compareData
	}{c, policy(css, js), sign, template.CSS(css), template.JS(js), heads, runs, compareChart(sides)})
	if err != nil {
		return err
	}
	_, err = turns.WriteString(w, out.String())
	return err
}

func compareRuns(s Side) (rows []compareRun) {
	for _, r := range s.Runs {
		target := r.Target.URL
		if r.Target.Embedded {
			target = "embedded backend"
		}
		rows = append(rows, compareRun{s.Name, r.ID, r.Started.UTC().Format(time.RFC3339), target, r.Drover.Version, machine(r)})
	}
	return rows
}

// compareChart puts the sides beside each other. What a side's runs differ in is shown by their median.
func compareChart(sides []Side) (d compareData) {
	first := sides[0].Runs[0]
	d.Phases, d.Changes = chartPhases(first), chartChanges(first)
	var curves, times []map[float64][]float64
	for _, s := range sides {
		d.Sides = append(d.Sides, s.Name)
		curve, time := map[float64][]float64{}, map[float64][]float64{}
		for _, r := range s.Runs {
			for _, p := range r.Latency.Response.Curve {
				if p.Q < 1 {
					curve[1/(1-max(0, p.Q))] = append(curve[1/(1-max(0, p.Q))], float64(p.NS))
				}
			}
			for _, p := range r.Timeline {
				if p.Response.Count > 0 {
					time[float64(p.FromNS)/1e9] = append(time[float64(p.FromNS)/1e9], float64(p.Response.P99NS))
				}
			}
		}
		curves, times = append(curves, curve), append(times, time)
	}
	d.Curve.X, d.Curve.Sides = align(curves)
	d.Time.At, d.Time.Sides = align(times)
	return d
}

// align returns the keys of all columns in order, and the medians of each column at them; nil where a column has none.
func align(columns []map[float64][]float64) (keys []float64, medians [][]*float64) {
	all := map[float64]bool{}
	for _, c := range columns {
		for k := range c {
			all[k] = true
		}
	}
	keys = slices.AppendSeq([]float64{}, maps.Keys(all))
	slices.Sort(keys)
	for _, c := range columns {
		col := make([]*float64, len(keys))
		for i, k := range keys {
			if v := c[k]; len(v) > 0 {
				col[i] = millis(int64(median(v)), 1)
			}
		}
		medians = append(medians, col)
	}
	return keys, medians
}
