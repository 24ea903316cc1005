package main

import (
	"io"

	"github.com/spf13/cobra"

	"drover/report"
)

func newVerdicts(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verdicts RUN_DIR|run.json",
		Short: "Print how well the backend of a finished run judged",
		Long: `verdicts prints what a run knows of the backend's verdicts on detections: against the planted truth and, apart from it,
against the reference classifier; by category, pattern, phase and tenant; and by response time, where a backend that says benign when
it has no time left shows. With them go 95 % intervals and some of the detections about which somebody disagrees. The same tables
are in report.html.

A row with too few verdicts has no figures. Where a check of the run has atLeast, a row needs its part of that: atLeast by the number of the
table's rows, and at least 20, or atLeast where that is less; 20 where no check says. That the whole has too few is said, too.

Response times are those of the upload that a detection came in, from its intended start. They are counted in bands of less than
0.8 %, from which the tenths are made up: a band belongs to one tenth as a whole. That verdicts fall is said when Fisher's exact test
gives agreement with the reference as low as in the slowest tenth less than one chance in a thousand.`,
		Example: `  drover verdicts runs/verdict-conformance-20260504T080000Z
  drover verdicts runs/verdict-conformance-20260504T080000Z --format json`,
		Args: oneRun,
	}
	format := addChoice(cmd, "format", "f", "how to print them", "text", "markdown", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		run, _, err := openRun(args[0])
		if err != nil {
			return fail(exitUsage, err)
		}
		return e.writeOut(cmd.OutOrStdout(), "", func(w io.Writer, _ report.TextOptions) error {
			switch format.value {
			case "markdown":
				return report.VerdictMarkdown(w, run)
			case "json":
				return report.VerdictJSON(w, run)
			}
			return report.VerdictText(w, run)
		})
	}
	return cmd
}
