package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// realKafka is kfake, of the authors of the client, which keeps what it has in files; what it stored is what kcat, of other authors, reads.
// Debian's kcat cannot show kfake a credential (it wants SaslHandshake of version 0), so that another cluster asks for one.
func realKafka(t *testing.T) realServer {
	_, guarded, _ := net.SplitHostPort(freeAddr(t))
	s := realServer{
		name: "Kafka",
		goMod: `module backends/kafka

go 1.26.0

require (
	github.com/twmb/franz-go v1.22.3
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c
	github.com/twmb/franz-go/pkg/kmsg v1.15.1
)
`,
		pkg: ".",
		main: `package main

import (
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err == nil {
		_, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(6, "drover"), kfake.DataDir(os.Args[2]), kfake.SyncWrites())
	}
	if err == nil {
		port, err = strconv.Atoi(os.Args[3])
	}
	if err == nil {
		_, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(6, "drover"), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "` + realUser + `", "` + realPassword + `"))
	}
	if err != nil {
		panic(err)
	}
	select {}
}
`,
		args: func(addr, data string) []string {
			_, port, _ := net.SplitHostPort(addr)
			return []string{port, data, guarded}
		},
	}
	for _, acks := range []string{"all", "leader"} {
		s.rows = append(s.rows, realRow{adapter: "kafka, acks " + acks, target: func(t *testing.T, addr string) (string, string) {
			if _, err := exec.LookPath("kcat"); err != nil {
				(&realServer{name: "kcat"}).missing(t, err)
			}
			shown := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { showTopic(t, addr, w, r.URL.Query().Get("run")) }))
			t.Cleanup(shown.Close)
			return "kafka://" + addr, "    kafka: {acks: " + acks + "}\n" +
				"    readback: {adapter: http, url: \"" + shown.URL + "\", request: \"/?run={run}\", id: id, tenant: tenant, event: event, settle: 30s}\n"
		}})
	}
	s.rows = append(s.rows, realRow{adapter: "kafka, SCRAM", closed: true, refusal: "credential", target: func(*testing.T, string) (string, string) {
		return "kafka://127.0.0.1:" + guarded, "    kafka: {sasl: scram-sha-256}\n    auth: {type: basic, user: " + realUser + ", passwordFrom: {env: REAL_PASSWORD}}\n"
	}})
	return s
}

// showTopic shows over HTTP what kcat reads of a run.
func showTopic(t *testing.T, addr string, w http.ResponseWriter, run string) {
	cmd := exec.CommandContext(t.Context(), "kcat", "-C", "-b", addr, "-t", "drover", "-o", "beginning", "-e", "-q", "-f", "%h\t%k\t%s\n")
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("kcat: %v\n%s", err, wrong.String())
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		part := strings.SplitN(lines.Text(), "\t", 3)
		var doc struct {
			Account struct {
				Tenant string `json:"tenant_id"`
			}
			Device struct {
				ID map[string]string
			}
			Events []struct{ ID string }
		}
		if len(part) != 3 || json.Unmarshal([]byte(part[2]), &doc) != nil || len(doc.Events) != 1 || !strings.Contains(part[0], "event-id="+doc.Events[0].ID) {
			t.Errorf("a message that nobody sent: %.300s", lines.Text())
			return
		}
		if len(doc.Device.ID) != 1 || doc.Device.ID["guid"]+doc.Device.ID["wifi_mac"] != part[1] {
			t.Errorf("key %q of device %v", part[1], doc.Device.ID)
			return
		}
		if strings.Contains(part[0], "drover-run="+run) {
			fmt.Fprintf(w, "{\"id\":%q,\"tenant\":%q,\"event\":%s}\n", doc.Events[0].ID, doc.Account.Tenant, part[2])
		}
	}
}
