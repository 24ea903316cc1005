package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestServe runs the backend as a process of its own would, and drives it.
func TestServe(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	serve(t, []string{"--secret-env", "SECRET"}, func(target string) {
		t.Setenv("DROVER_TEST_SECRET", "swordfish")
		want(t, exitPass, "run", file, "--set", "target="+target, "--set", "day=200ms", "--out", "out")
		t.Setenv("DROVER_TEST_SECRET", "sardine")
		want(t, exitTarget, "run", file, "--set", "target="+target, "--out", "out")
	})
}

// TestServeGreets: what it proposes works as it stands.
func TestServeGreets(t *testing.T) {
	for _, tt := range []struct {
		url, secret, clients string
		want, not            string
	}{
		{"http://127.0.0.1:1", "", "", "\n  drover run smoke --set target=http://127.0.0.1:1\n", "$TOKEN"},
		{"http://127.0.0.1:1", "SECRET", "", `-H "Authorization: Bearer $TOKEN"`, "drover run"},
		{"https://127.0.0.1:1", "", "", "\n  SSL_CERT_FILE='my ca.pem' drover run smoke ", "--cacert my"},
		{"https://127.0.0.1:1", "", "key.pem", "sqlite3 'my db'", "127.0.0.1:1/"},
	} {
		var out strings.Builder
		cmd := newServe(testEnv())
		cmd.SetOut(&out)
		if err := greet(cmd, tt.url, tt.secret, "my ca.pem", tt.clients, "my db"); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); !strings.Contains(text, tt.want) || strings.Contains(text, tt.not) || !strings.HasPrefix(text, "drover's reference backend listens at "+tt.url+"; ") {
			t.Errorf("%+v: it says\n%s", tt, text)
		}
	}
}

// serve starts drover serve with SECRET set to swordfish, calls use with its URL, and ends it.
func serve(t *testing.T, args []string, use func(url string)) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	e := testEnv()
	e.getenv = func(name string) string { return map[string]string{"SECRET": "swordfish"}[name] }
	url := make(chan string, 1)
	address := regexp.MustCompile(`listens at (https?://[^;]+);`)
	var once sync.Once
	stdout := &screen{seen: func(text string) {
		if m := address.FindStringSubmatch(text); m != nil {
			once.Do(func() { url <- m[1] })
		}
	}}
	ended := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		ended <- run(ctx, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...), stdout, &stderr, e)
	}()
	select {
	case target := <-url:
		use(target)
	case code := <-ended:
		t.Fatalf("serve ended with %d: %s", code, &stderr)
	}
	interrupt()
	if code := <-ended; code != exitPass {
		t.Errorf("serve ended with %d: %s", code, &stderr)
	}
	if strings.Contains(stdout.text.String()+stderr.String(), "swordfish") {
		t.Error("serve printed the secret")
	}
}

// TestServeTLS trusts the authority whose certificate serve wrote, and nobody else's.
func TestServeTLS(t *testing.T) {
	trusting, wary := variant(t, "url: ${target}", "url: ${target}\n    tls: {caFrom: {file: ca.pem}}"), quick(t)
	t.Chdir(t.TempDir())
	t.Setenv("DROVER_TEST_SECRET", "swordfish")
	serve(t, []string{"--secret-env", "SECRET", "--tls", "--ca", "ca.pem"}, func(target string) {
		want(t, exitPass, "run", trusting, "--set", "target="+target, "--set", "day=200ms", "--out", "out")
		_, _, stderr := drover(t, testEnv(), "run", wary, "--set", "target="+target, "--out", "out")
		if !strings.Contains(stderr, "certificate") {
			t.Errorf("without the authority: %s, want a word about the certificate", stderr)
		}
	})
}

// TestServeClientCertificates signs the devices' certificates by the authority that serve made.
func TestServeClientCertificates(t *testing.T) {
	signing := variant(t, "url: ${target}", "url: ${target}\n    tls: {caFrom: {file: ca.pem}, clientCertificates: {caFrom: {file: ca.pem}, keyFrom: {file: key.pem}}}")
	src, err := os.ReadFile(signing)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(signing, []byte(strings.Replace(string(src), "timeout: 5s", "timeout: 5s, connections: per-device", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	bare := variant(t, "url: ${target}", "url: ${target}\n    tls: {caFrom: {file: ca.pem}}")
	t.Chdir(t.TempDir())
	t.Setenv("DROVER_TEST_SECRET", "swordfish")
	serve(t, []string{"--secret-env", "SECRET", "--tls", "--ca", "ca.pem", "--client-ca-key", "key.pem"}, func(target string) {
		want(t, exitPass, "run", signing, "--set", "target="+target, "--set", "day=200ms", "--out", "out")
		want(t, exitTarget, "run", bare, "--set", "target="+target, "--out", "out")
	})
}

// TestServeBusy is a port that somebody else has.
func TestServeBusy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, stdout, stderr := drover(t, testEnv(), "serve", "--addr", l.Addr().String())
	if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--addr "+l.Addr().String()) {
		t.Errorf("serve on a busy port: %d, %q, %q; want %d and one line that names the flag", code, stdout, stderr, exitUsage)
	}
}
