package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"drover/sim/check"
)

// checks lists the checks within so many lines. When the room is short, first evidence gives way and then the checks that
// passed.
func (t *text) checks(room int) {
	if len(t.r.Checks) == 0 {
		return
	}
	names := 0
	for _, c := range t.r.Checks {
		names = max(names, utf8.RuneCountInString(c.Name))
	}
	names = min(names, 24)
	room-- // the blank line at the end

	show := t.r.Checks
	if len(show) > room {
		show = mostTelling(show, room-1)
	}
	// Evidence takes what is left, that of failures before that of the undecided.
	room -= len(t.r.Checks)
	evidence := make(map[int]bool)
	for _, result := range [...]check.Result{check.Fail, check.Inconclusive, check.NotChecked} {
		for i, c := range show {
			if c.Result == result && c.Evidence != "" && room > 0 {
				evidence[i] = true
				room--
			}
		}
	}
	for i, c := range show {
		t.check(c, names)
		if evidence[i] {
			var l line
			l.pad(names + 6)
			l.add(faint, c.Evidence)
			t.add(l)
		}
	}
	if more := len(t.r.Checks) - len(show); more > 0 {
		var l line
		l.add(faint, fmt.Sprintf("  … and %d more", more))
		t.add(l)
	}
	t.add(nil)
}

// mostTelling picks n checks, those that did not pass before those that did, and keeps their order.
func mostTelling(checks []Check, n int) (picked []Check) {
	failing := 0
	for _, c := range checks {
		if c.Result != check.Pass {
			failing++
		}
	}
	bad := min(failing, n)
	good := n - bad
	for _, c := range checks {
		switch {
		case c.Result != check.Pass && bad > 0:
			bad--
			picked = append(picked, c)
		case c.Result == check.Pass && good > 0:
			good--
			picked = append(picked, c)
		}
	}
	return picked
}

// check writes one check: its sign, its name, what was measured and what was promised.
func (t *text) check(c Check, names int) {
	var l line
	sign, look := mark(c.Result)
	l.add(plain, "  ")
	l.add(look, sign)
	l.add(plain, " ")
	name := c.Name
	if utf8.RuneCountInString(name) > names {
		name = string([]rune(name)[:names-1]) + "…"
	}
	l.add(plain, name)
	l.pad(names + 6)
	got := c.Got
	if got == "" {
		got = string(c.Result)
	}
	if c.Result == check.Fail {
		l.add(red, got)
	} else {
		l.add(plain, got)
	}
	if c.Want != "" {
		l.add(faint, "  want "+strings.TrimSpace(c.Want))
	}
	t.add(l)
}
