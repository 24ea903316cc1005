package main

import (
	"github.com/spf13/cobra"

	"drover/sim/scenario"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of scenario files, for editors",
		Example: `  drover schema > drover.schema.json
  # and at the top of a scenario, for editors with the YAML language server:
  # yaml-language-server: $schema=drover.schema.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(scenario.Schema())
			return err
		},
	}
}
