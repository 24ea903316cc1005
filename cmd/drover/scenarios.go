package main

import (
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"drover/scenarios"
	"drover/sim/scenario"
)

func newScenarios() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenarios",
		Short: "List the shipped scenarios, or show one",
		Args:  noCommand,

		SuggestionsMinimumDistance: 2,

		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			for _, name := range scenario.Shipped() {
				sc, err := scenario.Load(name, scenario.Options{})
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "%s\t%s\n", name, strings.TrimSpace(sc.Description))
			}
			return w.Flush()
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "show NAME",
		Short:   "Print the YAML of a shipped scenario, to begin one's own with",
		Example: "  drover scenarios show smoke > my.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(cmd, "want the name of one shipped scenario: %s", orList(scenario.Shipped()))
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return scenario.Shipped(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := fs.ReadFile(scenarios.Files, args[0]+".yaml")
			if err != nil {
				return usage(cmd, "no shipped scenario is named %q; want %s", args[0], orList(scenario.Shipped()))
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	})
	return cmd
}
