package check

import (
	"fmt"
	"strings"
)

// Compare promises that the run is not worse than earlier ones of the same work. How runs are compared is not known here.
type Compare struct {
	Base       string   // a run, or a folder of runs; as the scenario has it
	Within     float64  // how much worse, as a share, each metric of Gate may become
	Gate       []string // of ComparedMetrics
	AnyMachine bool     // also against runs of another class of machine
}

// ComparedMetrics are the figures of two runs that are compared.
var ComparedMetrics = [...]string{
	"response p50", "response p90", "response p99", "response p99.9", "service p50", "service p99", "accepted", "not accepted",
}

// Want is the promise in words.
func (c *Compare) Want() string {
	return fmt.Sprintf("%s not worse than %s by more than %s", strings.Join(c.Gate, ", "), c.Base, FormatShare(c.Within))
}

func (c *Compare) evaluate(f Facts) Outcome {
	if f.Compare == nil {
		return Outcome{Result: NotChecked, Want: c.Want(), Evidence: "nothing compares runs here"}
	}
	o := f.Compare(c)
	o.Want = c.Want()
	return o
}
