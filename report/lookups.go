package report

import (
	"slices"
	"strings"

	"drover/sim/measure"
)

// lookUps are the operations that bring the backend no events, of the measured phases. They are in no count of uploads.
func (r *Run) lookUps() (rows []Row) {
	for _, row := range r.Operations {
		if slices.ContainsFunc(measure.LookUps(), func(op measure.Op) bool { return op.String() == row.Name }) {
			rows = append(rows, row)
		}
	}
	return rows
}

// lookUpWords says in a line what became of them; "" where there are none.
func (r *Run) lookUpWords() string {
	var parts []string
	for _, row := range r.lookUps() {
		s := row.Name + " " + count(row.Accepted) + " of " + count(row.Due) + " accepted"
		for _, x := range []struct {
			n    int64
			what string
		}{{row.Refused, "refused"}, {row.Failed, "failed"}, {row.Dropped, "dropped"}} {
			if x.n > 0 {
				s += ", " + count(x.n) + " " + x.what
			}
		}
		parts = append(parts, s)
	}
	if parts == nil {
		return ""
	}
	return "Look-ups beside uploads: " + strings.Join(parts, "; ") + "."
}
