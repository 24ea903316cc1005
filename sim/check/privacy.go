package check

import (
	"fmt"
	"strings"
)

// Privacy promises that what devices sent, or what the backend stored, kept the privacy contract.
type Privacy struct {
	Violations int64 // at most
	Stored     bool  // of what the backend showed after the run
}

// Audit is what an audit of all uploads found, or of all events that a backend showed.
type Audit struct {
	Contract   string
	Uploads    int64 // of what is stored: documents of one event
	Events     int64
	Violations int64
	Offending  int64    // uploads with at least one violation, but for what only a whole stream shows
	Broken     []string // invariants with violations and how many, e.g. "P07 3"
	First      string   // one violation in words; "" without any
	Canaries   *Canaries
	Blind      []string // what the audit could not look at, or only in part, e.g. "P12 not checked"
}

// Canaries are benign names that must be found nowhere.
type Canaries struct {
	Hosts   int64 // that there are
	Visited int64 // of them, in the run
	Visits  int64 // to them
	Found   int64 // places in uploads where the name of one stood
}

func (p *Privacy) evaluate(f Facts) Outcome {
	want := fmt.Sprintf("violations <= %d", p.Violations)
	a, what, unseen := f.Audit, "uploads", "no upload was audited"
	if p.Stored {
		a, what, unseen = nil, "stored events", f.Unsettled
		want += " in what is stored"
		switch s := f.Settlement; {
		case s != nil && s.Stored != nil:
			a = s.Stored
		case s != nil:
			unseen = "the backend does not show whole native documents"
		case unseen == "":
			unseen = "there is no read-back: give the scenario a target.readback"
		}
	}
	if a == nil {
		return Outcome{Result: NotChecked, Want: want, Evidence: unseen}
	}
	if a.Uploads == 0 {
		return empty(want, what, f)
	}
	o := Outcome{
		Want: want, Got: "violations " + FormatCount(a.Violations), Samples: a.Uploads, Result: passIf(a.Violations <= p.Violations),
		Evidence: fmt.Sprintf("%s uploads with %s events held to contract %s", FormatCount(a.Uploads), FormatCount(a.Events), a.Contract),
	}
	if p.Stored {
		o.Evidence = fmt.Sprintf("%s stored events held to contract %s, %s of them break it", FormatCount(a.Uploads), a.Contract, FormatCount(a.Offending))
	}
	if len(a.Broken) > 0 {
		o.Evidence += ": " + strings.Join(a.Broken, ", ") + "; first " + a.First
	}
	if c := a.Canaries; c != nil {
		o.Got += fmt.Sprintf(", canaries found %s of %s visited", FormatCount(c.Found), FormatCount(c.Visited))
		o.Evidence += fmt.Sprintf("; %s of %s canaries were visited, %s times", FormatCount(c.Visited), FormatCount(c.Hosts), FormatCount(c.Visits))
		if c.Visited == 0 && o.Result == Pass {
			o.Result = Inconclusive
			o.Evidence += ", which proves nothing"
		}
	}
	if len(a.Blind) > 0 {
		o.Evidence += "; " + strings.Join(a.Blind, ", ")
	}
	if p.Stored && f.Settlement.Blind != "" {
		o.Evidence += "; " + f.Settlement.Blind
		if o.Result == Pass {
			o.Result = Inconclusive
		}
	}
	return o
}
