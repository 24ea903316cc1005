package check

import (
	"fmt"
	"strings"
)

// Count promises that the backend counts the same events as the harness, kind by kind.
type Count struct {
	Missing int64 // accepted events that the backend does not count, at most
	Surplus int64 // events that the backend counts beyond those accepted or left without an answer, at most
}

// BackendCounts is the backend's own count of the run's events beside ours.
type BackendCounts struct{ Kinds []KindCount }

// KindCount is the events of one kind.
type KindCount struct {
	Kind       string // as event.Kind.String
	Sent       int64  // put on the wire at least once
	Accepted   int64  // of Sent: in an upload that was accepted
	Unanswered int64  // of Sent: in an upload without an answer, so the backend may or may not have them
	Stored     int64  // what the backend says it holds, each event once
}

// Missing is how many accepted events the backend does not count.
func (k KindCount) Missing() int64 { return max(0, k.Accepted-k.Stored) }

// Surplus is how many events the backend counts that nobody can have sent, or that it had refused.
func (k KindCount) Surplus() int64 { return max(0, k.Stored-k.Accepted-k.Unanswered) }

func (c *Count) evaluate(f Facts) Outcome {
	want := fmt.Sprintf("missing <= %d, surplus <= %d", c.Missing, c.Surplus)
	if f.Backend == nil {
		return Outcome{Result: NotChecked, Want: want, Evidence: "the target does not tell what it counted"}
	}
	var sent, accepted, unanswered, stored, missing, surplus int64
	var differ []string
	for _, k := range f.Backend.Kinds {
		sent += k.Sent
		accepted += k.Accepted
		unanswered += k.Unanswered
		stored += k.Stored
		missing += k.Missing()
		surplus += k.Surplus()
		if k.Missing() > 0 || k.Surplus() > 0 {
			differ = append(differ, fmt.Sprintf("%s %s accepted but %s stored", k.Kind, FormatCount(k.Accepted), FormatCount(k.Stored)))
		}
	}
	if sent == 0 && stored == 0 {
		return empty(want, "events", f)
	}
	o := Outcome{
		Want: want, Got: fmt.Sprintf("missing %s, surplus %s", FormatCount(missing), FormatCount(surplus)), Samples: accepted,
		Result:   passIf(missing <= c.Missing && surplus <= c.Surplus),
		Evidence: fmt.Sprintf("%s events accepted, %s stored", FormatCount(accepted), FormatCount(stored)),
	}
	if unanswered > 0 {
		o.Evidence += fmt.Sprintf(", %s without an answer", FormatCount(unanswered))
	}
	if len(differ) > 0 {
		o.Evidence += ": " + strings.Join(differ, ", ")
	}
	return o
}
