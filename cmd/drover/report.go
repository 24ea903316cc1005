package main

import (
	"bytes"
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
		Example: `  drover report runs/smoke-20260504T080000Z
  drover report runs/smoke-20260504T080000Z --format html -o report.html`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(cmd, "want one run, its directory or its run.json; got %d", len(args))
			}
			return nil
		},
	}
	format := addChoice(cmd, "format", "f", "what to render", "text", "json", "markdown", "junit", "html")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write to this `file` instead of standard output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		run, dir, err := openRun(args[0])
		if err != nil {
			return fail(exitUsage, err)
		}
		if out == "" {
			w := cmd.OutOrStdout()
			return render(w, run, format.value, report.TextOptions{Color: e.color(w), Width: e.width(w), Dir: dir})
		}
		var b bytes.Buffer
		if err := render(&b, run, format.value, report.TextOptions{Dir: dir}); err != nil {
			return err
		}
		return os.WriteFile(out, b.Bytes(), 0o644)
	}
	return cmd
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
	}
	return report.Text(w, run, opt)
}
