// Package privacy knows the contracts that telemetry is held to: which data types may be sent under which conditions, and
// the invariants that follow. Its Auditor holds a stream of native documents to one of them. It does not know where documents
// come from, what was planted, or YAML: package scenario builds a Catalogue from a file.
//
// Source of the shipped contracts: profiles/privacy-catalogue.yaml, which names the texts.
package privacy

import (
	"fmt"
	"slices"
	"strings"

	"drover/sim/event"
)

// Form is how a value looks.
type Form string

const (
	Text      Form = "string"
	Host      Form = "host"      // name of a host, and nothing more of a URL
	GUID      Form = "guid"      // 36 lower-case digits and hyphens
	MAC       Form = "mac"       // e.g. a4:83:e7:00:00:01
	IP        Form = "ip"        // IPv4 or IPv6
	Email     Form = "email"     // something@something
	Timestamp Form = "timestamp" // RFC 3339
	Count     Form = "count"     // a whole number from 0
	Number    Form = "number"
	Bool      Form = "bool"
	Object    Form = "object"    // has Fields
	IPS       Form = "ips"       // a crash report; has Fields
	Report    Form = "report"    // a crash report file of iOS as a text, inside an IPS
	MetricKit Form = "metrickit" // a payload of MetricKit as a text, inside an IPS
	Action    Form = "event"     // one of event.Actions
	Map       Form = "map"       // names of the sender's own to plain values
	List      Form = "list"      // of texts
)

// Forms returns all forms.
func Forms() []Form { return slices.Clone(forms) }

var forms = []Form{Text, Host, GUID, MAC, IP, Email, Timestamp, Count, Number, Bool, Object, IPS, Report, MetricKit, Action, Map, List}

// Condition is what must hold for an item to be sent.
type Condition string

const (
	Always        Condition = "always"
	Malicious     Condition = "malicious_detected"      // the record's own verdict is malicious
	PrivacyOff    Condition = "privacy_off"             // effective privacy; see fleet.EffectivePrivacy
	DefenderOnly  Condition = "defender_app_only"       // concerns the Defender app, no other
	OptionalOn    Condition = "optional_diagnostics_on" // the user allows optional diagnostic data
	FeedbackGiven Condition = "user_submits_feedback"
	ValueGiven    Condition = "user_gives_value" // so an empty value is none
)

var conditions = []Condition{Always, Malicious, PrivacyOff, DefenderOnly, OptionalOn, FeedbackGiven, ValueGiven}

// Conditions returns the names of all conditions.
func Conditions() (names []string) {
	for _, c := range conditions {
		names = append(names, string(c))
	}
	return names
}

// The categories of data in the texts.
const (
	Required   = "required"
	Diagnostic = "optional_diagnostic"
	Given      = "feedback"
)

// Categories returns the names of all categories.
func Categories() []string { return []string{Required, Diagnostic, Given} }

// ItemError is a mistake of one item of a catalogue.
type ItemError struct {
	ID  string // of the item
	Err error
}

// Error returns e.g. `item "badge": it has no condition`.
func (e *ItemError) Error() string { return fmt.Sprintf("item %q: %v", e.ID, e.Err) }

// Unwrap returns the mistake.
func (e *ItemError) Unwrap() error { return e.Err }

// Field is one place of a document: of an item, of the envelope, or of an object inside of one.
type Field struct {
	Name   string // path with dots; inside an object a plain name
	Form   Form
	Values []string // the only values of a text, or of the texts of a List; none: any
	Fields []Field  // of an Object or IPS; of a Map the only names, where there are any
}

// Item is one data type of a catalogue.
type Item struct {
	Field                // Name is as in the catalogue, e.g. "web.domain"
	ID       string      // e.g. "web.domain_name"
	In       []string    // texts that name it
	Category string      // Required, Diagnostic or Given
	When     []Condition // all must hold
	Group    string      // "" or the name of a group of which a device has exactly one
	Carried  bool        // Kind says which kind of event carries it; else every upload does
	Kind     event.Kind
}

// Needs reports whether c is among the conditions of the item.
func (it *Item) Needs(c Condition) bool { return slices.Contains(it.When, c) }

// Edition is one contract of a catalogue.
type Edition struct {
	Name    string // e.g. "mde"
	Text    string // the letter by which items name it
	Product string
	Setting bool // the product has the privacy setting
}

// Catalogue is the data types of one or more contracts.
type Catalogue struct {
	Editions []Edition
	Items    []Item
	Envelope []Field // what native documents have besides; names are places there
}

// Contract is one edition of a catalogue. It is not changed after it was made and safe for concurrent use.
type Contract struct {
	Edition
	Items []Item // of this edition, in the order of the catalogue

	root  *node
	items []Item                 // of all editions; node.item is an index
	local []bool                 // whether items[i] is of this edition
	about [event.NumKinds]uint64 // bit i: events of the kind carry items[i], which is of this edition
}

// maxItems is how many items a catalogue may have: the auditor keeps the items of an event in a word.
const maxItems = 64

// Names returns the names of the contracts in order.
func (c *Catalogue) Names() []string {
	var names []string
	for _, e := range c.Editions {
		names = append(names, e.Name)
	}
	return names
}

// Contract makes the contract with a name; "" is the only one. Its error says which item is wrong, or which contracts exist.
func (c *Catalogue) Contract(name string) (*Contract, error) {
	if name == "" && len(c.Editions) == 1 {
		name = c.Editions[0].Name
	}
	i := slices.IndexFunc(c.Editions, func(e Edition) bool { return e.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no contract %q; want one of %s", name, strings.Join(c.Names(), ", "))
	}
	if len(c.Items) > maxItems {
		return nil, fmt.Errorf("%d items are too many; want at most %d", len(c.Items), maxItems)
	}
	out := &Contract{Edition: c.Editions[i], items: c.Items, local: make([]bool, len(c.Items)), root: newRoot()}
	for n := range c.Envelope {
		if err := out.root.add(c.Envelope[n].Name, &c.Envelope[n], noItem); err != nil {
			return nil, err
		}
	}
	for n := range c.Items {
		it := &c.Items[n]
		if err := it.check(); err != nil {
			return nil, &ItemError{it.ID, err}
		}
		if err := out.root.add(place(it.Name), &it.Field, n); err != nil {
			return nil, &ItemError{it.ID, err}
		}
		if out.local[n] = slices.Contains(it.In, out.Text); out.local[n] {
			out.Items = append(out.Items, *it)
			if it.Carried {
				out.about[it.Kind] |= 1 << n
			}
		}
	}
	return out, nil
}

// Has reports whether a field is one of the contract's, by its name in the catalogue.
func (c *Contract) Has(field string) bool {
	return slices.ContainsFunc(c.Items, func(it Item) bool { return it.Name == field })
}

func (it *Item) check() error {
	switch {
	case it.ID == "" || it.Name == "":
		return fmt.Errorf("id or field is missing")
	case len(it.When) == 0:
		return fmt.Errorf("it has no condition; want at least %s", Always)
	case !slices.Contains(Categories(), it.Category):
		return fmt.Errorf("category %q: want %s", it.Category, strings.Join(Categories(), ", "))
	}
	for _, c := range it.When {
		if !slices.Contains(conditions, c) {
			return fmt.Errorf("there is no condition %q", c)
		}
	}
	return nil
}

// Place is where native documents have the item, e.g. "events[].web.domain".
func (it *Item) Place() string { return place(it.Name) }

// place is where a native document has a field of the catalogue: the device, the account and the app's package belong to
// the upload, all else to an event.
func place(field string) string {
	top, _, _ := strings.Cut(field, ".")
	switch {
	case field == "device.time":
		return "events[].time"
	case top == "device" || top == "account" || field == "app.name" || field == "app.version":
		return field
	}
	return "events[]." + field
}
