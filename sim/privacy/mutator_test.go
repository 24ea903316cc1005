package privacy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"drover/sim/event"
	"drover/sim/privacy"
)

// mutator makes the mutations of one contract.
type mutator struct {
	t     *testing.T
	s     *specimens
	seen  map[privacy.Invariant]int
	tried int
}

func (m *mutator) try(name string, k event.Kind, settings *privacy.Settings, mutant object, want, may invariants) {
	m.t.Helper()
	m.tried++
	m.s.try(m.t, m.seen, name, k, settings, mutant, want, may)
}

// home is a kind of event whose uploads have an item.
func home(it *privacy.Item) event.Kind {
	if it.Carried {
		return it.Kind
	}
	return event.Heartbeat
}

// misuse is the invariant that a data type breaks in an event that must not have it.
func misuse(it *privacy.Item) privacy.Invariant {
	switch {
	case it.Needs(privacy.Malicious):
		return privacy.P01
	case it.Needs(privacy.OptionalOn):
		return privacy.P09
	case it.Needs(privacy.FeedbackGiven):
		return privacy.P10
	}
	return privacy.P13
}

// removed takes a data type away. Optional data may be missing, and so may what a user need not give.
func (m *mutator) removed(it *privacy.Item) {
	doc, e := m.s.fresh(home(it))
	in, last := parent(doc, e, it.Place())
	_, had := in[last]
	delete(in, last)
	var want invariants
	switch {
	case it.Group != "":
		want = invariants{privacy.P05}
		if !had { // the other identifier is the device's
			want = nil
		}
	case it.Needs(privacy.OptionalOn), it.Needs(privacy.ValueGiven):
	case it.Needs(privacy.FeedbackGiven):
		want = invariants{privacy.P10}
	default:
		want = invariants{privacy.P15}
	}
	m.try("without "+it.Name, home(it), nil, doc, want, nil)
	if m.s.contract.Name == "atp-2020" && it.Needs(privacy.Malicious) {
		m.try("a private device without "+it.Name, home(it), &privacy.Settings{Private: true, OptionalDiag: true, FeedbackForm: true}, doc, invariants{privacy.P04}, nil)
	}
}

// misplaced puts a data type into events of every other kind.
func (m *mutator) misplaced(it *privacy.Item) {
	if !it.Carried {
		return
	}
	doc, e := m.s.fresh(it.Kind)
	in, last := parent(doc, e, it.Place())
	value := in[last]
	for _, k := range event.Kinds() {
		if k == it.Kind {
			continue
		}
		doc, e := m.s.fresh(k)
		in, last := parent(doc, e, it.Place())
		in[last] = value
		m.try(fmt.Sprintf("%s in a record of kind %v", it.Name, k), k, nil, doc, invariants{misuse(it)}, nil)
	}
}

// forbidden leaves a data type where it is and takes the permission away.
func (m *mutator) forbidden(it *privacy.Item) {
	doc, _ := m.s.fresh(home(it))
	private := privacy.Settings{Private: true, OptionalDiag: true, FeedbackForm: true}
	closed := privacy.Settings{Open: true}
	switch {
	case it.Needs(privacy.PrivacyOff):
		m.try(it.Name+" in spite of the setting", it.Kind, &private, doc, invariants{privacy.P02}, nil)
	case it.Needs(privacy.OptionalOn):
		m.try(it.Name+" without consent", it.Kind, &closed, doc, invariants{privacy.P09}, nil)
	case it.Needs(privacy.FeedbackGiven):
		m.try(it.Name+" without a form", it.Kind, &closed, doc, invariants{privacy.P10}, nil)
	case it.Needs(privacy.Malicious):
		m.try(it.Name+" knows no setting", it.Kind, &private, doc, nil, nil)
	}
}

// foreign puts a data type of another contract where that one has it.
func (m *mutator) foreign(it *privacy.Item, all map[string]*specimens) {
	var value any
	for _, other := range all {
		if doc, e := other.fresh(home(it)); value == nil && it.Group == "" {
			in, last := parent(doc, e, it.Place())
			value = in[last]
		}
	}
	if it.Group != "" {
		value = "a4:83:e7:00:00:01"
	}
	want := privacy.P03
	switch {
	case it.Group != "":
		want = privacy.P05
	case m.s.contract.Name == "atp-2020":
		want = privacy.P04
	}
	for _, k := range event.Kinds() {
		doc, e := m.s.fresh(k)
		in, last := parent(doc, e, it.Place())
		in[last] = value
		m.try(fmt.Sprintf("%s of another contract in a record of kind %v", it.Name, k), k, nil, doc, invariants{want}, nil)
	}
}

// kinds calls each event by every other kind. An enrolment and a heartbeat look the same, since the upload is their report.
func (m *mutator) kinds() {
	c := m.s.contract
	for _, from := range event.Kinds() {
		for _, to := range event.Kinds() {
			plain := len(from.Fields().List()) == 0 && len(to.Fields().List()) == 0
			if from == to || plain {
				continue
			}
			doc, e := m.s.fresh(from)
			e["kind"] = to.String()
			var want invariants
			for i := range c.Items {
				if it := &c.Items[i]; it.Carried && it.Kind == from {
					want = append(want, misuse(it))
				}
			}
			switch to {
			case event.WebThreat:
				if want = append(want, privacy.P02); !c.Setting {
					want[len(want)-1] = privacy.P01
				}
			case event.Feedback:
				want = append(want, privacy.P10)
			case event.Diagnostics:
				want = append(want, privacy.P13)
			case event.Enrolment, event.Heartbeat:
			default:
				want = append(want, privacy.P15)
			}
			if from == event.WebThreat {
				want = append(want, privacy.P13) // the detection
			}
			m.try(fmt.Sprintf("kind %v instead of %v", to, from), from, nil, doc, want, nil)
		}
	}
	// A record that says nothing still says that somebody allowed it.
	closed := privacy.Settings{Open: true}
	for kind, want := range map[event.Kind]invariants{event.Diagnostics: {privacy.P09, privacy.P13}, event.Feedback: {privacy.P10}} {
		doc, e := m.s.fresh(kind)
		delete(e, "diag")
		delete(e, "feedback")
		m.try(fmt.Sprintf("an empty record of kind %v without consent", kind), kind, &closed, doc, want, nil)
	}
}

// tenants gives a device what belongs to another tenant.
func (m *mutator) tenants() {
	for _, field := range []string{"tenant_id", "org_id", "user_id", "upn"} {
		for _, k := range event.Kinds() {
			if k == event.Enrolment && (field == "user_id" || field == "upn") {
				continue // an installation may be another user's afterwards
			}
			doc, _ := m.s.fresh(k)
			at(doc, "account")[field] = m.s.other[field]
			m.try(fmt.Sprintf("another tenant's %s in a record of kind %v", field, k), k, nil, doc, invariants{privacy.P11}, nil)
		}
	}
	doc, _ := m.s.fresh(event.Memory)
	at(doc, "device")["id"] = object{"guid": otherGUID}
	m.try("another device's identifier", event.Memory, nil, doc, invariants{privacy.P05}, nil)
	doc, _ = m.s.fresh(event.Memory)
	at(doc, "device")["id"] = object{}
	m.try("no identifier", event.Memory, nil, doc, invariants{privacy.P05}, nil)
}

// verdicts changes what a detection says.
func (m *mutator) verdicts() {
	k := event.WebThreat
	doc, e := m.s.fresh(k)
	at(e, "detection")["category"] = "benign"
	m.try("a benign visit with its site", k, nil, doc, invariants{privacy.P01, privacy.P06}, nil)
	delete(e, "web")
	m.try("a benign visit", k, nil, doc, invariants{privacy.P06}, nil)
	doc, e = m.s.fresh(k)
	delete(e, "detection")
	m.try("a site without an alert", k, nil, doc, invariants{privacy.P01}, invariants{privacy.P02})
	_, e = m.s.fresh(k)
	is := at(e, "detection")["risk"].(string)
	for r := range event.NumRisks {
		if r.String() != is {
			doc, e := m.s.fresh(k)
			at(e, "detection")["risk"] = r.String()
			m.try("risk "+r.String()+" instead of "+is, k, nil, doc, invariants{privacy.P12}, nil)
		}
	}
	doc, e = m.s.fresh(k)
	delete(at(e, "detection"), "risk")
	m.try("no risk", k, nil, doc, invariants{privacy.P12}, nil)
	// Where no settings are known, another device's detection tells.
	for r := range event.NumRisks {
		doc, e := m.s.fresh(k)
		at(e, "detection")["risk"] = r.String()
		raw, _ := json.Marshal(doc)
		a := privacy.NewAuditor(m.s.contract, privacy.Options{})
		reader := a.Reader(nil)
		reader.Upload([]byte(m.s.docs[k]))
		reader.Upload(raw)
		res := a.Finish()
		if got := res.Findings[privacy.P12].Violations; (got == 1) != (r.String() != is) || res.Violations != got {
			m.t.Errorf("%s: risk %v after %s, without settings: %d violations of P12 among %d", m.s.contract.Name, r, is, got, res.Violations)
		}
	}
}

// reports changes the crash report.
func (m *mutator) reports() {
	for _, tt := range []struct {
		name, old, new string
		want           privacy.Invariant
	}{
		{"of another app", `"app_name":"`, `"app_name":"Other`, privacy.P14},
		{"with a URL", `"os_version":"`, `"os_version":"https://a.sim.test/`, privacy.P07},
		{"with a canary", `"os_version":"`, `"os_version":"canary-010203040506.com `, privacy.P06},
		{"that is none", `{`, `[`, privacy.P13},
		{"of one part", "\n", "", privacy.P13},
	} {
		doc, e := m.s.fresh(event.Crash)
		c := at(e, "app.crash")
		text := strings.ReplaceAll(c["report"].(string), `" : "`, `":"`)
		if !strings.Contains(text, tt.old) {
			if tt.name != "of another app" {
				m.t.Errorf("the report has no %q", tt.old)
				continue
			}
			tt.old, tt.new = `"name":"Defender`, `"name":"Other`
		}
		c["report"] = strings.Replace(text, tt.old, tt.new, 1)
		if tt.old == "\n" {
			c["report"] = strings.ReplaceAll(text, "\n", "")
		}
		m.try("a report "+tt.name, event.Crash, nil, doc, invariants{tt.want}, nil)
	}
}
