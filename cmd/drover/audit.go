package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/privacy"
	"drover/sim/scenario"
	"drover/sim/wire"
)

// auditFlags are the flags of drover audit.
type auditFlags struct {
	contract string
	scenario string
	source   source // of the scenario
	tenant   string
	period   time.Duration
	limit    int
	format   *choice
	protobuf bool
}

func newAudit() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "audit FILE... | -",
		Short: "Hold a capture of uploads to a privacy contract",
		Long: `audit reads native documents: uploads as "drover events --format uploads" prints them, what a backend's
GET /v1/audit/events shows of what it stored, or captured bodies of requests; one to a line, one after another, indented or
in a JSON array, compressed with gzip or not. Documents in the other formats of "drover help formats" are read, too, each
by its own members: a place that the format does not have, or one that says more than the others, makes it a violation. It prints each violation with its invariant, event and field, then what it could
look at, invariant by invariant, and ends with exit code 3 when there was a violation. "-" is standard input.

A capture alone does not tell everything. With --scenario the settings of each device are known, so that withheld data can
be told from forbidden data and missing data is noticed, but for devices whose settings the timeline changes; its canaries are
looked for; and the contract is the scenario's unless --contract names another. --tenant says whose sink the capture is from;
--period says how often what is always sent must come, in device time. What was not looked at is said, never left out.

--contract takes the name of a shipped contract (` + orList(scenario.Contracts()) + `), or a file in the format of
profiles/privacy-catalogue.yaml, as FILE or FILE#NAME. No value of a document is ever printed, only names of fields.`,
		Example: `  drover events smoke --format uploads --limit 0 | drover audit --scenario smoke -
  drover audit --contract mde-2024 --format json capture.ndjson
  drover audit --contract ours.yaml --tenant 0b7cbb29-3a5e-4a5c-8f0e-7d1a2b3c4d5e sink.ndjson`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(cmd, "want at least one file, or - for standard input")
			}
			return nil
		},
	}
	addContract(cmd, &f.contract)
	f.format = addChoice(cmd, "format", "f", "how to print", "text", "json")
	cmd.Flags().StringVar(&f.scenario, "scenario", "", "the capture is of a run of this scenario (`NAME|FILE`)")
	f.source.addFlags(cmd)
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "the capture is from the sink of the tenant with this `id`")
	cmd.Flags().DurationVar(&f.period, "period", 0, "what is always sent must come within this `time` of a device, e.g. 48h; 0: not looked at")
	cmd.Flags().IntVarP(&f.limit, "limit", "n", 20, "print the first `n` violations; 0 prints all. All are counted")
	cmd.Flags().BoolVar(&f.protobuf, "protobuf", false, "the captures are OTLP in protobuf: export requests one after another")
	_ = cmd.RegisterFlagCompletionFunc("scenario", completeScenario)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) }
	return cmd
}

// addContract adds the flag --contract.
func addContract(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "contract", "mde", "the contract, by `NAME|FILE`")
	_ = cmd.RegisterFlagCompletionFunc("contract", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return scenario.Contracts(), cobra.ShellCompDirectiveDefault
	})
}

func (f *auditFlags) run(cmd *cobra.Command, args []string) error {
	if f.limit < 0 || f.period < 0 {
		return usage(cmd, "--limit %d --period %v: want 0 or more", f.limit, f.period)
	}
	if f.scenario == "" && (f.source.variant != "" || f.source.set.given != nil) {
		return usage(cmd, "--set and --variant belong to --scenario")
	}
	c, err := scenario.LoadContract(f.contract)
	if err != nil {
		return fail(exitUsage, err)
	}
	var settings func(fleet.GUID) (privacy.Settings, bool)
	var canaries []event.Canary
	if f.scenario != "" {
		m, err := f.source.model(f.scenario)
		if err != nil {
			return err
		}
		settings, canaries = m.Settings(nil), m.Behavior.Canaries.List()
		if !cmd.Flags().Changed("contract") {
			c = m.Scenario.Contract
		}
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	p := auditPrinter{out: out, limit: f.limit, text: f.format.value == "text", protobuf: f.protobuf, formats: map[string]wire.Format{}}
	for name, make := range wire.Formats {
		p.formats[name] = make(&wire.Constants{})
	}
	opt := privacy.Options{Period: f.period, Canaries: canaries, Report: p.violation}
	if f.tenant != "" {
		id, ok := wire.ParseGUID(f.tenant)
		if !ok {
			return usage(cmd, "--tenant %s: want an id in lower case, as drover devices shows it", f.tenant)
		}
		opt.Tenant = &id
	}
	a := privacy.NewAuditor(c, opt)
	r := a.Reader(settings)
	for _, name := range args {
		p.file = name
		if err := p.read(cmd, name, r); err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	res := a.Finish()
	if err := errors.Join(p.result(&res), out.Flush()); err != nil {
		return err
	}
	switch {
	case res.Documents == 0:
		return fail(exitInconclusive, errors.New("no document to audit: that proves nothing"))
	case res.Violations > 0:
		return fail(exitFail, nil)
	}
	return nil
}

// auditPrinter reads documents and prints what is wrong with them.
type auditPrinter struct {
	out   *bufio.Writer
	text  bool
	limit int
	file  string
	line  int

	formats  map[string]wire.Format
	protobuf bool

	printed int64
	list    []violationLine // for JSON
}

// read audits one file, or standard input.
func (p *auditPrinter) read(cmd *cobra.Command, name string, r *privacy.Reader) error {
	in := cmd.InOrStdin()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fail(exitUsage, err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return fail(exitUsage, fmt.Errorf("%s is a folder; name its files, e.g. %s/*", name, strings.TrimSuffix(name, "/")))
		}
		in = f
	}
	return p.documents(in, r)
}

func (p *auditPrinter) documents(in io.Reader, r *privacy.Reader) error {
	if p.protobuf {
		return p.exports(in, r)
	}
	c := splitter{each: func(line int, doc []byte) {
		if p.line = line; isPageEnd(doc) {
			return
		}
		decode := p.formats[wire.Recognise(doc)].Decode
		if decode(doc, func(native []byte) error { r.Upload(native); return nil }) != nil {
			r.Upload(doc) // what cannot be read is a violation
		}
	}}
	if err := c.read(in); err != nil {
		return fmt.Errorf("read %s: %w", p.file, err)
	}
	return nil
}

// exports audits export requests of OpenTelemetry logs, one after another: each device's part of one by itself, so that they may be
// as many as they like. What takes the place of a line is its number.
func (p *auditPrinter) exports(in io.Reader, r *privacy.Reader) error {
	plain, err := unzipped(in)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.file, err)
	}
	for p.line = 1; ; p.line++ {
		part, err := nextExport(plain)
		if err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: message %d: %w", p.file, p.line, err)
		}
		if p.formats["otlp"].Decode(part, func(native []byte) error { r.Upload(native); return nil }) != nil {
			r.Upload(part) // what cannot be read is a violation
		}
	}
}

// nextExport reads one field of a message; io.EOF is the end between two.
func nextExport(in *bufio.Reader) ([]byte, error) {
	tag, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	size, err := binary.ReadUvarint(in)
	switch {
	case err == nil && tag&7 != 2:
		return nil, errors.New("not OTLP in protobuf")
	case err == nil && size > maxDocument:
		return nil, fmt.Errorf("longer than %d bytes", maxDocument)
	case err == nil:
		part := binary.AppendUvarint([]byte{tag}, size)
		at := len(part)
		part = append(part, make([]byte, size)...)
		if _, err = io.ReadFull(in, part[at:]); err == nil {
			return part, nil
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

// isPageEnd reports whether a line is the one that ends each page of GET /v1/audit/events.
func isPageEnd(line []byte) bool {
	if !bytes.HasPrefix(line, []byte(`{"next":`)) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	return dec.Decode(new(wire.PageEnd)) == nil
}

// violationLine is one violation in the JSON output.
type violationLine struct {
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"` // 0: only the device's whole stream shows it
	Device    string `json:"device,omitempty"`
	Index     *int   `json:"index,omitempty"` // of the event in the document
	Event     string `json:"event,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Invariant string `json:"invariant"`
	Field     string `json:"field,omitempty"`
	What      string `json:"what"`
}

// violation prints or keeps one violation, as far as the limit allows.
func (p *auditPrinter) violation(v privacy.Violation) {
	if p.printed++; p.limit > 0 && p.printed > int64(p.limit) {
		return
	}
	l := violationLine{Kind: v.Kind, Invariant: v.Invariant.String(), Field: v.Field, What: v.What}
	if v.Document > 0 {
		l.File, l.Line = p.file, p.line
	}
	if v.Device != (fleet.GUID{}) {
		l.Device = v.Device.String()
	}
	if v.Index >= 0 {
		l.Index = &v.Index
		if v.Event != (fleet.GUID{}) {
			l.Event = v.Event.String()
		}
	}
	if !p.text {
		p.list = append(p.list, l)
		return
	}
	where := "at the end"
	if l.Line > 0 {
		where = fmt.Sprintf("%s:%d", l.File, l.Line)
	}
	fmt.Fprintf(p.out, "%s: %s", where, v)
	if l.Kind != "" {
		fmt.Fprintf(p.out, ", in %s", l.Kind)
		if l.Event != "" {
			fmt.Fprintf(p.out, " %s", l.Event)
		}
	}
	if l.Device != "" {
		fmt.Fprintf(p.out, ", device %s", l.Device)
	}
	p.out.WriteByte('\n')
}

// auditResult is the JSON output.
type auditResult struct {
	Contract   string          `json:"contract"`
	Documents  int64           `json:"documents"`
	Unreadable int64           `json:"unreadable"`
	Events     int64           `json:"events"`
	Devices    int             `json:"devices"`
	Violations int64           `json:"violations"`
	Canaries   *canaryLine     `json:"canaries,omitempty"`
	Invariants []invariantLine `json:"invariants"`
	Kinds      []kindLine      `json:"kinds"`
	First      []violationLine `json:"first"` // as many as --limit says
}

// canaryLine is how many canaries of the scenario were looked for, and in how many places one was found.
type canaryLine struct {
	Hosts int   `json:"hosts"`
	Found int64 `json:"found"`
}

type invariantLine struct {
	ID         string `json:"id"`
	Rule       string `json:"rule"`
	Coverage   string `json:"coverage"`
	Why        string `json:"why,omitempty"`
	Violations int64  `json:"violations"`
}

type kindLine struct {
	Kind       string `json:"kind"`
	Violations int64  `json:"violations"`
}

// result prints what follows the violations.
func (p *auditPrinter) result(res *privacy.Result) error {
	doc := auditResult{
		Contract: res.Contract, Documents: res.Documents, Unreadable: res.Unreadable, Events: res.Events, Devices: res.Devices,
		Violations: res.Violations, Kinds: []kindLine{}, First: append([]violationLine{}, p.list...),
	}
	if res.Canaries > 0 {
		doc.Canaries = &canaryLine{res.Canaries, res.Found}
	}
	for _, f := range res.Findings {
		doc.Invariants = append(doc.Invariants, invariantLine{f.Invariant.String(), f.Invariant.Rule(), string(f.Coverage), f.Why, f.Violations})
	}
	for _, k := range res.Kinds {
		doc.Kinds = append(doc.Kinds, kindLine(k))
	}
	if !p.text {
		return printJSON(p.out, doc)
	}
	if hidden := p.printed - int64(p.limit); p.limit > 0 && hidden > 0 {
		fmt.Fprintf(p.out, "... and %s more; --limit 0 prints all\n", check.FormatCount(hidden))
	}
	if p.printed > 0 {
		p.out.WriteByte('\n')
	}
	fmt.Fprintf(p.out, "%s: %s in %s with %s of %s\n", res.Contract, plural(res.Violations, "violation", "violations"),
		plural(res.Documents, "document", "documents"), plural(res.Events, "event", "events"), plural(int64(res.Devices), "device", "devices"))
	if c := doc.Canaries; c != nil {
		fmt.Fprintf(p.out, "canaries: %s found of %s looked for\n", check.FormatCount(c.Found), check.FormatCount(int64(c.Hosts)))
	}
	p.out.WriteByte('\n')
	t := newTable(3, "RULE", "LOOKED AT", "WHAT", "VIOLATIONS")
	for _, l := range doc.Invariants {
		t.add(l.ID, l.Coverage, l.Rule, check.FormatCount(l.Violations))
	}
	t.print(p.out)
	if len(doc.Kinds) > 0 {
		p.out.WriteByte('\n')
		t = newTable(1, "KIND", "VIOLATIONS")
		for _, k := range doc.Kinds {
			t.add(k.Kind, check.FormatCount(k.Violations))
		}
		t.print(p.out)
	}
	p.out.WriteByte('\n')
	for _, l := range doc.Invariants {
		if l.Why != "" && l.Coverage != string(privacy.NotInForce) {
			fmt.Fprintf(p.out, "%s %s: %s\n", l.ID, l.Coverage, l.Why)
		}
	}
	return nil
}
