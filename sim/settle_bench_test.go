package sim

import (
	"bufio"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/ledger"
	"drover/sim/measure"
)

// BenchmarkSettle settles runs of which a backend held everything, one event in a thousand twice: the ledger is read, every event
// made anew, the read-back unpacked and taken apart, and one held against the other. Of what is not asked for, the run itself and its
// read-back, nothing is timed. peak-MB is the most memory that the process held meanwhile.
//
//	go test ./sim -run '^$' -bench 'Settle/million' -benchtime 1x
//	DROVER_MILLION=1 go test ./sim -run '^$' -bench 'Settle/ten' -benchtime 1x -timeout 30m
func BenchmarkSettle(b *testing.B) {
	b.Run("million", func(b *testing.B) { benchmarkSettle(b, 1_000_000) })
	b.Run("ten", func(b *testing.B) {
		if os.Getenv("DROVER_MILLION") == "" {
			b.Skip("ten million events take minutes: set DROVER_MILLION")
		}
		benchmarkSettle(b, 10_000_000)
	})
}

func benchmarkSettle(b *testing.B, events int64) {
	// 4000 uploads a second of up to 25 events, about 20 in the mean.
	text := strings.NewReplacer("LOAD", rateLoad("even", "4000/s", fmt.Sprintf("%ds", events/65_000)), "MAXOPEN", "64",
		"BATCH", "{maxEvents: 25, maxAge: 7d, urgent: []}", "RETRY", "{maxAttempts: 1}",
		"    url: embedded\n", "    url: embedded\n    readback: {adapter: drover-audit, settle: 30s}\n",
		"devices: 200", "devices: 2000", "crash: {perDay: 1,", "crash: {perDay: 0.015,").Replace(small)
	m := model(b, parseText(b, text))
	dir := b.TempDir()
	want, err := heldWhole(m, dir)
	if err != nil {
		b.Fatal(err)
	}
	debug.FreeOSMemory()
	peak, stop := watchMemory()
	for b.Loop() {
		x, err := ledger.ReadIndex(dir, m.Fleet.Partition)
		if err != nil {
			b.Fatal(err)
		}
		s := Settlement{Model: m, Format: native, Index: x, Temp: dir, Readback: func() (io.ReadCloser, error) {
			f, err := os.Open(filepath.Join(dir, "readback"))
			if err != nil {
				return nil, err
			}
			z, err := zstd.NewReader(f)
			if err != nil {
				return nil, errors.Join(err, f.Close())
			}
			return z.IOReadCloser(), nil // the file goes with the process
		}}
		got, err := s.Settle()
		if err != nil {
			b.Fatal(err)
		}
		if got.Blind != "" || got.Events != want || got.Duplicated != want/1000 || got.Once != want-want/1000 || want < events {
			b.Fatalf("%d events, %d once, %d doubled, want %d, %s", got.Events, got.Once, got.Duplicated, want, got.Blind)
		}
	}
	stop()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(want), "ns/event")
	b.ReportMetric(float64(want), "events")
	b.ReportMetric(float64(*peak)/1e6, "peak-MB")
}

// heldWhole writes what a run leaves of which every upload was taken: its ledger and its read-back. It returns how many events
// there are.
func heldWhole(m *Model, dir string) (n int64, err error) {
	w, err := ledger.Create(dir, ledger.Header{Run: "r", Digest: m.Scenario.Digest, Partitions: partitions(m)})
	if err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(dir, "readback"))
	if err != nil {
		return 0, err
	}
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(z, 1<<20)
	fmt.Fprintf(out, "%s{\"run\":\"r\",\"adapter\":\"drover-audit\"}\n#look {\"at_ns\":0}\n", readBackVersion)
	r, s := NewRetracer(m, native), NewSchedule(m, partitions(m))
	var a Arrival
	for s.Next(&a) {
		w.Add(&ledger.Upload{
			Op: a.Op, Phase: a.Phase, Device: a.Upload.Device, FirstSeq: a.Upload.FirstSeq, Events: len(a.Upload.Items), Outcome: measure.Accepted,
			Class: measure.OK, Attempts: 1, Intended: a.At, First: a.At, Sent: a.At, Done: a.At + time.Millisecond,
		})
		if err := r.Documents(&a.Upload, func(_ *event.Event, doc []byte) error {
			doc = append(doc, '\n')
			if n++; n%1000 == 0 {
				out.Write(doc)
			}
			_, err := out.Write(doc)
			return err
		}); err != nil {
			return 0, err
		}
	}
	fmt.Fprintf(out, "#end {}\n#over {\"why\":\"\"}\n")
	return n, errors.Join(s.Err(), w.Close(), out.Flush(), z.Close(), f.Close())
}

// watchMemory notes the most memory that the process holds of the system's, fifty times a second, until it is stopped.
func watchMemory() (peak *uint64, stop func()) {
	peak = new(uint64)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		of := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for {
			metrics.Read(of)
			*peak = max(*peak, of[0].Value.Uint64()-of[1].Value.Uint64())
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return peak, func() { close(over); <-done }
}

// BenchmarkShown takes apart what a foreign backend shows of an event: the places are looked up, the document in it is read.
func BenchmarkShown(b *testing.B) {
	m := model(b, parse(b, rateLoad("even", "100/s", "2s"), "    url: embedded\n",
		"    url: embedded\n    readback: {adapter: http, request: /whole, items: data.list, id: meta.id, tenant: meta.org, event: doc}\n"))
	s := NewSchedule(m, partitions(m))
	var a Arrival
	s.Next(&a)
	var line []byte
	if err := NewRetracer(m, native).Documents(&a.Upload, func(e *event.Event, doc []byte) error {
		line = fmt.Appendf(nil, `{"meta":{"id":%q,"org":%[1]q},"doc":%s}`, fleet.GUID(e.ID), doc)
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	c, p := &Settlement{Model: m}, ledger.NewPrinter(maphash.MakeSeed())
	b.ReportAllocs()
	for b.Loop() {
		if pr := c.print(p, line); pr.Has&ledger.HasID == 0 || pr.Has&ledger.HasTenant == 0 {
			b.Fatalf("of %s: %+v", line, pr)
		}
	}
}
