package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// The real servers of messages. Each is started by what it listens at beside HTTP, which is asked whether it is up.

// freeAddr is an address that nobody has now.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// realSyslog is VictoriaLogs as a syslog server, over TCP and over TLS. It is asked for no credential, since syslog has none.
func realSyslog(t *testing.T, trust realTrust) realServer {
	at, secured := freeAddr(t), freeAddr(t)
	s := realServers[0]
	s.args = func(addr, data string) []string {
		return []string{"-httpListenAddr=" + addr, "-storageDataPath=" + data, "-retentionPeriod=100y", "-futureRetention=100y", "-loggerLevel=ERROR", "-syslog.listenAddr.tcp=" + at + "," + secured,
			"-syslog.tls=false,true", "-syslog.tlsCertFile=," + trust.cert, "-syslog.tlsKeyFile=," + trust.key}
	}
	s.rows = nil
	for _, row := range []realRow{{adapter: "syslog"}, {adapter: "syslog over TLS", secure: true, spared: true}} {
		row.target = func(t *testing.T, addr string) (string, string) {
			url, block := "syslog://"+at, ""
			if row.secure {
				url, block = "syslog+tls://"+secured, trustBlock
			}
			return url, block + "    readback: {adapter: victorialogs-syslog, url: \"http://" + addr + "\", settle: 30s}\n"
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// realNATS is a NATS server with a stream that takes what drover publishes, over TCP and over TLS.
func realNATS(t *testing.T, trust realTrust) realServer {
	at := freeAddr(t)
	s := realServer{
		name: "NATS",
		goMod: `module backends/nats

go 1.26.0

tool github.com/nats-io/nats-server/v2

require github.com/nats-io/nats-server/v2 v2.15.2
`,
		pkg: "github.com/nats-io/nats-server/v2",
		args: func(addr, data string) []string {
			conf := filepath.Join(data, "nats.conf")
			text := fmt.Sprintf("listen: %q\nhttp: %q\njetstream: {store_dir: %q}\nauthorization: {user: %q, password: %q}\n"+
				"tls: {cert_file: %q, key_file: %q}\nallow_non_tls: true\n", at, addr, data, realUser, realPassword, trust.cert, trust.key)
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
			return []string{"-c", conf}
		},
		ready: "/healthz",
		prepare: func(t *testing.T) {
			js := stream(t, at)
			if _, err := js.AddStream(&nats.StreamConfig{Name: "EVENTS", Subjects: []string{"drover.>"}, Storage: nats.FileStorage}); err != nil {
				t.Fatal(err)
			}
		},
	}
	for _, row := range []realRow{{adapter: "jetstream"}, {adapter: "jetstream over TLS", secure: true, spared: true}} {
		row.refusal = "Authorization Violation"
		row.target = func(t *testing.T, addr string) (string, string) {
			shown := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { showStream(t, at, w, r.URL.Query().Get("run")) }))
			t.Cleanup(shown.Close)
			url, block := "nats://"+at, ""
			if row.secure {
				url, block = "nats+tls://"+at, trustBlock
			}
			return url, block + "    auth: {type: basic, user: " + realUser + ", passwordFrom: {env: REAL_PASSWORD}}\n" +
				"    readback: {adapter: http, url: \"" + shown.URL + "\", request: \"/?run={run}\", id: id, tenant: tenant, event: event, settle: 30s}\n"
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func stream(t *testing.T, at string) nats.JetStreamContext {
	nc, err := nats.Connect("nats://"+at, nats.UserInfo(realUser, realPassword), nats.Timeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// showStream is a consumer that shows over HTTP what the stream holds of a run.
func showStream(t *testing.T, at string, w http.ResponseWriter, run string) {
	nc, err := nats.Connect("nats://"+at, nats.UserInfo(realUser, realPassword), nats.Timeout(20*time.Second))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer nc.Close()
	js, _ := nc.JetStream()
	info, err := js.StreamInfo("EVENTS")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if info.State.Msgs == 0 {
		return
	}
	sub, err := js.SubscribeSync("drover.>", nats.OrderedConsumer())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for {
		m, err := sub.NextMsg(20 * time.Second)
		if err != nil {
			t.Errorf("read the stream: %v", err)
			return
		}
		at, err := m.Metadata()
		if err != nil {
			t.Errorf("read the stream: %v", err)
			return
		}
		if m.Header.Get("Drover-Run") == run {
			var doc struct {
				Account struct {
					Tenant string `json:"tenant_id"`
				}
				Events []struct{ ID string }
			}
			if err := json.Unmarshal(m.Data, &doc); err != nil || len(doc.Events) != 1 || doc.Events[0].ID != m.Header.Get(nats.MsgIdHdr) || !strings.HasPrefix(m.Subject, "drover."+doc.Account.Tenant+".") {
				t.Errorf("subject %s, header %v: %v: %.200s", m.Subject, m.Header, err, m.Data)
				return
			}
			fmt.Fprintf(w, "{\"id\":%q,\"tenant\":%q,\"event\":%s}\n", doc.Events[0].ID, doc.Account.Tenant, m.Data)
		}
		if at.NumPending == 0 {
			return
		}
	}
}

// TestRealMessages is TestRealBackends for the servers of messages, and for those that a run's target says more of than an adapter.
func TestRealMessages(t *testing.T) {
	if os.Getenv("DROVER_BACKENDS") == "" {
		t.Skip("make test-backends runs this")
	}
	for _, r := range []struct {
		name string
		make func(*testing.T, realTrust) realServer
	}{{"syslog", realSyslog}, {"NATS", realNATS}, {"Mosquitto", realMosquitto}, {"Kafka", realKafka}, {"Collector", realCollector}} {
		t.Run(r.name, func(t *testing.T) {
			trust := newRealTrust(t)
			s := r.make(t, trust)
			bin := s.build(t)
			for _, row := range s.rows {
				t.Run(row.adapter, func(t *testing.T) {
					t.Setenv("REAL_CA", trust.ca)
					t.Run("settled", func(t *testing.T) { s.settled(t, bin, row) })
					if row.refusal != "" {
						t.Run("wrong credential", func(t *testing.T) { s.wrong(t, bin, row) })
					}
					if row.secure {
						t.Run("untrusted", func(t *testing.T) { s.untrusted(t, bin, row) })
					}
					if !row.spared {
						t.Run("killed", func(t *testing.T) { s.killed(t, bin, row) })
					}
				})
			}
		})
	}
}
