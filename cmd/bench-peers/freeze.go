//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"time"

	"drover/sim/backend"
)

// The freeze test: uploads at 1,000/s for ten seconds, 64 connections, and a server that answers in a millisecond but stands
// still for two seconds. Most load generators call its p99 a few milliseconds.
const (
	freezeRate  = 1000
	freezeSpan  = 10 * time.Second
	freezeAfter = 4 * time.Second
	freezeFor   = 2 * time.Second
	freezeConns = 64
)

// waits are p50, p99 and p99.9.
type waits [3]time.Duration

func (w waits) String() string {
	s := ""
	for _, d := range w {
		if d == 0 {
			s += fmt.Sprintf(" %10s", "–")
		} else {
			s += fmt.Sprintf(" %10.2f", millis(d))
		}
	}
	return s
}

func waitsOf(d []time.Duration) waits {
	d = slices.Sorted(slices.Values(d))
	at := func(q float64) time.Duration { return d[min(len(d)-1, max(0, int(math.Ceil(q*float64(len(d))))-1))] }
	return waits{at(0.5), at(0.99), at(0.999)}
}

// truth computes what uploads on schedule must have waited: a queue of 64 servers that serve in the order of arrival, each in
// what the sink took for an upload outside of the freeze.
func truth(log []backend.Exchange) waits {
	var served []time.Duration
	begin := log[0].Read
	for _, e := range log {
		if took := e.Answered.Sub(e.Read); e.Read.Sub(begin) < freezeAfter/2 {
			served = append(served, took)
		}
	}
	service := waitsOf(served)[0]
	free := make([]time.Duration, freezeConns)
	var all []time.Duration
	for k := range freezeRate * int(freezeSpan.Seconds()) {
		due := time.Duration(k) * time.Second / freezeRate
		first := slices.Index(free, slices.Min(free))
		end := max(due, free[first]) + service
		if end >= freezeAfter && end < freezeAfter+freezeFor {
			end = freezeAfter + freezeFor
		}
		free[first] = end
		all = append(all, end-due)
	}
	return waitsOf(all)
}

func (l *lab) freeze(ctx context.Context) error {
	fmt.Printf("\nFreeze: %d/s for %v, 64 connections; the server answers in 1 ms and stands still for %v\n", freezeRate, freezeSpan, freezeFor)
	clients := []client{l.droverClient("drover", "rate.yaml", freezeSpan, "--set", fmt.Sprintf("rate=%d/s", freezeRate))}
	if l.vegeta != "" {
		clients = append(clients, l.vegetaClient(freezeRate, freezeSpan))
	}
	if l.k6 != "" {
		clients = append(clients, client{name: "k6", args: []string{l.k6, "run", "--quiet", "--summary-export=" + l.path("k6.json"), l.path("unique.js")},
			env: []string{"FOR=" + seconds(freezeSpan), fmt.Sprintf("RATE=%d", freezeRate)}})
	}
	fmt.Printf("  %-12s %10s %10s %10s %8s %6s\n", "", "p50 ms", "p99 ms", "p99.9 ms", "unsent", "conns")
	const want = freezeRate * int(freezeSpan/time.Second)
	for i, c := range clients {
		t, err := l.measure(ctx, c, "-delay", "1ms", "-freeze", freezeFor.String(), "-after", freezeAfter.String(), "-log", fmt.Sprint(2*want), "-whole")
		if err != nil {
			return err
		}
		real := truth(t.Log)
		said, service, err := l.said(ctx, c.name)
		if err != nil {
			return err
		}
		fmt.Printf("  %-12s%v\n  %-12s%v %8d %6d\n", "truth", real, c.name, said, want-t.Uploads, t.Most)
		if i > 0 {
			continue
		}
		fmt.Printf("  %-12s%v\n", "  service", service)
		goal("p50, distance from the truth", math.Abs(millis(said[0]-real[0])), 0.3, " ms")
		for i, name := range []string{"p99", "p99.9"} {
			goal(name+", distance from the truth", 100*math.Abs(float64(said[i+1]-real[i+1]))/float64(real[i+1]), 1, " %")
		}
	}
	return nil
}

// said is what a client reported of its last run.
func (l *lab) said(ctx context.Context, name string) (response, service waits, err error) {
	switch name {
	case "drover":
		r, err := l.report()
		for what, into := range map[string]*waits{"response": &response, "service": &service} {
			q := r.Latency[what]
			*into = waits{time.Duration(q.P50), time.Duration(q.P99), time.Duration(q.P999)}
		}
		return response, service, err
	case "vegeta":
		var r struct {
			Latencies map[string]int64 `json:"latencies"`
		}
		err = decodeOutput(exec.CommandContext(ctx, l.vegeta, "report", "-type=json", l.path("vegeta.bin")), &r)
		return waits{time.Duration(r.Latencies["50th"]), time.Duration(r.Latencies["99th"])}, service, err
	}
	var r struct {
		Metrics map[string]map[string]any `json:"metrics"`
	}
	b, err := os.ReadFile(l.path("k6.json"))
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	ms := func(key string) time.Duration {
		v, _ := r.Metrics["http_req_duration"][key].(float64)
		return time.Duration(v * 1e6)
	}
	return waits{ms("med"), ms("p(99)"), ms("p(99.9)")}, service, err
}

func decodeOutput(cmd *exec.Cmd, into any) error {
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", cmd, err)
	}
	return json.Unmarshal(out, into)
}
