package main

import (
	"github.com/spf13/cobra"

	"drover/report"
	"drover/sim/scenario"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [scenario|run]",
		Short: "Print the JSON Schema of scenario files, for editors, or of run.json",
		Long: `schema prints a JSON Schema, draft 2020-12: of scenario files, for editors, or with "run" of run.json, for programs that read
it. Within the major version that run.json names in its field schema, fields are only added: none vanishes or changes its type.`,
		Example: `  drover schema > drover.schema.json
  # and at the top of a scenario, for editors with the YAML language server:
  # yaml-language-server: $schema=drover.schema.json

  drover schema run > run.schema.json`,
		ValidArgs: []string{"scenario", "run"},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && args[0] != "scenario" && args[0] != "run" {
				return usage(cmd, "want scenario or run, got %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of := scenario.Schema
			if len(args) == 1 && args[0] == "run" {
				of = report.RunSchema
			}
			_, err := cmd.OutOrStdout().Write(of())
			return err
		},
	}
}
