package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
)

// An answer with a result for each event settles each upload by its own events, though their sequence numbers are the same: what it asks for again
// is sent again, without what is settled, and with the fate that the backend told last.
func TestGatherParts(t *testing.T) {
	for name, how := range map[string]func(n, before int) int{
		"again": func(n, before int) int {
			switch {
			case n%7 < 3:
				return 400 // whole uploads, too
			case n%3 == 0 && before < 2:
				return 429
			}
			return 201
		},
		"never": func(n, _ int) int { return []int{201, 201, 400, 201, 503}[n%5] },
		"silence": func(n, before int) int {
			switch {
			case n%11 == 0 && before > 0:
				return 0
			case n%11 == 0:
				return 429
			}
			return 201
		},
		"refused": func(n, _ int) int { return 400 },
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &clerk{how: how, n: map[string]int{}, came: map[string]int{}, said: map[string]int{}, keys: map[string]string{}}
			m := gathering(t, rateLoad("even", "50/s", "4s"), "{uploads: 6, wait: 1s}", ", items: {list: items, status: status, again: [429, 503]}", "RETRY", "{maxAttempts: 3, base: 10ms}", "BATCH", "{maxEvents: 3, maxAge: 6h, urgent: [web.threat]}")
			dir := t.TempDir()
			res, err := Run(t.Context(), Config{Model: m, Workers: 1, Target: lagging{c}, Adapter: adapterOf(m), Ledger: &Keep{Dir: dir, Run: "r"}})
			if err != nil || res.LedgerErr != nil {
				t.Fatal(err, res.LedgerErr)
			}
			if len(c.after) > 0 || c.twice > 0 {
				t.Errorf("%s: %d events came again after they were settled, %d requests have another's key", name, len(c.after), c.twice)
			}
			x, err := ledger.ReadIndex(dir, m.Fleet.Partition)
			if err != nil {
				t.Fatal(err)
			}
			got, shared := map[ledger.State]int64{}, map[uint32]int{}
			r := NewRetracer(m, native)
			if err := r.Walk(x, func(a *Arrival, fate *ledger.Fate) error {
				shared[a.Upload.FirstSeq]++
				return r.Documents(&a.Upload, func(e *event.Event, _ []byte) error {
					state, status := stateOf(fate, e.Seq, false), c.said[fleet.GUID(e.ID).String()]
					got[state]++
					want := map[int]ledger.State{201: ledger.Acknowledged, 400: ledger.Rejected, 503: ledger.Rejected, 0: ledger.Unanswered}[status]
					if state != want && !alone(fate, state) {
						t.Errorf("%s: an event with status %d is %v, want %v; fate %+v", name, status, state, want, fate)
					}
					return nil
				})
			}); err != nil {
				t.Fatal(err)
			}
			var kinds Kinds
			for _, k := range res.Kinds {
				kinds.add(k)
			}
			if kinds.Accepted != got[ledger.Acknowledged] || kinds.Refused != got[ledger.Rejected] || kinds.Failed != got[ledger.Unanswered] || kinds.Sent != kinds.Accepted+kinds.Refused+kinds.Failed || kinds.Sent < 250 {
				t.Errorf("%s: events are %+v, and by the ledger %v", name, kinds, got)
			}
			all := counts(res)
			if err := all.Check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if name == "again" && (all.Refused == 0 || all.Accepted == 0) || name == "refused" && all.Refused != all.Due {
				t.Errorf("%s: %+v", name, all)
			}
			if shared[0] < 50 {
				t.Errorf("%s: the first sequence numbers of uploads are %v: too few are the same", name, shared)
			}
		})
	}
}

// Verdicts go to the events that they are about: by id in any order, or in the order of the events.
func TestGatherVerdicts(t *testing.T) {
	words := []string{"phishing", "benign", "c2", "unknown"}
	verdictOf := func(id string) string { return words[id[3]%4] }
	for _, by := range []string{"id", "order"} {
		synctest.Test(t, func(t *testing.T) {
			more, places := ", verdicts: {list: got, word: is}", ""
			if by == "id" {
				more, places = ", verdicts: {list: got, id: id, word: is}", "id"
			}
			w := &gateway{serve: func(_ int, g *gathered, ans *target.Answer) time.Duration {
				var items []string
				for _, e := range g.events {
					item := fmt.Sprintf(`{"is":%q}`, verdictOf(e.ID))
					if places == "id" {
						item = fmt.Sprintf(`{"id":%q,"is":%q}`, strings.ToUpper(e.ID), verdictOf(e.ID))
					}
					items = append(items, item)
				}
				if places == "id" {
					slices.Reverse(items)
				}
				ans.Body = fmt.Appendf(ans.Body, `{"got":[%s]}`, strings.Join(items, ","))
				return 0
			}}
			m := gathering(t, rateLoad("even", "100/s", "5s"), "{uploads: 20, wait: 1s}", more, "maliciousShare: 2%", "maliciousShare: 20%")
			_, rows := w.run(t, t.Context(), m, 1)
			said, n := map[[2]uint32]ledger.Said{}, 0
			for _, u := range rows {
				for _, note := range u.Notes {
					said[[2]uint32{uint32(u.Device), note.Seq}] = note.Said
				}
			}
			device := map[string]uint32{}
			for i := range m.Fleet.Devices() {
				var d fleet.Device
				m.Fleet.Device(i, &d)
				device[d.EntraID.String()] = uint32(i)
			}
			for _, r := range w.came {
				for _, e := range r.events {
					got, ok := said[[2]uint32{device[e.Of], e.Seq}]
					if threat := e.Kind == event.WebThreat.String(); threat != ok {
						t.Errorf("by %s: %s has a verdict: %t", by, e.Kind, ok)
					} else if threat {
						if n++; got.String() != strings.Replace(verdictOf(e.ID), "unknown", "unjudged", 1) {
							t.Errorf("by %s: the verdict of %s is %v, want %s", by, e.ID, got, verdictOf(e.ID))
						}
					}
				}
			}
			if n < 100 {
				t.Errorf("by %s: %d verdicts", by, n)
			}
		})
	}
}

// Each upload of a request is audited once, against the settings of its own device.
func TestGatherAudit(t *testing.T) {
	for name, upload := range map[string]string{
		"mapped": `upload: {body: ndjson, event: "${event.upload}"}`,
		"otlp":   "formats: [otlp-json]\n      upload: {body: format}",
	} {
		for _, leaks := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				m := model(t, parse(t, rateLoad("even", "100/s", "2s")+privacyCheck, "url: embedded", "url: http://127.0.0.1:9\n    adapter:\n      per: devices\n      "+upload,
					"identity: {upnDomain: contoso.example}", "identity: {upnDomain: contoso.example}\n      settings: {DefenderExcludeURLInReport: {true: 50, false: 50}, optionalDiagnostics: {true: 50, false: 50}}",
					"heartbeat: {every: 1h, jitter: 10%}", "diagnostics: {every: 1h}", "crash: {perDay: 1, mix: {jetsam: 50, sigabrt: 50}}", ""))
				f := &fake{serve: func(n int, _ *target.Request) (measure.Class, time.Duration) {
					return []measure.Class{measure.OK, measure.Status5xx}[n%2], 0
				}}
				if leaks { // the device says what its settings forbid
					m.Behavior.Sends.PrivacyOff = 0
				}
				res, err := Run(t.Context(), Config{Model: m, Workers: 1, Target: f, Adapter: adapterOf(m)})
				if err != nil {
					t.Fatal(err)
				}
				var events, bytes int64
				for _, k := range res.Kinds {
					events += k.Sent
				}
				for n, body := range f.bodies {
					bytes += int64(len(body) * (1 - n%2)) // of those that were accepted
				}
				a := res.Audit
				all := counts(res)
				if all.Bytes != bytes {
					t.Errorf("%s: %d bytes of uploads, in requests of %d", name, all.Bytes, bytes)
				}
				if a.Uploads != all.Sent || a.Events != events || (a.Violations > 0) != leaks || 2*int64(len(f.bodies)) > all.Sent {
					t.Errorf("%s: audit %+v; want %d uploads with %d events, and violations: %t", name, a, all.Sent, events, leaks)
				}
			})
		}
	}
}
