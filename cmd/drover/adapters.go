package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"drover/sim/scenario"
)

func newAdapters() *cobra.Command {
	return &cobra.Command{
		Use:   "adapters [NAME]",
		Short: "List the adapters that come with drover, or print one",
		Long:  adaptersPage,
		Example: `  drover adapters
  drover adapters elasticsearch-bulk > mine.yaml     # then: adapter: ./mine.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(cmd, "want at most one adapter, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				src, err := scenario.ReadbackFile(args[0])
				if err != nil {
					src, err = scenario.AdapterFile(args[0])
				}
				if err != nil {
					return fail(exitUsage, err)
				}
				_, err = cmd.OutOrStdout().Write(src)
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "target.adapter\t")
			for _, name := range scenario.Adapters() {
				fmt.Fprintf(w, "  %s\t%s\n", name, scenario.AdapterDescription(name))
			}
			fmt.Fprintln(w, "\t\ntarget.readback.adapter\t")
			for _, name := range scenario.Readbacks() {
				fmt.Fprintf(w, "  %s\t%s\n", name, scenario.ReadbackDescription(name))
			}
			return w.Flush()
		},
	}
}

// adaptersPage is "drover help adapters".
const adaptersPage = `adapters lists the ways to speak to a backend that come with drover; with a name it prints that one's file, to be copied and
changed. target.adapter takes a name, the path of a file beside the scenario, or what is under spec in such a file:

  target:
    url: http://127.0.0.1:8123
    allowHosts: []                    # name the host when it is another machine
    auth: {type: basic, user: me, passwordFrom: {env: DB_PASSWORD}}
    adapter:
      per: upload                     # a device's upload in a request; event: one event in each; devices: uploads of several, see below
      keyHeader: none                 # header of the idempotency key
      upload:
        method: POST
        path: /
        query: {query: "INSERT INTO events FORMAT JSONEachRow", tenant: "${account.tenant_id}"}
        body: ndjson                  # json, ndjson, text, or format for drover's own documents
        event: {id: "${event.id}", at: "${event.time:unixms}", run: "${run.id}", domain: "${web.domain}", doc: "${event.upload:text}"}
        success: {status: 200}

Fields. A text has fields in it, ${name}: run.id, upload.key, and what the native format has, by the same names: device.id,
device.os_version, account.tenant_id, event.id, event.kind, event.time, web.domain, app.memory.app_kib ... A wrong name is an
error with its position, before anything is sent. Alone in a text a field is what it is in JSON, a number or an object; among
others it is text. ${event.time} has the forms rfc3339, iso7, unix, unixsec, unixms and unixns: ${event.time:unixms}; ${x:text} puts
anything into quotes. ${event.json} is the native event, ${event.upload} the same with its device around it. What stands around
a list of events is document, with ${upload.events} where the list goes. A param has no dot in its name: so ${target} is one.

No value. A heartbeat has no web.domain, and a threat has none where privacy stripped it. In JSON the member or element with such
a field is left out, with the object around it when that would be empty: it is never null or "". In a text nothing can be left
out, so such a field has to stand in $[...], which is written only when all fields in it have a value: "threat$[ at ${web.domain}]".
A header or a parameter of a query without a value is left out. $${ and $$[ stand for ${ and $[ themselves.

Accepted. An answer says yes when its status is one of success.status (200-299), and success.say, a place in the answer, is one
of success.yes. With items each event has a result: those that are refused are counted as refused, the others as accepted; when all
are, the upload is refused. items.again are statuses that ask for an event again: the next attempt has those events alone, with another
idempotency key, and when no attempt is left they are refused, or unanswered where the last ones had no answer. An answer that lacks what it should have is a bad answer: nobody knows what was stored. A 2xx whose
body says no is of class "rejected" and not tried again; 429 and 5xx are. verdicts say what the backend makes of events.

Look-ups. Beside what they upload devices may ask for something, each time in a request of its own that brings no events:

  config:                             # a device's configuration: with its first upload, and with the first one after every
    path: /v1/devices/${device.id}/config
    every: 24h                        # of the device's time
  verdict:                            # what the backend makes of the domain of a threat, beside the upload with it
    method: POST                      # GET without a body, which document (JSON) or form (parameters) makes
    path: /v1/lookup
    document: {domain: "${web.domain}", event: "${event.id}"}
    success: {status: [200, 404]}
    verdict: {word: result.verdict, score: result.score, words: {bad: malware, good: benign}}

They are due when the upload is, and are sent, timed and tried again like one; a rate of uploads is without them. Reports and checks
call them the operations config and verdict (where: {op: config}), and nothing that is said of uploads has them in it. A verdict
is asked of each threat whose domain is reported: what privacy strips is asked of nobody. Then the verdicts of the look-ups are
the backend's, and what it answers to uploads about threats is not read. An answer of success without the word, or with one that is
not known, is no verdict. Before the run one of each is made, and has to be answered. drover plan has how many are expected in each phase.

Tokens. Where a device gets its credential by a request that is not OAuth2's client credentials (target.auth of type oauth2 is those):

  auth: {type: token, secretFrom: {env: ENROL_CODE}, header: X-Session}   # where the token goes; without header Authorization: Bearer
  adapter:
    token:
      path: /v1/devices/${device.id}/session        # below target.url, or auth.tokenURL
      document: {code: "${auth.secret}"}            # the secret; it can be in headers, document and form of token alone
      token: session.id                             # place in the answer
      expires: session.seconds                      # without it the token is used until it is refused

A device asks before its first upload, in the upload's own time, and again before the token expires or when it was refused. The
report has how long that took beside the connections. What is read back goes out by the first device's token, or by
readback.auth.

One event in a request. With per: event each event is a request. Where a backend takes one event another way than several, single says how
an upload that has one event goes out, in the fields of upload; all others go as upload says:

  adapter:
    upload: {path: /events/batch, document: {events: "${upload.events}"}, event: "${event.upload}"}
    single: {path: /events, event: "${event.upload}"}

These requests are of the operation single, in reports and in checks (where: {op: single}), and they are uploads like the others: what is
said of all uploads has them in it. Before the run there is one of each.

Several devices in a request. As a gateway or a log shipper sends them that gathers what many devices upload:

  adapter:
    per: devices
    gather: {uploads: 20, wait: 200ms}                # a request goes when it has 20, or when the first has waited so long for others
    upload: {path: /ingest, body: ndjson, event: "${event.upload}"}

Uploads of one tenant go together, enrolments with enrolments; look-ups go alone. What stands around the events, as path, query, headers
and document, is the same for the whole tenant: of fields it has run.id, account.tenant_id, account.org_id, app.name and, but for the
document, upload.key. In event each has its own device. With body: format that is otlp or otlp-json, where each upload is a resource, or
ocsf, ecs, mde or cloudevents-batch.

Each upload keeps its own times and its own fate: what it waits for the others is response time, and no send lag. A status is for all of a
request; items, and verdicts by id or in order, are for single events. A request is tried again as it was, with the same key, its first
event's id with the number of uploads, but without what an answer has settled. Of client.faults those of its first upload strike.
client.maxOpen bounds requests, client.queue the uploads that wait, for others or for a connection. drover's own API, messages, the closed
model, and connections or tokens of each device have no such requests. drover replay sends the uploads of its device one by one.

Read back. target.readback.adapter takes a preset, too, as "victorialogs" or "elasticsearch", and the fields beside it go before what the
preset says; url is where the server shows what it stored when that is not below target.url, or file:PATH, event is where the event is, also when
it is a text with the document in it: then contents are compared. auth beside them is a credential of its own, of type none, bearer, basic or
header: {adapter: victorialogs, auth: {type: basic, user: reader, passwordFrom: {env: READ_PASSWORD}}}. It is read until two looks show the same and all that was
accepted, or until settle is over.

Before the run one heartbeat is sent, and another one by single where the adapter has it, under the run's id with "-preflight" behind it, and
the read-back has to show them. A wrong credential, a mapping that the server refuses, or an event that is not found ends drover with exit
code 5, before any load.

Traps that only a read-back finds:
  - a server that drops a bad line among good ones and answers 200, or all of them when contentType is form-urlencoded;
  - a 200 with every event refused inside (_bulk): without items it counts as accepted;
  - what was acknowledged and only in memory when the server died; what was stored twice because it was sent again;
  - stored data that shows after a second: target.readback.settle is how long drover looks.

Credentials. auth.type is one of these; auth.sign and a certificate go with any of them:

  auth: {type: none}
  auth: {type: basic, user: me, passwordFrom: {env: PASSWORD}}
  auth: {type: bearer, tokenFrom: {env: TOKEN}}
  auth: {type: header, header: X-API-Key, tokenFrom: {file: key.txt}}            # with prefix: "Splunk " before it, e.g.
  auth: {type: oauth2, tokenURL: "https://127.0.0.1:9443/token", clientId: me, clientSecretFrom: {env: SECRET}, scope: "logs:write"}
  auth: {type: token, secretFrom: {env: ENROL_CODE}, header: X-Session}          # each device's own, as token of the adapter says
  auth: {type: none, sign: {keyFrom: {env: KEY}, header: X-Signature, prefix: "sha256="}}     # HMAC of the body
  tls: {caFrom: {file: ca.pem}, clientCertificate: {certFrom: {file: me.pem}, keyFrom: {file: me-key.pem}}}      # mTLS
  tls: {clientCertificates: {caFrom: {file: ca.pem}, keyFrom: {file: ca-key.pem}}}     # one for each device; client: {connections: per-device}`
