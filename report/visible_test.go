package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"drover/sim/check"
)

// What is told of how long events took to be visible: what is known, and no more.
func TestVisible(t *testing.T) {
	known := func(atOnce int64, bounds ...time.Duration) *check.Visible {
		v := &check.Visible{AtOnce: atOnce}
		for i := 0; i < len(bounds); i += 2 {
			v.AtLeast.Record(bounds[i])
			v.AtMost.Record(bounds[i+1])
		}
		return v
	}
	const s = time.Second
	for _, tt := range []struct {
		name, text, summary string
		rows                int
		v                   *check.Visible
	}{
		{"only after the run", "From the acknowledgement to visible: p50 at most 2s, p90 at most 3s, p99 at most 3s, max at most 3s (3 events, all there at the first look, after the run: how much sooner is not known).",
			"visible after p50 at most 2s, p99 at most 3s", 1, known(3, 0, s, 0, 2*s, 0, 3*s)},
		{"one later", "From the acknowledgement to visible: p50 at most 2s, p90 4s to 8s, p99 4s to 8s, max 4s to 8s (3 events, 2 of them there at the first look, after the run: how much sooner is not known).",
			"visible after p50 at most 2s, p99 4s to 8s", 2, known(2, 0, s, 0, 2*s, 4*s, 8*s)},
		{"all later", "From the acknowledgement to visible: p50 4s to 8s, p90 4s to 8s, p99 4s to 8s, max 4s to 8s (1 event).",
			"visible after p50 4s to 8s, p99 4s to 8s", 2, known(0, 4*s, 8*s)},
		{"none", "", "", 0, nil},
	} {
		r := FromSettlement(&check.Settlement{Visible: tt.v}, nil)
		if got := r.Visible.Sentence(); got != tt.text {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.text)
		}
		run := &Run{Result: check.Pass, Reconcile: r}
		var page, md, term bytes.Buffer
		for _, err := range []error{HTML(&page, run), Markdown(&md, run), Text(&term, run, TextOptions{Width: 200})} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if tt.v == nil {
			if strings.Contains(page.String()+md.String()+term.String()+TextReconcile(r), "to visible") {
				t.Errorf("%s: it is told all the same", tt.name)
			}
			continue
		}
		if rows := strings.Count(page.String(), `<th scope="row">at `); rows != tt.rows || !strings.Contains(page.String(), r.Visible.Caption()+"</caption>") {
			t.Errorf("%s: %d rows in HTML, want %d, under %q", tt.name, rows, tt.rows, r.Visible.Caption())
		}
		if !strings.Contains(TextReconcile(r), tt.text) || !strings.Contains(term.String(), tt.summary) {
			t.Errorf("%s: the summary has no %q:\n%s", tt.name, tt.summary, term.String())
		}
		if !strings.Contains(md.String(), tt.text) {
			t.Errorf("%s: Markdown:\n%s", tt.name, md.String())
		}
	}
}

// What was sampled is told with what was not seen, in each report.
func TestSampled(t *testing.T) {
	s := &check.Sampled{Patience: 2 * time.Second}
	for range 3 {
		s.AtLeast.Record(time.Second)
		s.AtMost.Record(3 * time.Second)
	}
	seen := FromSampled(s)
	s.Unseen, s.Failed, s.Why, s.Skipped, s.Cut = 1, 2, "hung up", 3, 4
	for want, r := range map[string]*Sampled{
		"": FromSampled(nil),
		"Sampled while the run went on: 3 events were seen, visible after p50 1s to 3s, p90 1s to 3s, p99 1s to 3s, max 1s to 3s.": seen,
		"Sampled while the run went on: 3 events were seen, visible after p50 1s to 3s, p90 1s to 3s, p99 1s to 3s, max 1s to 3s; 1 not visible within 2s; " +
			"2 without an answer, e.g. hung up; 3 not looked for, as too many were already; 4 still looked for when the run was interrupted.": FromSampled(s),
		"Sampled while the run went on: 0 events were seen; 1 not visible within 2s.": FromSampled(&check.Sampled{Patience: 2 * time.Second, Unseen: 1}),
	} {
		if got := r.Sentence(); got != want {
			t.Errorf("Sentence = %q, want %q", got, want)
		}
		run := &Run{Result: check.Pass, Reconcile: FromSettlement(new(check.Settlement), nil), Sampled: r}
		var page, md, term bytes.Buffer
		for _, err := range []error{HTML(&page, run), Markdown(&md, run), Text(&term, run, TextOptions{Width: 200})} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if want != "" && (!strings.Contains(page.String(), want) || !strings.Contains(md.String(), want)) || want == "" && strings.Contains(page.String()+md.String(), "Sampled") {
			t.Errorf("%q is not what HTML and Markdown say", want)
		}
		if strings.Contains(term.String(), "sampled p50 1s to 3s, p99 1s to 3s") != strings.Contains(want, " 3 events") {
			t.Errorf("%q: the summary is\n%s", want, term.String())
		}
	}
}

// What tenants' own credentials were tried for is said, with what could not be told.
func TestStrangers(t *testing.T) {
	for want, r := range map[string]*Reconcile{
		"": {},
		"1 tenant read all with a credential of their own; none asked for another tenant's data by name.": {Readers: 1},
		"3 tenants read all with a credential of their own (of 7 events that they were shown nothing says whose they are), and asked 3 times for " +
			"another tenant's data by name; the answer was no 2 times, and 1 time there was none.": {Readers: 3, Asks: 3, AsksRefused: 2, AsksFailed: 1, Ownerless: 7},
	} {
		if got := r.Strangers(); got != want {
			t.Errorf("Strangers = %q, want %q", got, want)
		}
	}
}
