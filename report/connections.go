package report

import "fmt"

// Connections is what became of the connections to the backend, over all phases.
type Connections struct {
	Opened  int64 `json:"opened"`
	Idled   int64 `json:"idled"`   // of opened: closed because their device had nothing to send for a while
	Evicted int64 `json:"evicted"` // of opened: closed while idle, to make room for another device's
	Resumed int64 `json:"resumed"` // of opened: with the TLS session of an earlier one

	Connect   Quantiles `json:"connect"`   // from the dial to the connection
	Handshake Quantiles `json:"handshake"` // of TLS

	Tokens       *Quantiles `json:"tokens,omitempty"` // time to fetch a token; absent where none is fetched
	TokensFailed int64      `json:"tokens_failed,omitempty"`
}

// worthALine reports whether connections are a part of what was measured: they cost handshakes, or come and go.
func (c *Connections) worthALine() bool {
	return c != nil && (c.Handshake.Count+c.Idled+c.Evicted > 0 || c.Tokens != nil)
}

// words is what the quantiles do not say.
func (c *Connections) words() string {
	s := plural(c.Opened, "connection was", "connections were") + " opened"
	for _, part := range []struct {
		n    int64
		what string
	}{{c.Resumed, "resumed a TLS session"}, {c.Idled, "closed when idle"}, {c.Evicted, "closed early to make room (client.maxOpen)"}} {
		if part.n > 0 {
			s += fmt.Sprintf(", %s %s", count(part.n), part.what)
		}
	}
	return s
}

// Fault is how often drover itself let something go wrong on the way to the backend.
type Fault struct {
	Fault    string `json:"fault"` // e.g. "dropped answer"
	Attempts int64  `json:"attempts"`
}

// FaultWarning tells drover's own faults from the backend's; "" where none struck.
func FaultWarning(faults []Fault) string {
	if len(faults) == 0 {
		return ""
	}
	s := "drover itself interfered with attempts, over all phases (client.faults, timeline):"
	for i, f := range faults {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprintf(" %s %s", f.Fault, count(f.Attempts))
	}
	return s + "; what came of these is not the backend's doing"
}
