package main

import (
	"os"

	"github.com/spf13/cobra"

	"drover/sim/classify"
)

// newTrain is hidden: it serves whoever makes the weights that drover ships.
func newTrain() *cobra.Command {
	var train, dev, out string
	var holdOut bool
	cmd := &cobra.Command{
		Use:    "train --data FILE --dev FILE --out FILE [--hold-out]",
		Short:  "Train the model of the reference classifier",
		Hidden: true,
		Long: `train makes the weights of the reference classifier from labelled URLs and prints what they are worth on the dev set. Both
files are CSV, perhaps compressed (.gz), with the columns url, label (1: malicious), category and source. The same files make
the same weights, bit for bit.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&train, "data", "", "labelled URLs to learn from (`FILE`)")
	cmd.Flags().StringVar(&dev, "dev", "", "labelled URLs of other sites, for calibration and thresholds (`FILE`)")
	cmd.Flags().StringVar(&out, "out", "", "where the weights go (`FILE`)")
	cmd.Flags().BoolVar(&holdOut, "hold-out", false, "then train again without each source, and print what that makes of it; takes minutes")
	for _, name := range []string{"data", "dev", "out"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a name that is none of the flags above
		}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		learn, err := readExamples(train)
		if err != nil {
			return err
		}
		hold, err := readExamples(dev)
		if err != nil {
			return err
		}
		weights, err := classify.Train(learn, hold)
		if err != nil {
			return fail(exitUsage, err)
		}
		m, err := classify.ReadModel(weights)
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, weights, 0o644); err != nil {
			return err
		}
		w := cmd.OutOrStdout()
		if err := classify.Overlap(w, learn, hold); err != nil {
			return err
		}
		if err := classify.Evaluate(w, m, hold); err != nil || !holdOut {
			return err
		}
		return classify.HoldOut(w, learn, hold)
	}
	return cmd
}

// readExamples reads labelled URLs from a file.
func readExamples(name string) ([]classify.Example, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	defer f.Close()
	set, err := classify.ReadExamples(name, f)
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	return set, nil
}
