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

	Phases    []LivePhase   // all
	PhaseLeft time.Duration // of the phase under way, as planned

	Intended float64 // uploads per second that fell due in the window
	Achieved float64 // uploads per second that were accepted in it

	P50, P90, P99, Max time.Duration // response times known in the window
	SendLagP99         time.Duration // in the window
	Samples            int64         // response times in the window

	Open    int       // uploads under way
	Totals  Counts    // since the start, all phases
	Errors  []Errored // since the start, all phases
	Warning string    // e.g. that the harness is falling behind; "" for none

	Connections       int64   // open now; -1: not known
	CPUShare          float64 // of all cores, that this process used in the window; negative: not known
	CPUs              int
	Detections        int64 // since the start, that a backend may judge
	Judged, Agreeing  int64 // of Detections: judged, and in the reference's way
	Over, Interrupted bool  // the run's last Progress; it was told to end
}

// LivePhase is one phase of a run under way.
type LivePhase struct {
	Name string
	For  time.Duration // as planned
}

// Errored is how many attempts ended in one class, or uploads were dropped for one reason.
type Errored struct {
	Class string
	N     int64
}

// LivePrinter shows progress while a run is under way, as a plain line now and then; see LiveView for a terminal. It is owned by one
// goroutine. Write errors are ignored: a run does not end because nobody looks.
type LivePrinter struct {
	W     io.Writer
	Every time.Duration // how long between two lines; 0 means 5 s

	next  time.Duration // when the next line is due
	phase int           // of the last line
}

// Show writes a line of p when Every has passed since the last one by p.Elapsed, or a new phase has begun.
func (l *LivePrinter) Show(p *Progress) {
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

// plainLine is one line for a log.
func plainLine(p *Progress) string {
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

func errorsLine(p *Progress) string {
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
