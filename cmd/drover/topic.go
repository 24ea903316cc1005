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
