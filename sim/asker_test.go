package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// asking is small with an adapter that has look-ups, made for a run.
func asking(t testing.TB, load string, with ...string) (*Model, *wire.Adapter) {
	t.Helper()
	m := model(t, parse(t, load, append(with, "url: embedded", `url: embedded
    adapter:
      headers: {X-Key: "${upload.key}"}
      enrol: {path: /v1/enroll, body: format, answers: drover}
      upload: {path: /v1/events, body: format, answers: drover}
      config: {path: /c, query: {device: "${device.id}"}, every: 2h}
      verdict: {path: "/v/${web.domain}", headers: {X-Event: "${event.id}"}, success: {status: [200, 404]}, verdict: {word: is, score: score}}`,
		"devices: 200", "devices: 200\n      settings: {DefenderExcludeURLInReport: {true: 30, false: 70}}")...))
	return m, m.Scenario.Target.Adapter.Adapter(wire.Constants{Run: "r", Send: m.Behavior.Sends.All})
}

// asked is a backend that keeps the places and headers of what it is asked, and says of every site that it is malware.
type asked struct {
	fake
	lines []string
	keys  int // look-ups that came with an idempotency key
	body  string
}

func (f *asked) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	if !req.Op.LookUp() {
		f.fake.Send(ctx, req, ans)
		if req.Place != nil {
			ans.Class, ans.Status = measure.Status400, 400 // it is a look-up's
		}
		return
	}
	f.mu.Lock()
	f.lines = append(f.lines, fmt.Sprintf("%v %s %s%s", req.Op, req.Place, req.Header, req.Body))
	if len(req.Key) > 0 {
		f.keys++
	}
	f.mu.Unlock()
	*ans = target.Answer{Class: measure.OK, Status: 200, Body: append(ans.Body[:0], f.body...)}
}

// wanted is what a schedule's uploads ask for: worked out from the uploads alone.
func wanted(m *Model) (config map[int]int, verdicts []string) {
	s, filler := NewSchedule(m, partitions(m)), behavior.NewFiller(&m.Behavior)
	config = map[int]int{}
	last := map[int]time.Duration{}
	var a Arrival
	for s.Next(&a) {
		if a.Op == measure.Enroll {
			continue
		}
		u := &a.Upload
		if at, was := last[u.Device]; !was || u.Due/time.Second-at/time.Second >= 7200 {
			last[u.Device] = u.Due
			config[u.Device]++
		}
		filler.Begin(u)
		for i := range u.Items {
			var e event.Event
			filler.Fill(&e, i)
			if e.Has&(1<<event.WebDomain) != 0 {
				verdicts = append(verdicts, fmt.Sprintf("verdict /v/%s X-Event: %v\r\n", e.Web.Host.Append(nil), fleet.GUID(e.ID)))
			}
		}
	}
	return config, verdicts
}

// countsOf adds up the requests of an operation over all phases.
func countsOf(res *Result, op measure.Op) (c measure.Counts) {
	for _, ph := range res.Totals.Names().Phases {
		s := res.Totals.Select(measure.Selector{Op: op.String(), Phase: ph.Name})
		c.Add(&s.Counts)
	}
	return c
}

// saidOf counts verdicts by what the backend says.
func saidOf(res *Result) map[event.Category]int64 {
	said := map[event.Category]int64{}
	for _, truth := range res.Verdicts.Matrix {
		for _, reference := range truth {
			for backend, n := range reference {
				if n > 0 {
					said[event.Category(backend)] += n
				}
			}
		}
	}
	return said
}

// Devices fetch their configuration with their first upload and then every two hours of theirs, and ask for a verdict of each threat
// whose domain they report: in the same number, by the same bytes, whoever drives them.
func TestLookUps(t *testing.T) {
	m, a := asking(t, speedLoad)
	perDevice, verdicts := wanted(m)
	fetches, most := 0, 0
	for _, n := range perDevice {
		fetches += n
		most = max(most, n)
	}
	if len(perDevice) < 190 || most != 3 || len(verdicts) < 50 {
		t.Fatalf("%d devices fetch, one of them %d times, and there are %d threats: the test proves nothing", len(perDevice), most, len(verdicts))
	}
	slices.Sort(verdicts)
	for _, workers := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			f := &asked{body: `{"is":"malware","score":0.5}`}
			res, err := Run(t.Context(), Config{Model: m, Workers: workers, Target: f, Adapter: a})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(f.lines)
			n, _ := slices.BinarySearchFunc(f.lines, "verdict", cmp.Compare[string])
			if n != fetches || !slices.Equal(f.lines[n:], verdicts) {
				t.Errorf("%d workers: %d fetches, want %d; %d look-ups, want %d: %q, want e.g. %q", workers, n, fetches, len(f.lines)-n, len(verdicts), f.lines[n], verdicts[0])
			}
			if f.keys > 0 || slices.ContainsFunc(f.lines[:n], func(l string) bool { return strings.Contains(l, "Key") || !strings.HasPrefix(l, "config /c?device=") }) {
				t.Errorf("%d look-ups have the key of an upload; a fetch is %q", f.keys, f.lines[0])
			}
			for op, want := range map[measure.Op]int{measure.Config: fetches, measure.Verdict: len(verdicts)} {
				c := countsOf(res, op)
				if c.Due != int64(want) || c.Accepted != c.Due || c.Events != 0 {
					t.Errorf("%v: %+v, want %d accepted without an event", op, c, want)
				}
			}
			all := counts(res)
			for _, s := range res.Kinds {
				if s.Made != s.Accepted+s.Lost || s.Sent != s.Accepted {
					t.Errorf("events are %+v: look-ups bring none", s)
				}
			}
			if all.Due != int64(len(f.bodies)) || all.Accepted != all.Due {
				t.Errorf("%d uploads, %d accepted, and %d came", all.Due, all.Accepted, len(f.bodies))
			}
			if said := saidOf(res); said[event.Malware] != int64(len(verdicts)) || len(said) != 1 {
				t.Errorf("verdicts are %v; want malware of each of %d look-ups, and none of uploads", said, len(verdicts))
			}
		})
	}
}

// A device fetches its configuration again when two hours of its time are over, and not a moment before.
func TestFetchesInTime(t *testing.T) {
	m, a := asking(t, speedLoad)
	q := newAsker(m, a)
	for i, tt := range []struct {
		due  time.Duration
		want bool
	}{
		{0, true}, {0, false}, {2*time.Hour - 1, false}, {2 * time.Hour, true}, {4*time.Hour - 1, false}, {4 * time.Hour, true}, {7 * time.Hour, true}, {9*time.Hour - 1, false},
	} {
		q.begin(&Arrival{Op: measure.Upload, Upload: behavior.Upload{Device: 7, Due: tt.due}})
		var got Arrival
		if fetches := q.next(&got) && got.Op == measure.Config; fetches != tt.want {
			t.Errorf("upload %d, at %v: fetches %t, want %t", i+1, tt.due, fetches, tt.want)
		}
	}
}

// In the closed model look-ups take their turn like uploads do.
func TestLookUpsWhenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a := asking(t, `{model: closed, concurrency: 4, phases: [{name: day, for: 1s}, {name: drain, do: drain, for: 4s}]}`, ", speed: 600", "")
		f := &asked{body: `{}`}
		res, err := Run(t.Context(), Config{Model: m, Workers: 2, Target: f, Adapter: a})
		if err != nil {
			t.Fatal(err)
		}
		n := map[measure.Op]int64{}
		for op := range measure.NumOps {
			n[op] = countsOf(res, op).Accepted
		}
		if f.most > 4 || n[measure.Config] < 200 || n[measure.Verdict] < 50 || int64(len(f.lines)) != n[measure.Config]+n[measure.Verdict] {
			t.Errorf("%v accepted, %d look-ups came, %d uploads at once; want fetches and verdicts, and 4 at once at most", n, len(f.lines), f.most)
		}
		if said := saidOf(res); said[event.Unknown] != n[measure.Verdict] {
			t.Errorf("verdicts are %v, want %d that were not judged", said, n[measure.Verdict])
		}
	})
}

// A look-up is tried again like an upload, counts as the harness's when it is dropped, and is nothing that a ledger has.
func TestLookUpsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a := asking(t, rateLoad("even", "100/s", "4s"))
		f := &failing{}
		res, err := Run(t.Context(), Config{Model: m, Workers: 1, Target: f, Adapter: a, Ledger: &Keep{Dir: t.TempDir(), Run: "r"}})
		if err != nil || res.LedgerErr != nil {
			t.Fatal(err, res.LedgerErr)
		}
		s := res.Totals.Select(measure.Selector{Op: "config"})
		up := res.Totals.Select(measure.Selector{})
		if s.Due == 0 || s.Refused != s.Due || up.Accepted != 400 {
			t.Errorf("fetches %+v, uploads %+v; want all of the former refused and none of the latter", s.Counts, up.Counts)
		}
	})
}

// failing takes uploads and refuses look-ups.
type failing struct{ fake }

func (f *failing) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	if req.Op.LookUp() {
		*ans = target.Answer{Class: measure.Status400, Status: 404, Err: fmt.Errorf("no such path"), Body: ans.Body[:0]}
		return
	}
	f.fake.Send(ctx, req, ans)
}
