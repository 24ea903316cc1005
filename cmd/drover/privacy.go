package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"drover/sim/privacy"
	"drover/sim/scenario"
	"drover/sim/wire"
)

func newPrivacy() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "privacy",
		Short: "Print what a privacy contract allows to be sent, and when",
		Long: `privacy prints each data type of a contract: its category, the conditions that must hold, the kind of event that
carries it ("upload": every upload does; "every": every event), and its field in the native format. "sent" says whether simulated devices send it.`,
		Example: `  drover privacy --contract mde-2024
  drover privacy --format json | jq '.[] | select(.category == "feedback")'`,
		Args: noArgs,
	}
	addContract(cmd, &name)
	format := addChoice(cmd, "format", "f", "how to print", "table", "json", "markdown")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := scenario.LoadContract(name)
		if err != nil {
			return fail(exitUsage, err)
		}
		out := bufio.NewWriter(cmd.OutOrStdout())
		rows := dataTypes(c)
		switch format.value {
		case "json":
			enc := json.NewEncoder(out)
			enc.SetIndent("", "  ")
			if err := enc.Encode(rows); err != nil {
				return err
			}
		case "markdown":
			out.WriteString("| data type | category | condition | event kind | field | sent |\n| --- | --- | --- | --- | --- | --- |\n")
			for _, r := range rows {
				fmt.Fprintf(out, "| `%s` | %s | %s | %s | `%s` | %s |\n", r.ID, r.Category, strings.Join(r.When, ", "), r.Kind, r.Field, yesNo(r.Sent))
			}
		default:
			t := newTable(6, "DATA TYPE", "CATEGORY", "CONDITION", "EVENT KIND", "FIELD", "SENT")
			for _, r := range rows {
				t.add(r.ID, r.Category, strings.Join(r.When, ", "), r.Kind, r.Field, yesNo(r.Sent))
			}
			t.print(out)
		}
		return out.Flush()
	}
	return cmd
}

// dataType is one row of the table.
type dataType struct {
	ID       string   `json:"id"`
	Category string   `json:"category"`
	When     []string `json:"when"`
	Kind     string   `json:"kind"`
	Field    string   `json:"field"`
	Sent     bool     `json:"sent"`
}

func dataTypes(c *privacy.Contract) []dataType {
	rows := []dataType{}
	native := wire.NativeFields()
	for i := range c.Items {
		it := &c.Items[i]
		r := dataType{ID: it.ID, Category: it.Category, Kind: "upload", Field: it.Name, Sent: slices.Contains(native, it.Place())}
		if it.Carried {
			r.Kind = it.Kind.String()
		} else if strings.HasPrefix(it.Place(), "events[]") {
			r.Kind = "every"
		}
		for _, w := range it.When {
			r.When = append(r.When, string(w))
		}
		rows = append(rows, r)
	}
	return rows
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
