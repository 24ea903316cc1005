package report

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

// VerdictText writes all that is known of a run's verdicts as tables for a terminal. Lines are as long as they are.
func VerdictText(w io.Writer, r *Run) error {
	var b strings.Builder
	for i, part := range verdictParts(r.Verdicts) {
		if i > 0 {
			b.WriteByte('\n')
		}
		if part.grid == nil {
			b.WriteString(clean(part.sentence) + ".\n")
			continue
		}
		part.grid.text(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// VerdictMarkdown writes the same in GitHub's dialect of Markdown.
func VerdictMarkdown(w io.Writer, r *Run) error {
	var b strings.Builder
	for _, part := range verdictParts(r.Verdicts) {
		if part.grid == nil {
			b.WriteString("\n" + md(part.sentence) + ".\n")
			continue
		}
		mdGrid(&b, *part.grid)
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

// VerdictJSON writes the verdicts as run.json has them.
func VerdictJSON(w io.Writer, r *Run) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r.Verdicts)
}

// verdictPart is a sentence or a table.
type verdictPart struct {
	sentence string
	grid     *grid
}

func verdictParts(v *Verdicts) (parts []verdictPart) {
	if v == nil {
		return []verdictPart{{sentence: "No detection was made, so there are no verdicts"}}
	}
	if s := devicesSentence(v); s != "" {
		parts = append(parts, verdictPart{sentence: "Before the backend judged, " + s})
	}
	if v.Judged == 0 {
		return append(parts, verdictPart{sentence: "The backend gave no verdict on " + plural(v.Total, "detection", "detections")})
	}
	if s := v.Slowest.sentence(); s != "" {
		parts = append(parts, verdictPart{sentence: "Warning: " + s})
	}
	for _, g := range verdictGrids(v) {
		parts = append(parts, verdictPart{grid: &g})
	}
	return parts
}

// text writes a table for a terminal: its caption in lines of 100, then columns, words flush left and numbers flush right.
func (g *grid) text(b *strings.Builder) {
	for _, piece := range wrap(g.Caption+":", 100) {
		b.WriteString(piece + "\n")
	}
	rows := append([][]string{g.Head}, g.Rows...)
	width := make([]int, len(g.Head))
	for _, row := range rows {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(clean(c)))
		}
	}
	for _, row := range rows {
		var l strings.Builder
		for i, c := range row {
			c = clean(c)
			blanks := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i > 0 && !g.Words {
				l.WriteString("  " + blanks + c)
			} else {
				l.WriteString("  " + c + blanks)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
}
