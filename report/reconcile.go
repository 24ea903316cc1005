package report

import (
	"fmt"
	"strings"

	"drover/sim/check"
)

// Reconcile is what became of the events, by the ledger and what the backend showed after the run. The fates are those of
// check.Settlement.
type Reconcile struct {
	Events       int64 `json:"events"`
	Acknowledged int64 `json:"acknowledged"`
	Unanswered   int64 `json:"unanswered"`
	Rejected     int64 `json:"rejected"`
	NeverSent    int64 `json:"never_sent"`
	Unrecorded   int64 `json:"unrecorded"`
	NotDue       int64 `json:"not_due"`
	Withdrawn    int64 `json:"withdrawn"`
	Shown        int64 `json:"shown"`

	Once           int64 `json:"stored_once"`
	Lost           int64 `json:"lost"`
	Unacknowledged int64 `json:"stored_unacknowledged"`
	Missing        int64 `json:"missing_unacknowledged"`
	Duplicated     int64 `json:"duplicated"`
	Copies         int64 `json:"copies"`
	Altered        int64 `json:"altered"`
	WrongTenant    int64 `json:"wrong_tenant"`
	Unexpected     int64 `json:"unexpected"`
	Unreadable     int64 `json:"unreadable"`
	Late           int64 `json:"late"`
	Leaked         int64 `json:"leaked"`
	Erased         int64 `json:"erased"`
	Kept           int64 `json:"kept"`
	Readers        int64 `json:"readers"`      // tenants whose own credential was tried; 0: leaks were not looked for
	Asks           int64 `json:"asks"`         // how often one of them asked for another tenant's data by name
	AsksRefused    int64 `json:"asks_refused"` // of these: the answer was no
	AsksFailed     int64 `json:"asks_failed"`  // of these: there was no answer
	Ownerless      int64 `json:"ownerless"`    // sights of tenants' own credentials of which nothing says whose they are

	Stored    *StoredAudit     `json:"stored_audit"` // what is stored against the privacy contract; null: nobody asked, or it does not show
	Freshness *Quantiles       `json:"freshness"`    // of late events: acknowledged to shown, at most; null: none was late
	Visible   *Visible         `json:"visible"`      // of all that were acknowledged and are stored; null: none is
	Fields    []AlteredField   `json:"altered_fields"`
	Kinds     []SettledKind    `json:"kinds"`
	Examples  []SettledExample `json:"examples"` // some of each fate that is a failure
	Looks     []Look           `json:"looks"`
	Contents  bool             `json:"contents"` // whether the backend shows what events hold
	Tenants   bool             `json:"tenants"`  // whether it shows whose they are
	Blind     string           `json:"blind"`    // what could not be seen; "" when all was
}

// StoredAudit is what the backend showed held to the privacy contract.
type StoredAudit struct {
	Contract   string   `json:"contract"`
	Events     int64    `json:"events"`
	Violations int64    `json:"violations"`
	Offending  int64    `json:"offending"` // events with at least one
	Broken     []string `json:"broken"`    // invariants and how often, e.g. "P09 3"
	First      string   `json:"first"`     // one violation; "" without any
	Canaries   int64    `json:"canaries_found"`
}

// AlteredField is how many altered events differ in a field, of the first thousand.
type AlteredField struct {
	Field  string `json:"field"`
	Events int64  `json:"events"`
}

// SettledKind is the fates of one kind of event.
type SettledKind struct {
	Kind         string `json:"kind"`
	Acknowledged int64  `json:"acknowledged"`
	Once         int64  `json:"stored_once"`
	Lost         int64  `json:"lost"`
	Duplicated   int64  `json:"duplicated"`
	Altered      int64  `json:"altered"`
	WrongTenant  int64  `json:"wrong_tenant"`
	Late         int64  `json:"late"`
}

// SettledExample is one event with a fate that is a failure.
type SettledExample struct {
	Fate   string `json:"fate"`
	Event  string `json:"event"`
	Tenant string `json:"tenant"`
	Device int    `json:"device"` // -1: no device sent it
	Seq    uint32 `json:"seq"`
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	Replay string `json:"replay"` // the command that sends its device's uploads again; "" where there is no device
}

// Look is one reading of all that the backend holds.
type Look struct {
	AtNS    int64 `json:"at_ns"` // it began
	UntilNS int64 `json:"until_ns"`
	Shown   int64 `json:"shown"`
}

// FromSettlement writes a settlement as it stands in the document. replay makes the command that sends a device's uploads again.
func FromSettlement(s *check.Settlement, replay func(device int) string) *Reconcile {
	if s == nil {
		return nil
	}
	r := &Reconcile{
		Events: s.Events, Acknowledged: s.Acknowledged, Unanswered: s.Unanswered, Rejected: s.Rejected, NeverSent: s.NeverSent,
		Unrecorded: s.Unrecorded, Shown: s.Shown, Once: s.Once, Lost: s.Lost, Unacknowledged: s.Unacknowledged, Missing: s.Missing, NotDue: s.NotDue, Duplicated: s.Duplicated,
		Copies: s.Copies, Altered: s.Altered, WrongTenant: s.WrongTenant, Unexpected: s.Unexpected, Unreadable: s.Unreadable, Late: s.Late,
		Leaked: s.Leaked, Withdrawn: s.Withdrawn, Erased: s.Erased, Kept: s.Kept, Readers: s.Readers, Asks: s.Asks, AsksRefused: s.AsksRefused, AsksFailed: s.AsksFailed, Ownerless: s.Ownerless, Contents: s.Contents, Tenants: s.Tenants, Blind: s.Blind,
		Fields: []AlteredField{}, Kinds: []SettledKind{}, Examples: []SettledExample{}, Looks: []Look{},
	}
	if a := s.Stored; a != nil {
		r.Stored = &StoredAudit{
			Contract: a.Contract, Events: a.Uploads, Violations: a.Violations, Offending: a.Offending, First: a.First, Broken: append([]string{}, a.Broken...),
		}
		if a.Canaries != nil {
			r.Stored.Canaries = a.Canaries.Found
		}
	}
	if s.Freshness != nil {
		q := QuantilesOf(s.Freshness)
		r.Freshness = &q
	}
	r.Visible = visibleOf(s.Visible)
	for _, f := range s.AlteredFields {
		r.Fields = append(r.Fields, AlteredField(f))
	}
	for _, k := range s.Kinds {
		r.Kinds = append(r.Kinds, SettledKind(k))
	}
	for _, l := range s.Looks {
		r.Looks = append(r.Looks, Look{int64(l.At), int64(l.Until), l.Shown})
	}
	for _, e := range s.Examples {
		x := SettledExample{Fate: e.Fate, Event: e.Event, Tenant: e.Tenant, Device: e.Device, Seq: e.Seq, Kind: e.Kind, Detail: e.Detail}
		if e.Device >= 0 {
			x.Replay = replay(e.Device)
		}
		r.Examples = append(r.Examples, x)
	}
	return r
}

// Fate is one row of the settlement: how many events, and whether that is a failure.
type Fate struct {
	Name    string
	Meaning string
	N       int64
	Bad     bool
}

// Fates lists the fates in the order in which reports show them. One that nothing had is left out where that is no news.
func (r *Reconcile) Fates() (list []Fate) {
	add := func(name, meaning string, n int64, bad, always bool) {
		if n > 0 || always {
			list = append(list, Fate{name, meaning, n, bad && n > 0})
		}
	}
	add("stored once", "as it was sent, in the right tenant", r.Once, false, true)
	add("lost", "acknowledged, and not stored", r.Lost, true, true)
	add("duplicated", "stored more than once", r.Duplicated, true, true)
	if r.Tenants {
		add("wrong tenant", "stored as another tenant's", r.WrongTenant, true, true)
	}
	if r.Contents {
		add("altered", "stored with another content", r.Altered, true, true)
	}
	add("unexpected", "stored, and nobody sent it or it was refused", r.Unexpected, true, true)
	if r.Readers > 0 {
		add("leaked", "shown to another tenant's credential", r.Leaked, true, true)
	}
	if r.Withdrawn > 0 {
		add("erased", "optional data of users who took consent back, and gone", r.Erased, false, true)
		add("kept", "optional data of users who took consent back, and still stored", r.Kept, true, true)
	}
	if a := r.Stored; a != nil {
		add("breaks the contract", "stored against contract "+a.Contract, a.Offending, true, true)
	}
	add("late", "acknowledged, and shown only later", r.Late, true, false)
	add("stored without an answer", "sent, and no answer said that it is stored", r.Unacknowledged, false, false)
	add("no answer, not stored", "sent, and nobody said that it is stored: no loss", r.Missing, false, false)
	add("not recorded", "due before the ledger was cut short, which does not have its fate", r.Unrecorded, true, false)
	add("not yet due", "due only after the last entry of the ledger that was cut short; the run may have ended before", r.NotDue, false, false)
	return list
}

// Strangers says what tenants' own credentials were tried for, as a sentence; "" when they were not.
func (r *Reconcile) Strangers() string {
	if r.Readers == 0 {
		return ""
	}
	s := plural(r.Readers, "tenant", "tenants") + " read all with a credential of their own"
	if r.Ownerless > 0 {
		s += fmt.Sprintf(" (of %s that they were shown nothing says whose they are)", plural(r.Ownerless, "event", "events"))
	}
	if r.Asks == 0 {
		return s + "; none asked for another tenant's data by name."
	}
	s += fmt.Sprintf(", and asked %s for another tenant's data by name; the answer was no %s", plural(r.Asks, "time", "times"), plural(r.AsksRefused, "time", "times"))
	if r.AsksFailed > 0 {
		s += fmt.Sprintf(", and %s there was none", plural(r.AsksFailed, "time", "times"))
	}
	return s + "."
}

// fields names the altered fields in a few words.
func (r *Reconcile) fields() string {
	var words []string
	for _, f := range r.Fields {
		if len(words) == 8 {
			words = append(words, fmt.Sprintf("and %d more", len(r.Fields)-8))
			break
		}
		words = append(words, fmt.Sprintf("%s (%s)", f.Field, count(f.Events)))
	}
	return strings.Join(words, ", ")
}

func (t *text) reconcile() {
	r := t.r.Reconcile
	if r == nil {
		return
	}
	var spans []span
	for _, f := range r.Fates() {
		look := plain
		if f.Bad {
			look = red
		} else if f.N == 0 {
			look = faint
		}
		spans = append(spans, span{f.Name + " " + count(f.N), look})
	}
	if v := r.Visible; v != nil {
		spans = append(spans, span{"visible after p50 " + between(v.AtLeast.P50NS, v.AtMost.P50NS) + ", p99 " + between(v.AtLeast.P99NS, v.AtMost.P99NS), faint})
	}
	if s := t.r.Sampled; s != nil && s.AtMost.Count > 0 {
		spans = append(spans, span{"sampled p50 " + between(s.AtLeast.P50NS, s.AtMost.P50NS) + ", p99 " + between(s.AtLeast.P99NS, s.AtMost.P99NS), faint})
	}
	t.items("Settled", spans)
	if r.Blind != "" {
		for _, piece := range wrap(r.Blind, t.width-labelWidth) {
			l := t.label("")
			l.add(yellow, piece)
			t.add(l)
		}
	}
}

func mdReconcile(b *strings.Builder, r *Reconcile, sampled *Sampled) {
	if r == nil {
		return
	}
	fmt.Fprintf(b, "\n**Settled** %s acknowledged, %s shown by the backend.\n\n", plural(r.Acknowledged, "event", "events"), count(r.Shown))
	b.WriteString("| events | fate | |\n|---:|---|---|\n")
	for _, f := range r.Fates() {
		mdRow(b, count(f.N), f.Name, f.Meaning)
	}
	if s := r.Strangers(); s != "" {
		fmt.Fprintf(b, "\n%s\n", md(s))
	}
	for _, s := range []string{r.Visible.Sentence(), sampled.Sentence()} {
		if s != "" {
			fmt.Fprintf(b, "\n%s\n", md(s))
		}
	}
	if s := r.lateness(); s != "" {
		fmt.Fprintf(b, "\n%s\n", md(s))
	}
	if len(r.Fields) > 0 {
		fmt.Fprintf(b, "\nAltered fields: %s.\n", md(r.fields()))
	}
	if len(r.Examples) > 0 {
		b.WriteString("\n| fate | event | device | seq | kind | detail | again |\n|---|---|---:|---:|---|---|---|\n")
		for _, e := range r.Examples {
			device := "–"
			if e.Device >= 0 {
				device = fmt.Sprint(e.Device)
			}
			mdRow(b, e.Fate, e.Event, device, fmt.Sprint(e.Seq), e.Kind, e.Detail, e.Replay)
		}
	}
	if r.Blind != "" {
		fmt.Fprintf(b, "\n> **Warning** %s\n", md(r.Blind))
	}
}

// TextReconcile writes the settlement alone: each fate, what was altered, and the examples with their commands.
func TextReconcile(r *Reconcile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s acknowledged, %s shown by the backend\n\n", plural(r.Acknowledged, "event", "events"), count(r.Shown))
	for _, f := range r.Fates() {
		fmt.Fprintf(&b, "%12s  %-26s%s\n", count(f.N), f.Name, f.Meaning)
	}
	if s := r.Strangers(); s != "" {
		fmt.Fprintf(&b, "\n%s\n", s)
	}
	if s := r.Visible.Sentence(); s != "" {
		fmt.Fprintf(&b, "\n%s\n", s)
	}
	if s := r.lateness(); s != "" {
		fmt.Fprintf(&b, "\n%s\n", s)
	}
	if len(r.Fields) > 0 {
		fmt.Fprintf(&b, "\naltered fields: %s\n", clean(r.fields()))
	}
	for i, e := range r.Examples {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: event %s", e.Fate, e.Event)
		if e.Device >= 0 {
			fmt.Fprintf(&b, ", seq %d of device %d, %s", e.Seq, e.Device, e.Kind)
		}
		if e.Detail != "" {
			fmt.Fprintf(&b, ": %s", clean(e.Detail))
		}
		b.WriteByte('\n')
		if e.Replay != "" {
			fmt.Fprintf(&b, "    %s\n", clean(e.Replay))
		}
	}
	if r.Blind != "" {
		fmt.Fprintf(&b, "\nnot complete: %s\n", clean(r.Blind))
	}
	return b.String()
}
