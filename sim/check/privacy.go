package check

import (
	"fmt"
	"strings"
)

// Privacy promises that what devices sent kept the privacy contract.
type Privacy struct {
	Violations int64 // at most
}

// Audit is what an audit of all uploads found.
type Audit struct {
	Contract   string
	Uploads    int64
	Events     int64
	Violations int64
	Broken     []string // invariants with violations and how many, e.g. "P07 3"
	First      string   // one violation in words; "" without any
	Blind      []string // what the audit could not look at, or only in part, e.g. "P12 not checked"
}

func (p *Privacy) evaluate(f Facts) Outcome {
	want := fmt.Sprintf("violations <= %d", p.Violations)
	a := f.Audit
	if a == nil {
		return Outcome{Result: NotChecked, Want: want, Evidence: "no upload was audited"}
	}
	if a.Uploads == 0 {
		return empty(want, "uploads", f)
	}
	o := Outcome{
		Want: want, Got: "violations " + FormatCount(a.Violations), Samples: a.Uploads, Result: passIf(a.Violations <= p.Violations),
		Evidence: fmt.Sprintf("%s uploads with %s events held to contract %s", FormatCount(a.Uploads), FormatCount(a.Events), a.Contract),
	}
	if len(a.Broken) > 0 {
		o.Evidence += ": " + strings.Join(a.Broken, ", ") + "; first " + a.First
	}
	if len(a.Blind) > 0 {
		o.Evidence += "; " + strings.Join(a.Blind, ", ")
	}
	return o
}
