package check

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drover/sim/measure"
)

const ms = time.Millisecond

// totals is 1,000 uploads in phase "day": response times of 1 to 1,000 ms, the first 990 accepted, then 4 refused, 3 failed
// and 3 dropped; 50 have one retry. Phase "warmup" has 10 uploads, phase "idle" none.
func totals() *measure.Totals {
	names := &measure.Names{
		Phases:  []measure.PhaseName{{Name: "warmup"}, {Name: "day", Measure: true}, {Name: "idle", Measure: true}},
		Cohorts: []string{"f/c"}, Tenants: []string{"t"},
	}
	r := measure.NewRecorder(names, measure.Options{})
	put := func(phase uint8, i int, outcome measure.Outcome, class measure.Class) {
		s := measure.Sample{
			Key: measure.Key{Op: measure.Upload, Phase: phase}, Outcome: outcome, Class: class, Intended: time.Duration(i) * ms,
			FirstSent: time.Duration(i)*ms + 100*time.Microsecond, Attempts: 1, Events: 2,
		}
		s.Sent, s.Done = s.FirstSent, s.Intended+time.Duration(i)*ms
		if i%20 == 0 {
			s.Attempts = 2
		}
		r.Due(s.Key, s.Intended)
		r.Record(&s)
	}
	for i := 1; i <= 1000; i++ {
		switch {
		case i <= 990:
			put(1, i, measure.Accepted, measure.OK)
		case i <= 994:
			put(1, i, measure.Refused, measure.Status400)
		case i <= 997:
			put(1, i, measure.Failed, measure.Timeout)
		default:
			put(1, i, measure.Dropped, measure.Overflow)
		}
	}
	for i := range 10 {
		put(0, i, measure.Accepted, measure.OK)
	}
	return measure.Merge(names, r)
}

func TestMetric(t *testing.T) {
	facts := Facts{Totals: totals(), Phases: map[string]Span{"day": {To: 10 * time.Second}, "idle": {From: 10 * time.Second, To: 20 * time.Second}}}
	interrupted := facts
	interrupted.Interrupted = true
	timeless := facts
	timeless.Phases = nil
	idle := measure.Selector{Phase: "idle"}
	for _, tt := range []struct {
		metric, expect string
		where          measure.Selector
		facts          Facts
		want           Outcome
	}{
		{"response_time", "p50 <= 500ms", measure.Selector{}, facts, // 997 uploads were timed; the 499th took 499 ms
			Outcome{Result: Pass, Got: "p50 499ms", Evidence: "997 samples, median 499ms, max 997ms; 497 above 500ms", Samples: 997}},
		{"response_time", "p99 <= 250ms", measure.Selector{Op: "upload", Phase: "day"}, facts,
			Outcome{Result: Fail, Got: "p99 988ms", Evidence: "997 samples, median 499ms, max 997ms; 747 above 250ms", Samples: 997}},
		{"response_time", "p99 >= 250ms", measure.Selector{}, facts,
			Outcome{Result: Pass, Got: "p99 988ms", Evidence: "997 samples, median 499ms, max 997ms", Samples: 997}},
		{"response_time", "max < 997ms", measure.Selector{}, facts, // equal is not below
			Outcome{Result: Fail, Got: "max 997ms", Evidence: "997 samples, median 499ms, max 997ms", Samples: 997}},
		{"response_time", "mean <= 499ms", measure.Selector{}, facts, // exactly the mean of 1 to 997 ms
			Outcome{Result: Pass, Got: "mean 499ms", Evidence: "997 samples, median 499ms, max 997ms; 498 above 499ms", Samples: 997}},
		{"response_time", "p99.95 <= 1s", measure.Selector{}, facts,
			Outcome{Result: Pass, Got: "p99.95 997ms", Evidence: "997 samples, median 499ms, max 997ms; with so few samples p99.95 is the slowest one", Samples: 997}},
		{"send_lag", "max <= 99999ns", measure.Selector{}, facts, // 100 µs both when rounded: the difference must show
			Outcome{Result: Fail, Got: "max 100µs", Evidence: "997 samples, median 100µs, max 100µs; 997 above 99.999µs", Samples: 997}},
		{"service_time", "min >= 1ms", measure.Selector{Phase: "warmup"}, facts, // done with the intended start, before it was sent: counts as 0
			Outcome{Result: Fail, Got: "min 0s", Evidence: "10 samples, median 3.9ms, max 8.9ms", Samples: 10}},
		{"failed", "rate <= 1%", measure.Selector{}, facts, // exactly 10 of 1,000
			Outcome{Result: Pass, Got: "rate 1%", Evidence: "10 failed, refused or dropped of 1,000 uploads due", Samples: 1000}},
		{"failed", "rate < 1%", measure.Selector{}, facts,
			Outcome{Result: Fail, Got: "rate 1%", Evidence: "10 failed, refused or dropped of 1,000 uploads due", Samples: 1000}},
		{"refused", "rate <= 0.4%", measure.Selector{}, facts,
			Outcome{Result: Pass, Got: "rate 0.4%", Evidence: "4 refused of 1,000 uploads due", Samples: 1000}},
		{"dropped", "count == 0", measure.Selector{}, facts,
			Outcome{Result: Fail, Got: "count 3", Evidence: "3 dropped of 1,000 uploads due", Samples: 1000}},
		{"accepted", "count >= 10", measure.Selector{Phase: "warmup"}, facts,
			Outcome{Result: Pass, Got: "count 10", Evidence: "10 accepted of 10 uploads due", Samples: 10}},
		{"retries", "rate <= 5%", measure.Selector{}, facts, // 49 of the 997 sent have one: the 50th was dropped
			Outcome{Result: Pass, Got: "rate 4.9%", Evidence: "49 retries of 997 uploads sent", Samples: 997}},
		{"throughput", "per_second >= 99", measure.Selector{Phase: "day"}, facts,
			Outcome{Result: Pass, Got: "per_second 99", Evidence: "990 accepted of 1,000 uploads due in 10s", Samples: 1000}},
		{"throughput", "per_second >= 99", measure.Selector{}, facts, // both measured phases: 20 s
			Outcome{Result: Fail, Got: "per_second 49.5", Evidence: "990 accepted of 1,000 uploads due in 20s", Samples: 1000}},
		{"throughput", "per_second >= 99", measure.Selector{}, timeless,
			Outcome{Result: NotChecked, Evidence: "how long the phase took is not known", Samples: 1000}},
		{"response_time", "p99 <= 1s", idle, facts, Outcome{Result: Inconclusive, Evidence: "0 samples: the check proves nothing"}},
		{"response_time", "p99 <= 1s", idle, interrupted, Outcome{Result: NotChecked, Evidence: "0 samples: the run was interrupted before there were any"}},
		{"failed", "count == 0", idle, facts, Outcome{Result: Inconclusive, Evidence: "0 uploads: the check proves nothing"}},
		{"throughput", "per_second >= 1", idle, interrupted, Outcome{Result: NotChecked, Evidence: "0 uploads: the run was interrupted before there were any"}},
		{"response_time", "p99 <= 250ms", measure.Selector{Class: "queue full"}, facts, // dropped uploads have no response time
			Outcome{Result: Inconclusive, Evidence: "0 samples: the check proves nothing"}},
	} {
		e, err := ParseExpectation(tt.metric, tt.expect)
		if err != nil {
			t.Fatal(err)
		}
		tt.want.Name, tt.want.Want = "c", tt.metric+" "+tt.expect
		if tt.expect == "max <= 99999ns" {
			tt.want.Want = "send_lag max <= 99.999µs"
		}
		got := Evaluate([]Check{{Name: "c", Metric: &Metric{Metric: tt.metric, Where: tt.where, Expect: e}}}, tt.facts)
		if d := cmp.Diff([]Outcome{tt.want}, got); d != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.metric, tt.expect, d)
		}
	}
}

// Every metric that may be named is measured: each differs from every other in the same totals.
func TestEveryMetricIsMeasured(t *testing.T) {
	tot := totals()
	s := tot.Select(measure.Selector{})
	want := map[string]int64{"failed": 10, "refused": 4, "dropped": 3, "accepted": 990, "retries": 49, "throughput": 990}
	for _, m := range Metrics {
		h, n, _ := pick(m.Name, &s)
		if m.stats == "times" {
			if h == nil || h.Count() != 997 {
				t.Errorf("%s is not measured", m.Name)
			}
			delete(want, m.Name)
		} else if h != nil || n != want[m.Name] {
			t.Errorf("%s = %d, want %d", m.Name, n, want[m.Name])
		}
	}
}

func bound(t *testing.T, text string) *Bound {
	t.Helper()
	b, err := ParseBound(text)
	if err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestGenerator(t *testing.T) {
	lag := func(text string) *Expectation {
		e, err := ParseExpectation("send_lag", text)
		if err != nil {
			t.Fatal(err)
		}
		return &e
	}
	n := func(n int64) *int64 { return &n }
	const evidence = "997 of 1,000 uploads due were sent, 3 dropped; send lag median 100µs, p99 100µs, max 100µs"
	facts := Facts{Totals: totals()}
	for _, tt := range []struct {
		g    Generator
		want Outcome
	}{
		{Generator{SendLag: lag("p99 <= 20ms"), Dropped: n(3), Achieved: bound(t, ">= 99.7%")},
			Outcome{Result: Pass, Want: "send_lag p99 <= 20ms, dropped <= 3, achieved >= 99.7%", Got: "send_lag p99 100µs, dropped 3, achieved 99.7%"}},
		{Generator{Dropped: n(2)}, Outcome{Result: Fail, Want: "dropped <= 2", Got: "dropped 3"}},
		{Generator{SendLag: lag("max < 100us")}, Outcome{Result: Fail, Want: "send_lag max < 100µs", Got: "send_lag max 100µs"}},
		{Generator{Achieved: bound(t, ">= 99.8%")}, Outcome{Result: Fail, Want: "achieved >= 99.8%", Got: "achieved 99.7%"}},
		{Generator{Achieved: bound(t, ">= 998")}, Outcome{Result: Fail, Want: "achieved >= 998", Got: "achieved 997"}},
	} {
		tt.want.Name, tt.want.Evidence, tt.want.Samples = "g", evidence, 1000
		if d := cmp.Diff([]Outcome{tt.want}, Evaluate([]Check{{Name: "g", Generator: &tt.g}}, facts)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.want.Want, d)
		}
		// The usual way to write it: the harness that fell behind makes the run inconclusive, never the backend bad.
		got := Evaluate([]Check{{Name: "g", OnFail: Inconclusive, Generator: &tt.g}}, facts)[0].Result
		if want := map[Result]Result{Pass: Pass, Fail: Inconclusive}[tt.want.Result]; got != want {
			t.Errorf("%s with onFail inconclusive = %s, want %s", tt.want.Want, got, want)
		}
	}
	empty := Facts{Totals: measure.Merge(&measure.Names{})}
	if got := Evaluate([]Check{{Generator: &Generator{Dropped: n(0)}}}, empty)[0]; got.Result != Inconclusive {
		t.Errorf("a generator that did nothing: %+v", got)
	}
}

func TestCount(t *testing.T) {
	counts := func(kinds ...KindCount) *BackendCounts { return &BackendCounts{Kinds: kinds} }
	for _, tt := range []struct {
		name    string
		c       Count
		backend *BackendCounts
		want    Outcome
	}{
		{"the target does not tell", Count{}, nil, Outcome{Result: NotChecked, Evidence: "the target does not tell what it counted"}},
		{"equal", Count{}, counts(KindCount{"memory", 10, 10, 0, 10}, KindCount{"crash", 1200, 1200, 0, 1200}),
			Outcome{Result: Pass, Got: "missing 0, surplus 0", Evidence: "1,210 events accepted, 1,210 stored", Samples: 1210}},
		{"one lost, one made up: they do not cancel out", Count{}, counts(KindCount{"memory", 10, 10, 0, 9}, KindCount{"crash", 5, 5, 0, 6}),
			Outcome{Result: Fail, Got: "missing 1, surplus 1", Evidence: "15 events accepted, 15 stored: memory 10 accepted but 9 stored, crash 5 accepted but 6 stored", Samples: 15}},
		{"lost answers explain what is stored", Count{}, counts(KindCount{"memory", 12, 10, 2, 11}),
			Outcome{Result: Pass, Got: "missing 0, surplus 0", Evidence: "10 events accepted, 11 stored, 2 without an answer", Samples: 10}},
		{"but not more than that", Count{}, counts(KindCount{"memory", 12, 10, 2, 13}),
			Outcome{Result: Fail, Got: "missing 0, surplus 1", Evidence: "10 events accepted, 13 stored, 2 without an answer: memory 10 accepted but 13 stored", Samples: 10}},
		{"allowed", Count{Missing: 1}, counts(KindCount{"memory", 10, 10, 0, 9}),
			Outcome{Result: Pass, Got: "missing 1, surplus 0", Evidence: "10 events accepted, 9 stored: memory 10 accepted but 9 stored", Samples: 10}},
		{"nothing was sent", Count{}, counts(KindCount{Kind: "memory"}), Outcome{Result: Inconclusive, Evidence: "0 events: the check proves nothing"}},
		{"nothing was sent, but something is there", Count{}, counts(KindCount{"memory", 0, 0, 0, 3}),
			Outcome{Result: Fail, Got: "missing 0, surplus 3", Evidence: "0 events accepted, 3 stored: memory 0 accepted but 3 stored"}},
	} {
		tt.want.Name, tt.want.Want = tt.name, "missing <= 0, surplus <= 0"
		if tt.c.Missing > 0 {
			tt.want.Want = "missing <= 1, surplus <= 0"
		}
		if d := cmp.Diff([]Outcome{tt.want}, Evaluate([]Check{{Name: tt.name, Count: &tt.c}}, Facts{Backend: tt.backend})); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestOverall(t *testing.T) {
	for _, tt := range []struct {
		results []Result
		want    Result
	}{
		{nil, Pass},
		{[]Result{Pass, Pass}, Pass},
		{[]Result{Pass, NotChecked}, NotChecked},
		{[]Result{NotChecked, Inconclusive, Pass}, Inconclusive},
		{[]Result{Inconclusive, Fail, NotChecked}, Fail},
	} {
		var outcomes []Outcome
		for _, r := range tt.results {
			outcomes = append(outcomes, Outcome{Result: r})
		}
		if got := Overall(outcomes); got != tt.want {
			t.Errorf("Overall(%v) = %s, want %s", tt.results, got, tt.want)
		}
	}
}

// A check that nobody filled in is not silently passed.
func TestEmptyCheckIsNotChecked(t *testing.T) {
	if got := Evaluate([]Check{{Name: "x"}}, Facts{}); got[0].Result != NotChecked || got[0].Name != "x" {
		t.Errorf("Evaluate of an empty check = %+v", got)
	}
}

// A backend that says no to everything says it fast: that proves nothing of its speed, unless that was the question.
func TestNothingAccepted(t *testing.T) {
	names := &measure.Names{Phases: []measure.PhaseName{{Name: "day", Measure: true}}, Cohorts: []string{"f/c"}, Tenants: []string{"t"}}
	r := measure.NewRecorder(names, measure.Options{})
	for range 100 {
		s := measure.Sample{Key: measure.Key{Op: measure.Upload}, Outcome: measure.Refused, Class: measure.Status400, Done: ms, Attempts: 1}
		r.Due(s.Key, 0)
		r.Record(&s)
	}
	for _, tt := range []struct {
		metric, expect string
		where          measure.Selector
		want           Result
	}{
		{"response_time", "p99 <= 250ms", measure.Selector{}, Inconclusive},
		{"service_time", "p99 <= 250ms", measure.Selector{}, Inconclusive},
		{"response_time", "p99 <= 1us", measure.Selector{}, Fail},               // too slow is too slow
		{"response_time", "p99 <= 250ms", measure.Selector{Class: "4xx"}, Pass}, // how fast does it say no?
		{"send_lag", "p99 <= 250ms", measure.Selector{}, Pass},                  // the harness's own
	} {
		e, err := ParseExpectation(tt.metric, tt.expect)
		if err != nil {
			t.Fatal(err)
		}
		c := Check{Name: "c", Metric: &Metric{Metric: tt.metric, Where: tt.where, Expect: e}}
		if got := Evaluate([]Check{c}, Facts{Totals: measure.Merge(names, r)})[0]; got.Result != tt.want {
			t.Errorf("%s %s of %+v = %+v, want %v", tt.metric, tt.expect, tt.where, got, tt.want)
		}
	}
}
