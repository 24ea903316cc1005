package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
)

// Settler gives each event its fate: it is told what the devices had to report, and what a backend showed, in any order, and
// then holds one against the other. What it is told goes to disk when it is more than a megabyte or two, in parts by event id, so
// its memory does not grow with the run but for one part: a 64th. It is owned by one goroutine.
type Settler struct {
	Printer *Printer // makes the prints of both sides
	// Owner reports whether a device is known by the name of which this is the print; nil where the backend shows no devices.
	Owner func(device int, name uint64) bool

	expected, shown spill
	row             []byte
	looks           []check.Look
	unreadable      int64                      // events of the look under way whose id could not be read
	readers         []reader                   // looks with tenants' own credentials
	reader          *reader                    // of the look under way; nil: the operator
	seenLeaks       map[[2]fleet.GUID]struct{} // reader and event: sights that were counted
	out             check.Settlement
	altered         map[event.ID]*suspect // whose fields are to be compared
	kept            map[string]int        // examples by fate
	leaks           map[event.ID][]int    // examples of leaked events, whose device is yet to be found
}

// suspect is an altered event.
type suspect struct {
	*check.SettledExample
	fields []string // that are known to differ
}

const (
	maxExamples = 10   // of each fate
	maxAltered  = 1000 // altered events whose fields are compared
)

// NewSettler returns a settler that spills into folder dir. Close it.
func NewSettler(dir string) *Settler {
	s := &Settler{expected: spill{dir: dir}, shown: spill{dir: dir}, Printer: NewPrinter(maphash.MakeSeed()), altered: map[event.ID]*suspect{}, kept: map[string]int{}, leaks: map[event.ID][]int{}}
	s.out.Freshness, s.out.Visible = new(measure.Histogram), new(check.Visible)
	for _, k := range event.Kinds() {
		s.out.Kinds = append(s.out.Kinds, check.SettledKind{Kind: k.String()})
	}
	return s
}

// Close removes what was spilled.
func (s *Settler) Close() error { return errors.Join(s.expected.close(), s.shown.close()) }

// Expect tells of an event that a device had to report.
func (s *Settler) Expect(e *Expected) error {
	o := &s.out
	o.Events++
	switch e.State {
	case Acknowledged:
		o.Acknowledged++
		o.Kinds[e.Kind].Acknowledged++
	case Unanswered:
		o.Unanswered++
	case Rejected:
		o.Rejected++
	case NeverSent:
		o.NeverSent++
	case Unrecorded:
		o.Unrecorded++
	case NotDue:
		o.NotDue++
	case Erased:
		o.Withdrawn++
	}
	s.row = e.append(s.row[:0])
	return s.expected.put(e.Print.ID, s.row)
}

// Look begins a look at all that the backend holds, at an offset from the run's start. The last look of the operator decides.
func (s *Settler) Look(at time.Duration) {
	s.looks, s.reader, s.unreadable = append(s.looks, check.Look{At: at, Until: at}), nil, 0
}

// LookOver ends the look under way. Of one that nobody ends, what it showed counts as seen when it began.
func (s *Settler) LookOver(at time.Duration) {
	if look := &s.looks[len(s.looks)-1]; s.reader == nil {
		look.Until = max(look.At, at)
	}
}

// Show tells of an event that the look under way showed.
func (s *Settler) Show(p Print) error {
	if s.reader != nil {
		return s.shownTo(p)
	}
	look := &s.looks[len(s.looks)-1]
	look.Shown++
	if p.Has&HasID == 0 { // nothing can be said of it but that it is there
		s.unreadable++
		return nil
	}
	s.row = (&stored{p, uint8(min(len(s.looks)-1, toReader-1))}).append(s.row[:0])
	return s.shown.put(p.ID, s.row)
}

func (s *Settler) example(e *check.SettledExample) {
	if s.kept[e.Fate]++; s.kept[e.Fate] <= maxExamples {
		s.out.Examples = append(s.out.Examples, *e)
	}
}

// Settle holds the two sides against each other. It is called once. Altered says which altered events are to be compared
// field by field, by Compare; then Result has it all.
func (s *Settler) Settle() error {
	if len(s.looks) == 0 {
		return errors.New("nothing was read back")
	}
	s.out.Looks = s.looks
	s.out.Shown = s.looks[len(s.looks)-1].Shown
	s.out.Contents, s.out.Tenants = s.out.Shown > 0, s.out.Shown > 0
	var left, right []byte
	var want []Expected
	var have []stored
	for n := range spillParts {
		var err, err2 error
		left, err = s.expected.part(n, left)
		right, err2 = s.shown.part(n, right)
		if err = errors.Join(err, err2); err != nil {
			return err
		}
		want, have = want[:0], have[:0]
		for row := range slices.Chunk(left, expectedLen) {
			var e Expected
			e.read(row)
			want = append(want, e)
		}
		for row := range slices.Chunk(right, storedLen) {
			var v stored
			v.read(row)
			have = append(have, v)
		}
		slices.SortFunc(want, func(a, b Expected) int { return bytes.Compare(a.Print.ID[:], b.Print.ID[:]) })
		slices.SortStableFunc(have, func(a, b stored) int { return bytes.Compare(a.print.ID[:], b.print.ID[:]) })
		for i := range want {
			e := &want[i]
			for len(have) > 0 && bytes.Compare(have[0].print.ID[:], e.Print.ID[:]) < 0 {
				have = s.strangers(have)
			}
			k := 0
			for k < len(have) && have[k].print.ID == e.Print.ID {
				k++
			}
			s.settle(e, have[:k])
			have = have[k:]
		}
		for len(have) > 0 {
			have = s.strangers(have)
		}
	}
	if s.unreadable > 0 {
		s.out.Unexpected += s.unreadable
		s.out.Unreadable = s.unreadable
		s.example(&check.SettledExample{Fate: "unexpected", Device: -1, Detail: check.FormatCount(s.unreadable) + " of which not even the id can be read"})
	}
	if s.out.Late == 0 {
		s.out.Freshness = nil
	}
	if s.out.Visible.AtMost.Count() == 0 {
		s.out.Visible = nil
	}
	return nil
}

// strangers settles the first event shown, which nobody sent, with its copies, and returns the rest.
func (s *Settler) strangers(have []stored) []stored {
	last := uint8(len(s.looks) - 1)
	k := 0
	for ; k < len(have) && have[k].print.ID == have[0].print.ID; k++ {
		v := &have[k]
		if v.look == toReader {
			s.out.Ownerless++
		}
		if v.look != last {
			continue
		}
		s.seen(v)
		e := check.SettledExample{Fate: "unexpected", Event: fleet.GUID(v.print.ID).String(), Device: -1, Detail: "no device sent it"}
		s.out.Unexpected++
		if v.print.Has&HasTenant != 0 {
			e.Detail += "; stored as tenant " + v.print.Tenant.String() + "'s"
		}
		s.example(&e)
	}
	return have[k:]
}

// seen notes what the backend does not show.
func (s *Settler) seen(v *stored) {
	s.out.Contents = s.out.Contents && v.print.Has&(HasEvent|HasHash|Broken) != 0
	s.out.Tenants = s.out.Tenants && v.print.Has&(HasTenant|Broken) != 0
}

// settle gives one event its fates. have is every sight of it, look by look.
func (s *Settler) settle(e *Expected, have []stored) {
	o := &s.out
	for _, i := range s.leaks[e.Print.ID] {
		x := &o.Examples[i]
		x.Device, x.Seq, x.Kind = e.Device, e.Seq, e.Kind.String()
	}
	kind := &o.Kinds[e.Kind]
	last := uint8(len(s.looks) - 1)
	copies, foreign, altered, first := int64(0), 0, 0, last+1
	var where fleet.GUID
	var fields []string
	for i := range have {
		v := &have[i]
		if v.look == toReader {
			s.shownOf(e, v)
		}
		first = min(first, v.look)
		if v.look != last {
			continue
		}
		copies++
		s.seen(v)
		switch {
		case v.print.Has&HasTenant != 0 && v.print.Tenant != e.Print.Tenant:
			foreign++
			where = v.print.Tenant
		case v.print.Has&Broken != 0,
			v.print.Has&HasEvent != 0 && v.print.Event != e.Print.Event,
			v.print.Has&HasEnvelope != 0 && v.print.Envelope != e.Print.Envelope:
			altered++
		default:
			if v.print.Has&HasHash != 0 && v.print.Hash != e.Print.Hash {
				fields = append(fields, "(hash)")
			}
			if v.print.Has&HasDevice != 0 && s.Owner != nil && !s.Owner(e.Device, v.print.Device) {
				fields = append(fields, "(device)")
			}
			if len(fields) > 0 {
				altered++
			}
		}
	}
	show := func(fate, detail string) *check.SettledExample {
		return &check.SettledExample{
			Fate: fate, Event: fleet.GUID(e.Print.ID).String(), Tenant: e.Print.Tenant.String(), Device: e.Device, Seq: e.Seq,
			Kind: e.Kind.String(), Detail: detail,
		}
	}
	if copies == 0 {
		switch e.State {
		case Erased:
			o.Erased++
		case Acknowledged:
			o.Lost++
			kind.Lost++
			s.example(show("lost", ""))
		case Unanswered:
			o.Missing++
		}
		return
	}
	switch e.State {
	case Erased:
		o.Kept++
		s.example(show("kept", "its user took consent back"))
		return
	case Rejected, NeverSent:
		o.Unexpected += copies
		detail := "every answer said no"
		if e.State == NeverSent {
			detail = "its upload was never sent"
		}
		s.example(show("unexpected", detail))
		return
	case Unanswered:
		o.Unacknowledged++
	case Acknowledged:
		atLeast, atMost := time.Duration(0), max(0, s.looks[first].Until-e.Done)
		if first > 0 {
			atLeast = max(0, s.looks[first-1].At-e.Done) // that look may have passed its place at once
			o.Late++
			kind.Late++
			o.Freshness.Record(atMost)
			s.example(show("late", fmt.Sprintf("first shown %v to %v after it was acknowledged", atLeast.Round(time.Millisecond), atMost.Round(time.Millisecond))))
		} else {
			o.Visible.AtOnce++
		}
		o.Visible.AtLeast.Record(atLeast)
		o.Visible.AtMost.Record(atMost)
	}
	if copies > 1 {
		o.Duplicated++
		o.Copies += copies - 1
		kind.Duplicated++
		s.example(show("duplicated", check.FormatCount(copies)+" copies"))
	}
	if foreign > 0 {
		o.WrongTenant++
		kind.WrongTenant++
		s.example(show("wrong tenant", "stored as tenant "+where.String()+"'s"))
	}
	if altered > 0 {
		o.Altered++
		kind.Altered++
		if len(s.altered) < maxAltered {
			slices.Sort(fields) // of several copies
			s.altered[e.Print.ID] = &suspect{show("altered", ""), slices.Compact(fields)}
		}
	}
	if copies == 1 && foreign == 0 && altered == 0 {
		o.Once++
		kind.Once++
	}
}

// Altered tells, after Settle, whether the fields of an event are to be compared, and of which device's.
func (s *Settler) Altered(id event.ID) bool { return s.altered[id] != nil }

// AnyAltered tells whether there is anything to compare.
func (s *Settler) AnyAltered() bool { return len(s.altered) > 0 }

// Compare takes what was sent and what is stored of an altered event; held is nil where the backend does not show that.
func (s *Settler) Compare(id event.ID, sent, held []byte) {
	e := s.altered[id]
	if e == nil {
		return
	}
	delete(s.altered, id)
	s.out.Compared++
	names := e.fields
	if held != nil {
		names = append(names, Differ(sent, held)...)
	}
	for _, name := range names {
		i := slices.IndexFunc(s.out.AlteredFields, func(f check.FieldCount) bool { return f.Field == name })
		if i < 0 {
			i = len(s.out.AlteredFields)
			s.out.AlteredFields = append(s.out.AlteredFields, check.FieldCount{Field: name})
		}
		s.out.AlteredFields[i].Events++
	}
	e.Detail = strings.Join(names, ", ")
	s.example(e.SettledExample)
}

// Result is the settlement. The settler must not be used after it.
func (s *Settler) Result() *check.Settlement {
	slices.SortFunc(s.out.AlteredFields, func(a, b check.FieldCount) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), strings.Compare(a.Field, b.Field))
	})
	order := []string{"lost", "duplicated", "wrong tenant", "altered", "unexpected", "leaked", "kept", "late"}
	slices.SortStableFunc(s.out.Examples, func(a, b check.SettledExample) int {
		return slices.Index(order, a.Fate) - slices.Index(order, b.Fate)
	})
	return &s.out
}
