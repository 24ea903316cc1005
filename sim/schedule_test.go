package sim

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/wire"
)

// lines are the arrivals of a schedule as text, one event a line.
func lines(m *Model, partitions []int) (all []string) {
	s := NewSchedule(m, partitions)
	var a Arrival
	last := time.Duration(-1)
	for s.Next(&a) {
		if a.At < last {
			panic(fmt.Sprintf("arrival at %v after one at %v", a.At, last))
		}
		last = a.At
		for i, it := range a.Upload.Items {
			all = append(all, fmt.Sprint(a.At, a.Phase, a.Op, a.Upload.Device, a.Upload.FirstSeq+uint32(i), it))
		}
	}
	return all
}

var loads = map[string]string{
	"speed":   speedLoad,
	"even":    rateLoad("even", "200/s", "10s"),
	"poisson": rateLoad("poisson", "{from: 10/s, to: 300/s}", "10s"),
	"both": `
    phases:
      - {name: enroll, do: enroll, for: 1s, measure: false}
      - {name: fast, for: 3s, rate: 100/s}
      - {name: own, for: 10s}
      - {name: faster, for: 3s, rate: {mean: 100/s, amplitude: 50/s, period: 2s}}
      - {name: drain, do: drain, for: 2s}
`,
}

// The same scenario gives the same arrivals; another seed others.
func TestScheduleIsAFunctionOfTheScenario(t *testing.T) {
	for name, load := range loads {
		a := lines(model(t, parse(t, load)), partitions(model(t, parse(t, load))))
		b := lines(model(t, parse(t, load)), partitions(model(t, parse(t, load))))
		if len(a) == 0 || !slices.Equal(a, b) {
			t.Errorf("%s: two schedules of %d and %d events differ", name, len(a), len(b))
		}
		if c := lines(model(t, parse(t, load, "seed: 7", "seed: 8")), partitions(model(t, parse(t, load)))); slices.Equal(a, c) {
			t.Errorf("%s: another seed gives the same events", name)
		}
	}
}

// The union of n shards is the unsharded run, event by event and instant by instant.
func TestShardsAddUp(t *testing.T) {
	for name, load := range loads {
		m := model(t, parse(t, load))
		addUp(t, name, m, lines(m, partitions(m)))
	}
}

// addUp checks that any number of shards have the events of the whole together.
func addUp(t *testing.T, name string, m *Model, whole []string) {
	t.Helper()
	slices.Sort(whole)
	for _, n := range []int{2, 4} {
		var got []string
		for i := range n {
			parts, err := m.Fleet.ShardPartitions(fleet.Shard{Index: i + 1, Of: n})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, lines(m, parts)...)
		}
		slices.Sort(got)
		if !slices.Equal(got, whole) {
			t.Errorf("%s: %d shards have %d events, the whole has %d, or they differ", name, n, len(got), len(whole))
		}
	}
}

// A rate phase offers exactly its rate, at even distances, and every device's events stay in order and without gaps.
func TestRatePhase(t *testing.T) {
	m := model(t, parse(t, loads["even"]))
	s := NewSchedule(m, partitions(m))
	seq := map[int]uint32{}
	var a Arrival
	n := 0
	for ; s.Next(&a); n++ {
		if want := time.Duration(n+1) * 5 * time.Millisecond; a.At != want {
			t.Fatalf("arrival %d is due at %v, want %v", n, a.At, want)
		}
		if a.Upload.FirstSeq != seq[a.Upload.Device] {
			t.Fatalf("device %d sends %d, want %d", a.Upload.Device, a.Upload.FirstSeq, seq[a.Upload.Device])
		}
		seq[a.Upload.Device] += uint32(len(a.Upload.Items))
	}
	if n != 2000 {
		t.Errorf("%d arrivals, want 2000", n)
	}
}

// Every device enrols once, within the phase, before it sends anything else.
func TestEnrolment(t *testing.T) {
	for _, arrivals := range []string{"poisson", "even"} {
		m := model(t, parse(t, `
    arrivals: `+arrivals+`
    phases:
      - {name: enroll, do: enroll, for: 2s, measure: false}
      - {name: day, for: 4s, rate: 100/s}
`))
		s := NewSchedule(m, partitions(m))
		enrolled := map[int]bool{}
		var a Arrival
		for s.Next(&a) {
			if a.Op == measure.Enroll {
				if enrolled[a.Upload.Device] || a.At < 0 || a.At > 2*time.Second || a.Upload.Items[0].Kind != event.Enrolment {
					t.Fatalf("%s: bad enrolment %+v", arrivals, a)
				}
				enrolled[a.Upload.Device] = true
			} else if !enrolled[a.Upload.Device] || a.Upload.FirstSeq == 0 {
				t.Fatalf("%s: device %d sends %d before it is enrolled", arrivals, a.Upload.Device, a.Upload.FirstSeq)
			}
		}
		if len(enrolled) != 200 {
			t.Errorf("%s: %d devices enrolled, want 200", arrivals, len(enrolled))
		}
	}
}

// A plan of a fleet small enough to be followed whole is what the run then does, whether devices or a rate decide when uploads start. In the
// closed model it is an estimate.
func TestPlanIsWhatHappens(t *testing.T) {
	if MakePlan(model(t, parse(t, closedLoad, ", speed: 600", "")), &wire.Drover).Exact {
		t.Error("closed: what the backend decides is said to be known")
	}
	for name, atSpeed := range map[string]int{"speed": 1, "both": 2} {
		m := model(t, parse(t, loads[name]))
		plan := MakePlan(m, &wire.Drover)
		if !plan.Exact {
			t.Fatalf("%s: plan of %d devices followed %d", name, plan.Devices, plan.Sample)
		}
		got := map[string]float64{}
		s := NewSchedule(m, partitions(m))
		var a Arrival
		for s.Next(&a) {
			got[fmt.Sprint(a.Phase)]++
			for _, it := range a.Upload.Items {
				got[fmt.Sprint(a.Phase, it.Kind)]++
			}
		}
		want, visits := map[string]float64{}, 0.0
		for i, ph := range plan.Phases {
			want[fmt.Sprint(i)] = ph.Uploads
			for k, n := range ph.Kinds {
				if n > 0 {
					want[fmt.Sprint(i, event.Kind(k))] = n
				}
			}
			visits += ph.Visits
		}
		if own := plan.Phases[atSpeed]; own.DeviceTime != 600*own.For {
			t.Errorf("%s: device time moves by %v in %v, want 600 times that", name, own.DeviceTime, own.For)
		}
		if !maps.Equal(got, want) || visits != float64(s.Stats().Visits) {
			t.Errorf("%s: the run has %v and %d visits, the plan %v and %v", name, got, s.Stats().Visits, want, visits)
		}
	}
}

// A plan from a sample is within the sample's noise.
func TestPlanFromASample(t *testing.T) {
	m := model(t, parse(t, loads["both"], "devices: 200", "devices: 20000"))
	plan := MakePlan(m, &wire.Drover)
	if plan.Exact || plan.Sample != planSample {
		t.Fatalf("plan of %d devices followed %d", plan.Devices, plan.Sample)
	}
	if got := plan.Phases[1].Uploads; math.Abs(got-300) > 20 {
		t.Errorf("%v uploads at 100/s for 3 s", got)
	}
	var beats float64
	var lived time.Duration
	for _, ph := range plan.Phases {
		beats += ph.Kinds[event.Heartbeat]
		lived += ph.DeviceTime
	}
	if want := 20000 * lived.Hours(); math.Abs(beats-want) > 0.05*want {
		t.Errorf("%.0f heartbeats in %v of device time, want about %.0f", beats, lived, want)
	}
	if own := plan.Phases[2].DeviceTime; own != 6000*time.Second {
		t.Errorf("device time moves by %v, want 6000s", own)
	}
}
