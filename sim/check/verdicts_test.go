package check

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// matrix has 1,100 judged detections. Of 900 that are malicious in truth, and to the reference, the backend misses 9; of 100
// that are harmless in truth, and to the reference malicious, it calls 2 malicious; of 100 whose truth nobody knows, it calls
// 60 malicious; and 50 have no verdict. Categories differ, which does not matter.
func matrix() (m VerdictMatrix) {
	m[1][1][1], m[1][2][3], m[2][2][0] = 800, 91, 9
	m[0][1][0], m[0][2][4] = 98, 2
	m[5][1][1], m[5][1][0] = 60, 40
	m[3][3][5] = 50
	return m
}

func TestVerdictMatrix(t *testing.T) {
	m := matrix()
	if m.Total() != 1150 || m.Judged() != 1100 || m.Untold() != 100 {
		t.Errorf("Total = %d, Judged = %d, Untold = %d; want 1150, 1100, 100", m.Total(), m.Judged(), m.Untold())
	}
	truth, ref := m.AgainstTruth(), m.AgainstReference()
	if want := (Confusion{TP: 891, FN: 9, FP: 2, TN: 98}); truth != want {
		t.Errorf("AgainstTruth = %+v, want %+v", truth, want)
	}
	if want := (Confusion{TP: 953, FN: 147}); ref != want { // the reference called all malicious
		t.Errorf("AgainstReference = %+v, want %+v", ref, want)
	}
	if got, want := m.Disagreements(), [3][2]int64{{0, 98}, {0, 9}, {0, 40}}; got != want {
		t.Errorf("Disagreements = %v, want %v", got, want)
	}
	both := m
	both[1][0][2], both[0][0][0] = 5, 7 // the reference called these benign
	if got, want := both.Disagreements(), [3][2]int64{{0, 98}, {5, 9}, {0, 40}}; got != want {
		t.Errorf("Disagreements = %v, want %v", got, want)
	}
	if got, want := both.Judgements(), [3][2]int64{{7, 100}, {5, 900}, {0, 100}}; got != want {
		t.Errorf("Judgements = %v, want %v", got, want)
	}
	if got, want := both.AgainstReference(), (Confusion{TP: 953, FN: 147, FP: 5, TN: 7}); got != want {
		t.Errorf("AgainstReference = %+v, want %+v", got, want)
	}
	for _, tt := range []struct {
		name      string
		got, want Proportion
	}{
		{"Agreement", ref.Agreement(), Proportion{953, 1100}}, {"Missed", truth.Missed(), Proportion{9, 900}}, {"Recall", truth.Recall(), Proportion{891, 900}},
		{"FalseAlarms", truth.FalseAlarms(), Proportion{2, 100}}, {"Precision", truth.Precision(), Proportion{891, 893}},
	} {
		if tt.got != tt.want {
			t.Errorf("%s = %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestMCC(t *testing.T) {
	for _, tt := range []struct {
		c    Confusion
		want float64
		ok   bool
	}{
		{Confusion{TP: 5, TN: 7}, 1, true}, {Confusion{FP: 5, FN: 7}, -1, true}, {Confusion{TP: 1, FP: 1, FN: 1, TN: 1}, 0, true},
		{Confusion{TP: 90, FP: 4, FN: 1, TN: 5}, 0.65623, true}, // (450 - 4) / sqrt(94*91*9*6)
		{Confusion{TP: 5}, 0, false}, {Confusion{}, 0, false},
		{Confusion{TP: 1 << 40, TN: 1 << 40}, 1, true},
	} {
		got, ok := tt.c.MCC()
		if ok != tt.ok || math.Abs(got-tt.want) > 5e-6 {
			t.Errorf("MCC(%+v) = %v, %v, want %v, %v", tt.c, got, ok, tt.want, tt.ok)
		}
	}
}

func TestOracle(t *testing.T) {
	var a, b Oracle
	a.Add(Detection{Truth: 1, Reference: 1, Pattern: 5, Age: -1}, 2)
	b.Add(Detection{Truth: 1, Reference: 2, Pattern: 5, Hard: true, Age: 0}, 0)
	b.Add(Detection{Truth: 0, Reference: 2, Pattern: 5, Hard: true, Age: 6 * time.Hour}, 5)
	b.Add(Detection{Truth: 5, Reference: 2, Pattern: 7, Age: 1000 * time.Hour}, 1)
	a.Merge(&b)
	var want Oracle
	want.Matrix[1][1][2], want.Matrix[1][2][0], want.Matrix[0][2][5], want.Matrix[5][2][1] = 1, 1, 1, 1
	want.Patterns[5][0][1][1], want.Patterns[5][1][1][0], want.Patterns[5][1][0][2], want.Patterns[7][0][2][1] = 1, 1, 1, 1
	want.Late[0][1][0], want.Late[2][0][2], want.Late[3][2][1] = 1, 1, 1
	if d := cmp.Diff(want, a); d != "" {
		t.Errorf("Oracle (-want +got):\n%s", d)
	}
	hard := &a.Patterns[5][1]
	if hard.Total() != 2 || hard.Judged() != 1 || hard.Confusion() != (Confusion{FN: 1}) {
		t.Errorf("hard sites: %d, %d judged, %+v", hard.Total(), hard.Judged(), hard.Confusion())
	}
}

// Known values: R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17
// (1998), table I, method 3 (score without continuity correction), to four decimals.
func TestWilson(t *testing.T) {
	for _, tt := range []struct {
		p         Proportion
		low, high float64
	}{
		{Proportion{81, 263}, 0.2553, 0.3662},
		{Proportion{15, 148}, 0.0624, 0.1605},
		{Proportion{0, 20}, 0, 0.1611},
		{Proportion{1, 29}, 0.0061, 0.1718},
		{Proportion{20, 20}, 0.8389, 1}, // the mirror of 0 of 20
		{Proportion{0, 0}, 0, 1},
	} {
		low, high := tt.p.Wilson()
		if math.Abs(low-tt.low) > 5e-5 || math.Abs(high-tt.high) > 5e-5 {
			t.Errorf("Wilson(%v) = %.4f, %.4f; want %.4f, %.4f", tt.p, low, high, tt.low, tt.high)
		}
	}
}

func TestVerdicts(t *testing.T) {
	var silent, onlyMalicious Oracle
	silent.Matrix[1][1][5] = 7
	onlyMalicious.Matrix[1][1][1] = 10
	facts := Facts{Verdicts: Oracle{Matrix: matrix()}}
	const agreed, missed, alarms = "agreement 953 of 1,100 (95% interval 84.5% to 88.5%)", "missed 9 of 900 (95% interval 0.527% to 1.89%)", "false alarms 2 of 100 (95% interval 0.55% to 7%)"
	const untold, without = "; the truth of 100 judged is not known", "; 50 detections without a verdict"
	for _, tt := range []struct {
		name  string
		v     Verdicts
		facts Facts
		want  Outcome
	}{
		{"all hold", Verdicts{Agreement: bound(t, ">= 86%"), Missed: bound(t, "<= 1%"), FalseAlarms: bound(t, "<= 2%"), Precision: bound(t, ">= 99%"), AtLeast: 1100}, facts,
			Outcome{Result: Pass, Want: "agreement >= 86%, missed <= 1%, false alarms <= 2%, precision >= 99%, at least 1,100 judged", Got: "agreement 86.6%, missed 1%, false alarms 2%, precision 99.776%", Samples: 1100,
				Evidence: agreed + "; " + missed + "; " + alarms + "; precision 891 of 893 (95% interval 99.19% to 99.9386%)" + untold + without}},
		{"one breaks", Verdicts{Agreement: bound(t, ">= 86%"), Missed: bound(t, "< 1%")}, facts,
			Outcome{Result: Fail, Want: "agreement >= 86%, missed < 1%", Got: "agreement 86.6%, missed 1%", Samples: 1100,
				Evidence: agreed + "; " + missed + untold + without}},
		{"numbers, not shares", Verdicts{Missed: bound(t, "<= 8")}, facts,
			Outcome{Result: Fail, Want: "missed <= 8", Got: "missed 9", Samples: 1100, Evidence: missed + untold + without}},
		{"nothing about the truth", Verdicts{Agreement: bound(t, ">= 86%")}, facts,
			Outcome{Result: Pass, Want: "agreement >= 86%", Got: "agreement 86.6%", Samples: 1100, Evidence: agreed + without}},
		{"too few", Verdicts{Missed: bound(t, "<= 0%"), AtLeast: 1101}, facts,
			Outcome{Result: Inconclusive, Want: "missed <= 0%, at least 1,101 judged", Got: "missed 1%", Samples: 1100,
				Evidence: "only 1,100 verdicts, the check needs 1,101; " + missed + untold + without}},
		{"no more than a number is asked for", Verdicts{AtLeast: 1}, facts,
			Outcome{Result: Pass, Want: "at least 1 judged", Samples: 1100, Evidence: "50 detections without a verdict"}},
		{"the backend is silent", Verdicts{Missed: bound(t, "<= 0%"), AtLeast: 1}, Facts{Verdicts: silent},
			Outcome{Result: NotChecked, Want: "missed <= 0%, at least 1 judged", Evidence: "the backend gave no verdict on any of 7 detections"}},
		{"nothing was detected", Verdicts{Missed: bound(t, "<= 0%")}, Facts{},
			Outcome{Result: Inconclusive, Want: "missed <= 0%", Evidence: "0 detections: the check proves nothing"}},
		{"interrupted before anything was", Verdicts{Missed: bound(t, "<= 0%")}, Facts{Interrupted: true},
			Outcome{Result: NotChecked, Want: "missed <= 0%", Evidence: "0 detections: the run was interrupted before there were any"}},
		{"no benign ones to alarm on", Verdicts{FalseAlarms: bound(t, "<= 1%")}, Facts{Verdicts: onlyMalicious},
			Outcome{Result: Inconclusive, Want: "false alarms <= 1%", Evidence: "false alarms: 0 verdicts to count among", Samples: 10}},
	} {
		tt.want.Name = tt.name
		got := Evaluate([]Check{{Name: tt.name, Verdicts: &tt.v}}, tt.facts)
		if d := cmp.Diff([]Outcome{tt.want}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}
