package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
)

// bench is a settler and short words for both sides.
type bench struct {
	*testing.T
	*Settler
}

func newBench(t *testing.T) bench {
	t.Helper()
	s := NewSettler(t.TempDir())
	t.Cleanup(func() { s.Close() })
	return bench{t, s}
}

func idOf(n int) (id event.ID) {
	id[0], id[1], id[15] = byte(n*37), byte(n>>8), byte(n)
	return id
}

func printOf(n int, tenant byte) Print {
	return Print{ID: idOf(n), Envelope: uint64(n), Event: uint64(n) * 7, Tenant: fleet.GUID{tenant}, Has: HasID | HasTenant | HasEnvelope | HasEvent}
}

func (b bench) expect(n int, s State) {
	b.Helper()
	e := Expected{Print: printOf(n, 1), State: s, Kind: event.Heartbeat, Device: n, Seq: uint32(n), Done: time.Second}
	if err := b.Expect(&e); err != nil {
		b.Fatal(err)
	}
}

func (b bench) show(p Print) {
	b.Helper()
	if err := b.Show(p); err != nil {
		b.Fatal(err)
	}
}

func (b bench) result() *check.Settlement {
	b.Helper()
	if err := b.Settle(); err != nil {
		b.Fatal(err)
	}
	return b.Result()
}

// One event of each fate, and what it is called.
func TestFates(t *testing.T) {
	b := newBench(t)
	for n := range 12 {
		b.expect(n, Acknowledged)
	}
	b.expect(20, Unanswered) // shown
	b.expect(21, Unanswered) // not shown: no loss
	b.expect(22, Rejected)   // not shown: right
	b.expect(23, Rejected)   // shown
	b.expect(24, NeverSent)  // shown
	b.expect(25, Unrecorded) // shown: it was sent, then
	b.expect(26, Unrecorded) // not shown
	b.expect(27, NotDue)     // not shown
	b.expect(28, NotDue)     // shown: the run went on after the last block
	b.Look(3 * time.Second)
	for _, n := range []int{0, 1, 2} {
		b.show(printOf(n, 1))
	}
	b.show(printOf(90, 1)) // gone at the last look: nothing that stays
	b.Look(5 * time.Second)
	b.show(printOf(0, 1)) // once
	// 1 is lost: it was shown, and is not any more
	b.show(printOf(2, 1))
	b.show(printOf(2, 1)) // twice
	b.show(printOf(3, 1)) // late
	b.show(printOf(4, 2)) // another tenant's
	p := printOf(5, 1)
	p.Event++
	b.show(p) // altered
	p = printOf(6, 1)
	p.Envelope++
	b.show(p) // altered, too
	p = printOf(7, 1)
	p.Has |= Broken
	b.show(p)             // cut short
	b.show(printOf(8, 1)) // in both tenants
	b.show(printOf(8, 2))
	b.show(printOf(9, 1))
	b.show(printOf(10, 1))
	b.show(printOf(11, 1))
	for _, n := range []int{20, 23, 24, 25, 28} {
		b.show(printOf(n, 1))
	}
	b.show(printOf(91, 3))        // nobody's
	b.show(Print{Has: HasTenant}) // not even an id
	b.ReadAs(fleet.GUID{1})
	b.show(printOf(0, 1))
	b.show(printOf(4, 2)) // leaked
	b.ReadAs(fleet.GUID{2})
	b.show(printOf(4, 2))
	if err := b.Settle(); err != nil {
		t.Fatal(err)
	}
	if !b.Altered(idOf(5)) || !b.Altered(idOf(7)) || b.Altered(idOf(8)) || !b.AnyAltered() {
		t.Error("Altered names the wrong events")
	}
	b.Compare(idOf(5), []byte(`{"events":[{"id":1,"seq":1}]}`), []byte(`{"events":[{"id":1,"seq":2}]}`))
	b.Compare(idOf(6), []byte(`{"v":1}`), []byte(`{"v":2}`))
	b.Compare(idOf(7), []byte(`{"v":1}`), []byte(`{"v":`))
	b.Compare(idOf(0), nil, nil) // was not altered
	got := b.Result()
	want := check.Settlement{
		Events: 21, Acknowledged: 12, Unanswered: 2, Rejected: 2, NeverSent: 1, Unrecorded: 2, NotDue: 2, Shown: 20,
		Once: 8, Lost: 1, Unacknowledged: 1, Missing: 1, Duplicated: 2, Copies: 2, Altered: 3, WrongTenant: 2, Unexpected: 4, Unreadable: 1, Late: 9, Leaked: 1,
		Compared: 3, Readers: 2, Contents: true, Tenants: true,
	}
	want.Freshness, want.Visible, want.AlteredFields, want.Kinds, want.Examples, want.Looks = got.Freshness, got.Visible, got.AlteredFields, got.Kinds, got.Examples, got.Looks
	if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", want) {
		t.Errorf("settlement\n%+v\nwant\n%+v", *got, want)
	}
	if f := fmt.Sprint(got.AlteredFields); f != "[{(cut short) 1} {seq 1} {v 1}]" {
		t.Errorf("altered fields %s", f)
	}
	if got.Freshness.Count() != 9 || got.Freshness.Max() < 4*time.Second-5*time.Millisecond || got.Freshness.Max() > 4*time.Second+5*time.Millisecond {
		t.Errorf("freshness: %d, max %v, want 9 and 4s", got.Freshness.Count(), got.Freshness.Max())
	}
	if k := got.Kinds[event.Heartbeat]; k.Acknowledged != 12 || k.Lost != 1 || k.Late != 9 || k.WrongTenant != 2 {
		t.Errorf("heartbeats %+v", k)
	}
	if len(got.Looks) != 2 || got.Looks[0].Shown != 4 || got.Looks[1].At != 5*time.Second {
		t.Errorf("looks %+v", got.Looks)
	}
	count := map[string]int{}
	for _, e := range got.Examples {
		count[e.Fate]++
		if e.Fate == "leaked" && (e.Device != 4 || e.Seq != 4 || e.Kind != "heartbeat") {
			t.Errorf("a leaked event does not say whose it is: %+v", e)
		}
	}
	if count["lost"] != 1 || count["duplicated"] != 2 || count["altered"] != 3 || count["unexpected"] != 4 || count["late"] != 9 || count["leaked"] != 1 {
		t.Errorf("examples %v", count)
	}
}

// How long events took to be visible lies between what two looks say of each.
func TestVisible(t *testing.T) {
	b := newBench(t)
	for n := range 10 {
		b.expect(n, Acknowledged) // at 1s
	}
	b.expect(10, Unanswered)
	b.Look(500 * time.Millisecond) // before the answer: what it shows was visible at once
	b.show(printOf(0, 1))
	b.LookOver(600 * time.Millisecond)
	shown := func(from, to int) {
		for n := from; n <= to; n++ {
			b.show(printOf(n, 1))
		}
	}
	b.Look(3 * time.Second)
	shown(0, 4)
	b.LookOver(3500 * time.Millisecond)
	b.Look(6 * time.Second)
	shown(0, 8) // 9 is lost
	shown(10, 10)
	b.LookOver(7 * time.Second)
	b.ReadAs(fleet.GUID{1})
	b.LookOver(time.Hour) // of a tenant's own, which tells nothing
	v := b.result().Visible
	type bounds struct{ least, most time.Duration }
	for _, tt := range []struct {
		q    float64
		want bounds
	}{
		{0.1, bounds{0, 0}}, {0.5, bounds{0, 2500 * time.Millisecond}}, {0.6, bounds{2 * time.Second, 6 * time.Second}}, {1, bounds{2 * time.Second, 6 * time.Second}},
	} {
		got := bounds{v.AtLeast.Quantile(tt.q), v.AtMost.Quantile(tt.q)}
		near := func(a, b time.Duration) bool { return a-b <= b/500 && b-a <= b/500 } // three figures
		if !near(got.least, tt.want.least) || !near(got.most, tt.want.most) {
			t.Errorf("quantile %v: %v to %v, want %v to %v", tt.q, got.least, got.most, tt.want.least, tt.want.most)
		}
	}
	if v.AtLeast.Count() != 9 || v.AtMost.Count() != 9 || v.AtOnce != 1 {
		t.Errorf("of %d and %d events, %d at once; want 9, 9, 1", v.AtLeast.Count(), v.AtMost.Count(), v.AtOnce)
	}
}

// Where the backend shows no tenants, whose an event is that a tenant's own credential is shown is known by its id; what neither tells is
// counted, and is no leak.
func TestLeaksByID(t *testing.T) {
	b := newBench(t)
	for n := range 4 {
		b.expect(n, Acknowledged) // of tenant 1
	}
	id := func(n int) Print { return Print{ID: idOf(n), Has: HasID} }
	b.Look(3 * time.Second)
	for n := range 4 {
		b.show(id(n))
	}
	b.ReadAs(fleet.GUID{1})
	b.show(id(0))
	b.show(id(1))
	b.ReadAs(fleet.GUID{2})
	b.show(id(0)) // leaked
	b.show(id(0)) // the same sight
	b.AskAs(fleet.GUID{2}, fleet.GUID{1})
	b.show(id(0)) // the same reader
	b.show(id(3)) // leaked, by name
	b.AskAs(fleet.GUID{3}, fleet.GUID{1})
	b.show(id(0))   // leaked to another one
	b.show(id(70))  // no device sent it
	b.show(Print{}) // not even an id
	got := b.result()
	if got.Leaked != 3 || got.Ownerless != 2 || got.Once != 4 || got.Shown != 4 || got.Unexpected != 0 || got.Late != 0 || got.Readers != 2 || got.Asks != 2 {
		t.Errorf("%+v", got)
	}
	var told []string
	for _, e := range got.Examples {
		told = append(told, fmt.Sprintf("%s device %d seq %d %s of %.2s: %.18s, %t", e.Fate, e.Device, e.Seq, e.Kind, e.Tenant, e.Detail, strings.Contains(e.Detail, ", which asked for 01")))
	}
	slices.Sort(told)
	if want := []string{
		"leaked device 0 seq 0 heartbeat of 01: shown to tenant 02, false", "leaked device 0 seq 0 heartbeat of 01: shown to tenant 03, true",
		"leaked device 3 seq 3 heartbeat of 01: shown to tenant 02, true",
	}; !slices.Equal(told, want) {
		t.Errorf("examples %q, want %q", told, want)
	}
}

// What fits into memory makes no file. What does not is spilled, and settled with what did, and leaves nothing behind: where a file
// can lose its name while it is open, not even when the process is killed.
func TestSpillLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	b := bench{t, NewSettler(dir)}
	const n = 1000
	b.Look(time.Second)
	for i := range n { // of idOf, every 64th is in part 0
		b.expect(64*i, Acknowledged)
		b.show(printOf(64*i, 1))
	}
	b.expect(1, Acknowledged)
	b.show(printOf(1, 1))
	for _, s := range []*spill{&b.expected, &b.shown} {
		for i := range s.parts {
			if on := s.parts[i].file != nil; on != (i == 0) {
				t.Errorf("part %d is on disk: %t", i, on)
			}
		}
		if f := s.parts[0].file; f != nil {
			if at, err := f.Stat(); err != nil || at.Size()+int64(len(s.parts[0].tail)) < n*storedLen || len(s.parts[0].tail) == 0 {
				t.Errorf("part 0 has a file of %v bytes, %v, and %d bytes in memory", at, err, len(s.parts[0].tail))
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 && runtime.GOOS != "windows" {
		t.Errorf("%d files with a name, %v", len(left), err)
	}
	if got := b.result(); got.Once != n+1 || got.Lost+got.Unexpected+got.Duplicated+got.Altered != 0 {
		t.Errorf("settled %+v, want each of %d events once", got, n+1)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files left, %v", len(left), err)
	}
}

// Where nothing can be spilled it is said when there is something to spill.
func TestSpillMistake(t *testing.T) {
	s := NewSettler(filepath.Join(t.TempDir(), "none"))
	defer s.Close()
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = s.Expect(&Expected{Print: printOf(64*i, 1)})
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one about the folder", err)
	}
}

// Examples are bounded, counts are not.
func TestExamplesAreBounded(t *testing.T) {
	b := newBench(t)
	const n = 5000
	for i := range n {
		b.expect(i, Acknowledged)
	}
	b.Look(time.Second)
	got := b.result()
	if got.Lost != n || len(got.Examples) != maxExamples || got.Contents || got.Freshness != nil || got.Visible != nil {
		t.Errorf("%d lost, %d examples, contents %t", got.Lost, len(got.Examples), got.Contents)
	}
}

// A backend that shows only ids is settled by them, and says nothing of contents and tenants.
func TestIDsOnly(t *testing.T) {
	b := newBench(t)
	b.expect(1, Acknowledged)
	b.Look(time.Second)
	b.show(Print{ID: idOf(1), Has: HasID})
	if got := b.result(); got.Once != 1 || got.Contents || got.Tenants || got.Altered+got.WrongTenant != 0 {
		t.Errorf("%+v", got)
	}
	empty := newBench(t)
	if err := empty.Settle(); err == nil {
		t.Error("a settlement without a look is no error")
	}
}
