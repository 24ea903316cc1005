package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

// eventFilter is which events to print.
type eventFilter struct {
	limit       int           // 0: all
	from, until time.Duration // intended starts, offsets from the run's start; until 0: to the end
	device      int           // -1: all
	kinds       []string      // none: all
	want        [event.NumKinds]bool
}

func newEvents() *cobra.Command {
	var f eventFilter
	var shard shardFlag
	cmd := &cobra.Command{
		Use:   "events NAME|FILE",
		Short: "Print the events that a run would send",
		Long: `events prints what a run of the scenario would send, in the order in which it falls due, without sending anything. The
same scenario and seed give the same bytes, always; the shards 1/n to n/n together give what the whole fleet gives.

  ndjson   one event to a line as it goes over the wire, with when and for whom, and the versions that its upload carries;
           "truth", "pattern" and "difficulty" are what was planted, and never sent
  table    the same for people
  uploads  one whole upload to a line, byte for byte as it is sent; --kind picks uploads that hold such an event

Uploads in other formats, as target.format makes a run send them; see "drover help formats":

  cloudevents        a CloudEvent (1.0, structured mode) to a line; its data is the native document of the one event
  cloudevents-batch  a JSON list of them to a line, of one upload
  ocsf, ecs          a document to a line
  mde, otlp-json     a message with the records of one upload to a line
  otlp               the same in protobuf, one after another: all together are an export request, too`,
		Example: `  drover events workday --limit 10000 | sha256sum
  drover events workday --device 417 --format table
  drover events smoke --kind web.threat --limit 0`,
	}
	src := addSource(cmd)
	format := addChoice(cmd, "format", "f", "how to print", slices.Concat([]string{"ndjson", "table", "uploads"}, foreignFormats())...)
	cmd.Flags().IntVarP(&f.limit, "limit", "n", 100, "stop after `n` lines; 0 prints all")
	cmd.Flags().DurationVar(&f.from, "from", 0, "leave out what is due before this `offset` from the run's start, e.g. 90s")
	cmd.Flags().DurationVar(&f.until, "until", 0, "stop at this `offset` from the run's start")
	cmd.Flags().IntVar(&f.device, "device", -1, "only this device, by its `number` in drover devices")
	cmd.Flags().StringSliceVar(&f.kinds, "kind", nil, "only these `kinds`, e.g. web.threat,app.crash")
	cmd.Flags().Var(&shard, "shard", "only this part of the fleet")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(cmd); err != nil {
			return err
		}
		m, err := src.model(args[0])
		if err != nil {
			return err
		}
		if m.Scenario.Load.Closed && f.limit == 0 {
			return usage(cmd, "--limit 0: in the closed model the backend decides how many there are")
		}
		parts, err := shard.partitions(m.Fleet)
		if err != nil {
			return err
		}
		if f.device >= m.Fleet.Devices() {
			return usage(cmd, "--device %d: the fleet has %d devices, from 0", f.device, m.Fleet.Devices())
		}
		if f.device >= 0 {
			p := m.Fleet.Partition(f.device)
			if !slices.Contains(parts, p) {
				return usage(cmd, "--device %d is not in shard %s", f.device, &shard)
			}
			parts = []int{p}
		}
		out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
		p := eventPrinter{out: out, m: m, filler: behavior.NewFiller(&m.Behavior), filter: &f, format: wire.Native}
		switch format.value {
		case "ndjson":
			p.line = p.ndjson
			p.quoteNames()
		case "table":
			p.line = p.row
			fmt.Fprintf(out, eventColumns, "DUE", "PHASE", "DEVICE", "COHORT", "DEVICE TIME", "KIND", "WHAT")
		}
		if make := wire.Formats[format.value]; make != nil {
			p.format = make(&wire.Constants{Send: m.Behavior.Sends.All})
		}
		schedule := sim.NewSchedule(m, parts)
		var a sim.Arrival
		for schedule.Next(&a) {
			if cmd.Context().Err() != nil {
				return fail(exitInterrupted, cmd.Context().Err())
			}
			if f.until > 0 && a.At >= f.until {
				break
			}
			if more, err := p.upload(&a); err != nil || !more {
				return orFlush(err, out)
			}
		}
		return orFlush(schedule.Err(), out)
	}
	return cmd
}

func orFlush(err error, w *bufio.Writer) error {
	if err != nil {
		return err
	}
	return w.Flush()
}

func kindNames() []string {
	var names []string
	for _, k := range event.Kinds() {
		names = append(names, k.String())
	}
	return names
}

// check is the flags' own sense.
func (f *eventFilter) check(cmd *cobra.Command) error {
	switch {
	case f.limit < 0:
		return usage(cmd, "--limit %d: want 0 or more", f.limit)
	case f.from < 0 || f.until < 0:
		return usage(cmd, "--from %v --until %v: want offsets from the run's start", f.from, f.until)
	case f.until > 0 && f.until <= f.from:
		return usage(cmd, "--until %v is not after --from %v", f.until, f.from)
	case f.device < -1:
		return usage(cmd, "--device %d: want 0 or more", f.device)
	}
	f.want = [event.NumKinds]bool{}
	for _, name := range f.kinds {
		k, ok := event.ParseKind(name)
		if !ok {
			return usage(cmd, "--kind %s: want %s", name, orList(kindNames()))
		}
		f.want[k] = true
	}
	return nil
}

func (f *eventFilter) wants(k event.Kind) bool { return len(f.kinds) == 0 || f.want[k] }

// eventPrinter writes arrivals. Its members are used again for each.
type eventPrinter struct {
	out    *bufio.Writer
	m      *sim.Model
	filler *behavior.Filler
	filter *eventFilter
	format wire.Format
	line   func(*sim.Arrival, *event.Event) error // nil: whole uploads

	phases, cohorts [][]byte // names as JSON

	printed int
	dev     *fleet.Device // of the upload
	then    *fleet.Device // when the event happened
	ev      event.Event
	buf     []byte
}

// upload prints one arrival, as far as it passes the filter; more is false when the limit is reached.
func (p *eventPrinter) upload(a *sim.Arrival) (more bool, err error) {
	f := p.filter
	if a.At < f.from || f.device >= 0 && a.Upload.Device != f.device {
		return true, nil
	}
	if !slices.ContainsFunc(a.Upload.Items, func(it behavior.Item) bool { return f.wants(it.Kind) }) {
		return true, nil
	}
	p.dev = p.filler.Begin(&a.Upload)
	if p.line == nil {
		err := p.body(a)
		p.printed++
		return f.limit == 0 || p.printed < f.limit, err
	}
	for i, it := range a.Upload.Items {
		if !f.wants(it.Kind) {
			continue
		}
		p.then = p.filler.Fill(&p.ev, i)
		if err := p.line(a, &p.ev); err != nil {
			return false, err
		}
		if p.printed++; p.printed == f.limit {
			return false, nil
		}
	}
	return true, nil
}

// body prints the upload as it goes over the wire.
func (p *eventPrinter) body(a *sim.Arrival) error {
	b := p.format.Begin(p.buf[:0], p.dev, p.m.Behavior.Sends.All)
	for i := range a.Upload.Items {
		then := p.filler.Fill(&p.ev, i)
		b = p.format.Event(b, i, then, &p.ev)
	}
	p.buf = endLine(&p.format, p.format.End(b, 0))
	_, err := p.out.Write(p.buf)
	return err
}

// endLine ends the line of a body that is text, unless it does that itself.
func endLine(f *wire.Format, body []byte) []byte {
	if !f.Binary && !bytes.HasSuffix(body, []byte{'\n'}) {
		body = append(body, '\n')
	}
	return body
}

func (p *eventPrinter) ndjson(a *sim.Arrival, e *event.Event) error {
	b := append(p.buf[:0], `{"due_ns":`...)
	b = strconv.AppendInt(b, int64(a.At), 10)
	b = append(b, `,"phase":`...)
	b = append(b, p.phases[a.Phase]...)
	b = append(b, `,"op":"`...)
	b = append(b, a.Op.String()...)
	b = append(b, `","device":`...)
	b = strconv.AppendInt(b, int64(p.dev.Index), 10)
	b = append(b, `,"cohort":`...)
	b = append(b, p.cohorts[p.dev.Cohort]...)
	b = append(b, `,"tenant_id":"`...)
	b = p.dev.TenantID.AppendText(b)
	b = append(b, `","os_version":"`...)
	b = append(b, p.dev.OS.Version...)
	b = append(b, `","app_version":"`...)
	b = append(b, p.dev.App...)
	if e.Kind == event.WebThreat {
		b = append(b, `","truth":"`...)
		b = append(b, e.Web.Truth.String()...)
		b = append(b, `","pattern":"`...)
		b = append(b, e.Web.Pattern.String()...)
		b = append(b, `","difficulty":"`...)
		b = append(b, difficulty(e.Web.Hard)...)
	}
	b = append(b, `","event":`...)
	b = p.format.Event(b, 0, p.then, e)
	p.buf = append(b, '}', '\n')
	_, err := p.out.Write(p.buf)
	return err
}

// quoteNames fills phases and cohorts.
func (p *eventPrinter) quoteNames() {
	quote := func(name string) []byte {
		b, _ := json.Marshal(name) // a string has no way to fail
		return b
	}
	for _, ph := range p.m.Scenario.Load.Phases {
		p.phases = append(p.phases, quote(ph.Name))
	}
	for _, c := range p.m.Fleet.Cohorts() {
		p.cohorts = append(p.cohorts, quote(c.Fleet+"/"+c.Name))
	}
}

const eventColumns = "%10s  %-8s %8s  %-22s %-23s  %-11s  %s\n"

func (p *eventPrinter) row(a *sim.Arrival, e *event.Event) error {
	_, err := fmt.Fprintf(p.out, eventColumns, a.At.Round(time.Millisecond), p.m.Scenario.Load.Phases[a.Phase].Name,
		strconv.Itoa(p.dev.Index), cohortName(p.m, p.dev), e.At.Format("2006-01-02 15:04:05.000"), e.Kind, what(p.dev, e))
	return err
}

// what is an event of a device in a few words.
func what(d *fleet.Device, e *event.Event) string {
	switch e.Kind {
	case event.Enrolment, event.Heartbeat:
		return "iOS " + d.OS.Version
	case event.AppInfo:
		return d.App + " " + e.App.UpgradeStatus
	case event.AppAction:
		return e.Action
	case event.Memory:
		return fmt.Sprintf("app %d KiB, extension %d KiB", e.Mem.AppKiB, e.Mem.ExtensionKiB)
	case event.WebThreat:
		var b strings.Builder
		if !e.Web.Host.Empty() {
			fmt.Fprintf(&b, "%s ", &e.Web.Host)
		}
		fmt.Fprintf(&b, "%s %.2f, %s %s", e.Web.Verdict, e.Web.Score, difficulty(e.Web.Hard), e.Web.Pattern)
		if e.Web.Truth != e.Web.Verdict {
			fmt.Fprintf(&b, " (truth: %s)", e.Web.Truth)
		}
		return b.String()
	case event.Crash:
		return e.Crash.Process + " " + e.Crash.Reason
	case event.Feedback:
		return e.Feedback.Type
	case event.Diagnostics:
		return fmt.Sprintf("%d sessions a day", e.Diag.SessionsPerDay)
	}
	return ""
}
