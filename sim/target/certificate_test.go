package target

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/sim/measure"
)

// shown writes a client's certificate of an authority into files.
func shown(t *testing.T, a *Authority) (cert, key SecretRef) {
	t.Helper()
	write := func(name string, b []byte) SecretRef {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return SecretRef{File: file}
	}
	c, k := clientPEM(t, a, "drover")
	return write("client.pem", c), write("client-key.pem", k)
}

// TestOneCertificate: over each protocol drover shows the certificate that it was given, to backends that want one. One without, or with
// that of somebody else, is told so before the run.
func TestOneCertificate(t *testing.T) {
	right, err := NewAuthority("clients")
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := NewAuthority("others")
	if err != nil {
		t.Fatal(err)
	}
	remote := func(trust TLS) Remote {
		return Remote{Client: Client{Timeout: patient}, TLS: trust, Run: "r1", User: "me", Password: "secret"}
	}
	for name, open := range map[string]func(*testing.T, TLS) (*Messages, *gate){
		"syslog": func(t *testing.T, trust TLS) (*Messages, *gate) { return openSyslog(t, remote(trust), true) },
		"jetstream": func(t *testing.T, trust TLS) (*Messages, *gate) {
			return openNATS(t, NATSOptions{JetStream: true, Example: "place", Remote: remote(trust)}, true)
		},
		"kafka": func(t *testing.T, trust TLS) (*Messages, *gate) {
			m, b := openKafka(t, KafkaOptions{Remote: remote(trust)}, true, nil)
			return m, b.gate
		},
		"mqtt": func(t *testing.T, trust TLS) (*Messages, *gate) {
			m, b := openMQTT(t, MQTTOptions{QoS: 1, Remote: remote(trust)}, true, nil)
			return m, b.gate
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var trust TLS
			trust.CertFrom, trust.KeyFrom = shown(t, right)
			m, g := open(t, trust)
			g.demand(right.Pool())
			if err := m.Preflight(t.Context()); err != nil {
				t.Fatal(err)
			}
			expect(t, m, parcelOf(2, "a"), measure.OK)
			other := trust
			other.ServerName = "other.test"
			m, _ = open(t, other)
			if err := m.Preflight(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "name what it is for by target.tls.serverName") {
				t.Errorf("a certificate for another host: %v", err)
			}
			trust.CertFrom, trust.KeyFrom = shown(t, wrong)
			for _, trust := range []TLS{{}, trust} {
				m, g := open(t, trust)
				g.demand(right.Pool())
				if s, ok := m.carrier.(*syslog); ok {
					s.patience = patient
				}
				// Some write before they read, and then may see but that the connection is gone.
				if err, no := m.Preflight(t.Context()), (*UnreachableError)(nil); !errors.As(err, &no) || name == "syslog" && !strings.Contains(err.Error(), "certificate") {
					t.Errorf("with a certificate of nobody, or of others: %v", err)
				}
			}
		})
	}
	for _, m := range []mode{http1Modes[1], http2Modes[1]} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			s.EnableHTTP2 = m.http2
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.TLS = &tls.Config{Certificates: testIdentity().certs, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: right.Pool()}
			s.StartTLS()
			defer s.Close()
			opt := HTTPOptions{URL: s.URL, TLS: TLS{RootCAs: testIdentity().roots}, Client: Client{HTTP2: m.http2}}
			if ans := send(newHTTP(t, opt)); ans.Class == measure.OK {
				t.Errorf("without a certificate: %v, %v", ans.Class, ans.Err)
			}
			opt.TLS.CertFrom, opt.TLS.KeyFrom = shown(t, right)
			if ans := send(newHTTP(t, opt)); ans.Class != measure.OK {
				t.Errorf("%v, %v", ans.Class, ans.Err)
			}
		})
	}
	g := openGate(t, true, true, talkSyslog)
	m, err := NewSyslog(Remote{URL: "syslog+tls://" + g.addr, Client: Client{Timeout: patient}})
	if err := must(t, m, err).Preflight(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "if you trust it, name who issued it by target.tls.caFrom") {
		t.Errorf("a certificate of somebody unknown: %v", err)
	}
	cert, _ := shown(t, right)
	_, key := shown(t, right)
	for _, trust := range []TLS{{CertFrom: cert, KeyFrom: key}, {CertFrom: cert}, {CertFrom: key, KeyFrom: key}} {
		if _, err := NewHTTP(HTTPOptions{URL: "https://127.0.0.1:9", TLS: trust}); err == nil || !strings.HasPrefix(err.Error(), "target.tls.clientCertificate: ") {
			t.Errorf("a certificate and the key of another, or none: %v", err)
		}
	}
}
