package check

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// FormatDuration writes a duration with three significant figures, e.g. "231ms", "1.24s", "84.2µs" and "1m12s" above a
// minute. It is for people: the value cannot be read back exactly.
func FormatDuration(d time.Duration) string {
	if d < 0 {
		return "-" + FormatDuration(-max(d, -math.MaxInt64)) // the lowest has no opposite
	}
	if d >= time.Minute {
		return trimDuration(d.Round(time.Second).String())
	}
	unit := time.Duration(1)
	for d >= 1000*unit {
		unit *= 10
	}
	// 999.9 µs must become 1ms, not 1000µs: Round first, then let String choose the unit.
	return trimDuration(d.Round(unit).String())
}

// trimDuration drops the zero parts that time.Duration.String writes: 1m0s is 1m, 1h0m0s is 1h.
func trimDuration(s string) string {
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// FormatBetween writes what is known of a duration that lies between two.
func FormatBetween(least, most time.Duration) string {
	if least == 0 {
		return "at most " + FormatDuration(most)
	}
	return FormatDuration(least) + " to " + FormatDuration(most)
}

// FormatShare writes a share, where 1 is 100 %, with as few decimals as tell it apart from 0 % and from 100 %, and at
// least to half a per cent of itself: "0.1%", "99.98%", "33.3%".
func FormatShare(v float64) string {
	near := math.Min(math.Abs(v), math.Abs(1-v))
	for decimals := 0; ; decimals++ {
		s := strconv.FormatFloat(100*v, 'f', decimals, 64)
		if got, _ := strconv.ParseFloat(s+"e-2", 64); math.Abs(got-v) <= 0.005*near || decimals == 9 {
			return s + "%"
		}
	}
}

// FormatCount writes a whole number with commas, e.g. "1,204,311".
func FormatCount(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return sign + s
}

// percentDigits writes a share as a percentage without loss: 0.995 is "99.5". It shifts the point of the shortest decimal
// that is this float, because multiplying by 100 would round.
func percentDigits(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	digits := strings.TrimLeft(whole+fraction[:2], "0")
	if digits == "" {
		digits = "0"
	}
	if rest := fraction[2:]; rest != "" {
		digits += "." + rest
	}
	return digits
}
