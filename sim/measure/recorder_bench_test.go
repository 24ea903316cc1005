package measure

import (
	"math/rand/v2"
	"testing"
	"time"
)

// steady is uploads as a run has them: one after the other, answered, of two cohorts.
func steady() []Sample {
	r := rand.New(rand.NewPCG(7, 0))
	ss := make([]Sample, 4096)
	for i := range ss {
		s := &ss[i]
		*s = Sample{Key: Key{Op: Upload, Phase: 1, Cohort: uint16(r.IntN(2))}, Attempts: 1, Events: 1, Bytes: 700}
		s.FirstSent = time.Duration(r.ExpFloat64() * float64(50*time.Microsecond))
		s.Sent = s.FirstSent
		s.Done = s.Sent + time.Duration((1+r.ExpFloat64())*float64(300*time.Microsecond))
	}
	return ss
}

// What an upload costs to count: that it fell due, and its fate.
func BenchmarkDueRecord(b *testing.B) {
	ss := steady()
	r := NewRecorder(testNames, Options{})
	b.ReportAllocs()
	now := time.Duration(0)
	for i := 0; b.Loop(); i++ {
		now += 100 * time.Microsecond
		s := ss[i&4095]
		s.Intended, s.FirstSent, s.Sent, s.Done = s.Intended+now, s.FirstSent+now, s.Sent+now, s.Done+now
		r.Due(s.Key, s.Intended)
		r.Record(&s)
	}
}

// The same while a live page is made as often as it may: after each snapshot a pause of twenty times what that took. A snapshot holds
// the recorder up; what it costs an upload is the difference to BenchmarkDueRecord.
func BenchmarkDueRecordWatched(b *testing.B) {
	ss := steady()
	r := NewRecorder(testNames, Options{})
	now := time.Duration(0)
	next := func(i int, apart time.Duration) {
		now += apart
		s := ss[i&4095]
		s.Intended, s.FirstSent, s.Sent, s.Done = s.Intended+now, s.FirstSent+now, s.Sent+now, s.Done+now
		r.Due(s.Key, s.Intended)
		r.Record(&s)
	}
	for i := range 500_000 { // ten minutes have gone by
		next(i, 1200*time.Microsecond)
	}
	stop, watched := make(chan struct{}), make(chan time.Duration)
	go func() {
		var longest time.Duration
		for {
			start := time.Now()
			Merge(testNames, r)
			took := time.Since(start)
			longest = max(longest, took)
			select {
			case <-stop:
				watched <- longest
				return
			case <-time.After(20 * took):
			}
		}
	}()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		next(i, 10*time.Microsecond)
	}
	close(stop)
	b.ReportMetric(float64(<-watched)/1e6, "ms-snapshot")
}
