package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"drover/sim/check"
)

// TextOptions says what the terminal can show. The zero value is plain text for a file: laid out for 80 columns, and
// nothing is cut.
type TextOptions struct {
	Color  bool   // use ANSI colours; the caller respects NO_COLOR
	Width  int    // columns of the terminal; 0 means that there is none, fewer than 40 counts as 40
	Height int    // its lines, of which the summary leaves one to the prompt; 0 means that there are enough, fewer than 24 counts as 24
	Dir    string // where the report files are, for the last line; "" leaves it out
}

const (
	screen       = 40 // lines that the summary fills at most
	smallest     = 24 // lines of the smallest terminal that it fits
	fewestChecks = 5  // lines kept for the checks, whatever else there is to say
)

// Text writes the summary for a terminal: checks first, and what to run next about what failed, then what was sent, how long it took, what
// went wrong, what the backend holds, and how the harness did. It fits one screen; report.html has the rest.
func Text(w io.Writer, r *Run, opt TextOptions) error {
	cut := max(40, opt.Width)
	if opt.Width == 0 {
		opt.Width, cut = 80, math.MaxInt
	}
	room := screen
	if opt.Height > 0 {
		room = min(screen, max(smallest, opt.Height)-1)
	}
	t := &text{r: r, width: max(40, opt.Width), dir: opt.Dir}
	head, next := t.section(t.head), t.section(t.next)
	room -= len(head) + len(next)
	wanted := len(r.Checks) + 1
	for _, c := range r.Checks {
		if c.Result == check.Fail && c.Evidence != "" {
			wanted++
		}
	}
	rest, after := t.rest(room - max(fewestChecks, min(wanted, room/2)))
	checks := t.section(func() { t.checks(max(fewestChecks, room-len(rest))) })
	if apart := t.section(t.eventsApart); len(checks)+len(rest)+len(apart) <= room { // where nothing is left out for it
		rest = slices.Insert(rest, after, apart...)
	}

	var b strings.Builder
	for _, l := range slices.Concat(head, checks, next, rest) {
		l.render(&b, cut, opt.Color)
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text gathers the lines of a summary.
type text struct {
	r        *Run
	width    int
	dir      string
	kindRows int // at most so many lines of kinds
	lines    []line
}

// section returns the lines that the parts write.
func (t *text) section(parts ...func()) []line {
	for _, part := range parts {
		part()
	}
	lines := t.lines
	t.lines = nil
	return lines
}

func (t *text) add(l line) { t.lines = append(t.lines, l) }

// label starts a line with a heading in the first column.
func (t *text) label(heading string) line {
	var l line
	l.add(bold, heading)
	l.pad(labelWidth)
	return l
}

const labelWidth = 11

func (t *text) head() {
	var l line
	sign, look := mark(t.r.Result)
	if len(t.r.Checks) == 0 {
		sign, look = mark(check.NotChecked)
	}
	l.add(look, sign+" ")
	l.add(bold, t.r.Scenario.Name)
	l.add(plain, ": "+verdictOf(t.r))
	if t.r.Interrupted {
		l.add(yellow, " · interrupted")
	}
	if t.r.Exit.Code != 0 {
		l.add(faint, fmt.Sprintf(" · exit %d", t.r.Exit.Code))
		if t.r.Exit.Reason != "" {
			l.add(faint, ", "+t.r.Exit.Reason)
		}
	}
	t.add(l)
	t.add(nil)
}

func (t *text) load() {
	r, c := t.r, t.r.Totals
	l := t.label("Load")
	l.add(plain, loadLine(r))
	t.add(l)
	measured := measuredNS(r)
	l = t.label("")
	l.add(plain, fmt.Sprintf("%s measured of %s", dur(measured), dur(r.DurationNS)))
	if names := measuredPhases(r); names != "" {
		l.add(faint, " ("+names+")")
	}
	t.add(l)
	if changes := changeLine(r); changes != "" && t.width >= 60 { // a narrow terminal has no line to spare
		l = t.label("")
		l.add(faint, "changes ")
		l.add(plain, changes)
		t.add(l)
	}
	t.items("", []span{
		{fmt.Sprintf("due %s (%s)", count(c.Due), perSecond(c.Due, measured)), plain}, {"sent " + count(c.Sent), plain},
		{fmt.Sprintf("accepted %s (%s)", count(c.Accepted), perSecond(c.Accepted, measured)), plain},
	})
	t.items("", []span{
		{"refused " + count(c.Refused), alarm(c.Refused)}, {"failed " + count(c.Failed), alarm(c.Failed)}, {"dropped " + count(c.Dropped), alarm(c.Dropped)},
		{plural(c.Retries, "retry", "retries"), faint}, {plural(c.Events, "event", "events"), plain},
	})
	t.add(nil)
}

// items writes spans with dots between them, on as many lines as they need.
func (t *text) items(heading string, spans []span) {
	l := t.label(heading)
	for i, s := range spans {
		if i > 0 && l.width()+3+utf8.RuneCountInString(s.text) > t.width {
			t.add(l)
			l = t.label("")
		} else if i > 0 {
			l.add(faint, " · ")
		}
		l.add(s.style, s.text)
	}
	t.add(l)
}

// alarm is the style of a number that should be 0.
func alarm(n int64) style {
	if n > 0 {
		return red
	}
	return faint
}

func (t *text) times() {
	if t.r.Latency.Response.Count == 0 {
		return
	}
	// The columns that fit, the telling ones first.
	show := make(map[string]bool)
	for _, name := range [...]string{"p50", "p99", "max", "p90", "mean", "p99.9", "p95"} {
		if labelWidth+timeWidth*(len(show)+1) <= t.width {
			show[name] = true
		}
	}
	l := t.label("Time")
	for _, c := range timeColumnsOf(Quantiles{}) {
		if show[c.name] {
			l.add(faint, fmt.Sprintf("%*s", timeWidth, c.name))
		}
	}
	t.add(l)
	type duration struct {
		name  string
		q     Quantiles
		style style
	}
	rows := []duration{
		{"  response", t.r.Latency.Response.Quantiles, bold}, {"  service", t.r.Latency.Service.Quantiles, plain},
		{"  send lag", t.r.Latency.SendLag.Quantiles, faint},
	}
	if c := t.r.Connections; c.worthALine() {
		rows = append(rows, duration{"  connect", c.Connect, faint})
		if c.Handshake.Count > 0 {
			rows = append(rows, duration{"  handshake", c.Handshake, faint})
		}
		if c.Tokens != nil {
			rows = append(rows, duration{"  token", *c.Tokens, faint})
		}
	}
	for _, row := range t.r.lookUps() {
		rows = append(rows, duration{"  " + row.Name, row.Response, plain})
	}
	for _, d := range rows {
		var l line
		l.add(d.style, d.name)
		l.pad(labelWidth)
		for _, c := range timeColumnsOf(d.q) {
			if show[c.name] {
				l.add(d.style, fmt.Sprintf("%*s", timeWidth, dur(c.ns)))
			}
		}
		t.add(l)
	}
	if c := t.r.Connections; c.worthALine() {
		for _, piece := range wrap(c.words(), t.width-2) {
			var l line
			l.add(faint, "  "+piece)
			t.add(l)
		}
	}
	for _, piece := range wrap(t.r.lookUpWords(), t.width-2) {
		var l line
		l.add(faint, "  "+piece)
		t.add(l)
	}
	for _, piece := range wrap(divergence(t.r), t.width-2) {
		var l line
		l.add(yellow, "  "+piece)
		t.add(l)
	}
	t.add(nil)
}

const timeWidth = 9

// timeColumn is one statistic of a duration.
type timeColumn struct {
	name string
	ns   int64
}

// timeColumnsOf is the statistics that tables show, in order.
func timeColumnsOf(q Quantiles) []timeColumn {
	return []timeColumn{{"mean", q.MeanNS}, {"p50", q.P50NS}, {"p90", q.P90NS}, {"p95", q.P95NS}, {"p99", q.P99NS}, {"p99.9", q.P999NS}, {"max", q.MaxNS}}
}

func (t *text) errors() {
	var words []string
	for _, c := range t.r.Classes {
		switch {
		case c.Class == "ok":
		case c.Attempts > c.Final:
			words = append(words, fmt.Sprintf("%s %s (%s)", c.Class, count(c.Final), plural(c.Attempts, "attempt", "attempts")))
		default:
			words = append(words, fmt.Sprintf("%s %s", c.Class, count(c.Final)))
		}
	}
	if len(words) == 0 {
		return
	}
	for i, piece := range wrap(strings.Join(words, " · "), t.width-labelWidth) {
		if i == 3 {
			break // the report has the rest
		}
		l := t.label([...]string{"Errors", "", ""}[i])
		l.add(red, piece)
		t.add(l)
	}
	for _, piece := range wrap(cutShort(t.r), t.width-labelWidth) {
		l := t.label("")
		l.add(faint, piece)
		t.add(l)
	}
}

func (t *text) verdicts() {
	v := t.r.Verdicts
	if v == nil {
		return
	}
	l := t.label("Verdicts")
	if v.Judged == 0 {
		l.add(plain, fmt.Sprintf("none on %s", plural(v.Total, "detection", "detections")))
	} else {
		l.add(plain, fmt.Sprintf("%s of %s judged agree with the reference", ratio(v.Agreement.N, v.Agreement.Of), count(v.Judged)))
		if len(v.Disputes) > 0 && t.width >= 100 {
			d := &v.Disputes[0]
			l.add(faint, clean(fmt.Sprintf("; %s is %s to the backend, %s in truth, %s to the reference: %s", d.URL, d.Backend, d.Truth, d.Reference, d.Reasons)))
		}
		if t.width >= 60 { // a narrow terminal has no line to spare
			t.add(l)
			l = t.label("")
			l.add(plain, fmt.Sprintf("truth: %s of %s malicious found, precision %s", ratio(v.Truth.Recall.N, v.Truth.Recall.Of), count(v.Truth.Recall.Of),
				ratio(v.Truth.Precision.N, v.Truth.Precision.Of)))
			if v.Untold > 0 {
				l.add(faint, fmt.Sprintf(", %s unknown", count(v.Untold)))
			}
		}
	}
	t.add(l)
	for _, piece := range wrap(v.Slowest.sentence(), t.width-labelWidth) {
		l = t.label("")
		l.add(yellow, piece)
		t.add(l)
	}
}

func (t *text) generator() {
	g := t.r.Generator
	spans := []span{
		{fmt.Sprintf("send lag p99 %s, max %s", dur(g.SendLag.P99NS), dur(g.SendLag.MaxNS)), plain},
		{fmt.Sprintf("CPU %s of %s", cpu(g.CPUShare), plural(int64(t.r.Drover.CPUs), "core", "cores")), plain},
	}
	if g.GCShare >= 0.005 && t.width >= 80 { // a narrow terminal has no line to spare
		spans[1].text += fmt.Sprintf(" (GC %s)", cpu(g.GCShare))
	}
	if g.MaxRSS > 0 {
		spans = append(spans, span{size(g.MaxRSS) + " RSS", plain})
	}
	t.items("Harness", spans)
	if g.Behind != "" {
		l := t.label("")
		l.add(yellow, g.Behind)
		t.add(l)
	}
	for i, warning := range t.r.Warnings {
		var l line
		l.add(yellow, "!")
		l.pad(labelWidth)
		if i == 2 && len(t.r.Warnings) > 3 {
			l.add(yellow, fmt.Sprintf("and %d more warnings", len(t.r.Warnings)-2))
			t.add(l)
			break
		}
		first, rest, long := strings.Cut(strings.Join(wrap(clean(warning), t.width-labelWidth), "\n"), "\n")
		l.add(yellow, first)
		t.add(l)
		if long && t.width >= 60 { // a narrow terminal has no line to spare
			l = t.label("")
			l.add(yellow, rest)
			t.add(l)
		}
	}
}

// cpu writes a share of the machine in whole per cent: more would pretend.
func cpu(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) }

func (t *text) files() {
	if t.dir == "" {
		return
	}
	l := t.label("Report")
	l.add(plain, t.dir)
	t.add(l)
}
