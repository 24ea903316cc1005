package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"drover/sim/behavior"
	"drover/sim/event"
)

func newVisits() *cobra.Command {
	var device, limit int
	var span time.Duration
	cmd := &cobra.Command{
		Use:   "visits NAME|FILE",
		Short: "Print the pages that a device opens, reported or not",
		Long: `visits prints the pages that one device opens from the start of the run on, whatever phases there are and whatever the timeline changes, with what is
true of each site, how it was made and what the reference on the device says. Of these only detected ones are reported, and of
them the host at most: the rest stays on the device, and drover shows it here alone. What a timeline changes is left out.`,
		Example: `  drover visits workday --device 417
  drover visits smoke --device 3 --limit 0 --format ndjson | jq -r .pattern | sort | uniq -c`,
	}
	src := addSource(cmd)
	format := addChoice(cmd, "format", "f", "how to print", "table", "ndjson")
	cmd.Flags().IntVar(&device, "device", 0, "of this device, by its `number` in drover devices")
	cmd.Flags().DurationVar(&span, "for", 24*time.Hour, "stop after so much device time")
	cmd.Flags().IntVarP(&limit, "limit", "n", 100, "stop after `n` lines; 0 prints all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case limit < 0:
			return usage(cmd, "--limit %d: want 0 or more", limit)
		case span <= 0:
			return usage(cmd, "--for %v: want more than 0s", span)
		}
		m, err := src.model(args[0])
		if err != nil {
			return err
		}
		if device < 0 || device >= m.Fleet.Devices() {
			return usage(cmd, "--device %d: the fleet has %d devices, from 0", device, m.Fleet.Devices())
		}
		out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
		show := visitRow
		if format.value == "ndjson" {
			show = visitJSON
		} else {
			fmt.Fprintf(out, visitColumns, "DEVICE TIME", "TRUTH", "PATTERN", "VERDICT", "URL")
		}
		lines := 0
		behavior.History(&m.Behavior, device, span, func(p *behavior.PageView) bool {
			if err = cmd.Context().Err(); err != nil {
				err = fail(exitInterrupted, err)
				return false
			}
			if err = show(out, m.Scenario.Start.Add(p.At), p); err != nil {
				return false
			}
			lines++
			return lines != limit
		})
		return orFlush(err, out)
	}
	return cmd
}

const visitColumns = "%-19s  %-8s  %-18s  %-13s  %s\n"

func visitRow(out *bufio.Writer, at time.Time, p *behavior.PageView) error {
	pattern, verdict := p.Pattern.String(), "–"
	if p.Pattern.Malicious() {
		pattern = difficulty(p.Hard) + " " + pattern
	}
	if p.Verdict != event.Benign {
		verdict = fmt.Sprintf("%s %.2f", p.Verdict, p.Score)
	}
	_, err := fmt.Fprintf(out, visitColumns, at.Format(time.DateTime), p.Truth, pattern, verdict, p.URL)
	return err
}

// visitDoc is one line of the NDJSON form.
type visitDoc struct {
	Time       time.Time `json:"time"`
	URL        string    `json:"url"`
	Pattern    string    `json:"pattern"`
	Difficulty string    `json:"difficulty,omitempty"` // of planted sites
	Truth      string    `json:"truth"`
	Verdict    string    `json:"verdict"`
	Score      float32   `json:"score"`
	Reported   bool      `json:"reported"`
}

func visitJSON(out *bufio.Writer, at time.Time, p *behavior.PageView) error {
	doc := visitDoc{
		Time: at.Truncate(time.Millisecond), URL: string(p.URL), Pattern: p.Pattern.String(), Truth: p.Truth.String(), Verdict: p.Verdict.String(), Score: p.Score,
		Reported: p.Verdict != event.Benign,
	}
	if p.Pattern.Malicious() {
		doc.Difficulty = difficulty(p.Hard)
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
