package check

import "testing"

func TestPrivacy(t *testing.T) {
	clean := &Audit{Contract: "mde", Uploads: 1234, Events: 2345, Blind: []string{"P12 not checked"}}
	broken := &Audit{Contract: "mde", Uploads: 10, Events: 20, Violations: 3, Broken: []string{"P02 2", "P07 1"}, First: "P02 events[].web.domain: x"}
	for _, tt := range []struct {
		name  string
		check Privacy
		facts Facts
		want  Outcome
	}{
		{"clean", Privacy{}, Facts{Audit: clean}, Outcome{Result: Pass, Want: "violations <= 0", Got: "violations 0", Samples: 1234,
			Evidence: "1,234 uploads with 2,345 events held to contract mde; P12 not checked"}},
		{"canaries", Privacy{}, Facts{Audit: &Audit{Contract: "mde", Uploads: 5, Events: 9, Canaries: &Canaries{Hosts: 200, Visited: 187, Visits: 3412}}},
			Outcome{Result: Pass, Want: "violations <= 0", Got: "violations 0, canaries found 0 of 187 visited", Samples: 5,
				Evidence: "5 uploads with 9 events held to contract mde; 187 of 200 canaries were visited, 3,412 times"}},
		{"no canary visited", Privacy{}, Facts{Audit: &Audit{Contract: "mde", Uploads: 5, Events: 9, Canaries: &Canaries{Hosts: 200}}},
			Outcome{Result: Inconclusive, Want: "violations <= 0", Got: "violations 0, canaries found 0 of 0 visited", Samples: 5,
				Evidence: "5 uploads with 9 events held to contract mde; 0 of 200 canaries were visited, 0 times, which proves nothing"}},
		{"broken", Privacy{Violations: 2}, Facts{Audit: broken}, Outcome{Result: Fail, Want: "violations <= 2", Got: "violations 3", Samples: 10,
			Evidence: "10 uploads with 20 events held to contract mde: P02 2, P07 1; first P02 events[].web.domain: x"}},
		{"at the bound", Privacy{Violations: 3}, Facts{Audit: broken}, Outcome{Result: Pass, Want: "violations <= 3", Got: "violations 3", Samples: 10,
			Evidence: "10 uploads with 20 events held to contract mde: P02 2, P07 1; first P02 events[].web.domain: x"}},
		{"no audit", Privacy{}, Facts{}, Outcome{Result: NotChecked, Want: "violations <= 0", Evidence: "no upload was audited"}},
		{"no uploads", Privacy{}, Facts{Audit: &Audit{}}, Outcome{Result: Inconclusive, Want: "violations <= 0", Evidence: "0 uploads: the check proves nothing"}},
	} {
		tt.want.Name = "privacy"
		if got := Evaluate([]Check{{Name: "privacy", Privacy: &tt.check}}, tt.facts)[0]; got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
