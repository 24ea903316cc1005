//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// scenario is what drover runs: 10,000 devices with three kinds of small event. The verbs are for the rate, TLS, the batch and the load.
const scenario = `apiVersion: drover/v1
kind: Scenario
metadata: {name: peers}
spec:
  seed: 7
  params:
    target: {type: url, default: embedded}
    for: {type: duration, default: 4s}
    %s
  target:
    url: ${target}
    %s
    client: {maxOpen: 64, queue: 100000, timeout: 30s, batch: {maxEvents: %d, maxAge: 7d}, retry: {maxAttempts: 1}}
  fleets:
    - name: contoso
      devices: 10000
      cohorts:
        - {name: phones, weight: 100, profile: enterprise-iphone, behavior: plain}
  behaviors:
    plain:
      day: {shape: always-on}
      events:
        heartbeat: {every: 1h, jitter: 10%%}
        memory: {every: 1h, jitter: 10%%}
        appAction: {perDay: 6}
  load: %s
`

const (
	closedLoad = `{model: closed, concurrency: 64, phases: [{name: day, for: "${for}"}]}`
	rateLoad   = `{arrivals: even, phases: [{name: day, for: "${for}", rate: "${rate}"}]}`
)

// bodyBytes is about how long a native upload of one event is; the peers' bodies are as long.
const bodyBytes = 704

// restBytes is what fills a body up beside its device, time and number.
const restBytes = bodyBytes - len(`{"deviceId":"00000000-0000-4000-8000-000000000000","timestamp":1777900000,"sequence":100000,"rest":""}`)

// luaScript makes each body unique in wrk: a device, a time and a number.
const luaScript = `local format, random = string.format, math.random
local n = 0
local rest = string.rep("x", %d)
wrk.headers["Content-Type"] = "application/json"
function request()
  n = n + 1
  return wrk.format("POST", "/v1/events", nil, format('{"deviceId":"%%08x-%%04x-4000-8000-%%012x","timestamp":%%d,"sequence":%%d,"rest":"%%s"}',
    random(0, 0x7fffffff), random(0, 0xffff), random(0, 0x7fffffff), 1777900000 + n, n, rest))
end
`

// k6Script is the same for k6. The load comes from the environment.
const k6Script = `import http from 'k6/http';
const rate = parseInt(__ENV.RATE || '0');
const load = rate > 0
  ? {executor: 'constant-arrival-rate', rate: rate, timeUnit: '1s', preAllocatedVUs: 64, maxVUs: 64, duration: __ENV.FOR}
  : {executor: 'constant-vus', vus: 64, duration: __ENV.FOR};
export const options = {discardResponseBodies: true, scenarios: {load: load}, summaryTrendStats: ['med', 'p(99)', 'p(99.9)']};
const rest = 'x'.repeat(%d);
const hex = (n) => Math.floor(Math.random() * n).toString(16);
let n = 0;
export default function () {
  n++;
  const body = JSON.stringify({deviceId: hex(2 ** 31) + '-' + hex(65536) + '-4000-8000-' + hex(2 ** 47), timestamp: Date.now(), sequence: n, rest: rest});
  http.post(__ENV.URL + '/v1/events', body, {headers: {'Content-Type': 'application/json'}});
}
`

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) writeFiles() error {
	for name, text := range map[string]string{
		"closed.yaml": fmt.Sprintf(scenario, "", "", 1, closedLoad),
		"batch.yaml":  fmt.Sprintf(scenario, "", "", 25, closedLoad),
		"tls.yaml":    fmt.Sprintf(scenario, "", "tls: {minVersion: 1.3, caFrom: {file: "+l.path("ca.pem")+"}}", 1, closedLoad),
		"rate.yaml":   fmt.Sprintf(scenario, "rate: {type: rate, default: 5000/s}", "", 1, rateLoad),
		"unique.lua":  fmt.Sprintf(luaScript, restBytes),
		"unique.js":   fmt.Sprintf(k6Script, restBytes),
		"body.json":   `{"rest":"` + strings.Repeat("x", bodyBytes-11) + `"}`,
	} {
		if err := os.WriteFile(l.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
