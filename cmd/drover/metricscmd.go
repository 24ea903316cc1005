package main

import (
	_ "embed" // dashboard.json
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

//go:embed dashboard.json
var dashboard []byte

func newMetricsCommand() *cobra.Command {
	var board bool
	cmd := &cobra.Command{
		Use:   "metrics",
		Short: "List the Prometheus metrics of a run, or print a Grafana dashboard for them",
		Long: `metrics lists what "drover run --metrics" serves, "--push" pushes and "--otlp-metrics" tells: name, type, labels and meaning. Labels are bounded by the
scenario: phases, operations, outcomes and classes, never devices or tenants. The histograms are native ones, with buckets 9 %
wide, and have classic buckets beside them for a Prometheus that does not take those. The process_ and go_ metrics of drover
itself come with them.

With --dashboard it prints a dashboard to import in Grafana; its queries take native histograms or, without them, the classic buckets.`,
		Example: `  drover metrics
  drover metrics --dashboard > drover-dashboard.json`,
		Args: noArgs,
	}
	cmd.Flags().BoolVar(&board, "dashboard", false, "print the Grafana dashboard")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if board {
			_, err := cmd.OutOrStdout().Write(dashboard)
			return err
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tTYPE\tLABELS\tMEANING")
		for _, f := range families {
			labels := strings.Join(f.labels, ", ")
			if labels == "" {
				labels = "-"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.name, f.kind, labels, f.help)
		}
		return w.Flush()
	}
	return cmd
}
