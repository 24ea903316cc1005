package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// clerk is a backend that answers each event for itself, by what how says of its number and of how often it came before, a status or 0 for
// no answer to the whole request.
type clerk struct {
	how func(n, before int) int

	mu    sync.Mutex
	n     map[string]int // by event id: in which order they came first
	came  map[string]int // and how often
	said  map[string]int // the last status
	after []string       // events that came once more after they were taken or refused
	keys  map[string]string
	twice int // requests that share a key and not their body
}

func (c *clerk) Send(_ context.Context, req *target.Request, ans *target.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*ans = target.Answer{Class: measure.Timeout, Err: fmt.Errorf("timeout"), Body: ans.Body[:0]}
	if was, ok := c.keys[string(req.Key)]; ok && was != string(req.Body) {
		c.twice++
	}
	c.keys[string(req.Key)] = string(req.Body)
	var items []string
	silent := false
	for line := range strings.Lines(string(req.Body)) {
		var e struct{ ID string }
		if json.Unmarshal([]byte(line), &e) != nil {
			ans.Class = measure.BadAnswer
			return
		}
		if _, ok := c.n[e.ID]; !ok {
			c.n[e.ID] = len(c.n)
		}
		if was := c.said[e.ID]; was == 201 || was == 400 {
			c.after = append(c.after, e.ID)
		}
		status := c.how(c.n[e.ID], c.came[e.ID])
		c.came[e.ID]++
		silent = silent || status == 0
		if c.said[e.ID] = status; !silent {
			items = append(items, fmt.Sprintf(`{"status":%d}`, status))
		}
	}
	if !silent {
		ans.Class, ans.Status, ans.Err = measure.OK, 200, nil
		ans.Body = fmt.Appendf(ans.Body, `{"items":[%s]}`, strings.Join(items, ","))
	}
}

func (c *clerk) Close() error { return nil }

// Of an upload of which an answer asks for some events again these alone are sent again, and each event has the fate that the
// backend told last.
func TestPartOfAnUpload(t *testing.T) {
	for name, test := range map[string]struct {
		how    func(n, before int) int
		states map[int]ledger.State // by the last status
	}{
		"in the end": {func(n, before int) int {
			switch {
			case n%7 == 0:
				return 400
			case n%3 == 0 && before < 2:
				return 429
			}
			return 201
		}, map[int]ledger.State{201: ledger.Acknowledged, 400: ledger.Rejected}},
		"never": {func(n, _ int) int {
			switch {
			case n%7 == 0:
				return 400
			case n%3 == 0:
				return 503
			}
			return 201
		}, map[int]ledger.State{201: ledger.Acknowledged, 400: ledger.Rejected, 503: ledger.Rejected}},
		"silence": {func(n, before int) int {
			switch {
			case n%3 == 0 && before > 0:
				return 0
			case n%3 == 0:
				return 429
			}
			return 201
		}, map[int]ledger.State{201: ledger.Acknowledged, 0: ledger.Unanswered}},
	} {
		for model, load := range map[string]string{"open": rateLoad("even", "20/s", "10s"), "closed": `{model: closed, concurrency: 4, phases: [{name: day, for: 3s}]}`} {
			synctest.Test(t, func(t *testing.T) {
				with := []string{"url: embedded", `url: http://127.0.0.1:9
    adapter:
      upload: {body: ndjson, event: "${event.json}", items: {list: items, status: status, again: [429, 503]}}`,
					"RETRY", "{maxAttempts: 3, base: 100ms}"}
				if model == "closed" {
					with = append(with, ", speed: 600", "")
				}
				m := partModel(t, load, with)
				c := &clerk{how: test.how, n: map[string]int{}, came: map[string]int{}, said: map[string]int{}, keys: map[string]string{}}
				dir := t.TempDir()
				res, err := Run(t.Context(), Config{Model: m, Workers: 1, Target: lagging{c}, Adapter: m.Scenario.Target.Adapter.Adapter(wire.Constants{Send: m.Behavior.Sends.All}),
					Ledger: &Keep{Dir: dir, Run: "r"}})
				if err != nil || res.LedgerErr != nil {
					t.Fatal(err, res.LedgerErr)
				}
				if len(c.after) > 0 || c.twice > 0 {
					t.Errorf("%s, %s: %d events came again after they were settled, %d requests have another's key", name, model, len(c.after), c.twice)
				}
				x, err := ledger.ReadIndex(dir, m.Fleet.Partition)
				if err != nil {
					t.Fatal(err)
				}
				got := map[ledger.State]int64{}
				r := NewRetracer(m, native)
				if err := r.Walk(x, func(a *Arrival, fate *ledger.Fate) error {
					return r.Documents(&a.Upload, func(e *event.Event, _ []byte) error {
						state := stateOf(fate, e.Seq, false)
						got[state]++
						status, sent := c.said[fleet.GUID(e.ID).String()]
						if want, ok := test.states[status]; !sent || !ok || state != want && !alone(fate, state) {
							t.Errorf("%s, %s: an event with status %d (%t) is %v, want %v; fate %+v", name, model, status, sent, state, want, fate)
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
				if kinds.Accepted != got[ledger.Acknowledged] || kinds.Refused != got[ledger.Rejected] || kinds.Failed != got[ledger.Unanswered] ||
					kinds.Sent != kinds.Accepted+kinds.Refused+kinds.Failed || kinds.Accepted < 100 || kinds.Refused+kinds.Failed < 50 {
					t.Errorf("%s, %s: events are %+v, and by the ledger %v", name, model, kinds, got)
				}
				if all := counts(res); all.Check() != nil {
					t.Errorf("%s, %s: %v", name, model, all.Check())
				}
			})
		}
	}
}

// partModel is a model of uploads with several events.
func partModel(t *testing.T, load string, with []string) *Model {
	return model(t, parse(t, load, append(with, "BATCH", "{maxEvents: 25, maxAge: 6h}")...))
}

// alone reports that nothing else of an upload was taken, so that it has one fate for all.
func alone(f *ledger.Fate, state ledger.State) bool {
	return f.Outcome == measure.Failed && state == ledger.Unanswered
}

// lagging answers after a millisecond.
type lagging struct{ target.Target }

func (s lagging) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	time.Sleep(time.Millisecond)
	s.Target.Send(ctx, req, ans)
}
