package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"drover/sim"
	"drover/sim/behavior"
	"drover/sim/classify"
	"drover/sim/scenario"
)

// maxURL is the longest line that "classify -" reads.
const maxURL = 64 << 10

func newClassify() *cobra.Command {
	var known, eval string
	cmd := &cobra.Command{
		Use:   "classify URL... | - | --eval FILE",
		Short: "Ask the reference classifier about URLs",
		Long: `classify prints what the reference classifier thinks of each URL: malicious, suspicious or benign, its score from 0
to 1, the model's probability (where half of all URLs are malicious; 0 when the model was not asked), the kind of threat, a
hint, and the rules behind it. "-" reads URLs from standard input, one to a line. Nothing is fetched.

By itself the classifier has its lexical rules and its trained model. With --scenario it also knows the sites that this
scenario plants, and those its devices visit, as the devices of a run do.

--eval prints what the model is worth on labelled URLs: a CSV file, perhaps compressed (.gz), with the columns url and label
(1: malicious), and perhaps category and source.`,
		Example: `  drover classify contoso-login-verify.sim.test
  drover classify --format json - < urls.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && eval == "" {
				return usage(cmd, "want at least one URL, or - for standard input")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	format := addChoice(cmd, "format", "f", "how to print", "text", "json")
	cmd.Flags().StringVar(&known, "scenario", "", "also know the sites that this scenario plants (`NAME|FILE`)")
	cmd.Flags().StringVar(&eval, "eval", "", "print what the model is worth on these labelled URLs (`FILE`)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
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
		out := bufio.NewWriter(cmd.OutOrStdout())
		show := printVerdict
		if format.value == "json" {
			show = printVerdictJSON
		}
		for _, arg := range args {
			if arg != "-" {
				if err := show(out, arg, judge.Classify([]byte(arg))); err != nil {
					return err
				}
				continue
			}
			lines := bufio.NewScanner(cmd.InOrStdin())
			lines.Buffer(nil, maxURL)
			for lines.Scan() {
				if len(lines.Bytes()) == 0 {
					continue
				}
				if err := show(out, lines.Text(), judge.Classify(lines.Bytes())); err != nil {
					return err
				}
			}
			if err := lines.Err(); err != nil {
				return fmt.Errorf("read standard input: %w", err)
			}
		}
		return out.Flush()
	}
	return cmd
}

// classifierOf returns the rules and the model, or the classifier that a scenario's devices have.
func classifierOf(name string) (classify.Classifier, error) {
	if name == "" {
		return classify.New(classify.Options{Zone: behavior.Zone, Model: classify.Shipped()}), nil
	}
	sc, err := scenario.Load(name, scenario.Options{})
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	return sim.Reference(m), nil
}

// word is malicious, suspicious or benign.
func word(v classify.Verdict) string {
	if v.Malicious() {
		return "malicious"
	}
	if v.Suspicious {
		return "suspicious"
	}
	return "benign"
}

func printVerdict(w io.Writer, url string, v classify.Verdict) error {
	_, err := fmt.Fprintf(w, "%-10s  %.2f  p %.2f  %-8s  %s", word(v), v.Score, v.Probability, v.Category, printable(url))
	if err == nil && v.Reasons.Len() > 0 {
		_, err = fmt.Fprintf(w, "  (%s)", v.Reasons)
	}
	if err == nil {
		_, err = fmt.Fprintln(w)
	}
	return err
}

// judgement is one line of the JSON output.
type judgement struct {
	URL      string  `json:"url"`
	Verdict  string  `json:"verdict"`
	Category string  `json:"category"`
	Score    float32 `json:"score"`

	Probability float32 `json:"probability"`

	Reasons []ground `json:"reasons"`
}

type ground struct {
	Rule   string  `json:"rule"`
	Weight float32 `json:"weight"`
}

func printVerdictJSON(w io.Writer, url string, v classify.Verdict) error {
	j := judgement{URL: url, Verdict: word(v), Category: v.Category.String(), Score: v.Score, Probability: v.Probability, Reasons: []ground{}}
	for i := range v.Reasons.Len() {
		r := v.Reasons.At(i)
		j.Reasons = append(j.Reasons, ground{r.Rule, r.Weight})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(j)
}
