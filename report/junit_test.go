package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drover/sim/check"
)

// junitRule is what an element may have: attributes, those with ! always, and elements. Text says that characters may stand in it.
type junitRule struct {
	attributes, elements string
	text                 bool
}

// junitRules are those of Jenkins' xUnit plugin, which refuses a file that breaks them; surefire's own schema allows all of this, too.
// Source: jenkinsci/xunit-plugin, junit-10.xsd (2024); Apache Maven Surefire, surefire-test-report.xsd 3.0 (2022).
var junitRules = map[string]junitRule{
	"testsuites": {attributes: "name time tests failures errors", elements: "testsuite"},
	"testsuite":  {attributes: "name! tests! failures! errors! group time skipped timestamp hostname id package file log url", elements: "testsuite properties testcase system-out system-err"},
	"properties": {elements: "property"},
	"property":   {attributes: "name! value!"},
	"testcase":   {attributes: "name! time classname group", elements: "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err"},
	"failure":    {attributes: "type message", text: true},
	"error":      {attributes: "type message", text: true},
	"skipped":    {attributes: "type message", text: true},
	"system-out": {text: true},
	"system-err": {text: true},
}

var surefireTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

// breaksJUnit names the rules that a file breaks.
func breaksJUnit(src []byte) (list []string) {
	dec := xml.NewDecoder(bytes.NewReader(src))
	var in []string
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return list
		}
		if err != nil {
			return append(list, err.Error())
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			rule, ok := junitRules[name]
			parent := "the document"
			allowed := name == "testsuites" || name == "testsuite"
			if len(in) > 0 {
				parent = in[len(in)-1]
				allowed = slices.Contains(strings.Fields(junitRules[parent].elements), name)
			}
			if !ok || !allowed {
				list = append(list, fmt.Sprintf("%s may not be in %s", name, parent))
			}
			has := map[string]bool{}
			for _, a := range token.Attr {
				has[a.Name.Local] = true
				if known := strings.Fields(strings.ReplaceAll(rule.attributes, "!", "")); !slices.Contains(known, a.Name.Local) {
					list = append(list, fmt.Sprintf("%s may not have %s", name, a.Name.Local))
				}
				if a.Name.Local == "time" && !surefireTime.MatchString(a.Value) {
					list = append(list, fmt.Sprintf("%s has the time %q", name, a.Value))
				}
			}
			for _, a := range strings.Fields(rule.attributes) {
				if must, ok := strings.CutSuffix(a, "!"); ok && !has[must] {
					list = append(list, fmt.Sprintf("%s has no %s", name, must))
				}
			}
			in = append(in, name)
		case xml.EndElement:
			in = in[:len(in)-1]
		case xml.CharData:
			if len(in) > 0 && !junitRules[in[len(in)-1]].text && len(bytes.TrimSpace(token)) > 0 {
				list = append(list, fmt.Sprintf("%s may not have text", in[len(in)-1]))
			}
		}
	}
}

// What Jenkins would refuse is not written, and what GitLab shows, the inside of elements, has what was found.
func TestJUnitIsRead(t *testing.T) {
	skipped := stalled(t)
	skipped.Checks[0] = Check{Name: "nothing-lost", Result: check.NotChecked, Want: "lost <= 0", Evidence: "the scenario has no readback"}
	for name, r := range map[string]*Run{"stalled": stalled(t), "hostile": hostile(t), "broke": {Exit: Exit{Code: 1, Reason: "the target went away"}}, "empty": {}, "skipped": skipped} {
		var b bytes.Buffer
		if err := JUnit(&b, r); err != nil {
			t.Fatal(err)
		}
		for _, broken := range breaksJUnit(b.Bytes()) {
			t.Errorf("%s: %s", name, broken)
		}
		var got junitSuites
		if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for i, c := range got.Suites[0].Cases {
			// Of cases that have one name GitLab reads the first.
			if c.Name == "" || c.Class == "" || names[c.Class+" "+c.Name] && name != "hostile" {
				t.Errorf("%s: a case is %q of %q", name, c.Name, c.Class)
			}
			names[c.Class+" "+c.Name] = true
			inside := c.Out
			for _, n := range []*junitNote{c.Failure, c.Error, c.Skipped} {
				if n != nil {
					inside = n.Text
				}
			}
			if name != "broke" {
				for _, want := range []string{r.Checks[i].Got, r.Checks[i].Want, r.Checks[i].Evidence} {
					if !strings.Contains(inside, clean(want)) {
						t.Errorf("%s: the case %s has %q inside, want %q in it", name, c.Name, inside, want)
					}
				}
			}
		}
	}
	// The rules find what they are about.
	for _, tt := range [][2]string{
		{`<testsuites skipped="0"><testsuite name="a" tests="1" failures="0" errors="0"/></testsuites>`, "testsuites may not have skipped"},
		{`<testsuite name="a" tests="1" failures="0"/>`, "testsuite has no errors"},
		{`<testsuites><testcase name="a"/></testsuites>`, "testcase may not be in testsuites"},
		{`<testsuite name="a" tests="1" failures="0" errors="0" time="1e3"/>`, `testsuite has the time "1e3"`},
		{`<testsuites>text</testsuites>`, "testsuites may not have text"},
	} {
		if got := strings.Join(breaksJUnit([]byte(tt[0])), "; "); got != tt[1] {
			t.Errorf("%s: %q, want %q", tt[0], got, tt[1])
		}
	}
}
