package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/wire"
)

// topTenants is how many tenants the plan lists as text.
const topTenants = 10

func newPlan() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan NAME|FILE",
		Short: "Print what a run would do, without sending anything",
		Long: `plan follows up to a thousand devices, spread evenly over the fleet, through all phases on a clock of their own, and
prints what the whole fleet is expected to send: devices by cohort and tenant, and uploads, bytes and events by phase.`,
	}
	src := addSource(cmd)
	format := addChoice(cmd, "format", "f", "how to print", "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, err := src.model(args[0])
		if err != nil {
			return err
		}
		doc := planOf(m, sim.MakePlan(m, wire.Native))
		if format.value == "json" {
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(doc)
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
}

func planOf(m *sim.Model, p *sim.Plan) *planDoc {
	doc := &planDoc{
		Scenario: m.Scenario.Name, Target: m.Scenario.Target.URL, Model: "open", Devices: p.Devices, Sample: p.Sample,
		Exact: p.Exact() && !m.Scenario.Load.Closed, ElapsedNS: int64(p.Elapsed), MaxBytes: p.MaxBytes,
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
		doc.Phases = append(doc.Phases, out)
	}
	return doc
}

func (p *planDoc) text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	printf := func(format string, args ...any) { fmt.Fprintf(w, format, args...) }

	printf("%s: %s devices, %d tenants, %s model, %v at %s\n", p.Scenario, n(float64(p.Devices)), len(p.Tenants), p.Model,
		time.Duration(p.ElapsedNS), p.Target)
	switch {
	case p.Model == "closed":
		printf("In the closed model the backend decides how much is sent; driving phases show one upload per device.\n")
	case !p.Exact:
		printf("Estimated from %s devices.\n", n(float64(p.Sample)))
	}
	printf("\nCOHORT\tDEVICES\n")
	for _, c := range p.Cohorts {
		printf("%s/%s\t%s\n", c.Fleet, c.Name, n(float64(c.Devices)))
	}
	printf("\nTENANT\tFLEET\tDEVICES\n")
	for i, t := range p.Tenants {
		if i == topTenants && len(p.Tenants) > topTenants+1 {
			printf("and %d more (--format json has all)\n", len(p.Tenants)-i)
			break
		}
		printf("%s\t%s\t%s\n", t.Name, t.Fleet, n(float64(t.Devices)))
	}
	printf("\nPHASE\tDO\tFOR\tDEVICE TIME\tUPLOADS\t/S\tPEAK /S\tMB\tMB/S\tMEASURED\n")
	for _, ph := range p.Phases {
		printf("%s\t%s\t%v\t%v\t%s\t%.1f\t%.1f\t%.2f\t%.3f\t%s\n", ph.Name, ph.Do, time.Duration(ph.ForNS),
			time.Duration(ph.DeviceTimeNS).Round(time.Second), n(ph.Uploads), ph.UploadsPerSec, ph.PeakPerSec, ph.Bytes/1e6, ph.BytesPerSec/1e6, yes(ph.Measure))
	}
	printf("\nEVENTS")
	for _, ph := range p.Phases {
		printf("\t%s", ph.Name)
	}
	printf("\n")
	for _, k := range event.Kinds() {
		printf("%s", k)
		for _, ph := range p.Phases {
			printf("\t%s", n(ph.Events[k.String()]))
		}
		printf("\n")
	}
	printf("web visits, not sent")
	for _, ph := range p.Phases {
		printf("\t%s", n(ph.Visits))
	}
	printf("\n\nThe largest upload has %s bytes.\n", n(float64(p.MaxBytes)))
	return w.Flush()
}

// n writes a count; a fraction of one, which an estimate may be, as such.
func n(x float64) string {
	if x > 0 && x < 10 && x != float64(int64(x)) {
		return fmt.Sprintf("%.1f", x)
	}
	return check.FormatCount(int64(x + 0.5))
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
