package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/fleet"
)

func newDevices() *cobra.Command {
	var sample int
	var shard shardFlag
	cmd := &cobra.Command{
		Use:   "devices NAME|FILE",
		Short: "Print devices of a scenario's fleet",
		Long: `devices prints identities as they would go over the wire, without sending anything: --sample of them, spread evenly over
the fleet, or all with --sample 0. The same scenario and seed give the same devices, always. Versions and settings are those
at the start of a run; what the timeline may change of a device is named beside it, and "drover events" shows it.`,
		Example: `  drover devices workday --sample 5
  drover devices workday --sample 0 --format ndjson | jq -r .os_version | sort | uniq -c`,
	}
	src := addSource(cmd)
	format := addChoice(cmd, "format", "f", "how to print", "table", "ndjson")
	cmd.Flags().IntVarP(&sample, "sample", "n", 20, "print `n` devices; 0 prints all")
	cmd.Flags().Var(&shard, "shard", "only devices of this part of the fleet")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if sample < 0 {
			return usage(cmd, "--sample %d: want 0 or more", sample)
		}
		m, err := src.model(args[0])
		if err != nil {
			return err
		}
		picked, err := pick(m.Fleet, &shard, sample)
		if err != nil {
			return err
		}
		out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
		show := deviceRow
		if format.value == "ndjson" {
			show = deviceJSON
		} else {
			deviceHead(out, m)
		}
		var d fleet.Device
		for _, i := range picked {
			if err := cmd.Context().Err(); err != nil {
				return fail(exitInterrupted, err)
			}
			m.Fleet.Device(i, &d)
			if err := show(out, m, &d); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	return cmd
}

// pick returns n devices of a shard, evenly spread and in ascending order; all when n is 0.
func pick(f *fleet.Fleet, shard *shardFlag, n int) ([]int, error) {
	parts, err := shard.partitions(f)
	if err != nil {
		return nil, err
	}
	mine := make([]bool, f.Partitions())
	for _, p := range parts {
		mine[p] = true
	}
	var all []int
	for i := range f.Devices() {
		if mine[f.Partition(i)] {
			all = append(all, i)
		}
	}
	if n == 0 || n >= len(all) {
		return all, nil
	}
	picked := make([]int, n)
	for i := range picked {
		picked[i] = all[i*len(all)/n]
	}
	return picked, nil
}

// identifier is a device's own: a GUID or a Wi-Fi address.
func identifier(d *fleet.Device) string {
	if d.HasMAC {
		return net.HardwareAddr(d.MAC[:]).String()
	}
	return d.GUID.String()
}

func cohortName(m *sim.Model, d *fleet.Device) string {
	c := m.Fleet.Cohorts()[d.Cohort]
	return c.Fleet + "/" + c.Name
}

const deviceColumns = "%8s  %-22s %-11s %-8s %-12s %-36s %-6s %-20s %s%s\n"

func deviceHead(w io.Writer, m *sim.Model) {
	timeline := ""
	if len(m.Scenario.Timeline) > 0 {
		timeline = "  TIMELINE"
	}
	fmt.Fprintf(w, deviceColumns, "DEVICE", "COHORT", "MODEL", "OS", "APP", "ID", "LOCALE", "TIMEZONE", "UPN", timeline)
}

func deviceRow(w io.Writer, m *sim.Model, d *fleet.Device) error {
	timeline := ""
	if names := m.Selecting(d.Index); names != nil {
		timeline = "  " + strings.Join(names, " ")
	}
	_, err := fmt.Fprintf(w, deviceColumns, fmt.Sprint(d.Index), cohortName(m, d), d.Model.ID, d.OS.Version, d.App, identifier(d),
		d.Locale, d.Timezone.String(), d.UPN, timeline)
	return err
}

// deviceLine is one line of the NDJSON output.
type deviceLine struct {
	Device    int      `json:"device"`
	Cohort    string   `json:"cohort"`
	Tenant    int      `json:"tenant"`
	TenantID  string   `json:"tenant_id"`
	OrgID     string   `json:"org_id"`
	GUID      string   `json:"guid,omitempty"`
	MAC       string   `json:"wifi_mac,omitempty"`
	EntraID   string   `json:"device_id"`
	UserID    string   `json:"user_id"`
	UPN       string   `json:"upn"`
	Model     string   `json:"model"`
	ModelName string   `json:"model_name"`
	OS        string   `json:"os_version"`
	Build     string   `json:"os_build"`
	App       string   `json:"app_version"`
	Locale    string   `json:"locale"`
	Timezone  string   `json:"timezone"`
	Settings  []string `json:"settings"`
	Timeline  []string `json:"timeline,omitempty"` // entries that select it
}

func deviceJSON(w io.Writer, m *sim.Model, d *fleet.Device) error {
	line := deviceLine{
		Device: d.Index, Cohort: cohortName(m, d), Tenant: d.Tenant,
		TenantID: d.TenantID.String(), OrgID: d.OrgID.String(), EntraID: d.EntraID.String(), UserID: d.UserID.String(), UPN: d.UPN.String(),
		Model: d.Model.ID, ModelName: d.Model.Name, OS: d.OS.Version, Build: d.OS.Build, App: d.App,
		Locale: d.Locale, Timezone: d.Timezone.String(), Settings: []string{}, Timeline: m.Selecting(d.Index),
	}
	if d.HasMAC {
		line.MAC = identifier(d)
	} else {
		line.GUID = identifier(d)
	}
	for _, s := range []struct {
		on   bool
		name string
	}{
		{d.AdminExcludeURL, "DefenderExcludeURLInReport"}, {d.UnsafeSiteInfo, "user.unsafe_site_info"}, {d.Supervised, "supervised"},
		{d.OptionalDiag, "optionalDiagnostics"}, {d.FeedbackForm, "DefenderFeedbackData"},
	} {
		if s.on {
			line.Settings = append(line.Settings, s.name)
		}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(&line)
}
