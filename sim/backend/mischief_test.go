package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

func rules(seed uint64, k defect.Kind, r defect.Rule) *defect.Set {
	s := &defect.Set{Seed: seed}
	s.Rules[k] = r
	return s
}

// planted asks the backend how often it planted a defect.
func (c *client) planted(k defect.Kind) int64 {
	c.t.Helper()
	w := c.do(http.MethodGet, "/v1/defects", nil)
	var out struct{ Defects []planted }
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
		c.t.Fatalf("GET /v1/defects = %d %s, %v", w.Code, w.Body, err)
	}
	for _, p := range out.Defects {
		if p.Defect == k.String() {
			if int64(len(p.Events)) != min(p.Planted, maxPlanted) && k != defect.Again {
				c.t.Errorf("%s: %d planted, %d of them named", k, p.Planted, len(p.Events))
			}
			return p.Planted
		}
	}
	return 0
}

// Each defect of events in store is there as often as it was planted, with a bound and with a share, and what is stored is
// otherwise what an honest backend stores.
func testStoredDefects(t *testing.T, newClient opener) {
	const devices, each = 8, 50
	for _, k := range append(stored[:], defect.StoreTwice, defect.Again) {
		for _, rule := range []defect.Rule{{Share: 1, Count: 7, For: time.Hour}, {Share: 0.1, For: time.Hour}} {
			c := newClient(t, Options{Defects: rules(5, k, rule)})
			sent := map[event.ID]string{}
			for tenant := range byte(2) { // so that each tenant knows of another one
				d := testDevice(tenant, 200)
				doc := heartbeats(d, 0, 1)
				sent[testEvent(d, 0, event.Heartbeat).ID] = string(doc)
				c.post("/v1/events", doc)
				c.post("/v1/events", doc)
			}
			for n := range byte(devices) {
				d := testDevice(n%2, n)
				for seq := range uint32(each) {
					e := testEvent(d, seq, event.Memory)
					sent[e.ID] = string(encode(d, e))
				}
				var events []event.Event
				for seq := range uint32(each) {
					events = append(events, testEvent(d, seq, event.Memory))
				}
				doc := encode(d, events...)
				if a := c.post("/v1/events", doc); a.Accepted != each || a.Duplicates != 0 {
					t.Fatalf("%s: %+v, want %d accepted", k, a, each)
				}
				if a := c.post("/v1/events", doc); a.Accepted != 0 || a.Duplicates != each || len(a.Refused) != 0 {
					t.Fatalf("%s: again %+v, want %d duplicates", k, a, each)
				}
			}
			lines := strings.Split(strings.TrimSuffix(c.do(http.MethodGet, "/v1/audit/events?limit=10000", nil).Body.String(), "\n"), "\n")
			lines = lines[:len(lines)-1]
			got := map[defect.Kind]int64{}
			seen := map[event.ID]int{}
			for _, line := range lines {
				var u wire.Upload
				if err := wire.DecodeUpload([]byte(line), &u); err != nil {
					got[defect.Truncate]++
					at := strings.Index(line, `"events":[{"id":"`) + 17
					id, _ := wire.ParseGUID(line[at : at+36])
					seen[event.ID(id)]++
					continue
				}
				id := u.Events[0].ID
				seen[id]++
				switch was := sent[id]; {
				case was == "" || seen[id] > 1 || line == was:
				case u.Account.TenantID != tenantID(id[0]):
					got[defect.SwapTenant]++
				default:
					got[defect.Change]++
				}
			}
			for id := range sent {
				switch seen[id] {
				case 0:
					got[defect.Lose]++
				case 2:
					got[defect.StoreTwice]++
				}
			}
			want := c.planted(k)
			if rule.Count > 0 && want != rule.Count || rule.Count == 0 && (want < 15 || want > 75) {
				t.Errorf("%s %+v: %d planted", k, rule, want)
			}
			look := k
			switch k {
			case defect.Again:
				look = defect.StoreTwice // one re-sending: the same
			case defect.Delay:
				look = defect.Lose // not shown yet
			case defect.Leak:
				want = 0 // the operator sees nothing of it
			}
			for kind, n := range got {
				if kind != look && n != 0 {
					t.Errorf("%s %+v: %d look like %s", k, rule, n, kind)
				}
			}
			if got[look] != want {
				t.Errorf("%s %+v: %d found, want %d", k, rule, got[look], want)
			}
			if total := c.counts("").Total.Events; total != int64(len(lines)) {
				t.Errorf("%s: counts say %d events, %d are shown", k, total, len(lines))
			}
		}
	}
}

// A leak is shown to the other tenant's reader alone, and to the operator nothing twice.
func testLeak(t *testing.T, newClient opener) {
	c := newClient(t, Options{Secret: testSecret, Defects: rules(1, defect.Leak, defect.Rule{Share: 1, Count: 3})})
	c.token = token(t, testSecret, AllTenants)
	c.post("/v1/events", heartbeats(testDevice(1, 1), 0, 1))
	c.post("/v1/events", heartbeats(testDevice(2, 1), 0, 10))
	if docs, _ := c.page(""); len(docs) != 11 {
		t.Errorf("the operator sees %d events, want 11", len(docs))
	}
	if n := c.planted(defect.Leak); n != 3 {
		t.Errorf("%d planted, want 3", n)
	}
	c.token = token(t, testSecret, tenantID(1).String())
	foreign := 0
	docs, _ := c.page("")
	for i := range docs {
		if docs[i].Account.TenantID != tenantID(1) {
			foreign++
		}
	}
	if foreign != 3 || len(docs) != 4 {
		t.Errorf("tenant 1 sees %d events, %d of another tenant; want 4 and 3", len(docs), foreign)
	}
	if w := c.do(http.MethodGet, "/v1/defects", nil); w.Code != http.StatusForbidden {
		t.Errorf("a tenant asks what was planted: %d, want 403", w.Code)
	}
}

// Verdicts go wrong as often as planted, and only slow ones become clean.
func testVerdictDefects(t *testing.T, newClient opener) {
	for _, k := range []defect.Kind{defect.WrongVerdict, defect.CleanWhenSlow} {
		for _, slow := range []time.Duration{0, time.Hour} {
			c := newClient(t, Options{Classifier: phishy{}, Defects: rules(1, k, defect.Rule{Share: 0.5, For: slow})})
			d := testDevice(1, 1)
			var events []event.Event
			for seq := range uint32(50) {
				events = append(events, testEvent(d, seq, event.WebThreat))
			}
			doc := encode(d, events...)
			first, again := c.post("/v1/events", doc), c.post("/v1/events", doc)
			var wrong int64
			for i, v := range first.Verdicts {
				if v.Category == event.Benign {
					wrong++
				}
				if again.Verdicts[i].Category != v.Category {
					t.Errorf("%s: verdict %d differs when the event comes again", k, i)
				}
			}
			want := c.planted(k)
			if wrong != want || (want == 0) != (k == defect.CleanWhenSlow && slow > 0) {
				t.Errorf("%s after %v: %d wrong, %d planted", k, slow, wrong, want)
			}
		}
	}
}

// Each defect of a request strikes as often as planted, over a real connection, and the same request gets through when it
// comes again.
func TestRequestDefects(t *testing.T) {
	const uploads, count = 20, 4
	for _, tt := range []struct {
		kind       defect.Kind
		rule       defect.Rule
		status     int // 0: no answer
		retryAfter string
		stored     bool
	}{
		{defect.Throttle, defect.Rule{For: 1500 * time.Millisecond}, 429, "2", false},
		{defect.Throttle, defect.Rule{}, 429, "", false},
		{defect.Fail, defect.Rule{Status: 502}, 502, "", false},
		{defect.Reset, defect.Rule{}, 0, "", false},
		{defect.DropAnswer, defect.Rule{}, 0, "", true},
		{defect.Lie, defect.Rule{}, 200, "", false},
		{defect.Stall, defect.Rule{For: time.Nanosecond}, 200, "", true},
		{defect.SlowBody, defect.Rule{For: time.Nanosecond}, 200, "", true},
	} {
		tt.rule.Share, tt.rule.Count = 1, count
		srv, err := Start(context.Background(), Options{Defects: rules(1, tt.kind, tt.rule)})
		if err != nil {
			t.Fatal(err)
		}
		hit := 0
		d := testDevice(1, 1)
		for i := range uint32(uploads) {
			doc := heartbeats(d, i*10, 10)
			post := func() (status int, body string, after string) {
				resp, err := http.Post(srv.URL()+"/v1/events", "application/json", bytes.NewReader(doc))
				if err != nil {
					return 0, "", ""
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Errorf("%s: %v", tt.kind, err)
				}
				return resp.StatusCode, string(b), resp.Header.Get("Retry-After")
			}
			status, body, after := post()
			struck := status != 200 || strings.Contains(body, "internal error")
			if struck {
				hit++
				if status != tt.status || after != tt.retryAfter {
					t.Errorf("%s: status %d, Retry-After %q, want %d and %q", tt.kind, status, after, tt.status, tt.retryAfter)
				}
			}
			_, body, _ = post()
			want := `{"accepted":10,"duplicates":0}`
			if !struck || tt.stored {
				want = `{"accepted":0,"duplicates":10}`
			}
			if body != want {
				t.Errorf("%s: the second answer is %s, want %s", tt.kind, body, want)
			}
		}
		visible := tt.kind != defect.Stall && tt.kind != defect.SlowBody
		if visible && hit != count || !visible && hit != 0 {
			t.Errorf("%s: %d requests were hit, want %d", tt.kind, hit, count)
		}
		resp, err := http.Get(srv.URL() + "/v1/defects")
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !strings.Contains(string(b), `{"defect":"`+tt.kind.String()+`","planted":4,`) {
			t.Errorf("%s: /v1/defects says %s", tt.kind, b)
		}
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Beyond its capacity the backend answers 429 and takes nothing, and it recovers as time passes.
func TestCapacity(t *testing.T) {
	m := newMischief(&defect.Set{Capacity: 100})
	now := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		after time.Duration
		ask   int
		taken int
	}{
		{0, 15, 10},                      // a tenth of a second's worth at once
		{0, 5, 0},                        // and no more
		{30 * time.Millisecond, 10, 3},   // what has come since
		{10 * time.Second, 50, 10},       // no more than the bucket holds
		{5 * time.Millisecond, 1, 0},     // half a request
		{5*time.Millisecond + 1, 1, 1},   // is kept
		{100 * time.Millisecond, 10, 10}, // below the capacity all are taken
	} {
		now = now.Add(tt.after)
		taken := 0
		for range tt.ask {
			if !m.full(now) {
				taken++
			}
		}
		if taken != tt.taken {
			t.Errorf("%v later %d of %d were taken, want %d", tt.after, taken, tt.ask, tt.taken)
		}
	}
	c := newClient(t, Options{Defects: &defect.Set{Capacity: 0.1, RetryAfter: 3 * time.Second}})
	c.post("/v1/events", heartbeats(testDevice(1, 1), 0, 1))
	if w := c.do(http.MethodPost, "/v1/events", heartbeats(testDevice(1, 1), 1, 1)); w.Code != 429 || w.Header().Get("Retry-After") != "3" {
		t.Errorf("beyond the capacity: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if n := c.counts("").Total.Events; n != 1 {
		t.Errorf("%d events stored, want 1", n)
	}
	if w := c.do(http.MethodGet, "/v1/defects", nil); !strings.Contains(w.Body.String(), `"over_capacity":1`) {
		t.Errorf("/v1/defects says %s", w.Body)
	}
}

// Who took consent back has no optional data in store any more, of whatever device and tenant the token may see, but for what a
// defect keeps; and everything else stays.
func testWithdraw(t *testing.T, newClient opener) {
	for _, keep := range []int64{0, 3} {
		opt := Options{Secret: testSecret}
		if keep > 0 {
			opt.Defects = rules(2, defect.KeepWithdrawn, defect.Rule{Share: 1, Count: keep})
		}
		c := newClient(t, opt)
		c.token = token(t, testSecret, AllTenants)
		const each = 10
		name := map[byte]string{}
		for n := range byte(4) {
			d := testDevice(n%2, n)
			d.EntraID = fleet.GUID{1 + n}
			name[n] = d.EntraID.String()
			for seq := range uint32(each) {
				c.post("/v1/events", encode(d, testEvent(d, 2*seq, event.Diagnostics), testEvent(d, 2*seq+1, event.Memory)))
			}
		}
		ask := func(who string, devices ...string) (erased int64) {
			c.token = token(t, testSecret, who)
			body, err := json.Marshal(map[string][]string{"devices": devices})
			if err != nil {
				t.Fatal(err)
			}
			w := c.do(http.MethodPost, "/v1/withdrawals", body)
			var out struct{ Erased int64 }
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
				t.Fatalf("POST /v1/withdrawals = %d %s", w.Code, w.Body)
			}
			c.token = token(t, testSecret, AllTenants)
			return out.Erased
		}
		if n := ask(tenantID(1).String(), name[0], name[2]); n != 0 {
			t.Errorf("tenant 1 erased %d events of tenant 0", n)
		}
		if n := ask(AllTenants, name[0], name[3], "nobody"); n != 2*each-keep {
			t.Errorf("%d erased, want %d", n, 2*each-keep)
		}
		if n := ask(AllTenants, name[0], name[3]); n != 0 {
			t.Errorf("%d erased when asked again", n)
		}
		if n := c.planted(defect.KeepWithdrawn); n != keep {
			t.Errorf("%d planted, want %d", n, keep)
		}
		docs, _ := c.page("")
		left := map[string]int64{}
		for i := range docs {
			left[docs[i].Events[0].Kind.String()]++
		}
		if left["diagnostics"] != 2*each+keep || left["app.memory"] != 4*each {
			t.Errorf("left %v, want %d of diagnostics and %d of memory", left, 2*each+keep, 4*each)
		}
		if total := c.counts("").Total; total.Events != int64(len(docs)) || total.Kinds["diagnostics"] != left["diagnostics"] {
			t.Errorf("counts %+v, shown %v", total, left)
		}
		d := testDevice(0, 0)
		d.EntraID = fleet.GUID{1}
		if a := c.post("/v1/events", encode(d, testEvent(d, 2*(each-1), event.Diagnostics))); a.Duplicates != 1 {
			t.Errorf("an erased event comes again: %+v, want a duplicate", a)
		}
		if n := c.counts("").Total.Events; n != int64(len(docs)) {
			t.Errorf("%d events after an erased one came again, want %d", n, len(docs))
		}
		for _, bad := range []string{"", "{}", `{"devices":[]}`, `{"devices":7}`} {
			if w := c.do(http.MethodPost, "/v1/withdrawals", []byte(bad)); w.Code != http.StatusBadRequest {
				t.Errorf("%q: %d, want 400", bad, w.Code)
			}
		}
	}
}
