package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"drover/sim/check"
	"drover/sim/measure"
)

// mark is the sign of a result in text.
func mark(r check.Result) (string, style) {
	switch r {
	case check.Pass:
		return "✓", green
	case check.Fail:
		return "✗", loud
	case check.Inconclusive:
		return "?", yellow
	}
	return "–", faint
}

// verdictOf is the run's outcome in one sentence without a full stop.
func verdictOf(r *Run) string {
	if r.Generator.Limit {
		return ofChecks(r) + ", and drover itself was the limit"
	}
	return ofChecks(r)
}

func ofChecks(r *Run) string {
	if len(r.Checks) == 0 {
		return "no checks"
	}
	n := tally(r.Checks)
	var parts []string
	for _, k := range [...]struct {
		result check.Result
		word   string
	}{{check.Fail, "failed"}, {check.Inconclusive, "inconclusive"}, {check.NotChecked, "not checked"}} {
		if n[k.result] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[k.result], k.word))
		}
	}
	if len(parts) == 0 {
		return plural(int64(len(r.Checks)), "check", "checks") + " passed"
	}
	return fmt.Sprintf("%s of %s", strings.Join(parts, ", "), plural(int64(len(r.Checks)), "check", "checks"))
}

func tally(checks []Check) map[check.Result]int {
	n := make(map[check.Result]int)
	for _, c := range checks {
		n[known(c.Result)]++
	}
	return n
}

// known takes a result that this drover does not know, from a decoded document, for not checked: it must not pass.
func known(r check.Result) check.Result {
	switch r {
	case check.Pass, check.Fail, check.Inconclusive:
		return r
	}
	return check.NotChecked
}

// divergence is one sentence on why response time and service time differ, or "" while they tell the same story.
func divergence(r *Run) string {
	response, service := r.Latency.Response, r.Latency.Service
	if response.Count == 0 || response.P99NS < 2*service.P99NS || response.P99NS-service.P99NS < int64(5*time.Millisecond) {
		return ""
	}
	why := fmt.Sprintf("uploads were sent late (send lag p99 %s), every connection or this machine being busy", dur(r.Latency.SendLag.P99NS))
	switch {
	case r.Latency.SendLag.P99NS >= (response.P99NS-service.P99NS)/2:
	case r.Load.Gathered != nil:
		why = "uploads waited for others of their request, or for the next attempt"
	case r.Totals.Retries > 0:
		why = fmt.Sprintf("%s were made before the last attempt", plural(r.Totals.Retries, "retry", "retries"))
	}
	return fmt.Sprintf("Response p99 is %s, service p99 only %s: %s. Timing from the send would hide that.",
		dur(response.P99NS), dur(service.P99NS), why)
}

// cutShort is one sentence on the uploads that the run's end cut short, or "" when there are none.
func cutShort(r *Run) string {
	n := map[string]int64{}
	for _, c := range r.Classes {
		n[c.Class] = c.Final
	}
	var parts []string
	for _, c := range [...]struct {
		class measure.Class
		what  string
	}{{measure.Cancelled, "for an answer"}, {measure.NotStarted, "to be sent"}} {
		if of := n[c.class.String()]; of > 0 {
			parts = append(parts, fmt.Sprintf("%s waited %s (%v)", plural(of, "upload", "uploads"), c.what, c.class))
		}
	}
	switch list := strings.Join(parts, ", "); {
	case list == "":
		return ""
	case r.Interrupted:
		return "When the run was interrupted, " + list
	default:
		return "At the run's end " + list + "; give a last phase do: drain more time"
	}
}

// loadLine describes the load in a few words.
func loadLine(r *Run) string {
	parts := []string{r.Load.Model + " model"}
	switch {
	case r.Load.Model == "closed":
		parts[0] += fmt.Sprintf(", %s at once", check.FormatCount(int64(r.Load.Concurrency)))
	case r.Load.Arrivals != "":
		parts[0] += ", " + r.Load.Arrivals + " arrivals"
	}
	parts = append(parts, plural(int64(r.Load.Devices), "device", "devices")+" in "+plural(int64(r.Load.Tenants), "tenant", "tenants"))
	if r.Load.Shard != "" && r.Load.Shard != "1/1" {
		parts = append(parts, "shard "+r.Load.Shard)
	}
	if g := r.Load.Gathered; g != nil {
		parts = append(parts, fmt.Sprintf("%.1f uploads a request", float64(g.Uploads)/float64(max(1, g.Requests))))
	}
	if r.Generator.Timer != "" {
		parts = append(parts, r.Generator.Timer)
	}
	return strings.Join(parts, " · ")
}

// measuredNS is how long the measured phases took, without the time in which the clock was held.
func measuredNS(r *Run) (sum int64) {
	for _, p := range r.Phases {
		if !p.Measure {
			continue
		}
		sum += p.ToNS - p.FromNS
		for _, held := range r.Pauses {
			sum -= max(0, min(p.ToNS, held.AtNS+held.ForNS)-max(p.FromNS, held.AtNS))
		}
	}
	return sum
}

// HandWarnings say what somebody did to the clock by hand.
func HandWarnings(r *Run) (list []string) {
	var held int64
	for _, p := range r.Pauses {
		held += p.ForNS
	}
	if n := len(r.Pauses); n > 0 {
		list = append(list, fmt.Sprintf("the clock was held by hand, %s for %s in all: nothing fell due meanwhile, and rates leave that time out",
			plural(int64(n), "time", "times"), dur(held)))
	}
	for _, s := range r.Speeds {
		list = append(list, fmt.Sprintf("the devices' time went %g times as fast as the scenario has it, by hand, from %s for %s: this load is not the scenario's",
			s.Times, dur(s.AtNS), dur(s.ForNS)))
	}
	return list
}

// measuredPhases names the measured phases.
func measuredPhases(r *Run) string {
	var names []string
	for _, p := range r.Phases {
		if p.Measure {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}

// changeLine is what the scenario's timeline did, in a few words; "" when it did nothing.
func changeLine(r *Run) string {
	var words []string
	for _, c := range r.Changes {
		words = append(words, c.Name+" "+when(c))
	}
	return strings.Join(words, " · ")
}

// when is the time of a change, as offsets from the run's start.
func when(c Change) string {
	if c.ToNS == nil {
		return "from " + dur(c.FromNS)
	}
	return dur(c.FromNS) + " to " + dur(*c.ToNS)
}

func dur(ns int64) string { return check.FormatDuration(time.Duration(ns)) }

func count(n int64) string { return check.FormatCount(n) }

// ratio writes n of of as a percentage, or a dash.
func ratio(n, of int64) string {
	if of == 0 {
		return "–"
	}
	return check.FormatShare(float64(n) / float64(of))
}

// perSecond writes a rate with four figures at most.
func perSecond(n, ns int64) string {
	if ns <= 0 {
		return "–"
	}
	return rate(float64(n)/(float64(ns)/1e9)) + "/s"
}

func rate(v float64) string {
	if v >= 999.5 {
		return check.FormatCount(int64(v + 0.5))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// size writes bytes in decimal units, as networks do.
func size(n int64) string {
	v := float64(n)
	for _, unit := range [...]string{"B", "kB", "MB", "GB", "TB"} {
		if v < 999.5 || unit == "TB" {
			if unit == "B" {
				return fmt.Sprintf("%d B", n)
			}
			return fmt.Sprintf("%.3g %s", v, unit)
		}
		v /= 1000
	}
	return ""
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return check.FormatCount(n) + " " + many
}

// storedText is what the backend holds of a kind, or a dash when it does not tell.
func storedText(k Kind) string {
	if k.Stored == nil {
		return "–"
	}
	return count(*k.Stored)
}

// occurred is the kinds of which there were events, on either side.
func occurred(kinds []Kind) (list []Kind) {
	for _, k := range kinds {
		if k.Made+k.Accepted+k.Refused+k.Failed+k.Dropped > 0 || k.Stored != nil && *k.Stored > 0 {
			list = append(list, k)
		}
	}
	return list
}

func acceptedOf(kinds []Kind) (n int64) {
	for _, k := range kinds {
		n += k.Accepted
	}
	return n
}

// eventsApart says what the events by kind count where that is another number than the load's, which has what was in the accepted uploads of
// measured phases; else "".
func eventsApart(r *Run) string {
	n := acceptedOf(r.Kinds)
	if n == r.Totals.Events {
		return ""
	}
	said := plural(n, "event", "events") + " accepted in all phases"
	if no := r.AllPhases.Events - n; no > 0 {
		return said + fmt.Sprintf("; %s more of accepted uploads, which the load counts, were refused or had no answer", count(no))
	}
	return said + fmt.Sprintf(", %s in measured ones", count(r.Totals.Events))
}

// differs reports that the backend holds more or fewer events of the kind than it can.
func (k Kind) differs() bool {
	if k.Stored == nil {
		return false
	}
	c := check.KindCount{Accepted: k.Accepted, Unanswered: k.Unanswered, Stored: *k.Stored}
	return c.Missing() > 0 || c.Surplus() > 0
}

// again is the command that repeats the run.
func again(r *Run) string {
	if r.Scenario.Command != "" {
		return r.Scenario.Command
	}
	return "drover run scenario.yaml"
}
