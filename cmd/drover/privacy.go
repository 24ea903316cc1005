package main

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"drover/sim/event"
	"drover/sim/privacy"
	"drover/sim/scenario"
)

func newPrivacy() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "privacy",
		Short: "Print what a privacy contract allows to be sent, and when",
		Long: `privacy prints each data type of a contract: its category, the conditions that must hold, the kind of event that
carries it ("upload": every upload does; "every": every event), and its field in the native format. "sent" says whether
simulated devices send it: a contract of your own may have data types that drover can only look for in a capture.

With --by event it prints each kind of event and the fields that it carries beside those of every upload.`,
		Example: `  drover privacy --contract mde-2024
  drover privacy --contract atp-2020 --by event
  drover privacy --format json | jq '.[] | select(.category == "feedback")'`,
		Args: noArgs,
	}
	addContract(cmd, &name)
	format := addChoice(cmd, "format", "f", "how to print", "table", "json", "markdown")
	by := addChoice(cmd, "by", "", "what has a row", "type", "event")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := scenario.LoadContract(name)
		if err != nil {
			return fail(exitUsage, err)
		}
		out := bufio.NewWriter(cmd.OutOrStdout())
		rows := dataTypes(c)
		var doc any = rows
		heading := []string{"data type", "category", "condition", "event kind", "field", "sent"}
		var cells [][]string
		for _, r := range rows {
			cells = append(cells, []string{r.ID, r.Category, strings.Join(r.When, ", "), r.Kind, r.Field, yesNo(r.Sent)})
		}
		if by.value == "event" {
			kinds := byEvent(rows)
			doc, heading, cells = kinds, []string{"event kind", "fields"}, nil
			for _, k := range kinds {
				cells = append(cells, []string{k.Kind, strings.Join(k.Fields, ", ")})
			}
		}
		switch format.value {
		case "json":
			if err := printJSON(out, doc); err != nil {
				return err
			}
		case "markdown":
			fmt.Fprintf(out, "| %s |\n|%s\n", strings.Join(heading, " | "), strings.Repeat(" --- |", len(heading)))
			for _, row := range cells {
				fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | "))
			}
		default:
			for i := range heading {
				heading[i] = strings.ToUpper(heading[i])
			}
			t := newTable(len(heading), heading...)
			for _, row := range cells {
				t.add(row...)
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
	sends, unfit := c.Sends()
	for i := range c.Items {
		it := &c.Items[i]
		r := dataType{ID: it.ID, Category: it.Category, Kind: "upload", Field: it.Name}
		if f, ok := event.ParseField(it.Name); ok {
			r.Sent = sends.All.Has(f) && !slices.ContainsFunc(unfit, func(u *privacy.Unfit) bool { return u.Item == it.ID })
		}
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

// kindFields is one row of the table by event.
type kindFields struct {
	Kind   string   `json:"kind"` // "upload": every upload; "every": every event, whatever its kind
	Fields []string `json:"fields"`
}

// byEvent turns the table round: what does an upload carry, what does every event, and what each kind of event.
func byEvent(rows []dataType) []kindFields {
	kinds := []kindFields{{"upload", []string{}}, {"every", []string{}}}
	for _, k := range event.Kinds() {
		kinds = append(kinds, kindFields{k.String(), []string{}})
	}
	for _, r := range rows {
		for i := range kinds {
			if kinds[i].Kind == r.Kind {
				kinds[i].Fields = append(kinds[i].Fields, r.Field)
			}
		}
	}
	return kinds
}
