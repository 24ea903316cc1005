package sim

import (
	"fmt"
	"slices"
	"sync/atomic"

	"drover/sim/behavior"
	"drover/sim/check"
	"drover/sim/fleet"
	"drover/sim/privacy"
)

// audit holds all uploads of a run to the scenario's privacy contract, each before its first attempt.
type audit struct {
	*privacy.Auditor
	uploads atomic.Int64
	first   string // one violation
}

// newAudit returns nil when no check asks for an audit, which costs about 4 us for each upload, and 0.5 ms for one with a
// crash report.
func newAudit(m *Model) *audit {
	sc := m.Scenario
	if !slices.ContainsFunc(sc.Checks, func(c check.Check) bool { return c.Privacy != nil && !c.Privacy.Stored }) {
		return nil
	}
	a := new(audit)
	a.Auditor = privacy.NewAuditor(sc.Contract, privacy.Options{Canaries: m.Behavior.Canaries.List(), Report: func(v privacy.Violation) {
		if a.first == "" {
			a.first = v.String()
		}
	}})
	return a
}

// finish returns what the audit found; made is what the devices did. No reader may be at work.
func (a *audit) finish(made *behavior.Stats) *check.Audit {
	out := auditOf(a.Auditor, a.first, made)
	out.Uploads = a.uploads.Load()
	return out
}

// auditOf is what an audit found, where first is one violation.
func auditOf(a *privacy.Auditor, first string, made *behavior.Stats) *check.Audit {
	res := a.Finish()
	out := &check.Audit{Contract: res.Contract, Uploads: res.Documents, Events: res.Events, Violations: res.Violations, First: first}
	if res.Canaries > 0 {
		out.Canaries = &check.Canaries{Hosts: int64(res.Canaries), Visited: made.Canaries, Visits: made.CanaryVisits, Found: res.Found}
	}
	for _, f := range res.Findings {
		if f.Violations > 0 {
			out.Broken = append(out.Broken, fmt.Sprintf("%v %s", f.Invariant, check.FormatCount(f.Violations)))
		}
		if f.Coverage == privacy.InPart || f.Coverage == privacy.NotChecked {
			out.Blind = append(out.Blind, fmt.Sprintf("%v %s", f.Invariant, f.Coverage))
		}
	}
	return out
}

// SettingsOf is what a device's admin and user chose, as an audit needs it.
func SettingsOf(d *fleet.Device) privacy.Settings {
	return privacy.Settings{Private: d.ExcludeURL, Open: !d.ExcludeURL, OptionalDiag: d.OptionalDiag, FeedbackForm: d.FeedbackForm}
}
