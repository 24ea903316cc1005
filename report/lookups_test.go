package report

import (
	"bytes"
	"strings"
	"testing"
)

// Look-ups have times of their own, and are told apart from uploads; a run without them says nothing of them.
func TestLookUps(t *testing.T) {
	r := stalled(t)
	for _, with := range []bool{false, true} {
		if with {
			r.Operations = append(r.Operations, Row{Name: "config", Counts: Counts{Due: 1200, Sent: 1200, Accepted: 1198, Refused: 2}, Response: Quantiles{Count: 1200, P99NS: 7_770_000}},
				Row{Name: "verdict", Counts: Counts{Due: 3, Sent: 2, Accepted: 2, Dropped: 1}})
		}
		var text, md bytes.Buffer
		if err := Text(&text, r, TextOptions{Width: 200}); err != nil {
			t.Fatal(err)
		}
		if err := Markdown(&md, r); err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]string{"text": text.String(), "markdown": md.String()} {
			for _, want := range []string{"Look-ups beside uploads: config 1,198 of 1,200 accepted, 2 refused; verdict 2 of 3 accepted, 1 dropped.", "config", "7.77ms"} {
				if strings.Contains(got, want) != with {
					t.Errorf("%s with look-ups (%t): %q is %t there:\n%s", name, with, want, !with, got)
				}
			}
		}
	}
}
