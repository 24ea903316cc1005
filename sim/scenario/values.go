package scenario

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The scalar types of the format. Each is written as text with a unit, and read back to the same value from its String.
type (
	duration time.Duration // "90s", "15m", "1h30m", "2d"
	rate     float64       // per second; "2000/s", "30/m"
	share    float64       // 0..1; "0.4%"
	instant  time.Time     // RFC 3339 with a zone
	word     string        // a name of ours: lower-case letters, digits and hyphens
)

const (
	day            = 24 * time.Hour
	durationSyntax = `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h|d))+$`
	rateSyntax     = `^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/(s|m|h|d)$`
	shareSyntax    = `^[0-9]+(\.[0-9]+)?%$`
	wordSyntax     = `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`
)

var (
	durationPattern = regexp.MustCompile(durationSyntax)
	durationPart    = regexp.MustCompile(`([0-9.]+)([a-z]+)`)
	ratePattern     = regexp.MustCompile(rateSyntax)
	sharePattern    = regexp.MustCompile(shareSyntax)
	wordPattern     = regexp.MustCompile(wordSyntax)
	plainNumber     = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	wholeNumber     = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
)

var durationUnits = []struct {
	name string
	size time.Duration
}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1}}

func parseDuration(s string) (d duration, mend string, ok bool) {
	mend = "want a number with a unit, e.g. 250ms, 90s, 15m, 1h or 2d"
	if !durationPattern.MatchString(s) {
		if plainNumber.MatchString(s) && s != "0" {
			mend = fmt.Sprintf("a duration needs its unit, e.g. %ss", s)
		}
		return 0, mend, false
	}
	sum := 0.0
	for _, part := range durationPart.FindAllStringSubmatch(s, -1) {
		n, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, mend, false
		}
		for _, u := range durationUnits {
			if u.name == part[2] {
				sum += n * float64(u.size)
			}
		}
	}
	if sum >= math.MaxInt64 {
		return math.MaxInt64, "", true
	}
	return duration(math.Round(sum)), "", true
}

func (d duration) String() string {
	for _, u := range durationUnits {
		if time.Duration(d)%u.size == 0 && (d != 0 || u.name == "s") {
			return fmt.Sprintf("%d%s", time.Duration(d)/u.size, u.name)
		}
	}
	return fmt.Sprintf("%dns", int64(d))
}

func parseRate(s string) (r rate, mend string, ok bool) {
	mend = "want a number per unit of time, e.g. 2000/s or 30/m"
	if !ratePattern.MatchString(s) {
		if plainNumber.MatchString(s) {
			mend = fmt.Sprintf("a rate needs its unit, e.g. %s/s", s)
		}
		return 0, mend, false
	}
	text, unit, _ := strings.Cut(s, "/")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, mend, false
	}
	for _, u := range durationUnits {
		if u.name == unit {
			n /= u.size.Seconds()
		}
	}
	return rate(n), "", true
}

func (r rate) String() string { return number(float64(r)) + "/s" }

func parseShare(s string) (v share, mend string, ok bool) {
	mend = "want a share in per cent, e.g. 0.4%"
	if !sharePattern.MatchString(s) {
		if plainNumber.MatchString(s) {
			mend = fmt.Sprintf("a share is written in per cent, e.g. %s%%", s)
		}
		return 0, mend, false
	}
	// Not divided by 100: 0.7/100 is not the number nearest to 0.007.
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%")+"e-2", 64)
	if err != nil {
		return 0, mend, false
	}
	return share(n), "", true
}

// String returns the shortest per cent that parses to exactly v: its decimals, with the point two places further.
func (v share) String() string {
	whole, decimals, _ := strings.Cut(strconv.FormatFloat(float64(v), 'f', -1, 64), ".")
	decimals += "00"
	text := strings.TrimLeft(whole+decimals[:2], "0")
	if text == "" {
		text = "0"
	}
	if rest := strings.TrimRight(decimals[2:], "0"); rest != "" {
		text += "." + rest
	}
	return text + "%"
}

func (t instant) String() string { return time.Time(t).UTC().Format(time.RFC3339Nano) }

// number writes a float so that it reads back the same, without an exponent where that is readable.
func number(f float64) string {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e15) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
