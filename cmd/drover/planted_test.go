package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/report"
	"drover/sim/check"
	"drover/sim/defect"
)

// plantedRow is one defect and where it must be found.
type plantedRow struct {
	name  string
	set   *defect.Set
	kind  string   // whose count is compared
	where []string // what must be the planted count; all fates that are not named must be 0
	check string   // those that fail, by name; "": none does
}

// plantedRows are all defects of defect.Kind.
func plantedRows() []plantedRow {
	every := func(k defect.Kind, share float64, lasts time.Duration) *defect.Set {
		s := &defect.Set{Seed: 11}
		s.Rules[k] = defect.Rule{Share: share, For: lasts, Status: 503}
		return s
	}
	with := func(s *defect.Set, k defect.Kind, share float64) *defect.Set {
		s.Rules[k] = defect.Rule{Share: share}
		return s
	}
	return []plantedRow{
		{"honest", nil, "", nil, ""},
		{"lose", every(defect.Lose, 0.02, 0), "lose", []string{"lost"}, "lost"},
		{"swap tenant", every(defect.SwapTenant, 0.02, 0), "swapTenant", []string{"wrong tenant"}, "tenant stored"},
		{"change", every(defect.Change, 0.02, 0), "change", []string{"altered", "field time"}, "altered"},
		{"truncate", every(defect.Truncate, 0.02, 0), "truncate", []string{"altered", "field (cut short)", "breaking the contract"}, "altered stored"},
		{"never shown", every(defect.Delay, 0.02, time.Hour), "delay", []string{"lost"}, "lost"},
		{"leak", every(defect.Leak, 0.02, 0), "leak", []string{"leaked"}, "leaked"},
		{"answer foreign", every(defect.AnswerForeign, 0.02, 0), "answerForeign", []string{"leaked"}, "leaked"},
		{"store twice", with(every(defect.StoreTwice, 0.5, 0), defect.DropAnswer, 0.2), "storeTwice", []string{"duplicated", "copies"}, "doubled"},
		{"ignore idempotency", with(every(defect.Again, 1, 0), defect.DropAnswer, 0.2), "ignoreIdempotency", []string{"duplicated", "copies", "resent"}, "doubled"},
		{"answers dropped, honest store", every(defect.DropAnswer, 0.2, 0), "dropAnswer", []string{"retries", "unsure"}, ""},
		{"reset", every(defect.Reset, 0.2, 0), "reset", []string{"retries", "unsure"}, ""},
		{"fail", every(defect.Fail, 0.2, 0), "fail", []string{"retries"}, ""},
		{"throttle", every(defect.Throttle, 0.2, 0), "throttle", []string{"retries"}, ""},
		{"lie", every(defect.Lie, 0.2, 0), "lie", []string{"refusing"}, ""},
		{"wrong verdict", every(defect.WrongVerdict, 0.3, 0), "wrongVerdict", []string{"disagree"}, "verdicts"},
		{"clean when slow", every(defect.CleanWhenSlow, 0.3, 0), "cleanWhenSlow", []string{"disagree"}, "verdicts"},
		{"keep withdrawn", every(defect.KeepWithdrawn, 0.3, 0), "keepWithdrawn", []string{"kept", "breaking the contract"}, "stored"},
		{"stall", every(defect.Stall, 0.2, time.Millisecond), "stall", nil, ""},
		{"slow body", every(defect.SlowBody, 0.2, time.Millisecond), "slowBody", nil, ""},
	}
}

// found is what the settlement, the verdicts and the attempts say of each kind of defect.
func found(doc *report.Run, dir string, t *testing.T) map[string]int64 {
	r := doc.Reconcile
	m := map[string]int64{
		"lost": r.Lost, "duplicated": r.Duplicated, "copies": r.Copies, "altered": r.Altered, "wrong tenant": r.WrongTenant,
		"unexpected": r.Unexpected, "leaked": r.Leaked, "late": r.Late,
		"kept": r.Kept, "breaking the contract": r.Stored.Offending,
	}
	for _, f := range r.Fields {
		m["field "+f.Field] = f.Events
	}
	if v := doc.Verdicts; v != nil {
		m["disagree"] = v.Agreement.Of - v.Agreement.N
	}
	lines := strings.Split(strings.TrimSpace(want(t, exitPass, "ledger", dir)), "\n")
	for _, line := range lines {
		var l ledgerLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		m["uploads"]++
		m["retries"] += int64(l.Attempts - 1)
		m["resent"] += int64((l.Attempts - 1) * l.Events) // events
		if l.Unsure {
			m["unsure"]++
		}
		for _, n := range l.Notes {
			if n.Said == "refused" {
				m["refusing"]++
				break
			}
		}
		if l.Outcome != "accepted" {
			m["not accepted"]++
		}
	}
	return m
}

// Every defect: as often as it was planted it is found, by the fate that is meant, nothing else is found, and the check that
// fails is the one about it.
func TestPlantedIsFound(t *testing.T) {
	rows := plantedRows()
	for k := range defect.NumKinds {
		if !slices.ContainsFunc(rows, func(r plantedRow) bool { return r.kind == k.String() }) {
			t.Errorf("no row plants %s", k)
		}
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir, doc := row.holds(t, 1000)
			// Judged again from what lies in the directory, it is the same.
			code := exitFail
			if row.check == "" || row.check == "verdicts" { // which settle does not judge
				code = exitPass
			}
			var again settledRun
			if err := json.Unmarshal([]byte(mustEnd(t, code, "settle", dir, "--format", "json")), &again); err != nil {
				t.Fatal(err)
			}
			if a, b := again.Reconcile, doc.Reconcile; a.Lost != b.Lost || a.Duplicated != b.Duplicated || a.Altered != b.Altered ||
				a.WrongTenant != b.WrongTenant || a.Leaked != b.Leaked || a.Once != b.Once || !again.Whole {
				t.Errorf("settled again: %+v, at first %+v", a, b)
			}
		})
	}
}

// The same with a million events for each defect: make test-million. What is wrong with one event in a thousand would not show in
// a thousand.
func TestPlantedIsFoundInAMillion(t *testing.T) {
	if os.Getenv("DROVER_MILLION") == "" {
		t.Skip("half an hour: make test-million")
	}
	// The rate is one that a busy machine keeps up with; where it does not, uploads wait in the queue, and are sent all the same.
	var size []string
	for _, set := range []string{"rate=1500/s", "lasting=28s", "timeout=10m", "queue=1000000"} {
		size = append(size, "--set", set)
	}
	var names []string
	ran := false
	for _, row := range plantedRows() {
		names = append(names, strings.ReplaceAll(row.name, " ", "_"))
		t.Run(row.name, func(t *testing.T) {
			ran = true
			row.holds(t, 1_000_000, size...)
		})
	}
	if !ran {
		t.Errorf("no row was picked; there are %s", strings.Join(names, "; "))
	}
}

// holds drives at least as many events as it is told, and holds what is found against what was planted.
func (row *plantedRow) holds(t *testing.T, events int64, args ...string) (string, *report.Run) {
	t.Helper()
	scenario := "fates.yaml"
	if row.kind == defect.KeepWithdrawn.String() {
		scenario = "withdrawal.yaml"
	}
	dir, doc, planted := fatesRun(t, scenario, row.set, args...)
	r := doc.Reconcile
	if r == nil {
		t.Fatalf("not settled: %+v", doc.Checks)
	}
	got := found(doc, dir, t)
	n := planted[row.kind]
	if row.kind != "" && n == 0 {
		t.Fatalf("%s was never planted", row.kind)
	}
	for _, where := range row.where {
		want := n
		if strings.HasPrefix(where, "field ") { // of so many the fields are compared
			want = min(n, 1000)
		}
		if got[where] != want {
			t.Errorf("%d planted, %d found as %s", n, got[where], where)
		}
		delete(got, where)
	}
	if row.kind == defect.SwapTenant.String() {
		delete(got, "breaking the contract") // a device that is seen in two tenants: which of its events is the wrong one, an audit cannot tell
	}
	if (r.Erased > 0) != (scenario != "fates.yaml") || r.Withdrawn != r.Erased+r.Kept {
		t.Errorf("%d of %d events erased, %d kept, in %s", r.Erased, r.Withdrawn, r.Kept, scenario)
	}
	for fate, n := range got {
		if n != 0 && fate != "uploads" && !(fate == "retries" || fate == "resent" || fate == "unsure") {
			t.Errorf("%d found as %s, where nothing of the kind was planted", n, fate)
		}
	}
	if r.Events < events || r.Acknowledged == 0 || r.Blind != "" || r.Readers != 4 {
		t.Errorf("settlement %+v, want at least %d events", r, events)
	}
	refused := int64(4) // each of them asked for another one's data, and was told no, or nothing
	if row.kind == defect.AnswerForeign.String() {
		refused = 0
	}
	if r.Asks != 4 || r.AsksRefused != refused || r.AsksFailed != 0 {
		t.Errorf("asked %d times for another tenant's data, refused %d, failed %d; want 4, %d, 0", r.Asks, r.AsksRefused, r.AsksFailed, refused)
	}
	for _, c := range doc.Checks {
		want := check.Pass
		if slices.Contains(strings.Fields(row.check), c.Name) {
			want = check.Fail
		}
		if c.Result != want {
			t.Errorf("check %s is %s, want %s: %s (%s)", c.Name, c.Result, want, c.Got, c.Evidence)
		}
	}
	t.Logf("%s: %d planted in %d events, found as %q", row.name, n, r.Events, row.where)
	return dir, doc
}

// mustEnd is want where a variable has that name.
func mustEnd(t *testing.T, code int, args ...string) string {
	t.Helper()
	return want(t, code, args...)
}
