package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
	"gopkg.in/yaml.v3"
)

// Error is one mistake in a scenario file.
type Error struct {
	File      string
	Line, Col int    // from 1; columns count characters
	What      string // the mistake, with the value as written
	Mend      string // how to mend it; may be empty
}

// Error returns "file:line:col: what; mend".
func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.What)
	if e.Mend != "" {
		s += "; " + e.Mend
	}
	return s
}

// Errors is every mistake found in a file, in file order. Parse returns it as its error when the file has any.
type Errors []*Error

// Error returns the mistakes, a line each, without a newline at the end.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single *Error.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// maxErrors bounds the report, and with it the time spent on a file that is no scenario at all.
const maxErrors = 100

// report collects mistakes, each once.
type report struct {
	file string
	errs Errors
	seen map[Error]bool
	src  []byte // of the file
	mute bool   // what is read is read again: its mistakes are told
}

func newReport(file string) *report { return &report{file: file, seen: map[Error]bool{}} }

func (r *report) full() bool { return len(r.errs) >= maxErrors }

// errorf reports a mistake at n; a nil n means the file as a whole.
func (r *report) errorf(n *yaml.Node, mend, format string, args ...any) {
	line, col := 1, 1
	if n != nil {
		line, col = max(n.Line, 1), max(n.Column, 1)
	}
	r.add(line, col, mend, format, args...)
}

func (r *report) add(line, col int, mend, format string, args ...any) {
	if r.full() || r.mute {
		return
	}
	e := Error{File: r.file, Line: line, Col: col, What: oneLine(fmt.Sprintf(format, args...)), Mend: oneLine(mend)}
	if !r.seen[e] {
		r.seen[e] = true
		r.errs = append(r.errs, &e)
	}
}

// also reports the mistakes of another file.
func (r *report) also(errs Errors) {
	for _, e := range errs {
		if !r.full() && !r.mute && !r.seen[*e] {
			r.seen[*e] = true
			r.errs = append(r.errs, e)
		}
	}
}

// err returns the mistakes in file order, or nil when there are none.
func (r *report) err() error {
	if len(r.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(r.errs, func(a, b *Error) int {
		if mine := a.File == r.file; mine != (b.File == r.file) { // those of a contract's file follow
			return map[bool]int{true: -1, false: 1}[mine]
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	if r.full() {
		last := r.errs[len(r.errs)-1]
		*last = Error{File: r.file, Line: last.Line, Col: last.Col, What: fmt.Sprintf("%d mistakes or more", maxErrors), Mend: "mend these first; the others are not shown"}
	}
	return r.errs
}

// oneLine keeps a message on its line whatever the file holds.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029 {
			return ' '
		}
		return c
	}, s)
}

// show returns a scalar as written, cut where it is long, and words for anything else.
func show(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	if n.ShortTag() == "!!str" && (n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 || n.Value == "") {
		return fmt.Sprintf("%q", clip(n.Value))
	}
	return clip(n.Value)
}

func clip(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}

// didYouMean returns `did you mean "x"?` for the nearest name, or else fallback.
func didYouMean(name string, names []string, fallback string) string {
	best, bestDist := "", 0
	if len(name) <= 64 {
		for _, n := range names {
			dist := levenshtein.Distance(strings.ToLower(name), strings.ToLower(n), nil)
			if best == "" || dist < bestDist {
				best, bestDist = n, dist
			}
		}
	}
	if best != "" && bestDist <= max(1, min(len(name), len(best))/3) {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return fallback
}

// oneOf says what there is to choose from.
func oneOf(names []string) string {
	if len(names) == 0 {
		return "there is none"
	}
	const most = 16
	if len(names) > most {
		return "want one of " + strings.Join(names[:most], ", ") + " ..."
	}
	return "want " + list(names)
}

// list joins words for a message: "a", "a or b", "a, b or c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
