package main

import (
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"drover/sim/wire"
)

// foreignFormats are the names of all formats but drover's own.
func foreignFormats() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(wire.Formats)), func(name string) bool { return name == wire.Native.Name })
}

func newFormats() *cobra.Command {
	return &cobra.Command{
		Use:   "formats [NAME]",
		Short: "List the formats that events are written in, or print the table of one",
		Long:  formatsPage,
		Example: `  drover formats
  drover formats ocsf
  drover events smoke --format ocsf --kind web.threat --limit 1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(cmd, "want at most one format, got %d", len(args))
			}
			if len(args) == 1 && wire.Formats[args[0]] == nil {
				return usage(cmd, "there is no format %s; want %s", args[0], orList(slices.Sorted(maps.Keys(wire.Formats))))
			}
			if len(args) == 1 && wire.TableOf(args[0]) == nil {
				return usage(cmd, "%s has no table: it is drover's own document, or one around it", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			if len(args) == 1 {
				fmt.Fprintln(w, "KIND\tPLACE\tVALUE")
				for _, m := range wire.TableOf(args[0]) {
					kind := m.Kind
					if kind == "" {
						kind = "(all)"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\n", kind, m.Place, m.Value)
				}
				return w.Flush()
			}
			for _, f := range formatList {
				fmt.Fprintf(w, "%s\t%s\n", f.name, f.what)
			}
			return w.Flush()
		},
	}
}

// formatList is what each format is; a test holds it complete.
var formatList = []struct{ name, what string }{
	{"native", "drover's own JSON: the device once, then its events"},
	{"cloudevents", "a CloudEvent 1.0 in structured mode; a request carries one"},
	{"cloudevents-batch", "a JSON list of CloudEvents, of one upload"},
	{"ocsf", "events of OCSF 1.8.0, one to a line"},
	{"ecs", "documents of the Elastic Common Schema 9.4, one to a line"},
	{"otlp", "an export request of OpenTelemetry logs in protobuf"},
	{"otlp-json", "the same in JSON"},
	{"mde", "rows of Defender XDR's advanced-hunting tables, in the message of its streaming API"},
}

// formatsPage is "drover help formats".
const formatsPage = `target.format says how events are written where the adapter leaves that open: in its whole body (body: format, as drover's own
adapter has it), or in the place of ${event.doc}. "drover events NAME --format FORMAT" prints uploads, and "drover audit" reads them.
formats lists them; with a name it prints the table of one: each place in its documents, and what stands there.

  native             drover's own JSON, which backends of drover's API speak; the only one without target.format
  cloudevents        a CloudEvent (1.0, structured mode); its data is the native document of the one event. A request carries one
  cloudevents-batch  a JSON list of them, of one upload
  ocsf               Open Cybersecurity Schema Framework 1.8.0, NDJSON: Device Inventory Info 5001, Software Inventory Info 5020,
                     Detection Finding 2004 (profile security_control), Application Error 6008, else Base Event 0
  ecs                Elastic Common Schema 9.4, NDJSON
  otlp               an export request of OpenTelemetry logs in protobuf, semantic conventions 1.44: the device is the
                     resource, each event a record with an event name. The table has a record with its resource as one document,
                     attributes as members
  otlp-json          the same in JSON
  mde                {"records": [...]} of Defender XDR's streaming API: rows of DeviceInfo (enrolments, heartbeats) and DeviceEvents,
                     with all their columns; null is what is not known or withheld. What ActionType iOS devices emit is not
                     public: an alert has SmartScreen's, all else its native kind

Every format says the same: what the contract and the device's settings let it send, and no more. A place is left out where its
field has no value: so privacy takes the site out of an alert, with all that follows from it. What a format has no field for stands
by its native name in the place that the format has for that: unmapped in OCSF, defender in ECS, AdditionalFields in MDE, a text with a document in it; attributes
that begin with defender in OTLP. In all formats but native and OTLP
an event says by itself whose it is, as the device was when the event happened; these say it once for an upload, as the device is then.

A table is read both ways. An audit, the embedded backend and a settlement read a document back into the native one by it, and refuse
a document that has a place more than the table, or one where something else stands than follows from the others.

In a table, $name is a field of the native format; $name|form is the field as the format writes it (unixms: milliseconds since
1970; severity: 1 to 4 by risk; guid, mac: if it is one), $name|=value what stands there if the field has a value, and
after "or" comes what stands there if it has none. name[] is a list of one element, name~ a text with a document in it.
$run.id is the run's, where the backend is not told it in a header.

drover's own API ("drover serve", url: embedded) takes them all: the header X-Drover-Format names the format, and what is stored
and shown is the native document. A read-back by http with the field event reads it in the target's format, too.`
