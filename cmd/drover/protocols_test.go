package main

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// variant is a file like quick with one text in place of another.
func variant(t *testing.T, pairs ...string) string {
	t.Helper()
	src, err := os.ReadFile(quick(t))
	if err != nil {
		t.Fatal(err)
	}
	text := string(src)
	for pair := range slices.Chunk(pairs, 2) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("quick.yaml has no %q", pair[0])
		}
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	file := filepath.Join(t.TempDir(), "variant.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestProtocols sends in every way there is to the embedded backend: each must lose nothing.
func TestProtocols(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(relay))
	defer proxy.Close()
	const client = "client: {timeout: 5s}"
	for _, tt := range []struct{ name, with string }{
		{"TLS", "tls: {}\n    " + client},
		{"TLS 1.2", "tls: {maxVersion: 1.2}\n    " + client},
		{"HTTP/2", "client: {timeout: 5s, http: 2}"},
		{"HTTP/2 over TLS", "tls: {}\n    client: {timeout: 5s, http: 2, compression: gzip}"},
		{"a connection per device", "client: {timeout: 5s, connections: per-device, idle: 50ms, maxOpen: 8}"},
		{"a connection per device over TLS", "tls: {}\n    client: {timeout: 5s, connections: per-device, idle: 50ms, maxOpen: 8, resume: 50%, compression: zstd}"},
		{"a connection of HTTP/2 per device", "client: {timeout: 5s, http: 2, connections: per-device, idle: 50ms, maxOpen: 8}"},
		{"a certificate per device", "tls: {clientCertificates: {}}\n    client: {timeout: 5s, connections: per-device, idle: 50ms, maxOpen: 8}"},
		{"a certificate per device over HTTP/2", "tls: {clientCertificates: {}}\n    client: {timeout: 5s, http: 2, connections: per-device, idle: 50ms, maxOpen: 8}"},
		{"proxy", "client: {timeout: 5s, proxy: \"" + proxy.URL + "\"}"},
		{"TLS through a proxy", "tls: {}\n    client: {timeout: 5s, proxy: \"" + proxy.URL + "\"}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := variant(t, client, tt.with)
			t.Chdir(t.TempDir())
			want(t, exitPass, "run", file, "--set", "day=200ms", "--out", "out")
			c := readRun(t, "out").Connections
			if c == nil || c.Opened == 0 || c.Connect.Count != c.Opened || strings.HasPrefix(tt.with, "tls") != (c.Handshake.Count > 0) && !strings.Contains(tt.with, "proxy") {
				t.Errorf("run.json: connections %+v", c)
			}
			if per := strings.Contains(tt.with, "per-device"); per != (c.Idled+c.Evicted > 0) {
				t.Errorf("run.json: %d connections were closed when idle and %d early", c.Idled, c.Evicted)
			}
		})
	}
}

// TestOAuth2 fetches tokens that last no longer than a second, for all, for each tenant and for each device.
func TestOAuth2(t *testing.T) {
	const auth = "auth: {type: bearer, tokenPer: tenant, secretFrom: {env: DROVER_TEST_SECRET}}"
	for per, least := range map[string]int64{"all": 2, "tenant": 4, "device": 21} {
		file := variant(t, auth, "auth: {type: oauth2, tokenPer: "+per+", clientSecretFrom: {env: DROVER_TEST_SECRET}, lifetime: 1s}")
		t.Run(per, func(t *testing.T) {
			t.Chdir(t.TempDir())
			want(t, exitPass, "run", file, "--out", "out")
			if c := readRun(t, "out").Connections; c.Tokens == nil || c.Tokens.Count < least || c.TokensFailed > 0 {
				t.Errorf("connections %+v, want %d tokens or more", c, least)
			}
		})
	}
	t.Setenv("DROVER_TEST_SECRET", "sardine")
	serve(t, []string{"--secret-env", "SECRET", "--token-life", "1m"}, func(target string) {
		file := variant(t, auth, "auth: {type: oauth2, tokenPer: tenant, clientId: \"{tenant}\", tokenURL: \""+target+"/v1/token\", clientSecretFrom: {env: DROVER_TEST_SECRET}}")
		t.Chdir(t.TempDir())
		if code, _, stderr := drover(t, testEnv(), "run", file, "--set", "target="+target, "--out", "out"); code != exitTarget || !strings.Contains(stderr, "invalid_client") {
			t.Errorf("with a wrong secret: %d, %s", code, stderr)
		}
		t.Setenv("DROVER_TEST_SECRET", "swordfish")
		want(t, exitPass, "run", file, "--set", "target="+target, "--set", "day=200ms", "--out", "out")
	})
}

// TestOwnFaults drops answers and breaks connections: devices send the same again, and nothing is lost or counted twice.
func TestOwnFaults(t *testing.T) {
	file := variant(t, "client: {timeout: 5s}", "client: {timeout: 5s, retry: {maxAttempts: 20, base: 1ms, cap: 5ms}, faults: {dropResponse: 20%, reset: 10%, latency: 1ms}}")
	t.Chdir(t.TempDir())
	out := want(t, exitPass, "run", file, "--set", "day=300ms", "--out", "out")
	doc := readRun(t, "out")
	if len(doc.Faults) < 3 || doc.AllPhases.Retries == 0 || !strings.Contains(strings.Join(doc.Warnings, " "), "drover itself interfered") || !strings.Contains(out, "dropped answer") {
		t.Errorf("run.json: faults %+v, %d retries, warnings %v; summary:\n%s", doc.Faults, doc.AllPhases.Retries, doc.Warnings, out)
	}
}

// TestFaultInTheTimeline breaks the connections of half of the devices for a part of the run; they send again, and nothing is lost.
func TestFaultInTheTimeline(t *testing.T) {
	file := variant(t, "  checks:", "  timeline:\n    - {name: bad-network, at: day + 300ms, for: 400ms, select: {percent: 50}, fault: {reset: 100%}}\n  checks:\n    - {name: outside, metric: failed, where: {outside: [bad-network]}, expect: count == 0}")
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	patient := strings.Replace(string(src), "timeout: 5s", "timeout: 5s, retry: {maxAttempts: 100, base: 20ms, cap: 40ms}", 1)
	if err := os.WriteFile(file, []byte(patient), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	out := want(t, exitPass, "run", file, "--out", "out")
	doc := readRun(t, "out")
	if len(doc.Faults) != 2 || doc.AllPhases.Retries == 0 || !strings.Contains(out, "reset before") {
		t.Errorf("faults %+v, %d retries:\n%s", doc.Faults, doc.AllPhases.Retries, out)
	}
}

// relay is a proxy for http and, by CONNECT, for https.
func relay(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		r.RequestURI = ""
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
		return
	}
	far, err := net.Dial("tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		far.Close()
		return
	}
	io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(far, near); far.Close() }()
	go func() { io.Copy(near, far); near.Close() }()
}
