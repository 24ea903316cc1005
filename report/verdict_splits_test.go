package report

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/measure"
)

// sinking is a run whose verdicts, slow of 900 in a second and the others in a millisecond, are as bad as that.
func sinking(t *testing.T, slow, benign int) *Run {
	r := stalled(t)
	s := check.NewSplits(1, []int{0})
	for i := range 900 {
		took, said := time.Millisecond, event.Malware
		if i < slow {
			took = time.Second
		}
		if i < benign {
			said = event.Benign
		}
		s.Add(0, i%2, took, &check.Detection{Truth: event.Phishing, Reference: event.Phishing}, said)
	}
	r.Verdicts.ByResponse, r.Verdicts.ByTenant, r.Verdicts.ByPhase = nil, nil, nil
	r.Verdicts.Split(s, &measure.Names{Phases: []measure.PhaseName{{Name: "day"}}, Tenants: []string{"a", "b", "c"}})
	return r
}

// That verdicts fall when answers are slow is said in each report, and where they do not in none.
func TestSlowVerdictsAreTold(t *testing.T) {
	for _, tt := range []struct {
		slow, benign int
		want         string
	}{
		{90, 88, "verdicts fall when answers are slow: of the slowest tenth (from 998ms), recall is 2.22% (100% in the rest)"},
		{300, 300, "verdicts fall when answers are slow: of the slowest 33.3% (from 998ms), recall is 0% (100% in the rest)"},
		{90, 1, ""}, {90, 0, ""}, {0, 450, ""},
	} {
		r := sinking(t, tt.slow, tt.benign)
		for name, write := range map[string]func(io.Writer, *Run) error{
			"text":     func(w io.Writer, r *Run) error { return Text(w, r, TextOptions{Width: 160}) },
			"markdown": Markdown, "html": HTML, "verdicts": VerdictText, "verdicts in markdown": VerdictMarkdown,
		} {
			var b bytes.Buffer
			if err := write(&b, r); err != nil {
				t.Fatal(err)
			}
			text := strings.Join(strings.Fields(b.String()), " ")
			if got := strings.Contains(text, "verdicts fall"); got != (tt.want != "") || !strings.Contains(text, tt.want) {
				t.Errorf("%d of 900 slow, %d benign: the %s does not say %q", tt.slow, tt.benign, name, tt.want)
			}
		}
		if got := r.Verdicts.Slowest.sentence(); got != tt.want {
			t.Errorf("%d of 900 slow, %d benign: %q, want %q", tt.slow, tt.benign, got, tt.want)
		}
	}
}

// Where nobody knows the truth, or recall does not tell, agreement does.
func TestSlowVerdictsByAgreement(t *testing.T) {
	s := check.NewSplits(1, nil)
	for i := range 500 {
		took, said := time.Millisecond, event.Malware
		if i%10 == 0 {
			took, said = time.Second, event.Benign
		}
		s.Add(0, 0, took, &check.Detection{Truth: event.Unknown, Reference: event.Malware}, said)
	}
	var v Verdicts
	v.Split(s, &measure.Names{Phases: []measure.PhaseName{{Name: "day"}}, Tenants: []string{"a"}})
	if x := v.Slowest; x == nil || x.Measure != "agreement" || x.Slow.N != 0 || x.Slow.Of != 50 || x.Rest.N != 450 || x.Of.N != 50 || x.Of.Of != 500 {
		t.Errorf("slowest %+v", x)
	}
	if len(v.ByTenant) != 1 || v.ByTenant[0].Tenant != measure.OtherTenant || v.ByTenant[0].Tenants != 1 {
		t.Errorf("tenants %+v", v.ByTenant)
	}
}

func TestVerdictText(t *testing.T) {
	r := stalled(t)
	var b bytes.Buffer
	if err := VerdictText(&b, r); err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("  +").ReplaceAllString(b.String(), "  ")
	for _, want := range []string{
		"\n  truth  583  99.828% of 583", "\nBy phase. Agreement", "\n  19 others  503  490  ", "\n  10  10ms to 11ms  60  59  ",
		"\n  fabrikam-login.com.sim.test  combosquat  ", "\n  c2  1  58  0  0  0  0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := VerdictJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var again Verdicts
	if err := json.Unmarshal(b.Bytes(), &again); err != nil || len(again.ByResponse) != 10 || again.ByResponse[9].ToNS != r.Verdicts.ByResponse[9].ToNS {
		t.Errorf("JSON: %v, %d tenths", err, len(again.ByResponse))
	}
	for want, v := range map[string]*Verdicts{"No detection was made, so there are no verdicts.\n": nil, "The backend gave no verdict on 3 detections.\n": {Total: 3}} {
		b.Reset()
		if err := VerdictText(&b, &Run{Verdicts: v}); err != nil || b.String() != want {
			t.Errorf("VerdictText = %q, %v; want %q", b.String(), err, want)
		}
	}
}
