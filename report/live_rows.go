package report

import "unicode/utf8"

// rows are the labelled lines of a LiveView.
type rows struct {
	width int
	label int // columns of the labels
	lines []line
}

func newRows(width int) *rows {
	r := &rows{width: width, label: 10}
	if width < 56 {
		r.label = 9 // the longest word and a space
	}
	return r
}

// row adds a line with dots between the spans, or several where one does not hold them; none for no spans. It returns the index of
// its last line.
func (r *rows) row(label string, spans ...span) int {
	if len(spans) > 0 {
		r.flow(r.label, label, spans...)
	}
	return len(r.lines) - 1
}

func (r *rows) flow(indent int, label string, spans ...span) {
	var l line
	start := func(text string) {
		l = nil
		if indent > 0 {
			l.add(bold, text)
			l.pad(indent)
		}
	}
	start(label)
	for i, s := range spans {
		if i > 0 && l.width()+3+utf8.RuneCountInString(s.text) > r.width {
			r.lines = append(r.lines, l)
			start("")
		} else if i > 0 {
			l.add(faint, " · ")
		}
		l.add(s.style, s.text)
	}
	r.lines = append(r.lines, l)
}

// A chart is of at most chartWidth columns and is left out below chartLeast.
const (
	chartWidth = 40
	chartLeast = 8
)

// charts puts the small charts at the right ends of two rows, one above the other. Where there is no room for both, that of the response
// times has a line of its own below them.
func (v *LiveView) charts(r *rows, rate, response int) {
	accepted, p99 := make([]float64, len(v.past)), make([]float64, len(v.past))
	for i, m := range v.past {
		accepted[i], p99[i] = m.accepted, float64(m.p99)
	}
	left := max(r.lines[rate].width(), r.lines[response].width()) + 2
	if cells := min(chartWidth, r.width-left); cells >= chartLeast {
		for _, c := range [...]struct {
			at     int
			values []float64
		}{{rate, accepted}, {response, p99}} {
			r.lines[c.at].pad(r.width - cells)
			r.lines[c.at].add(green, sparkline(c.values, cells))
		}
		return
	}
	if cells := min(chartWidth, r.width-r.label-4); cells >= chartLeast {
		var l line
		l.pad(r.label)
		l.add(faint, "p99 ")
		l.add(green, sparkline(p99, cells))
		r.lines = append(r.lines, l)
	}
}

var blocks = [...]rune{'▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'}

// sparkline draws the last values as blocks, from 0 to the largest of those that are drawn. What is not above 0 is a gap.
func sparkline(values []float64, cells int) string {
	values = values[max(0, len(values)-cells):]
	largest := 0.0
	for _, v := range values {
		largest = max(largest, v)
	}
	out := make([]rune, cells)
	for i := range out {
		out[i] = ' '
		if at := i - (cells - len(values)); at >= 0 && values[at] > 0 {
			out[i] = blocks[min(len(blocks)-1, int(values[at]/largest*float64(len(blocks))))]
		}
	}
	return string(out)
}
