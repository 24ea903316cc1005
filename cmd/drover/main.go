// Command drover makes fleets of synthetic iOS devices and drives their telemetry against a backend.
//
// This package knows the command line alone: one file per subcommand, streams, exit codes. How anything is done is known
// by the packages below it.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, process()))
}

// env is what commands take from the process beside their arguments and output.
type env struct {
	stdin  io.Reader
	getenv func(string) string
	now    func() time.Time

	// width is how many columns the terminal behind w has; 0 when w is not a terminal.
	width func(w io.Writer) int

	// height is how many lines it has; 0 when it does not tell. nil: none does.
	height func(w io.Writer) int

	// terminal reports whether a live view can be drawn on stderr, a terminal, and where its keys come from; keys is nil for nowhere.
	terminal func(stdout, stderr io.Writer) (keys *os.File, ok bool)

	// interruptible derives a context that ends at the first SIGINT or SIGTERM; a second one then ends the process at
	// once, as does the first in a command that does not ask. stop gives its resources back.
	interruptible func(context.Context) (ctx context.Context, stop func())
}

// process is the env of a real process.
func process() env {
	return env{
		stdin:  os.Stdin,
		getenv: os.Getenv,
		now:    time.Now,
		width: func(w io.Writer) int {
			f, ok := w.(*os.File)
			if !ok || !term.IsTerminal(int(f.Fd())) {
				return 0
			}
			columns, _, err := term.GetSize(int(f.Fd()))
			if err != nil || columns <= 0 {
				return 80
			}
			return columns
		},
		height: func(w io.Writer) int {
			f, ok := w.(*os.File)
			if !ok || !term.IsTerminal(int(f.Fd())) {
				return 0
			}
			_, lines, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 0
			}
			return lines
		},
		terminal: ownTerminal,
		interruptible: func(ctx context.Context) (context.Context, func()) {
			ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop) // from now on signals do what they do by default
			return ctx, stop
		},
	}
}

// color reports whether output to w may have colours: on a terminal, unless NO_COLOR says otherwise (https://no-color.org).
func (e env) color(w io.Writer) bool {
	return e.width(w) > 0 && e.getenv("NO_COLOR") == "" && e.getenv("TERM") != "dumb"
}

// run is the whole command: it returns the exit code, one of those in exits.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, e env) int {
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return finish(root.ExecuteContext(ctx), stderr)
}

func newRoot(e env) *cobra.Command {
	root := &cobra.Command{
		Use:   "drover",
		Short: "Drive herds of synthetic devices against a backend",
		Long: `drover makes fleets of synthetic iOS devices that run a mobile-threat-defence app, drives their telemetry
against any backend at the pace the devices set, and judges what comes back.`,
		Example: `  drover run smoke                     # the shipped scenario, against the embedded backend
  drover scenarios show smoke > my.yaml
  drover validate my.yaml
  drover plan my.yaml                  # what it would send
  drover run my.yaml --out out         # exit code, out/report.html, out/junit.xml`,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return usage(cmd, "want a command") },
		Version:       versionText(), // drover --version, which many try first
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	// cobra's own text shows a usage of its own for each of two cases; drover has only the second, a command.
	root.SetUsageTemplate(strings.NewReplacer(
		"{{if .Runnable}}", "{{if and .Runnable .HasParent}}", "{{.CommandPath}} [command]{{end}}", "{{.CommandPath}} COMMAND{{end}}",
		"[command] --help", "COMMAND -h",
	).Replace(root.UsageTemplate()))
	root.SetVersionTemplate("drover {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%w", err) })
	root.AddCommand(
		newRun(e), newCalibrate(e), newValidate(), newPlan(), newDevices(), newEvents(), newVisits(), newServe(e), newClassify(), newTrain(), newAudit(), newPrivacy(), newScenarios(), newAdapters(), newFormats(),
		newSchema(), newReport(e), newVerdicts(e), newCompare(e), newMetricsCommand(), newLedger(), newSettle(e), newReplay(e), newVersion(), newGuard(), exitCodesTopic(), backendTopic(), databaseTopic(),
	)
	root.AddCommand(protocolTopics()...)
	refuseUnknownTopics(root)
	return root
}

// refuseUnknownTopics makes "drover help" fail on a name that nothing has; cobra's own shows the general help and succeeds.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, help := range root.Commands() {
		if help.Name() != "help" {
			continue
		}
		help.Args = func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil {
				return usage(root, "%w", err)
			}
			return noCommand(cmd, rest)
		}
	}
}

// noCommand refuses the arguments of a command that only has subcommands, and guesses which one was meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		return usage(cmd, "unknown command %q; did you mean %q?", args[0], s[0])
	}
	return usage(cmd, "unknown command %q", args[0])
}
