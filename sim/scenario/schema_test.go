package scenario

import (
	"encoding/json"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"gopkg.in/yaml.v3"

	"drover/scenarios"
)

// TestShippedAgainstSchema: an editor that has the schema accepts what ships, and what the loader writes.
func TestShippedAgainstSchema(t *testing.T) {
	validate := schema(t)
	for _, name := range Shipped() {
		src, err := fs.ReadFile(scenarios.Files, name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		sc := mustParse(t, string(src), Options{})
		if sc.Name != name || sc.Description == "" {
			t.Errorf("%s: is named %q and described %q, want its file's name and a description", name, sc.Name, sc.Description)
		}
		if err := validate(sc.Resolved); err != nil {
			t.Errorf("%s resolved: %v", name, err)
		}
	}
	everything, err := os.ReadFile("testdata/ok/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(everything); err != nil {
		t.Errorf("everything: %v", err)
	}
	for _, broken := range []string{"for: 10", "for: 10s, rate: 5", "for: 10s, rats: 5/s", "for: 10s, do: nothing", "name: Day"} {
		src := strings.Replace(minimal, "for: 10s", broken, 1)
		if err := validate([]byte(src)); err == nil {
			t.Errorf("the schema accepts %q", broken)
		}
	}
}

// schema returns a validator of YAML documents.
func schema(t *testing.T) func(src []byte) error {
	t.Helper()
	s := new(jsonschema.Schema)
	if err := json.Unmarshal(Schema(), s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		t.Fatal(err)
	}
	return func(src []byte) error {
		doc := new(yaml.Node)
		if err := yaml.Unmarshal(src, doc); err != nil {
			return err
		}
		return resolved.Validate(asJSON(t, doc.Content[0]))
	}
}

// asJSON is a document as an editor sees it: keys are texts.
func asJSON(t *testing.T, n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return asJSON(t, n.Alias)
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = asJSON(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, asJSON(t, item))
		}
		return list
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if at, ok := v.(time.Time); ok {
		return at.Format(time.RFC3339)
	}
	return v
}

// TestSchemaIsStable: the schema is part of the interface; a change is seen in review.
func TestSchemaIsStable(t *testing.T) { golden(t, "testdata/schema.json", Schema()) }

// TestReference: the reference names every field of the format, with its meaning.
func TestReference(t *testing.T) {
	ref := Reference()
	golden(t, "testdata/reference.md", []byte(ref))
	var names func(rt reflect.Type) []string
	names = func(rt reflect.Type) (all []string) {
		for rt.Kind() == reflect.Pointer || rt.Kind() == reflect.Slice || rt.Kind() == reflect.Map {
			rt = rt.Elem()
		}
		if rt.Kind() != reflect.Struct {
			return nil
		}
		for _, f := range fieldsOf(rt) {
			if f.tag.Get("jsonschema") == "" {
				t.Errorf("%v.%s has no meaning", rt, f.name)
			}
			all = append(append(all, f.name), names(f.typ)...)
		}
		return all
	}
	for _, name := range append(names(reflect.TypeFor[rawFile]()), "amplitude", "steps") {
		if name != "spec" && !strings.Contains(ref, "."+name+"`") && !strings.Contains(ref, "`"+name+"`") && !strings.Contains(ref, name+"[]`") && !strings.Contains(ref, name+".*`") {
			t.Errorf("the reference has no %q", name)
		}
	}
}
