package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"drover/report"
)

func newReport(e env) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "report RUN_DIR|run.json",
		Short: "Render the report of a finished run again",
		Long: `report renders a finished run: as one of the files that lie beside its run.json, as csv (the timeline, a line for each
interval), as hlog (response times over time, for the viewers of HdrHistogram) or as vegeta (response times of the measured phases,
from the run's ledger, for vegeta report and vegeta plot).`,
		Example: `  drover report runs/smoke-20260504T080000Z
  drover report runs/smoke-20260504T080000Z --format html -o report.html
  drover report runs/smoke-20260504T080000Z --format vegeta | vegeta plot > plot.html`,
		Args: oneRun,
	}
	format := addChoice(cmd, "format", "f", "what to render", "text", "json", "markdown", "junit", "html", "csv", "hlog", "vegeta")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write to this `file` instead of standard output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		run, dir, err := openRun(args[0])
		if err != nil {
			return fail(exitUsage, err)
		}
		if format.value == "vegeta" {
			return reportVegeta(cmd, run, args[0], out)
		}
		return e.writeOut(cmd.OutOrStdout(), out, func(w io.Writer, opt report.TextOptions) error {
			opt.Dir = dir
			return render(w, run, format.value, opt)
		})
	}
	return cmd
}

// reportVegeta writes vegeta's results of the run at path, to standard output or into a file.
func reportVegeta(cmd *cobra.Command, run *report.Run, path, out string) error {
	dir := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		dir = filepath.Dir(path)
	}
	var left int64
	var err error
	if out == "" {
		left, err = writeVegeta(cmd.OutOrStdout(), run, dir)
	} else {
		left, err = saveVegeta(out, run, dir)
	}
	if err == nil && left > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "drover: %s\n", untimed(left))
	}
	return err
}

// openRun reads the run.json at path or in the directory path. dir is the directory when it holds a whole report.
func openRun(path string) (run *report.Run, dir string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", err
	}
	if info.IsDir() {
		dir = path
		path = filepath.Join(path, "run.json")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	if run, err = report.Decode(f); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return run, dir, nil
}

func render(w io.Writer, run *report.Run, format string, opt report.TextOptions) error {
	switch format {
	case "json":
		return report.JSON(w, run)
	case "markdown":
		return report.Markdown(w, run)
	case "junit":
		return report.JUnit(w, run)
	case "html":
		return report.HTML(w, run)
	case "csv":
		return report.CSV(w, run)
	case "hlog":
		return report.HLog(w, run)
	}
	return report.Text(w, run, opt)
}
