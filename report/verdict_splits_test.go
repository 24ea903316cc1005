package report

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// A row has figures when it has its part of the verdicts that a check asks for; and the whole says when it has too few.
func TestAtLeastGuardsRows(t *testing.T) {
	row := func(judged int64) VerdictCounts {
		c := check.Confusion{TP: judged}
		return VerdictCounts{Total: judged, Judged: judged, Truth: judgementOf(c), Reference: judgementOf(c)}
	}
	for _, tt := range []struct {
		atLeast, judged int64
		rows            int
		shown           bool
		says            string
	}{
		{0, 19, 2, false, "fewer than 20 verdicts have no figures:"}, {0, 20, 2, true, ""},
		{1, 19, 2, false, "fewer than 20 verdicts have no figures:"}, {1, 20, 2, true, ""}, // 1 is what a check asks for that does not say
		{200, 99, 2, false, "fewer than 100 verdicts have no figures (a check asks for 200 in all)"}, {200, 100, 2, true, ""},
		{200, 66, 3, false, "fewer than 67 verdicts"}, {200, 67, 3, true, ""},
		{50, 24, 2, false, ""}, {50, 25, 2, true, ""},
		{50, 19, 10, false, "fewer than 20 verdicts"}, {50, 20, 10, true, ""},
		{8, 7, 2, false, "fewer than 8 verdicts"}, {8, 8, 2, true, ""},
	} {
		v := &Verdicts{AtLeast: tt.atLeast}
		for i := range tt.rows {
			v.ByPhase = append(v.ByPhase, PhaseVerdicts{fmt.Sprint(i), row(tt.judged)})
			v.ByTenant = append(v.ByTenant, TenantVerdicts{fmt.Sprint(i), 1, row(tt.judged)})
			v.ByResponse = append(v.ByResponse, TimedVerdicts{i + 1, 0, 1, row(tt.judged)})
			v.ByCategory = append(v.ByCategory, CategoryRow{Category: fmt.Sprint(i), Judged: tt.judged, Found: shareOf(check.Proportion{N: tt.judged, Of: tt.judged})})
		}
		grids := verdictDetails(v)
		if len(grids) != 4 {
			t.Fatalf("%d tables, want those by category, response time, phase and tenant", len(grids))
		}
		for _, g := range grids {
			if !strings.Contains(g.Caption+":", tt.says) {
				t.Errorf("at least %d of %d rows: caption %q does not say %q", tt.atLeast, tt.rows, g.Caption, tt.says)
			}
			for _, r := range g.Rows {
				if shown := strings.Contains(strings.Join(r, " "), "100%"); shown != tt.shown {
					t.Errorf("at least %d, %d rows of %d: %q, figures shown %t, want %t", tt.atLeast, tt.rows, tt.judged, r, shown, tt.shown)
				}
			}
		}
		v.Judged = tt.judged * int64(tt.rows)
		if few := strings.Contains(verdictSummary(v).Caption, "too few"); few != (v.Judged < tt.atLeast) {
			t.Errorf("at least %d, %d judged: too few %t", tt.atLeast, v.Judged, few)
		}
	}
}
