package privacy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"drover/sim"
	"drover/sim/behavior"
	"drover/sim/classify"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/privacy"
)

// leaky takes a canary for malicious, as a classifier with a fault would, and notes which ones it saw.
type leaky struct {
	classify.Classifier
	seen map[string]int
}

func (l leaky) Classify(host []byte) classify.Verdict {
	if bytes.HasPrefix(host, []byte("canary-")) {
		l.seen[string(host)]++
		return classify.Verdict{Category: event.Phishing, Score: 1}
	}
	return l.Classifier.Classify(host)
}

// TestCanaries: each canary is visited by one device and by the classifier's leave benign; where it is not, the audit finds it.
func TestCanaries(t *testing.T) {
	m := parsed(t, fmt.Sprintf(lively, 3, "canaries: {benignHosts: 90}", 100.0, 0.0, "DefenderExcludeURLInReport: {true: 0, false: 100}", 0.5))
	list := m.Behavior.Canaries.List()
	names := map[string]bool{}
	for _, c := range list {
		host := c.Append(nil)
		names[string(host)] = true
		if v := m.Behavior.Classifier.Classify(host); v.Malicious() {
			t.Errorf("the reference classifier calls %s %v", host, v.Category)
		}
	}
	if len(list) != 90 || len(names) != 90 {
		t.Fatalf("%d canaries with %d names, want 90", len(list), len(names))
	}
	for host := range m.Behavior.Hosts.List() {
		if strings.HasPrefix(host, "canary-") {
			t.Errorf("a site is called %s", host)
		}
	}
	run := func(m *sim.Model) (res privacy.Result, stats behavior.Stats, docs [][]byte) {
		a := privacy.NewAuditor(m.Scenario.Contract, privacy.Options{Canaries: m.Behavior.Canaries.List()})
		r := a.Reader(settingsOf(m))
		stats = uploads(m, 4000, func(doc []byte, _ *fleet.Device) {
			r.Upload(doc)
			docs = append(docs, doc)
		})
		return a.Finish(), stats, docs
	}
	res, stats, docs := run(m)
	if res.Violations != 0 || res.Found != 0 || res.Canaries != 90 || stats.Canaries < 80 || stats.CanaryVisits < stats.Visits/4 || stats.CanaryVisits > stats.Visits/2 {
		t.Errorf("%d violations, %d found; %d of %d canaries visited, %d of %d visits", res.Violations, res.Found, stats.Canaries, res.Canaries, stats.CanaryVisits, stats.Visits)
	}
	if bytes.Contains(bytes.Join(docs, nil), []byte("canary-")) {
		t.Error("an upload has the name of a canary")
	}

	faulty := *m
	seen := leaky{m.Behavior.Classifier, map[string]int{}}
	faulty.Behavior.Classifier = seen
	res, _, docs = run(&faulty)
	devices := map[string]string{} // of each canary
	told := int64(0)
	for _, raw := range docs {
		var doc object
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		for _, e := range doc["events"].([]any) {
			domain, _ := at(e.(object), "web")["domain"].(string)
			if !strings.HasPrefix(domain, "canary-") {
				continue
			}
			told++
			id := at(doc, "account")["device_id"].(string)
			if was, ok := devices[domain]; ok && was != id {
				t.Errorf("%s was visited by %s and %s", domain, was, id)
			}
			devices[domain] = id
		}
	}
	if told == 0 || res.Found != told || res.Violations != told || res.Findings[privacy.P06].Violations != told || len(seen.seen) < 80 {
		t.Errorf("with a fault %d canaries are told, %d found, %d violations, %+v", told, res.Found, res.Violations, res.Findings[privacy.P06])
	}
	// Which sites are canaries is no matter of the scenario's other parts: two seeds have no canary in common.
	other := behavior.NewCanaries(m.Scenario.Seeds.Behavior+1, 90, 60)
	for _, c := range other.List() {
		if names[string(c.Append(nil))] {
			t.Errorf("another seed has the canary %x, too", c)
		}
	}
}

// TestCanaryAnywhere puts the name of a canary into places of all kinds.
func TestCanaryAnywhere(t *testing.T) {
	c := event.Canary{1, 2, 3, 4, 5, 0xab}
	for _, tt := range []struct {
		name, doc string
		want      int64
		event     int
	}{
		{"a domain", `{"events":[{},{"kind":"web.threat","web":{"domain":"canary-0102030405ab.com.sim.test"}}]}`, 1, 1},
		{"twice", `{"events":[{"a":"canary-0102030405ab.com.sim.test and canary-0102030405ab"}]}`, 2, 0},
		{"in capitals", `{"events":[{"a":"CANARY-0102030405AB.COM"}]}`, 1, 0},
		{"the name of a field", `{"device":{"canary-0102030405ab.com":1}}`, 1, -1},
		{"a report inside a text", `{"events":[{"app":{"crash":{"report":"{\"a\":\"x\"}\n{\"asi\":{\"l\":[\"GET canary-0102030405ab.com\"]}}"}}}]}`, 1, 0},
		{"escapes", `{"account":{"upn":"\u0063anary\u002D0102030405ab@x"}}`, 1, -1},
		{"escapes elsewhere", `{"account":{"upn":"\u0061@canary-0102030405ab"}}`, 1, -1},
		{"escapes twice", `{"account":{"upn":"\\u0063anary-0102030405ab"}}`, 1, -1},
		{"no JSON", `canary-0102030405ab`, 1, -1},
		{"another run's", `{"events":[{"a":"canary-0102030405ac.com"}]}`, 0, -1},
	} {
		var found []privacy.Violation
		a := privacy.NewAuditor(contract(t, "mde"), privacy.Options{Canaries: []event.Canary{{}, c}, Report: func(v privacy.Violation) {
			if v.Invariant == privacy.P06 {
				found = append(found, v)
			}
		}})
		a.Reader(nil).Upload([]byte(tt.doc))
		if res := a.Finish(); res.Found != tt.want || int64(len(found)) != tt.want || res.Canaries != 2 {
			t.Errorf("%s: found %d in %v, want %d", tt.name, res.Found, found, tt.want)
		} else if tt.want > 0 && (found[0].Index != tt.event || !strings.Contains(found[0].What, "canary 2,")) {
			t.Errorf("%s: %+v, want event %d and canary 2", tt.name, found[0], tt.event)
		}
	}
}
