package sim

import (
	"math"
	"testing"

	"drover/sim/measure"
	"drover/sim/wire"
)

// planned adds up what a plan has of an operation.
func planned(p *Plan, op measure.Op) (n float64) {
	for i := range p.Phases {
		n += p.Phases[i].LookUps[op]
	}
	return n
}

// A plan that follows all devices has just the look-ups that go with their uploads; one from a sample has them within its noise.
func TestPlanOfLookUps(t *testing.T) {
	for _, tt := range []struct {
		devices string
		within  float64
	}{
		{"devices: 200", 0},
		{"devices: 5000", 0.17}, // 5 sigma of some 800 threats of the sample
	} {
		m, a := asking(t, speedLoad, "devices: 200", tt.devices)
		perDevice, verdicts := wanted(m)
		fetches := 0
		for _, n := range perDevice {
			fetches += n
		}
		plan := MakePlan(m, a)
		for op, want := range map[measure.Op]int{measure.Config: fetches, measure.Verdict: len(verdicts)} {
			got := planned(plan, op)
			if math.Abs(got-float64(want)) > tt.within*float64(want) || want == 0 {
				t.Errorf("%s: %v look-ups of %v, want %d", tt.devices, got, op, want)
			}
		}
		if plan.Phases[0].LookUps != [measure.NumOps]float64{} {
			t.Errorf("%s: %v with enrolments", tt.devices, plan.Phases[0].LookUps)
		}
	}
}

// Where a plan does not follow a phase to its end, no device has its first fetch twice, and each has one after every two hours.
func TestCutPlanOfLookUps(t *testing.T) {
	const load = `
    arrivals: even
    phases:
      - {name: day, for: 144s}
      - {name: rate, for: 100s, rate: 50/s}
`
	m, a := asking(t, load)
	whole, cut := MakePlan(m, a), makePlan(m, a, 600)
	if !whole.Exact || cut.Exact {
		t.Fatalf("exact are %t and %t", whole.Exact, cut.Exact)
	}
	for i := range whole.Phases {
		for op, within := range map[measure.Op]float64{measure.Config: 0.1, measure.Verdict: 0.5} { // 5 sigma of 100 threats
			want, got := whole.Phases[i].LookUps[op], cut.Phases[i].LookUps[op]
			if math.Abs(want-got) > within*want || want < 100 {
				t.Errorf("phase %d, %v: %v look-ups in a plan that was cut, want about %v", i, op, got, want)
			}
		}
	}
}

// An upload is as large as its own operation writes it: enrolments and single events are not written as uploads are.
func TestPlanSizesByOperation(t *testing.T) {
	m := model(t, parse(t, speedLoad, "url: embedded", `url: http://127.0.0.1:9
    adapter:
      enrol: {path: /enrol, document: {phone: "${device.id}", app: "${upload.events}"}, event: {id: "${event.id}"}}
      single: {path: /event, event: {id: "${event.id}", kind: "${event.kind}"}}
      upload: {path: /events, body: format}`))
	a := m.Scenario.Target.Adapter.Adapter(wire.Constants{Run: "r", Send: m.Behavior.Sends.All})
	k := newMaker(m)
	want, largest, seen := make([]float64, 3), 0, map[measure.Op]int{}
	var body []byte
	var up Arrival
	for s := NewSchedule(m, partitions(m)); s.Next(&up); {
		body = k.body(body[:0], &a.Ops[up.Op].Format, &up.Upload)
		want[up.Phase] += float64(len(body))
		largest = max(largest, len(body))
		seen[up.Op]++
	}
	if seen[measure.Enroll] == 0 || seen[measure.Single] == 0 || seen[measure.Upload] == 0 {
		t.Fatalf("the schedule has %v", seen)
	}
	plan := MakePlan(m, a)
	for i, ph := range plan.Phases {
		if ph.Bytes != want[i] {
			t.Errorf("phase %s has %v bytes, want %v", ph.Name, ph.Bytes, want[i])
		}
	}
	if plan.MaxBytes != largest {
		t.Errorf("the largest upload has %d bytes, want %d", plan.MaxBytes, largest)
	}
}
