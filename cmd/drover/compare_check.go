package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"drover/report"
	"drover/sim/check"
	"drover/sim/scenario"
)

// bases reads the earlier runs that the scenario's checks compare with, before the run: a mistake in one is told at once. What is
// not there is left out, since a first run has no base.
func bases(sc *scenario.Scenario) (map[string]report.Side, error) {
	sides := map[string]report.Side{}
	for _, c := range sc.Checks {
		if c.Compare == nil {
			continue
		}
		path := c.Compare.Base
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(sc.File), path)
		}
		side, err := openSideRuns(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fail(exitUsage, fmt.Errorf("check %q: base %s: %w", c.Name, c.Compare.Base, err))
		}
		sides[c.Compare.Base] = side
	}
	return sides, nil
}

// comparer judges checks that compare, by the code of drover compare. made makes the run's document; it is asked for only when there
// is something to compare it with.
func comparer(sides map[string]report.Side, made func() *report.Run) func(*check.Compare) check.Outcome {
	return func(c *check.Compare) check.Outcome {
		base, ok := sides[c.Base]
		if !ok {
			return check.Outcome{Result: check.NotChecked, Evidence: fmt.Sprintf("there is no run at %s", c.Base)}
		}
		run := made()
		got, err := report.Compare(base, []report.Side{{Name: "this run", Runs: []*report.Run{run}}},
			report.CompareOptions{Within: c.Within, Gate: c.Gate, AnyMachine: c.AnyMachine})
		if err != nil {
			return check.Outcome{Result: check.NotChecked, Evidence: err.Error()}
		}
		sentence, result := got.Outcome()
		v := got.Versus[0]
		o := check.Outcome{Result: result, Got: sentence, Samples: run.Latency.Response.Count,
			Evidence: fmt.Sprintf("%s of the base, by %s", plural(int64(len(base.Runs)), "run", "runs"), v.Method)}
		for _, d := range v.Differences {
			if d.Gated {
				o.Evidence += "; " + d.String()
			}
		}
		return o
	}
}
