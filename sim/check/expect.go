package check

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Expectation is a statistic of a metric, and its limit, e.g. "p99 <= 250ms". The zero value is not valid; ParseExpectation
// makes one.
type Expectation struct {
	Stat     string  // "p99.9", "max", "min", "mean", "rate", "count" or "per_second"
	Quantile float64 // of a percentile: 0.999 for p99.9; else 0
	Limit    Bound
}

// Metrics are the names a metric check may use, with what they measure.
var Metrics = [...]struct {
	Name, Doc string
	stats     string // the kind of statistics that fit, a key of statWords
}{
	{"response_time", "done - intended, of uploads that were answered or waited in vain", "times"},
	{"service_time", "done - sent, of the same uploads", "times"},
	{"send_lag", "sent - intended, of all uploads that were sent", "times"},
	{"failed", "uploads that failed, were refused or dropped; rate is their share of those due", "shares"},
	{"refused", "uploads that were answered no; rate is their share of those due", "shares"},
	{"dropped", "uploads that were never sent; rate is their share of those due", "shares"},
	{"accepted", "uploads that were accepted; rate is their share of those due", "shares"},
	{"retries", "attempts after the first; rate is per upload sent", "shares"},
	{"throughput", "uploads accepted", "flows"},
}

// statWords says which statistics fit, with an example each.
var statWords = map[string]struct{ list, example string }{
	"times":  {"p50 to p99.999, mean, min, max", "p99 <= 250ms"},
	"shares": {"rate, count", "rate <= 0.1%"},
	"flows":  {"per_second, count", "per_second >= 950"},
}

// SyntaxError is a mistake in the text of an expectation or a bound: what is wrong, and how to mend it.
type SyntaxError struct{ What, Mend string }

// Error returns "what; mend".
func (e *SyntaxError) Error() string { return e.What + "; " + e.Mend }

func mistake(mend, format string, a ...any) error {
	return &SyntaxError{What: fmt.Sprintf(format, a...), Mend: mend}
}

// ParseExpectation reads "STATISTIC COMPARISON LIMIT" for one of Metrics. The error is a *SyntaxError.
func ParseExpectation(metric, text string) (Expectation, error) {
	kind := statsOf(metric)
	if kind == "" {
		return Expectation{}, mistake("want one of "+metricNames(), "metric %q is unknown", metric)
	}
	words := statWords[kind]
	hint := fmt.Sprintf("want e.g. %q", words.example)
	at := strings.IndexAny(text, "<>=")
	if at < 0 {
		return Expectation{}, mistake(hint, "%q has no comparison", text)
	}
	stat := strings.TrimSpace(text[:at])
	limit, err := parseBound(text, text[at:], hint)
	if err != nil {
		return Expectation{}, err
	}
	e := Expectation{Stat: stat, Limit: limit}
	fits := false
	switch stat {
	case "mean", "min", "max":
		fits = kind == "times"
	case "rate":
		fits = kind == "shares"
	case "per_second":
		fits = kind == "flows"
	case "count":
		fits = kind != "times"
	default:
		if p, ok := strings.CutPrefix(stat, "p"); ok && kind == "times" {
			if e.Quantile, err = percentile(p); err != nil {
				return Expectation{}, mistake("want e.g. \"p99\" or \"p99.9\"; for p100 write \"max\"", "%q is not a percentile between p0 and p100", stat)
			}
			e.Stat, fits = "p"+percentDigits(e.Quantile), true
		}
	}
	if !fits {
		return Expectation{}, mistake("want "+words.list, "statistic %q does not fit metric %q", stat, metric)
	}
	return e, e.fit(text)
}

// fit reports a limit whose unit, or whose comparison, makes no sense for the statistic.
func (e Expectation) fit(text string) error {
	want, example := Number, "count <= 10"
	switch e.Stat {
	case "rate":
		want, example = Share, "rate <= 0.1%"
	case "per_second":
		example = "per_second >= 950"
	case "count":
	default:
		want, example = Time, e.Stat+" <= 250ms"
	}
	if e.Limit.Unit != want {
		return mistake(fmt.Sprintf("want e.g. %q", example), "%q: %s needs %s", text, e.Stat, [...]string{"a plain number", "a percentage", "a duration with a unit"}[want])
	}
	if e.Limit.Op == "==" && (want == Time || e.Stat == "per_second") {
		return mistake("want <=, <, >= or >", "%q: a measured %s is never exactly equal", text, e.Stat)
	}
	if e.Stat == "count" && e.Limit.Value != float64(int64(e.Limit.Value)) {
		return mistake("want a whole number", "%q: a count is never %s", text, e.Limit.limit())
	}
	return nil
}

// percentile turns "99.9" into 0.999, correctly rounded.
func percentile(digits string) (float64, error) {
	if !isNumber(digits) || len(digits) > 9 {
		return 0, strconv.ErrSyntax
	}
	q, err := strconv.ParseFloat(digits+"e-2", 64)
	if err != nil || q <= 0 || q >= 1 {
		return 0, strconv.ErrRange
	}
	return q, nil
}

func statsOf(metric string) string {
	for _, m := range Metrics {
		if m.Name == metric {
			return m.stats
		}
	}
	return ""
}

func metricNames() string {
	var names []string
	for _, m := range Metrics {
		names = append(names, m.Name)
	}
	return strings.Join(names, ", ")
}

// String returns the expectation as ParseExpectation reads it.
func (e Expectation) String() string { return e.Stat + " " + e.Limit.String() }

// Bound is a comparison with a limit, e.g. ">= 99.5%". The zero value is not valid; ParseBound makes one.
type Bound struct {
	Op    string        // "<=", "<", ">=", ">" or "=="
	Unit  Unit          // of the limit
	Value float64       // of a Number; of a Share, where 1 is 100 %
	Time  time.Duration // of a Time
}

// Unit is the kind of a limit.
type Unit uint8

const (
	Number Unit = iota // 500
	Share              // 99.5%
	Time               // 250ms
)

// ParseBound reads a bound on a share of something, ">= 99.5%", or on its number, ">= 500". The error is a *SyntaxError.
func ParseBound(text string) (Bound, error) {
	const hint = `want e.g. ">= 99.5%" or "<= 3"`
	b, err := parseBound(text, text, hint)
	if err == nil && b.Unit == Time {
		err = mistake(hint, "%q is a duration, not a share or a number", text)
	}
	return b, err
}

// parseBound reads rest, the part of text from the comparison on.
func parseBound(text, rest, hint string) (Bound, error) {
	var b Bound
	rest = strings.TrimSpace(rest)
	for _, op := range [...]string{"<=", ">=", "==", "<", ">"} {
		if after, ok := strings.CutPrefix(rest, op); ok {
			b.Op, rest = op, strings.TrimSpace(after)
			break
		}
	}
	switch {
	case b.Op == "" && strings.HasPrefix(rest, "="):
		return b, mistake(`write "=="`, "%q: \"=\" is not a comparison", text)
	case b.Op == "":
		return b, mistake(hint, "%q has no comparison", text)
	case rest == "":
		return b, mistake(hint, "%q has no limit", text)
	}
	number, percent := strings.CutSuffix(rest, "%")
	switch number = strings.TrimSpace(number); {
	case percent && isNumber(number):
		b.Unit = Share
		// The exponent lets ParseFloat round once: 0.7/100 is not the same float as 0.007, and 7 of 1,000 must meet 0.7 %.
		b.Value, _ = strconv.ParseFloat(number+"e-2", 64)
	case isNumber(number):
		b.Value, _ = strconv.ParseFloat(number, 64)
	default:
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || !strings.ContainsAny(rest[:1], "0123456789.") {
			return b, mistake(hint, "%q: %q is not a limit", text, rest)
		}
		b.Unit, b.Time = Time, d
	}
	if b.Value > 1e15 {
		return b, mistake("want at most 1e15, written out", "%q: %s is out of range", text, rest)
	}
	return b, nil
}

// isNumber accepts digits with at most one point inside: no sign, no exponent, no infinity, no octal.
func isNumber(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return len(s) <= 20 && digits(whole) && (!point || digits(fraction)) && (len(whole) == 1 || whole[0] != '0')
}

// String returns the bound as ParseBound, or ParseExpectation, reads it.
func (b Bound) String() string { return b.Op + " " + b.limit() }

func (b Bound) limit() string {
	switch b.Unit {
	case Share:
		return percentDigits(b.Value) + "%"
	case Time:
		return trimDuration(b.Time.String())
	}
	return strconv.FormatFloat(b.Value, 'f', -1, 64)
}

// holds compares a number or a share with the limit.
func (b Bound) holds(v float64) bool {
	switch b.Op {
	case "<=":
		return v <= b.Value
	case "<":
		return v < b.Value
	case ">=":
		return v >= b.Value
	case ">":
		return v > b.Value
	}
	return v == b.Value
}

// holdsTime compares a duration with the limit.
func (b Bound) holdsTime(d time.Duration) bool {
	switch b.Op {
	case "<=":
		return d <= b.Time
	case "<":
		return d < b.Time
	case ">=":
		return d >= b.Time
	case ">":
		return d > b.Time
	}
	return d == b.Time
}

// holdsOf compares n of total: their share when the limit is a share, else n itself.
func (b Bound) holdsOf(n, total int64) bool {
	if b.Unit == Share {
		return b.holds(float64(n) / float64(total))
	}
	return b.holds(float64(n))
}
