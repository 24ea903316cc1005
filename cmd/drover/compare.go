package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"drover/report"
	"drover/sim/check"
)

// maxRuns bounds the runs of one side: more do not narrow an interval that anybody reads.
const maxRuns = 100

func newCompare(e env) *cobra.Command {
	var (
		out, within string
		gate        []string
		opt         report.CompareOptions
	)
	cmd := &cobra.Command{
		Use:   "compare BASE HEAD [HEAD...]",
		Short: "Compare finished runs: what changed, and whether that is more than noise",
		Long: `compare holds runs of one scenario against each other and prints, for each metric, the change from BASE to HEAD with its
95 % interval. Each argument is one side: the directory of a run, a directory that holds the directories of several runs, or
a list of runs with commas. With four or more runs on each side every run is a sample; with fewer, time blocks inside the
runs are, which do not show what differs from run to run.

Runs of another scenario, fleet seed, shard or class of machine are refused; the target, its credentials and the checks may
differ. The exit code is 3 when a metric of --gate became worse, for certain, by more than --within, and 4 when there are too
few samples to say anything.`,
		Example: `  drover compare runs/smoke-20260504T080000Z runs/smoke-20260504T081500Z
  drover compare runs/main runs/branch --within 10%       # two directories with five runs each
  drover compare runs/main runs/branch --format html -o compare.html
  drover compare a,b,c,d e,f,g,h --format markdown >> "$GITHUB_STEP_SUMMARY"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(cmd, "want a base and at least one head; got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	format := addChoice(cmd, "format", "f", "how to print", "text", "markdown", "json", "html")
	cmd.Flags().StringVar(&within, "within", "5%", "how much worse a gated metric may become, in `per cent`")
	cmd.Flags().StringSliceVar(&gate, "gate", report.DefaultGate, "the `metrics` that may not become worse: "+orList(report.CompareMetrics()))
	cmd.Flags().BoolVar(&opt.AnyMachine, "any-machine", false, "compare runs of different classes of machine")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write to this `file` instead of standard output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if opt.Within, err = perCent(within); err != nil {
			return usage(cmd, "--within %s: %w", within, err)
		}
		for _, name := range gate {
			if !slices.Contains(report.CompareMetrics(), name) {
				return usage(cmd, "--gate %s: want %s", name, orList(report.CompareMetrics()))
			}
		}
		opt.Gate = gate
		sides := make([]report.Side, len(args))
		for i, arg := range args {
			if sides[i], err = openSideRuns(arg); err != nil {
				return fail(exitUsage, err)
			}
		}
		c, err := report.Compare(sides[0], sides[1:], opt)
		if err != nil {
			return fail(exitUsage, err)
		}
		if err := writeComparison(cmd.OutOrStdout(), out, c, format.value, e); err != nil {
			return err
		}
		if code := codeOf(c.Result(), false); code != exitPass {
			return fail(code, nil)
		}
		return nil
	}
	return cmd
}

// writeComparison prints to w or, if a file is named, into it.
func writeComparison(w io.Writer, file string, c *report.Comparison, format string, e env) error {
	return e.writeOut(w, file, func(w io.Writer, opt report.TextOptions) error {
		switch format {
		case "markdown":
			return report.CompareMarkdown(w, c)
		case "json":
			return report.CompareJSON(w, c)
		case "html":
			return report.CompareHTML(w, c)
		}
		return report.CompareText(w, c, opt)
	})
}

// perCent reads "5%" as 0.05.
func perCent(text string) (float64, error) {
	digits, ok := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(v >= 0 && v <= 1000) {
		return 0, fmt.Errorf("want 0%% to 1000%%, e.g. 5%%")
	}
	return v / 100, nil
}

// openSideRuns reads the runs of one argument.
func openSideRuns(arg string) (report.Side, error) {
	s := report.Side{Name: filepath.Base(filepath.Clean(arg))}
	paths := strings.Split(arg, ",")
	if len(paths) > 1 {
		s.Name = filepath.Base(filepath.Clean(paths[0])) + " …"
	} else if nested, err := runsIn(arg); err != nil {
		return s, err
	} else if len(nested) > 0 {
		paths = nested
	}
	if len(paths) > maxRuns {
		return s, fmt.Errorf("%s: %s runs are more than %d", arg, check.FormatCount(int64(len(paths))), maxRuns)
	}
	seen := map[string]string{}
	for _, path := range paths {
		run, _, err := openRun(path)
		if err != nil {
			return s, err
		}
		if other, twice := seen[run.ID]; twice && run.ID != "" {
			return s, fmt.Errorf("%s and %s are the same run, %s", other, path, run.ID)
		}
		seen[run.ID] = path
		s.Runs = append(s.Runs, run)
	}
	return s, nil
}

// runsIn returns the run directories below a directory that is none itself.
func runsIn(dir string) ([]string, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
		return nil, nil
	}
	runs, err := filepath.Glob(filepath.Join(dir, "*", "run.json"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("%s holds neither a run.json nor directories with one", dir)
	}
	for i, r := range runs {
		runs[i] = filepath.Dir(r)
	}
	return runs, nil
}
