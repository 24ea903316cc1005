package report

import (
	"fmt"
	"testing"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/measure"
)

const ms = time.Millisecond

// stalled is a whole run as the engine would hand it over: enrolment, a warm-up and a ramp against a backend that freezes
// for a second and refuses a few uploads, sent over 32 connections. Integer arithmetic alone, so that every machine makes
// the same one.
func stalled(t testing.TB) *Run {
	t.Helper()
	names := &measure.Names{
		Phases:  []measure.PhaseName{{Name: "enroll"}, {Name: "warmup"}, {Name: "ramp", Measure: true}, {Name: "drain"}},
		Cohorts: []string{"contoso/current", "contoso/lagging", "contoso/kiosk", "long-tail/byod"},
	}
	for i := range 21 {
		names.Tenants = append(names.Tenants, fmt.Sprintf("t%03d", i))
	}
	names.Versions = []string{"17.7.10", "18.7.8", "26.4.1", "26.4.2"}
	names.Kinds = []string{"enrolment", "heartbeat", "app.info", "app.action", "app.memory", "web.threat", "app.crash", "feedback", "diagnostics"}
	rec := measure.NewRecorder(names, measure.Options{})
	spans := []struct{ from, to time.Duration }{{0, 2000 * ms}, {2000 * ms, 6000 * ms}, {6000 * ms, 36000 * ms}, {36000 * ms, 37500 * ms}}
	const freeze, thaw = 20000 * ms, 21000 * ms

	chance := uint64(20260504)
	draw := func(n uint64) uint64 { // a linear congruential generator, upper bits
		chance = chance*6364136223846793005 + 1442695040888963407
		return (chance >> 33) % n
	}
	var free [32]time.Duration
	var events int64
	for at, n := time.Duration(0), uint64(0); at < spans[2].to; n++ {
		phase, perSec := uint8(2), int64(100)+int64(at-spans[2].from)*900/int64(spans[2].to-spans[2].from)
		switch {
		case at < spans[0].to:
			phase, perSec = 0, 50
		case at < spans[1].to:
			phase, perSec = 1, 100
		}
		s := measure.Sample{Key: measure.Key{Phase: phase, Op: measure.Upload, Cohort: uint16(draw(20) * draw(20) / 100), Tenant: uint32(draw(21) * draw(21) / 21)},
			Intended: at, Attempts: 1, Events: 1 + int(draw(25)), Bytes: 0}
		s.Bytes = 400 + 260*s.Events
		if phase == 0 {
			s.Op, s.Events = measure.Enroll, 1
		}
		s.Version = 1 + int(n%7)*4/7
		for i := range s.Events {
			kind := [...]int{4, 1, 4, 3, 8, 2, 4, 5}[(int(n)+i*i)%8]
			if s.Op == measure.Enroll {
				kind = 0
			}
			s.Kinds[kind]++
		}
		conn := 0
		for i := range free {
			if free[i] < free[conn] {
				conn = i
			}
		}
		s.FirstSent = max(at+time.Duration(20+draw(60))*time.Microsecond, free[conn])
		s.Sent = s.FirstSent
		took := time.Duration(800+draw(1400))*time.Microsecond + time.Duration(draw(3)*draw(4)*draw(5))*300*time.Microsecond
		s.Done = s.Sent + took
		if s.Sent < thaw && s.Done >= freeze {
			s.Done = thaw + took
		}
		free[conn] = s.Done
		rec.Due(s.Key, s.Intended)
		switch {
		case draw(900) == 0:
			s.Outcome, s.Class = measure.Refused, measure.Status400
		case at > thaw && draw(700) == 0: // answered 503 once, then accepted
			rec.Attempt(s.Key, measure.Status5xx, s.Sent)
			s.Sent, s.Attempts = s.Done+200*ms, 2
			s.Done = s.Sent + took
		}
		if at > freeze && at < thaw && draw(40) == 0 {
			s.Outcome, s.Class, s.Attempts, s.Version = measure.Dropped, measure.Overflow, 0, 0
		}
		if s.Outcome == measure.Accepted {
			events += int64(s.Events)
		}
		rec.Record(&s)
		at += time.Duration(int64(time.Second)/perSec) * time.Duration(50+draw(100)) / 100
	}
	totals := measure.Merge(names, rec)

	phases := make([]Phase, len(spans))
	for i, do := range []string{"enroll", "drive", "drive", "drain"} {
		phases[i] = Phase{Name: names.Phases[i].Name, Do: do, Measure: names.Phases[i].Measure, FromNS: int64(spans[i].from), ToNS: int64(spans[i].to)}
	}
	var oracle check.Oracle
	splits, judged := check.NewSplits(len(names.Phases), []int{0, 1}), 0
	for _, d := range []struct {
		truth, ref, backend event.Category
		pattern             event.Pattern
		hard                bool
		age                 time.Duration
		n                   int
	}{
		{event.Phishing, event.Phishing, event.Phishing, event.Combosquat, false, -1, 380}, {event.Phishing, event.Phishing, event.Phishing, event.Typosquat, true, 2 * time.Hour, 22},
		{event.Malware, event.Malware, event.Malware, event.Bait, false, -1, 121}, {event.C2, event.C2, event.Phishing, event.DGALetters, true, -1, 58},
		{event.C2, event.C2, event.Benign, event.DGALetters, true, 50 * time.Hour, 1}, {event.Benign, event.Phishing, event.Benign, event.Combosquat, false, -1, 1},
		{event.Phishing, event.Phishing, event.Unknown, event.Combosquat, true, -1, 17}, {event.Unknown, event.Malware, event.Malware, event.Bait, false, -1, 9},
	} {
		for range d.n {
			of := check.Detection{Truth: d.truth, Reference: d.ref, Pattern: d.pattern, Hard: d.hard, Age: d.age}
			oracle.Add(of, d.backend)
			splits.Add(2-judged%50/49, judged%23%21, ms+time.Duration(judged*7919%1000)*ms/100, &of, d.backend)
			judged++
		}
	}
	visits := Visits{event.Benign: {event.Benign: 90000, event.Phishing: 1}, event.Phishing: {event.Benign: 61, event.Phishing: 419},
		event.Malware: {event.Malware: 121}, event.C2: {event.Benign: 7, event.C2: 59}, event.Unknown: {event.Benign: 2, event.Malware: 9}}

	waved := int64(26000 * ms)
	r := &Run{
		ID: "0199a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", Drover: Build{Version: "0.1.0", Go: "go1.26.0", OS: "linux", Arch: "amd64", CPUs: 4},
		Scenario: Scenario{
			Name: "ramp-with-stall", Description: "A rate ramp from 100/s to 1,000/s; the backend stands still for one second at 20 s",
			File: "ramp-with-stall.yaml", Digest: "8d3c1b5e0f9a2c4e6b7d8f0123456789abcdef0123456789abcdef0123456789",
			Seeds: Seeds{Fleet: 17293822569102704640, Behavior: 2, Arrivals: 3, Faults: 4}, Variant: "smoke", Params: []string{"target=http://127.0.0.1:8080"},
			Command: "drover run ramp-with-stall.yaml --variant smoke --set target=http://127.0.0.1:8080",
		},
		Target:  Target{URL: "http://127.0.0.1:8080", Adapter: "drover"},
		Load:    Load{Model: "open", Arrivals: "poisson", Speed: 60, Devices: 10000, Tenants: 21, Shard: "1/1", Workers: 2},
		Started: time.Date(2026, 5, 4, 9, 14, 0, 0, time.UTC), Ended: time.Date(2026, 5, 4, 9, 14, 37, 500e6, time.UTC), DurationNS: int64(37500 * ms),
		Exit:         Exit{Code: 3, Reason: "a check failed"},
		Warnings:     []string{"2 devices could not finish an upload before the run ended"},
		Measurements: FromTotals(totals, phases),
		Versions:     Versions(totals, []int64{700, 1300, 3000, 5000}),
		Changes: []Change{
			{Name: "new-build", Kind: "release", What: "app 1.1.70290103", Who: "all devices", Devices: 10000, FromNS: int64(6000 * ms)},
			{Name: "phishing-wave", Kind: "change", What: "webVisit.maliciousShare: 8%", Who: "fleet: contoso, percent: 20", Devices: 1376, FromNS: int64(22000 * ms), ToNS: &waved},
		},
		Verdicts:  FromVerdicts(&oracle, &visits, func(p event.Pattern, hard bool) float64 { return 0.5 }),
		Generator: Generator{UserNS: int64(8100 * ms), SystemNS: int64(3100 * ms), CPUShare: 0.0747, MaxRSS: 84 << 20},
	}
	r.Verdicts.Split(splits, names)
	r.Verdicts.Disputes = []Dispute{
		{Event: "3c1f0a52-7be4-8d1c-9a51-0f2b6c7d8e9f", Device: 417, Seq: 88, URL: "qzkxwvtj.top.sim.test", HostSent: true, Pattern: "dga-letters", Hard: true,
			Truth: "c2", Reference: "c2", Backend: "benign", Reasons: `model "qzkxwvtj" +2.87, ".top" +1.02, others +0.11`},
		{Event: "5d2e1b63-8cf5-8e2d-8b62-1a3c7d8e9fa0", Device: 12, Seq: 3, URL: "fabrikam-login.com.sim.test", Pattern: "combosquat",
			Truth: "benign", Reference: "phishing", Backend: "benign", Reasons: "listed +1.00"},
	}
	whole := totals.Select(measure.Selector{})
	r.Generator.SendLag, r.Generator.Timer = QuantilesOf(&whole.SendLag), "timerfd, on a grid of 318µs"

	var backend check.BackendCounts
	left := events
	for i, kind := range []string{"enrolment", "heartbeat", "app.info", "app.action", "app.memory", "web.threat", "app.crash", "feedback", "diagnostics"} {
		n := left * int64([]int{1, 40, 5, 12, 80, 1, 1, 1, 100}[i]) / 100
		left -= n
		stored := n
		if kind == "app.memory" {
			stored -= 3
		}
		r.Kinds = append(r.Kinds, Kind{Kind: kind, Made: n + n/500, Accepted: n, Refused: n / 1000, Dropped: n/500 - n/1000, Stored: &stored})
		backend.Kinds = append(backend.Kinds, check.KindCount{Kind: kind, Sent: n, Accepted: n, Stored: stored})
	}

	expect := func(metric, text string) check.Expectation {
		e, err := check.ParseExpectation(metric, text)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	bound := func(text string) *check.Bound {
		b, err := check.ParseBound(text)
		if err != nil {
			t.Fatal(err)
		}
		return &b
	}
	lag, none := expect("send_lag", "p99 <= 20ms"), int64(0)
	outcomes := check.Evaluate([]check.Check{
		{Name: "ingest-p50", Metric: &check.Metric{Metric: "response_time", Where: measure.Selector{Op: "upload", Phase: "ramp"}, Expect: expect("response_time", "p50 <= 50ms")}},
		{Name: "ingest-p99", Metric: &check.Metric{Metric: "response_time", Where: measure.Selector{Op: "upload", Phase: "ramp"}, Expect: expect("response_time", "p99 <= 250ms")}},
		{Name: "ingest-errors", Metric: &check.Metric{Metric: "failed", Expect: expect("failed", "rate <= 0.5%")}},
		{Name: "throughput", Metric: &check.Metric{Metric: "throughput", Expect: expect("throughput", "per_second >= 500")}},
		{Name: "verdicts", Verdicts: &check.Verdicts{Agreement: bound(">= 99.5%"), Missed: bound("<= 0.5%"), AtLeast: 500}},
		{Name: "false-alarms", Verdicts: &check.Verdicts{FalseAlarms: bound("<= 1%"), AtLeast: 1000}},
		{Name: "counted", Count: &check.Count{}},
		{Name: "enrolled", Metric: &check.Metric{Metric: "accepted", Where: measure.Selector{Op: "enroll", Phase: "drain"}, Expect: expect("accepted", "rate >= 99%")}},
		{Name: "generator", OnFail: check.Inconclusive, Generator: &check.Generator{SendLag: &lag, Dropped: &none, Achieved: bound(">= 99%")}},
	}, check.Facts{Totals: totals, Verdicts: oracle, Backend: &backend, Phases: map[string]check.Span{"ramp": {To: 30000 * ms}}})
	r.Checks, r.Result = FromOutcomes(outcomes), check.Overall(outcomes)
	return r
}
