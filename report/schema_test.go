package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"drover/sim/check"
)

// TestRunSchema: what is published is what Run is.
func TestRunSchema(t *testing.T) {
	got := makeSchema(t)
	if *update {
		if err := os.WriteFile("run.schema.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(string(RunSchema()), string(got)); d != "" {
		t.Errorf("run.schema.json (-want +got), run with -update if this is meant:\n%s", d)
	}
}

// TestRunSchemaOnlyGrows: against testdata/run-v1.schema.json, the schema as of the last release, fields have only been added.
// At a release it becomes a copy of run.schema.json; -update leaves it alone.
func TestRunSchemaOnlyGrows(t *testing.T) {
	src, err := os.ReadFile("testdata/run-v1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var released, now jsonschema.Schema
	if err := json.Unmarshal(src, &released); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(makeSchema(t), &now); err != nil {
		t.Fatal(err)
	}
	if released.Properties["schema"].Enum[0] != now.Properties["schema"].Enum[0] {
		t.Fatalf("this is another major version, %s: its schema has no released one before it", now.Properties["schema"].Enum)
	}
	for _, broken := range breaks("", &released, &now) {
		t.Errorf("%s; readers of %s rely on it: keep it, or make a new major version", broken, Schema)
	}

	// What a careless change would do is seen.
	for _, tt := range []struct {
		want   string
		change func(s *jsonschema.Schema)
	}{
		{"/totals/due has vanished", func(s *jsonschema.Schema) { delete(s.Properties["totals"].Properties, "due") }},
		{"/checks/0/got was string and is integer", func(s *jsonschema.Schema) { s.Properties["checks"].Items.Properties["got"].Type = "integer" }},
		{"/run_id was always there", func(s *jsonschema.Schema) {
			s.Required = slices.DeleteFunc(slices.Clone(s.Required), func(name string) bool { return name == "run_id" })
		}},
		{"/result has a value that was not there", func(s *jsonschema.Schema) {
			s.Properties["result"].Enum = append(s.Properties["result"].Enum, "perhaps")
		}},
		{"", func(s *jsonschema.Schema) {
			s.Properties["totals"].Properties["new"] = &jsonschema.Schema{Type: "string"}
		}},
	} {
		changed := released.CloneSchemas()
		tt.change(changed)
		got := strings.Join(breaks("", &released, changed), "; ")
		if got != tt.want && (tt.want == "" || !strings.HasPrefix(got, tt.want)) {
			t.Errorf("breaks = %q, want %q", got, tt.want)
		}
	}
}

// breaks names what a reader of one schema does not find in another.
func breaks(path string, was, is *jsonschema.Schema) (list []string) {
	if a, b := typesOf(was), typesOf(is); a != b {
		return []string{fmt.Sprintf("%s was %s and is %s", path, a, b)}
	}
	for _, v := range is.Enum {
		if was.Enum != nil && !slices.Contains(was.Enum, v) {
			list = append(list, fmt.Sprintf("%s has a value that was not there, %v", path, v))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was.Properties)) {
		if is.Properties[name] == nil {
			list = append(list, fmt.Sprintf("%s/%s has vanished", path, name))
			continue
		}
		if slices.Contains(was.Required, name) && !slices.Contains(is.Required, name) {
			list = append(list, fmt.Sprintf("%s/%s was always there", path, name))
		}
		list = append(list, breaks(path+"/"+name, was.Properties[name], is.Properties[name])...)
	}
	if was.Items != nil && is.Items != nil {
		list = append(list, breaks(path+"/0", was.Items, is.Items)...)
	}
	return list
}

func typesOf(s *jsonschema.Schema) string {
	if s.Type != "" {
		return s.Type
	}
	types := slices.Clone(s.Types)
	slices.Sort(types)
	return strings.Join(types, " or ")
}

// TestRunSchemaHolds: documents are what the schema says, and what is none is refused.
func TestRunSchemaHolds(t *testing.T) {
	var stall bytes.Buffer
	if err := JSON(&stall, stalled(t)); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/stalled.json")
	if err != nil {
		t.Fatal(err)
	}
	var empty bytes.Buffer
	if err := JSON(&empty, &Run{Result: check.Pass}); err != nil {
		t.Fatal(err)
	}
	validate := validator(t)
	for name, src := range map[string][]byte{"golden": golden, "stalled": stall.Bytes(), "empty": empty.Bytes()} {
		if err := validate(src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, tt := range []struct{ old, new string }{
		{`"schema": "drover.run/v1"`, `"schema": "drover.run/v2"`},
		{`"run_id":`, `"runid":`},
		{`"interrupted": false`, `"interrupted": "no"`},
		{`"cpus": 4`, `"cpus": 4.5`},
		{`"fleet": "`, `"fleet": "x`},
		{`"result": "fail"`, `"result": "failed"`},
		{`"checks": [`, `"checks": null, "x": [`},
	} {
		if !bytes.Contains(golden, []byte(tt.old)) {
			t.Fatalf("the golden document has no %s", tt.old)
		}
		if err := validate(bytes.Replace(golden, []byte(tt.old), []byte(tt.new), 1)); err == nil {
			t.Errorf("the schema accepts %s", tt.new)
		}
	}
	more := bytes.Replace(golden, []byte(`"run_id":`), []byte(`"later": {}, "run_id":`), 1)
	if err := validate(more); err != nil {
		t.Errorf("a field of a later version: %v", err)
	}
}

// validator holds documents to the published schema.
func validator(t *testing.T) func(src []byte) error {
	t.Helper()
	s := new(jsonschema.Schema)
	if src, err := os.ReadFile("run.schema.json"); err != nil { // with -update newer than the embedded one
		t.Fatal(err)
	} else if err := json.Unmarshal(src, s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(src []byte) error {
		var doc any
		if err := json.Unmarshal(src, &doc); err != nil {
			return err
		}
		return resolved.Validate(doc)
	}
}

// makeSchema makes the schema from the types, with the fields' comments as descriptions.
func makeSchema(t *testing.T) []byte {
	t.Helper()
	seed := &jsonschema.Schema{Type: "string", Pattern: `^[0-9]+$`}
	seeds := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}}
	for i := range reflect.TypeFor[Seeds]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Seeds]().Field(i).Tag.Get("json"), ",")
		seeds.Properties[name], seeds.Required = seed.CloneSchemas(), append(seeds.Required, name)
	}
	seeds.PropertyOrder = slices.Clone(seeds.Required)
	s, err := jsonschema.For[Run](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Seeds](): seeds,
		reflect.TypeFor[Cells](): {Type: "string", Pattern: `^([0-9]+:[0-9]+( [0-9]+:[0-9]+)*)?$`},
		reflect.TypeFor[check.Result](): {Type: "string",
			Enum: []any{string(check.Pass), string(check.Fail), string(check.Inconclusive), string(check.NotChecked)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Schema, s.Title = "https://json-schema.org/draft/2020-12/schema", "drover run, "+Schema
	comments(t).describe(s, reflect.TypeFor[Run]())
	s.Properties["schema"].Enum, s.Properties["schema"].Description = []any{Schema}, "the format and its major version"
	// The lists that fill makes empty are never null.
	var filled Run
	filled.fill()
	nonNull(s, reflect.ValueOf(filled))
	out, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// nonNull takes null from the lists that v has.
func nonNull(s *jsonschema.Schema, v reflect.Value) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if p := s.Properties[name]; p != nil {
			switch field := v.FieldByIndex(f.Index); field.Kind() {
			case reflect.Struct:
				nonNull(p, field)
			case reflect.Slice:
				if !field.IsNil() && p.Items != nil {
					p.Type, p.Types = "array", nil
				}
			}
		}
	}
}

// docs are the comments of the package's types and of their fields, "Type" and "Type.Field".
type docs map[string]string

func comments(t *testing.T) docs {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	d := docs{}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				typ, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				d[typ.Name.Name] = sentence(gen.Doc)
				if fields, ok := typ.Type.(*ast.StructType); ok {
					for _, f := range fields.Fields.List {
						for _, n := range f.Names {
							d[typ.Name.Name+"."+n.Name] = sentence(f.Comment)
							if f.Doc != nil {
								d[typ.Name.Name+"."+n.Name] = sentence(f.Doc)
							}
						}
					}
				}
			}
		}
	}
	return d
}

func sentence(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	return strings.Join(strings.Fields(c.Text()), " ")
}

// describe takes away what forbids later fields, and says what each field is.
func (d docs) describe(s *jsonschema.Schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
		if s.Items != nil {
			s = s.Items
		}
	}
	if t.Kind() != reflect.Struct || s.Properties == nil {
		return
	}
	s.AdditionalProperties = nil
	if s.Description == "" {
		s.Description = d[t.Name()]
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[name]
		if p == nil || f.Anonymous {
			continue
		}
		owner := t
		for _, i := range f.Index[:len(f.Index)-1] {
			owner = owner.Field(i).Type
		}
		p.Description = d[owner.Name()+"."+f.Name]
		d.describe(p, f.Type)
	}
}
