package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"drover/sim/check"
	"drover/sim/classify"
	"drover/sim/scenario"
)

// The exit codes, one for each cause.
const (
	exitPass         = 0
	exitBroke        = 1
	exitUsage        = 2
	exitFail         = 3
	exitInconclusive = 4
	exitTarget       = 5
	exitInterrupted  = 130
)

// exits is what each code stands for: the reason in run.json, and the text of "drover help exit-codes".
var exits = []struct {
	code         int
	reason, text string
}{
	{exitPass, "all checks passed", "every check passed; a command that makes no run did its work"},
	{exitBroke, "the run broke", "an error of drover itself or of this machine, e.g. a full disk"},
	{exitUsage, "bad flags or scenario", "a mistake in the flags, in a scenario or in a file that was named"},
	{exitFail, "a check failed", "at least one check failed"},
	{exitInconclusive, "inconclusive", "no check failed, but one could not be decided: the harness fell behind, the samples were too few,\nor the target does not tell what the check needs (not checked)"},
	{exitTarget, "target unreachable or unauthorised", "the target did not answer, or refused the credential, before the run"},
	{exitInterrupted, "interrupted", "SIGINT or SIGTERM ended the run early; the report was still written"},
}

// reason is the short text of a code.
func reason(code int) string {
	for _, e := range exits {
		if e.code == code {
			return e.reason
		}
	}
	return fmt.Sprintf("exit code %d", code)
}

// codeOf is the exit code of a finished run.
func codeOf(overall check.Result, interrupted bool) int {
	switch {
	case interrupted:
		return exitInterrupted
	case overall == check.Pass:
		return exitPass
	case overall == check.Fail:
		return exitFail
	}
	return exitInconclusive
}

// failure is an error that carries its exit code.
type failure struct {
	code int
	err  error // nil: everything was said already
}

func (f *failure) Error() string {
	if f.err == nil {
		return reason(f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// fail gives an error its exit code.
func fail(code int, err error) error { return &failure{code, err} }

// usage is a mistake on the command line of cmd: one line that says where to read on.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return fail(exitUsage, fmt.Errorf(format+"; see %s -h", append(args, cmd.CommandPath())...))
}

// finish prints an error as the last words of a command and returns the exit code.
func finish(err error, stderr io.Writer) int {
	if err == nil {
		return exitPass
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{exitBroke, err}
	}
	var mistakes scenario.Errors
	var rows classify.Mistakes
	switch {
	case errors.As(err, &mistakes):
		// They begin with file:line:column, which editors and CI look for at the start of a line.
		fmt.Fprintln(stderr, mistakes)
	case errors.As(err, &rows):
		fmt.Fprintln(stderr, rows)
	case f.err != nil:
		fmt.Fprintf(stderr, "drover: %v\n", f.err)
	}
	return f.code
}

// exitCodesTopic is "drover help exit-codes".
func exitCodesTopic() *cobra.Command {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	for _, e := range exits {
		for i, line := range strings.Split(e.text, "\n") {
			if i == 0 {
				fmt.Fprintf(w, "  %d\t%s\n", e.code, line)
			} else {
				fmt.Fprintf(w, "  \t%s\n", line)
			}
		}
	}
	w.Flush()
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long:  "Every command of drover ends with one of these exit codes:\n\n" + text.String(),
	}
}
