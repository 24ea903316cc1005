package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"drover/sim/measure"
)

// Reconcile promises what became of the events that devices sent, by what the backend shows after the run. A nil bound is not
// looked at.
type Reconcile struct {
	Lost, Duplicated, WrongTenant, Altered, Unexpected, Leaked, Late *int64 // events, at most
}

// Settlement is the fate of each event of a run, by the ledger and what the backend showed. An event can have several: one
// that is stored twice, once of it for another tenant, is Duplicated and WrongTenant.
type Settlement struct {
	// What the devices know.
	Events       int64 // they had to report, and an upload of theirs fell due
	Acknowledged int64 // of Events: the backend said that it has them
	Unanswered   int64 // of Events: sent, and no answer said yes or no
	Rejected     int64 // of Events: every answer said no
	NeverSent    int64 // of Events: their upload was dropped
	Unrecorded   int64 // of Events: due before the ledger was cut short, which does not have their fate: whether they were sent is not known
	Withdrawn    int64 // of Events: optional data that was sent before its user took consent back: the backend was told to erase it
	NotDue       int64 // of Events: due only after the last entry of a ledger that was cut short: the run may have ended before

	// What the backend showed last.
	Shown int64 // events, each copy counted

	// Fates.
	Once           int64 // sent, and stored once, in the right tenant, unaltered
	Lost           int64 // acknowledged, and not stored
	Unacknowledged int64 // stored, although no answer said so
	Missing        int64 // of Unanswered: not stored, which nobody promised: no loss
	Duplicated     int64 // stored more than once
	Copies         int64 // of them, beyond the first ones
	Altered        int64 // stored with another content than was sent
	WrongTenant    int64 // stored as another tenant's
	Unexpected     int64 // stored, and nobody sent it, or it had been rejected
	Unreadable     int64 // of Unexpected: shown in a form of which not even the id could be read
	Late           int64 // acknowledged, not shown at the first look, and shown later
	Leaked         int64 // shown to the reader of another tenant
	Erased         int64 // of Withdrawn: not stored, as it should be
	Kept           int64 // of Withdrawn: still stored

	Freshness *measure.Histogram // of Late: from the acknowledgement to the end of the look that first showed it; nil: none was late
	Visible   *Visible           // of all that were acknowledged and are stored; nil: none is

	AlteredFields []FieldCount     // in how many altered events a field differs, of those that were compared
	Compared      int64            // altered events whose fields were compared
	Kinds         []SettledKind    // by kind of event, in event.Kinds order
	Examples      []SettledExample // some of each fate that is a failure
	Looks         []Look
	Readers       int64  // tenants whose own credential was tried; 0: not looked at
	Asks          int64  // how often one of them asked for another tenant's data by name
	AsksRefused   int64  // of Asks: the answer was no
	AsksFailed    int64  // of Asks: there was no answer
	AskError      string // why one of them had none
	Ownerless     int64  // sights of tenants' own credentials of which neither a tenant nor the id of an event of the run says whose they are

	Stored *Audit // of what the backend showed last; nil: nobody asked, or it does not show whole documents

	Contents bool   // the backend shows contents, so that Altered means something
	Tenants  bool   // it shows tenants, so that WrongTenant does
	Blind    string // why the settlement cannot be complete, as a sentence; "" when it is
}

// FieldCount is how often a field was altered.
type FieldCount struct {
	Field  string
	Events int64
}

// SettledKind is the events of one kind.
type SettledKind struct {
	Kind                                                             string
	Acknowledged, Once, Lost, Duplicated, Altered, WrongTenant, Late int64
}

// SettledExample is one event with a fate that is a failure.
type SettledExample struct {
	Fate   string // as the fields of reconcile
	Event  string // id
	Tenant string // id, of the device; "" when nobody sent the event
	Device int    // -1 when nobody sent the event
	Seq    uint32
	Kind   string
	Detail string // e.g. which fields differ; "" when there is nothing to add
}

// Look is one reading of all that the backend holds of the run.
type Look struct {
	At    time.Duration // from the run's start
	Until time.Duration
	Shown int64
}

// Visible is how long events took from their acknowledgement until the backend showed them. Only looks tell, so each has two bounds, and
// so has each quantile: it lies between that of AtLeast and that of AtMost.
type Visible struct {
	AtLeast measure.Histogram // until the last look began that did not show the event; 0 where the first look showed it
	AtMost  measure.Histogram // until the look was over that first showed it
	AtOnce  int64             // events that the first look showed
}

// Sampled is how long some events took from their acknowledgement until they were visible, which were looked for while the run went on.
// Each quantile of those that were seen lies between that of AtLeast and that of AtMost.
type Sampled struct {
	AtLeast, AtMost measure.Histogram // as in Visible
	Patience        time.Duration     // how long each was looked for
	Unseen          int64             // not shown within Patience
	Failed          int64             // a look had no answer, or one that could not be understood
	Why             string            // the last of these
	Skipped         int64             // not looked for, because too many were already
	Cut             int64             // still looked for when the run was interrupted
}

// bounds lists the bounds and what they are held against.
func (c *Reconcile) bounds(s *Settlement) []reconciled {
	return []reconciled{
		{"lost", c.Lost, s.Lost, ""},
		{"duplicated", c.Duplicated, s.Duplicated, ""},
		{"wrong tenant", c.WrongTenant, s.WrongTenant, blindIf(!s.Tenants, "the backend does not show tenants")},
		{"altered", c.Altered, s.Altered, blindIf(!s.Contents, "the backend does not show what events hold")},
		{"unexpected", c.Unexpected, s.Unexpected, ""},
		{"leaked", c.Leaked, s.Leaked, s.unasked()},
		{"late", c.Late, s.Late, ""},
	}
}

type reconciled struct {
	name  string
	most  *int64
	got   int64
	blind string
}

// unasked is why leaks could not be seen; "" when they could.
func (s *Settlement) unasked() string {
	switch {
	case s.Readers == 0:
		return "no tenant's own credential was tried"
	case s.AsksFailed > 0:
		return fmt.Sprintf("%s of %s times there was no answer to a tenant that asked for another one's data, for example: %s", FormatCount(s.AsksFailed), FormatCount(s.Asks), s.AskError)
	case s.Ownerless > 0:
		return fmt.Sprintf("of %s events that tenants' own credentials were shown neither tenant nor id says whose they are", FormatCount(s.Ownerless))
	}
	return ""
}

func blindIf(blind bool, why string) string {
	if blind {
		return why
	}
	return ""
}

func (c *Reconcile) evaluate(f Facts) Outcome {
	s := f.Settlement
	if s == nil {
		s = &Settlement{Blind: f.Unsettled}
	}
	var want, got, fates, broken, blind []string
	for _, b := range c.bounds(s) {
		if b.most == nil {
			continue
		}
		want = append(want, fmt.Sprintf("%s <= %s", b.name, FormatCount(*b.most)))
		got = append(got, fmt.Sprintf("%s %s", b.name, FormatCount(b.got)))
		if b.got > *b.most {
			fates = append(fates, b.name)
			broken = append(broken, fmt.Sprintf("%s %s", FormatCount(b.got), b.name))
		}
		if b.blind != "" {
			blind = append(blind, b.blind)
		}
	}
	o := Outcome{Want: strings.Join(want, ", ")}
	if f.Settlement == nil {
		o.Result, o.Evidence = NotChecked, f.Unsettled
		if o.Evidence == "" {
			o.Evidence = "there is no read-back: give the scenario a target.readback"
		}
		return o
	}
	o.Got, o.Samples = strings.Join(got, ", "), s.Acknowledged
	o.Evidence = fmt.Sprintf("%s events acknowledged, %s stored once as sent", FormatCount(s.Acknowledged), FormatCount(s.Once))
	if c.Leaked != nil && s.Readers > 0 {
		o.Evidence += fmt.Sprintf("; %s tenants read all with their own credentials and asked %s times for another one's data, %s times in vain",
			FormatCount(s.Readers), FormatCount(s.Asks), FormatCount(s.AsksRefused))
	}
	if v := s.Visible; c.Late != nil && v != nil {
		o.Evidence += "; visible after p99 " + FormatBetween(v.AtLeast.Quantile(0.99), v.AtMost.Quantile(0.99))
	}
	if s.Blind != "" {
		blind = append(blind, s.Blind)
	}
	switch {
	case len(broken) > 0:
		// What was found is found, however much could not be seen.
		o.Result = Fail
		o.Evidence += ": " + strings.Join(broken, ", ")
		// Of what was promised, and one that can be looked up.
		if i := slices.IndexFunc(s.Examples, func(e SettledExample) bool { return slices.Contains(fates, e.Fate) && e.Event != "" }); i >= 0 {
			e := s.Examples[i]
			of := ""
			if e.Device >= 0 {
				of = fmt.Sprintf(" of device %d", e.Device)
			}
			o.Evidence += fmt.Sprintf("; for example event %s%s is %s", e.Event, of, e.Fate)
		}
	case len(blind) > 0:
		o.Result = Inconclusive
		o.Evidence += "; " + strings.Join(blind, "; ")
	case s.Acknowledged == 0:
		return empty(o.Want, "acknowledged events", f)
	default:
		o.Result = Pass
	}
	return o
}
