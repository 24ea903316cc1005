package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Markdown writes the run for a pull request or a step summary, in GitHub's dialect: checks first, tables after.
func Markdown(w io.Writer, r *Run) error {
	var b strings.Builder
	sign, _ := mark(r.Result)
	fmt.Fprintf(&b, "## %s %s: %s\n\n", sign, md(r.Scenario.Name), verdictOf(r))
	if r.Scenario.Description != "" {
		fmt.Fprintf(&b, "%s\n\n", md(r.Scenario.Description))
	}
	if r.Interrupted {
		b.WriteString("**The run was interrupted**; what it did until then is below.\n\n")
	}
	if len(r.Checks) > 0 {
		b.WriteString("| | check | got | want | evidence |\n|---|---|---|---|---|\n")
		for _, c := range r.Checks {
			sign, _ := mark(c.Result)
			got := c.Got
			if got == "" {
				got = string(c.Result)
			}
			mdRow(&b, sign, c.Name, got, c.Want, c.Evidence)
		}
		b.WriteByte('\n')
	}
	c := r.Totals
	measured := measuredNS(r)
	fmt.Fprintf(&b, "**Load** %s; %s measured of %s.\n\n", md(loadLine(r)), dur(measured), dur(r.DurationNS))
	if len(r.Changes) > 0 {
		b.WriteString("| timeline | when | devices | who | what |\n|---|---|---:|---|---|\n")
		for _, c := range r.Changes {
			mdRow(&b, c.Name, when(c), count(int64(c.Devices)), c.Who, c.What)
		}
		b.WriteByte('\n')
	}
	b.WriteString("| due | sent | accepted | refused | failed | dropped | retries | accepted per second | events |\n" +
		"|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	mdRow(&b, count(c.Due), count(c.Sent), count(c.Accepted), count(c.Refused), count(c.Failed), count(c.Dropped),
		count(c.Retries), perSecond(c.Accepted, measured), count(c.Events))
	if r.Latency.Response.Count > 0 {
		b.WriteString("\n| time | mean | p50 | p90 | p95 | p99 | p99.9 | max |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
		rows := []Row{{Name: "response", Response: r.Latency.Response.Quantiles}, {Name: "service", Response: r.Latency.Service.Quantiles},
			{Name: "send lag", Response: r.Latency.SendLag.Quantiles}}
		for _, row := range append(rows, r.lookUps()...) {
			q := row.Response
			mdRow(&b, row.Name, dur(q.MeanNS), dur(q.P50NS), dur(q.P90NS), dur(q.P95NS), dur(q.P99NS), dur(q.P999NS), dur(q.MaxNS))
		}
		for _, s := range []string{r.lookUpWords(), divergence(r)} {
			if s != "" {
				fmt.Fprintf(&b, "\n%s\n", md(s))
			}
		}
	}
	if failed := failures(r); len(failed) > 0 {
		b.WriteString("\n| ended in | uploads | attempts |\n|---|---:|---:|\n")
		for _, c := range failed {
			mdRow(&b, c.Class, count(c.Final), count(c.Attempts))
		}
		if s := cutShort(r); s != "" {
			fmt.Fprintf(&b, "\n%s.\n", md(s))
		}
	}
	if len(r.Kinds) > 0 {
		b.WriteString("\n| kind of event | made | accepted | stored |\n|---|---:|---:|---:|\n")
		for _, k := range r.Kinds {
			mdRow(&b, k.Kind, count(k.Made), count(k.Accepted), storedText(k))
		}
		if s := eventsApart(r); s != "" {
			fmt.Fprintf(&b, "\n%s.\n", md(s))
		}
	}
	mdReconcile(&b, r.Reconcile, r.Sampled)
	if v := r.Verdicts; v != nil && v.Judged > 0 {
		b.WriteString("\n**Verdicts** on " + md(plural(v.Total, "detection", "detections")) + ", against the planted truth and, apart from it, the reference classifier. ")
		if s := devicesSentence(v); s != "" {
			b.WriteString("Before that, " + md(s) + ".")
		}
		if s := v.Slowest.sentence(); s != "" {
			b.WriteString("\n\n> **Warning** " + md(s))
		}
		b.WriteByte('\n')
		for _, g := range append([]grid{verdictSummary(v)}, verdictDetails(v)...) {
			mdGrid(&b, g)
		}
	}
	g := r.Generator
	fmt.Fprintf(&b, "\n**Harness** send lag p99 %s, max %s; CPU %s of %s, garbage collection %s of that. %s\n", dur(g.SendLag.P99NS), dur(g.SendLag.MaxNS), cpu(g.CPUShare),
		plural(int64(r.Drover.CPUs), "core", "cores"), cpu(g.GCShare), md(g.Behind))
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "\n> **Warning** %s\n", md(warning))
	}
	fmt.Fprintf(&b, "\n<sub>drover %s · %s · scenario digest %s · %s · again: %s</sub>\n", md(r.Drover.Version),
		r.Started.UTC().Format(time.RFC3339), md(shortDigest(r)), md(seedText(r)), md(again(r)))
	_, err := io.WriteString(w, b.String())
	return err
}

// mdGrid writes a table.
func mdGrid(b *strings.Builder, g grid) {
	fmt.Fprintf(b, "\n%s:\n\n", md(g.Caption))
	mdRow(b, g.Head...)
	column := "---:|"
	if g.Words {
		column = "---|"
	}
	b.WriteString("|---|" + strings.Repeat(column, len(g.Head)-1) + "\n")
	for _, row := range g.Rows {
		mdRow(b, row...)
	}
}

func mdRow(b *strings.Builder, cells ...string) {
	b.WriteByte('|')
	for _, c := range cells {
		b.WriteString(" " + md(c) + " |")
	}
	b.WriteByte('\n')
}

// md escapes text for Markdown: nothing in it becomes a table's border, a tag, a link or a mention.
func md(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch r {
		case '\\', '`', '*', '_', '[', ']', '|', '#', '~', '$':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '@':
			b.WriteString("&#64;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// failures is the classes that are not ok.
func failures(r *Run) (list []Class) {
	for _, c := range r.Classes {
		if c.Class != "ok" {
			list = append(list, c)
		}
	}
	return list
}

func shortDigest(r *Run) string {
	if d := r.Scenario.Digest; len(d) > 12 {
		return d[:12]
	}
	return r.Scenario.Digest
}

// seedText names the four seeds, which is what makes a run repeatable.
func seedText(r *Run) string {
	s := r.Scenario.Seeds
	return fmt.Sprintf("seeds fleet %d, behavior %d, arrivals %d, faults %d", s.Fleet, s.Behavior, s.Arrivals, s.Faults)
}
