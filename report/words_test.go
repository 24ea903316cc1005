package report

import (
	"bytes"
	"strings"
	"testing"
)

// What the end of a run cut short is told in words wherever it stands as a class.
func TestCutShort(t *testing.T) {
	ok := Class{Class: "ok", Final: 9, Attempts: 9}
	for _, tt := range []struct {
		name        string
		classes     []Class
		interrupted bool
		want        string // "": nothing is said
	}{
		{"all ended", []Class{ok, {Class: "timeout", Final: 3, Attempts: 3}}, false, ""},
		{"both", []Class{ok, {Class: "cancelled", Final: 1, Attempts: 1}, {Class: "not started", Final: 1240}}, false,
			"At the run's end 1 upload waited for an answer (cancelled), 1,240 uploads waited to be sent (not started); give a last phase do: drain more time"},
		{"only attempts", []Class{ok, {Class: "cancelled", Attempts: 2}}, false, ""},
		{"interrupted", []Class{ok, {Class: "not started", Final: 2}}, true, "When the run was interrupted, 2 uploads waited to be sent (not started)"},
	} {
		r := stalled(t)
		r.Classes, r.Interrupted = tt.classes, tt.interrupted
		var text, page, markdown bytes.Buffer
		for what, err := range map[string]error{"text": Text(&text, r, TextOptions{}), "page": HTML(&page, r), "Markdown": Markdown(&markdown, r)} {
			if err != nil {
				t.Fatalf("%s: %s: %v", tt.name, what, err)
			}
		}
		for what, got := range map[string]string{
			"text": strings.Join(strings.Fields(text.String()), " "), "page": strings.ReplaceAll(page.String(), "&#39;", "'"), "Markdown": markdown.String(),
		} {
			if tt.want != "" && !strings.Contains(got, tt.want) || tt.want == "" && (strings.Contains(got, "(cancelled)") || strings.Contains(got, "(not started)")) {
				t.Errorf("%s: %s does not say %q", tt.name, what, tt.want)
			}
		}
	}
}

// Events by kind are of all phases and one by one, those of the load of measured phases and by upload: where the numbers differ it is said why.
// A kind of which nothing happened is none.
func TestEventsApart(t *testing.T) {
	none, some := int64(0), int64(2)
	for _, tt := range []struct {
		name               string
		accepted           int64 // by kind
		measured, inPhases int64 // by upload
		want               string
	}{
		{"the same", 100, 100, 100, ""},
		{"a warm-up", 1200, 900, 1200, "1,200 events accepted in all phases, 900 in measured ones"},
		{"one event", 1, 0, 1, "1 event accepted in all phases, 0 in measured ones"},
		{"refused of uploads that were taken", 90, 100, 102, "90 events accepted in all phases; 12 more of accepted uploads, which the load counts, were refused or had no answer"},
	} {
		r := stalled(t)
		r.Checks = nil // leaves room
		r.Totals.Events, r.AllPhases.Events = tt.measured, tt.inPhases
		r.Kinds = []Kind{{Kind: "enrolment", Stored: &none}, {Kind: "heartbeat", Accepted: tt.accepted}, {Kind: "feedback", Dropped: 3}, {Kind: "app.crash"}, {Kind: "web.threat", Stored: &some}}
		var text, page, markdown, small bytes.Buffer
		for what, err := range map[string]error{
			"text": Text(&text, r, TextOptions{}), "page": HTML(&page, r), "Markdown": Markdown(&markdown, r), "small": Text(&small, r, TextOptions{Width: 80, Height: 24}),
		} {
			if err != nil {
				t.Fatalf("%s: %s: %v", tt.name, what, err)
			}
		}
		for what, got := range map[string]string{"text": strings.Join(strings.Fields(text.String()), " "), "page": page.String(), "Markdown": markdown.String()} {
			if tt.want != "" && !strings.Contains(got, tt.want) || tt.want == "" && strings.Contains(got, "accepted in all phases") {
				t.Errorf("%s: %s does not say %q", tt.name, what, tt.want)
			}
		}
		if got := text.String(); strings.Contains(got, "enrolment") || strings.Contains(got, "app.crash") || !strings.Contains(got, "feedback") || !strings.Contains(got, "web.threat") {
			t.Errorf("%s: want the three kinds that there were:\n%s", tt.name, got)
		}
		if got := small.String(); !strings.Contains(got, " of 3 kinds accepted · web.threat 0, stored 2 ✗") {
			t.Errorf("%s: a small terminal is shown\n%s", tt.name, got)
		}
	}
}
