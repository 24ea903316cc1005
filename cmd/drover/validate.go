package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newValidate() *cobra.Command {
	var src source
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check scenario files and print every mistake with its line and column",
		Long: `validate reads each scenario as run would, with its fleet, and prints "FILE: ok" or all of its mistakes, one to a line:

  file:line:column: what is wrong; how to mend it

FILE is a path or the name of a shipped scenario. --set and --variant apply to all files.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(cmd, "want at least one scenario")
			}
			return nil
		},
		ValidArgsFunction: completeScenario,
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := false
			for _, name := range args {
				if _, err := src.model(name); err != nil {
					bad = true
					finish(err, cmd.ErrOrStderr())
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", name)
			}
			if bad {
				return fail(exitUsage, nil)
			}
			return nil
		},
	}
	src.addFlags(cmd)
	return cmd
}
