package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// style is how a span of a terminal line looks.
type style string

const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	loud   style = "1;31"
)

// span is a run of text in one style.
type span struct {
	text  string
	style style
}

// line is one terminal line without its end.
type line []span

// add appends text whose control characters are made harmless: a scenario's name must not move the cursor.
func (l *line) add(s style, text string) { *l = append(*l, span{clean(text), s}) }

// pad appends spaces up to column, at least one.
func (l *line) pad(column int) {
	*l = append(*l, span{strings.Repeat(" ", max(1, column-l.width())), plain})
}

func (l line) width() (n int) {
	for _, s := range l {
		n += utf8.RuneCountInString(s.text)
	}
	return n
}

// render writes l within width characters, cut with an ellipsis if need be, with escape sequences when color is set.
func (l line) render(b *strings.Builder, width int, color bool) {
	cut := l.width() > width
	left := width
	if cut {
		left--
	}
	for _, s := range l {
		text := s.text
		if n := utf8.RuneCountInString(text); n > left {
			text = string([]rune(text)[:left])
		}
		left -= utf8.RuneCountInString(text)
		if text == "" {
			continue
		}
		if color && s.style != plain {
			b.WriteString("\x1b[" + string(s.style) + "m" + text + "\x1b[0m")
		} else {
			b.WriteString(text)
		}
	}
	if cut {
		b.WriteString("…")
	}
}

// clean replaces control and formatting characters, which could hide or forge what follows, and invalid UTF-8.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return '?'
		}
		return r
	}, s)
}

// wrap breaks text at spaces into pieces of at most width characters; a longer word stays whole.
func wrap(text string, width int) (pieces []string) {
	var piece string
	for _, word := range strings.Fields(text) {
		switch {
		case piece == "":
			piece = word
		case utf8.RuneCountInString(piece)+1+utf8.RuneCountInString(word) <= width:
			piece += " " + word
		default:
			pieces = append(pieces, piece)
			piece = word
		}
	}
	if piece != "" {
		pieces = append(pieces, piece)
	}
	return pieces
}
