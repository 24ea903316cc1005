package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// steps is a run as it is seen while it goes on: a warm-up, then a phase in which errors and then a warning appear.
func steps() (all []*Progress) {
	phases := []LivePhase{{"warmup", 6 * time.Second}, {"day", 10 * time.Second}, {"drain", 2 * time.Second}}
	for i := range 10 {
		p := &Progress{
			Scenario: "workday", Phase: "warmup", K: 1, N: 3, Elapsed: time.Duration(i) * 2 * time.Second, Left: time.Duration(9-i) * 2 * time.Second,
			Phases: phases, PhaseLeft: time.Duration(6-2*i) * time.Second,
			Intended: 1000 + 100*float64(i%3), Achieved: 998.5 - 90*float64(i%4), SendLagP99: 84 * time.Microsecond,
			P50: 2100 * time.Microsecond, P90: 4 * time.Millisecond, P99: time.Duration(8300+2900*(i*i%7)) * time.Microsecond, Max: 31 * time.Millisecond,
			Samples: 1997, Open: 12, Totals: Counts{Due: int64(i) * 2000, Accepted: int64(i) * 1997},
			Connections: 204, CPUShare: 0.341, CPUs: 2, Detections: int64(i) * 130, Judged: int64(i/2) * 125, Agreeing: int64(i/2) * 124,
		}
		if i >= 3 {
			p.Phase, p.K, p.PhaseLeft = "day", 2, time.Duration(16-2*i)*time.Second
		}
		if i >= 5 {
			p.Errors = []Errored{{"timeout", int64(i)}, {"5xx", 1204}, {"reset", 0}}
			p.Totals.Failed, p.Totals.Refused = int64(i), 1204
		}
		if i >= 7 {
			p.Warning = "uploads are sent late: the connections or this machine do not keep up"
		}
		if i >= 8 {
			p.Phase, p.K, p.PhaseLeft = "drain", 3, time.Duration(18-2*i)*time.Second
		}
		all = append(all, p)
	}
	all[0].Samples, all[0].Intended, all[0].Achieved, all[0].CPUShare = 0, 0, 0, -1
	all[9].Interrupted, all[9].Over = true, true
	return all
}

func TestLiveGolden(t *testing.T) {
	var b bytes.Buffer
	l := LivePrinter{W: &b}
	for _, p := range steps() {
		l.Show(p)
	}
	golden(t, "live-plain.txt", b.Bytes())
}

// The view at its start, in its middle, and at a bad end that was asked for.
func TestLiveViewGolden(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		for _, color := range []bool{false, true} {
			v := LiveView{Keys: []string{"q quit", "p pause", "+ - speed"}}
			var b strings.Builder
			for i, p := range steps() {
				if v.Add(p); i == 9 {
					v.Note = "Ending in order: nothing more is sent, and what is under way may end."
				}
				if i == 0 || i == 4 || i == 9 {
					fmt.Fprintf(&b, "%s\n%s\n", v.String(width, color), strings.Repeat("-", width))
				}
			}
			name := fmt.Sprintf("live-view-%d.txt", width)
			if color {
				name = fmt.Sprintf("live-view-%d-color.txt", width)
			}
			golden(t, name, []byte(strings.ReplaceAll(b.String(), "\x1b", "ESC")))
		}
	}
}

// A plain line comes when its time has come or the phase changes, not with every look.
func TestLivePlainLinesAreRare(t *testing.T) {
	var b bytes.Buffer
	l := LivePrinter{W: &b, Every: 10 * time.Second}
	for i := range 600 { // a minute, ten looks a second
		l.Show(&Progress{K: 1 + i/300, N: 2, Elapsed: time.Duration(i) * 100 * time.Millisecond})
	}
	// At 0, 10 and 20 s, at 30 s with the new phase, at 40 and 50 s.
	if n := strings.Count(b.String(), "\n"); n != 6 {
		t.Errorf("%d lines in a minute, want 6:\n%s", n, b.String())
	}
}

// No line is wider than the terminal, what a name has in it moves no cursor, and the view is short enough for a small screen.
func TestLiveViewFits(t *testing.T) {
	for width := 1; width <= 200; width++ {
		var v LiveView
		for _, p := range steps() {
			p.Scenario, p.Phases[1].Name = "a\x1b[2Jscenario", "d\ray"
			v.Add(p)
			out := v.String(width, false)
			if strings.ContainsAny(out, "\x1b\r") {
				t.Fatalf("width %d: an escape sequence came through: %q", width, out)
			}
			lines := strings.Split(out, "\n")
			if n := len(lines); n < 6 || width >= 40 && n > 20 {
				t.Errorf("width %d: %d lines", width, n)
			}
			for _, ln := range lines {
				if n := utf8.RuneCountInString(ln); n >= max(2, width) {
					t.Errorf("width %d: a line of %d: %q", width, n, ln)
				}
			}
		}
	}
}

func TestSparkline(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		cells  int
		want   string
	}{
		{nil, 4, "    "},
		{[]float64{0, 0}, 4, "    "},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8}, 8, "▂▃▄▅▆▇██"}, // an eighth each, and the largest is full
		{[]float64{8, 0, 8}, 5, "  █ █"},                   // what was not measured is a gap, and time runs to the right edge
		{[]float64{100, 1, 2, 4}, 3, "▃▅█"},                // the scale is of what is drawn
		{[]float64{1e-9, 1}, 2, "▁█"},
	} {
		if got := sparkline(tt.values, tt.cells); got != tt.want {
			t.Errorf("sparkline(%v, %d) = %q, want %q", tt.values, tt.cells, got, tt.want)
		}
	}
}

func BenchmarkLiveView(b *testing.B) {
	var v LiveView
	for _, p := range steps() {
		v.Add(p)
	}
	b.ReportAllocs()
	for b.Loop() {
		v.String(80, true)
	}
}
