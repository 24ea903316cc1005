package main

import (
	"bufio"
	"strings"
	"unicode/utf8"
)

// table is text in columns: the first ones flush left, the others, which are numbers, flush right.
type table struct {
	left int
	rows [][]string
}

func newTable(left int, head ...string) *table { return &table{left, [][]string{head}} }

// add adds a row, which may be shorter than the head.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table. The writer keeps the error.
func (t *table) print(w *bufio.Writer) {
	width := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, row := range t.rows {
		for i, c := range row {
			blanks := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i > 0 {
				w.WriteString("  ")
			}
			switch {
			case i >= t.left:
				w.WriteString(blanks + c)
			case i < len(row)-1:
				w.WriteString(c + blanks)
			default: // no blanks at the end of a line
				w.WriteString(c)
			}
		}
		w.WriteByte('\n')
	}
}

// yesNo is a cell that says so.
func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
