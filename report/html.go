package report

import (
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"drover/sim/check"
)

var (
	//go:embed assets/report.html.tmpl
	pageSource string
	//go:embed assets/report.css
	pageCSS string
	//go:embed assets/chart.js
	chartJS string
	//go:embed assets/report.js
	pageJS string
	//go:embed assets/uPlot.iife.min.js
	plotJS string
	//go:embed assets/uPlot.min.css
	plotCSS string
	//go:embed assets/uPlot.LICENSE
	plotLicence string
)

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"dur": dur, "clock": func(ns int64) string { return clock(time.Duration(ns)) }, "n": count, "n64": func(n int) string { return count(int64(n)) }, "size": size, "cpu": cpu,
	"class":   resultClass,
	"word":    known,
	"sign":    func(r check.Result) string { s, _ := mark(r); return s },
	"differs": Kind.differs, "stored": storedText, "cutShort": cutShort, "eventsApart": eventsApart,
	"when":  when,
	"cores": func(n int) string { return plural(int64(n), "core", "cores") },
}).Parse(pageSource))

// HTML writes the report as one file that needs nothing else: styles, scripts, charts and data are inside it. Its content
// security policy allows those very styles and scripts by their digests and nothing from anywhere, so it opens offline and
// nothing that a scenario or a backend put into the data can run.
func HTML(w io.Writer, r *Run) error { return renderPage(w, r, nil) }

// renderPage writes the page of a run that is over, or with live of one under way.
func renderPage(w io.Writer, r *Run, live *LivePage) error {
	css := plotCSS + "\n" + pageCSS
	js := script(pageJS)
	sign, _ := mark(r.Result)
	underWay := live != nil && !live.Over
	if underWay {
		sign = "▶"
	}
	csp := ""
	if live != nil {
		js += liveJS
		csp = "; connect-src 'self'"
	}
	timeline, step := thin(r.Timeline, maxTimelineRows)
	caption := "Each interval of the run, all phases; times are by intended start"
	if step > 1 {
		caption = fmt.Sprintf("One interval in %d of the run; run.json has all", step)
	}
	var out strings.Builder
	err := page.Execute(&out, struct {
		R                                     *Run
		Live                                  *LivePage
		UnderWay                              bool
		CSP, Sign, Class                      string
		Verdict, Load, Again, Divergence      string
		Started, StartedText, TimelineCaption string
		MeasuredNS                            int64
		CSS                                   template.CSS
		JS                                    template.JS
		Tiles, VerdictTiles                   []tile
		Charts                                []figure
		CurveRows                             []curveRow
		Timeline                              []Point
		Tables                                []table
		SeriesTables                          []seriesTable
		VerdictGrids                          []grid
		VerdictNote, VerdictFall              string
		Data                                  chartData
	}{
		R: r, Live: live, UnderWay: underWay, Sign: sign, Class: resultClass(r.Result), Verdict: verdictOf(r), Load: loadLine(r), Again: again(r),
		Divergence: divergence(r), Started: r.Started.UTC().Format(time.RFC3339),
		StartedText: r.Started.UTC().Format("2 January 2006, 15:04:05 UTC"), TimelineCaption: caption, MeasuredNS: measuredNS(r),
		CSP: policy(css, js) + csp,
		CSS: template.CSS(css), JS: template.JS(js),
		Tiles: tiles(r), VerdictTiles: verdictTiles(r.Verdicts), Charts: figures(r), CurveRows: curveRows(r), Timeline: timeline,
		Tables: tables(r), SeriesTables: seriesTables(r), VerdictGrids: verdictGrids(r.Verdicts), VerdictNote: verdictNote(r.Verdicts), VerdictFall: verdictFall(r.Verdicts), Data: chart(r),
	})
	if err != nil {
		return err
	}
	_, err = turns.WriteString(w, out.String())
	return err
}

// script is a page's script with all that it needs.
func script(page string) string {
	return "/*! uPlot\n" + plotLicence + "*/\n" + plotJS + "\n" + chartJS + page
}

// policy is the content security policy of a page with these styles and this script.
func policy(css, js string) string {
	return "default-src 'none'; script-src " + digest(js) + "; style-src " + digest(css) + "; base-uri 'none'; form-action 'none'"
}

// digest is a CSP source that allows exactly this text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// resultClass is a result as a CSS class.
func resultClass(r check.Result) string { return strings.ReplaceAll(string(known(r)), " ", "-") }

// turns are the characters that change the direction of all text after them, and so could show a name backwards.
// Source: Unicode Standard Annex 9, section 2 (Unicode 16.0, 2024).
var turns = strings.NewReplacer("\u061c", "\ufffd", "\u200e", "\ufffd", "\u200f", "\ufffd", "\u202a", "\ufffd", "\u202b", "\ufffd",
	"\u202c", "\ufffd", "\u202d", "\ufffd", "\u202e", "\ufffd", "\u2066", "\ufffd", "\u2067", "\ufffd", "\u2068", "\ufffd", "\u2069", "\ufffd")

// maxTimelineRows keeps the page light: a row is about 300 bytes.
const maxTimelineRows = 600

// thin takes every step-th point, so that at most most remain.
func thin(points []Point, most int) (rows []Point, step int) {
	step = max(1, (len(points)+most-1)/most)
	for i := 0; i < len(points); i += step {
		rows = append(rows, points[i])
	}
	return rows, step
}
