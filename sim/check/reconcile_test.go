package check

import (
	"strings"
	"testing"
	"time"
)

func TestReconcile(t *testing.T) {
	n := func(v int64) *int64 { return &v }
	five := &Reconcile{Lost: n(0), Duplicated: n(0), WrongTenant: n(0), Altered: n(0), Unexpected: n(0)}
	sound := Settlement{Events: 100, Acknowledged: 100, Once: 100, Shown: 100, Contents: true, Tenants: true}
	with := func(f func(*Settlement)) *Settlement {
		s := sound
		f(&s)
		return &s
	}
	for _, tt := range []struct {
		name     string
		check    *Reconcile
		s        *Settlement
		want     Result
		evidence string
	}{
		{"all is well", five, &sound, Pass, "100 events acknowledged, 100 stored once as sent"},
		{"nothing read back", five, nil, NotChecked, "no read-back"},
		{"lost", five, with(func(s *Settlement) { s.Lost = 1 }), Fail, "1 lost"},
		{"as many as allowed", &Reconcile{Lost: n(2)}, with(func(s *Settlement) { s.Lost = 2; s.Altered = 9 }), Pass, ""},
		{"duplicated", five, with(func(s *Settlement) { s.Duplicated = 3 }), Fail, "3 duplicated"},
		{"wrong tenant", five, with(func(s *Settlement) { s.WrongTenant = 1 }), Fail, "1 wrong tenant"},
		{"altered", five, with(func(s *Settlement) { s.Altered = 1 }), Fail, "1 altered"},
		{"unexpected", five, with(func(s *Settlement) { s.Unexpected = 1 }), Fail, "1 unexpected"},
		{"late, not asked", five, with(func(s *Settlement) { s.Late = 1 }), Pass, ""},
		{"late", &Reconcile{Late: n(0)}, with(func(s *Settlement) { s.Late = 1 }), Fail, "1 late"},
		{"when it was visible", &Reconcile{Late: n(0)}, with(func(s *Settlement) {
			s.Visible = new(Visible)
			s.Visible.AtLeast.Record(0)
			s.Visible.AtMost.Record(3 * time.Second)
		}), Pass, "stored once as sent; visible after p99 at most 3s"},
		{"leaked", &Reconcile{Leaked: n(0)}, with(func(s *Settlement) { s.Leaked, s.Readers = 1, 4 }), Fail, "1 leaked"},
		{"no reader tried", &Reconcile{Leaked: n(0)}, &sound, Inconclusive, "no tenant's own credential was tried"},
		{"whose it is is not known", &Reconcile{Leaked: n(0)}, with(func(s *Settlement) { s.Readers, s.Ownerless = 4, 7 }), Inconclusive, "of 7 events that tenants' own credentials were shown neither"},
		{"contents not shown", five, with(func(s *Settlement) { s.Contents = false }), Inconclusive, "does not show what events hold"},
		{"tenants not shown", five, with(func(s *Settlement) { s.Tenants = false }), Inconclusive, "does not show tenants"},
		{"contents not asked", &Reconcile{Lost: n(0)}, with(func(s *Settlement) { s.Contents = false }), Pass, ""},
		{"half a ledger", five, with(func(s *Settlement) { s.Blind = "the ledger was cut short" }), Inconclusive, "the ledger was cut short"},
		{"half a ledger and a loss", five, with(func(s *Settlement) { s.Blind, s.Lost = "the ledger was cut short", 1 }), Fail, "1 lost"},
		{"an example of what was promised", &Reconcile{Altered: n(0)}, with(func(s *Settlement) {
			s.Lost, s.Altered = 1, 1
			s.Examples = []SettledExample{{Fate: "lost", Event: "A", Device: 1}, {Fate: "altered", Event: "B", Device: 2}}
		}), Fail, ": 1 altered; for example event B of device 2 is altered"},
		{"an example of nobody's", five, with(func(s *Settlement) {
			s.Unexpected = 2
			s.Examples = []SettledExample{{Fate: "unexpected", Device: -1}, {Fate: "unexpected", Event: "C", Device: -1}}
		}), Fail, ": 2 unexpected; for example event C is unexpected"},
		{"nothing sent", five, &Settlement{Contents: true, Tenants: true}, Inconclusive, "0 acknowledged events"},
	} {
		got := Evaluate([]Check{{Name: "x", Reconcile: tt.check}}, Facts{Settlement: tt.s})[0]
		if got.Result != tt.want || !strings.Contains(got.Evidence, tt.evidence) || got.Want == "" {
			t.Errorf("%s: %+v, want %s and %q", tt.name, got, tt.want, tt.evidence)
		}
	}
	if got := Evaluate([]Check{{Reconcile: five}}, Facts{Unsettled: "no ledger was kept"})[0]; got.Result != NotChecked || got.Evidence != "no ledger was kept" {
		t.Errorf("%+v", got)
	}
}
