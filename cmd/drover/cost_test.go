package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"drover/scenarios"
	"drover/sim"
	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
	"drover/sim/wire"
)

// What drover pays in CPU for an event of the working day, whatever the other side pays: that is another process.

// costRow is one way to send.
type costRow struct {
	name  string
	url   string // AT is where its sink listens, DIR a directory of its own
	sink  string // "": it has none
	block string // more of the target
}

var costRows = []costRow{
	{"http1", "http://AT", "http1", "adapter: drover\n"},
	{"http1-gzip", "http://AT", "http1", "adapter: drover\nclient: {compression: gzip}\n"},
	{"http1-tls", "https://AT", "http1+tls", "adapter: drover\ntls: {caFrom: {file: DIR/ca.pem}}\n"},
	{"http2", "http://AT", "http2", "adapter: drover\nclient: {http: 2}\n"},
	{"http2-tls", "https://AT", "http2+tls", "adapter: drover\nclient: {http: 2}\ntls: {caFrom: {file: DIR/ca.pem}}\n"},
	{"jsonlines", "http://AT", "http1", "adapter: jsonlines\n"},
	{"otlp-http", "http://AT", "http1", "adapter: otlp-http\n"},
	{"otlp-grpc", "grpc://AT", "http2", "adapter: otlp-grpc\n"},
	{"otlp-grpc-tls", "grpcs://AT", "http2+tls", "adapter: otlp-grpc\ntls: {caFrom: {file: DIR/ca.pem}}\n"},
	{"mqtt3-qos1", "mqtt://AT", "mqtt", "mqtt: {version: 3.1.1, qos: 1}\n"},
	{"mqtt5-qos0", "mqtt://AT", "mqtt", "mqtt: {version: 5, qos: 0}\n"},
	{"mqtt5-qos1", "mqtt://AT", "mqtt", "mqtt: {version: 5, qos: 1}\n"},
	{"mqtt5-qos2", "mqtt://AT", "mqtt", "mqtt: {version: 5, qos: 2}\n"},
	{"mqtt5-qos1-tls", "mqtts://AT", "mqtt+tls", "mqtt: {version: 5, qos: 1}\ntls: {caFrom: {file: DIR/ca.pem}}\n"},
	{"kafka", "kafka://AT", "kafka", ""},
	{"kafka-tls", "kafka+tls://AT", "kafka+tls", "tls: {caFrom: {file: DIR/ca.pem}}\n"},
	{"nats", "nats://AT", "nats", "nats: {jetstream: false}\n"},
	{"jetstream", "nats://AT", "nats", "nats: {jetstream: true}\n"},
	{"syslog", "syslog://AT", "syslog", ""},
	{"syslog-tls", "syslog+tls://AT", "syslog+tls", "tls: {caFrom: {file: DIR/ca.pem}}\n"},
	{"file", "file:DIR/events.ndjson", "", "file: {existing: replace}\n"},
	{"discard", "discard", "", ""},
}

// costShape is what is in a request.
type costShape struct{ uploads, events int } // so many, of so many events each

var costShapes = []costShape{{1, 1}, {1, 25}, {25, 1}}

func (c costShape) String() string {
	if c.uploads > 1 {
		return fmt.Sprintf("gathered=%d", c.uploads) // of as many devices
	}
	return fmt.Sprintf("events=%d", c.events)
}

// fits reports whether requests of a format can have that.
func (c costShape) fits(f *wire.Format) bool { return c.uploads == 1 || f.Next != nil }

// costScenario is the shipped working day of 500 devices, sent by a row in uploads of so many events.
func costScenario(tb testing.TB, row *costRow, dir, at string, events int) *sim.Model {
	tb.Helper()
	src, err := scenarios.Files.ReadFile("workday.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	swap := strings.NewReplacer("AT", at, "DIR", dir)
	text := string(src)
	from, to := strings.Index(text, "    url: ${target}"), strings.Index(text, "  privacy:")
	block := swap.Replace(row.block)
	if !strings.Contains(block, "client:") {
		block += "client: {}\n"
	}
	block = strings.Replace(block, "client: {", fmt.Sprintf("client: {batch: {maxEvents: %d, maxAge: 24h}, maxOpen: 1000, ", events), 1)
	text = text[:from] + "    url: " + swap.Replace(row.url) + "\n    " + strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n    ") + "\n" + text[to:]
	text = strings.Replace(text, "  params:\n    target: {type: url, default: embedded}\n", "", 1)
	text = strings.Replace(strings.Replace(text, "devices: 7000", "devices: 350", 1), "devices: 3000", "devices: 150", 1)
	file := filepath.Join(dir, "cost.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	sc, err := scenario.Load(file, scenario.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// costArrivals are n uploads of so many events, as the working day has them.
func costArrivals(tb testing.TB, m *sim.Model, events, n int) (list []behavior.Upload) {
	tb.Helper()
	var parts []int
	for p := range m.Fleet.Partitions() {
		parts = append(parts, p)
	}
	schedule := sim.NewSchedule(m, parts)
	for a := (sim.Arrival{}); len(list) < n; {
		if !schedule.Next(&a) {
			tb.Fatalf("the day has %d uploads of %d events, want %d", len(list), events, n)
		}
		if up := a.Upload; a.Op == measure.Upload && len(up.Items) == events {
			up.Items = slices.Clone(up.Items)
			list = append(list, up)
		}
	}
	return list
}

// costMaker makes requests as a run does, of one upload or of several.
type costMaker struct {
	m      *sim.Model
	x      *wire.Exchange
	alone  *sim.Retracer
	filler *behavior.Filler
	ev     event.Event
}

func newCostMaker(m *sim.Model, x *wire.Exchange) *costMaker {
	return &costMaker{m: m, x: x, alone: sim.NewRetracer(m, x.Format), filler: behavior.NewFiller(&m.Behavior)}
}

func (k *costMaker) request(ups []behavior.Upload, req *target.Request) {
	if len(ups) == 1 {
		k.alone.Request(&ups[0], k.x, req)
		return
	}
	from, send := 0, k.m.Behavior.Sends.All
	req.IDs = req.IDs[:0]
	for i := range ups {
		d := k.filler.Begin(&ups[i])
		if i == 0 {
			req.Body = k.x.Begin(req.Body[:0], d, send)
		} else {
			req.Body, from = k.x.Next(req.Body, from, d, send)
		}
		for n := range ups[i].Items {
			then := k.filler.Fill(&k.ev, n)
			req.Body, req.IDs = k.x.Event(req.Body, n, then, &k.ev), append(req.IDs, k.ev.ID)
		}
	}
	req.Body = k.x.End(req.Body, from)
}

// costSink starts the other sides in a process of their own and returns where they listen.
func costSink(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), costSinksIn+"="+dir), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { in.Close(); cmd.Wait() })
	where := map[string]string{}
	for said := bufio.NewScanner(out); said.Scan(); {
		name, at, more := strings.Cut(said.Text(), " ")
		if !more {
			return where
		}
		where[name] = at
	}
	tb.Fatal("the sinks have ended")
	return nil
}

// costSinksIn is the directory in which the test binary is to be the other sides.
const costSinksIn = "DROVER_BE_COST_SINKS"

// beCostSinks is that process. It ends with its parent.
func beCostSinks(dir string) {
	where, err := openCostSinks(dir)
	if err != nil {
		panic(err)
	}
	for name, at := range where {
		fmt.Println(name, at)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// costSide is a row ready to be sent by, and n requests of a shape; none: the row has no such requests.
func costSide(tb testing.TB, row *costRow, dir string, sinks map[string]string, shape costShape, n int) (*side, []*target.Request) {
	tb.Helper()
	m := costScenario(tb, row, dir, sinks[row.sink], shape.events)
	s, err := openSide(m, "run", io.Discard, "")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.close)
	x := &s.adapter.Ops[measure.Upload]
	if p := m.Scenario.Target.Protocol; !shape.fits(&x.Format) || shape.uploads > 1 && p.Messages() {
		return s, nil
	}
	maker := newCostMaker(m, x)
	var list []*target.Request
	for ups := range slices.Chunk(costArrivals(tb, m, shape.events, n*shape.uploads), shape.uploads) {
		req := &target.Request{Op: measure.Upload}
		maker.request(ups, req)
		list = append(list, req)
	}
	return s, list
}

// costSend sends an upload as a run does, and reads its answer.
func costSend(tb testing.TB, s *side, req *target.Request, ans *target.Answer, said *wire.Answer, events int) error {
	s.target.Send(tb.Context(), req, ans)
	if ans.Class != measure.OK {
		return fmt.Errorf("%v: %w", ans.Class, ans.Err)
	}
	_, err := s.adapter.Ops[req.Op].Read(&wire.Reply{Class: ans.Class, Status: ans.Status, Body: ans.Body, FirstSeq: req.Seq, Events: events, IDs: req.IDs}, said)
	return err
}

// TestCostRows: what BenchmarkProtocol measures are ways to send, of each protocol, and their other sides take what is sent.
func TestCostRows(t *testing.T) {
	dir := t.TempDir()
	sinks, err := openCostSinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for i := range costRows {
		row := &costRows[i]
		scheme, _, _ := strings.Cut(row.url, ":")
		if tried[scheme] {
			continue // the benchmark does
		}
		tried[scheme] = true
		s, uploads := costSide(t, row, dir, sinks, costShape{1, 2}, 2)
		var ans target.Answer
		var said wire.Answer
		for _, req := range uploads {
			if err := costSend(t, s, req, &ans, &said, 2); err != nil || said.Accepted == 0 {
				t.Errorf("%s: %v, accepted %d", row.name, err, said.Accepted)
			}
		}
	}
	for _, p := range target.Protocols {
		if !slices.ContainsFunc(costRows, func(r costRow) bool { q, _ := target.ProtocolOf(r.url); return q.Name == p.Name }) && p.Name != "stdout" { // which is file
			t.Errorf("nobody measures what %s costs", p.Name)
		}
	}
}

// costAtOnce is how many uploads are under way.
const costAtOnce = 16

// BenchmarkProtocol is what it takes to send the events of the working day, of bytes that are made already, in uploads of one event and
// of 25, and where a request can have uploads of several devices in those of 25 with one event each: CPU of this process alone, of which sys is
// the kernel's part. ns/op is of a request, and says how long the other side takes, too.
func BenchmarkProtocol(b *testing.B) {
	dir := b.TempDir()
	sinks := costSink(b, dir)
	for i := range costRows {
		row := &costRows[i]
		b.Run(row.name, func(b *testing.B) {
			for _, shape := range costShapes {
				events := shape.uploads * shape.events
				s, uploads := costSide(b, row, dir, sinks, shape, 6400/events)
				if uploads != nil {
					costWarm(b, s, uploads, events)
					b.Run(shape.String(), func(b *testing.B) { costLoop(b, s, uploads, events) })
				}
				s.close() // here, or the next one's connections would be too many
			}
		})
	}
}

// costWarm sends each upload once: then the connections are there, of each device where it has its own, and buffers have their size.
func costWarm(b *testing.B, s *side, uploads []*target.Request, events int) {
	var ans target.Answer
	var said wire.Answer
	for _, req := range uploads {
		if err := costSend(b, s, req, &ans, &said, events); err != nil {
			b.Fatal(err)
		}
	}
}

func costLoop(b *testing.B, s *side, uploads []*target.Request, events int) {
	b.SetParallelism(max(1, costAtOnce/runtime.GOMAXPROCS(0)))
	var next atomic.Int64
	before, err := measure.Self()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var ans target.Answer
		var said wire.Answer
		for pb.Next() {
			if err := costSend(b, s, uploads[int(next.Add(1))%len(uploads)], &ans, &said, events); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	after, _ := measure.Self()
	costReport(b, before, after, int64(b.N)*int64(events), "event")
}

// costReport says what was used for each of n.
func costReport(b *testing.B, before, after measure.Usage, n int64, of string) {
	system := after.System - before.System
	all := after.User - before.User + system
	b.ReportMetric(float64(all.Nanoseconds())/1e3/float64(n), "cpu-us/"+of)
	b.ReportMetric(float64(system.Nanoseconds())/1e3/float64(n), "sys-us/"+of)
}

// BenchmarkMake is what it takes to make the bytes of the working day's events in each format: who the device is, what its events say,
// and how that looks.
func BenchmarkMake(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(wire.Formats)) {
		for _, shape := range costShapes {
			b.Run(fmt.Sprintf("%s/%v", name, shape), func(b *testing.B) {
				events := shape.uploads * shape.events
				m := costScenario(b, &costRow{url: "discard"}, b.TempDir(), "", shape.events)
				x := wire.Exchange{Format: wire.Formats[name](&wire.Constants{Run: "run", Send: m.Behavior.Sends.All})}
				if !shape.fits(&x.Format) {
					b.Skip("a request is of one upload")
				}
				ups := slices.Collect(slices.Chunk(costArrivals(b, m, shape.events, 6400/shape.events), shape.uploads))
				maker, req := newCostMaker(m, &x), new(target.Request)
				for i := range ups { // buffers are there
					maker.request(ups[i], req)
				}
				bytes, n := 0, 0
				before, err := measure.Self()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					maker.request(ups[n%len(ups)], req)
					n++
					bytes += len(req.Body)
				}
				after, _ := measure.Self()
				costReport(b, before, after, int64(n)*int64(events), "event")
				b.ReportMetric(float64(bytes)/float64(n*events), "bytes/event")
			})
		}
	}
}
