package sim

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/wire"
)

// workday is the shipped scenario with another number of devices, all in one process.
func workday(b testing.TB, devices string) *Model {
	sc, err := scenario.Load("workday", scenario.Options{})
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Replace(string(sc.Resolved), "devices: 7000", "devices: "+devices, 1)
	// From the middle of a morning: at midnight nothing happens, and a benchmark wants each round to cost the same.
	text = strings.Replace(text, "T00:00:00Z", "T09:00:00Z", 1)
	return model(b, parseText(b, text))
}

func resident() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// One upload of a million devices' queue: the events on the way, their visits judged, the heap kept in order.
func BenchmarkMillionDevices(b *testing.B) {
	before := resident()
	m := workday(b, "997000")
	s := NewSchedule(m, partitions(m))
	size := resident() - before
	var a Arrival
	for a.Op != measure.Upload && s.Next(&a) { // enrolment is over
	}
	b.ReportAllocs()
	for b.Loop() {
		if !s.Next(&a) {
			b.Fatal("the schedule is over")
		}
	}
	b.ReportMetric(size, "MB")
	b.ReportMetric(0, "ns/op") // how many events an upload carries changes along the day; see ns/event
	done := s.Stats()
	var made int64
	for _, n := range done.Made {
		made += n
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(1, done.Visits+made)), "ns/event")
}

// From the scenario to the plan and the first upload of 100,000 devices.
func BenchmarkPlan100k(b *testing.B) {
	for b.Loop() {
		m := workday(b, "97000")
		MakePlan(m, &wire.Drover)
		var a Arrival
		if !NewSchedule(m, partitions(m)).Next(&a) {
			b.Fatal("no upload")
		}
	}
}

// The bytes of one upload of 25 events: identity, fields, JSON.
func BenchmarkEncode(b *testing.B) {
	m := workday(b, "7000")
	s := NewSchedule(m, partitions(m))
	var a Arrival
	k := newMaker(m)
	for s.Next(&a) && len(a.Upload.Items) < 2 {
	}
	u := a.Upload
	items := u.Items
	for len(items) < 25 {
		items = append(items, items[len(items)%len(u.Items)])
		if last := &items[len(items)-1]; last.Kind != event.WebThreat { // another time would be another visit
			last.At += time.Duration(len(items)) * time.Second
		}
	}
	u.Items = items[:25]
	b.ReportAllocs()
	var body []byte
	for b.Loop() {
		body = k.body(body[:0], &wire.Native, &u)
	}
	b.SetBytes(int64(len(body)))
	b.ReportMetric(float64(len(body)), "bytes/upload")
}
