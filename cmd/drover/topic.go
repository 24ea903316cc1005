package main

import "github.com/spf13/cobra"

// backendTopic is "drover help backend".
func backendTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "backend",
		Short: "What a backend of your own has to answer",
		Long: `With the adapter "drover" a backend gets these requests; "drover help adapters" says how others are spoken to. "drover serve" is one that answers them all, and
"drover events NAME --format uploads" prints the bodies.

  POST /v1/enroll   once for each device, in a phase that enrols; leave the phase out if you have no such endpoint
  POST /v1/events   every other upload: {"v":1, "device":…, "account":…, "app":…, "events":[…]}

Headers: Content-Type: application/json; X-Drover-Run, the run's id; Idempotency-Key, the same for all attempts of an
upload; Content-Encoding: gzip with compression; Authorization: Bearer with auth. Event ids are stable over attempts.

  2xx                accepted. The body of an answer to /v1/events is {"accepted":n}, with the number of events taken.
                     "verdicts":[{"seq":7,"verdict":"malicious","category":"phishing","score":0.97}] gives a verdict
                     on the web.threat with that seq ("benign" and "unknown" are others); checks of verdicts need them
  429, 5xx           tried again with back-off, after Retry-After where it is given
  any other answer   refused, and not tried again

Before the run drover asks GET /healthz and posts to /v1/events without a body: any answer but 401 or 403 will do.
After it, GET /v1/audit/counts?run=ID may say what was stored, {"total":{"kinds":{"heartbeat":12, …}}}; checks of
counts need it and are "not checked" without.`,
	}
}

// databaseTopic is "drover help database". Its queries run in a test.
func databaseTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "database",
		Short: "The file that the reference backend stores in with --db, and how to ask it",
		Long: `With --db FILE "drover serve", and "drover run" with the embedded backend, keep what they store in an SQLite database as
well as in memory. It is for two things: a backend that was killed and is started again on its file goes on where it was, and
whoever has the file can look into it afterwards with sqlite3 or any other tool.

  drover run smoke --db smoke.db --out out
  sqlite3 smoke.db "SELECT kind, count(*) FROM events GROUP BY kind"

What is promised: an upload is acknowledged, and a withdrawal answered, after its commit was written and synced (WAL, synchronous=
FULL). So it is there after kill -9, and after a power cut as far as the disk keeps what it says it has. Many uploads share one
commit. What cannot be written, e.g. on a full disk, is answered 503 and never acknowledged; the next upload tries again, and
when it can be written everything goes on. Stored but not acknowledged is possible: the answer to what was just committed may be
lost. The audit shows an event from the moment at which it is in memory, which is that much earlier.

All that is in the file is loaded into memory at the start, some 350 bytes an event, and counts against --max-events. What is not in
it: figures of /metrics that are not about events, requests over a defect's capacity, secrets.

While drover has the file open nobody else can, and a second drover is refused. A clean end leaves one file. After kill -9 there is
FILE-wal beside it: it belongs to it, copy both; sqlite3 takes it in when it opens FILE. drover run wants a new file, since a report
is about one run; drover serve keeps many runs apart by their ids.

events, one row for each event in store:
  no                 in the order in which they came
  run, tenant        X-Drover-Run and account.tenant_id
  device             device.id: the GUID or the MAC address
  seq, kind, time, id  of the event, as sent; time is the device's
  received           the backend's time
  how                null: it was sent. By a defect: copied (it came again and was stored again), swapped (another tenant's,
                     stored as this one's), leaked (another tenant's, shown to this one's readers)
  visible_from       by a defect: the audit shows it from then on
  erased             null, or when consent was taken back; the body is gone then, overwritten in the file
  body               the event as stored, JSON as it came; a defect may have changed or cut it
  sender             {"device":{},"account":{},"app":{}} of its upload

verdicts, one row for each verdict that was answered: run, tenant, id, seq, verdict (malicious, benign, unknown), category, score,
answered. An event that comes again is judged again.

planted, one row for each time that a defect struck: defect, id (of the event, or of the first one of the request). It counts what a
checker has to find. tenant has, for each run and tenant, the duplicates and those refused because their id belonged to another event.

Queries:

  -- what each tenant has
  SELECT run, tenant, count(*), count(DISTINCT device) FROM events GROUP BY run, tenant;
  -- stored more than once
  SELECT tenant, id, count(*) AS copies FROM events GROUP BY run, tenant, id HAVING copies > 1;
  -- sequence numbers that are missing between those of a device that are there
  SELECT device, max(seq) - min(seq) + 1 - count(DISTINCT seq) AS missing FROM events GROUP BY run, device HAVING missing > 0;
  -- the last events of a device
  SELECT time, kind, body FROM events WHERE device = '…' ORDER BY seq DESC LIMIT 10;
  -- fields of bodies and senders
  SELECT sender ->> '$.device.os_version' AS ios, count(*) FROM events WHERE kind = 'app.crash' GROUP BY ios;
  -- verdicts that changed when an event came again
  SELECT tenant, id, group_concat(DISTINCT coalesce(category, verdict)) AS answers FROM verdicts GROUP BY run, tenant, id HAVING count(DISTINCT coalesce(category, verdict)) > 1;
  -- how often each defect struck
  SELECT defect, count(*) FROM planted GROUP BY defect;

Other columns of the tables are described in the file itself: sqlite3 FILE .schema`,
	}
}
