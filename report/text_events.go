package report

import "fmt"

// kinds shows two kinds to a line, where two fit.
func (t *text) kinds() {
	kinds := occurred(t.r.Kinds)
	if len(kinds) == 0 {
		return
	}
	const half = 34
	columns := max(1, min(2, (t.width-labelWidth)/half))
	l := t.label("Events")
	for c := range min(columns, len(kinds)) {
		if c > 0 {
			l.pad(labelWidth + c*half)
		}
		l.add(faint, fmt.Sprintf("%-12s%9s%9s", "kind", "accepted", "stored"))
	}
	t.add(l)
	rows := (len(kinds) + columns - 1) / columns
	show := min(rows, t.kindRows)
	if show < rows {
		show-- // for the line that says so
	}
	for i := range show {
		l := t.label("")
		for c := range columns {
			if at := i*columns + c; at < len(kinds) {
				k := kinds[at]
				look, sign := plain, ""
				if k.differs() {
					look, sign = red, " ✗"
				}
				if c > 0 {
					l.pad(labelWidth + c*half)
				}
				l.add(look, fmt.Sprintf("%-12s%9s%9s%s", k.Kind, count(k.Accepted), storedText(k), sign))
			}
		}
		t.add(l)
	}
	if hidden := len(kinds) - show*columns; hidden > 0 {
		l := t.label("")
		l.add(faint, fmt.Sprintf("… and %d more kinds", hidden))
		t.add(l)
	}
}

// eventsApart says what the kinds count.
func (t *text) eventsApart() {
	if len(occurred(t.r.Kinds)) == 0 || t.width < 60 { // a narrow terminal has no line to spare
		return
	}
	for _, piece := range wrap(eventsApart(t.r), t.width-labelWidth) {
		l := t.label("")
		l.add(faint, piece)
		t.add(l)
	}
}
