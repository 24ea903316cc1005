package main

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/behavior"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/wire"
)

// topTenants is how many tenants the plan lists as text.
const topTenants = 10

func newPlan() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan NAME|FILE",
		Short: "Print what a run would do, without sending anything",
		Long: `plan goes through the schedule of a run on a clock of its own, and prints what the fleet is to send: devices by cohort and tenant, and
uploads, bytes and events by phase; and how often it asks, where the adapter has look-ups. Attempts after a first one, and what is sent before
the load, are in no count. Of a fleet of more than a thousand devices it follows a thousand, spread evenly; that, a phase of more than 200,000
uploads, and the closed model, where the backend decides, make the plan an estimate, which it says.`,
	}
	src := addSource(cmd)
	format := addChoice(cmd, "format", "f", "how to print", "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, err := src.model(args[0])
		if err != nil {
			return err
		}
		doc := planOf(m, adapterOf(m, "run"))
		if format.value == "json" {
			return printJSON(cmd.OutOrStdout(), doc)
		}
		return doc.text(cmd.OutOrStdout())
	}
	return cmd
}

// planDoc is the plan as JSON. Rates are per second of wall time; what is expected has no more digits than it deserves.
type planDoc struct {
	Scenario  string      `json:"scenario"`
	Target    string      `json:"target"`
	Model     string      `json:"model"` // open or closed
	Devices   int         `json:"devices"`
	Sample    int         `json:"sample"` // devices that were followed
	Exact     bool        `json:"exact"`  // a count, not an estimate
	ElapsedNS int64       `json:"elapsed_ns"`
	MaxBytes  int         `json:"max_upload_bytes"`
	Cohorts   []planShare `json:"cohorts"`
	Tenants   []planShare `json:"tenants"` // largest first within each fleet
	Phases    []planPhase `json:"phases"`
	Timeline  []planEntry `json:"timeline,omitempty"` // in file order

	// Shares of visits to planted sites that devices detect, once all sites have turned malicious: by the host alone, and by the
	// whole URL, which supervised devices see.
	DetectedByHost float64 `json:"detected_by_host"`
	DetectedByURL  float64 `json:"detected_by_url"`
}

type planShare struct {
	Fleet   string `json:"fleet"`
	Name    string `json:"name"` // of a cohort; of a tenant its id
	Devices int    `json:"devices"`
}

type planPhase struct {
	Name          string             `json:"name"`
	Do            string             `json:"do"`
	ForNS         int64              `json:"for_ns"`
	Measure       bool               `json:"measure"`
	DeviceTimeNS  int64              `json:"device_time_ns"`
	Uploads       float64            `json:"uploads"`
	UploadsPerSec float64            `json:"uploads_per_sec"`
	PeakPerSec    float64            `json:"peak_uploads_per_sec"`
	Bytes         float64            `json:"bytes"`
	BytesPerSec   float64            `json:"bytes_per_sec"`
	Visits        float64            `json:"web_visits"`
	Events        map[string]float64 `json:"events"`
	LookUps       map[string]float64 `json:"look_ups,omitempty"` // of the operations that the adapter has
}

// planEntry is an entry of the timeline. Offsets are from the run's start; an end is left out where the entry stays.
type planEntry struct {
	Name    string `json:"name"`
	What    string `json:"what"`
	Who     string `json:"who"`
	Devices int    `json:"devices"` // that it selects
	AtNS    int64  `json:"at_ns"`
	UntilNS *int64 `json:"until_ns,omitempty"`
	FromNS  *int64 `json:"device_from_ns,omitempty"` // device time; left out where the sample did not come so far
	ToNS    *int64 `json:"device_until_ns,omitempty"`
}

func planOf(m *sim.Model, a *wire.Adapter) *planDoc {
	p := sim.MakePlan(m, a)
	doc := &planDoc{
		Scenario: m.Scenario.Name, Target: m.Scenario.Target.URL, Model: "open", Devices: p.Devices, Sample: p.Sample,
		Exact: p.Exact, ElapsedNS: int64(p.Elapsed), MaxBytes: p.MaxBytes,
	}
	if m.Scenario.Load.Closed {
		doc.Model = "closed"
	}
	for _, c := range p.Cohorts {
		doc.Cohorts = append(doc.Cohorts, planShare{c.Fleet, c.Name, c.Count})
	}
	for _, t := range p.Tenants {
		doc.Tenants = append(doc.Tenants, planShare{t.Fleet, t.ID.String(), t.Devices})
	}
	doc.DetectedByHost, doc.DetectedByURL = m.Behavior.Hosts.Detected()
	for i := range p.Phases {
		ph := &p.Phases[i]
		out := planPhase{
			Name: ph.Name, Do: ph.Do.String(), ForNS: int64(ph.For), Measure: ph.Measure, DeviceTimeNS: int64(ph.DeviceTime),
			Uploads: ph.Uploads, UploadsPerSec: ph.PerSec(), PeakPerSec: ph.Peak, Bytes: ph.Bytes, BytesPerSec: ph.Bytes / ph.For.Seconds(),
			Visits: ph.Visits, Events: map[string]float64{},
		}
		for _, k := range event.Kinds() {
			if ph.Kinds[k] > 0 {
				out.Events[k.String()] = ph.Kinds[k]
			}
		}
		for _, op := range measure.LookUps() {
			if a.Has(op) {
				if out.LookUps == nil {
					out.LookUps = map[string]float64{}
				}
				out.LookUps[op.String()] = ph.LookUps[op]
			}
		}
		doc.Phases = append(doc.Phases, out)
	}
	for _, e := range p.Timeline {
		out := planEntry{Name: e.Name, What: e.What, Who: e.Who, Devices: e.Devices, AtNS: int64(e.At)}
		if e.Entry.Until > 0 {
			out.UntilNS = (*int64)(&e.Entry.Until)
		}
		if e.Begun {
			out.FromNS = (*int64)(&e.From)
			if e.Until != behavior.Forever {
				out.ToNS = (*int64)(&e.Until)
			}
		}
		doc.Timeline = append(doc.Timeline, out)
	}
	return doc
}

func (p *planDoc) text(out io.Writer) error {
	w := bufio.NewWriter(out) // keeps the first error until Flush
	fmt.Fprintf(w, "%s: %s, %s, %s model, %v at %s\n", p.Scenario,
		plural(int64(p.Devices), "device", "devices"), plural(int64(len(p.Tenants)), "tenant", "tenants"), p.Model,
		time.Duration(p.ElapsedNS), p.Target)
	switch {
	case p.Model == "closed":
		w.WriteString("In the closed model the backend decides how much is sent; driving phases show one upload per device.\n")
	case !p.Exact:
		fmt.Fprintf(w, "Estimated from %s devices.\n", n(float64(p.Sample)))
	}
	tables := []*table{p.cohorts(), p.tenants(), p.phases()}
	if len(p.Timeline) > 0 {
		tables = append(tables, p.timeline())
	}
	tables = append(tables, p.events())
	if p.Phases[0].LookUps != nil {
		tables = append(tables, p.lookUps())
	}
	for _, t := range tables {
		w.WriteByte('\n')
		t.print(w)
	}
	fmt.Fprintf(w, "\nDevices detect %.1f%% of visits to planted sites by the host, supervised ones %.1f%% by the whole URL; the rest leaves no trace.\n",
		100*p.DetectedByHost, 100*p.DetectedByURL)
	fmt.Fprintf(w, "The largest upload has %s bytes.\n", n(float64(p.MaxBytes)))
	return w.Flush()
}

func (p *planDoc) cohorts() *table {
	t := newTable(1, "COHORT", "DEVICES")
	for _, c := range p.Cohorts {
		t.add(c.Fleet+"/"+c.Name, n(float64(c.Devices)))
	}
	return t
}

func (p *planDoc) tenants() *table {
	t := newTable(2, "TENANT", "FLEET", "DEVICES")
	for i, tenant := range p.Tenants {
		if i == topTenants && len(p.Tenants) > topTenants+1 {
			t.add(fmt.Sprintf("and %d more (--format json)", len(p.Tenants)-i))
			break
		}
		t.add(tenant.Name, tenant.Fleet, n(float64(tenant.Devices)))
	}
	return t
}

func (p *planDoc) phases() *table {
	t := newTable(2, "PHASE", "DO", "FOR", "DEVICE TIME", "UPLOADS", "/S", "PEAK /S", "MB", "MB/S", "MEASURED")
	for _, ph := range p.Phases {
		t.add(ph.Name, ph.Do, time.Duration(ph.ForNS).String(), time.Duration(ph.DeviceTimeNS).Round(time.Second).String(), n(ph.Uploads),
			fmt.Sprintf("%.1f", ph.UploadsPerSec), fmt.Sprintf("%.1f", ph.PeakPerSec), fmt.Sprintf("%.2f", ph.Bytes/1e6),
			fmt.Sprintf("%.3f", ph.BytesPerSec/1e6), yesNo(ph.Measure))
	}
	return t
}

func (p *planDoc) timeline() *table {
	t := newTable(7, "TIMELINE", "AT", "UNTIL", "DEVICE TIME", "DEVICES", "WHO", "WHAT")
	for _, e := range p.Timeline {
		until, device := "", "not reached"
		if e.UntilNS != nil {
			until = time.Duration(*e.UntilNS).String()
		}
		if e.FromNS != nil {
			device = time.Duration(*e.FromNS).Round(time.Second).String()
		}
		t.add(e.Name, time.Duration(e.AtNS).String(), until, device, n(float64(e.Devices)), e.Who, e.What)
	}
	return t
}

func (p *planDoc) events() *table {
	t := p.byPhase("EVENTS")
	for _, k := range event.Kinds() {
		row := []string{k.String()}
		for _, ph := range p.Phases {
			row = append(row, n(ph.Events[k.String()]))
		}
		t.add(row...)
	}
	visits := []string{"web visits, not sent"}
	for _, ph := range p.Phases {
		visits = append(visits, n(ph.Visits))
	}
	t.add(visits...)
	return t
}

func (p *planDoc) lookUps() *table {
	t := p.byPhase("LOOK-UPS")
	for _, op := range measure.LookUps() {
		if _, has := p.Phases[0].LookUps[op.String()]; !has {
			continue
		}
		row := []string{op.String()}
		for _, ph := range p.Phases {
			row = append(row, n(ph.LookUps[op.String()]))
		}
		t.add(row...)
	}
	return t
}

// byPhase makes a table with a column for each phase.
func (p *planDoc) byPhase(head string) *table {
	columns := []string{head}
	for _, ph := range p.Phases {
		columns = append(columns, ph.Name)
	}
	return newTable(1, columns...)
}

// n writes a count; a fraction of one, which an estimate may be, as such.
func n(x float64) string {
	if x > 0 && x < 10 && x != float64(int64(x)) {
		return fmt.Sprintf("%.1f", x)
	}
	return check.FormatCount(int64(x + 0.5))
}
