package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/event"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// gathering is the small scenario of one tenant with an adapter that gathers uploads; more is more of the adapter's upload.
func gathering(t testing.TB, load, gather, more string, with ...string) *Model {
	t.Helper()
	adapter := fmt.Sprintf(`url: http://127.0.0.1:9
    adapter:
      per: devices
      gather: %s
      upload: {body: ndjson, event: {id: "${event.id}", kind: "${event.kind}", of: "${account.device_id}", tenant: "${account.tenant_id}", seq: "${event.seq}"}%s}`, gather, more)
	return model(t, parse(t, load, append(with, "url: embedded", adapter, "tenants: {count: 3, sizes: {zipf: 1}}", "tenants: {count: 1}")...))
}

// gateway is a backend that keeps every request, and answers after serve says so.
type gateway struct {
	serve func(n int, g *gathered, ans *target.Answer) time.Duration // in order of arrival, from 0; nil: at once, and yes

	mu    sync.Mutex
	began time.Time
	came  []*gathered
}

// gathered is one request.
type gathered struct {
	at     time.Duration
	op     measure.Op
	key    string
	body   string
	events []line
}

// line is what a line of a body says.
type line struct {
	ID, Kind, Of, Tenant string
	Seq                  uint32
}

func (g *gathered) devices() int {
	of := map[string]bool{}
	for _, e := range g.events {
		of[e.Of] = true
	}
	return len(of)
}

func (w *gateway) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	r := &gathered{op: req.Op, key: string(req.Key), body: string(req.Body)}
	for text := range strings.Lines(r.body) {
		var e line
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			panic(err)
		}
		r.events = append(r.events, e)
	}
	*ans = target.Answer{Class: measure.OK, Status: 200, Body: ans.Body[:0]}
	w.mu.Lock()
	r.at = time.Since(w.began)
	w.came = append(w.came, r)
	wait := time.Duration(0)
	if w.serve != nil {
		wait = w.serve(len(w.came)-1, r, ans)
	}
	w.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		ans.Class, ans.Status, ans.Err = measure.Cancelled, 0, ctx.Err()
	}
}

func (w *gateway) Close() error { return nil }

// run drives a model against the backend and returns what the run did, and its ledger.
func (w *gateway) run(t *testing.T, ctx context.Context, m *Model, workers int) (*Result, []ledger.Upload) {
	t.Helper()
	w.began = time.Now()
	dir := t.TempDir()
	res, err := Run(ctx, Config{Model: m, Workers: workers, Target: w, Adapter: adapterOf(m), Ledger: &Keep{Dir: dir, Run: "r"}})
	if err != nil || res.LedgerErr != nil {
		t.Fatal(err, res)
	}
	var rows []ledger.Upload
	if _, err := ledger.Read(dir, func(u *ledger.Upload) error {
		row := *u
		row.Notes = slices.Clone(u.Notes)
		rows = append(rows, row)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(rows, func(a, b ledger.Upload) int { return int(a.Intended - b.Intended) })
	if all := counts(res); all.Check() != nil || all.Due != int64(len(rows)) {
		t.Errorf("%d uploads due, %d in the ledger, %v", all.Due, len(rows), all.Check())
	}
	return res, rows
}

func adapterOf(m *Model) *wire.Adapter {
	return m.Scenario.Target.Adapter.Adapter(wire.Constants{Run: "r", Send: m.Behavior.Sends.All})
}

// A request goes when it is full, or when its first upload has waited as long as it may, or when nothing more will come; what each upload
// waits for the others is in its response time. 100 uploads are due, at 10 ms, 20 ms, ... 1,000 ms, and the backend answers in 5 ms.
func TestGatherWaits(t *testing.T) {
	for _, test := range []struct {
		gather string
		goes   func(due time.Duration) time.Duration // when the request of an upload that is due then
		most   int
	}{
		{"{uploads: 5, wait: 200ms}", func(due time.Duration) time.Duration { // five take 40 ms
			return (due + 49*time.Millisecond) / (50 * time.Millisecond) * 50 * time.Millisecond
		}, 5},
		{"{uploads: 50, wait: 200ms}", func(due time.Duration) time.Duration { // those of 10 to 210 ms, of 220 to 420 ms, ...
			last := (due-10*time.Millisecond)/(210*time.Millisecond)*210*time.Millisecond + 210*time.Millisecond
			return min(last, time.Second) // the schedule is over
		}, 21},
		{"{uploads: 2, wait: 1ms}", func(due time.Duration) time.Duration { return min(due+time.Millisecond, time.Second) }, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &gateway{serve: func(int, *gathered, *target.Answer) time.Duration { return 5 * time.Millisecond }}
			res, rows := w.run(t, t.Context(), gathering(t, rateLoad("even", "100/s", "1s"), test.gather, ""), 1)
			s := res.Totals.Select(measure.Selector{})
			if lag := s.SendLag.Max(); lag != 0 || res.Gathered != (Gathered{int64(len(w.came)), 100}) {
				t.Errorf("%s: send lag up to %v, though what waits for others is not late; %+v", test.gather, lag, res.Gathered)
			}
			if len(rows) != 100 {
				t.Fatalf("%d uploads, want 100", len(rows))
			}
			at := map[time.Duration]int{}
			for i, u := range rows {
				due := time.Duration(i+1) * 10 * time.Millisecond
				if goes := test.goes(due); u.Intended != due || u.First != goes || u.Done != goes+5*time.Millisecond || u.Outcome != measure.Accepted || u.Attempts != 1 {
					t.Errorf("%s: upload %d was due at %v, sent at %v, answered at %v; want %v, %v, 5ms later", test.gather, i, u.Intended, u.First, u.Done, due, goes)
				}
				at[u.First]++
			}
			most := 0
			for _, n := range at {
				most = max(most, n)
			}
			if len(w.came) != len(at) || most != test.most {
				t.Errorf("%s: %d requests at %d instants, of up to %d uploads; want one at each, and %d", test.gather, len(w.came), len(at), most, test.most)
			}
		})
	}
}

// eachSecond is an alarm that rings at whole seconds alone.
type eachSecond struct {
	Alarm
	began time.Time
}

func (a eachSecond) Wait(time.Duration) { time.Sleep(time.Second - time.Since(a.began)%time.Second) }

// A keeper that is late gathers the same uploads as one in time, and how late they go is send lag: no upload was meant to wait for longer than
// the adapter says. 30 uploads are due, at 100 ms, 200 ms, ... 3 s, and the keeper looks once a second.
func TestGatherLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		late := Timer{Name: "late", New: func() (Alarm, error) {
			a, err := GoTimer().New()
			return eachSecond{a, began}, err
		}}
		w := &gateway{began: began}
		m := gathering(t, rateLoad("even", "10/s", "3s"), "{uploads: 10, wait: 200ms}", "")
		res, err := Run(t.Context(), Config{Model: m, Workers: 1, Target: w, Adapter: adapterOf(m), Timer: late})
		if err != nil {
			t.Fatal(err)
		}
		var want measure.Histogram
		for i := range 10 { // those of 100 to 300 ms are to go at 300 ms, those of 400 to 600 ms at 600 ms, ...
			goes := time.Duration(i+1) * 300 * time.Millisecond
			for range 3 {
				want.Record((goes+time.Second-1)/time.Second*time.Second - goes)
			}
		}
		series := res.Totals.Select(measure.Selector{})
		if got := &series.SendLag; got.Max() != want.Max() || got.Mean() != want.Mean() || got.Count() != 30 || len(w.came) != 10 {
			t.Errorf("%d requests; send lag of %d uploads up to %v, %v on average; want 10 of 3 each, up to %v, %v", len(w.came), got.Count(), got.Max(), got.Mean(), want.Max(), want.Mean())
		}
	})
}

// What is in one request is of one operation and one tenant; its key is its first event's, with the number of uploads; and the bytes of its
// uploads add up to it.
func TestGatherTogether(t *testing.T) {
	for _, workers := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			m := gathering(t, speedLoad, "{uploads: 7, wait: 1s}", "", "tenants: {count: 3, sizes: {zipf: 1}}", "tenants: {count: 4, sizes: {zipf: 1}}")
			w := new(gateway)
			res, rows := w.run(t, t.Context(), m, workers)
			ids, keys, devices, bytes := map[string]bool{}, map[string]bool{}, 0, 0
			for _, r := range w.came {
				keys[r.key] = true
				bytes += len(r.body)
				devices = max(devices, r.devices())
				for _, e := range r.events {
					ids[e.ID] = true
					if e.Tenant != r.events[0].Tenant || (e.Kind == event.Enrolment.String()) != (r.op == measure.Enroll) {
						t.Fatalf("an event of %s, %s, in a request of %v and %s", e.Tenant, e.Kind, r.op, r.events[0].Tenant)
					}
				}
				if first, n, more := strings.Cut(r.key, "."); first != r.events[0].ID || more != (n != "") || more && n < "2" || more && n > "7" {
					t.Errorf("the key of a request whose first event is %s is %s", r.events[0].ID, r.key)
				}
			}
			all := counts(res)
			if len(keys) != len(w.came) || int64(len(ids)) != all.Events || all.Accepted != int64(len(rows)) || int64(bytes) != all.Bytes {
				t.Errorf("%d requests with %d keys, %d bytes, %d events; the run says %d bytes, %d events, %d of %d uploads accepted", len(w.came), len(keys), bytes, len(ids), all.Bytes, all.Events, all.Accepted, len(rows))
			}
			if 2*len(w.came) > len(rows) || devices != 7 {
				t.Errorf("%d uploads in %d requests, of up to %d devices", len(rows), len(w.came), devices)
			}
		})
	}
}

// A request that failed is tried again as it was, under the same key, and one that the backend refuses is refused for each of its uploads.
func TestGatherRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := 0
		w := &gateway{serve: func(n int, g *gathered, ans *target.Answer) time.Duration {
			switch {
			case n%4 == 1:
				ans.Class, ans.Status, ans.Err = measure.Reset, 0, fmt.Errorf("reset")
			case n%4 == 2:
				ans.Class, ans.Status, ans.Err = measure.Status413, 413, fmt.Errorf("too large")
				refused += strings.Count(g.key, ".5") * 5
			}
			return 0
		}}
		res, rows := w.run(t, t.Context(), gathering(t, rateLoad("even", "50/s", "2s"), "{uploads: 5, wait: 1s}", "", "RETRY", "{maxAttempts: 9, base: 10ms}"), 1)
		sent, again := map[string]string{}, 0
		for _, r := range w.came {
			if was, ok := sent[r.key]; ok {
				if again++; was != r.body {
					t.Errorf("%s is the key of two bodies", r.key)
				}
			}
			sent[r.key] = r.body
		}
		if len(sent) != 20 || again < 3 {
			t.Errorf("%d requests were made, %d of them again; want 20, and some", len(sent), again)
		}
		all, tries := counts(res), 0
		for _, u := range rows {
			tries += u.Attempts
		}
		if int(all.Refused) != refused || refused == 0 || all.Accepted+all.Refused != 100 || tries != 5*len(w.came) || int(all.Attempts) != tries {
			t.Errorf("%+v; want %d refused and the others accepted, each with the attempts of its request, %d", all, refused, 5*len(w.came))
		}
	})
}

// What waits for others when the run is interrupted is not sent, and counted so.
func TestGatherStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(595*time.Millisecond, cancel) // 59 are due: two requests of 25 are sent, and 9 wait
		w := new(gateway)
		res, _ := w.run(t, ctx, gathering(t, rateLoad("even", "100/s", "10s"), "{uploads: 25, wait: 10s}", ""), 1)
		if c := counts(res); !res.Interrupted || res.Elapsed != 595*time.Millisecond || c.Due != 59 || c.Accepted != 50 || c.ByClass[measure.NotStarted] != 9 || len(w.came) != 2 {
			t.Errorf("%d requests, %+v after %v; want 2, with 50 uploads, and 9 not sent", len(w.came), c, res.Elapsed)
		}
	})
}

// A backend that stands still holds as many requests as there are senders, and behind them as many uploads wait as the queue has room for.
func TestGatherOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &gateway{serve: func(int, *gathered, *target.Answer) time.Duration { return 10 * time.Second }}
		m := gathering(t, rateLoad("even", "1000/s", "4s"), "{uploads: 10, wait: 1s}", "", "MAXOPEN", "8", "20000", "100")
		res, _ := w.run(t, t.Context(), m, 1)
		// 8 requests of 10 are under way when 80 are due, and the 100 behind them are 10 more, of which 8 go after 10 s and 2 after 20 s.
		if c := counts(res); c.Due != 4000 || c.Dropped != c.ByClass[measure.Overflow] || c.Due-c.Dropped != 8*10+100 || c.Accepted != 180 || len(w.came) != 18 {
			t.Errorf("%d requests, %+v; want 18, with 80 uploads under way and 100 behind them", len(w.came), c)
		}
	})
}

// What was full is not let go a second time, though its job is another upload by then.
func TestGathererForgetsWhatWent(t *testing.T) {
	g := newGatherer(wire.Gather{Uploads: 2, Wait: time.Second})
	a, b, other := new(job), new(job), new(job)
	other.key.Tenant = 1
	if g.join(other) != nil {
		t.Fatal("one upload is a request")
	}
	for i := range 900 {
		a.at, a.rest = time.Duration(i)*time.Millisecond, a.rest[:0]
		if g.join(a) != nil || g.join(b) != a || len(a.rest) != 1 {
			t.Fatal("two uploads are no request")
		}
		if j, next := g.over(a.at, false); j != nil || next != time.Second {
			t.Fatalf("at %v %v goes, the next at %v; want that of the other tenant at 1s", a.at, j, next)
		}
	}
	a.at, a.rest = 950*time.Millisecond, a.rest[:0]
	g.join(a)
	for _, want := range []struct {
		at   time.Duration
		goes *job
		next time.Duration
	}{{time.Second, other, 0}, {time.Second, nil, 1950 * time.Millisecond}, {1950 * time.Millisecond, a, 0}, {forever, nil, forever}} {
		if j, next := g.over(want.at, want.at == forever); j != want.goes || next != want.next {
			t.Errorf("at %v %p goes, the next at %v; want %p, %v", want.at, j, next, want.goes, want.next)
		}
	}
	if len(g.due) > 0 || newGatherer(wire.Gather{}) != nil {
		t.Errorf("%d requests are remembered that went, or the zero value gathers", len(g.due))
	}
}
