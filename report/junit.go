package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"drover/sim/check"
)

// JUnit writes one test suite for the scenario with one test case for each check: a failure for fail, an error for
// inconclusive, skipped for not checked. A run that broke before its checks has one case named "run" in error.
//
// Jenkins' xUnit plugin holds a file to its schema (junit-10.xsd, 2024), which allows no count of skipped cases at testsuites. GitLab
// shows what an element has inside, not its message (Unit test reports, 2025), and GitHub's reporters show the message as a title;
// so what was found is in both.
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
		note := &junitNote{Message: clean(cmp.Or(c.Got, c.Evidence)), Type: string(known(c.Result)), Text: clean(story(&c))}
		switch c.Result {
		case check.Pass:
			tc.Out = note.Text
		case check.Fail:
			tc.Failure = note
			suite.Failures++
		case check.NotChecked:
			tc.Skipped = &junitNote{Message: clean(c.Evidence), Text: note.Text}
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
	all := junitSuites{Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Time: seconds, Suites: []junitSuite{suite}}
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// story is all of a check: what was found, what was promised, and why.
func story(c *Check) string {
	var parts []string
	for _, p := range [...]struct{ word, text string }{{"", c.Got}, {"want ", c.Want}, {"", c.Evidence}} {
		if p.text != "" {
			parts = append(parts, p.word+p.text)
		}
	}
	return strings.Join(parts, "; ")
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
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
