package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"drover/sim/backend"
	"drover/sim/target"
	"drover/sim/target/kafkatest"
)

// The other sides of the benchmarks of what protocols cost: each takes everything and keeps nothing.

// costSinks are all of them but those of HTTP/1.1, which are drover serve --discard.
var costSinks = map[string]func(net.Listener){
	"http2":  serveCostHTTP2,
	"nats":   each(talkCostNATS),
	"mqtt":   each(talkCostMQTT),
	"kafka":  each(talkCostKafka),
	"syslog": each(func(c net.Conn, _ *bufio.Reader, _ *bufio.Writer) { io.Copy(io.Discard, c) }),
}

// openCostSinks starts all of them, until the process ends, and returns where each listens: over TLS under its name and "+tls". dir gets
// the authority that they are to be trusted by.
func openCostSinks(dir string) (map[string]string, error) {
	authority, err := target.NewAuthority("drover cost sinks")
	if err != nil {
		return nil, err
	}
	conf, err := serverTLS(authority, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), authority.PEM(), 0o600); err != nil {
		return nil, err
	}
	where := map[string]string{}
	for name, conf := range map[string]*tls.Config{"http1": nil, "http1+tls": conf} {
		d, err := backend.StartDiscard(context.Background(), backend.DiscardOptions{TLS: conf})
		if err != nil {
			return nil, err
		}
		_, where[name], _ = strings.Cut(d.URL(), "://")
	}
	for name, serve := range costSinks {
		for _, secure := range []bool{false, true} {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			if !secure {
				where[name] = l.Addr().String()
				go serve(l)
				continue
			}
			own := conf.Clone()
			if name == "http2" {
				own.NextProtos = []string{"h2"}
			}
			where[name+"+tls"] = l.Addr().String()
			go serve(tls.NewListener(l, own))
		}
	}
	return where, nil
}

// each serves each connection on its own.
func each(talk func(net.Conn, *bufio.Reader, *bufio.Writer)) func(net.Listener) {
	return func(l net.Listener) {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				talk(c, bufio.NewReaderSize(c, 64<<10), bufio.NewWriterSize(c, 64<<10))
			}()
		}
	}
}

func serveCostHTTP2(l net.Listener) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	s := http.Server{Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Header.Get("Content-Type") == "application/grpc" {
			w.Header()["Content-Type"], w.Header()["Trailer"] = []string{"application/grpc"}, []string{"Grpc-Status"}
			w.Write(make([]byte, 5)) // an empty message
			w.Header()["Grpc-Status"] = []string{"0"}
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"accepted":1}`)
	})}
	s.Serve(l)
}

// answers writes what has been said when there is nothing more to read, as servers do that are under load.
func answers(r *bufio.Reader, w *bufio.Writer) bool { return r.Buffered() > 0 || w.Flush() == nil }

// talkCostNATS is as much of a NATS server with JetStream as a publisher meets.
func talkCostNATS(_ net.Conn, r *bufio.Reader, w *bufio.Writer) {
	fmt.Fprintf(w, "INFO {\"server_id\":\"x\",\"version\":\"2.15.0\",\"proto\":1,\"headers\":true,\"max_payload\":8388608}\r\n")
	sids := map[string]string{} // by what the subject of a reply begins with
	const said = `{"stream":"EVENTS", "seq":7}`
	for answers(r, w) {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "PING":
			w.WriteString("PONG\r\n")
		case "SUB":
			sids[strings.TrimSuffix(words[1], "*")] = words[len(words)-1]
		case "PUB", "HPUB":
			size, _ := strconv.Atoi(words[len(words)-1])
			if _, err := r.Discard(size + 2); err != nil {
				return
			}
			if len(words) == map[string]int{"PUB": 3, "HPUB": 4}[words[0]] {
				continue // nobody waits for a reply
			}
			for prefix, sid := range sids {
				if strings.HasPrefix(words[2], prefix) {
					fmt.Fprintf(w, "MSG %s %s %d\r\n%s\r\n", words[2], sid, len(said), said)
				}
			}
		}
	}
}

// talkCostMQTT is as much of a broker of MQTT 3.1.1 and 5 as a publisher meets.
func talkCostMQTT(_ net.Conn, r *bufio.Reader, w *bufio.Writer) {
	for answers(r, w) {
		head, err := r.ReadByte()
		if err != nil {
			return
		}
		size, err := binary.ReadUvarint(r) // MQTT's variable byte integer is of the same form
		if err != nil {
			return
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		switch head >> 4 {
		case 1: // CONNECT; its version stands behind the name "MQTT"
			if body[6] == target.MQTT5 {
				w.Write([]byte{0x20, 3, 0, 0, 0})
			} else {
				w.Write([]byte{0x20, 2, 0, 0})
			}
		case 3: // PUBLISH: PUBACK or PUBREC
			topic := int(binary.BigEndian.Uint16(body))
			if qos := head >> 1 & 3; qos > 0 {
				w.Write([]byte{(3 + qos) << 4, 2, body[2+topic], body[3+topic]})
			}
		case 6: // PUBREL: PUBCOMP
			w.Write([]byte{0x70, 2, body[0], body[1]})
		case 12: // PINGREQ: PINGRESP
			w.Write([]byte{0xd0, 0})
		}
	}
}

// talkCostKafka is a cluster of one broker at the address that the client has reached, and as much of it as a producer meets: requests
// up to the versions before tagged fields.
func talkCostKafka(c net.Conn, r *bufio.Reader, w *bufio.Writer) {
	for answers(r, w) {
		req, err := kafkatest.Read(r)
		if err != nil {
			return
		}
		resp := costKafkaAnswer(req.Request, c.LocalAddr().String())
		if resp == nil {
			return
		}
		w.Write(req.Answer(resp))
	}
}

func costKafkaAnswer(req kmsg.Request, addr string) kmsg.Response {
	resp := req.ResponseKind()
	switch req := req.(type) {
	case *kmsg.ApiVersionsRequest:
		for _, v := range [][2]int16{{0, 7}, {3, 7}, {18, 3}, {22, 1}} {
			r := resp.(*kmsg.ApiVersionsResponse)
			r.ApiKeys = append(r.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: v[0], MaxVersion: v[1]})
		}
	case *kmsg.MetadataRequest:
		r := resp.(*kmsg.MetadataResponse)
		host, port, _ := net.SplitHostPort(addr)
		n, _ := strconv.Atoi(port)
		r.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: host, Port: int32(n)}}
		for _, t := range req.Topics {
			topic := kmsg.MetadataResponseTopic{Topic: t.Topic}
			for p := range int32(6) {
				topic.Partitions = append(topic.Partitions, kmsg.MetadataResponseTopicPartition{Partition: p, Leader: 1, Replicas: []int32{1}, ISR: []int32{1}})
			}
			r.Topics = append(r.Topics, topic)
		}
	case *kmsg.InitProducerIDRequest:
		resp.(*kmsg.InitProducerIDResponse).ProducerID = 7
	case *kmsg.ProduceRequest:
		r := resp.(*kmsg.ProduceResponse)
		for _, t := range req.Topics {
			topic := kmsg.ProduceResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				topic.Partitions = append(topic.Partitions, kmsg.ProduceResponseTopicPartition{Partition: p.Partition})
			}
			r.Topics = append(r.Topics, topic)
		}
	default:
		return nil
	}
	return resp
}
