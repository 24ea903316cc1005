package privacy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"drover/profiles"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/privacy"
	"drover/sim/scenario"
)

// specimens are real uploads of one event each, by kind, of devices that withhold nothing.
type specimens struct {
	contract *privacy.Contract
	settings privacy.Settings
	docs     map[event.Kind]string
	other    object // the account of a device of another tenant
}

// collect takes specimens out of a fleet's stream, each with as many data types as its kind can have.
func collect(t *testing.T, name string) *specimens {
	t.Helper()
	m := parsed(t, fmt.Sprintf(lively, 2, "contract: "+name, 100.0, 0.0, "optionalDiagnostics: {true: 100, false: 0}", 1.0))
	s := &specimens{contract: contract(t, name), docs: map[event.Kind]string{}}
	s.settings = privacy.Settings{Open: true, OptionalDiag: true, FeedbackForm: true}
	settings := settingsOf(m)
	most := map[event.Kind]int{}
	var tenant fleet.GUID
	uploads(m, 6000, func(raw []byte, d *fleet.Device) {
		if is, _ := settings(d.EntraID); is != s.settings {
			t.Fatalf("device %d has the settings %+v", d.Index, is)
		}
		if tenant == (fleet.GUID{}) {
			tenant = d.TenantID
		}
		var doc object
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		if d.TenantID != tenant {
			s.other = at(doc, "account")
			return
		}
		for _, e := range doc["events"].([]any) {
			k, _ := event.ParseKind(e.(object)["kind"].(string))
			one, _ := json.Marshal(e)
			if n := strings.Count(string(one), `":`); n > most[k] {
				most[k] = n
				doc["events"] = []any{e}
				whole, _ := json.Marshal(doc)
				s.docs[k] = string(whole)
			}
		}
	})
	// Nothing in a stream like this one enrols: the run's phase does.
	s.docs[event.Enrolment] = strings.Replace(s.docs[event.Heartbeat], `"heartbeat"`, `"enrolment"`, 1)
	for _, k := range event.Kinds() {
		if s.docs[k] == "" || s.other == nil {
			t.Fatalf("%s: no specimen of kind %v", name, k)
		}
	}
	return s
}

// fresh is a specimen that may be changed, and its event.
func (s *specimens) fresh(k event.Kind) (doc, e object) {
	if json.Unmarshal([]byte(s.docs[k]), &doc) != nil {
		panic("a specimen is no JSON")
	}
	return doc, doc["events"].([]any)[0].(object)
}

// parent walks to what holds a field of the catalogue or the envelope, in a document and its event, and names its last part.
func parent(doc, e object, field string) (object, string) {
	in := doc
	if rest, ok := strings.CutPrefix(field, "events[]."); ok {
		in, field = e, rest
	}
	for {
		name, rest, more := strings.Cut(field, ".")
		if !more {
			return in, name
		}
		next, ok := in[name].(object)
		if !ok {
			next = object{}
			in[name] = next
		}
		in, field = next, rest
	}
}

// try audits a specimen and then its mutant, both of one device, and wants certain invariants to be broken: those in want all,
// and besides at most those in may.
func (s *specimens) try(t *testing.T, seen map[privacy.Invariant]int, name string, k event.Kind, settings *privacy.Settings, mutant object, want, may []privacy.Invariant) {
	t.Helper()
	var got []privacy.Invariant
	armed := false
	a := privacy.NewAuditor(s.contract, privacy.Options{Canaries: []event.Canary{{1, 2, 3, 4, 5, 6}}, Report: func(v privacy.Violation) {
		if !armed {
			t.Errorf("%s: %s: the specimen itself breaks %v", s.contract.Name, name, v)
		}
		if !slices.Contains(got, v.Invariant) {
			got = append(got, v.Invariant)
		}
	}})
	r := a.Reader(func(fleet.GUID) (privacy.Settings, bool) {
		if armed && settings != nil {
			return *settings, true
		}
		return s.settings, true
	})
	r.Upload([]byte(s.docs[k]))
	armed = true
	raw, err := json.Marshal(mutant)
	if err != nil {
		t.Fatal(err)
	}
	r.Upload(raw)
	slices.Sort(got)
	for _, inv := range want {
		seen[inv]++
		if !slices.Contains(got, inv) {
			t.Errorf("%s: %s: broke %v, want %v", s.contract.Name, name, got, want)
			return
		}
	}
	for _, inv := range got {
		if !slices.Contains(want, inv) && !slices.Contains(may, inv) {
			t.Errorf("%s: %s: broke %v, want only %v", s.contract.Name, name, got, want)
		}
	}
}

type invariants = []privacy.Invariant

// TestEveryMutation breaks uploads in every way that can be listed: for each contract, each data type and each field taken away,
// put where it does not belong, given another form or value, moved to another kind of event, another tenant, other settings.
// None may be missed, each is caught under its own invariant, and each of the 15 invariants catches something.
func TestEveryMutation(t *testing.T) {
	cat, err := scenario.LoadPrivacyCatalogue(profiles.Files, "privacy-catalogue.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[privacy.Invariant]int{}
	all := map[string]*specimens{}
	for _, name := range cat.Names() {
		all[name] = collect(t, name)
	}
	total := 0
	for _, name := range cat.Names() {
		s := all[name]
		m := mutator{t: t, s: s, seen: seen}
		for i := range cat.Items {
			it := &cat.Items[i]
			if slices.ContainsFunc(s.contract.Items, func(x privacy.Item) bool { return x.ID == it.ID }) {
				m.removed(it)
				m.misplaced(it)
				m.forbidden(it)
			} else {
				m.foreign(it, all)
			}
			m.values(it.Place(), it.Field, it)
		}
		for i := range cat.Envelope {
			f := cat.Envelope[i]
			m.values(f.Name, f, nil)
		}
		m.kinds()
		m.tenants()
		m.verdicts()
		m.reports()
		total += m.tried
	}
	for inv := range privacy.NumInvariants {
		if seen[inv] == 0 {
			t.Errorf("no mutation breaks %v", inv)
		}
	}
	if total < 1500 {
		t.Errorf("%d mutations are fewer than there should be", total)
	}
	t.Logf("%d mutations", total)
}
