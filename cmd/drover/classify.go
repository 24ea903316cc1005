package main

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/classify"
	"drover/sim/event"
)

func newClassify() *cobra.Command {
	var known, eval string
	var patterns bool
	cmd := &cobra.Command{
		Use:   "classify URL... | - | --eval FILE | --patterns",
		Short: "Ask the reference classifier about URLs",
		Long: `classify prints what the reference classifier thinks of each URL: malicious, suspicious or benign, its score from 0
to 1, the model's probability (where half of all URLs are malicious; 0 when the model was not asked), the kind of threat,
where "?" marks a hint of the model's (in JSON "category_is": "hint"), and the rules that decided. Nothing is fetched.

Of what the model finds malicious or suspicious the reasons follow, in log-odds, ln(p/(1-p)), which they add up to: words of the
URL in quotes, and what is counted in it. "others" is all that is not shown, and what a URL begins with.

"-" reads URLs from standard input, one to a line, any number of them, and prints as many lines in their order; blank lines are
left out. A line is cut after 65,536 bytes, of which "..." tells, in JSON "cut". Bytes that are no UTF-8 are shown as "?", in JSON
as U+FFFD.

By itself the classifier has its trained model, and rules for addresses and names that are nobody's. With --scenario it also has the list that the devices
of a run have: of the sites that this scenario plants those that are listed, and the benign ones that devices visit.

--eval prints what the model is worth on labelled URLs: a CSV file, perhaps compressed by gzip, whose first line names its columns,
in any order and case. url and label there must be. A label is
` + classify.LabelHelp + `.
category names the kind of threat; by source, form and stratum the figures are broken down. Other columns are left alone.

--patterns prints what the rules and the model make of the sites that scenarios plant, by pattern and difficulty, when no list
knows them: of malicious patterns the recall, of benign ones the false alarms, which in a run an allow list prevents. It is the
line that a backend's figures in a report stand beside.`,
		Example: `  drover classify contoso-login-verify.sim.test
  drover classify --format json - < urls.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && eval == "" && !patterns {
				return usage(cmd, "want at least one URL, or - for standard input")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	format := addChoice(cmd, "format", "f", "how to print", "text", "json")
	cmd.Flags().StringVar(&known, "scenario", "", "also have the list of this scenario's devices (`NAME|FILE`)")
	cmd.Flags().StringVar(&eval, "eval", "", "print what the model is worth on these labelled URLs (`FILE`)")
	cmd.Flags().BoolVar(&patterns, "patterns", false, "print what the rules and the model make of each pattern of planted sites")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if patterns {
			if len(args) > 0 || known != "" || eval != "" {
				return usage(cmd, "--patterns goes without URLs, --scenario and --eval")
			}
			return printPatterns(cmd.OutOrStdout(), format.value)
		}
		if eval != "" {
			if len(args) > 0 || known != "" || cmd.Flags().Changed("format") {
				return usage(cmd, "--eval goes without URLs and without other flags")
			}
			set, err := readExamples(eval)
			if err != nil {
				return err
			}
			if err := classify.Evaluate(cmd.OutOrStdout(), classify.Shipped(), set); err != nil {
				return fail(exitUsage, fmt.Errorf("%s: %w", eval, err))
			}
			return nil
		}
		judge, err := classifierOf(known)
		if err != nil {
			return err
		}
		p := verdictPrinter{out: bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16), judge: judge, json: format.value == "json"}
		for _, arg := range args {
			if arg == "-" {
				err = p.lines(cmd.Context(), cmd.InOrStdin())
			} else {
				err = p.print([]byte(arg), false)
			}
			if err != nil {
				break
			}
		}
		return errors.Join(err, p.out.Flush())
	}
	return cmd
}

// classifierOf returns the rules and the model, or the classifier that a scenario's devices have.
func classifierOf(name string) (*classify.Rules, error) {
	if name == "" {
		return classify.New(classify.Options{Zone: event.DefaultZone, Model: classify.Shipped()}), nil
	}
	m, err := new(source).model(name)
	if err != nil {
		return nil, err
	}
	return sim.Reference(m), nil
}
