//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// memory compares a short run with a long one, by all that was ever resident, and then looks at what is live in the heap of a third while it
// runs: that tells what uploads leave behind from garbage and from what the Go runtime keeps of the system's memory.
func (l *lab) memory(ctx context.Context) error {
	rounds := l.rounds
	l.rounds = 1
	defer func() { l.rounds = rounds }()
	clients := []client{l.droverClient("drover 10s", "closed.yaml", 10*time.Second), l.droverClient("drover 30s", "closed.yaml", 30*time.Second)}
	all, err := l.section(ctx, "Memory of drover, 64 connections, 10,000 devices", clients)
	if err != nil {
		return err
	}
	table(clients, all)
	goal("resident", median(all[1], func(t took) float64 { return float64(t.rss) / 1e6 }), 60, " MB")
	short, long := &all[0][0], &all[1][0]
	// What grows is garbage that was not collected yet, pages of the histograms where latencies come that none had before, and the timeline,
	// by a few KB a second for ten minutes at most; -only soak shows that.
	goal("growth for each upload", float64(long.rss-short.rss)/float64(max(1, long.Uploads-short.Uploads)), 1, " bytes")

	first, last, err := l.heaps(ctx, l.droverClient("drover", "closed.yaml", lookLast+2*time.Second))
	if err != nil {
		return err
	}
	uploads := last.uploads - first.uploads
	fmt.Printf("  live heap %.2f MB, and %.2f MB %.0f s and %.0f uploads later, in which %.2f MB were allocated, most of them to tell this\n",
		first.live/1e6, last.live/1e6, last.at.Sub(first.at).Seconds(), uploads, (last.allocated-first.allocated)/1e6)
	goal("growth of the live heap for each upload", (last.live-first.live)/max(1, uploads), 1, " bytes")
	return nil
}

// When a run is looked at, from its start: once a second from half of the first on, and what counts is then and at the last.
const (
	lookFirst = 10 * time.Second
	lookLast  = 28 * time.Second
)

// heap is what drover tells of its memory while it runs.
type heap struct {
	at        time.Time
	live      float64 // bytes
	allocated float64 // bytes that were ever allocated
	uploads   float64
}

// heaps looks twice at a run of drover whose garbage is collected whenever it is a hundredth of what is live: what its heap has is then what is
// live, or nearly so.
func (l *lab) heaps(ctx context.Context, c client) (first, last heap, err error) {
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return first, last, err
	}
	addr := port.Addr().String()
	port.Close()
	c.args = append(c.args, "--metrics", addr)
	c.env = append(c.env, "GOGC=1")
	var failed error // to look
	c.watch = func(pid int) {
		begun := time.Now()
		for tick := time.NewTicker(time.Second); ; <-tick.C {
			if _, err := residentPages(pid); err != nil {
				return // the process is gone
			}
			ran := time.Since(begun)
			if ran < lookFirst/2 {
				continue
			}
			h, err := look(ctx, "http://"+addr+"/metrics")
			switch {
			case err != nil:
				failed = err
				return
			case ran < lookFirst: // looks, too, bring the heap to its size
				first = h
			case ran >= lookLast:
				last = h
				return
			}
		}
	}
	if _, err := l.measure(ctx, c); err != nil {
		return first, last, err
	}
	if failed == nil && last.at.IsZero() {
		failed = fmt.Errorf("%s ended before %v", c.name, lookLast)
	}
	return first, last, failed
}

// look reads the metrics of a running drover.
func look(ctx context.Context, url string) (h heap, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return h, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return h, err
	}
	defer resp.Body.Close()
	return readHeap(resp.Body)
}

// readHeap reads a page of metrics in the text format.
func readHeap(r io.Reader) (h heap, err error) {
	h.at = time.Now()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return h, err
	}
	for name, to := range map[string]*float64{"go_memstats_heap_alloc_bytes": &h.live, "go_memstats_alloc_bytes_total": &h.allocated, "drover_uploads_total": &h.uploads} {
		f := families[name]
		if f == nil {
			return h, fmt.Errorf("drover does not tell of %s", name)
		}
		for _, m := range f.GetMetric() {
			*to += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return h, nil
}
