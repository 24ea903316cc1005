package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"drover/sim/check"
)

// JUnit writes one test suite for the scenario with one test case for each check: a failure for fail, an error for
// inconclusive, skipped for not checked. A run that broke before its checks has one case named "run" in error.
// Source for the shape: the JUnit XML that Jenkins, GitLab and GitHub's reporters read, as gathered in
// https://github.com/testmoapp/junitxml (2024).
func JUnit(w io.Writer, r *Run) error {
	seconds := fmt.Sprintf("%.3f", float64(r.DurationNS)/1e9)
	suite := junitSuite{
		Name: clean(r.Scenario.Name), Time: seconds, Timestamp: r.Started.UTC().Format(time.RFC3339),
		Properties: []junitProperty{
			{"drover", r.Drover.Version}, {"run", r.ID}, {"digest", r.Scenario.Digest}, {"seeds", seedText(r)},
			{"target", r.Target.URL}, {"again", again(r)},
		},
	}
	for _, c := range r.Checks {
		tc := junitCase{Class: "drover." + clean(r.Scenario.Name), Name: clean(c.Name), Time: "0"}
		note := &junitNote{Message: clean(c.Got), Type: string(c.Result), Text: clean(fmt.Sprintf("want %s; %s", c.Want, c.Evidence))}
		if note.Message == "" {
			note.Message = clean(c.Evidence)
		}
		switch c.Result {
		case check.Pass:
			tc.Out = clean(fmt.Sprintf("%s; want %s; %s", c.Got, c.Want, c.Evidence))
		case check.Fail:
			tc.Failure = note
			suite.Failures++
		case check.NotChecked:
			tc.Skipped = &junitNote{Message: clean(c.Evidence)}
			suite.Skipped++
		default:
			tc.Error = note
			suite.Errors++
		}
		suite.Cases = append(suite.Cases, tc)
	}
	if len(r.Checks) == 0 && r.Exit.Code != 0 {
		suite.Errors++
		suite.Cases = append(suite.Cases, junitCase{Class: "drover." + clean(r.Scenario.Name), Name: "run", Time: seconds,
			Error: &junitNote{Message: clean(r.Exit.Reason), Type: "run", Text: clean(strings.Join(r.Warnings, "; "))}})
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	all := junitSuites{Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Skipped: suite.Skipped, Time: seconds, Suites: []junitSuite{suite}}
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"` // seconds
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitNote `xml:"failure"`
	Error   *junitNote `xml:"error"`
	Skipped *junitNote `xml:"skipped"`
	Out     string     `xml:"system-out,omitempty"`
}

type junitNote struct {
	Message string `xml:"message,attr,omitempty"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}
