package target

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/net/http2"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"drover/sim/measure"
)

// grpcModes are the ways to call: below it is HTTP/2.
var grpcModes = []mode{http2Modes[0], http2Modes[1], http2Modes[2]}

func eachCaller(t *testing.T, test func(t *testing.T, m mode)) {
	for _, m := range grpcModes {
		t.Run("grpc"+strings.TrimPrefix(m.name, "http2"), func(t *testing.T) { test(t, m) })
	}
}

// grpcURL is the URL of gRPC at one of HTTP.
func grpcURL(url string) string { return "grpc" + strings.TrimPrefix(url, "http") }

const exportMethod = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// caller returns a target of gRPC at a backend of HTTP/2.
func (m mode) caller(t *testing.T, url string, opt HTTPOptions) *client {
	t.Helper()
	opt.URL, opt.Paths[measure.Upload] = grpcURL(url), exportMethod
	return m.open(t, opt)
}

// framed is a message as it is on the wire.
func framed(packed byte, message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{packed}, uint32(len(message)))) + message
}

// retryDetails is the detail that tells a client when to come back, among others, as the libraries of gRPC write it.
func retryDetails(t *testing.T, after time.Duration) string {
	t.Helper()
	field := func(dst []byte, n protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(dst, n, protowire.BytesType), v)
	}
	detail := func(name string, value []byte) string {
		return string(field(field(nil, 1, "type.googleapis.com/google.rpc."+name), 2, string(value)))
	}
	delay, err := proto.Marshal(durationpb.New(after))
	if err != nil {
		t.Fatal(err)
	}
	status := field(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 14), 2, "busy")
	status = field(status, 3, detail("DebugInfo", field(nil, 2, "x")))
	status = field(status, 3, detail("RetryInfo", field(nil, 1, string(delay))))
	return base64.RawStdEncoding.EncodeToString(status)
}

// called is how three calls in a row end.
type called struct {
	timeout time.Duration
	class   measure.Class
	status  int
	opened  int64 // connections for three uploads; 0: any number
	body    string
	final   bool
	after   time.Duration
	err     string // a part of the error; "" is any
}

// TestConformanceGRPC makes three calls in a row at backends of every temper.
func TestConformanceGRPC(t *testing.T) { eachCaller(t, testConformanceGRPC) }

func testConformanceGRPC(t *testing.T, m mode) {
	head := []string{":status", "200", "content-type", "application/grpc"}
	alone := func(fields ...string) func(*speaker) bool { // trailers alone
		return func(s *speaker) bool { return s.head(true, append(head[:4:4], fields...)...) == nil }
	}
	whole := func(body string, trailers ...string) func(*speaker) bool {
		return func(s *speaker) bool {
			return s.head(false, append(head[:4:4], "grpc-encoding", "gzip")...) == nil && s.data(false, body) == nil && s.head(true, trailers...) == nil
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "hi ho")
	z.Close()
	zs, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zstded := framed(1, string(zs.EncodeAll([]byte("hi ho"), nil)))
	for _, tt := range []struct {
		name  string
		reply func(*speaker) bool
		want  called
	}{
		{"accepts", whole(framed(0, "hi"), "grpc-status", "0"), called{class: measure.OK, status: 200, opened: 1, body: "hi"}},
		{"accepts with an empty message", whole(framed(0, ""), "grpc-status", "0"), called{class: measure.OK, status: 200, opened: 1}},
		{"accepts, compressed", whole(framed(1, packed.String()), "grpc-status", "0"), called{class: measure.OK, status: 200, opened: 1, body: "hi ho"}},
		{"accepts, in zstd", func(s *speaker) bool {
			return s.head(false, append(head[:4:4], "grpc-encoding", "zstd")...) == nil && s.data(false, zstded) == nil && s.head(true, "grpc-status", "0") == nil
		}, called{class: measure.OK, status: 200, opened: 1, body: "hi ho"}},
		{"accepts in parts", func(s *speaker) bool {
			return s.head(false, head...) == nil && s.data(false, framed(0, "hi")[:3]) == nil && s.data(false, framed(0, "hi")[3:]) == nil && s.head(true, "grpc-status", "0", "grpc-message", "") == nil
		}, called{class: measure.OK, status: 200, opened: 1, body: "hi"}},
		{"is not authenticated", alone("grpc-status", "16", "grpc-message", "no token%3A %C3%A9"), called{class: measure.Status401, status: 16, opened: 1, final: true, err: "call URL" + exportMethod + ": UNAUTHENTICATED (16): no token: é"}},
		{"is not permitted", alone("grpc-status", "7"), called{class: measure.Status401, status: 7, opened: 1, final: true}},
		{"is unavailable", alone("grpc-status", "14", "grpc-message", "100%"), called{class: measure.Status5xx, status: 14, opened: 1, err: "UNAVAILABLE (14): 100%"}},
		{"is unavailable for a while", alone("grpc-status", "14", "grpc-status-details-bin", retryDetails(t, 1500*time.Millisecond)), called{class: measure.Status5xx, status: 14, opened: 1, after: 1500 * time.Millisecond}},
		{"is unavailable for ever", alone("grpc-status", "14", "grpc-status-details-bin", retryDetails(t, 1e6*time.Hour)+"=="), called{class: measure.Status5xx, status: 14, opened: 1, after: maxRetryAfter}},
		{"says nonsense about when", alone("grpc-status", "14", "grpc-status-details-bin", "CA4SBGJ1c3kaAg"), called{class: measure.Status5xx, status: 14, opened: 1}},
		{"is exhausted for a while", alone("grpc-status", "8", "grpc-status-details-bin", retryDetails(t, time.Second)), called{class: measure.Status429, status: 8, opened: 1, after: time.Second}},
		{"is exhausted", alone("grpc-status", "8", "grpc-message", "quota"), called{class: measure.Status429, status: 8, opened: 1, final: true}},
		{"finds it too large", alone("grpc-status", "8", "grpc-message", "grpc: received message larger than max (9 vs. 4)"), called{class: measure.Status413, status: 8, opened: 1, final: true}},
		{"runs out of time", alone("grpc-status", "4"), called{class: measure.Timeout, status: 0, opened: 1, err: "DEADLINE_EXCEEDED (4)"}},
		{"finds it malformed", alone("grpc-status", "3"), called{class: measure.Status400, status: 3, opened: 1, final: true}},
		{"has no such method", alone("grpc-status", "12"), called{class: measure.Status400, status: 12, opened: 1, final: true}},
		{"breaks", alone("grpc-status", "13"), called{class: measure.Status5xx, status: 13, opened: 1, final: true}},
		{"aborts", alone("grpc-status", "10"), called{class: measure.Status5xx, status: 10, opened: 1}},
		{"refuses after a message", whole(framed(0, "hi"), "grpc-status", "9"), called{class: measure.Status400, status: 9, opened: 1, final: true}},
		{"has a code of its own", alone("grpc-status", "17"), called{class: measure.BadAnswer, status: 17, opened: 1, final: true, err: "code 17"}},
		{"is a proxy in trouble", func(s *speaker) bool { return s.head(true, ":status", "503", "retry-after", "7") == nil }, called{class: measure.Status5xx, status: 14, opened: 1, after: 7 * time.Second, err: "UNAVAILABLE (14): status 503 of HTTP"}},
		{"is a proxy that wants a token", func(s *speaker) bool {
			return s.head(false, ":status", "401") == nil && s.data(true, "who are you?") == nil
		}, called{class: measure.Status401, status: 16, opened: 1, final: true}},
		{"does not speak gRPC", func(s *speaker) bool {
			return s.head(false, ":status", "200", "content-type", "text/html") == nil && s.data(true, "<p>hi") == nil
		}, called{class: measure.BadAnswer, opened: 1, err: "no grpc-status"}},
		{"has no such page", func(s *speaker) bool { return s.head(true, ":status", "404") == nil }, called{class: measure.Status400, status: 12, opened: 1, final: true}},
		{"gives a code that is no number", alone("grpc-status", "OK"), called{class: measure.BadAnswer, opened: 1}},
		{"forgets its message", alone("grpc-status", "0"), called{class: measure.BadAnswer, opened: 1, err: "not one message"}},
		{"forgets its code", func(s *speaker) bool { return s.head(false, head...) == nil && s.data(true, framed(0, "hi")) == nil }, called{class: measure.BadAnswer, opened: 1, err: "no grpc-status"}},
		{"cuts its message", whole(framed(0, "hi")[:6], "grpc-status", "0"), called{class: measure.BadAnswer, opened: 1}},
		{"gives two messages", whole(framed(0, "hi")+framed(0, "ho"), "grpc-status", "0"), called{class: measure.BadAnswer, opened: 1}},
		{"compresses by nobody knows what", func(s *speaker) bool {
			return s.head(false, append(head[:4:4], "grpc-encoding", "br")...) == nil && s.data(false, framed(1, "hi")) == nil && s.head(true, "grpc-status", "0") == nil
		}, called{class: measure.BadAnswer, opened: 1, err: "compressed by"}},
		{"says that it compresses", whole(framed(1, "hi"), "grpc-status", "0"), called{class: measure.BadAnswer, opened: 1, err: "gzip"}},
		{"goes on and on", func(s *speaker) bool {
			return s.head(false, head...) == nil && s.data(false, framed(0, strings.Repeat("x", 1<<20))) == nil && s.head(true, "grpc-status", "0") == nil
		}, called{class: measure.BadAnswer, status: 200, err: "longer than"}},
		{"closes without a word", func(s *speaker) bool { return false }, called{class: measure.Reset, opened: 3}},
		{"closes before its trailers", func(s *speaker) bool { return s.head(false, head...) == nil && s.data(false, framed(0, "hi")) != nil }, called{class: measure.Reset, opened: 3}},
		{"resets the connection", func(s *speaker) bool { s.reset(); return false }, called{class: measure.Reset, opened: 3}},
		{"resets the call", func(s *speaker) bool { return s.WriteRSTStream(s.id, http2.ErrCodeInternal) == nil }, called{class: measure.Reset, opened: 1}},
		{"refuses the call", func(s *speaker) bool { return s.WriteRSTStream(s.id, http2.ErrCodeRefusedStream) == nil }, called{class: measure.Reset, opened: 1}},
		{"goes away", func(s *speaker) bool { s.WriteGoAway(0, http2.ErrCodeNo, nil); return false }, called{class: measure.Reset, opened: 3}},
		{"stalls", func(s *speaker) bool { return true }, called{timeout: hasty, class: measure.Timeout, err: "no whole answer within"}},
		{"stalls before its trailers", func(s *speaker) bool { return s.head(false, head...) == nil && s.data(false, framed(0, "hi")) == nil }, called{timeout: hasty, class: measure.Timeout}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.want.timeout == 0 {
				tt.want.timeout = patient
			}
			url := m.speak(t, tt.reply)
			open := func() *client { return m.caller(t, url, HTTPOptions{Client: Client{Timeout: tt.want.timeout}}) }
			m.thrice(t, open, tt.want.opened, func(h *client, i int) {
				ans, w := send(h), tt.want
				if ans.Class != w.class || ans.Status != w.status || string(ans.Body) != w.body && w.err != "longer than" || ans.Final != w.final || ans.RetryAfter != w.after {
					t.Errorf("call %d: class %v, status %d, body %.20q, final %t, after %v; want %+v; %v", i, ans.Class, ans.Status, ans.Body, ans.Final, ans.RetryAfter, w, ans.Err)
				}
				if text := strings.ReplaceAll(fmt.Sprint(ans.Err), grpcURL(url), "URL"); (ans.Err == nil) != (w.class == measure.OK) || !strings.Contains(text, w.err) {
					t.Errorf("call %d: %v with class %v, want %q", i, ans.Err, ans.Class, w.err)
				}
			})
		})
	}
}

// collector answers calls as net/http lets it: the other half is speak.
func collector(t *testing.T, w http.ResponseWriter, r *http.Request, code int, details string, answer string) (message string) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) < 5 || int(binary.BigEndian.Uint32(body[1:])) != len(body)-5 || (body[0] == 1) != (r.Header.Get("Grpc-Encoding") != "") {
		t.Errorf("a call of %d bytes, %.5q: %v", len(body), body, err)
		return ""
	}
	message = string(body[5:])
	var z io.Reader
	switch r.Header.Get("Grpc-Encoding") {
	case "gzip":
		z, err = gzip.NewReader(strings.NewReader(message))
	case "zstd":
		z, err = zstd.NewReader(strings.NewReader(message))
	}
	if err == nil && z != nil {
		body, err = io.ReadAll(z)
		message = string(body)
	}
	if err != nil {
		t.Error(err)
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Status-Details-Bin")
	if code == 0 {
		io.WriteString(w, framed(0, answer))
	}
	w.Header().Set("Grpc-Status", fmt.Sprint(code))
	if details != "" {
		w.Header().Set("Grpc-Status-Details-Bin", details)
	}
	return message
}

// What a backend sees of a call.
func TestCall(t *testing.T) { eachCaller(t, testCall) }

func testCall(t *testing.T, m mode) {
	type seen struct{ method, path, ctype, te, timeout, encoding, auth, run, key, own, message string }
	got := make(chan seen, 1)
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
		g := r.Header.Get
		got <- seen{r.Method, r.URL.Path, g("Content-Type"), g("Te"), g("Grpc-Timeout"), g("Grpc-Encoding"), g("Authorization"), g("X-Drover-Run"), g("X-Key"), g("X-Own"), collector(t, w, r, 0, "", "yes")}
	})
	for _, compress := range []string{"", "gzip", "zstd"} {
		h := m.caller(t, s.URL, HTTPOptions{Client: Client{Compression: compress, Timeout: patient}, Run: "r1", KeyHeader: "X-Key", Tokens: func(tenant int) string { return fmt.Sprint("token-", tenant) }})
		for i := range 3 { // what is used again is
			want := seen{"POST", exportMethod, "application/grpc", "trailers", "20000m", compress, "Bearer token-7", "r1", "k", "yes", strings.Repeat("body", 1000*i)}
			var ans Answer
			h.Send(context.Background(), &Request{Op: measure.Upload, Body: []byte(want.message), Tenant: 7, Key: []byte("k"), Header: []byte("X-Own: yes\r\n")}, &ans)
			if ans.Class != measure.OK || string(ans.Body) != "yes" {
				t.Fatalf("class %v, %q, %v", ans.Class, ans.Body, ans.Err)
			}
			if g := <-got; g != want {
				t.Errorf("compression %q: the backend saw %.300v, want %.300v", compress, g, want)
			}
		}
	}
}

// A backend that vanishes and comes back where it was is found again, with nothing between.
func TestGRPCComesBack(t *testing.T) { eachCaller(t, testGRPCComesBack) }

func testGRPCComesBack(t *testing.T, m mode) {
	up := func(at string) *http.Server {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { collector(t, w, r, 0, "", "") })}
		s.Protocols.SetHTTP2(true)
		s.Protocols.SetUnencryptedHTTP2(true)
		s.Addr = l.Addr().String()
		var served sync.WaitGroup
		served.Go(func() {
			if m.secure {
				s.TLSConfig = m.serverTLS()
				s.ServeTLS(l, "", "")
			} else {
				s.Serve(l)
			}
		})
		t.Cleanup(func() { s.Close(); served.Wait() })
		return s
	}
	first := up("127.0.0.1:0")
	scheme := "http://"
	if m.secure {
		scheme = "https://"
	}
	h := m.caller(t, scheme+first.Addr, HTTPOptions{Client: Client{Timeout: patient}})
	if ans := send(h); ans.Class != measure.OK {
		t.Fatalf("%v, %v", ans.Class, ans.Err)
	}
	first.Close()
	for range 3 { // the first may still go over the old connection
		if ans := send(h); ans.Class != measure.ConnectRefused && ans.Class != measure.Reset {
			t.Errorf("while it is gone: %v, %v", ans.Class, ans.Err)
		}
	}
	var u *UnreachableError
	if err := h.Preflight(context.Background()); !errors.As(err, &u) || !strings.Contains(err.Error(), "call "+grpcURL(scheme+first.Addr)+exportMethod+": connection refused; is the server up") {
		t.Errorf("Preflight = %v, want that it is unreachable", err)
	}
	up(first.Addr)
	if ans := send(h); ans.Class != measure.OK {
		t.Errorf("when it is back: %v, %v", ans.Class, ans.Err)
	}
	if err := h.Preflight(context.Background()); err != nil {
		t.Errorf("Preflight = %v", err)
	}
}

// A token that was good and is refused now is fetched anew, and drover's own faults strike calls, too.
func TestGRPCTokensAndFaults(t *testing.T) {
	m := grpcModes[0]
	var revoked string
	var mu sync.Mutex
	a := &tokens{expires: `,"expires_in":3600`}
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		code := 0
		if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); token == revoked {
			code = 16
		}
		if message := collector(t, w, r, code, "", ""); len(message) > 9<<20 {
			w.Header().Set("Grpc-Status", "8")
		}
	})
	issuer := mode{}.serve(t, a.ServeHTTP)
	h := m.caller(t, s.URL, HTTPOptions{OAuth2: &OAuth2{TokenURL: issuer.URL + "/token", Secret: "s3cret", Scope: "a b", Clients: func(_, device int) string { return "d" }}})
	for i, want := range []measure.Class{measure.OK, measure.Status401, measure.OK} {
		if i == 1 {
			mu.Lock()
			revoked = "d-1"
			mu.Unlock()
		}
		if ans := send(h); ans.Class != want || ans.Again != (i == 1) {
			t.Errorf("call %d: %v, again %t, %v; want %v", i, ans.Class, ans.Again, ans.Err, want)
		}
	}
	for _, tt := range []struct {
		fault  Faults
		class  measure.Class
		status int
		struck Fault
	}{
		{Faults{DropResponse: 1}, measure.Reset, 0, DropResponse},
		{Faults{Oversized: 1}, measure.Status429, 8, Oversized},
		{Faults{Malformed: 1}, measure.OK, 200, Malformed}, // to who does not look into the message
		{Faults{Reset: 1}, measure.Reset, 0, NumFaults},
	} {
		h := m.caller(t, s.URL, HTTPOptions{Faults: &tt.fault, Client: Client{Timeout: patient}})
		for range 3 {
			if ans := send(h); ans.Class != tt.class || ans.Status != tt.status {
				t.Errorf("%+v: %v, %d, %v; want %v, %d", tt.fault, ans.Class, ans.Status, ans.Err, tt.class, tt.status)
			}
		}
		got := h.Struck()
		if n := got.Faults[ResetBefore] + got.Faults[ResetWithin]; tt.struck == NumFaults && n != 3 || tt.struck < NumFaults && got.Faults[tt.struck] != 3 {
			t.Errorf("%+v: %+v struck", tt.fault, got)
		}
	}
}

func TestGRPCOptions(t *testing.T) {
	proxy, _ := url.Parse("http://127.0.0.1:1")
	for _, tt := range []struct {
		opt  HTTPOptions
		want string
	}{
		{HTTPOptions{URL: "grpc://127.0.0.1/v1"}, "without a path"},
		{HTTPOptions{URL: "grpc://127.0.0.1", Client: Client{Proxy: proxy}}, "no proxy"},
		{HTTPOptions{URL: "grpcs://192.0.2.1"}, "not on this machine"},
	} {
		if _, err := NewHTTP(tt.opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.opt.URL, err, tt.want)
		}
	}
	h := newHTTP(t, HTTPOptions{URL: "grpcs://[::1]", Paths: [measure.NumOps]string{measure.Upload: exportMethod}})
	if at := h.addr(); at != "[::1]:4317" {
		t.Errorf("without a port it is %s", at)
	}
}
