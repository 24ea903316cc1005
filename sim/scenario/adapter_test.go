package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/wire"
)

// adapterOf parses a scenario with an adapter and makes it for a run.
func adapterOf(t *testing.T, adapter string) (*Scenario, *wire.Adapter) {
	t.Helper()
	url := "http://127.0.0.1:9200"
	switch adapter {
	case "drover":
		url = embedded
	case grpcAdapter:
		url = "grpc://127.0.0.1:4317"
	}
	sc, err := Parse("test.yaml", []byte(strings.Replace(minimal, "url: embedded", "url: "+url+", adapter: "+adapter, 1)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sc, sc.Target.Adapter.Adapter(wire.Constants{Run: "run-1", Send: sc.Sends.All})
}

// sample is a device and one event of each kind but a crash, whose report is long. The last one is private.
func sample() (*fleet.Device, []event.Event) {
	id := func(b byte) (g fleet.GUID) {
		for i := range g {
			g[i] = b
		}
		return g
	}
	d := &fleet.Device{GUID: id(1), EntraID: id(2), UserID: id(3), TenantID: id(4), OrgID: id(5), UPN: fleet.NewUPN("ann.o'hara7@contoso.example"),
		Model: &fleet.Model{ID: "iPhone15,2", SoC: "A16 Bionic", Arch: "arm64e", Cores: 6}, OS: &fleet.Release{Version: "26.4.2", Build: "23E261"},
		App: "1.1.50010101", Locale: "de-DE", Timezone: time.UTC}
	events := []event.Event{
		{Kind: event.Heartbeat},
		{Kind: event.Memory, Mem: event.MemoryUse{AppKiB: 1, AppPeakKiB: 2, ExtensionKiB: 3, ExtensionLimitKiB: 4}},
		{Kind: event.WebThreat, Web: event.Web{Port: 443, Verdict: event.Phishing, Score: 0.5, Risk: event.RiskMedium}},
		{Kind: event.WebThreat, Web: event.Web{Port: 443, Verdict: event.Phishing, Score: 0.5, Risk: event.RiskMedium}},
	}
	for i := range events {
		e := &events[i]
		e.ID, e.Seq, e.Has = event.ID(id(byte(0x10+i))), uint32(i), e.Kind.Fields()
		e.At = time.Date(2026, 5, 4, 7, 14, i, 250e6, time.UTC)
	}
	events[3].Has = 0
	return d, events
}

// TestPresets holds a request of each preset, its address and headers and its body, against a golden file; what is JSON has to be.
func TestPresets(t *testing.T) {
	for _, name := range Adapters() {
		_, a := adapterOf(t, name)
		x := &a.Ops[measure.Upload]
		d, events := sample()
		var out bytes.Buffer
		place := x.Path
		if x.Place != nil {
			place = string(x.Place(nil, d, nil, []byte("key")))
		}
		fmt.Fprintf(&out, "%s %s\nContent-Type: %s\n", x.Method, place, x.ContentType)
		if x.Header != nil {
			out.Write(x.Header(nil, d, nil, []byte("key")))
		}
		body := x.Begin(nil, d, event.AllFields)
		for i := range events {
			body = x.Event(body, i, d, &events[i])
		}
		body = x.End(body, 0)
		for line := range bytes.Lines(body) {
			if !x.Binary && !json.Valid(line) {
				t.Errorf("%s: a line is no JSON: %s", name, line)
			}
		}
		out.WriteByte('\n')
		out.Write(body)
		golden(t, filepath.Join("testdata", "adapters", name+".golden"), bytes.ReplaceAll(out.Bytes(), []byte("\r\n"), []byte("\n")))
		shown, private := string(x.Event(nil, 0, d, &events[2])), string(x.Event(nil, 0, d, &events[3]))
		for _, field := range []string{`domain`, `remote_ip`, `RemoteUrl`, `RemoteIP`, `RemotePort`} {
			if strings.Contains(private, field) || field == "domain" && !strings.Contains(shown, field) {
				t.Errorf("%s: %s of an event whose site privacy strips is in %s, or of another one not in %s", name, field, private, shown)
			}
		}
		if AdapterDescription(name) == "" {
			t.Errorf("%s says nothing about itself", name)
		}
	}
}

// A file beside the scenario is an adapter, too; the resolved scenario has it inside and needs the file no more.
func TestAdapterFile(t *testing.T) {
	dir := t.TempDir()
	src, err := AdapterFile("jsonlines")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.yaml"), bytes.Replace(src, []byte("name: jsonlines"), []byte("name: mine"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(minimal, "url: embedded", "url: http://127.0.0.1:9200, adapter: ./mine.yaml", 1)
	sc, err := Parse(filepath.Join(dir, "scenario.yaml"), []byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("elsewhere.yaml", sc.Resolved, Options{})
	if err != nil {
		t.Fatalf("Parse(Resolved) = %v of\n%s", err, sc.Resolved)
	}
	d, events := sample()
	for _, sc := range []*Scenario{sc, again} {
		x := sc.Target.Adapter.Adapter(wire.Constants{Run: "r", Send: sc.Sends.All}).Ops[measure.Upload]
		if got := string(x.Event(nil, 0, d, &events[0])); sc.Target.Adapter.Name != "mine" || !strings.Contains(got, `"run":"r"`) {
			t.Errorf("adapter %q writes %s, want mine with its run", sc.Target.Adapter.Name, got)
		}
	}
	if diff := same(sc, again); diff != "" {
		t.Errorf("Parse(Resolved) differs:\n%s", diff)
	}
}

// What drover's own preset says is what wire.Drover does.
func TestDroverPreset(t *testing.T) {
	_, a := adapterOf(t, "drover")
	d, events := sample()
	for op := range a.Ops {
		if a.Has(measure.Op(op)) != wire.Drover.Has(measure.Op(op)) {
			t.Errorf("%v: one of the two has it", measure.Op(op))
		}
		if !a.Has(measure.Op(op)) {
			continue
		}
		got, want := a.Ops[op], wire.Drover.Ops[op]
		if got.Method != want.Method || got.Path != want.Path || got.Place != nil || got.Header != nil || got.ContentType != want.ContentType ||
			!bytes.Equal(got.Event(nil, 0, d, &events[1]), want.Event(nil, 0, d, &events[1])) {
			t.Errorf("%v: %+v, want %+v", measure.Op(op), got, want)
		}
	}
}

// A single event has a body of its own: the event alone, unless a document or lines are written. Batches stay what they are, also in a format
// that has one event in a body.
func TestSingle(t *testing.T) {
	for single, want := range map[string]string{
		`{path: /e, event: {id: "${event.id}"}}`:                                      `{"id":"`,
		`{path: /e, document: {all: "${upload.events}"}, event: {id: "${event.id}"}}`: `{"all":[{"id":"`,
		`{path: /e, body: ndjson, event: [{index: {}}, {id: "${event.id}"}]}`:         "{\"index\":{}}\n{\"id\":\"",
		`{path: /e, body: text, event: "id ${event.id}\n"}`:                           `id `,
	} {
		sc, a := adapterOf(t, `{upload: {path: /all, event: "${event.json}"}, single: `+single+`}`)
		d, events := sample()
		x := &a.Ops[measure.Single]
		body := x.End(x.Event(x.Begin(nil, d, event.AllFields), 0, d, &events[0]), 0)
		if sc.Batch.MaxEvents == 1 || x.Path != "/e" || !strings.HasPrefix(string(body), want) {
			t.Errorf("%s: batches of %d, to %s, body %q; want %s", single, sc.Batch.MaxEvents, x.Path, body, want)
		}
	}
	if _, a := adapterOf(t, `{upload: {path: /all, event: "${event.json}"}}`); a.Has(measure.Single) {
		t.Error("without it there is such an operation")
	}
	sc, _ := adapterOf(t, `{upload: {path: /all, event: "${event.doc}"}, single: {path: /e, body: format}}, format: cloudevents`)
	if sc.Batch.MaxEvents == 1 {
		t.Error("that a single event is a body in CloudEvents makes batches of one")
	}
}

// One event in a request makes batches of one.
func TestPerEvent(t *testing.T) {
	sc, a := adapterOf(t, `{per: event, upload: {path: "/e/${upload.key}", event: "${event.json}"}}`)
	d, events := sample()
	x := &a.Ops[measure.Upload]
	body := x.End(x.Event(x.Begin(nil, d, event.AllFields), 0, d, &events[0]), 0)
	if sc.Batch.MaxEvents != 1 || !json.Valid(body) || body[0] != '{' || body[len(body)-1] != '}' {
		t.Errorf("batches of %d, body %q; want 1, and the event alone", sc.Batch.MaxEvents, body)
	}
}
