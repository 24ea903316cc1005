package backend

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"

	"github.com/klauspost/compress/zstd"
)

func TestEveryKindIsCounted(t *testing.T) {
	c := newClient(t, Options{Classifier: phishy{}})
	d := testDevice(1, 1)
	if a := c.post("/v1/enroll", encode(d, testEvent(d, 0, event.Enrolment))); a.Accepted != 1 {
		t.Errorf("enrolment: %+v, want 1 accepted", a)
	}
	var batch []event.Event
	seq := uint32(1)
	for _, k := range event.Kinds()[1:] {
		for range k { // each kind another number of times
			batch = append(batch, testEvent(d, seq, k))
			seq++
		}
	}
	if a := c.post("/v1/events", encode(d, batch...)); a.Accepted != len(batch) || a.Duplicates != 0 {
		t.Errorf("batch: %+v, want %d accepted", a, len(batch))
	}
	if a := c.post("/v1/events/single", encode(d, testEvent(d, seq, event.Heartbeat))); a.Accepted != 1 {
		t.Errorf("single: %+v, want 1 accepted", a)
	}
	want := wire.TenantCounts{Events: int64(seq) + 1, Devices: 1, Enrolled: 1, Kinds: map[string]int64{
		"enrolment": 1, "heartbeat": 1 + 1, "app.info": 2, "app.action": 3, "app.memory": 4, "web.threat": 5, "app.crash": 6,
		"feedback": 7, "diagnostics": 8,
	}}
	got := c.counts("")
	if diff := cmp.Diff(want, got.Total); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
	want.Tenant = tenantID(1).String()
	if diff := cmp.Diff([]wire.TenantCounts{want}, got.Tenants); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
	page := c.do(http.MethodGet, "/metrics", nil).Body.String()
	for _, line := range []string{
		`drover_backend_events_total{kind="diagnostics"} 8`,
		`drover_backend_events_total{kind="heartbeat"} 2`,
		`drover_backend_requests_total{code="200",endpoint="/v1/events"} 1`,
		`drover_backend_requests_total{code="200",endpoint="/v1/enroll"} 1`,
		`drover_backend_request_seconds_count{endpoint="/v1/events"} 1`,
		`drover_backend_stored_events 38`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("/metrics has no line %s", line)
		}
	}
}

func testVerdicts(t *testing.T, newClient opener) {
	d := testDevice(1, 1)
	phish, clean, withheld := testEvent(d, 7, event.WebThreat), testEvent(d, 8, event.WebThreat), testEvent(d, 9, event.WebThreat)
	clean.Web.Host = zoneHost("shop")
	withheld.Web.Host, withheld.Web.Address, withheld.Has = event.ZoneHost{}, event.DocAddress{}, 0
	body := encode(d, phish, testEvent(d, 10, event.Heartbeat), clean, withheld)
	want := []wire.Verdict{{Seq: 7, Known: true, Category: event.Phishing, Score: 0.75}, {Seq: 8, Known: true, Score: 0.25}, {Seq: 9}}
	c := newClient(t, Options{Classifier: phishy{}})
	for _, accepted := range []int{4, 0} { // duplicates are judged too
		a := c.post("/v1/events", body)
		if a.Accepted != accepted || a.Duplicates != 4-accepted {
			t.Errorf("%+v, want %d accepted and %d duplicates", a, accepted, 4-accepted)
		}
		if diff := cmp.Diff(want, a.Verdicts); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
	}
	want = []wire.Verdict{{Seq: 7}, {Seq: 8}, {Seq: 9}}
	if diff := cmp.Diff(want, newClient(t, Options{}).post("/v1/events", body).Verdicts); diff != "" {
		t.Errorf("verdicts without a classifier (-want +got):\n%s", diff)
	}
}

func testIdempotency(t *testing.T, newClient opener) {
	c := newClient(t, Options{Classifier: phishy{}})
	d, other := testDevice(1, 1), testDevice(2, 1)
	other.GUID = d.GUID // and so its events have the same ids
	changed := testEvent(d, 4, event.WebThreat)
	changed.Web.Score = 0.5
	twice := testEvent(d, 5, event.Heartbeat)
	for _, tt := range []struct {
		name string
		run  string
		body []byte
		want wire.Answer
	}{
		{"new", "", encode(d, testEvent(d, 3, event.Heartbeat), testEvent(d, 4, event.WebThreat)), wire.Answer{Accepted: 2, Verdicts: []wire.Verdict{{Seq: 4, Known: true, Category: event.Phishing, Score: 0.75}}}},
		{"one of two again", "", heartbeats(d, 2, 2), wire.Answer{Accepted: 1, Duplicates: 1}},
		{"the same id for another event", "", encode(d, changed), wire.Answer{Refused: []wire.Refusal{{Seq: 4, Reason: idTaken}}}},
		{"twice in one upload", "", encode(d, twice, twice), wire.Answer{Accepted: 1, Duplicates: 1}},
		{"another run", "r2", heartbeats(d, 2, 2), wire.Answer{Accepted: 2}},
		{"another tenant", "", heartbeats(other, 2, 2), wire.Answer{Accepted: 2}},
	} {
		c.run = tt.run
		if diff := cmp.Diff(tt.want, c.post("/v1/events", tt.body), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if held := c.store().held.Load(); held != 8 {
		t.Errorf("%d places taken, want 8", held)
	}
	c.run = ""
	got := c.counts("").Tenants[0]
	if got.Events != 4 || got.Duplicates != 2 || got.Refused != 1 || got.Kinds["web.threat"] != 1 || got.Kinds["heartbeat"] != 3 {
		t.Errorf("counts %+v, want 4 events, 2 duplicates, 1 refused", got)
	}
	if got := c.counts("?run=r2"); got.Run != "r2" || got.Total.Events != 2 || got.Total.Duplicates != 0 {
		t.Errorf("counts of r2 %+v, want 2 events", got)
	}
}

func testEnrolment(t *testing.T, newClient opener) {
	c := newClient(t, Options{})
	d, late := testDevice(1, 1), testDevice(1, 2)
	c.post("/v1/enroll", encode(d, testEvent(d, 0, event.Enrolment)))
	c.post("/v1/enroll", encode(d, testEvent(d, 9, event.Enrolment))) // anew, after the app was installed again
	c.post("/v1/events", heartbeats(d, 1, 4))
	c.post("/v1/events", heartbeats(late, 1, 3))
	c.post("/v1/events", heartbeats(late, 1, 3))
	c.post("/v1/events", encode(late, testEvent(late, 4, event.Enrolment), testEvent(late, 5, event.Heartbeat)))
	got := c.counts("").Total
	if got.Devices != 2 || got.Enrolled != 2 || got.Unenrolled != 3 || got.Kinds["enrolment"] != 3 {
		t.Errorf("counts %+v, want 2 devices, 2 enrolled, 3 events of devices that were not", got)
	}
}

func TestPacked(t *testing.T) {
	c := newClient(t, Options{})
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := testDevice(1, 1)
	doc := heartbeats(d, 0, 5)
	packed := zip(t, doc)
	for _, tt := range []struct {
		name, encoding string
		body           []byte
		code           int
	}{
		{"gzip", "gzip", packed, 200},
		{"in capitals", "GZIP", packed, 200},
		{"identity", "identity", doc, 200},
		{"two members", "gzip", append(zip(t, doc[:100]), zip(t, doc[100:])...), 200},
		{"not gzip", "gzip", doc, 400},
		{"cut", "gzip", packed[:len(packed)-3], 400},
		{"wrong checksum", "gzip", append(packed[:len(packed)-8:len(packed)-8], 1, 2, 3, 4, 5, 6, 7, 8), 400},
		{"empty", "gzip", nil, 400},
		{"packed but not said so", "", packed, 400},
		{"zstd", "zstd", z.EncodeAll(doc, nil), 200},
		{"zstd in two frames", "ZSTD", append(z.EncodeAll(doc[:100], nil), z.EncodeAll(doc[100:], nil)...), 200},
		{"not zstd", "zstd", doc, 400},
		{"zstd cut", "zstd", z.EncodeAll(doc, nil)[:40], 400},
		{"zstd said to be gzip", "gzip", z.EncodeAll(doc, nil), 400},
		{"zstd after one that failed", "zstd", z.EncodeAll(doc, nil), 200},
		{"brotli", "br", doc, 415},
		{"after one that failed", "gzip", packed, 200},
	} {
		if w := c.do("POST", "/v1/events", tt.body, "Content-Encoding: "+tt.encoding); w.Code != tt.code {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.code)
		}
	}
	if got := c.counts("").Total.Events; got != 5 {
		t.Errorf("%d events stored, want 5", got)
	}
}

// A device with a certificate sends its own documents only.
func TestCertificateNamesTheDevice(t *testing.T) {
	h, err := newHandler(Options{})
	if err != nil {
		t.Fatal(err)
	}
	mine, mac := testDevice(1, 1), testDevice(1, 2)
	mac.HasMAC, mac.MAC = true, [6]byte{2, 0, 0, 0, 0, 1}
	for _, tt := range []struct {
		name string
		d    *fleet.Device
		want int
	}{
		{mine.GUID.String(), mine, 200}, {testDevice(1, 3).GUID.String(), mine, 403}, {"", mine, 403}, {"*", mine, 200},
		{"02:00:00:00:00:01", mac, 200}, {mac.GUID.String(), mac, 403},
	} {
		r := httptest.NewRequest("POST", "/v1/events", bytes.NewReader(heartbeats(tt.d, 0, 1)))
		r.Header.Set("Content-Type", "application/json")
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: tt.name}}}}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != tt.want {
			t.Errorf("certificate %q: %d %s, want %d", tt.name, w.Code, w.Body, tt.want)
		}
	}
}

func zstdOf(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(b, nil)
}

func TestSizeLimits(t *testing.T) {
	c := newClient(t, Options{})
	doc := heartbeats(testDevice(1, 1), 0, 1)
	pad := func(n int) []byte { return append(bytes.Repeat([]byte(" "), n-len(doc)), doc...) }
	for _, tt := range []struct {
		name     string
		body     []byte
		encoding string
		code     int
	}{
		{"as large as may be", pad(maxBody), "", 200},
		{"one byte more", pad(maxBody + 1), "", 413},
		{"unpacks to as much as may be", zip(t, pad(maxPlain)), "gzip", 200},
		{"a gzip bomb", zip(t, pad(maxPlain+1)), "gzip", 413},
		{"unpacks from zstd to as much as may be", zstdOf(t, pad(maxPlain)), "zstd", 200},
		{"a zstd bomb", zstdOf(t, pad(maxPlain+1)), "zstd", 413},
		{"a zstd bomb that does not say its size", append(zstdOf(t, pad(maxPlain)), zstdOf(t, pad(1<<10))...), "zstd", 413},
	} {
		if w := c.do("POST", "/v1/events", tt.body, "Content-Encoding: "+tt.encoding); w.Code != tt.code {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.code)
		}
	}
	// A body of unknown length is cut off where it is too long.
	r, err := http.NewRequest("POST", "/v1/events", struct{ *bytes.Reader }{bytes.NewReader(pad(maxBody + 1))})
	if err != nil {
		t.Fatal(err)
	}
	sc := new(scratch)
	r.Header.Set("Content-Type", "application/json")
	if r.ContentLength > 0 {
		t.Fatalf("ContentLength = %d, want it unknown", r.ContentLength)
	}
	if _, err := sc.read(&call{r: r}, "application/json"); err != errTooLarge {
		t.Errorf("read of a chunked body = %v, want %v", err, errTooLarge)
	}
}

// What does not fit is refused as a whole, duplicates take no room, and a full backend stays as small as it is.
func testFull(t *testing.T, newClient opener) {
	c := newClient(t, Options{MaxEvents: 5})
	d := testDevice(1, 1)
	c.post("/v1/events", heartbeats(d, 0, 4))
	if w := c.do("POST", "/v1/events", heartbeats(d, 3, 3)); w.Code != http.StatusInsufficientStorage {
		t.Errorf("two more where one fits: %d, want 507", w.Code)
	}
	if a := c.post("/v1/events", heartbeats(d, 3, 2)); a.Accepted != 1 || a.Duplicates != 1 {
		t.Errorf("the last: %+v, want 1 accepted and 1 duplicate", a)
	}
	if a := c.post("/v1/events", heartbeats(d, 0, 5)); a.Duplicates != 5 {
		t.Errorf("all again: %+v, want 5 duplicates", a)
	}
	c.run = "another"
	if w := c.do("POST", "/v1/events", heartbeats(d, 0, 1)); w.Code != http.StatusInsufficientStorage {
		t.Errorf("another run: %d, want 507", w.Code)
	}
	if n := len(c.store().runs); n != 1 {
		t.Errorf("a refused upload has made a run: %d, want 1", n)
	}
	c.run = ""
	if got := c.counts("").Total; got.Events != 5 || got.Duplicates != 6 {
		t.Errorf("counts %+v, want 5 events and 6 duplicates", got)
	}
}

func TestRefusals(t *testing.T) {
	c := newClient(t, Options{})
	d := testDevice(1, 1)
	doc := heartbeats(d, 0, 1)
	for _, tt := range []struct {
		name, method, target string
		body                 []byte
		header               string
		code                 int
		want                 string
	}{
		{"no such path", "GET", "/v2/events", nil, "", 404, `{"error":"no such path"}`},
		{"a path below", "POST", "/v1/events/", doc, "", 404, `{"error":"no such path"}`},
		{"wrong method", "GET", "/v1/events", nil, "", 405, `{"error":"want method POST"}`},
		{"wrong method of an audit", "POST", "/v1/audit/counts", doc, "", 405, `{"error":"want method GET"}`},
		{"form", "POST", "/v1/events", doc, "Content-Type: application/x-www-form-urlencoded", 415, `{"error":"want Content-Type: application/json"}`},
		{"another character set", "POST", "/v1/events", doc, "Content-Type: application/json; charset=latin1", 415, `{"error":"want Content-Type: application/json"}`},
		{"no body", "POST", "/v1/events", nil, "", 400, `{"error":"want an object","offset":0}`},
		{"unknown field", "POST", "/v1/events", bytes.Replace(doc, []byte(`"seq"`), []byte(`"sequence"`), 1), "", 400,
			`{"error":"unknown field","field":"events[0].sequence","offset":` + offset(doc, `"seq"`) + `}`},
		{"run", "POST", "/v1/events", doc, "X-Drover-Run: " + strings.Repeat("r", 129), 400, `{"error":"want a name of a run with at most 128 printable ASCII characters"}`},
		{"two events where one is wanted", "POST", "/v1/events/single", heartbeats(d, 0, 2), "", 400,
			`{"error":"want exactly one event here; many go to /v1/events","field":"events","offset":0}`},
		{"two enrolments", "POST", "/v1/enroll", heartbeats(d, 0, 2), "", 400,
			`{"error":"want exactly one event here; many go to /v1/events","field":"events","offset":0}`},
		{"no enrolment", "POST", "/v1/enroll", doc, "", 400,
			`{"error":"want enrolment here; others go to /v1/events","field":"events[0].kind","offset":0}`},
	} {
		w := c.do(tt.method, tt.target, tt.body, strings.Split(tt.header, "\n")...)
		if w.Code != tt.code || w.Body.String() != tt.want {
			t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, w.Body, tt.code, tt.want)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q, want application/json", tt.name, got)
		}
		if got, want := w.Header().Get("Allow"), map[bool]string{true: strings.TrimSuffix(strings.TrimPrefix(tt.want, `{"error":"want method `), `"}`)}[tt.code == 405]; got != want {
			t.Errorf("%s: Allow %q, want %q", tt.name, got, want)
		}
	}
	if got := c.counts("").Total.Events; got != 0 {
		t.Errorf("%d events stored, want 0", got)
	}
	page := c.do("GET", "/metrics", nil).Body.String()
	if want := `drover_backend_requests_total{code="404",endpoint="unknown"} 2`; !strings.Contains(page, want) {
		t.Errorf("/metrics has no line %s", want)
	}
}

func offset(doc []byte, s string) string {
	b, _ := json.Marshal(bytes.Index(doc, []byte(s)))
	return string(b)
}

func TestHealth(t *testing.T) {
	c := newClient(t, Options{Secret: []byte("s")})
	for _, method := range []string{"GET", "HEAD"} {
		if w := c.do(method, "/healthz", nil); w.Code != 200 || w.Header().Get("Content-Length") != "15" {
			t.Errorf("%s /healthz = %d %v, want 200 without a token", method, w.Code, w.Header())
		}
	}
}

// A run's name may stand in the query of an audit or in the header, and the query goes first.
func testRunNames(t *testing.T, newClient opener) {
	c := newClient(t, Options{})
	c.run = "smoke-20260504T0000Z 1"
	c.post("/v1/events", heartbeats(testDevice(1, 1), 0, 2))
	for query, want := range map[string]int64{"": 2, "?run=default": 0, "?run=smoke-20260504T0000Z+1": 2} {
		if got := c.counts(query).Total.Events; got != want {
			t.Errorf("counts%s = %d events, want %d", query, got, want)
		}
	}
}

func FuzzIngest(f *testing.F) {
	d := testDevice(1, 1)
	f.Add("/v1/events", "zstd", "default", []byte("\x28\xb5\x2f\xfd\x04\x00"))
	f.Add("/v1/events", "gzip", "default", heartbeats(d, 0, 2))
	f.Add("/v1/enroll", "", "r", encode(d, testEvent(d, 0, event.Enrolment)))
	f.Add("/v1/events/single", "", "", encode(d, testEvent(d, 0, event.WebThreat)))
	f.Fuzz(func(t *testing.T, path, encoding, run string, body []byte) {
		if _, ok := endpoints[path]; !ok {
			t.Skip()
		}
		c := newClient(t, Options{Classifier: phishy{}, MaxEvents: 10})
		w := c.do("POST", path, body, "Content-Encoding: "+encoding, "X-Drover-Run: "+run)
		if w.Code == 500 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var a wire.Answer
		if w.Code != 200 {
			return
		}
		if err := wire.DecodeAnswer(w.Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if again := c.do("POST", path, body, "Content-Encoding: "+encoding, "X-Drover-Run: "+run); again.Code != 200 {
			t.Fatalf("the same again: %d %s", again.Code, again.Body)
		}
	})
}
