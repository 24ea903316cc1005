package privacy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Options says what an audit knows beside the stream, and where violations go. The zero value is of use: what cannot be
// checked then is said in the findings.
type Options struct {
	Tenant *fleet.GUID   // whose sink the stream was seen at; nil: not known
	Period time.Duration // of device time in which everything periodic that is always sent must come; 0: not looked at

	Canaries []event.Canary // names that must be nowhere in a document

	// Report is called with each violation, one call at a time, from whichever goroutine found it. It may be nil, may keep the
	// Violation, and must not call the auditor.
	Report func(Violation)
}

// Violation is one broken invariant at one place.
type Violation struct {
	Invariant Invariant
	Document  int64      // number of the document given to the Auditor, from 1; 0: the device's whole stream
	Device    fleet.GUID // directory device id; zero when the document has none
	Index     int        // of the event in the document; -1: the document itself
	Event     fleet.GUID // id of the event; zero without one
	Kind      string     // of the event as written, if it is a known one
	Field     string     // place in the document, e.g. "events[].web.domain"; "" for the whole
	What      string     // what is wrong; never a value from the document
}

// Auditor holds a stream of native documents to a contract. For each device it remembers the identifier, the tenant and,
// with Options.Period, a few times: about 200 bytes. Its methods and those of its Readers may be called at the same time.
type Auditor struct {
	c        *Contract
	opt      Options
	periodic []int // items that must come once a period

	mu        sync.Mutex
	documents int64
	uploads   int64 // documents that could be read
	events    int64
	known     int64                         // uploads of devices whose settings are known
	strangers int64                         // of others
	canaries  int64                         // that were found
	risks     [event.NumCategories][2]uint8 // 1 + the risk that was first seen, by category and whether the user went on; 0: none
	sawRisk   bool
	counts    [NumInvariants][event.NumKinds + 1]int64
	devices   map[fleet.GUID]*device
	orgs      map[fleet.GUID]fleet.GUID // of tenants

	canary map[event.Canary]int // number of each, from 1; not changed
}

// device is what is remembered of one.
type device struct {
	identity identity
	tenant   fleet.GUID
	owner    owner
	newest   int64   // time of its newest event, Unix milliseconds
	last     []int64 // newest occurrence of each periodic item; at first, of any event
}

// owner is a hash of each of organisation, user and user name; 0: not said.
type owner [3]uint64

var ownerFields = [len(owner{})]string{"account.org_id", "account.user_id", "account.upn"}

// identity is a device identifier; the first byte is 1 + the index of its item, 0 for none.
type identity [17]byte

// NewAuditor returns an auditor for one stream.
func NewAuditor(c *Contract, opt Options) *Auditor {
	a := &Auditor{c: c, opt: opt, devices: map[fleet.GUID]*device{}, orgs: map[fleet.GUID]fleet.GUID{}}
	if len(opt.Canaries) > 0 {
		a.canary = make(map[event.Canary]int, len(opt.Canaries))
		for n, name := range opt.Canaries {
			a.canary[name] = n + 1
		}
	}
	for i := range c.items {
		it := &c.items[i]
		// Actions and crashes come by chance, so no period is sure to have one.
		if c.local[i] && it.Carried && it.Needs(Always) && it.Form != Action && it.Form != IPS {
			a.periodic = append(a.periodic, i)
		}
	}
	return a
}

// Result is what an audit has seen so far.
type Result struct {
	Contract   string
	Documents  int64
	Unreadable int64 // of them; each is a violation of P13
	Events     int64
	Devices    int
	Violations int64
	Canaries   int   // that were looked for
	Found      int64 // places where one of them was found; each is a violation of P06
	Findings   [NumInvariants]Finding
	Kinds      []KindCount // kinds of event with violations, and "upload" for the envelope, in order
}

// KindCount is the violations in events of one kind.
type KindCount struct {
	Kind       string
	Violations int64
}

// Finish looks at what only the whole stream shows and returns the result. Nothing may be audited after it.
func (a *Auditor) Finish() Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opt.Period > 0 {
		for _, id := range slices.SortedFunc(maps.Keys(a.devices), func(x, y fleet.GUID) int { return slices.Compare(x[:], y[:]) }) {
			d := a.devices[id]
			for k, item := range a.periodic {
				a.overdue(id, d, k, item, d.newest, 0)
			}
		}
	}
	r := Result{
		Contract: a.c.Name, Documents: a.documents, Unreadable: a.documents - a.uploads, Events: a.events, Devices: len(a.devices),
		Canaries: len(a.canary), Found: a.canaries,
	}
	var kinds [event.NumKinds + 1]int64
	for i := range NumInvariants {
		f := Finding{Invariant: i}
		f.Coverage, f.Why = a.coverage(i)
		for k, n := range a.counts[i] {
			f.Violations += n
			kinds[k] += n
		}
		r.Violations += f.Violations
		r.Findings[i] = f
	}
	for k, n := range kinds {
		if n > 0 {
			r.Kinds = append(r.Kinds, KindCount{kindName(event.Kind(k)), n})
		}
	}
	return r
}

// kindName is the name of a kind in counts.
func kindName(k event.Kind) string {
	if k == event.NumKinds {
		return "upload"
	}
	return k.String()
}

// commit takes what a reader found in one document, and checks what needs the documents before it.
func (a *Auditor) commit(r *Reader) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.documents++
	if r.s.bad != "" {
		r.note(P13, "", fmt.Sprintf("offset %d: this is no JSON document: %s", r.s.pos, r.s.bad))
	} else {
		a.uploads++
		a.events += int64(len(r.events))
		if r.hasSettings {
			a.known++
		} else {
			a.strangers++
		}
		a.remember(r)
	}
	a.canaries += r.canaries
	for _, v := range r.found {
		v.Document, v.Device = a.documents, r.device
		kind := event.NumKinds
		if v.Index >= 0 && v.Index < len(r.events) {
			e := &r.events[v.Index]
			v.Event = e.id
			if e.known {
				v.Kind, kind = e.kind.String(), e.kind
			}
		}
		a.tell(v, kind)
	}
}

// tell counts and reports a violation. a.mu is held.
func (a *Auditor) tell(v Violation, kind event.Kind) {
	a.counts[v.Invariant][kind]++
	if a.opt.Report != nil {
		a.opt.Report(v)
	}
}

// remember holds a document against what is known of its device, and learns from it.
func (a *Auditor) remember(r *Reader) {
	none := fleet.GUID{}
	if a.opt.Tenant != nil && r.tenant != none && r.tenant != *a.opt.Tenant {
		r.note(P11, "account.tenant_id", "the capture is from the sink of another tenant")
	}
	if r.tenant != none && r.org != none {
		switch org, known := a.orgs[r.tenant]; {
		case !known:
			a.orgs[r.tenant] = r.org
		case org != r.org:
			r.note(P11, "account.org_id", "other devices of this tenant belong to another organisation")
		}
	}
	a.compareRisks(r)
	if r.device == none {
		return // that it is missing was said
	}
	d := a.devices[r.device]
	if d == nil {
		d = &device{identity: r.identity, tenant: r.tenant, owner: r.owner}
		a.devices[r.device] = d
	}
	for i, field := range ownerFields {
		if is := r.owner[i]; is != 0 {
			if was := d.owner[i]; was != 0 && was != is && !r.enrols() {
				r.note(P11, field, "the device had another one before")
			}
			d.owner[i] = is
		}
	}
	if d.identity != r.identity && r.identity[0] != 0 {
		// An installation keeps its identifier; a new one enrols anew.
		if d.identity[0] != 0 && !r.enrols() {
			r.note(P05, "device.id", "the device had another identifier before")
		}
		d.identity = r.identity
	}
	if d.tenant == none {
		d.tenant = r.tenant
	}
	if r.tenant != none && d.tenant != r.tenant {
		r.note(P11, "account.tenant_id", "the device belonged to another tenant before")
	}
	if a.opt.Period <= 0 {
		return
	}
	for i := range r.events {
		e := &r.events[i]
		if e.at == 0 {
			continue
		}
		if d.last == nil {
			d.last = slices.Repeat([]int64{e.at}, len(a.periodic))
		}
		d.newest = max(d.newest, e.at)
		for k, item := range a.periodic {
			if e.present&(1<<item) != 0 {
				a.overdue(r.device, d, k, item, e.at, a.documents)
				d.last[k] = max(d.last[k], e.at)
			}
		}
	}
}

// compareRisks holds the risk of detections against that of others of their kind, where no settings are known: a setting that
// changes the risk of its device shows as two risks for one category.
func (a *Auditor) compareRisks(r *Reader) {
	for i := range r.events {
		e := &r.events[i]
		if !e.rated() {
			continue
		}
		a.sawRisk = true
		if r.hasSettings {
			continue // held to the very value already
		}
		first := &a.risks[e.category][e.bypassed-no]
		if *first == 0 {
			*first = uint8(e.risk) + 1
		}
		if *first != uint8(e.risk)+1 {
			r.index = i
			r.note(P12, "events[].detection.risk", "the same detection had another risk before")
			r.index = -1
		}
	}
}

// overdue reports an item that did not come for longer than a period until now.
func (a *Auditor) overdue(id fleet.GUID, d *device, k, item int, now, document int64) {
	if d.last == nil || now-d.last[k] <= a.opt.Period.Milliseconds() {
		return
	}
	it := &a.c.items[item]
	since := time.UnixMilli(d.last[k]).UTC().Format(time.RFC3339)
	a.tell(Violation{
		Invariant: P15, Document: document, Device: id, Index: -1, Kind: it.Kind.String(), Field: place(it.Name),
		What: fmt.Sprintf("did not come within %v after %s", a.opt.Period, since),
	}, it.Kind)
}

// String is e.g. "P07 events[].web.domain: has more of a URL than a host".
func (v Violation) String() string {
	var b strings.Builder
	b.WriteString(v.Invariant.String())
	if v.Field != "" {
		b.WriteString(" " + v.Field)
	}
	return b.String() + ": " + v.What
}
