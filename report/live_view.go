package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// LiveView is a run under way as a terminal shows it: what it last learned, and a minute of what was before. It draws nothing and reads no
// clock. It is owned by one goroutine.
type LiveView struct {
	Keys []string // what keys do, e.g. "q quit"; none: no line of keys
	Note string   // the answer to the last key; "" for none

	Held  bool    // somebody holds the clock
	Times float64 // how many times as fast as the scenario has it the devices' time goes; 0 and 1: just as fast

	now  Progress
	past []moment // the last historyOf, the latest last
}

// moment is what the small charts show of one Progress.
type moment struct {
	accepted float64
	p99      time.Duration // 0: no samples
}

// historyOf is how many moments a small chart shows at most.
const historyOf = 60

// Add takes in how far the run is.
func (v *LiveView) Add(p *Progress) {
	m := moment{accepted: p.Achieved}
	if p.Samples > 0 {
		m.p99 = p.P99
	}
	if v.past = append(v.past, m); len(v.past) > historyOf {
		v.past = v.past[1:]
	}
	v.now = *p
}

// String is the view for a terminal of so many columns: lines that fit, without an end of the last one.
func (v *LiveView) String(width int, color bool) string {
	// One column stays free: a terminal that wraps early would break the count of lines.
	width = max(1, width-1)
	var b strings.Builder
	for i, l := range v.lines(width) {
		if i > 0 {
			b.WriteByte('\n')
		}
		l.render(&b, width, color)
	}
	return b.String()
}

func (v *LiveView) lines(width int) (lines []line) {
	if v.now.N == 0 {
		return nil
	}
	p := &v.now
	lines = append(lines, v.head(width))
	lines = append(lines, phaseLines(p, width)...)
	rows := newRows(width)
	rate := rows.row("Load", span{rateText(p.Intended) + " due", plain}, span{rateText(p.Achieved) + " accepted", bold})
	response := rows.row("Response", v.response()...)
	v.charts(rows, rate, response)
	t := &p.Totals
	rows.row("Uploads", span{count(t.Accepted) + " accepted", plain}, span{"refused " + count(t.Refused), alarm(t.Refused)},
		span{"failed " + count(t.Failed), alarm(t.Failed)}, span{"dropped " + count(t.Dropped), alarm(t.Dropped)}, span{count(int64(p.Open)) + " open", plain})
	rows.row("Errors", errorSpans(p)...)
	rows.row("Verdicts", verdictSpans(p)...)
	rows.row("Harness", harnessSpans(p)...)
	lines = append(lines, rows.lines...)
	for _, note := range [...]string{p.Warning, v.Note} {
		for i, piece := range wrap(clean(note), max(1, width-2)) {
			sign := "! "
			if i > 0 {
				sign = "  "
			}
			lines = append(lines, line{{sign, yellow}, {piece, yellow}})
		}
	}
	if len(v.Keys) > 0 {
		rows = newRows(width)
		var keys []span
		for _, k := range v.Keys {
			keys = append(keys, span{k, faint})
		}
		rows.flow(0, "", keys...)
		lines = append(lines, rows.lines...)
	}
	return lines
}

// head is the scenario, the phase under way and the time.
func (v *LiveView) head(width int) (l line) {
	p := &v.now
	l.add(bold, p.Scenario)
	switch {
	case p.Interrupted:
		l.add(yellow, " ending")
	default:
		l.add(plain, fmt.Sprintf(" %s %d/%d", p.Phase, p.K, p.N))
		if v.Times > 0 && v.Times != 1 {
			l.add(yellow, fmt.Sprintf(" speed x%g", v.Times))
		}
		if v.Held {
			l.add(loud, " PAUSED")
		}
	}
	tail := clock(p.Elapsed)
	if p.Left > 0 && !p.Interrupted {
		tail += ", " + clock(p.Left) + " left"
	}
	if gap := width - l.width() - utf8.RuneCountInString(tail); gap > 0 {
		l.pad(l.width() + gap)
	} else {
		l.add(plain, " ")
	}
	l.add(plain, tail)
	return l
}

// phaseLines are a bar with a piece for each phase, as long as the phase is, and their names below where there is room.
func phaseLines(p *Progress, width int) []line {
	room := width - (len(p.Phases) - 1)
	var total time.Duration
	for _, ph := range p.Phases {
		total += ph.For
	}
	if len(p.Phases) == 0 || total <= 0 || room < len(p.Phases) {
		return nil
	}
	var bar, names line
	named := false
	var before time.Duration
	for i, ph := range p.Phases {
		// Each has at least one column; the rest is dealt out by length, so that rounding never adds up.
		spare := float64(room - len(p.Phases))
		cells := 1 + int(spare*float64(before+ph.For)/float64(total)) - int(spare*float64(before)/float64(total))
		before += ph.For
		full := 0
		switch {
		case i+1 < p.K || p.Over && !p.Interrupted:
			full = cells
		case i+1 == p.K && ph.For > 0:
			full = int(float64(cells) * float64(max(0, ph.For-p.PhaseLeft)) / float64(ph.For))
		}
		if i > 0 {
			bar.add(plain, " ")
			names.add(plain, " ")
		}
		bar.add(green, strings.Repeat("━", full))
		bar.add(faint, strings.Repeat("─", cells-full))
		look := faint
		if i+1 == p.K {
			look = plain
		}
		if n := utf8.RuneCountInString(ph.Name); n <= cells {
			names.add(look, ph.Name+strings.Repeat(" ", cells-n))
			named = true
		} else {
			names.add(look, strings.Repeat(" ", cells))
		}
	}
	if !named {
		return []line{bar}
	}
	return []line{bar, names}
}

func rateText(perSec float64) string { return rate(perSec) + "/s" }

func (v *LiveView) response() []span {
	p := &v.now
	if p.Samples == 0 {
		return []span{{"no answer in this second", faint}}
	}
	at := func(name string, d time.Duration) string { return name + " " + dur(int64(d)) }
	return []span{{at("p50", p.P50), plain}, {at("p90", p.P90), plain}, {at("p99", p.P99), bold}, {at("max", p.Max), faint}}
}

func errorSpans(p *Progress) (spans []span) {
	for _, e := range p.Errors {
		if e.N > 0 {
			spans = append(spans, span{e.Class + " " + count(e.N), red})
		}
	}
	return spans
}

func verdictSpans(p *Progress) []span {
	switch {
	case p.Detections == 0:
		return nil
	case p.Judged == 0:
		return []span{{"none on " + plural(p.Detections, "detection", "detections"), plain}}
	}
	return []span{{count(p.Judged) + " judged", plain}, {ratio(p.Agreeing, p.Judged) + " as the reference", plain}}
}

func harnessSpans(p *Progress) []span {
	spans := []span{{"send lag p99 " + dur(int64(p.SendLagP99)), plain}}
	if p.Connections >= 0 {
		spans = append(spans, span{plural(p.Connections, "connection", "connections"), plain})
	}
	if p.CPUShare >= 0 {
		spans = append(spans, span{fmt.Sprintf("CPU %s of %s", cpu(p.CPUShare), plural(int64(p.CPUs), "core", "cores")), plain})
	}
	return spans
}
