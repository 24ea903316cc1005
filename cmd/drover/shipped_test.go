package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"drover/report"
	"drover/sim/check"
)

// The shipped scenarios about fates and look-ups hold against an honest backend, and against one with the defect that they are about the
// checks fail that are meant, and no others.
func TestShippedScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("each drives a backend for ten to twenty seconds")
	}
	pace := []string{"generator", "quiet-before", "pushed-back", "storm-got-through", "recovered", "config-p99", "verdict-p99"}
	scenarios := map[string]string{ // the run, and the check that fails
		"lost-acks":                                          "",
		"lost-acks --set twice=100%":                         "nothing-lost-or-doubled",
		"lost-acks --set lose=0.5%":                          "nothing-lost-or-doubled",
		"wrong-tenant":                                       "",
		"wrong-tenant --set swap=0.5%":                       "right-tenant",
		"wrong-tenant --set leak=0.5%":                       "right-tenant",
		"wrong-tenant --set asked=0.5%":                      "right-tenant",
		"reconnect-storm":                                    "",
		"verdict-conformance":                                "",
		"verdict-conformance --set wrong=3%":                 "agreement",
		"verdict-conformance --set slow=20% --set hurry=1ms": "agreement",
		"late-and-skewed":                                    "",
		"late-and-skewed --set delay=5%":                     "shown-at-once",
		"reconnect-storm --set capacity=40/s":                "storm-got-through",
		"look-ups":                                           "",
	}
	// mistakes drives a scenario. behind says that drover did not keep up, so that it may be the machine's fault.
	mistakes := func(args, failing string) (list []string, behind bool) {
		dir := filepath.Join(t.TempDir(), "out")
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append(append([]string{"run"}, strings.Fields(args)...), "--out", dir, "-q"), &stdout, &stderr, testEnv())
		doc, _, err := openRun(dir)
		if err != nil {
			return []string{fmt.Sprintf("%s: code %d: %v: %s", args, code, err, &stderr)}, false
		}
		list = realIn(t, dir)
		want := strings.Fields(failing)
		for _, c := range doc.Checks {
			switch {
			case slices.Contains(pace, c.Name) && !slices.Contains(want, c.Name):
				// as much about this machine as about the backend
			case slices.Contains(want, c.Name) != (c.Result == check.Fail), c.Result == check.NotChecked:
				list = append(list, fmt.Sprintf("%s: %s is %s: %s (%s)", args, c.Name, c.Result, c.Got, c.Evidence))
			}
		}
		if v := doc.Verdicts; v != nil && strings.HasPrefix(args, "verdict-conformance") && v.AtLeast != 200 {
			list = append(list, fmt.Sprintf("%s: at_least is %d, the check has 200", args, v.AtLeast))
		}
		asked := slices.ContainsFunc(doc.Operations, func(op report.Row) bool { return op.Name == "config" && op.Accepted > 0 })
		if asked != (args == "look-ups") {
			list = append(list, fmt.Sprintf("%s: operations are %+v", args, doc.Operations))
		}
		if r := doc.Reconcile; r != nil && (r.Visible == nil || r.Visible.AtMost.Count == 0 || strings.HasSuffix(args, "delay=5%") != (r.Visible.AtLeast.MaxNS > 0)) {
			list = append(list, fmt.Sprintf("%s: visible %+v", args, r.Visible))
		}
		if s := doc.Sampled; (s != nil) != strings.HasPrefix(args, "late-and-skewed") || s != nil && s.AtMost.Count == 0 {
			list = append(list, fmt.Sprintf("%s: sampled %+v", args, s))
		}
		return list, doc.Generator.Behind != ""
	}
	var (
		runs  sync.WaitGroup // they wait most of the time: t.Parallel would run two at once here, and take minutes
		mu    sync.Mutex
		again []string
	)
	for args, failing := range scenarios {
		runs.Go(func() {
			list, behind := mistakes(args, failing)
			mu.Lock()
			defer mu.Unlock()
			if len(list) > 0 && behind {
				t.Logf("once more, alone, for the machine did not keep up: %q", list)
				again = append(again, args)
				return
			}
			for _, m := range list {
				t.Error(m)
			}
		})
	}
	runs.Wait()
	for _, args := range again {
		list, _ := mistakes(args, scenarios[args])
		for _, m := range list {
			t.Error(m)
		}
	}
}
