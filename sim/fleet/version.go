package fleet

import (
	"cmp"
	"errors"
	"time"
)

// AppBuild is a build of the Defender app as a number that grows with it: MMDDBBPP of its version 1.1.MMDDBBPP.
type AppBuild uint32

// ParseApp reads the version of a build of the Defender app, 1.1.MMDDBBPP: MM is the month in which its branch was cut,
// counted from December 2019 (1 is January 2020), DD the day, BB the build and PP the patch, both from 01.
//
// Source: derived from the 16 builds that the what's-new page of Microsoft Defender for Endpoint on iOS names (defender-docs,
// ios-whatsnew.md, CC-BY-4.0, copies of 2025-02-11 and 2025-11-24), which all obey it; the rule itself is not published.
func ParseApp(version string) (AppBuild, error) {
	const prefix = "1.1."
	if len(version) != len(prefix)+8 || version[:len(prefix)] != prefix {
		return 0, errors.New("want 1.1.MMDDBBPP, e.g. 1.1.70290103")
	}
	var n AppBuild
	for _, c := range []byte(version[len(prefix):]) {
		if c < '0' || c > '9' {
			return 0, errors.New("want 1.1.MMDDBBPP, e.g. 1.1.70290103")
		}
		n = n*10 + AppBuild(c-'0')
	}
	month, day := int(n/1e6), int(n/1e4%100)
	if month < 1 {
		return 0, errors.New("its month is 00; months count from December 2019, so 01 is January 2020")
	}
	first := time.Date(2019, time.December, 1, 0, 0, 0, 0, time.UTC).AddDate(0, month, 0)
	if day < 1 || first.AddDate(0, 0, day-1).Month() != first.Month() {
		return 0, errors.New("its month " + first.Format("January 2006") + " has no such day")
	}
	if n/100%100 < 1 || n%100 < 1 {
		return 0, errors.New("its build and its patch count from 01")
	}
	return n, nil
}

// lastForIOS15 is the last build that devices with iOS 15 could update to.
const lastForIOS15 AppBuild = 64_03_01_01

// Needs is the lowest major of iOS that runs the build: 16 for all that came after 1.1.64030101, which was the last for iOS 15. A
// later minimum is plausible for builds of 2026, but is not known.
//
// Source: MicrosoftDocs/defender-docs, ios-whatsnew.md, 2025-11-24 (CC-BY-4.0).
func (b AppBuild) Needs() int {
	if b > lastForIOS15 {
		return 16
	}
	return 15
}

// Newer reports whether r has a higher version than o.
func (r *Release) Newer(o *Release) bool { return CompareVersions(r.Version, o.Version) > 0 }

// CompareVersions compares numbers with dots between them; a part that is missing is 0.
func CompareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y int
		x, a = part(a)
		y, b = part(b)
		if c := cmp.Compare(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// part is the first number of a version, and what follows its dot.
func part(v string) (n int, rest string) {
	for i := range len(v) {
		switch c := v[i]; {
		case c == '.':
			return n, v[i+1:]
		case c >= '0' && c <= '9' && n < 1e6:
			n = n*10 + int(c-'0')
		}
	}
	return n, ""
}
