package backend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

func parsePage(t *testing.T, body string) (docs []wire.Upload, end wire.PageEnd) {
	t.Helper()
	lines := strings.Split(body, "\n")
	if len(lines) < 2 || lines[len(lines)-1] != "" {
		t.Fatalf("page does not end with a line: %q", body)
	}
	for _, line := range lines[:len(lines)-2] {
		var u wire.Upload
		if err := wire.DecodeUpload([]byte(line), &u); err != nil || len(u.Events) != 1 {
			t.Fatalf("line %s: %d events, %v", line, len(u.Events), err)
		}
		docs = append(docs, u)
	}
	d := json.NewDecoder(strings.NewReader(lines[len(lines)-2]))
	d.DisallowUnknownFields()
	if err := d.Decode(&end); err != nil {
		t.Fatal(err)
	}
	return docs, end
}

// walk follows the cursors to the end and returns how often each event was seen.
func (c *client) walk(query string) map[event.ID]int {
	c.t.Helper()
	seen := make(map[event.ID]int)
	for after, more := "", true; more; {
		docs, end := c.page(query + "&after=" + after)
		if len(docs) == 0 && end.More {
			c.t.Fatalf("an empty page says that there is more behind %q", after)
		}
		for i := range docs {
			seen[docs[i].Events[0].ID]++
		}
		after, more = end.Next, end.More
	}
	return seen
}

// What is shown is byte for byte what was sent, who sent it included.
func testAuditShowsWhatWasSent(t *testing.T, newClient opener) {
	c := newClient(t, Options{})
	d := testDevice(1, 1)
	threat := testEvent(d, 1, event.WebThreat)
	first := bytes.Replace(encode(d, threat), []byte(`"phish.sim.test"`), []byte(`"a\"\\\u000aé.sim.test"`), 1)
	updated := *d
	os := *d.OS
	os.Version = "26.5"
	updated.OS = &os
	second := encode(&updated, testEvent(d, 2, event.Heartbeat))
	var spread bytes.Buffer
	third := encode(d, testEvent(d, 3, event.Memory))
	if err := json.Indent(&spread, third, "\r", "\n"); err != nil {
		t.Fatal(err)
	}
	for _, doc := range [][]byte{first, second, spread.Bytes()} {
		if a := c.post("/v1/events", doc); a.Accepted != 1 {
			t.Fatalf("%+v, want 1 accepted", a)
		}
	}
	if a := c.post("/v1/events", spread.Bytes()); a.Duplicates != 1 {
		t.Errorf("%+v, want 1 duplicate", a)
	}
	lines := strings.Split(c.do(http.MethodGet, "/v1/audit/events", nil).Body.String(), "\n")
	for i, want := range [][]byte{first, second} {
		if lines[i] != string(want) {
			t.Errorf("line %d = %s, want %s", i, lines[i], want)
		}
	}
	var got bytes.Buffer
	if err := json.Compact(&got, []byte(lines[2])); err != nil || got.String() != string(third) {
		t.Errorf("a document on many lines becomes %s, %v, want %s", lines[2], err, third)
	}
	if len(lines) != 5 || lines[3] != `{"next":"0.3","more":false}` {
		t.Errorf("%d lines, the last %s", len(lines)-1, lines[3])
	}
}

// One event is shown by its id to those who may see it, when it is shown at all.
func testAuditOfOne(t *testing.T, newClient opener) {
	c := newClient(t, Options{Secret: testSecret})
	operator, own, other := token(t, testSecret, AllTenants), token(t, testSecret, tenantID(1).String()), token(t, testSecret, tenantID(2).String())
	c.token = operator
	d := testDevice(1, 1)
	c.post("/v1/events", heartbeats(d, 0, 20))
	c.post("/v1/events", heartbeats(testDevice(2, 1), 0, 5))
	id := func(seq uint32) string { return fleet.GUID(testEvent(d, seq, event.Heartbeat).ID).String() }
	for _, tt := range []struct {
		name, token, query string
		shown              int
	}{
		{"the operator", operator, "?id=" + id(7), 1},
		{"its tenant", own, "?id=" + id(7), 1},
		{"by tenant", operator, "?id=" + id(7) + "&tenant=" + tenantID(1).String(), 1},
		{"another tenant", other, "?id=" + id(7), 0},
		{"by another tenant", operator, "?id=" + id(7) + "&tenant=" + tenantID(2).String(), 0},
		{"not sent", operator, "?id=" + id(20), 0},
		{"of another run", operator, "?run=r&id=" + id(7), 0},
	} {
		c.token = tt.token
		docs, end := c.page(tt.query)
		if len(docs) != tt.shown || end != (wire.PageEnd{}) {
			t.Errorf("%s: %d events, %+v; want %d", tt.name, len(docs), end, tt.shown)
		}
		if len(docs) > 0 && (docs[0].Events[0].ID != testEvent(d, 7, event.Heartbeat).ID || docs[0].Account.TenantID != tenantID(1)) {
			t.Errorf("%s: shows %+v", tt.name, docs[0])
		}
	}
	for query, want := range map[string]string{
		"?id=x":                       "parameter id: want a UUID in lower case",
		"?id=" + id(7) + "&after=0.1": "parameters id and after: want one of them",
	} {
		if w := c.do(http.MethodGet, "/v1/audit/events"+query, nil); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want 400 and %s", query, w.Code, w.Body, want)
		}
	}
	c.token = other
	if w := c.do(http.MethodGet, "/v1/audit/events?id="+id(7)+"&tenant="+tenantID(1).String(), nil); w.Code != http.StatusForbidden {
		t.Errorf("another tenant asks by name: %d, want 403", w.Code)
	}
	// What a defect keeps back is not shown, and what it loses is not there.
	for _, k := range []defect.Kind{defect.Delay, defect.Lose} {
		c := newClient(t, Options{Defects: rules(1, k, defect.Rule{Share: 1, Count: 3, For: time.Hour})})
		c.post("/v1/events", heartbeats(d, 0, 20))
		shown := 0
		for seq := range uint32(20) {
			docs, _ := c.page("?id=" + id(seq))
			shown += len(docs)
		}
		if shown != 17 {
			t.Errorf("%s: %d of 20 events are shown, want 17", k, shown)
		}
	}
}

func testPaging(t *testing.T, newClient opener) {
	c := newClient(t, Options{})
	const devices, each = 7, 53
	for i := range byte(devices) {
		d := testDevice(i%3, i)
		c.post("/v1/events", heartbeats(d, 0, each))
	}
	for _, limit := range []int{1, 2, 52, 53, 54, 255, 256, 257, devices*each - 1, devices * each, 10000} {
		pages, n := 0, 0
		seen := make(map[event.ID]bool)
		for after, more := "", true; more; pages++ {
			docs, end := c.page(fmt.Sprintf("?limit=%d&after=%s", limit, after))
			if end.More && len(docs) != limit {
				t.Errorf("limit %d: page %d has %d events and is not the last", limit, pages, len(docs))
			}
			for i := range docs {
				seen[docs[i].Events[0].ID] = true
			}
			n += len(docs)
			after, more = end.Next, end.More
		}
		if want := (devices*each + limit - 1) / limit; n != devices*each || len(seen) != n || pages != want {
			t.Errorf("limit %d: %d events, %d of them different, on %d pages; want %d on %d", limit, n, len(seen), pages, devices*each, want)
		}
	}
	one := tenantID(1).String()
	if got := len(c.walk("?limit=20&tenant=" + one)); got != 2*each {
		t.Errorf("tenant 1 has %d events, want %d", got, 2*each)
	}
	// The walk of a tenant goes on where it ended.
	_, end := c.page("?tenant=" + one)
	c.post("/v1/events", heartbeats(testDevice(1, 1), each, 2))
	if docs, next := c.page("?tenant=" + one + "&after=" + end.Next); end.More || len(docs) != 2 || next.More {
		t.Errorf("behind the end came %d events, want 2", len(docs))
	}
	for _, query := range []string{"?run=nothing", "?tenant=" + tenantID(99).String()} {
		if docs, end := c.page(query); len(docs) != 0 || end != (wire.PageEnd{}) {
			t.Errorf("%s: %d events and %+v, want nothing", query, len(docs), end)
		}
	}
}

// A walk shows no event twice and every event that was stored before it began, whatever is written meanwhile.
func TestPagingWhileOthersWrite(t *testing.T) {
	c := newClient(t, Options{})
	const tenants, before = 4, 300
	stored := make(map[event.ID]bool)
	for i := range byte(tenants) {
		d := testDevice(i, 0)
		for seq := range uint32(before) {
			stored[testEvent(d, seq, event.Heartbeat).ID] = true
		}
		c.post("/v1/events", heartbeats(d, 0, before))
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for i := range byte(tenants) {
		d := testDevice(i, 0)
		writers.Go(func() {
			for from := uint32(before); from < 3000; from += 5 {
				select {
				case <-stop:
					return
				default:
					c.do(http.MethodPost, "/v1/events", heartbeats(d, from, 5))
				}
			}
		})
	}
	for _, query := range []string{"?limit=97", "?limit=10000", "?limit=50&tenant=" + tenantID(2).String()} {
		seen := c.walk(query)
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s: event %x was shown %d times", query, id, n)
			}
		}
		for id := range stored {
			if seen[id] == 0 && (!strings.Contains(query, "tenant") || id[0] == 2) {
				t.Fatalf("%s: event %x was not shown", query, id)
			}
		}
	}
	close(stop)
	writers.Wait()
	if got := c.counts("").Total; int64(len(c.walk("?limit=1000"))) != got.Events || got.Duplicates != 0 {
		t.Errorf("counts %+v are not what the walk shows", got)
	}
}

// The same uploads from many connections at once are stored once.
func testConcurrentDuplicates(t *testing.T, newClient opener) {
	c := newClient(t, Options{MaxEvents: 1000})
	const senders, uploads, each = 8, 40, 25
	var g sync.WaitGroup
	for range senders {
		g.Go(func() {
			for i := range uint32(uploads) {
				c.do(http.MethodPost, "/v1/events", heartbeats(testDevice(1, 1), i*each, each))
			}
		})
	}
	g.Wait()
	got := c.counts("").Total
	if got.Events != uploads*each || got.Events+got.Duplicates > senders*uploads*each {
		t.Errorf("counts %+v, want %d events", got, uploads*each)
	}
	if held := c.store().held.Load(); held != got.Events {
		t.Errorf("%d places taken for %d events", held, got.Events)
	}
}

func TestAuditRefuses(t *testing.T) {
	c := newClient(t, Options{})
	c.post("/v1/events", heartbeats(testDevice(1, 1), 0, 3))
	c.post("/v1/events", heartbeats(testDevice(2, 1), 0, 3))
	for _, query := range []string{
		"events?limit=0", "events?limit=10001", "events?limit=x", "events?limit=-1",
		"events?after=x", "events?after=0", "events?after=0.", "events?after=.1", "events?after=00.1", "events?after=0.-1", "events?after=+0.1",
		"events?after=2.0", "events?after=0.4", "events?after=99999999999.0", "events?run=nothing&after=0.1",
		"events?after=0.1&tenant=" + tenantID(2).String(), "events?tenant=" + strings.ToUpper(tenantID(1).String()), "events?tenant=*",
		"events?tennant=x", "events?limit=1&limit=2", "events?run=%00", "events?run=%zz",
		"counts?limit=1", "counts?run=" + strings.Repeat("x", 129), "counts?run=%ff",
	} {
		w := c.do(http.MethodGet, "/v1/audit/"+query, nil)
		if w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), `{"error":"`) {
			t.Errorf("GET %s = %d %s, want 400 and an error", query, w.Code, w.Body)
		}
	}
	// These are at the edge, and right.
	for _, query := range []string{"events?after=0.3", "events?after=1.3", "events?after=1.0&tenant=" + tenantID(2).String()} {
		if w := c.do(http.MethodGet, "/v1/audit/"+query, nil); w.Code != http.StatusOK {
			t.Errorf("GET %s = %d %s, want 200", query, w.Code, w.Body)
		}
	}
}

// Events of all sizes, up to more than a block, come back whole.
func testBlocks(t *testing.T, newClient opener) {
	c := newClient(t, Options{})
	d := testDevice(1, 1)
	want := make(map[event.ID]string)
	for seq := range uint32(60) {
		e := testEvent(d, seq, event.Feedback)
		e.Feedback.Comment = strings.Repeat("x", 1+int(seq*seq*seq)*2)
		e.Has |= event.FieldsOf(event.FeedbackComments)
		want[e.ID] = e.Feedback.Comment
		c.post("/v1/events", encode(d, e))
	}
	docs, _ := c.page("")
	for i := range docs {
		if e := docs[i].Events[0]; e.Feedback.Comment != want[e.ID] {
			t.Errorf("event %d has a comment of %d bytes, want %d", e.Seq, len(e.Feedback.Comment), len(want[e.ID]))
		}
	}
	if len(docs) != len(want) {
		t.Errorf("%d events, want %d", len(docs), len(want))
	}
}
