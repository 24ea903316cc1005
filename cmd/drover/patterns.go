package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"drover/sim/behavior"
	"drover/sim/classify"
	"drover/sim/event"
)

// difficulty is the word for sites that have little, or much, to give them away.
func difficulty(hard bool) string {
	if hard {
		return "hard"
	}
	return "easy"
}

// expectations are what the reference's rules and model, without any list, make of sites of every pattern. To ask takes thousands
// of classifications, and the answers are always the same.
var expectations = sync.OnceValue(func() []behavior.Expectation {
	return behavior.Expect(classify.New(classify.Options{Model: classify.Shipped()}))
})

// modelRecall is the reference line of a run's verdicts, see report.PatternRow. It is worked out when it is first asked for: a run
// without detections does not.
func modelRecall(p event.Pattern, hard bool) float64 {
	for _, e := range expectations() {
		if e.Pattern == p && e.Hard == hard {
			return e.ByHost.Malicious
		}
	}
	return 0
}

// patternDoc is one line of "classify --patterns --format json". Shares are fractions of 1.
type patternDoc struct {
	Pattern    string     `json:"pattern"`
	Malicious  bool       `json:"malicious"`
	Difficulty string     `json:"difficulty,omitempty"` // of malicious ones
	Samples    int        `json:"samples"`
	ByHost     flaggedDoc `json:"by_host"`
	ByURL      flaggedDoc `json:"by_url"`
	Categories []string   `json:"categories,omitempty"` // of sites that may have it
}

type flaggedDoc struct {
	Malicious  float64 `json:"malicious"`
	Suspicious float64 `json:"suspicious_or_malicious"`
}

func printPatterns(out io.Writer, format string) error {
	w := bufio.NewWriter(out)
	if format == "json" {
		enc := json.NewEncoder(w)
		for _, e := range expectations() {
			doc := patternDoc{Pattern: e.Pattern.String(), Malicious: e.Pattern.Malicious(), Samples: behavior.Samples, ByHost: flaggedDoc(e.ByHost), ByURL: flaggedDoc(e.ByURL)}
			if doc.Malicious {
				doc.Difficulty = difficulty(e.Hard)
			}
			for c := range event.NumCategories {
				if behavior.Fits(c, e.Pattern) {
					doc.Categories = append(doc.Categories, c.String())
				}
			}
			if err := enc.Encode(doc); err != nil {
				return err
			}
		}
		return w.Flush()
	}
	t := newTable(2, "PATTERN", "SITES", "BY HOST", "SUSPICIOUS", "BY URL", "SUSPICIOUS")
	share := func(x float64) string { return fmt.Sprintf("%.1f%%", 100*x) }
	for _, e := range expectations() {
		sites := "benign"
		if e.Pattern.Malicious() {
			sites = difficulty(e.Hard)
		}
		t.add(e.Pattern.String(), sites, share(e.ByHost.Malicious), share(e.ByHost.Suspicious), share(e.ByURL.Malicious), share(e.ByURL.Suspicious))
	}
	fmt.Fprintf(w, "Found malicious, and at least suspicious, by rules and model without a list; of %d sites each.\n\n", behavior.Samples)
	t.print(w)
	return w.Flush()
}
