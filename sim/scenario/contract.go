package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"drover/profiles"
	"drover/sim/event"
	"drover/sim/privacy"
)

const contractsFile = "privacy-catalogue.yaml"

// shippedContracts reads the contracts that are part of the binary.
var shippedContracts = sync.OnceValues(func() (*contracts, error) { return readContracts(profiles.Files, contractsFile) })

// Contracts returns the names of the shipped contracts, in the order of their texts.
func Contracts() []string {
	shipped, err := shippedContracts()
	if err != nil {
		panic("scenario: the contracts built into drover are damaged: " + err.Error()) // embedded, and every one is loaded in a test
	}
	return shipped.cat.Names()
}

// LoadContract returns a shipped contract by its name, or one from a file in the same format: FILE when the file has only
// one, else FILE#NAME. A name without folder and extension is a shipped one. Mistakes in the file come back as Errors.
func LoadContract(name string) (*privacy.Contract, error) {
	all, id, err := openContracts(name)
	if err != nil {
		return nil, err
	}
	return all.pick(name, id)
}

// openContracts returns the contracts among which name is, and what it is called there.
func openContracts(name string) (all *contracts, id string, err error) {
	path, id, _ := strings.Cut(name, "#")
	if isPath(path) {
		all, err = readContracts(oneFile{}, path)
		return all, id, err
	}
	if all, err = shippedContracts(); err != nil {
		return nil, "", err
	}
	if names := all.cat.Names(); !slices.Contains(names, name) {
		return nil, "", fmt.Errorf("there is no contract %q; %s", clip(name), didYouMean(name, names, "name a file, or one of "+strings.Join(names, ", ")))
	}
	return all, name, nil
}

// isPath tells a path from the name of something shipped, which has neither folder nor extension.
func isPath(name string) bool { return strings.ContainsAny(name, `/\.`) }

// oneFile opens files by the path that a user gave, which need not be one of package fs. Only a regular file is opened: a
// pipe would wait for ever, and a device never ends.
type oneFile struct{}

func (oneFile) Open(name string) (fs.File, error) {
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("want a file")}
	}
	return os.Open(name)
}

// contracts are those of one file, with where its items are.
type contracts struct {
	cat   *privacy.Catalogue
	file  string
	src   []byte
	items map[string]*yaml.Node // by id
	made  map[string]*privacy.Contract
}

// pick returns one contract; "" is the only one. given is what the user called it.
func (c *contracts) pick(given, id string) (*privacy.Contract, error) {
	names := c.cat.Names()
	switch {
	case id == "" && len(names) > 1:
		return nil, fmt.Errorf("%s has several contracts; write %s#NAME with one of %s", given, given, strings.Join(names, ", "))
	case id == "":
		id = names[0]
	case c.made[id] == nil:
		return nil, fmt.Errorf("%s has no contract %q; %s", c.file, clip(id), didYouMean(id, names, oneOf(names)))
	}
	return c.made[id], nil
}

// LoadPrivacyCatalogue reads the data types and contracts of one file of fsys. Mistakes in it come back as Errors.
func LoadPrivacyCatalogue(fsys fs.FS, name string) (*privacy.Catalogue, error) {
	c, err := readContracts(fsys, name)
	if err != nil {
		return nil, err
	}
	return c.cat, nil
}

func readContracts(fsys fs.FS, name string) (*contracts, error) {
	src, err := readSmall(fsys, name)
	if err != nil {
		return nil, err
	}
	d, root := begin(name, src, "")
	if root == nil {
		return nil, d.err()
	}
	var file rawContracts
	d.document(root, &file, "")
	c := contractReader{decoder: d, out: &contracts{
		cat: new(privacy.Catalogue), file: name, src: src, items: map[string]*yaml.Node{}, made: map[string]*privacy.Contract{},
	}}
	c.read(&file)
	if err := d.err(); err != nil {
		return nil, err
	}
	return c.out, nil
}

// The format of a file of contracts; its tags are those of format.go. What is read as anything is for readers of the file.
type rawContracts struct {
	Version    int          `json:"schema_version" range:"1..1" example:"1" jsonschema:"version of this format"`
	Profiles   []rawEdition `json:"profiles" jsonschema:"the contracts"`
	Items      []rawItem    `json:"items" jsonschema:"the data types"`
	Envelope   []rawItem    `json:"envelope,omitempty"`
	Conditions anything     `json:"conditions,omitempty"`
	OneOf      anything     `json:"one_of,omitempty"`
	Statements anything     `json:"statements,omitempty"`
	Settings   anything     `json:"settings,omitempty"`
	Effective  anything     `json:"effective_privacy,omitempty"`
	Invariants anything     `json:"invariants,omitempty"`
	Open       anything     `json:"open_points,omitempty"`
}

// rawEdition is one contract.
type rawEdition struct {
	ID      string   `json:"id" example:"ours" jsonschema:"name of the contract"`
	Text    string   `json:"seed" example:"X" jsonschema:"the letter by which items name it"`
	Product string   `json:"product,omitempty"`
	Setting bool     `json:"privacy_setting_exists,omitempty"`
	Default anything `json:"default,omitempty"`
}

// rawItem is one data type, or a place of the envelope, which has a field and a type only.
type rawItem struct {
	ID       string     `json:"id,omitempty"`
	In       []string   `json:"in,omitempty"`
	Category string     `json:"category,omitempty"`
	When     []string   `json:"when,omitempty"`
	Field    string     `json:"field" example:"device.cpu" jsonschema:"its name, with dots"`
	Type     string     `json:"type" example:"string" jsonschema:"how a value looks"`
	Values   []string   `json:"values,omitempty"`
	Fields   rawMembers `json:"fields,omitempty"`
	Event    string     `json:"event,omitempty"`
	OneOf    string     `json:"one_of,omitempty"`
	Group    anything   `json:"group,omitempty"`
	Text     anything   `json:"text,omitempty"`
	Diff     anything   `json:"diff,omitempty"`
	Note     anything   `json:"note,omitempty"`
}

// anything takes any value.
type anything struct{}

func (*anything) decode(*decoder, *yaml.Node, string, reflect.StructTag) bool { return true }

// rawMembers are the members of an object: a type each, or the list of values of a text.
type rawMembers map[string]privacy.Field

func (m *rawMembers) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "write it as {name: type, ...}", "%s: want a mapping, not %s", path, show(n))
		return false
	}
	*m = rawMembers{}
	ok := true
	for k, v := range members(n) {
		part := privacy.Field{Name: k.Value, Form: privacy.Text}
		switch v.Kind {
		case yaml.SequenceNode:
			var values []string
			d.value(v, reflect.ValueOf(&values).Elem(), path+"."+clip(k.Value), "")
			part.Values, ok = values, ok && !d.bad[&values]
		case yaml.ScalarNode:
			part.Form = privacy.Form(v.Value)
			ok = d.form(v, path+"."+clip(k.Value), v.Value) && ok
		default:
			d.errorf(v, "", "%s.%s: want a type or a list of values, not %s", path, clip(k.Value), show(v))
			ok = false
		}
		(*m)[k.Value] = part
	}
	return ok
}

// form checks the name of a type.
func (d *decoder) form(n *yaml.Node, path, name string) bool {
	var names []string
	for _, f := range privacy.Forms() {
		names = append(names, string(f))
	}
	if slices.Contains(names, name) {
		return true
	}
	d.errorf(n, didYouMean(name, names, oneOf(names)), "%s: there is no type %q", path, clip(name))
	return false
}

// contractReader makes contracts of what a file has.
type contractReader struct {
	*decoder
	out *contracts
}

func (c *contractReader) read(file *rawContracts) {
	if c.good(file) && (len(file.Profiles) == 0 || len(file.Items) == 0) {
		c.errorf(c.at(&file.Profiles), "add one", "want at least one profile and one item")
	}
	for i := range file.Profiles {
		p := &file.Profiles[i]
		if slices.Contains(c.out.cat.Names(), p.ID) && c.good(&p.ID) {
			c.errorf(c.at(&p.ID), "give each a name of its own", "profiles: the id %q is taken", clip(p.ID))
		}
		c.out.cat.Editions = append(c.out.cat.Editions, privacy.Edition{Name: p.ID, Text: p.Text, Product: p.Product, Setting: p.Setting})
	}
	for i := range file.Items {
		c.item(file, &file.Items[i], i)
	}
	for i := range file.Envelope {
		p := &file.Envelope[i]
		c.out.cat.Envelope = append(c.out.cat.Envelope, c.field(p, fmt.Sprintf("envelope[%s]", p.Field)))
	}
	if len(c.errs) > 0 {
		return
	}
	for _, e := range c.out.cat.Editions {
		made, err := c.out.cat.Contract(e.Name)
		if err != nil {
			at := c.at(&file.Items)
			if bad := (*privacy.ItemError)(nil); errors.As(err, &bad) && c.out.items[bad.ID] != nil {
				at = c.out.items[bad.ID]
			}
			c.errorf(at, "", "%v", err)
			return
		}
		c.out.made[e.Name] = made
	}
}

// item checks one data type.
func (c *contractReader) item(file *rawContracts, p *rawItem, n int) {
	path := fmt.Sprintf("items[%d]", n+1)
	if p.ID != "" {
		path = fmt.Sprintf("items[%s]", clip(p.ID))
	}
	it := privacy.Item{Field: c.field(p, path), ID: p.ID, In: p.In, Category: p.Category, Group: p.OneOf, Carried: p.Event != ""}
	if c.out.items[p.ID] != nil {
		c.errorf(c.at(&p.ID, p), "give each item an id of its own", "%s: the id is taken", path)
	}
	c.out.items[p.ID] = c.at(p)
	if !c.good(p) {
		return
	}
	for _, need := range []struct {
		ptr  any
		name string
		none bool
	}{{&p.ID, "id", p.ID == ""}, {&p.In, "in", len(p.In) == 0}, {&p.Category, "category", p.Category == ""}, {&p.When, "when", len(p.When) == 0}} {
		if need.none {
			c.errorf(c.at(need.ptr, p), "add it", "%s has no %q", path, need.name)
		}
	}
	for _, text := range p.In {
		if !slices.ContainsFunc(file.Profiles, func(e rawEdition) bool { return e.Text == text }) {
			c.errorf(c.at(&p.In), "want the seed of a profile", "%s.in: no profile has the seed %q", path, clip(text))
		}
	}
	if kinds := privacy.Categories(); p.Category != "" && !slices.Contains(kinds, p.Category) {
		c.errorf(c.at(&p.Category), didYouMean(p.Category, kinds, oneOf(kinds)), "%s.category: there is no %q", path, clip(p.Category))
	}
	conditions := privacy.Conditions()
	for _, w := range p.When {
		if !slices.Contains(conditions, w) {
			c.errorf(c.at(&p.When), didYouMean(w, conditions, oneOf(conditions)), "%s.when: there is no condition %q", path, clip(w))
		}
		it.When = append(it.When, privacy.Condition(w))
	}
	if it.Carried {
		var ok bool
		if it.Kind, ok = event.ParseKind(p.Event); !ok {
			var names []string
			for _, k := range event.Kinds() {
				names = append(names, k.String())
			}
			c.errorf(c.at(&p.Event), didYouMean(p.Event, names, oneOf(names)), "%s.event: there is no kind of event %q", path, clip(p.Event))
		}
	}
	c.out.cat.Items = append(c.out.cat.Items, it)
}

// field checks the place and the form of an item.
func (c *contractReader) field(p *rawItem, path string) privacy.Field {
	f := privacy.Field{Name: p.Field, Form: privacy.Form(p.Type), Values: p.Values}
	if c.good(&p.Type) && c.written(&p.Type) {
		c.form(c.at(&p.Type), path+".type", p.Type)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		f.Fields = append(f.Fields, p.Fields[name])
	}
	return f
}
