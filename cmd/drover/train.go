package main

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"drover/sim/classify"
	"drover/sim/event"
)

// newTrain is hidden: it serves whoever makes the weights that drover ships.
func newTrain() *cobra.Command {
	var train, dev, out string
	cmd := &cobra.Command{
		Use:    "train --data FILE --dev FILE --out FILE",
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
	for _, name := range []string{"data", "dev", "out"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err)
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
		return classify.Evaluate(cmd.OutOrStdout(), m, hold)
	}
	return cmd
}

// readExamples reads labelled URLs from a CSV file whose first line names its columns: url and label, and perhaps category
// and source.
func readExamples(name string) ([]classify.Example, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, fail(exitUsage, fmt.Errorf("%s: %w", name, err))
		}
	}
	rows := csv.NewReader(in)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("%s: %w", name, err))
	}
	url, label := slices.Index(head, "url"), slices.Index(head, "label")
	category, source := slices.Index(head, "category"), slices.Index(head, "source")
	if url < 0 || label < 0 {
		return nil, fail(exitUsage, fmt.Errorf("%s: no columns \"url\" and \"label\" in its first line", name))
	}
	var set []classify.Example
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return set, nil
		}
		if err != nil {
			return nil, fail(exitUsage, fmt.Errorf("%s: %w", name, err))
		}
		e := classify.Example{URL: strings.Clone(row[url])}
		switch row[label] {
		case "1":
			e.Malicious = true
		case "0":
		default:
			line, _ := rows.FieldPos(label)
			return nil, fail(exitUsage, fmt.Errorf("%s:%d: label %q; want 0 or 1", name, line, row[label]))
		}
		if category >= 0 {
			for c := event.Benign; c < event.NumCategories; c++ {
				if c.String() == row[category] {
					e.Category = c
				}
			}
		}
		if source >= 0 {
			e.Source = strings.Clone(row[source])
		}
		set = append(set, e)
	}
}
