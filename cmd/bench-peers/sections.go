//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"
)

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

func (l *lab) droverClient(name, file string, span time.Duration, more ...string) client {
	args := []string{l.drover, "run", l.path(file), "-q", "--set", "target=URL", "--set", "for=" + seconds(span), "--out", l.path("out")}
	return client{name: name, args: append(args, more...)}
}

// vegetaClient is a client at a rate, 0 for the maximum, by 64 workers.
func (l *lab) vegetaClient(rate int, span time.Duration, more ...string) client {
	args := []string{l.vegeta, "attack", fmt.Sprintf("-rate=%d", rate), "-workers=64", "-max-workers=64", "-connections=64",
		"-duration=" + seconds(span), "-timeout=30s", "-lazy", "-format=json", "-output=" + l.path("vegeta.bin")}
	return client{name: "vegeta", args: append(args, more...), fed: true}
}

func table(clients []client, all [][]took) {
	fmt.Printf("  %-12s %10s %8s %8s %8s %8s %8s\n", "client", "uploads/s*", "CPU us", "user", "system", "RSS MB", "conns")
	for i, c := range clients {
		t := all[i]
		n := func(x took) float64 { return float64(x.Uploads * max(1, c.per)) }
		fmt.Printf("  %-12s %10.0f %8.2f %8.2f %8.2f %8.1f %8.0f\n", c.name,
			median(t, func(x took) float64 { return float64(x.Uploads) / (x.user + x.system).Seconds() }),
			median(t, func(x took) float64 { return micros(x.cpu(c.per)) }),
			median(t, func(x took) float64 { return micros(x.user) / n(x) }),
			median(t, func(x took) float64 { return micros(x.system) / n(x) }),
			median(t, func(x took) float64 { return float64(x.rss) / 1e6 }),
			median(t, func(x took) float64 { return float64(x.Most) }))
	}
	fmt.Println("  * for each second of client CPU; CPU is for one event, medians of the rounds")
}

// max compares unique single events at the maximum rate.
func (l *lab) max(ctx context.Context) error {
	clients := []client{l.droverClient("drover", "closed.yaml", l.span)}
	goals := []float64{0}
	if l.wrk != "" {
		clients = append(clients, client{name: "wrk+Lua", args: []string{l.wrk, "-t1", "-c64", "-d" + seconds(l.span), "-s", l.path("unique.lua"), "URL"}})
		goals = append(goals, 1)
	}
	if l.vegeta != "" {
		clients = append(clients, l.vegetaClient(0, l.span))
		goals = append(goals, 0.4)
	}
	if l.k6 != "" {
		clients = append(clients, client{name: "k6", args: []string{l.k6, "run", "--quiet", l.path("unique.js")}, env: []string{"FOR=" + seconds(l.span)}})
		goals = append(goals, 0.1)
	}
	all, err := l.section(ctx, "Maximum rate: one unique event an upload, HTTP/1.1, 64 connections, everything recorded", clients)
	if err != nil {
		return err
	}
	table(clients, all)
	for i := 1; i < len(clients); i++ {
		goal("CPU, drover to "+clients[i].name, ratio(all[0], all[i], 1, 1), goals[i], "")
	}
	goal("drover's user CPU for an upload", median(all[0], func(t took) float64 { return micros(t.user) / float64(t.Uploads) }), 4, " us")
	return nil
}

// batch compares an event in a batch of 25 with one by itself.
func (l *lab) batch(ctx context.Context) error {
	clients := []client{l.droverClient("drover 25", "batch.yaml", l.span), l.droverClient("drover 1", "closed.yaml", l.span)}
	clients[0].per = 25
	all, err := l.section(ctx, "Batches of 25 events", clients)
	if err != nil {
		return err
	}
	table(clients, all)
	goal("CPU for an event, in batches of 25 to single", ratio(all[0], all[1], 25, 1), math.Round(1000./6)/1000, "")
	return nil
}

func (l *lab) tls(ctx context.Context) error {
	clients := []client{l.droverClient("drover", "tls.yaml", l.span)}
	if l.vegeta != "" {
		clients = append(clients, l.vegetaClient(0, l.span, "-root-certs="+l.path("ca.pem"), "-http2=false"))
	}
	all, err := l.section(ctx, "TLS 1.3, connections kept", clients, "-ca", l.path("ca.pem"))
	if err != nil {
		return err
	}
	table(clients, all)
	if len(clients) > 1 {
		goal("CPU, drover to vegeta", ratio(all[0], all[1], 1, 1), 0.45, "")
	}
	return nil
}

func (l *lab) rate(ctx context.Context) error {
	const span = 6 * time.Second
	for _, perSec := range []int{5000, 10_000} {
		want := perSec * int(span.Seconds())
		clients := []client{l.droverClient("drover", "rate.yaml", span, "--set", fmt.Sprintf("rate=%d/s", perSec))}
		if l.vegeta != "" {
			clients = append(clients, l.vegetaClient(perSec, span))
		}
		all, err := l.section(ctx, fmt.Sprintf("Open loop at %d/s, one client core, 64 connections", perSec), clients, "-log", fmt.Sprint(2*want), "-rate", fmt.Sprint(perSec))
		if err != nil {
			return err
		}
		fmt.Printf("  %-12s %8s %8s %10s %10s %8s %6s\n", "client", "sent %", "CPU us", "p50 off ms", "p99 off ms", "bunched", "conns")
		for i, c := range clients {
			t := all[i]
			fmt.Printf("  %-12s %8.3f %8.1f %10.3f %10.3f %8.2f %6.0f\n", c.name,
				median(t, func(x took) float64 { return 100 * float64(x.Uploads) / float64(want) }),
				median(t, func(x took) float64 { return micros(x.cpu(1)) }),
				median(t, func(x took) float64 { return millis(x.P50) }), median(t, func(x took) float64 { return millis(x.P99) }),
				median(t, func(x took) float64 { return x.Bunched }), median(t, func(x took) float64 { return float64(x.Most) }))
		}
		goal("uploads that drover sent too few or too many", median(all[0], func(t took) float64 { return math.Abs(float64(t.Uploads - want)) }), 1, "")
		if perSec == 5000 {
			goal("p50 off schedule", median(all[0], func(t took) float64 { return millis(t.P50) }), 0.1, " ms")
			goal("p99 off schedule", median(all[0], func(t took) float64 { return millis(t.P99) }), 1, " ms")
			if len(clients) > 1 {
				goal("CPU, drover to vegeta", ratio(all[0], all[1], 1, 1), 1, "")
			}
		}
	}
	return nil
}

// report reads what drover wrote of its last run.
func (l *lab) report() (r struct {
	Started time.Time `json:"started"`
	Totals  struct {
		Due     int `json:"due"`
		Dropped int `json:"dropped"`
	} `json:"totals"`
	Latency map[string]struct {
		P50  int64 `json:"p50_ns"`
		P99  int64 `json:"p99_ns"`
		P999 int64 `json:"p99.9_ns"`
	} `json:"latency"`
}, err error) {
	b, err := os.ReadFile(l.path("out/run.json"))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}
