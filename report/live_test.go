package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// steps is a run as the printer sees it: a warm-up, then a phase in which errors and then a warning appear.
func steps() (all []Progress) {
	for i := range 9 {
		p := Progress{
			Scenario: "workday", Phase: "warmup", K: 1, N: 2, Elapsed: time.Duration(i) * 2 * time.Second, Left: time.Duration(8-i) * 2 * time.Second,
			Intended: 1000, Achieved: 998.5, P50: 2100 * time.Microsecond, P99: 8300 * time.Microsecond, SendLagP99: 84 * time.Microsecond,
			Samples: 1997, Open: 12, Totals: Counts{Due: int64(i) * 2000, Accepted: int64(i) * 1997},
		}
		if i >= 3 {
			p.Phase, p.K = "day", 2
		}
		if i >= 5 {
			p.Errors = []Errored{{"timeout", int64(i)}, {"5xx", 1204}, {"reset", 0}}
		}
		if i >= 7 {
			p.Warning = "the harness is falling behind: send lag p99 840ms"
		}
		all = append(all, p)
	}
	all[0].Samples, all[0].Intended, all[0].Achieved = 0, 0, 0
	all[8].Left = 0
	return all
}

func TestLiveGolden(t *testing.T) {
	for name, l := range map[string]*LivePrinter{
		"live-plain.txt":    {},
		"live-terminal.txt": {Terminal: true},
		"live-color.txt":    {Terminal: true, Color: true, Width: 60},
	} {
		var b bytes.Buffer
		l.W = &b
		for _, p := range steps() {
			l.Show(p)
			if l.Terminal {
				b.WriteString("\n--\n") // for the reader of the golden file
			}
		}
		l.Clear()
		golden(t, name, []byte(strings.ReplaceAll(strings.ReplaceAll(b.String(), "\x1b", "ESC"), "\r", "CR")))
	}
}

// A plain line comes when its time has come or the phase changes, not with every look.
func TestLivePlainLinesAreRare(t *testing.T) {
	var b bytes.Buffer
	l := LivePrinter{W: &b, Every: 10 * time.Second}
	for i := range 600 { // a minute, ten looks a second
		l.Show(Progress{K: 1 + i/300, N: 2, Elapsed: time.Duration(i) * 100 * time.Millisecond})
	}
	// At 0, 10 and 20 s, at 30 s with the new phase, at 40 and 50 s.
	if n := strings.Count(b.String(), "\n"); n != 6 {
		t.Errorf("%d lines in a minute, want 6:\n%s", n, b.String())
	}
}

// The block on the screen is two to four lines, none wider than the terminal, and each is drawn over the last one.
func TestLiveBlock(t *testing.T) {
	for _, width := range []int{1, 10, 20, 40, 80, 200} {
		var b bytes.Buffer
		l := LivePrinter{W: &b, Terminal: true, Width: width}
		before := 0
		for _, p := range steps() {
			p.Scenario = "a\x1b[2Jscenario"
			b.Reset()
			l.Show(p)
			out := b.String()
			if up := regexp.MustCompile(`\x1b\[(\d+)A`).FindStringSubmatch(out); before > 1 && (up == nil || up[1] != fmt.Sprint(before-1)) {
				t.Errorf("width %d: %q does not go up %d lines", width, out, before-1)
			}
			out = regexp.MustCompile(`^\r(\x1b\[\d+A)?\x1b\[J`).ReplaceAllString(out, "")
			if strings.Contains(out, "\x1b") {
				t.Errorf("width %d: an escape sequence came through: %q", width, out)
			}
			lines := strings.Split(out, "\r\n")
			if before = len(lines); before < 2 || before > 4 {
				t.Errorf("width %d: %d lines", width, before)
			}
			for _, ln := range lines {
				if n := utf8.RuneCountInString(ln); n >= max(2, width) {
					t.Errorf("width %d: a line of %d: %q", width, n, ln)
				}
			}
		}
		b.Reset()
		l.Clear()
		l.Clear() // once is enough
		if want := fmt.Sprintf("\r\x1b[%dA\x1b[J", before-1); b.String() != want {
			t.Errorf("Clear wrote %q, want %q", b.String(), want)
		}
	}
}

func BenchmarkLive(b *testing.B) {
	l, p := LivePrinter{W: &bytes.Buffer{}, Terminal: true, Color: true}, steps()[8]
	b.ReportAllocs()
	for b.Loop() {
		l.W.(*bytes.Buffer).Reset()
		l.Show(p)
	}
}
