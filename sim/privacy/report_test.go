package privacy

import (
	"encoding/json"
	"slices"
	"testing"

	"drover/sim/event"
)

func TestReport(t *testing.T) {
	cat := Catalogue{
		Editions: []Edition{{Name: "ours", Text: "X"}},
		Items: []Item{{
			Field: Field{Name: "app.crash", Form: IPS, Fields: []Field{
				{Name: "process", Form: Text, Values: []string{"Defender", "DefenderTunnel"}}, {Name: "report", Form: Report},
			}},
			ID: "crash", In: []string{"X"}, Category: "required", When: []Condition{Always, DefenderOnly}, Carried: true, Kind: event.Crash,
		}},
		Envelope: []Field{{Name: "events[].kind", Form: Text}},
	}
	c, err := cat.Contract("ours")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, report string
		want         []Invariant
	}{
		{"a crash", `{"app_name":"Defender","name":"Defender"}` + "\n" + `{"procName":"Defender","procPath":"/private/var/Defender.app/Defender"}`, nil},
		{"a kill", `{"bug_type":"298"}` + "\n" + `{"processes":[{"name":"SpringBoard"},{"name":"DefenderTunnel","reason":"per-process-limit"}]}`, nil},
		{"a crash of another app", `{"app_name":"Browser"}` + "\n" + `{"procName":"Browser"}`, []Invariant{P14}},
		{"a header that lies", `{"app_name":"Defender"}` + "\n" + `{"procName":"Browser"}`, []Invariant{P14}},
		{"a kill of another app", `{}` + "\n" + `{"processes":[{"name":"Browser","reason":"per-process-limit"}]}`, []Invariant{P14}},
		{"a crash of nobody", `{}` + "\n" + `{}`, []Invariant{P14}},
		{"a URL", `{"app_name":"Defender"}` + "\n" + `{"asi":["GET https://a.sim.test/x"]}`, []Invariant{P07}},
		{"no report", `{"app_name":"Defender"}`, []Invariant{P13}},
	} {
		text, _ := json.Marshal(tt.report)
		var got []Invariant
		a := NewAuditor(c, Options{Report: func(v Violation) { got = append(got, v.Invariant) }})
		a.Reader(nil).Upload([]byte(`{"events":[{"kind":"app.crash","app":{"crash":{"process":"Defender","report":` + string(text) + `}}}]}`))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: violations of %v, want %v", tt.name, got, tt.want)
		}
	}
}
