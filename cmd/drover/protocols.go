package main

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"drover/scenarios"
)

// protocolPage is "drover help NAME" for one protocol.
type protocolPage struct {
	name, urls, accepted string // a row of drover help protocols
	text                 string
	scenario             string // shipped, to be copied
	with                 string // url to run it with; "": its own
}

// protocolPages are all of them.
var protocolPages = []protocolPage{
	{"http", "http://HOST, https://HOST", "the answer says so, in status and body", `Each upload is a request, or each event is, or what several devices upload, over HTTP/1.1 or HTTP/2 (port 80 unless the URL says another, over TLS 443). What stands in it,
and what counts as a yes, is the adapter's: "drover help adapters" is about those, and about credentials; "drover help backend" is about
drover's own API.

  target:
    url: https://127.0.0.1:8443
    adapter: drover                       # or a preset, a file, a mapping
    auth: {type: bearer, tokenFrom: {env: TOKEN}}
    tls: {caFrom: {file: ca.pem}}         # and clientCertificate: {certFrom: , keyFrom: } for a server that wants one
    client: {http: 2, compression: gzip, timeout: 10s, maxOpen: 64}

With connections: pooled the devices share kept-alive connections, of which maxOpen are open at most; with per-device each has its own, as
phones do, and shakes hands, resumes and closes when it lay idle. http: 2 is by ALPN over TLS, and by prior knowledge without.

Accepted means that the whole answer came within client.timeout, that its status says yes and that the adapter found nothing in its body
that says no. It does not mean that the event is stored: see the traps of "drover help adapters". A 429, a 5xx, a connection that broke and
an answer that did not come are tried again as client.retry says, with the same bytes and the same Idempotency-Key; Retry-After is
obeyed. A redirect is not followed (3xx), another 4xx is not tried again, and an answer above 1 MiB, or one that is not HTTP, is a bad answer.

Traps: an attempt that broke may have been stored, and is sent again: only a backend that knows the key or the ids stores it once. A
backend that stalls holds maxOpen uploads, and the others wait; that counts as response time, and not as service time. One
connection of HTTP/2 carries many uploads, so that what it loses when it breaks is more. Whoever closes idle connections sooner than devices come back
makes each upload shake hands: see connections in run.json. In drover an upload over HTTP/2 takes several times the CPU of one over
HTTP/1.1 (make bench BENCH=Protocol). Proxies of the environment are ignored; client.proxy names one.`, "smoke", "http://127.0.0.1:8080"},
	{"grpc", "grpc://HOST, grpcs://HOST", "the call was OK and rejects no record", `Uploads are calls of the OpenTelemetry Protocol over gRPC, LogsService/Export, one for each upload, or with per: devices for several, in
format otlp (port 4317 unless the URL says another, with and without TLS). Below the calls it is HTTP/2, and what "drover help adapters" says of HTTP holds: uploads share a
connection, or with connections: per-device each device has its own; tokens, a user and a password, and headers of the adapter go into
the metadata; gzip and zstd are of messages; faults, latency and certificates of devices are the same.

  target:
    url: grpc://127.0.0.1:4317
    auth: {type: bearer, tokenFrom: {env: OTLP_TOKEN}}                    # or oauth2, basic, header
    tls: {caFrom: {file: ca.pem}}                                         # with url: grpcs://...; and clientCertificates
    client: {compression: gzip}
    readback: {adapter: otlp-json, url: "file:/data/logs.jsonl"}          # over gRPC nothing is read back

Without an adapter it is otlp-grpc ("drover adapters otlp-grpc" prints it); one of your own says body: format, answers: otlp, formats:
[otlp] and, in path, the method, e.g. for a proxy that wants headers.

Accepted means that the call ended with code OK, and that its answer rejects no record. A partial success says how many records were
rejected, not which: where it is all, the upload is refused; where it is some, it is of class "rejected", with events whose fate is
not known until a read-back tells.

  UNAVAILABLE, ABORTED, CANCELLED, OUT_OF_RANGE, DATA_LOSS     5xx, tried again, after RetryInfo where the answer has it
  DEADLINE_EXCEEDED                                            timeout, tried again; client.timeout goes with each call
  RESOURCE_EXHAUSTED                                           429, and tried again only with RetryInfo; too large, and not
                                                               tried again, where it says that the message is above the limit
  UNAUTHENTICATED, PERMISSION_DENIED                           unauthorised; before the run it ends drover with exit code 5
  INTERNAL, UNKNOWN                                            5xx, and as the protocol wants it not tried again
  all others                                                   4xx, not tried again

Which is tried again is from the OpenTelemetry Protocol 1.10. Nothing is tried again behind the scenario's back, and no attempt waits for
a back-off of the connection: each is one call, and its time is its own.

Read back. A collector shows nothing by itself. readback otlp-json reads the file that its file exporter writes, here or through a server
that gives it out, and compares contents: what its processors drop, change or send twice is told. Behind a collector that passes on
to a store it is the store that is asked, e.g. by victorialogs-otlp, which shows ids and tenants:

  exporters: {file: {path: /data/logs.jsonl, append: true}}
  service: {pipelines: {logs: {receivers: [otlp], exporters: [file]}}}

Before the run one heartbeat is sent, under the run's id with "-preflight" behind it; with a read-back it has to be shown.

Traps: a collector acknowledges what is in its queue, and what its exporter cannot pass on later is lost: only a read-back of where it
ends up tells. Most servers refuse messages above 4 MiB. With pooled connections all is one connection of HTTP/2, so that a balancer of
connections sends all of it to one server: use connections: per-device. A proxy that answers by HTTP alone is told by its status: 502,
503 and 504 are UNAVAILABLE. client.proxy, auth.sign and client.http are not for gRPC.`, "otlp-grpc", ""},
	{"discard", "discard", "nothing: everything is", `Everything is taken and nothing is kept: what remains is the cost of drover itself. "drover calibrate" finds the same as a
ceiling; this runs a whole scenario, with its pace, phases and checks.

  target: {url: discard}

Accepted means nothing. Traps: a run against it passes every check of errors and of latency, so its report says discard as the
target.`, "discard", ""},
	{"stdout", "stdout", "the pipe took the bytes", `Each event is a line on standard output. What drover run prints there otherwise goes to standard error.

  target: {url: stdout}

  $ drover run my.yaml -q | jq .events[0].kind

Accepted means that write(2) returned. A reader that does not read is a backend that stalls: uploads wait for the pipe up to
client.timeout, and what was given to the pipe then may still come out of it. Traps: when the reader ends first, drover ends with it, as a writer to a closed pipe does. The order of lines is that
of sending, and lines of different devices may change places from run to run; what is in them does not.`, "discard", "stdout"},
	{"file", "file:PATH, file:///PATH", "the system took the bytes", `Each event is a line of a file, with its time on the device: NDJSON to load into something, or to look at. A relative path
counts from where drover runs. The file is written under the same scenario as a backend would be driven, with its pace: a clock.speed
of 100000 is a year in 5 minutes and 16 seconds. Where neither pace nor faults matter, "drover events NAME --limit 0 --format uploads"
prints the same uploads in order, as fast as the machine can.

  target:
    url: file:events.ndjson
    file: {existing: refuse}      # of a file that is there and not empty; or append, or replace

Accepted means that the system took the bytes: they outlive drover, and not a power cut. Lines of an upload stay together.
Traps: the order is that of sending, sort by time; a full disk refuses uploads (class rejected) and leaves no half line behind; a
path that cannot be opened ends drover with exit code 5 before anything is made.`, "history", ""},
	{"syslog", "syslog://HOST, syslog+tls://HOST", "the system took the bytes", `Each event is a message of RFC 5424, framed by octet counting, over TCP (RFC 6587, port 601 unless the URL says another) or TLS
(RFC 5425, port 6514). client.maxOpen bounds the connections, which devices share.

  target:
    url: syslog://127.0.0.1:601
    syslog: {facility: 16, app: defender}
    tls: {caFrom: {file: ca.pem}}     # with url: syslog+tls://...; and clientCertificate: {certFrom: , keyFrom: } for a server that wants one

  <134>1 2026-05-04T07:14:03.250Z 3c3f1a52-... defender - heartbeat [drover@32473 run="..." event="..." seq="7" tenant="..."] {"v":1,...}

The time is that of the event on the device; the host is the device identifier, where the contract has it; the severity is error of
a crash, warning of a threat and informational of all else. After the header comes the event as the adapter has it.

Accepted means that the system took the bytes, and NO MORE: syslog has no acknowledgement. What the server had not read when it died
is lost and was accepted; a server that drops messages looks like one that keeps them. Only a read-back tells: use reconcile.
Traps: an upload that failed in the middle is sent again from the first message whose bytes were not taken; a server that speaks
line feeds alone (RFC 3164, or non-transparent framing) sees lengths in its text; response times are those of the local socket
until its buffer is full. There is no credential but a certificate over TLS. A server of TLS 1.3 that refuses it says so after the
handshake, for which drover waits 0.3 s before the run.`, "syslog", ""},
	{"nats", "nats://HOST, nats+tls://HOST", "a stream stored it (PubAck)", `Each event is a message at a subject of its device, over one connection (port 4222 unless the URL says another).

  target:
    url: nats://127.0.0.1:4222
    nats: {subject: "drover.${account.tenant_id}.${device.id}", jetstream: true}
    auth: {type: basic, user: me, passwordFrom: {env: NATS_PASSWORD}}     # or bearer, with tokenFrom: a NATS token
    tls: {caFrom: {file: ca.pem}}     # with url: nats+tls://...; and clientCertificate: {certFrom: , keyFrom: } for verify or verify_and_map

Accepted means that a JetStream stream has stored the message and said so (PubAck). Each carries its event's id as Nats-Msg-Id, so
that a stream drops what comes again within its duplicate window, and the run's id as Drover-Run. With jetstream: false accepted
means that the server has read the message, since it answered a PING after it: whether anybody listened is not known, and what nobody
listened to is gone.

Read back: a subscriber that is there before the run writes down what it is given, and drover settles the run with that. One file is
of one run. What the stream did not store a subscriber has all the same; a consumer of the stream shows what is stored.

  nats sub --raw 'drover.>' > got.ndjson
  target: {readback: {adapter: events, url: "file:got.ndjson"}}

Traps: no stream takes the subject (the preflight looks, and ends with exit code 5); the stream is full and refuses (rejected), or
drops its oldest messages and says nothing; the duplicate window is two minutes unless it is set, so a retry after that is stored
twice; a subject that the user may not publish to is dropped by the server, which drover is told on the side (unauthorised);
a message longer than max_payload, 1 MB by default, is refused (too large). A server that goes away is not waited for: uploads fail,
and are tried again as client.retry says.`, "nats", ""},
	{"mqtt", "mqtt://HOST, mqtt+tls://HOST, mqtts://HOST", "by QoS: written, PUBACK, PUBCOMP", `Each event is a message at a topic of its device, in a session of that device (port 1883 unless the URL says another, over TLS 8883;
mqtts is mqtt+tls). A device connects when it has something to send, and its connection is closed when it lay idle for client.idle;
client.maxOpen bounds the connections, and the one that was idle the longest makes room for another device's.

  target:
    url: mqtt://127.0.0.1:1883
    mqtt: {version: 5, qos: 1, topic: "drover/${account.tenant_id}/${device.id}", clientId: "${device.id}"}
    auth: {type: basic, user: me, passwordFrom: {env: MQTT_PASSWORD}}
    tls: {caFrom: {file: ca.pem}}     # with url: mqtt+tls://...; and clientCertificates: {caFrom: , keyFrom: } for
                                      # one of each device, or clientCertificate: {certFrom: , keyFrom: } for one that all show

Accepted means, by qos: 0, the system took the bytes, AND NO MORE; 1, the broker has acknowledged the message (PUBACK), which may
arrive twice when it is sent again; 2, the broker has it once (PUBCOMP). In MQTT 5 a broker can say no, by a reason code: quota
exceeded and message rate too high end an upload as 429, not authorised as 401, packet too large as 413; the message of
run.json has the code. In MQTT 5 each message has the run's id as the user property drover-run.

With sessionExpiry the broker keeps a device's session between its connections, and what was under way when one broke is completed
over the next: with qos: 2 nothing arrives twice, as long as the broker keeps its word. Without it a message whose acknowledgement
was lost is sent again as a new one, and arrives twice with either QoS.

Read back: a subscriber that is there before the run writes down what it is given, and drover settles the run with that. One file is
of one run.

  mosquitto_sub -h 127.0.0.1 -V 5 -q 1 -t 'drover/#' > got.ndjson
  target: {readback: {adapter: events, url: "file:got.ndjson"}}

Traps: acknowledged is not delivered: a broker drops what nobody has subscribed to, and what is beyond a subscriber's queue. In
MQTT 3.1.1 a broker cannot refuse a message, so that Mosquitto acknowledges one at a topic that the user may not write to, and drops
it; use version: 5. Two clients with the same identifier end each other's connection for ever (session taken over): put
${run.id} into clientId where two runs drive the same devices at once. An identifier longer than 23 bytes need not be allowed in 3.1.1. A
broker that keeps sessions of 3.1.1 keeps them after the run. With fewer connections than active devices each upload connects
anew: see connections.evicted in run.json, and raise client.maxOpen.`, "mqtt", ""},
	{"kafka", "kafka://HOST, kafka+tls://HOST", "the replicas in sync have it", `Each event is a message of a topic (port 9092 unless the URL says another, over TLS 9093), with its device as the key, so that those of
a device are in one partition and in order. One client sends them, over a connection to each broker; target.url names one broker, and
that the others: each is held against target.allowHosts.

  target:
    url: kafka://127.0.0.1:9092
    kafka: {topic: drover, key: "${device.id}", acks: all}
    auth: {type: basic, user: me, passwordFrom: {env: KAFKA_PASSWORD}}     # by kafka.sasl: plain, scram-sha-256 or scram-sha-512
    client: {compression: zstd}                                            # of batches; or gzip
    tls: {caFrom: {file: ca.pem}}     # with url: kafka+tls://...; and clientCertificate: {certFrom: , keyFrom: } where brokers want one

Accepted means, by acks: all, every replica in sync has the message; leader, the leader of its partition has it, and it is lost when
that dies before the others have it; none, the system took the bytes, AND NO MORE. With acks: all the producer is idempotent: what it
says again within an attempt, because a connection broke, is stored once. What was not answered when the attempt ended is sent by the
next one as a new message, and may then be there twice. The headers event-id and drover-run tell what belongs together.

Read back: a consumer that is there before the run writes down what it is given, and drover settles the run with that; its contents are
compared, too. One file is of one run. By drover settle --again whatever came later is taken in.

  kcat -C -b 127.0.0.1:9092 -t drover -o end -u -q > got.ndjson
  target: {readback: {adapter: events, url: "file:got.ndjson"}}

Traps: topics are not made (the preflight looks, and ends with exit code 5); with one replica, all is no more than leader, see
min.insync.replicas; a broker that names itself by an address that cannot be reached from here, advertised.listeners, ends uploads as
connect failed; a batch is at most 1 MB, max.message.bytes of most brokers, and a longer message is refused (413); more devices than
partitions share them, and the order between two devices is nobody's. SASL plain over kafka:// shows the password to the network.`, "kafka", ""},
}

// protocolTopics are the pages of protocols, and the one that lists them.
func protocolTopics() []*cobra.Command {
	var list strings.Builder
	for _, p := range protocolPages {
		fmt.Fprintf(&list, "  %-10s %-26s %s\n", p.name, p.urls, p.accepted)
	}
	topics := []*cobra.Command{{
		Use:   "protocols",
		Short: "What can carry uploads, and what each means by accepted",
		Long: `The scheme of target.url says how uploads are carried: over http and https as requests, over grpc and grpcs as calls of the
OpenTelemetry Protocol, and over the others as messages. Each has a page, e.g. "drover help ` + protocolPages[len(protocolPages)-1].name + `":

  protocol   target.url                 accepted means that
` + list.String() + `
Messages. An upload is a message for each of its events, the native document of that one event with its device around it; in another
target.format with adapter: {upload: {body: ndjson, event: "${event.doc}"}}; with an
adapter of your own (body and event alone, "drover help adapters") it is what that says, and with body: format one message for
the whole upload. An adapter for HTTP is refused, and so is any setting that the protocol cannot honour.

Latency is measured as over HTTP: from the intended start to the moment at which the last message of the upload was accepted.
client.timeout bounds an attempt, connecting included. What an attempt got taken is not sent again: the next one sends the other
messages of the upload, as a device does that keeps what was not acknowledged. Only where a message was taken and its
acknowledgement was lost is it sent twice. client.maxOpen is how many uploads are under way at once.

Before the run drover connects and shows its credential, and sends no message. A backend that is not there, a wrong credential or a
place that does not exist ends it with exit code 5, before any load. After the run messages cannot be asked for over the same
protocol: target.readback.url says where the server, or a consumer of yours, shows over HTTP what arrived, or file:PATH which file has it.`,
	}}
	for _, p := range protocolPages {
		topics = append(topics, &cobra.Command{Use: p.name, Short: "Protocol: " + p.urls, Long: p.page()})
	}
	return topics
}

// page is the text of a protocol, with the scenario to copy.
func (p *protocolPage) page() string {
	src, _ := fs.ReadFile(scenarios.Files, p.scenario+".yaml") // a test holds that it is there
	run := p.scenario
	if p.with != "" {
		run += " --set target=" + p.with
	}
	return p.text + "\n\nA scenario to copy (drover scenarios show " + p.scenario + "; drover run " + run + "):\n\n  " +
		strings.ReplaceAll(strings.TrimRight(string(src), "\n"), "\n", "\n  ")
}
