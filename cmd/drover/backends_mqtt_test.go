package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// realMosquitto is the broker of Debian's package mosquitto, of whatever version that has. What it stored is what a subscriber of
// another author, of the package mosquitto-clients, was given over TCP, whatever the way was on which the events came.
func realMosquitto(t *testing.T, trust realTrust) realServer {
	secured, certified := freeAddr(t), freeAddr(t)
	s := realServer{
		name: "Mosquitto", pkg: "mosquitto",
		args: func(addr, data string) []string {
			conf, passwords := filepath.Join(data, "mosquitto.conf"), filepath.Join(data, "passwords")
			host, port, _ := strings.Cut(addr, ":")
			// The queue of a subscriber that is not as fast is not bounded, and started by root it stays root, to read its files.
			text := fmt.Sprintf("listener %s %s\nallow_anonymous false\npassword_file %s\nmax_queued_messages 0\nuser root\n", port, host, passwords)
			host, port, _ = strings.Cut(secured, ":")
			text += fmt.Sprintf("listener %s %s\ncertfile %s\nkeyfile %s\n", port, host, trust.cert, trust.key)
			host, port, _ = strings.Cut(certified, ":")
			text += fmt.Sprintf("listener %s %s\ncertfile %s\nkeyfile %s\ncafile %s\nrequire_certificate true\nuse_identity_as_username true\n", port, host, trust.cert, trust.key, trust.caFile)
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
			if out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, realUser, realPassword).CombinedOutput(); err != nil {
				t.Errorf("mosquitto_passwd: %v\n%s", err, out)
			}
			return []string{"-c", conf}
		},
	}
	for _, x := range []struct {
		version string
		qos     int
		way     string // "", by TLS or by a certificate of each device
	}{{"3.1.1", 2, ""}, {"5", 1, ""}, {"5", 2, "TLS"}, {"5", 1, "mTLS"}} {
		row := realRow{adapter: fmt.Sprintf("mqtt %s, QoS %d", x.version, x.qos)}
		if x.way != "" {
			row.adapter += ", " + x.way
			row.secure, row.spared, row.fewer = true, true, true // a handshake for each upload is more than two cores have in store
		}
		if x.way != "mTLS" {
			row.refusal = "the broker refused the connection"
		}
		row.target = func(t *testing.T, addr string) (string, string) {
			shown := subscribed(t, addr)
			url, block := "mqtt://"+addr, "    auth: {type: basic, user: "+realUser+", passwordFrom: {env: REAL_PASSWORD}}\n"
			switch x.way {
			case "TLS":
				url, block = "mqtts://"+secured, block+trustBlock
			case "mTLS":
				url, block = "mqtts://"+certified, fmt.Sprintf("    tls: {caFrom: {env: REAL_CA}, clientCertificates: {caFrom: {file: %q}, keyFrom: {file: %q}}}\n", trust.caFile, trust.caKey)
			}
			return url, block + "    mqtt: {version: " + x.version + fmt.Sprintf(", qos: %d}\n", x.qos) +
				"    adapter: {upload: {body: ndjson, event: {event_id: \"${event.id}\", tenant_id: \"${account.tenant_id}\", _msg: \"${event.upload:text}\"}}}\n" +
				"    readback: {adapter: ndjson, url: \"" + shown + "\", settle: 30s}\n"
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// subscribed is where over HTTP a subscriber shows what it was given: payloads that are lines.
func subscribed(t *testing.T, addr string) (url string) {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	// With QoS 2 version 2.0.11 ends after some hundreds of messages (a network protocol error). It keeps the word that it has subscribed until the first message comes, unless its lines are not to be kept.
	cmd := exec.Command("stdbuf", "-oL", "mosquitto_sub", "-h", host, "-p", port, "-u", realUser, "-P", realPassword, "-V", "5", "-i", "reader", "-q", "1", "-t", "drover/#", "-F", "%p", "-d")
	var wrong strings.Builder
	cmd.Stderr = &wrong
	said, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		(&realServer{name: "mosquitto-clients"}).missing(t, err)
	}
	var mu sync.Mutex
	var got strings.Builder
	var over atomic.Bool
	read := make(chan struct{})
	up := make(chan struct{}, 1)
	go func() {
		defer close(read)
		lines := bufio.NewScanner(said)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "Subscribed"): // and once more after the broker was away
				select {
				case up <- struct{}{}:
				default:
				}
			case strings.HasPrefix(line, "{"):
				mu.Lock()
				got.WriteString(line + "\n")
				mu.Unlock()
			}
		}
		if !over.Load() {
			t.Errorf("mosquitto_sub has ended by itself: %v", lines.Err())
		}
	}()
	select {
	case <-up:
	case <-read:
		cmd.Wait()
		t.Fatalf("mosquitto_sub does not subscribe: %s", wrong.String())
	}
	shown := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		text := got.String()
		mu.Unlock()
		io.WriteString(w, text)
	}))
	t.Cleanup(func() {
		shown.Close()
		over.Store(true)
		cmd.Process.Kill()
		<-read
		cmd.Wait()
	})
	return shown.URL
}
