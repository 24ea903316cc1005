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
