package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// realKafka is kfake, of the authors of the client, which keeps what it has in files; what it stored is what kcat, of other authors, reads.
// Debian's kcat cannot show kfake a credential (it wants SaslHandshake of version 0), so that what two more clusters have, which ask for
// one, is read by the client that drover has, too. One of these speaks TLS.
func realKafka(t *testing.T, trust realTrust) realServer {
	_, guarded, _ := net.SplitHostPort(freeAddr(t))
	_, secured, _ := net.SplitHostPort(freeAddr(t))
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
	"crypto/tls"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

func cluster(port string, more ...kfake.Opt) {
	n, err := strconv.Atoi(port)
	if err == nil {
		_, err = kfake.NewCluster(append(more, kfake.NumBrokers(1), kfake.Ports(n), kfake.SeedTopics(6, "drover"))...)
	}
	if err != nil {
		panic(err)
	}
}

func main() {
	cert, err := tls.LoadX509KeyPair(os.Args[5], os.Args[6])
	if err != nil {
		panic(err)
	}
	user := func(method string) kfake.Opt { return kfake.Superuser(method, "` + realUser + `", "` + realPassword + `") }
	cluster(os.Args[3], kfake.EnableSASL(), user("SCRAM-SHA-256"))
	cluster(os.Args[4], kfake.EnableSASL(), user("SCRAM-SHA-512"), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}))
	cluster(os.Args[1], kfake.DataDir(os.Args[2]), kfake.SyncWrites())
	select {}
}
`,
		args: func(addr, data string) []string {
			_, port, _ := net.SplitHostPort(addr)
			return []string{port, data, guarded, secured, trust.cert, trust.key}
		},
	}
	add := func(row realRow, url func(addr string) string, block string, show func(t *testing.T, addr string, w http.ResponseWriter, run string)) {
		row.target = func(t *testing.T, addr string) (string, string) {
			shown := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { show(t, addr, w, r.URL.Query().Get("run")) }))
			t.Cleanup(shown.Close)
			return url(addr), block + "    readback: {adapter: http, url: \"" + shown.URL + "\", request: \"/?run={run}\", id: id, tenant: tenant, event: event, settle: 30s}\n"
		}
		s.rows = append(s.rows, row)
	}
	for _, acks := range []string{"all", "leader"} {
		add(realRow{adapter: "kafka, acks " + acks}, func(addr string) string { return "kafka://" + addr }, "    kafka: {acks: "+acks+"}\n", showTopic)
	}
	const auth = "    auth: {type: basic, user: " + realUser + ", passwordFrom: {env: REAL_PASSWORD}}\n"
	add(realRow{adapter: "kafka, SCRAM-SHA-256", spared: true, refusal: "credential"}, func(string) string { return "kafka://127.0.0.1:" + guarded },
		"    kafka: {sasl: scram-sha-256}\n"+auth, func(t *testing.T, _ string, w http.ResponseWriter, run string) { showGuarded(t, guarded, nil, w, run) })
	add(realRow{adapter: "kafka, TLS, SHA-512", secure: true, spared: true, refusal: "credential"}, func(string) string { return "kafka+tls://127.0.0.1:" + secured },
		"    kafka: {sasl: scram-sha-512}\n"+auth+trustBlock, func(t *testing.T, _ string, w http.ResponseWriter, run string) {
			showGuarded(t, secured, &trust, w, run)
		})
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
		if len(part) != 3 {
			t.Errorf("a message that nobody sent: %.300s", lines.Text())
			return
		}
		showMessage(t, w, run, part[0], part[1], part[2])
	}
}

// showMessage shows a message of a run, which has to be one of drover's. headers are name=value, joined by commas.
func showMessage(t *testing.T, w http.ResponseWriter, run, headers, key, value string) {
	var doc struct {
		Account struct {
			Tenant string `json:"tenant_id"`
		}
		Device struct {
			ID map[string]string
		}
		Events []struct{ ID string }
	}
	if json.Unmarshal([]byte(value), &doc) != nil || len(doc.Events) != 1 || !strings.Contains(headers, "event-id="+doc.Events[0].ID) {
		t.Errorf("a message that nobody sent: %s, %s, %.300s", headers, key, value)
		return
	}
	if len(doc.Device.ID) != 1 || doc.Device.ID["guid"]+doc.Device.ID["wifi_mac"] != key {
		t.Errorf("key %q of device %v", key, doc.Device.ID)
		return
	}
	if strings.Contains(headers, "drover-run="+run) {
		fmt.Fprintf(w, "{\"id\":%q,\"tenant\":%q,\"event\":%s}\n", doc.Events[0].ID, doc.Account.Tenant, value)
	}
}

// showGuarded shows what a cluster has that asks for the right credential, over TLS where there is somebody to trust.
func showGuarded(t *testing.T, port string, trust *realTrust, w http.ResponseWriter, run string) {
	who := scram.Auth{User: realUser, Pass: realPassword}
	opts := []kgo.Opt{kgo.SeedBrokers("127.0.0.1:" + port), kgo.ConsumeTopics("drover"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	if trust == nil {
		opts = append(opts, kgo.SASL(who.AsSha256Mechanism()))
	} else {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(trust.ca))
		opts = append(opts, kgo.SASL(who.AsSha512Mechanism()), kgo.DialTLSConfig(&tls.Config{RootCAs: pool}))
	}
	c, err := kgo.NewClient(opts...)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	ask := kmsg.NewPtrListOffsetsRequest()
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = "drover"
	for p := range int32(6) {
		ends := kmsg.NewListOffsetsRequestTopicPartition()
		ends.Partition, ends.Timestamp = p, -1
		topic.Partitions = append(topic.Partitions, ends)
	}
	ask.Topics = append(ask.Topics, topic)
	said, err := ask.RequestWith(t.Context(), c)
	if err != nil {
		t.Errorf("ask where the topic ends: %v", err)
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	left := int64(0)
	for _, p := range said.Topics[0].Partitions {
		left += p.Offset
	}
	for left > 0 {
		got := c.PollFetches(t.Context())
		if err := got.Err(); err != nil {
			t.Errorf("read the topic: %v", err)
			return
		}
		got.EachRecord(func(r *kgo.Record) {
			var headers []string
			for _, h := range r.Headers {
				headers = append(headers, h.Key+"="+string(h.Value))
			}
			left--
			showMessage(t, w, run, strings.Join(headers, ","), string(r.Key), string(r.Value))
		})
	}
}
