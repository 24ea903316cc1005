//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"drover/sim/backend"
)

// With 64 servers of exactly 1 ms, those due from 3,999 ms on meet the freeze: 2,000 wait from 2,001 ms downwards, and those
// behind them until the servers have caught up.
func TestTruth(t *testing.T) {
	var log []backend.Exchange
	begin := time.Now()
	for i := range 100 {
		at := begin.Add(time.Duration(i) * time.Millisecond)
		log = append(log, backend.Exchange{Read: at, Answered: at.Add(time.Millisecond)})
	}
	got := truth(log)
	if got[0] != time.Millisecond || got[1] < 1890*time.Millisecond || got[1] > 1910*time.Millisecond || got[2] < 1985*time.Millisecond || got[2] > 1995*time.Millisecond {
		t.Errorf("truth = %v", got)
	}
}

// An even schedule is even whenever it began; one of pairs is half a period off, and half of it is bunched.
func TestEven(t *testing.T) {
	begin := time.Now()
	var even, pairs []backend.Exchange
	for i := range 1000 {
		even = append(even, backend.Exchange{Read: begin.Add(time.Duration(i) * time.Millisecond)})
		pairs = append(pairs, backend.Exchange{Read: begin.Add(time.Duration(i/2*2) * time.Millisecond)})
	}
	var s seen
	if s.even(even, 1000); s.P50 > time.Microsecond || s.P99 > time.Microsecond || s.Bunched != 0 {
		t.Errorf("even: %+v", s)
	}
	s = seen{}
	if s.even(pairs, 1000); s.P99 < 900*time.Microsecond || s.P99 > 1100*time.Microsecond || s.Bunched != 0.5 {
		t.Errorf("pairs: %+v", s)
	}
}

// Each of vegeta's targets has a body of its own, as long as drover's.
func TestTargets(t *testing.T) {
	r, w := io.Pipe()
	go targets(w, "http://x")
	defer r.Close()
	dec := json.NewDecoder(r)
	var last []byte
	for range 100 {
		var line struct {
			Method, URL string
			Body        []byte
		}
		if err := dec.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Method != "POST" || line.URL != "http://x/v1/events" || bytes.Equal(line.Body, last) || len(line.Body) < bodyBytes-8 || len(line.Body) > bodyBytes+8 {
			t.Fatalf("%s %s with %d bytes", line.Method, line.URL, len(line.Body))
		}
		last = line.Body
	}
}

// A section that does not exist is a mistake, not an empty run.
func TestChosen(t *testing.T) {
	all := []section{{name: "max"}, {name: "rate"}, {name: "memory"}, {name: "soak", asked: true}}
	for only, want := range map[string]int{"": 3, "rate": 1, "soak": 1, "memory, max": 2, "rat": -1, "max,": -1} {
		list, err := chosen(all, only)
		if err == nil && len(list) != want || (err != nil) != (want < 0) {
			t.Errorf("-only %q: %d sections, %v", only, len(list), err)
		}
	}
	var bad *usageError
	for _, args := range [][]string{{"-only", "x"}, {"-rounds", "0"}, {"-for", "1ms"}, {"-for", "1500ms"}, {"-soak", "1s"}, {"max"}, {"-nonsense"}} {
		if err := bench(t.Context(), args); !errors.As(err, &bad) {
			t.Errorf("bench(%q) = %v, want a mistake on the command line", args, err)
		}
	}
}

// A page of metrics tells of memory, and of uploads over all phases and fates; one that does not is no page of drover's.
func TestReadHeap(t *testing.T) {
	const memory = "# TYPE go_memstats_heap_alloc_bytes gauge\ngo_memstats_heap_alloc_bytes 1.2e+07\n# TYPE go_memstats_alloc_bytes_total counter\ngo_memstats_alloc_bytes_total 3.4e+07\n"
	const uploads = "# TYPE drover_uploads_total counter\ndrover_uploads_total{phase=\"day\",fate=\"accepted\"} 70\ndrover_uploads_total{phase=\"day\",fate=\"failed\"} 7\n"
	h, err := readHeap(strings.NewReader(memory + uploads))
	if err != nil || h.live != 12e6 || h.allocated != 34e6 || h.uploads != 77 || h.at.IsZero() {
		t.Errorf("%+v, %v", h, err)
	}
	for text, want := range map[string]string{memory: "drover does not tell of drover_uploads_total", "<html>": "text format parsing error"} {
		if _, err := readHeap(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
