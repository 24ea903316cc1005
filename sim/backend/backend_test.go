package backend

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"drover/sim/classify"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

// phishy finds a threat in every host that says so.
type phishy struct{}

func (phishy) Classify(url []byte) classify.Verdict {
	if bytes.Contains(url, []byte("phish")) {
		return classify.Verdict{Category: event.Phishing, Score: 0.75}
	}
	return classify.Verdict{Category: event.Benign, Score: 0.25}
}

func tenantID(n byte) fleet.GUID { return fleet.GUID{0: 0xaa, 15: n} }

// testDevice is device n of a tenant.
func testDevice(tenant, n byte) *fleet.Device {
	return &fleet.Device{
		GUID: fleet.GUID{0: tenant, 1: n}, TenantID: tenantID(tenant), UPN: fleet.NewUPN("u@contoso.example"),
		Model: &fleet.Model{ID: "iPhone15,2", SoC: "A16 Bionic", Arch: "arm64e", Cores: 6},
		OS:    &fleet.Release{Version: "26.4.2", Build: "23E261"}, App: "1.1.50010101", Locale: "de-DE",
	}
}

// testEvent is event seq of a device: a sound one of its kind.
func testEvent(d *fleet.Device, seq uint32, kind event.Kind) event.Event {
	doc := zoneHost("phish")
	return event.Event{
		ID: event.ID{0: d.GUID[0], 1: d.GUID[1], 12: byte(seq >> 16), 13: byte(seq >> 8), 14: byte(seq), 15: 1}, Seq: seq, Kind: kind,
		Has:      kind.Fields() &^ event.FieldsOf(event.WebConnection, event.WebProtocol, event.FeedbackEmail, event.FeedbackComments),
		At:       time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC).Add(time.Duration(seq) * time.Second),
		App:      event.App{UpgradeStatus: "unchanged"},
		Action:   "sign_in",
		Mem:      event.MemoryUse{AppKiB: 80000, AppPeakKiB: 90000, ExtensionKiB: 14000, ExtensionLimitKiB: 51200},
		Web:      event.Web{Host: zoneHost("phish"), Address: doc.Address(), Verdict: event.Phishing, Score: 0.9},
		Crash:    event.CrashReport{Process: "Defender", Exception: "EXC_CRASH", Signal: "SIGABRT", Reason: "sigabrt"},
		Feedback: event.Comment{Type: "idea"},
	}
}

func zoneHost(name string) event.ZoneHost {
	h, err := event.Zone{}.Host([]byte(name))
	if err != nil {
		panic(err)
	}
	return h
}

func encode(d *fleet.Device, events ...event.Event) []byte {
	b := wire.Native.Begin(nil, d, event.AllFields)
	for i := range events {
		b = wire.Native.Event(b, i, d, &events[i])
	}
	return wire.Native.End(b, 0)
}

// heartbeats is an upload of events from..from+n-1.
func heartbeats(d *fleet.Device, from, n uint32) []byte {
	var events []event.Event
	for seq := from; seq < from+n; seq++ {
		events = append(events, testEvent(d, seq, event.Heartbeat))
	}
	return encode(d, events...)
}

func zip(t *testing.T, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// client talks to a handler without a socket; each test of the conformance also holds for Start's server, which only adds
// one (TestServer).
type client struct {
	t     *testing.T
	h     http.Handler
	token string
	run   string
}

func newClient(t *testing.T, opt Options) *client {
	t.Helper()
	h, err := newHandler(opt)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, h: h}
}

// do sends a request; headers are given as "Name: value" and replace the client's own.
func (c *client) do(method, target string, body []byte, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.run != "" {
		r.Header.Set("X-Drover-Run", c.run)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w
}

// post wants a 200 and returns the answer.
func (c *client) post(path string, body []byte) wire.Answer {
	c.t.Helper()
	w := c.do(http.MethodPost, path, body)
	var a wire.Answer
	if w.Code != http.StatusOK {
		c.t.Fatalf("POST %s: %d %s, want 200", path, w.Code, w.Body)
	}
	if err := wire.DecodeAnswer(w.Body.Bytes(), &a); err != nil {
		c.t.Fatalf("POST %s: %s: %v", path, w.Body, err)
	}
	return a
}

func (c *client) counts(query string) wire.Counts {
	c.t.Helper()
	w := c.do(http.MethodGet, "/v1/audit/counts"+query, nil)
	var counts wire.Counts
	if w.Code != http.StatusOK {
		c.t.Fatalf("counts: %d %s, want 200", w.Code, w.Body)
	}
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&counts); err != nil {
		c.t.Fatal(err)
	}
	return counts
}

func TestServer(t *testing.T) {
	for _, addr := range []string{"", ":0", "127.0.0.1:0"} {
		s, err := Start(context.Background(), Options{Addr: addr, Classifier: phishy{}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
			t.Errorf("URL with address %q = %s, want one on 127.0.0.1", addr, s.URL())
		}
		tr := &http.Transport{}
		hc := &http.Client{Transport: tr}
		r, err := hc.Post(s.URL()+"/v1/events", "application/json", bytes.NewReader(heartbeats(testDevice(1, 1), 0, 3)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != 200 || string(b) != `{"accepted":3,"duplicates":0}` {
			t.Errorf("POST /v1/events = %d %s %v", r.StatusCode, b, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second Close = %v", err)
		}
		if r, err := hc.Get(s.URL() + "/healthz"); err == nil {
			r.Body.Close()
			t.Errorf("the backend answers after Close")
		}
		tr.CloseIdleConnections()
	}
}

// The same backend over TLS, in both versions of HTTP, and over plain HTTP/2.
func TestServerProtocols(t *testing.T) {
	id := httptest.NewTLSServer(nil)
	id.Close()
	for _, tt := range []struct {
		secure, http2 bool
	}{{false, true}, {true, false}, {true, true}} {
		var opt Options
		tr := &http.Transport{Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(!tt.http2)
		tr.Protocols.SetHTTP2(tt.http2)
		tr.Protocols.SetUnencryptedHTTP2(tt.http2)
		scheme := "http://127.0.0.1:"
		if tt.secure {
			scheme = "https://127.0.0.1:"
			opt.TLS = &tls.Config{Certificates: id.TLS.Certificates}
			tr.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
			tr.TLSClientConfig.RootCAs.AddCert(id.Certificate())
		}
		s, err := Start(context.Background(), opt)
		if err != nil {
			t.Fatal(err)
		}
		r, err := (&http.Client{Transport: tr}).Post(s.URL()+"/v1/events", "application/json", bytes.NewReader(heartbeats(testDevice(1, 1), 0, 3)))
		if err != nil {
			t.Fatalf("%+v: %v", tt, err)
		}
		r.Body.Close()
		if r.StatusCode != 200 || (r.ProtoMajor == 2) != tt.http2 || !strings.HasPrefix(s.URL(), scheme) {
			t.Errorf("%+v at %s: %d over %s", tt, s.URL(), r.StatusCode, r.Proto)
		}
		tr.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Errorf("%+v: Close = %v", tt, err)
		}
	}
}

// A run that is interrupted still wants its answers.
func TestServerOutlivesTheContextOfItsStart(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cancel()
	r, err := http.Get(s.URL() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	http.DefaultClient.CloseIdleConnections()
}

// Close waits for a request that is under way and lets it have its answer.
func TestCloseIsGraceful(t *testing.T) {
	s, err := Start(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	body := heartbeats(testDevice(1, 1), 0, 1)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// With Expect the server asks for the body, and so shows that the request is under way.
	io.WriteString(conn, "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
	want := "HTTP/1.1 100 Continue\r\n\r\n"
	if got, err := io.ReadAll(io.LimitReader(conn, int64(len(want)))); err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	for { // until the listener is gone, and so Close is at work
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
		if err != nil {
			break
		}
		c.Close()
	}
	w := httptest.NewRequest("POST", "/", nil) // only for its chunked writer
	w.TransferEncoding, w.Body, w.ContentLength = []string{"chunked"}, io.NopCloser(bytes.NewReader(body)), -1
	var raw bytes.Buffer
	if err := w.Write(&raw); err != nil {
		t.Fatal(err)
	}
	_, chunks, _ := strings.Cut(raw.String(), "\r\n\r\n")
	io.WriteString(conn, chunks)
	got, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200 OK") || !strings.HasSuffix(string(got), `{"accepted":1,"duplicates":0}`) {
		t.Errorf("the request under way got %q, %v", got, err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestStartRefuses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, tt := range []struct {
		opt  Options
		want string
	}{
		{Options{Addr: ln.Addr().String()}, "start the backend: listen tcp " + ln.Addr().String()},
		{Options{Addr: "localhost"}, `backend address "localhost": want host:port`},
		{Options{Secret: []byte{}}, "the backend's secret is empty"},
		{Options{MaxEvents: -1}, "the backend cannot store at most -1 events"},
	} {
		if s, err := Start(context.Background(), tt.opt); err == nil {
			s.Close()
			t.Errorf("Start(%+v) = nil, want %q", tt.opt, tt.want)
		} else if !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Start(%+v) = %q, want %q", tt.opt, err, tt.want)
		}
	}
}
