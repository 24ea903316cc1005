// Package check knows the named promises of a scenario: it holds them against the measurements of a run and says pass,
// fail, inconclusive or not checked, each with its evidence. Where the numbers came from is not its business, and neither
// is what a result means for the exit code.
package check

import (
	"fmt"
	"time"

	"drover/sim/measure"
)

// Result is what became of one promise.
type Result string

const (
	Pass         Result = "pass"
	Fail         Result = "fail"
	Inconclusive Result = "inconclusive" // the run cannot tell: too few samples, or the harness fell behind
	NotChecked   Result = "not checked"  // what the check needs was not there to look at
)

// Check is one promise. Exactly one of the promises is set.
type Check struct {
	Name   string // unique in the scenario
	OnFail Result // what a failure counts as: Fail ("" means the same) or Inconclusive

	Metric    *Metric
	Verdicts  *Verdicts
	Generator *Generator
	Count     *Count
	Privacy   *Privacy
	Reconcile *Reconcile
	Compare   *Compare
}

// Facts is all that checks are held against. It is only read.
type Facts struct {
	Totals   *measure.Totals
	Verdicts Oracle
	Backend  *BackendCounts // nil: the target does not tell what it stored
	Audit    *Audit         // nil: no upload was audited

	Settlement *Settlement // nil: nothing was read back
	Unsettled  string      // why not

	// Compare holds the run against earlier ones; nil: there is nobody who can.
	Compare func(*Compare) Outcome

	// Interrupted says that the run was ended from outside: a check that found nothing to look at was then not checked,
	// instead of inconclusive.
	Interrupted bool

	// Phases is when each phase was in the schedule's time, by its name, for rates per second, and Took how long the time between two
	// of its instants really was; nil: their difference.
	Phases map[string]Span
	Took   func(from, to time.Duration) time.Duration
}

// Span is a stretch of the run, in offsets from its start.
type Span struct{ From, To time.Duration }

// Outcome is one check after the run.
type Outcome struct {
	Name   string
	Result Result
	Want   string // the promise, e.g. "response_time p99 <= 250ms"
	Got    string // the figure it was held against, e.g. "p99 231ms"; "" when there was none

	// Evidence is one sentence, lower case and without a full stop, with the numbers behind the result.
	Evidence string

	Samples int64 // how many uploads, verdicts or events the result rests on
}

// Evaluate holds each check against the facts and returns the outcomes in the same order.
func Evaluate(checks []Check, f Facts) []Outcome {
	outcomes := make([]Outcome, len(checks))
	for i, c := range checks {
		var o Outcome
		switch {
		case c.Metric != nil:
			o = c.Metric.evaluate(f)
		case c.Verdicts != nil:
			o = c.Verdicts.evaluate(f)
		case c.Generator != nil:
			o = c.Generator.evaluate(f)
		case c.Count != nil:
			o = c.Count.evaluate(f)
		case c.Privacy != nil:
			o = c.Privacy.evaluate(f)
		case c.Reconcile != nil:
			o = c.Reconcile.evaluate(f)
		case c.Compare != nil:
			o = c.Compare.evaluate(f)
		default:
			o = Outcome{Result: NotChecked, Evidence: "the check promises nothing"}
		}
		o.Name = c.Name
		if o.Result == Fail && c.OnFail == Inconclusive {
			o.Result = Inconclusive
		}
		outcomes[i] = o
	}
	return outcomes
}

// Overall is the worst of the outcomes: Fail, else Inconclusive, else NotChecked, else Pass. Without any outcome it is
// Pass, because no promise was broken.
func Overall(outcomes []Outcome) Result {
	worst := Pass
	for _, o := range outcomes {
		if severity(o.Result) > severity(worst) {
			worst = o.Result
		}
	}
	return worst
}

func severity(r Result) int {
	switch r {
	case Pass:
		return 0
	case NotChecked:
		return 1
	case Inconclusive:
		return 2
	}
	return 3
}

// empty is the outcome of a check that had nothing to look at. what is the sample's name, in the plural.
func empty(want, what string, f Facts) Outcome {
	if f.Interrupted {
		return Outcome{Result: NotChecked, Want: want,
			Evidence: fmt.Sprintf("0 %s: the run was interrupted before there were any", what)}
	}
	return Outcome{Result: Inconclusive, Want: want,
		Evidence: fmt.Sprintf("0 %s: the check proves nothing", what)}
}

// passIf is Pass when ok holds, else Fail.
func passIf(ok bool) Result {
	if ok {
		return Pass
	}
	return Fail
}
