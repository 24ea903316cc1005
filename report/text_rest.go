package report

import (
	"fmt"
	"slices"
)

// rest is what stands below the checks, within so many lines as far as can be. Where they are few it says less, step by step: fewer kinds of
// events, no empty lines, only those kinds that differ, and then the first lines of what has several. After is the place behind the kinds.
func (t *text) rest(room int) (lines []line, after int) {
	const load, times, errors, kinds, reconcile, verdicts, generator = 0, 1, 2, 3, 4, 5, 6
	parts := [...]func(){t.load, t.times, t.errors, t.kinds, t.reconcile, t.verdicts, t.generator, t.files}
	all := make([][]line, len(parts))
	fits := func() bool {
		lines, after = slices.Concat(all...), len(slices.Concat(all[:kinds+1]...))
		return len(lines) <= room
	}
	fewest := 3
	if slices.ContainsFunc(t.r.Kinds, func(k Kind) bool { return k.differs() }) {
		fewest = 16 // which of them do must not be hidden
	}
	for t.kindRows = 16; t.kindRows >= fewest; t.kindRows-- {
		for i, part := range parts {
			all[i] = t.section(part)
		}
		if fits() {
			return lines, after
		}
	}
	cut := func(part, n int) { all[part] = all[part][:min(n, len(all[part]))] }
	for _, less := range [...]func(){
		func() {
			for i := range all {
				all[i] = slices.DeleteFunc(all[i], func(l line) bool { return len(l) == 0 })
			}
		},
		func() { all[kinds] = t.section(t.fewKinds) },
		func() { cut(verdicts, 1) },
		func() {
			if l := all[load]; len(l) > 3 { // what kind of load it was, and what became of it
				all[load] = slices.Concat(l[:1], l[len(l)-2:])
			}
		},
		func() { cut(generator, 3) },
		func() { cut(times, 2) },
		func() { cut(errors, 1) },
		func() { cut(kinds, 1) },
		func() { cut(reconcile, 2) },
		func() {
			cut(generator, 1)
			if n := len(t.r.Warnings); n > 0 {
				l := t.label("!")
				l.add(yellow, plural(int64(n), "warning", "warnings")+" in the report")
				all[generator] = append(all[generator], l)
			}
		},
	} {
		if less(); fits() {
			break
		}
	}
	return lines, after
}

// fewKinds is one line of all kinds that occurred, and those that differ.
func (t *text) fewKinds() {
	kinds := occurred(t.r.Kinds)
	if len(kinds) == 0 {
		return
	}
	var spans []span
	for _, k := range kinds {
		if k.differs() && len(spans) < 4 {
			spans = append(spans, span{fmt.Sprintf("%s %s, stored %s ✗", k.Kind, count(k.Accepted), storedText(k)), red})
		}
	}
	t.items("Events", append([]span{{fmt.Sprintf("%s of %s accepted", count(acceptedOf(kinds)), plural(int64(len(kinds)), "kind", "kinds")), plain}}, spans...))
}
