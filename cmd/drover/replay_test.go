package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/measure"
	"drover/sim/target"
)

// clocked takes all that comes and notes when.
type clocked struct {
	start time.Time
	takes time.Duration // each upload
	at    []time.Duration
	seqs  []uint32
}

func (c *clocked) Send(_ context.Context, req *target.Request, ans *target.Answer) {
	c.at, c.seqs = append(c.at, time.Since(c.start)), append(c.seqs, req.Seq)
	time.Sleep(c.takes)
	*ans = target.Answer{Class: measure.OK}
}

func (c *clocked) Close() error { return nil }

// The gaps between uploads are those of the run, by --speed, whatever the answers take: one that is held up is sent as soon as it can be,
// and those after it are on time again.
func TestReplayKeepsGaps(t *testing.T) {
	const s = time.Second
	run := []time.Duration{90 * s, 92 * s, 92 * s, 99 * s, 99*s + 500*time.Millisecond}
	for _, tt := range []struct {
		name  string
		speed float64
		takes time.Duration
		want  []time.Duration
	}{
		{"as it was", 1, 0, []time.Duration{0, 2 * s, 2 * s, 9 * s, 9*s + 500*time.Millisecond}},
		{"ten times as fast", 10, 0, []time.Duration{0, 200 * time.Millisecond, 200 * time.Millisecond, 900 * time.Millisecond, 950 * time.Millisecond}},
		{"half as fast", 0.5, 0, []time.Duration{0, 4 * s, 4 * s, 18 * s, 19 * s}},
		{"without gaps", 0, 0, []time.Duration{0, 0, 0, 0, 0}},
		{"slow answers", 1, 3 * s, []time.Duration{0, 3 * s, 6 * s, 9 * s, 12 * s}},
		{"slow answers without gaps", 0, 3 * s, []time.Duration{0, 3 * s, 6 * s, 9 * s, 12 * s}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var uploads []again
			for i, at := range run {
				uploads = append(uploads, again{at: at, n: 1, req: target.Request{Seq: uint32(i)}})
			}
			to := &clocked{start: time.Now(), takes: tt.takes}
			var out bytes.Buffer
			f := replayFlags{speed: tt.speed}
			if err := f.send(t.Context(), to, nil, uploads, &out); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(to.at, tt.want) || !slices.Equal(to.seqs, []uint32{0, 1, 2, 3, 4}) {
				t.Errorf("%s: %v sent at %v, want %v", tt.name, to.seqs, to.at, tt.want)
			}
			var printed []time.Duration
			for line := range strings.Lines(out.String()) {
				at, err := time.ParseDuration(strings.Fields(line)[0])
				if err != nil {
					t.Fatal(err)
				}
				printed = append(printed, at)
			}
			if !slices.Equal(printed, tt.want) {
				t.Errorf("%s: printed %v, want %v", tt.name, printed, tt.want)
			}
		})
	}
	// Who interrupts does not wait for the next upload.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		to := &clocked{start: time.Now()}
		err := (&replayFlags{speed: 1}).send(ctx, to, nil, []again{{n: 1}, {n: 1, at: time.Hour}}, new(bytes.Buffer))
		if took := time.Since(to.start); len(to.at) != 1 || took != time.Second || finish(err, io.Discard) != exitInterrupted {
			t.Errorf("%d sent after %v, %v", len(to.at), took, err)
		}
	})
}

// replaysOnTime holds what replay would send of a device, and when, against the ledger of the run.
func replaysOnTime(t *testing.T, dir, device string, number int) {
	t.Helper()
	var want, got []time.Duration
	for line := range strings.Lines(mustEnd(t, exitPass, "ledger", dir, "--device", device)) {
		var l ledgerLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		want = append(want, time.Duration(l.Intended))
	}
	c, err := openCase(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := c.index()
	if err != nil {
		t.Fatal(err)
	}
	uploads, err := c.uploadsOf(index, number, adapterOf(c.model, "r"))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uploads {
		got = append(got, u.at)
	}
	if slices.Sort(want); len(want) < 2 || !slices.Equal(got, want) {
		t.Errorf("uploads of the run were due at %v; replay sends them at %v", want, got)
	}
}
