package measure

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testNames = &Names{
	Phases:  []PhaseName{{"warmup", false}, {"day", true}, {"night", true}},
	Cohorts: []string{"contoso/current", "contoso/kiosk", "long-tail/kiosk"},
	Tenants: []string{"t0", "t1", "t2", "t3"},

	Versions: []string{"17.7", "18.7", "26.4", "27.0"},
}

const ms = time.Millisecond

// mixed is a run of n uploads with every kind of fate, 1 ms apart.
func mixed(seed uint64, n int) []Sample {
	r := rand.New(rand.NewPCG(seed, 0))
	fates := []struct {
		o Outcome
		c Class
	}{{Accepted, OK}, {Accepted, OK}, {Accepted, OK}, {Refused, Status400}, {Refused, Status5xx}, {Failed, Timeout}, {Failed, Cancelled},
		{Dropped, Overflow}, {Dropped, NotStarted}}
	ss := make([]Sample, n)
	for i := range ss {
		f := fates[r.IntN(len(fates))]
		s := Sample{Key: Key{Op: Op(r.IntN(2)), Phase: uint8(r.IntN(3)), Cohort: uint16(r.IntN(3)), Tenant: uint32(r.IntN(4))},
			Outcome: f.o, Class: f.c, Intended: time.Duration(i) * ms, Events: 1 + r.IntN(25), Bytes: 300 + r.IntN(4000)}
		if f.o != Dropped {
			s.FirstSent = s.Intended + time.Duration(r.Int64N(int64(ms)))
			s.Attempts = 1 + r.IntN(3)
			s.Sent = s.FirstSent + time.Duration(s.Attempts-1)*200*ms
			s.Done = s.Sent + time.Duration(r.ExpFloat64()*float64(5*ms))
			s.Told = s.Outcome != Accepted && i%3 == 0
			s.Version = 1 + i%3 // nothing has the last one
			s.Kinds[i%MaxKinds] = uint16(s.Events)
		}
		ss[i] = s
	}
	return ss
}

func feed(r *Recorder, ss []Sample) {
	for i := range ss {
		s := &ss[i]
		r.Due(s.Key, s.Intended)
		for a := 1; a < s.Attempts; a++ {
			r.Attempt(s.Key, Status5xx, s.FirstSent)
		}
		if s.Told {
			r.Attempt(s.Key, s.Class, s.Sent)
		}
		r.Record(s)
	}
}

func TestSelect(t *testing.T) {
	ss := mixed(1, 5000)
	r := NewRecorder(testNames, Options{})
	feed(r, ss)
	totals := Merge(testNames, r)
	for _, tt := range []struct {
		sel  Selector
		want func(s *Sample) bool
	}{
		{Selector{}, func(s *Sample) bool { return s.Phase > 0 }}, // warm-up is not measured
		{Selector{Phase: "warmup"}, func(s *Sample) bool { return s.Phase == 0 }},
		{Selector{Op: "enroll"}, func(s *Sample) bool { return s.Phase > 0 && s.Op == Enroll }},
		{Selector{Fleet: "contoso"}, func(s *Sample) bool { return s.Phase > 0 && s.Cohort < 2 }},
		{Selector{Cohort: "kiosk"}, func(s *Sample) bool { return s.Phase > 0 && s.Cohort > 0 }}, // of both fleets
		{Selector{Cohort: "long-tail/kiosk"}, func(s *Sample) bool { return s.Phase > 0 && s.Cohort == 2 }},
		{Selector{Fleet: "contoso", Cohort: "kiosk", Tenant: "t3", Phase: "day"},
			func(s *Sample) bool { return s.Phase == 1 && s.Cohort == 1 && s.Tenant == 3 }},
		{Selector{Class: "timeout"}, func(s *Sample) bool { return s.Phase > 0 && s.Class == Timeout }},
		{Selector{Class: "queue full"}, func(s *Sample) bool { return s.Phase > 0 && s.Class == Overflow }},
		{Selector{Tenant: "t"}, func(*Sample) bool { return false }}, // a name that nothing has
		{Selector{Phase: "dusk"}, func(*Sample) bool { return false }},
		{Selector{Fleet: "cont"}, func(*Sample) bool { return false }},
		{Selector{Tenant: OtherTenant}, func(*Sample) bool { return false }},
	} {
		var want Series
		for i := range ss {
			if s := &ss[i]; tt.want(s) {
				want.Due++
				want.count(s)
				if s.Outcome != Dropped {
					want.SendLag.Record(s.FirstSent - s.Intended)
				}
				if s.Outcome != Dropped && s.Class != Cancelled {
					want.Response.Record(s.Done - s.Intended)
					want.Service.Record(s.Done - s.Sent)
				}
			}
		}
		got := totals.Select(tt.sel)
		if err := got.Check(); err != nil {
			t.Errorf("Select(%+v): %v", tt.sel, err)
		}
		var attempts int64
		for _, n := range got.AttemptClass {
			attempts += n
		}
		if tt.sel.Class == "" && attempts != got.Attempts {
			t.Errorf("Select(%+v): %d attempts by class, %d by upload", tt.sel, attempts, got.Attempts)
		}
		got.AttemptClass = [NumClasses]int64{}
		if d := cmp.Diff(want.Counts, got.Counts); d != "" {
			t.Errorf("Select(%+v).Counts (-want +got):\n%s", tt.sel, d)
		}
		for name, h := range map[string][2]*Histogram{"Response": {&want.Response, &got.Response}, "Service": {&want.Service, &got.Service}, "SendLag": {&want.SendLag, &got.SendLag}} {
			if d := cmp.Diff(state(h[0]), state(h[1])); d != "" {
				t.Errorf("Select(%+v).%s (-want +got):\n%s", tt.sel, name, d)
			}
		}
	}
}

// Look-ups are measured like uploads, and what is said of uploads is without them.
func TestLookUpsAreApart(t *testing.T) {
	uploads, looked := mixed(1, 3000), mixed(2, 3000)
	for i := range looked {
		s := &looked[i]
		s.Op, s.Events, s.Kinds = LookUps()[i%len(LookUps())], 0, [MaxKinds]uint16{}
		s.Intended += time.Minute // so that an interval too many shows
	}
	alone, both := NewRecorder(testNames, Options{}), NewRecorder(testNames, Options{})
	feed(alone, uploads)
	feed(both, uploads)
	feed(both, looked)
	want, got := Merge(testNames, alone), Merge(testNames, both)
	for name, d := range map[string]string{
		"Select":   cmp.Diff(want.Select(Selector{}).Counts, got.Select(Selector{}).Counts),
		"Timeline": cmp.Diff(want.Timeline(), got.Timeline()),
		"Versions": cmp.Diff(len(want.Versions()), len(got.Versions())) + cmp.Diff(want.Versions()[0].Counts, got.Versions()[0].Counts),
	} {
		if d != "" {
			t.Errorf("%s with look-ups (-without +with):\n%s", name, d)
		}
	}
	var w, without Window
	both.Window(&w)
	alone.Window(&without)
	if d := cmp.Diff(without.Counts, w.Counts); d != "" || w.Response.Count() != without.Response.Count() || w.SendLag.Count() != without.SendLag.Count() {
		t.Errorf("window: %d response times and %d send lags, want %d and %d; counts (-without +with):\n%s",
			w.Response.Count(), w.SendLag.Count(), without.Response.Count(), without.SendLag.Count(), d)
	}
	for i, op := range LookUps() {
		var counts, live Counts
		n := int64(0)
		for k := range looked {
			if s := &looked[k]; s.Op == op && s.Phase > 0 {
				counts.Due++
				counts.count(s)
				if s.timed() {
					n++
				}
			}
		}
		s := got.Select(Selector{Op: op.String()})
		s.AttemptClass = [NumClasses]int64{}
		if d := cmp.Diff(counts, s.Counts); d != "" || s.Response.Count() != n {
			t.Errorf("%v: %d response times, want %d; counts (-want +got):\n%s", op, s.Response.Count(), n, d)
		}
		for ph := 1; ph < len(w.Phases); ph++ {
			live.Add(&w.Phases[ph][op])
		}
		if live.Due != counts.Due || live.Accepted != counts.Accepted {
			t.Errorf("%v, number %d: the window has %d due and %d accepted, want %d and %d", op, i, live.Due, live.Accepted, counts.Due, counts.Accepted)
		}
	}
}

func TestCheckFindsLostUploads(t *testing.T) {
	for _, tt := range []struct {
		c    Counts
		want string
	}{
		{Counts{}, "<nil>"},
		{Counts{Due: 10, Sent: 9, Dropped: 1, Accepted: 7, Refused: 1, Failed: 1}, "<nil>"},
		{Counts{Due: 11, Sent: 9, Dropped: 1, Accepted: 9}, "11 uploads fell due, but 9 were sent and 1 dropped"},
		{Counts{Due: 9, Sent: 9, Accepted: 7, Refused: 1}, "9 uploads were sent, but 7 were accepted, 1 refused and 0 failed"},
	} {
		if got := fmt.Sprint(tt.c.Check()); got != tt.want {
			t.Errorf("Check(%+v) = %s, want %s", tt.c, got, tt.want)
		}
	}
}

// Four shards that record one run together are one recorder.
func TestMergeIsUnion(t *testing.T) {
	ss := mixed(2, 8000)
	one := NewRecorder(testNames, Options{})
	feed(one, ss)
	var rs []*Recorder
	for i := range 4 {
		r := NewRecorder(testNames, Options{})
		feed(r, ss[i*2000:(i+1)*2000])
		rs = append(rs, r)
	}
	a, b := Merge(testNames, one), Merge(testNames, rs...)
	for _, sel := range []Selector{{}, {Phase: "warmup"}, {Tenant: "t2"}, {Class: "5xx"}} {
		x, y := a.Select(sel), b.Select(sel)
		if d := cmp.Diff(x.Counts, y.Counts); d != "" || state(&x.Response) != state(&y.Response) {
			t.Errorf("Select(%+v) of four recorders differs from that of one:\n%s", sel, d)
		}
	}
	if d := cmp.Diff(a.Timeline(), b.Timeline()); d != "" {
		t.Errorf("Timeline of four recorders differs from that of one:\n%s", d)
	}
}

// Each version has the uploads of its devices in the measured phases, however many recorders saw them.
func TestVersions(t *testing.T) {
	ss := mixed(7, 8000)
	a, b := NewRecorder(testNames, Options{}), NewRecorder(testNames, Options{})
	feed(a, ss[:5000])
	feed(b, ss[5000:])
	totals := Merge(testNames, a, b)
	var other sync.WaitGroup
	other.Go(func() { totals.Versions() }) // for the race detector: Totals do not change
	got := totals.Versions()
	other.Wait()
	var want [3]VersionSeries
	for i := range ss {
		s := &ss[i]
		if s.Version == 0 || s.Phase == 0 {
			continue
		}
		v := &want[s.Version-1]
		v.Due++
		v.Counts.count(s)
		if s.Outcome == Accepted {
			v.Kinds[i%MaxKinds] += int64(s.Events)
		}
		if s.timed() {
			v.Response.Record(s.Done - s.Intended)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d versions, want those three that had uploads", len(got))
	}
	for i, v := range got {
		w := &want[i]
		if err := v.Check(); err != nil || v.Name != testNames.Versions[i] || v.Counts != w.Counts || v.Kinds != w.Kinds || state(&v.Response) != state(&w.Response) {
			t.Errorf("version %d is %q with %+v of kinds %v, %v; want %+v of kinds %v", i, v.Name, v.Counts, v.Kinds, err, w.Counts, w.Kinds)
		}
	}
	if list := Merge(&Names{}).Versions(); len(list) != 0 {
		t.Errorf("no recorder has %v", list)
	}
}

// Windows taken at any time add up to the whole, and count nothing twice.
func TestWindowsAddUp(t *testing.T) {
	ss := mixed(3, 4000)
	r := NewRecorder(testNames, Options{})
	var got, w Window
	for i := 0; i < len(ss); i += 500 {
		feed(r, ss[i:i+500])
		w.Reset()
		r.Window(&w)
		got.Counts.Add(&w.Counts)
		got.Response.Merge(&w.Response)
		got.SendLag.Merge(&w.SendLag)
	}
	var want Series
	for _, p := range testNames.Phases {
		s := Merge(testNames, r).Select(Selector{Phase: p.Name})
		want.Counts.Add(&s.Counts)
		want.Response.Merge(&s.Response)
		want.SendLag.Merge(&s.SendLag)
	}
	if d := cmp.Diff(want.Counts, got.Counts); d != "" {
		t.Errorf("windows against totals (-want +got):\n%s", d)
	}
	if state(&got.Response) != state(&want.Response) || state(&got.SendLag) != state(&want.SendLag) {
		t.Errorf("the windows' histograms do not add up to the totals'")
	}
	w.Reset()
	r.Window(&w)
	if w.Due != 0 || w.Response.Count() != 0 || w.Counts != (Counts{}) {
		t.Errorf("a window in which nothing happened has %+v", w.Counts)
	}
}

// Past the bound tenants share one series; none is lost and none is half kept.
func TestTenantsFold(t *testing.T) {
	ss := mixed(4, 4000)
	r := NewRecorder(testNames, Options{Series: 12}) // 3 phases x 2 cohorts in a fleet: 2 tenants
	feed(r, ss)
	totals := Merge(testNames, r)
	if got := totals.Folded(); got != 2 {
		t.Errorf("Folded() = %d, want 2", got)
	}
	var due [4]int64
	for _, s := range ss {
		if s.Phase > 0 {
			due[s.Tenant]++
		}
	}
	for tenant, want := range map[string]int64{"t0": due[0], "t1": due[1], "t2": 0, "t3": 0, OtherTenant: due[2] + due[3]} {
		s := totals.Select(Selector{Tenant: tenant})
		if s.Due != want || s.Check() != nil {
			t.Errorf("Select(%s).Due = %d, want %d; %v", tenant, s.Due, want, s.Check())
		}
	}
	if got := len(r.series); got > 2*3*3*3 { // operations x phases x cohorts x (two tenants and "other")
		t.Errorf("%d series, want 54 at most", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	ss := mixed(5, 4000)
	r := NewRecorder(testNames, Options{})
	var senders sync.WaitGroup
	for i := range 4 {
		senders.Go(func() { feed(r, ss[i*1000:(i+1)*1000]) })
	}
	stop, watched := make(chan struct{}), make(chan Window)
	go func() {
		var w Window
		for {
			r.Window(&w)
			Merge(testNames, r).Select(Selector{})
			select {
			case <-stop:
				r.Window(&w)
				watched <- w
				return
			default:
			}
		}
	}()
	senders.Wait()
	close(stop)
	if w := <-watched; w.Due != 4000 || w.Sent+w.Dropped != 4000 {
		t.Errorf("windows saw %d due, %d sent and %d dropped of 4000", w.Due, w.Sent, w.Dropped)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	ss := mixed(6, 4096)
	r := NewRecorder(testNames, Options{})
	var w Window
	for range 64 { // until all series have turned to pages
		feed(r, ss)
		w.Reset()
		r.Window(&w)
	}
	if n := testing.AllocsPerRun(5, func() {
		feed(r, ss)
		w.Reset()
		r.Window(&w)
	}); n != 0 {
		t.Errorf("4096 uploads and a window cost %v allocations, want 0", n)
	}
}
