package privacy

import (
	"encoding/json"
	"slices"
	"strings"
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

func TestMetricKit(t *testing.T) {
	cat := Catalogue{
		Editions: []Edition{{Name: "ours", Text: "X"}},
		Items: []Item{{
			Field: Field{Name: "app.crash", Form: IPS, Fields: []Field{
				{Name: "process", Form: Text, Values: []string{"Defender", "DefenderTunnel"}}, {Name: "metrickit", Form: MetricKit},
			}},
			ID: "crash", In: []string{"X"}, Category: "required", When: []Condition{Always, DefenderOnly}, Carried: true, Kind: event.Crash,
		}},
		Envelope: []Field{{Name: "events[].kind", Form: Text}},
	}
	c, err := cat.Contract("ours")
	if err != nil {
		t.Fatal(err)
	}
	crash := func(frames, meta string) string {
		return `{"crashDiagnostics":[{"callStackTree":{"callStacks":[{"callStackRootFrames":[` + frames + `]}]},"diagnosticMetaData":{` + meta + `}}]}`
	}
	ours := `{"binaryName":"libobjc.A.dylib","subFrames":[{"binaryName":"DefenderTunnel"}]}`
	for _, tt := range []struct {
		name, payload string
		want          []Invariant
	}{
		{"a crash", crash(ours, ""), nil},
		{"a crash that names its bundle", crash(ours, `"bundleIdentifier":"com.microsoft.scmx.DefenderTunnel"`), nil},
		{"a crash that names the app", crash(ours, `"bundleIdentifier":"com.microsoft.scmx"`), nil},
		{"counts of exits", `{"applicationExitMetrics":{}}`, nil},
		{"a crash of another app", crash(`{"binaryName":"libobjc.A.dylib","subFrames":[{"binaryName":"Browser"}]}`, ""), []Invariant{P14}},
		{"a crash of nobody", crash("", ""), []Invariant{P14}},
		{"a bundle of another app", crash(ours, `"bundleIdentifier":"com.example.browser"`), []Invariant{P14}},
		{"the second of two is another app's", strings.Replace(crash(ours, ""), "}}]}", "}},{}]}", 1), []Invariant{P14}},
		{"a URL", crash(ours, `"objectiveCexceptionReason":{"composedMessage":"GET https://a.sim.test/x"}`), []Invariant{P07}},
		{"a hang", `{"hangDiagnostics":[{}]}`, []Invariant{P13}},
		{"no payload", `x`, []Invariant{P13}},
	} {
		text, _ := json.Marshal(tt.payload)
		var got []Invariant
		a := NewAuditor(c, Options{Report: func(v Violation) { got = append(got, v.Invariant) }})
		a.Reader(nil).Upload([]byte(`{"events":[{"kind":"app.crash","app":{"crash":{"process":"Defender","metrickit":` + string(text) + `}}}]}`))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: violations of %v, want %v", tt.name, got, tt.want)
		}
	}
}
