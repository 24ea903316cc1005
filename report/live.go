package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress is how far a run is. All of it is of this instant or, where it says so, of the window since the last one.
type Progress struct {
	Scenario string
	Phase    string
	K, N     int           // the phase is the K-th of N, from 1
	Elapsed  time.Duration // since the run's start
	Left     time.Duration // to the end of the last phase, as planned; 0 when it cannot be told

	Intended float64 // uploads per second that fell due in the window
	Achieved float64 // uploads per second that were accepted in it

	P50, P99   time.Duration // response times known in the window
	SendLagP99 time.Duration // in the window
	Samples    int64         // response times in the window

	Open    int       // uploads under way
	Totals  Counts    // since the start, all phases
	Errors  []Errored // since the start, all phases
	Warning string    // e.g. that the harness is falling behind; "" for none
}

// Errored is how many attempts ended in one class, or uploads were dropped for one reason.
type Errored struct {
	Class string
	N     int64
}

// LivePrinter shows progress while a run is under way: on a terminal as one block that is drawn over, elsewhere as a
// plain line now and then. It is owned by one goroutine. Write errors are ignored: a run does not end because nobody looks.
type LivePrinter struct {
	W        io.Writer
	Terminal bool          // draw over, with escape sequences
	Color    bool          // with Terminal: use colours
	Width    int           // columns of the terminal; 0 means 80. May change between two calls
	Every    time.Duration // without Terminal: how long between two lines; 0 means 5 s

	drawn int           // lines of the block on the screen
	next  time.Duration // when the next plain line is due
	phase int           // of the last plain line
}

// Show shows p. On a terminal it draws at once; elsewhere it writes a line when Every has passed since the last one by
// p.Elapsed, or a new phase has begun.
func (l *LivePrinter) Show(p Progress) {
	if l.Terminal {
		l.draw(p)
		return
	}
	if p.Elapsed < l.next && p.K == l.phase {
		return
	}
	every := l.Every
	if every <= 0 {
		every = 5 * time.Second
	}
	l.next, l.phase = p.Elapsed+every, p.K
	io.WriteString(l.W, plainLine(p)+"\n")
}

// Clear removes the block, so that what is printed next starts on an empty line.
func (l *LivePrinter) Clear() {
	if l.drawn > 0 {
		io.WriteString(l.W, l.home())
		l.drawn = 0
	}
}

// home moves to the block's first column and line and erases from there.
func (l *LivePrinter) home() string {
	if l.drawn == 0 {
		return ""
	}
	up := ""
	if l.drawn > 1 {
		up = fmt.Sprintf("\x1b[%dA", l.drawn-1)
	}
	return "\r" + up + "\x1b[J"
}

// draw writes the block over the last one in a single write, so that it does not flicker, and leaves the cursor at the
// end of its last line, so that a full screen does not scroll.
func (l *LivePrinter) draw(p Progress) {
	width := l.Width
	if width <= 0 {
		width = 80
	}
	lines := block(p, width)
	var b strings.Builder
	b.WriteString(l.home())
	for i, ln := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		// One column stays free: a terminal that wraps early would break the count of lines.
		ln.render(&b, max(1, width-1), l.Color)
	}
	l.drawn = len(lines)
	io.WriteString(l.W, b.String())
}

// block is two to four lines.
func block(p Progress, width int) []line {
	var bar, now, bad, warn line
	bar.add(bold, p.Scenario)
	bar.add(plain, fmt.Sprintf(" %s %d/%d", p.Phase, p.K, p.N))
	tail := " " + clock(p.Elapsed)
	if p.Left > 0 {
		tail += ", " + clock(p.Left) + " left"
	}
	if room := width - 3 - bar.width() - len(tail); room >= 8 && p.Left > 0 {
		room = min(room, 40)
		bar.add(plain, " ")
		full := int(float64(room) * float64(p.Elapsed) / float64(p.Elapsed+p.Left))
		bar.add(green, strings.Repeat("━", full))
		bar.add(faint, strings.Repeat("─", room-full))
	}
	bar.add(plain, tail)

	now.add(plain, fmt.Sprintf("  %s/s due, ", rate(p.Intended)))
	now.add(bold, rate(p.Achieved)+"/s accepted")
	if p.Samples > 0 {
		now.add(plain, fmt.Sprintf(" · p50 %s, p99 %s", dur(int64(p.P50)), dur(int64(p.P99))))
	}
	now.add(faint, fmt.Sprintf(" · lag %s · %s open", dur(int64(p.SendLagP99)), count(int64(p.Open))))
	lines := []line{bar, now}
	if e := errorsLine(p); e != "" {
		bad.add(red, "  "+e)
		lines = append(lines, bad)
	}
	if p.Warning != "" {
		warn.add(yellow, "  ! "+p.Warning)
		lines = append(lines, warn)
	}
	return lines
}

// plainLine is one line for a log.
func plainLine(p Progress) string {
	s := fmt.Sprintf("%s %s %d/%d: %s/s due, %s/s accepted", clock(p.Elapsed), p.Phase, p.K, p.N, rate(p.Intended), rate(p.Achieved))
	if p.Samples > 0 {
		s += fmt.Sprintf(", p50 %s, p99 %s", dur(int64(p.P50)), dur(int64(p.P99)))
	}
	s += fmt.Sprintf(", send lag p99 %s, %s open, %s of %s accepted", dur(int64(p.SendLagP99)), count(int64(p.Open)),
		count(p.Totals.Accepted), count(p.Totals.Due))
	if e := errorsLine(p); e != "" {
		s += "; " + e
	}
	if p.Left > 0 {
		s += "; " + clock(p.Left) + " left"
	}
	if p.Warning != "" {
		s += "; " + p.Warning
	}
	return clean(s)
}

func errorsLine(p Progress) string {
	var words []string
	for _, e := range p.Errors {
		if e.N > 0 {
			words = append(words, fmt.Sprintf("%s %s", e.Class, count(e.N)))
		}
	}
	return strings.Join(words, " · ")
}

// clock writes a duration as 1:05 or 1:02:05.
func clock(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
