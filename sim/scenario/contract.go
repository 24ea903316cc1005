package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"drover/profiles"
	"drover/sim/event"
	"drover/sim/privacy"
)

const contractsFile = "privacy-catalogue.yaml"

// Contracts returns the names of the shipped contracts, in the order of their texts.
func Contracts() []string {
	cat, err := LoadPrivacyCatalogue(profiles.Files, contractsFile)
	if err != nil {
		panic("scenario: the contracts built into drover are damaged: " + err.Error())
	}
	return cat.Names()
}

// LoadContract returns a shipped contract by its name, or one from a file in the same format: FILE when the file has only
// one, else FILE#NAME. A name without folder and extension is a shipped one.
func LoadContract(name string) (*privacy.Contract, error) {
	path, id, _ := strings.Cut(name, "#")
	if !strings.ContainsAny(path, `/\.`) {
		cat, err := LoadPrivacyCatalogue(profiles.Files, contractsFile)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(cat.Names(), name) {
			return nil, fmt.Errorf("there is no contract %q; %s", name, didYouMean(name, cat.Names(), "name a file, or one of "+strings.Join(cat.Names(), ", ")))
		}
		return cat.Contract(name)
	}
	cat, err := LoadPrivacyCatalogue(oneFile{}, path)
	if err != nil {
		return nil, err
	}
	if id == "" && len(cat.Editions) > 1 {
		return nil, fmt.Errorf("%s has several contracts; write %s#NAME with one of %s", path, path, strings.Join(cat.Names(), ", "))
	}
	c, err := cat.Contract(id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// oneFile opens files by the path that a user gave, which need not be one of package fs.
type oneFile struct{}

func (oneFile) Open(name string) (fs.File, error) { return os.Open(name) }

// LoadPrivacyCatalogue reads the data types and contracts of one file of fsys.
func LoadPrivacyCatalogue(fsys fs.FS, name string) (*privacy.Catalogue, error) {
	var file struct {
		Version    int `yaml:"schema_version"`
		Profiles   []privacyEdition
		Items      []privacyItem
		Envelope   []privacyItem
		Conditions []any // for readers of the file, like all that follows
		OneOf      []any `yaml:"one_of"`
		Statements []any
		Settings   []any
		Effective  []any `yaml:"effective_privacy"`
		Invariants []any
		Open       []any `yaml:"open_points"`
	}
	if err := decodeFile(fsys, name, &file); err != nil {
		return nil, err
	}
	if file.Version != 1 {
		return nil, fmt.Errorf("%s: schema_version %d: want 1", name, file.Version)
	}
	if len(file.Profiles) == 0 || len(file.Items) == 0 {
		return nil, fmt.Errorf("%s: want profiles and items", name)
	}
	cat := new(privacy.Catalogue)
	for _, p := range file.Profiles {
		if p.ID == "" || p.Text == "" || slices.Contains(cat.Names(), p.ID) {
			return nil, fmt.Errorf("%s: profile %q: id or seed is missing, or the id is taken", name, p.ID)
		}
		cat.Editions = append(cat.Editions, privacy.Edition{Name: p.ID, Text: p.Text, Product: p.Product, Setting: p.Setting})
	}
	seen := map[string]bool{}
	for i := range file.Items {
		it, err := file.Items[i].item()
		if err == nil && seen[it.ID] {
			err = errors.New("the id is taken")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: item %q: %w", name, file.Items[i].ID, err)
		}
		seen[it.ID] = true
		cat.Items = append(cat.Items, it)
	}
	for i := range file.Envelope {
		f, err := file.Envelope[i].field()
		if err != nil {
			return nil, fmt.Errorf("%s: envelope: %q: %w", name, f.Name, err)
		}
		cat.Envelope = append(cat.Envelope, f)
	}
	for _, e := range cat.Editions {
		if _, err := cat.Contract(e.Name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return cat, nil
}

// privacyEdition is one contract as the file has it.
type privacyEdition struct {
	ID      string
	Text    string `yaml:"seed"`
	Product string
	Setting bool `yaml:"privacy_setting_exists"`
	Default bool // for readers of the file
}

// privacyItem is one data type as the file has it, or a place of the envelope.
type privacyItem struct {
	ID       string
	In       []string
	Category string
	When     []privacy.Condition
	Field    string
	Type     privacy.Form
	Values   []string
	Fields   map[string]any // a type, or the list of values of a text
	Event    string
	OneOf    string `yaml:"one_of"`
	Group    string // for readers of the file, like all that follows
	Text     string
	Diff     string
	Note     string
}

func (p *privacyItem) item() (privacy.Item, error) {
	f, err := p.field()
	it := privacy.Item{Field: f, ID: p.ID, In: p.In, Category: p.Category, When: p.When, Group: p.OneOf, Carried: p.Event != ""}
	if err != nil || !it.Carried {
		return it, err
	}
	var ok bool
	if it.Kind, ok = event.ParseKind(p.Event); !ok {
		return it, fmt.Errorf("there is no kind of event %q", p.Event)
	}
	return it, nil
}

func (p *privacyItem) field() (privacy.Field, error) {
	f := privacy.Field{Name: p.Field, Form: p.Type, Values: p.Values}
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		part := privacy.Field{Name: name, Form: privacy.Text}
		switch v := p.Fields[name].(type) {
		case string:
			part.Form = privacy.Form(v)
		case []any:
			for _, one := range v {
				part.Values = append(part.Values, fmt.Sprint(one))
			}
		default:
			return f, fmt.Errorf("fields: %s: want a type or a list of values", name)
		}
		f.Fields = append(f.Fields, part)
	}
	return f, nil
}
